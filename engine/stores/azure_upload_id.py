"""Ids of uploads and of their blocks.

Azure has no uploads: blocks lie under the name of a blob until a list of them is committed, and
metadata is only given then. So an upload is a token that begins every block's id; two uploads
of one blob never mix, whoever began them. The id that callers keep is the token and the headers
of the commit (metadata, content headers, tier, tags; no secret), so that another process can
finish the upload. A listing of the store knows the token alone.
"""

import base64
import json
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.errors import NotFound

_PREFIX = "az1-"
_TOKEN = 16  # bytes: when the upload was begun (epoch seconds, 4 bytes), and 12 random ones
_NAME = _TOKEN + 4
_MAX_ID = 64 * 1024

BEGUN = 0  # numbers of blocks that are marks, and no parts
ABORTED = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class UploadId:
    """One upload: `token` and the headers of its commit."""

    token: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def new(cls, headers: Mapping[str, str], now: float) -> "UploadId":
        """An upload that begins now (epoch seconds)."""
        return cls(int(now).to_bytes(4, "big") + secrets.token_bytes(_TOKEN - 4), headers)

    @classmethod
    def parse(cls, text: str, at: str) -> "UploadId":
        """Read what `str()` wrote. Raises NotFound for anything else: there is no such upload."""
        try:
            token, _, packed = text.removeprefix(_PREFIX).partition(".")
            if not text.startswith(_PREFIX) or len(token) != 2 * _TOKEN:
                raise ValueError("not an id of this store")
            headers = _unpack(packed) if packed else {}
            return cls(bytes.fromhex(token), headers)
        except (ValueError, zlib.error) as error:
            raise gone(at) from error

    def __str__(self) -> str:
        text = _PREFIX + self.token.hex()
        if not self.headers:
            return text
        data = json.dumps(dict(self.headers), separators=(",", ":")).encode()
        return f"{text}.{base64.urlsafe_b64encode(zlib.compress(data)).decode()}"

    @property
    def begun(self) -> float:
        """When it was begun, epoch seconds by the clock of who began it."""
        return float(int.from_bytes(self.token[:4], "big"))

    def block(self, number: int) -> str:
        """The id of a block, as the service wants it."""
        return base64.b64encode(self.token + number.to_bytes(4, "big")).decode()


def split_name(name: bytes) -> tuple[bytes, int] | None:
    """Token and number of a block's decoded id; None if it cannot be one of ours."""
    if len(name) != _NAME:
        return None
    return name[:_TOKEN], int.from_bytes(name[_TOKEN:], "big")


def gone(at: str) -> NotFound:
    """There is no such upload."""
    return NotFound(
        "There is no such unfinished upload (any more).",
        subject=at,
        safe="Nothing was changed.",
        code="NoSuchUpload",
        status=404,
    )


def _unpack(packed: str) -> dict[str, str]:
    if len(packed) > _MAX_ID:
        raise ValueError("too long")
    data = zlib.decompressobj().decompress(base64.urlsafe_b64decode(packed), _MAX_ID)
    found = json.loads(data)
    if not isinstance(found, dict) or not all(
        isinstance(value, str) and name.startswith("x-ms-") for name, value in found.items()
    ):
        raise ValueError("not headers")
    return found
