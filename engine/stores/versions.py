"""What a store that keeps versions of its objects can be asked besides. Nothing is changed."""

from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol, cast

from engine.model import ObjectHead, VersionPin
from engine.model.preview import ObjectVersion
from engine.stores.base import ObjectReader, ObjectStore

MOST = 1000  # versions of one key that are listed


class Kept(NamedTuple):
    """The versions of a key, the newest first; `more` if there are older ones still."""

    versions: list[ObjectVersion]
    more: bool


class Versioned(Protocol):
    """A store that can list and read what was there before. Of a bucket without versions it
    lists the one that is there."""

    async def versions(self, bucket: str, key: str) -> Kept:
        """All versions of that very key, at most `MOST`. Raises StoreError; an absent key has
        none. `tier` and `cost_month` are left to the engine."""
        ...

    async def head_version(self, bucket: str, key: str, *, pin: VersionPin) -> ObjectHead:
        """Describe exactly that version, which need not be the current one."""
        ...

    def read_version(
        self, bucket: str, key: str, *, pin: VersionPin, stop: int | None = None
    ) -> AbstractAsyncContextManager[ObjectReader]:
        """Open the bytes before `stop` of exactly that version."""
        ...


def as_versioned(store: ObjectStore) -> Versioned | None:
    """The store, if it can tell of versions."""
    return cast(Versioned, store) if hasattr(type(store), "head_version") else None


def newest_first(found: list[ObjectVersion], *, more: bool = False) -> Kept:
    """In order: the current one first, then by time; what has one time stays as it came."""
    found.sort(key=lambda item: (not item.current, -item.pin.modified))
    return Kept(found[:MOST], more or len(found) > MOST)
