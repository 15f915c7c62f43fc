"""HTTP/1.1 as bytes: heads of requests and answers, and chunked bodies. Strict; no I/O.

Whatever an answer leaves in doubt (two lengths, a length beside chunks, folded or half-ended
lines) is refused: where one message ends and the next begins must never be a matter of opinion.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

HEAD_LIMIT = 64 * 1024  # bytes of one head
_LINE_LIMIT = 8 * 1024  # bytes of the line before a chunk
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[^\r\n\0]*)?")
_KNOWN = 500  # lines, and names of headers, to remember
_REMEMBERED = 200  # characters of one of them
_SAME = frozenset(  # headers whose lines a server sends again and again
    {"accept-ranges", "connection", "content-length", "content-type", "date", "server", "vary"}
)
_BLANK = " \t"
_lines: dict[str, tuple[str, str]] = {}
_names: dict[str, str] = {}
_statuses: dict[str, tuple[int, bool]] = {}
_STATUS = re.compile(r"HTTP/1\.([01]) ([0-9]{3})( .*)?", re.DOTALL)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class WireError(ValueError):
    """This is no proper HTTP."""


@dataclass(slots=True)
class Head:
    """The head of an answer. Header names are lower-case; repeated ones are joined by a comma.

    `length` is what Content-Length says, None if it is absent.
    """

    status: int
    headers: dict[str, str]
    length: int | None
    chunked: bool
    keeps_open: bool


def request_head(method: str, target: str, host: str, headers: Mapping[str, str]) -> bytes:
    """A request up to its body. Raises WireError for what would be read as another request."""
    lines = [f"{method} {target} HTTP/1.1"]
    if "Host" not in headers:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1 or "\0" in head:
        raise WireError("a header holds a line break")
    if " " in target:
        raise WireError("the path holds a space")
    return f"{head}\r\n\r\n".encode()


def read_head(data: bytes | bytearray) -> Head:
    """The head of an answer, without the empty line that ends it. Raises WireError."""
    text = data.decode("utf-8", "surrogateescape")
    first, *lines = text.split("\r\n")
    if text.count("\n") != len(lines) or text.count("\r") != len(lines) or "\0" in text:
        raise WireError("a header holds a line break")
    status, newer = _statuses.get(first) or _read_status(first)
    headers: dict[str, str] = {}
    for line in lines:
        known = _lines.get(line)
        if known is not None:
            name, value = known
        else:
            name, colon, value = line.partition(":")
            name = _names.get(name) or _lower(name)
            if not colon:
                raise WireError("a header has no value")
            value = value.strip(_BLANK)
            if name in _SAME:
                _remember(line, name, value)
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    encoding = headers.get("transfer-encoding")
    announced = headers.get("content-length")
    if encoding is not None and (encoding.lower() != "chunked" or announced is not None):
        raise WireError("it does not say clearly where its body ends")
    length = None
    if announced is not None:
        if not (announced.isascii() and announced.isdigit() and len(announced) < 19):
            raise WireError("its Content-Length is no number")
        length = int(announced)
    connection = headers.get("connection", "")
    if connection or not newer:
        connection = connection.lower()
        keeps = "close" not in connection if newer else "keep-alive" in connection
    else:
        keeps = True
    return Head(status, headers, length, encoding is not None, keeps)


def _read_status(line: str) -> tuple[int, bool]:
    """The status, and whether it is HTTP/1.1."""
    found = _STATUS.fullmatch(line)
    if found is None:
        raise WireError("it does not begin with a status")
    if len(_statuses) < _KNOWN and len(line) <= _REMEMBERED:
        _statuses[line] = int(found[2]), found[1] == "1"
    return int(found[2]), found[1] == "1"


def _lower(name: str) -> str:
    """A header's name in lower case; servers send the same few again and again."""
    if not _NAME.fullmatch(name):
        raise WireError("a header has no proper name")
    if len(_names) < _KNOWN:
        _names[name] = name.lower()
    return name.lower()


def _remember(line: str, name: str, value: str) -> None:
    if len(line) <= _REMEMBERED:
        if len(_lines) >= _KNOWN:
            _lines.clear()
        _lines[line] = name, value


class Chunked:
    """Takes a chunked body apart. `rest` is what came after its end."""

    __slots__ = ("_left", "_line", "_state", "rest")

    def __init__(self) -> None:
        self.rest = b""
        self._left = 0
        self._line = b""
        self._state = "size"  # then data, gap (its line end), trailer, done

    @property
    def done(self) -> bool:
        """Whether the last chunk and the trailer have come."""
        return self._state == "done"

    def feed(self, data: bytes) -> list[bytes]:
        """The body's bytes among these. Raises WireError."""
        found: list[bytes] = []
        while data and self._state != "done":
            if self._state == "data":
                piece, data = data[: self._left], data[self._left :]
                found.append(piece)
                self._left -= len(piece)
                if not self._left:
                    self._state = "gap"
                continue
            end = data.find(b"\n")
            if end < 0:
                self._line += data
                data = b""
            else:
                self._line += data[:end]
                data = data[end + 1 :]
            if len(self._line) > _LINE_LIMIT:
                raise WireError("a line between two chunks is too long")
            if end >= 0:
                line, self._line = self._line, b""
                self._end_of(line)
        if self._state == "done":
            self.rest += data
        return found

    def _end_of(self, line: bytes) -> None:
        if not line.endswith(b"\r"):
            raise WireError("a line between two chunks has no proper end")
        line = line[:-1]
        if self._state == "gap":
            if line:
                raise WireError("a chunk is longer than it said")
            self._state = "size"
        elif self._state == "trailer":
            if not line:
                self._state = "done"
        else:
            size = _SIZE.fullmatch(line)
            if size is None:
                raise WireError("a chunk has no proper size")
            self._left = int(size[1], 16)
            self._state = "data" if self._left else "trailer"
