"""What goes over the socket between a console and its engine.

A frame is four bytes of length (big endian) and a MessagePack array
`[kind, number, name, flag, body]`: `number` tells which call it belongs to, `body` is the
value, encoded by its type. Types come from the signatures of the door, so both ends agree as
long as `PROTOCOL` does.

MessagePack knows no lone surrogates, which the names of files on a disk may contain: a body that
holds one is sent escaped, and `flag` says so.
"""

import asyncio
import hashlib
import os
import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from engine import errors
from engine.errors import AstraError, StateError
from engine.settings import EngineSettings

PROTOCOL = 6  # grows whenever a value that is sent changes its shape
LONGEST = 256 * 1024**2  # bytes of a frame: a plan of a million moves fits
_LENGTH = struct.Struct(">I")
_ESCAPE = "\ufdd0"  # a code point that stands for no character
_FIRST, _LAST = 0xD800, 0xDFFF
_MOVED = 0x10000 - _FIRST  # a lone surrogate is sent as the escape and this much higher


class Kind(IntEnum):
    """What a frame is."""

    HELLO = 0  # both ways, first of all
    CALL = 1  # to the engine: a method of the door, with its arguments
    CANCEL = 2  # to the engine: the caller does not wait any more
    MORE = 3  # to the engine: a stream may go on
    REPLY = 4  # a call's result
    ITEM = 5  # one value of a stream
    END = 6  # a stream is complete
    ERROR = 7  # a call or stream ended so
    STATE = 8  # unasked: a snapshot, the feed's ends, notices


class Frame(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One message. `name` is the method of a call or what STATE carries."""

    kind: int
    number: int
    name: str
    escaped: bool
    body: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Hello:
    """Who speaks. `protocol` must be equal on both ends; `version` is Astra's, for people.

    `config` tells configurations apart that name other places (`fingerprint`); "" if unsaid.
    """

    protocol: int
    version: str
    pid: int
    config: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error on its way: the class by name, and what it tells."""

    name: str
    what: str
    subject: str = ""
    safe: str = ""
    todo: str = ""
    status: int = 0
    code: str = ""


class Closed(Exception):
    """The other end is gone, or speaks something else."""


def hello(config: str = "") -> Hello:
    """What this end says of itself."""
    return Hello(PROTOCOL, version("astra-tui"), os.getpid(), config)


def fingerprint(settings: EngineSettings) -> str:
    """The same for two configurations only if their clouds are the same places; no secret is in
    it, for a secret shows itself as stars."""
    text = repr(settings.shown).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _outgoing(value: Any) -> Any:
    if isinstance(value, Path):
        return os.path.abspath(value)  # the engine works in another folder
    raise NotImplementedError(type(value).__name__)


def _incoming(kind: type, value: Any) -> Any:
    if issubclass(kind, Path):
        return Path(value)
    raise NotImplementedError(kind.__name__)


_encoder = msgspec.msgpack.Encoder(enc_hook=_outgoing)
_frames = msgspec.msgpack.Decoder(Frame)


@cache
def _decoder(kind: Any) -> "msgspec.msgpack.Decoder[Any]":
    return msgspec.msgpack.Decoder(kind, dec_hook=_incoming)


def pack(kind: Kind, number: int, name: str = "", value: object = None) -> bytes:
    """A frame with its length in front."""
    escaped = False
    try:
        body = _encoder.encode(value)
    except UnicodeEncodeError:
        body, escaped = (
            _encoder.encode(_escape(msgspec.to_builtins(value, enc_hook=_outgoing))),
            True,
        )
    frame = _encoder.encode(Frame(kind, number, name, escaped, msgspec.Raw(body)))
    return _LENGTH.pack(len(frame)) + frame


def unpack(frame: Frame, kind: Any) -> Any:
    """The value of a frame as `kind`, a type. Raises Closed if it is none."""
    try:
        if frame.escaped:
            plain = _unescape(msgspec.msgpack.decode(frame.body))
            return msgspec.convert(plain, kind, dec_hook=_incoming)
        return _decoder(kind).decode(frame.body)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Closed(f"a value that does not fit: {error}") from error


async def receive(reader: asyncio.StreamReader) -> Frame:
    """The next frame. Raises Closed at the end of the stream, or for what is no frame."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if length > LONGEST:
            raise Closed(f"a frame of {length:,} bytes")
        return _frames.decode(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, OSError) as error:
        raise Closed("the connection ended") from error
    except msgspec.MsgspecError as error:
        raise Closed(f"what came is no frame: {error}") from error


def failure(error: AstraError) -> Failure:
    """An error as it is sent."""
    return Failure(
        type(error).__name__,
        error.what,
        error.subject,
        error.safe,
        error.todo,
        getattr(error, "status", 0),
        getattr(error, "code", ""),
    )


def revive(sent: Failure) -> AstraError:
    """The error that was sent, of its own class where there is one of that name."""
    kind = getattr(errors, sent.name, StateError)
    if not (isinstance(kind, type) and issubclass(kind, AstraError)):
        kind = StateError
    words = {"subject": sent.subject, "safe": sent.safe, "todo": sent.todo}
    if issubclass(kind, errors.StoreError):
        return kind(sent.what, **words, status=sent.status, code=sent.code)
    return kind(sent.what, **words)


def _escape(value: Any) -> Any:
    match value:
        case str():
            return "".join(map(_escaped, value)) if not value.isascii() else value
        case dict():
            return {_escape(key): _escape(item) for key, item in value.items()}
        case list() | tuple():
            return [_escape(item) for item in value]
    return value


def _escaped(character: str) -> str:
    if character == _ESCAPE:
        return _ESCAPE * 2
    code = ord(character)
    return _ESCAPE + chr(code + _MOVED) if _FIRST <= code <= _LAST else character


def _unescape(value: Any) -> Any:
    match value:
        case str():
            return _unescaped(value) if _ESCAPE in value else value
        case dict():
            return {_unescape(key): _unescape(item) for key, item in value.items()}
        case list():
            return [_unescape(item) for item in value]
    return value


def _unescaped(text: str) -> str:
    found, characters = [], iter(text)
    for character in characters:
        if character == _ESCAPE:
            after = next(characters, _ESCAPE)
            character = after if after == _ESCAPE else chr(ord(after) - _MOVED)
        found.append(character)
    return "".join(found)
