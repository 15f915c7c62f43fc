"""Signatures of Azure Storage: the strings that are signed, as the vendor documents them."""

import base64
import hashlib
import hmac
import urllib.parse
from datetime import UTC, datetime

from engine.settings import Secret
from engine.stores.azure_sign import (
    VERSION,
    encode_path,
    http_date,
    read_grant,
    signature,
    string_to_sign,
)

KEY = Secret(base64.b64encode(b"a key of an account").decode())
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def test_the_documented_string() -> None:
    """The example of "Authorize with Shared Key" in the vendor's reference."""
    text = string_to_sign(
        "myaccount",
        "GET",
        "/mycontainer",
        [("restype", "container"), ("comp", "metadata"), ("timeout", "20")],
        {"x-ms-date": "Fri, 26 Jun 2015 23:39:12 GMT", "x-ms-version": "2015-02-21"},
    )
    assert text == (
        "GET\n\n\n\n\n\n\n\n\n\n\n\n"
        "x-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n"
        "/myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"
    )


def test_every_signed_header_has_its_line() -> None:
    headers = {
        "Content-Length": "11",
        "Content-MD5": "md5",
        "Content-Type": "text/plain",
        "If-Match": '"e"',
        "If-None-Match": "*",
        "x-ms-blob-type": "BlockBlob",
        "User-Agent": "not signed",
    }
    lines = string_to_sign("a", "PUT", "/a/c/b%20b", [], headers).split("\n")
    assert lines == [
        *("PUT", "", "", "11", "md5", "text/plain", "", "", '"e"', "*", "", ""),
        *("x-ms-blob-type:BlockBlob", "/a/a/c/b%20b"),
    ]
    empty = string_to_sign("a", "PUT", "/c", [], {"Content-Length": "0"})
    assert empty.split("\n")[3] == ""


def test_an_underscore_sorts_before_digits() -> None:
    headers = {f"x-ms-meta-{name}": "v" for name in ("a0", "a_b", "ab", "a")}
    text = string_to_sign("a", "GET", "/c", [], headers)
    names = [line.partition(":")[0] for line in text.split("\n") if line.startswith("x-ms")]
    assert names == ["x-ms-meta-a", "x-ms-meta-a_b", "x-ms-meta-a0", "x-ms-meta-ab"]


def test_repeated_query_values_are_joined_in_order() -> None:
    text = string_to_sign("a", "GET", "/c", [("include", "tags"), ("Include", "copy")], {})
    assert text.endswith("/a/c\ninclude:copy,tags")


def test_the_signature_is_an_hmac_of_the_text_by_the_decoded_key() -> None:
    expected = hmac.new(b"a key of an account", b"text", hashlib.sha256).digest()
    assert base64.b64decode(signature("text", KEY)) == expected


def test_paths_are_encoded_but_for_slashes() -> None:
    assert encode_path("a/b c+d%é?#") == "a/b%20c%2Bd%25%C3%A9%3F%23"
    assert encode_path("-._~") == "-._~"


def test_a_grant_is_for_reading_one_blob_for_an_hour() -> None:
    grant = dict(urllib.parse.parse_qsl(read_grant("acc", "c", "a b", KEY, NOW)))
    assert (grant["sp"], grant["sr"], grant["sv"]) == ("r", "b", VERSION)
    assert (grant["st"], grant["se"]) == ("2026-11-21T11:45:00Z", "2026-11-21T13:00:00Z")
    fields = ["r", grant["st"], grant["se"], "/blob/acc/c/a b", "", "", "", VERSION, "b"]
    assert grant["sig"] == signature("\n".join([*fields, *[""] * 7]), KEY)


def test_dates_are_of_http() -> None:
    assert http_date(NOW) == "Sat, 21 Nov 2026 12:00:00 GMT"
