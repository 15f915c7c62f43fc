"""What a plan is made of: places, and the objects an operator named, one by one.

Pure values and one look at a store; `plan` does the arithmetic and the checks.
"""

import os
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import NotFound, UsageError
from engine.frame import Frame
from engine.model import Address, ListEntry, ObjectHead
from engine.settings import CloudSettings
from engine.stores.base import ObjectStore
from engine.stores.hints import name_buckets

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Place:
    """A cloud as a plan sees it. `folds`: names that differ only in letter case or Unicode
    form are one object there. `bucket` and `prefix` are the cloud's default place."""

    store: ObjectStore
    read_only: bool = False
    folds: bool = False
    bucket: str = ""
    prefix: str = ""

    @classmethod
    def of(cls, store: ObjectStore, settings: CloudSettings) -> "Place":
        """The place of a configured cloud. Looks at the disk of a local one: use a thread."""
        folds = settings.root is not None and folds_names(settings.root)
        return cls(store, settings.read_only, folds, settings.bucket, settings.prefix)


@dataclass(frozen=True, slots=True)
class SourceObject:
    """One object to be moved. `relative` is its path below what the operator named; ages in
    days, as the listing shows them; `head` where the store was asked for the object itself."""

    address: Address
    entry: ListEntry
    relative: str
    age_days: float
    idle_days: float = 0.0
    reads_30d: float = 0.0
    head: ObjectHead | None = None


def folds_names(root: Path) -> bool:
    """Whether the disk below `root` takes two spellings of a name for one (looks only)."""
    for folder in (root, *root.parents):
        name = folder.name
        if name.swapcase() != name and folder.exists():
            try:
                return os.path.samefile(folder, folder.with_name(name.swapcase()))
            except OSError:
                return False
    return False


async def look_up(
    store: ObjectStore, source: Address, *, now: float | None = None
) -> list[SourceObject]:
    """The objects that an address names, as the store tells now: one, or all below a prefix.

    Raises StoreError: NotFound for a key that is not there. Accesses are not known here.
    """
    now = time.time() if now is None else now
    if not source.is_prefix:
        return [await look_at(store, source, source.key.rpartition("/")[2], now=now)]
    found: list[SourceObject] = []
    try:
        async for page in store.list_pages(source.bucket, source.key):
            for entry in page.entries:
                address = Address(source.cloud, source.bucket, entry.key)
                age = max(now - entry.modified, 0.0) / _DAY
                found.append(SourceObject(address, entry, entry.key[len(source.key) :], age, age))
    except NotFound as error:
        await name_buckets(store, source.bucket, error)
        raise
    return found


async def look_at(
    store: ObjectStore, address: Address, relative: str, *, now: float | None = None
) -> SourceObject:
    """One object as its store tells now. Raises StoreError: NotFound if it is not there."""
    head = await store.head(address.bucket, address.key)
    pin = head.pin
    entry = ListEntry(address.key, head.size, pin.modified, pin.etag, head.storage_class)
    age = max((time.time() if now is None else now) - pin.modified, 0.0) / _DAY
    return SourceObject(address, entry, relative, age, age, head=head)


def from_listing(frame: Frame, sources: Sequence[Address]) -> list[SourceObject]:
    """The objects that addresses name, out of a complete listing of their bucket.

    Raises UsageError for a key that is not listed. Addresses of other places are an error of
    the caller.
    """
    found: list[SourceObject] = []
    for source in sources:
        if source.is_prefix:
            found += from_rows(frame, _below(frame, source.key), len(source.key))
            continue
        row = frame.find(source.key)
        if row is None:
            raise UsageError(
                "There is no such object in the listing.",
                subject=str(source),
                todo="Load the listing again, or check the name.",
            )
        found += from_rows(frame, [row], source.key.rfind("/") + 1)
    return found


def from_rows(frame: Frame, rows: Iterable[int], cut: int = 0) -> list[SourceObject]:
    """Rows of a listing; the first `cut` characters of their keys are not kept on the way."""
    chosen = np.fromiter(rows, np.intp)
    cloud, bucket = frame.cloud, frame.bucket
    columns = zip(
        frame.entries(chosen),
        frame.ages(chosen).tolist(),
        frame.idle(chosen).tolist(),
        frame.access("reads_30d", chosen).tolist(),
        strict=True,
    )
    return [
        SourceObject(Address(cloud, bucket, entry.key), entry, entry.key[cut:], age, idle, reads)
        for entry, age, idle, reads in columns
    ]


def _below(frame: Frame, prefix: str) -> Iterator[int]:
    if not frame.ordered:
        yield from (row for row in range(frame.count) if frame.keys[row].startswith(prefix))
        return
    row = bisect_left(frame.keys, prefix, 0, frame.count)
    while row < frame.count and frame.keys[row].startswith(prefix):
        yield row
        row += 1
