"""Requests, answers and quirks of the scripted S3 server."""

import time
import urllib.parse
from dataclasses import dataclass, field
from xml.sax.saxutils import escape


@dataclass(frozen=True, slots=True)
class Quirks:
    """In what the server differs from Amazon S3."""

    ignores_if_none_match: bool = False
    ignores_put_if_match: bool = False
    ignores_get_if_match: bool = False
    ignores_delete_if_match: bool = False
    read_only: bool = False
    crc32c: bool = False  # computes x-amz-checksum-crc32c over every object itself
    checksum: str = ""  # the same by this algorithm, as Amazon does by crc64nvme or crc32
    kms: bool = False  # encrypts by a key, so that no ETag is an MD5
    copy_needs_replace: bool = False
    copy_refuses_if_match: bool = False
    copy_ignores_source: bool = False  # x-amz-copy-source-if-match
    copy_ignores_target: bool = False  # If-None-Match and If-Match of a copy
    page: int = 1000
    no_part_head: bool = False
    reorders_parts: bool = False  # puts the parts together in another order than was asked


@dataclass(slots=True)
class Request:
    """A parsed request; `target` is what stood in the request line."""

    method: str
    target: str
    bucket: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @classmethod
    def parse(cls, method: str, target: str, headers: dict[str, str], body: bytes) -> "Request":
        path, _, query = target.partition("?")
        bucket, _, key = path.removeprefix("/").partition("/")
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        values = {
            urllib.parse.unquote(name): urllib.parse.unquote(value, errors="surrogateescape")
            for name, _, value in pairs
        }
        raw_key = urllib.parse.unquote(key, errors="surrogateescape")
        return cls(method, target, urllib.parse.unquote(bucket), raw_key, values, headers, body)


@dataclass(slots=True)
class Answer:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def error(status: int, code: str, message: str = "said so by the script") -> Answer:
    """An S3 error answer."""
    text = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    return Answer(status, text.encode(), {"content-type": "application/xml"})


def iso(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds * 1000) % 1000:03d}Z"


def xml(text: str) -> Answer:
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return Answer(200, f"{head}{text}".encode(), {"content-type": "application/xml"})
