"""The beginning of an object, read for a look at it, and the versions that a store keeps of it."""

import codecs
from dataclasses import dataclass
from enum import StrEnum

from engine.model.objects import Address, VersionPin
from engine.model.plans import Tier

PREVIEW_BYTES = 64 * 1024
PREVIEW_MOST = 256 * 1024
"""Bytes of a preview where nothing is said, and at most."""


class PreviewState(StrEnum):
    """Whether the object was read."""

    READ = "read"
    PRICED = "priced"  # reading it costs a retrieval: nothing was read, the price is told
    ARCHIVED = "archived"  # cannot be read without a restore: nothing was read


class PreviewKind(StrEnum):
    """What the bytes look like."""

    EMPTY = "empty"
    TEXT = "text"
    JSON = "JSON"
    TABLE = "table"  # fields with a delimiter between them
    PICTURE = "picture"
    BINARY = "bytes"


@dataclass(frozen=True, slots=True)
class Preview:
    """The beginning of one version of an object.

    `size` is the stored size in bytes, `read` how many bytes of it were read, `data` what they
    are: unpacked where `packed` names a compression ("gzip", "zstd"), at most as many bytes as
    were asked for. `whole` tells that nothing follows. `encoding` is Python's name of the text's
    encoding, a guess unless a mark at its beginning says so (`guessed`). `facts` (name, value)
    are what a picture tells of itself: outside strings. `costs` (what, USD) is what reading so
    much costs; `cost` their sum, None if a price is unknown. `hours` is how long the standard
    restore of an archived object takes, 0 unknown. `note` says what went wrong on the way.
    """

    address: Address
    pin: VersionPin
    storage_class: str
    tier: Tier
    size: int
    state: PreviewState = PreviewState.READ
    kind: PreviewKind = PreviewKind.EMPTY
    read: int = 0
    data: bytes = b""
    whole: bool = False
    encoding: str = ""
    guessed: bool = False
    delimiter: str = ""
    packed: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    cost: float | None = 0.0
    costs: tuple[tuple[str, float], ...] = ()
    hours: float = 0.0
    note: str = ""

    @property
    def text(self) -> str:
        """The data as text, "" for what is none."""
        return decoded(self.data, self.encoding, whole=self.whole) if self.encoding else ""


def decoded(data: bytes, encoding: str, *, whole: bool) -> str:
    """The text; a character that the end of the bytes cut in two is left out, and what is none
    in that encoding becomes U+FFFD."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    return decoder.decode(data, final=whole)


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of a key. `marker` is a delete marker: from then on the key was absent.

    `snapshot` is a copy that somebody made of the object at that time. `cost_month` is USD for
    keeping it, None unknown.
    """

    pin: VersionPin
    storage_class: str = ""
    tier: Tier = Tier.HOT
    current: bool = False
    marker: bool = False
    snapshot: bool = False
    cost_month: float | None = None

    @property
    def name(self) -> str:
        """The store's own name for it."""
        return self.pin.version_id or "null"


@dataclass(frozen=True, slots=True)
class ObjectVersions:
    """All versions of one key that the store tells of, the newest first.

    `more`: there are further ones, older than these. `kept` is False where this kind of store
    keeps one version only.
    """

    address: Address
    versions: tuple[ObjectVersion, ...] = ()
    more: bool = False
    kept: bool = True
