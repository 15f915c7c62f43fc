"""Signing requests to S3 (AWS Signature Version 4), and nothing else.

S3 encodes the path once: the path that is signed is the path that is sent, byte for byte.
"""

import functools
import hashlib
import hmac
import time
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from engine.settings import Secret

UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_ALGORITHM = "AWS4-HMAC-SHA256"
_SIGNED = frozenset({"host", "content-md5", "content-type", "range"})
_SAFE = "-._~"
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who signs. The session token is empty for long-lived keys."""

    access_key: str
    secret_key: Secret
    session_token: Secret = Secret()


class Signer:
    """Signs for one region; the derived key of the day is kept."""

    def __init__(self, region: str, service: str = "s3") -> None:
        self.region = region
        self._service = service
        self._derived: tuple[tuple[str, str], _Key] | None = None
        self._stamp = (0, "")  # this second, and how it is written

    def sign(
        self,
        credentials: Credentials,
        method: str,
        host: str,
        path: str,
        query: Iterable[tuple[str, str]],
        headers: Mapping[str, str],
        payload_sha256: str,
        *,
        now: datetime | None = None,
    ) -> dict[str, str]:
        """All headers to send: those given, plus host, date, payload hash and signature.

        `path` is already percent-encoded, `query` holds plain names and values, `host` is what
        the Host header says. `payload_sha256` is hex, or `UNSIGNED`.
        """
        stamp = self._now() if now is None else now.strftime(_STAMP)
        sent = {
            **headers,
            "Host": host,
            "x-amz-date": stamp,
            "x-amz-content-sha256": payload_sha256,
        }
        if credentials.session_token:
            sent["x-amz-security-token"] = credentials.session_token.reveal()
        form, values, names = _form(tuple(sent))
        lines = form % values(sent)
        if "  " in lines or "\t" in lines or ": " in lines or " \n" in lines:
            lines = form % tuple([" ".join(value.split()) for value in values(sent)])
        asked = canonical_query(query)
        canonical = f"{method}\n{path}\n{asked}\n{lines}\n{names}\n{payload_sha256}"
        scope = f"{stamp[:8]}/{self.region}/{self._service}/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}"
        signature = self._key(credentials, stamp[:8]).sign(text)
        sent["Authorization"] = (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )
        return sent

    def _now(self) -> str:
        second = int(time.time())
        if self._stamp[0] != second:
            self._stamp = (second, datetime.fromtimestamp(second, UTC).strftime(_STAMP))
        return self._stamp[1]

    def _key(self, credentials: Credentials, day: str) -> "_Key":
        secret = credentials.secret_key.reveal()
        if self._derived is None or self._derived[0] != (day, secret):
            key = f"AWS4{secret}".encode()
            for part in (day, self.region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._derived = ((day, secret), _Key(key))
        return self._derived[1]


class _Key:
    """A key of HMAC-SHA-256 with its two blocks hashed already.

    `hmac.digest` gives the interpreter's lock away on every call, and another thread takes it.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        padded = key.ljust(64, b"\0")  # the block of SHA-256; the keys here have 32 bytes
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def sign(self, text: str) -> str:
        """The signature, in hex."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text.encode())
        outer.update(inner.digest())
        return outer.hexdigest()


@functools.lru_cache(maxsize=1024)
def _form(names: tuple[str, ...]) -> tuple[str, Callable[[Mapping[str, str]], Any], str]:
    """For headers of these names: the signed lines to be filled in, what picks their values, and
    the list of the names that are signed."""
    signed = sorted((lower, name) for name in names if (lower := _signed_name(name)))
    lines = "".join(f"{lower.replace('%', '%%')}:%s\n" for lower, _ in signed)
    return lines, itemgetter(*(name for _, name in signed)), ";".join(name for name, _ in signed)


def _signed_name(name: str) -> str:
    """How a header's name is signed, "" if it is not."""
    lower = name.lower()
    return lower if lower in _SIGNED or lower.startswith("x-amz-") else ""


@functools.lru_cache(maxsize=1024)
def encode_key(key: str) -> str:
    """An object key as S3 wants it in a path: everything but unreserved characters and `/`."""
    return urllib.parse.quote(key, safe=f"/{_SAFE}")


def canonical_query(query: Iterable[tuple[str, str]]) -> str:
    """The query string, encoded and in the order that is signed (and sent)."""
    if not query:
        return ""
    encoded = [
        (urllib.parse.quote(name, safe=_SAFE), urllib.parse.quote(value, safe=_SAFE))
        for name, value in query
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))
