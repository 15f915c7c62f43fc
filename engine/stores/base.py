"""What every kind of store can be asked. Small on purpose; differences are declared.

Conventions that tests/conformance holds every store to:

* keys travel byte-exact or `KeyNotSupported` is raised before anything is sent;
* a listing that fails raises; it never ends early as if it were complete;
* reads and deletes carry a `VersionPin`; a store that meets another version raises
  `PreconditionFailed`, and an absent object raises `NotFound`;
* bytes are counted: a body shorter or longer than announced raises `TruncatedBody`;
* every failure is one of `engine.errors`; nothing of an SDK or of aiohttp gets out;
* cancelling a call leaves no connection and no task behind.
"""

import functools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, cast, runtime_checkable

from engine.errors import UsageError
from engine.model import (
    Checksum,
    ListPage,
    ObjectHead,
    ObjectMeta,
    Provider,
    StoreKind,
    VersionPin,
)
from engine.stores.body import Pieces


class DeleteGuard(StrEnum):
    """How far a conditional delete can be trusted."""

    KNOWN = "known"  # this provider is known to honour the condition
    PROBE = "probe"  # ask with a canary first (`guards_deletes`)
    NEVER = "never"  # no such condition here


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a store can do. Sizes in bytes.

    `attested` names the checksum algorithms that the provider computes itself over the whole
    object and returns from `head`; `create_only` whether If-None-Match works on writes;
    `readable` names classes whose objects are known to be read at once.
    """

    set_class: bool = False
    restore: bool = False
    tags: bool = False
    user_metadata: bool = False
    content_headers: bool = False
    versions: bool = False
    server_copy: bool = False
    create_only: bool = True
    delete_guard: DeleteGuard = DeleteGuard.PROBE
    attested: frozenset[str] = frozenset()
    readable: frozenset[str] = frozenset()
    max_key_bytes: int = 1024
    max_object: int = 5 * 1024**4
    multipart_threshold: int = 16 * 1024**2
    part_size: int = 8 * 1024**2
    max_parts: int = 10_000
    min_part: int = 5 * 1024**2
    copy_limit: int = 0  # `copy` takes objects of up to so many bytes; 0 any
    class_by_copy: bool = False  # a class changes by a copy onto itself, with the same limit


@dataclass(frozen=True, slots=True)
class Written:
    """What a finished write is. `checksums` are those the provider computed and returned.

    `sure` is False where the store found something just after the write that may be it, and
    may be another client's: it must not be removed as one's own before its bytes were proved.
    """

    pin: VersionPin
    checksums: tuple[Checksum, ...] = ()
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """One uploaded part, as the store needs it again at completion."""

    number: int
    etag: str
    size: int
    md5: str = ""  # lower-case hex, where it was computed


@dataclass(frozen=True, slots=True)
class UploadInfo:
    """An upload that was begun and neither completed nor aborted."""

    key: str
    upload_id: str
    initiated: float


@dataclass(frozen=True, slots=True)
class Fetched:
    """A small object as one request described and gave it."""

    head: ObjectHead
    data: bytes


class ObjectReader(Protocol):
    """An open download. `size` is the number of bytes this read will give."""

    size: int
    head: ObjectHead

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Chunks of up to 1 MiB. Raises `TruncatedBody` if the count is wrong at the end."""
        ...


