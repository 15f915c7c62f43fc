"""Signatures are those that botocore would make."""

from datetime import UTC, datetime

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from engine.settings import Secret
from engine.stores.sigv4 import (
    EMPTY_SHA256,
    UNSIGNED,
    Credentials,
    Signer,
    canonical_query,
    encode_key,
)
from tests.conformance.test_keys import HOSTILE

NOW = datetime(2026, 11, 21, 12, 34, 56, tzinfo=UTC)
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEYS = [key for key in HOSTILE if key and "\udc80" not in key]


def authorization(
    key: str,
    *,
    method: str = "GET",
    query: tuple[tuple[str, str], ...] = (),
    headers: dict[str, str] | None = None,
    payload: str = EMPTY_SHA256,
    token: str = "",
) -> tuple[str, str]:
    """The Authorization header by us and by botocore."""
    host, path = "s3.eu-west-1.amazonaws.com", f"/bucket/{encode_key(key)}"
    ours = Signer("eu-west-1").sign(
        Credentials("AKIDEXAMPLE", Secret(SECRET), Secret(token)),
        method,
        host,
        path,
        query,
        headers or {},
        payload,
        now=NOW,
    )
    text = canonical_query(query)
    request = AWSRequest(method, f"https://{host}{path}{'?' + text if text else ''}")
    for name, value in ours.items():
        if name not in ("Authorization", "Host"):
            request.headers[name] = value
    request.context["timestamp"] = NOW.strftime("%Y%m%dT%H%M%SZ")
    request.context["payload_signing_enabled"] = payload != UNSIGNED
    auth = S3SigV4Auth(BotoCredentials("AKIDEXAMPLE", SECRET, token or None), "s3", "eu-west-1")
    canonical = auth.canonical_request(request)
    signature = auth.signature(auth.string_to_sign(request, canonical), request)
    auth._inject_signature_to_request(request, signature)
    return ours["Authorization"], request.headers["Authorization"]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: ascii(key)[:24])
def test_hostile_keys(key: str) -> None:
    ours, theirs = authorization(key)
    assert ours == theirs


def test_query_headers_token_and_payload() -> None:
    ours, theirs = authorization(
        "a key",
        method="PUT",
        query=(("partNumber", "2"), ("uploadId", "x/y+z=~ é"), ("tagging", "")),
        headers={
            "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg==",
            "Content-Type": "text/plain;  charset=utf-8",
            "x-amz-meta-name": "=?UTF-8?B?4pyT?=",
            "x-amz-tagging": "a=b%20c",
        },
        payload="ab" * 32,
        token="session-token",
    )
    assert ours == theirs


def test_an_unsigned_payload() -> None:
    ours, theirs = authorization("key", method="PUT", payload=UNSIGNED)
    assert ours == theirs


@given(
    key=st.text(st.characters(codec="utf-8"), min_size=1, max_size=40),
    query=st.lists(st.tuples(st.text(st.characters(codec="utf-8"), min_size=1), st.text())),
)
def test_any_key_and_query(key: str, query: list[tuple[str, str]]) -> None:
    pairs = tuple((name, value.encode(errors="replace").decode()) for name, value in query)
    ours, theirs = authorization(key, query=pairs)
    assert ours == theirs


def test_the_derived_key_follows_day_and_secret() -> None:
    signer = Signer("eu-west-1")

    def sign(secret: str, day: int) -> str:
        now = NOW.replace(day=day)
        who = Credentials("AKID", Secret(secret))
        return signer.sign(who, "GET", "h", "/", [], {}, EMPTY_SHA256, now=now)["Authorization"]

    first = sign("one", 1)
    assert sign("two", 1) != first
    assert sign("one", 2) != first
    assert sign("one", 1) == first


def test_secrets_do_not_show() -> None:
    shown = repr(Credentials("AKID", Secret("hidden-secret"), Secret("hidden-token")))
    assert "hidden" not in shown