class ObjectStore(Protocol):
    """One cloud. Every method may raise `engine.errors.StoreError`."""

    name: str
    kind: StoreKind
    provider: Provider
    region: str
    capabilities: Capabilities

    async def close(self) -> None:
        """Close connections. Safe to call twice."""
        ...

    async def buckets(self) -> list[str]: ...

    async def create_bucket(self, bucket: str) -> None:
        """Make it if it is not there."""
        ...

    def list_pages(self, bucket: str, prefix: str = "") -> AsyncIterator[ListPage]:
        """All current objects whose key starts with `prefix`, page by page."""
        ...

    async def head(self, bucket: str, key: str, *, pin: VersionPin | None = None) -> ObjectHead:
        """Describe the object (tags included where the store has them)."""
        ...

    def read(
        self, bucket: str, key: str, *, pin: VersionPin, start: int = 0, stop: int | None = None
    ) -> AbstractAsyncContextManager[ObjectReader]:
        """Open bytes start ≤ i < stop of exactly that version."""
        ...

    async def write(
        self,
        bucket: str,
        key: str,
        body: AsyncIterator[bytes],
        *,
        size: int,
        meta: ObjectMeta,
        storage_class: str = "",
        replace: VersionPin | None = None,
        md5: str = "",
    ) -> Written:
        """Write in one request, create-only unless `replace` pins what may be overwritten.

        Raises `PreconditionFailed` if something (else) is there, `TruncatedBody` if `body`
        does not give `size` bytes; in both cases nothing was written. `md5` (hex), if known,
        is sent along for the store to check. An empty `storage_class` means the default.
        """
        ...

    async def begin_upload(
        self, bucket: str, key: str, *, meta: ObjectMeta, storage_class: str = ""
    ) -> str:
        """Begin a multipart upload; the upload id is never empty."""
        ...

    async def upload_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        data: bytes | Pieces,
        *,
        md5: str = "",
    ) -> Part:
        """Send part `number` (from 1)."""
        ...

    async def parts(self, bucket: str, key: str, upload_id: str) -> list[Part]:
        """The parts that the store holds of an unfinished upload."""
        ...

    async def complete_upload(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        parts: Sequence[Part],
        *,
        replace: VersionPin | None = None,
    ) -> Written:
        """Make the object of its parts, create-only unless `replace` is given."""
        ...

    async def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Throw an unfinished upload away. Absent is fine."""
        ...

    async def uploads(self, bucket: str, prefix: str = "") -> list[UploadInfo]:
        """Unfinished uploads."""
        ...

    async def delete(self, bucket: str, key: str, *, pin: VersionPin) -> None:
        """Delete exactly that version, on the store's own condition where it has one.

        Raises `PreconditionFailed` if another version is there, `NotFound` if none is. Where
        the condition cannot be trusted (`guards_deletes` is False) the caller re-reads the
        pin just before.
        """
        ...

    async def guards_deletes(self, bucket: str) -> bool:
        """Whether this bucket really honours the condition on delete.

        Known providers answer at once; others are asked once, with a canary object whose
        conditional delete must fail. A bucket that may not be written counts as unguarded.
        """
        ...

    async def set_class(
        self, bucket: str, key: str, *, pin: VersionPin, storage_class: str
    ) -> ObjectHead:
        """Change the class in place, keeping bytes and metadata; returns the new state."""
        ...

    async def restore(
        self, bucket: str, key: str, *, pin: VersionPin, days: int, speed: str
    ) -> None:
        """Ask for an archived object back. Asking again while it runs is fine."""
        ...

    def can_copy_from(self, other: "ObjectStore") -> bool:
        """Whether `copy` may be tried from that store: one provider, one account. Sends nothing."""
        ...

    async def copy(
        self,
        source_bucket: str,
        source_key: str,
        bucket: str,
        key: str,
        *,
        pin: VersionPin,
        size: int,
        meta: ObjectMeta,
        storage_class: str = "",
        replace: VersionPin | None = None,
    ) -> Written:
        """Let the provider copy exactly version `pin` (of `size` bytes) of an object of its own.

        Create-only unless `replace` pins what may be overwritten; the copy gets `meta` and the
        class given here. Raises NotSupported, with nothing written, where it cannot be exact:
        the caller then copies the bytes itself. Raises PreconditionFailed if the source is
        another version, or if something (else) is at the destination.
        """
        ...

    def check_key(self, key: str) -> str:
        """Why this store cannot hold `key` exactly, "" if it can. Sends nothing."""
        ...

    def locate(self, bucket: str, key: str) -> str:
        """Where the object is, whatever the cloud is called in the config. Sends nothing.

        Endpoint, bucket and key, or the real path: two stores that give the same text mean
        the same object. Different texts prove nothing (an endpoint may have two names).
        """
        ...

    async def part_sizes(
        self, bucket: str, key: str, *, pin: VersionPin, count: int
    ) -> tuple[int, ...]:
        """Sizes of the `count` parts that the object was uploaded in, in order.

        Empty where the store cannot tell; a multipart ETag can be recomputed with them.
        """
        ...


@runtime_checkable
class PartCopier(Protocol):
    """A store that copies objects above its `copy_limit` part by part, into a multipart upload.

    The caller begins and completes the upload, so that its id is on record before the first
    part, and an upload of a process that was killed can be found again.
    """

    async def copies_parts(self, bucket: str) -> bool:
        """Whether parts can be copied into that bucket with the source pinned."""
        ...

    async def copy_part(
        self,
        source_bucket: str,
        source_key: str,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        *,
        pin: VersionPin,
        start: int,
        stop: int,
    ) -> Part:
        """Make part `number` (from 1) of bytes start ≤ i < stop of that version.

        Raises NotSupported where the server does not hold to the pin.
        """
        ...


@runtime_checkable
class HasRoom(Protocol):
    """A store that knows how much still fits."""

    async def free_bytes(self, bucket: str) -> int:
        """Bytes that may still be written there. Raises StoreError."""
        ...


class Fetcher(Protocol):
    """A store whose answer to a read tells all that `head` would."""

    async def fetch(
        self, bucket: str, key: str, *, pin: VersionPin, describe: bool = True
    ) -> Fetched:
        """Describe and read, in one request, exactly that version; `pin.size` must be known.

        Unless it is to `describe`, the head has key, size and pin only.

        For small objects: it is in memory as a whole. Raises as `head` and `read` do.
        """
        ...


@runtime_checkable
class Hasher(Protocol):
    """A store beside us that hashes many small objects at once cheaper than one by one."""

    async def hash_small(
        self,
        bucket: str,
        objects: Sequence[tuple[str, VersionPin]],
        digest: Callable[[bytes], str],
    ) -> list[str]:
        """The `digest` of each of exactly these versions, in their order.

        "" for one that could not be hashed, whatever the reason: who reads it finds out why.
        """
        ...


class Watcher(Protocol):
    """A store that can look after a version without describing it."""

    async def still(self, bucket: str, key: str, *, pin: VersionPin) -> None:
        """Return if the object is that version. Raises as `head` with that pin does."""
        ...


@functools.lru_cache(maxsize=64)
def _has(kind: type, name: str) -> bool:
    return hasattr(kind, name)


def as_fetcher(store: ObjectStore) -> Fetcher | None:
    """The store, if it can fetch."""
    return cast(Fetcher, store) if _has(type(store), "fetch") else None


async def check_still(store: ObjectStore, bucket: str, key: str, *, pin: VersionPin) -> None:
    """Look whether the object is that version, as cheaply as the store can. Raises as `head`."""
    if _has(type(store), "still"):
        await cast(Watcher, store).still(bucket, key, pin=pin)
    else:
        await store.head(bucket, key, pin=pin)


def check_range(size: int, start: int, stop: int | None, subject: str) -> int:
    """Where a read of an object of `size` bytes ends. Raises UsageError if that cannot be."""
    end = size if stop is None else stop
    if not 0 <= start <= end <= size:
        raise UsageError(f"There are no bytes {start:,} to {end:,} in {size:,}.", subject=subject)
    return end
