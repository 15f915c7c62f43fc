"""One cloud's listing as columns: filled page by page, changed in place, never half true.

A `Listing` belongs to the event loop. Its `frame()` is how it looks at one moment: immutable, so
that sorting, filtering and deciding can work on it in a thread while the listing goes on.
"""

import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import fields
from itertools import pairwise
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from engine.access import AccessColumns
from engine.errors import AstraError, NotFound
from engine.folders import FolderIndex
from engine.frame import Frame, Kept, Totals
from engine.keytext import KeyText
from engine.model import ListEntry, ListingState, Provider
from engine.pricing.book import PriceBook
from engine.pricing.columns import ClassTable, Codes, Floats

_KEEP = -1  # no target: the object may stay
ScalarT = TypeVar("ScalarT", bound=np.generic)


class _Column(Generic[ScalarT]):
    """A growing array. What `view` gave out stays as it was: growth writes behind its end."""

    def __init__(self, dtype: type[ScalarT]) -> None:
        self._data: npt.NDArray[ScalarT] = np.empty(1024, dtype)
        self._count = 0

    def append(self, values: "npt.ArrayLike", count: int) -> None:
        end = self._count + count
        if end > len(self._data):
            larger = np.empty(max(end, 2 * len(self._data)), self._data.dtype)
            larger[: self._count] = self._data[: self._count]
            self._data = larger
        self._data[self._count : end] = values
        self._count = end

    def replace(self, values: npt.NDArray[ScalarT]) -> None:
        self._data, self._count = values, len(values)

    def view(self) -> npt.NDArray[ScalarT]:
        return self._data[: self._count]


class _Etags:
    """ETags by number, append only. Those that are an MD5 take 16 bytes."""

    def __init__(self) -> None:
        self._pages: list[bytes | tuple[str, ...]] = []
        self._starts: list[int] = []
        self.count = 0

    def append(self, etags: Sequence[str]) -> None:
        self._starts.append(self.count)
        self._pages.append(_packed(etags) or tuple(etags))
        self.count += len(etags)

    def get(self, number: int) -> str:
        page = bisect_left(self._starts, number + 1) - 1
        offset = number - self._starts[page]
        packed = self._pages[page]
        if isinstance(packed, bytes):
            return packed[16 * offset : 16 * offset + 16].hex()
        return packed[offset]


def _packed(etags: Sequence[str]) -> bytes | None:
    if set(map(len, etags)) != {32}:
        return None
    joined = "".join(etags)
    try:
        data = bytes.fromhex(joined)
    except ValueError:
        return None
    return data if data.hex() == joined else None


class Listing:
    """What is known of one cloud's bucket. Use from the event loop only."""

    def __init__(self, cloud: str, provider: Provider, region: str, book: PriceBook) -> None:
        self.cloud, self.provider, self.region = cloud, provider, region
        self.bucket = self.prefix = ""
        self.state = ListingState.IDLE
        self.error = self.error_todo = ""
        self.gone = False  # it failed because there is no such place
        self.generation = 0  # grows with anything that a view shows
        self.revision = 0  # grows when rows come, go or change
        self.told = 0  # grows when accesses were told
        self.scan = 0  # number of the listing under way or shown
        self.table = ClassTable.of(book, provider, region)
        self._book = book
        self.busy: frozenset[str] = frozenset()
        self._stale = False  # the rows are those of the scan before
        self._clear()

    def _drop_stale(self) -> None:
        if self._stale:
            self._stale = False
            self._clear()

    def _clear(self) -> None:
        self.keys: list[str] = []
        self.sizes = _Column(np.int64)
        self.modified = _Column(np.float64)
        self.named = _Column(np.int16)  # class as an index into `names`
        self.etag_at = _Column(np.int32)
        self.targets = _Column(np.int16)
        self.savings = _Column(np.float32)  # USD a month if the target is taken
        self.etags = _Etags()
        self.names: list[str] = []
        self._name_codes: dict[str, int] = {}
        self.ordered = True
        self.access: AccessColumns | None = None
        self.text: KeyText | None = None
        self.folders: FolderIndex | None = None
        self.kept = Kept()
        self.totals = Totals()
        self.saving = 0.0  # USD a month that the targets would save together, NaN unknown

    # -- filling ------------------------------------------------------------------------

    def begin(self, bucket: str, prefix: str = "") -> int:
        """Start over, LOADING. Returns the number of this scan.

        Pages of an older scan are ignored from here on. The rows of the same place stay until
        the first page comes, so that a reload neither blinks nor loses them to a failure.
        """
        self._stale = bool(self.keys) and (self.bucket, self.prefix) == (bucket, prefix)
        self.bucket, self.prefix = bucket, prefix
        if not self._stale:
            self._clear()
        self.error = self.error_todo = ""
        self.gone = False
        self.state = ListingState.LOADING
        self.scan += 1
        self._changed()
        return self.scan

    def append(self, scan: int, entries: Sequence[ListEntry]) -> None:
        """Add a page, in the order of the listing."""
        if scan != self.scan or self.state is not ListingState.LOADING or not entries:
            return
        self._drop_stale()
        keys, sizes, modified, etags, classes = zip(*entries, strict=True)
        if self.ordered:
            before = self.keys[-1:]
            self.ordered = all(one < two for one, two in pairwise([*before, *keys]))
        count = len(keys)
        self.keys.extend(keys)
        self.sizes.append(np.array(sizes, np.int64), count)
        self.modified.append(np.array(modified, np.float64), count)
        self.named.append(self._class_codes(classes), count)
        self.etag_at.append(np.arange(self.etags.count, self.etags.count + count), count)
        self.etags.append(etags)
        self.targets.append(_KEEP, count)
        self.savings.append(0.0, count)
        total = len(self.keys)
        self.totals = self.totals.plus(Totals.of(self.frame(), slice(total - count, total)))
        self._changed()

    def finish(self, scan: int) -> None:
        """The listing is complete: READY, or EMPTY if nothing came."""
        if scan == self.scan and self.state is ListingState.LOADING:
            self._drop_stale()
            self.state = ListingState.READY if self.keys else ListingState.EMPTY
            self._changed()

    def fail(self, scan: int, error: AstraError) -> None:
        """The listing broke off: FAILED. The rows that came, or those of the last listing if
        none came, stay as a part of the truth."""
        if scan == self.scan and self.state is ListingState.LOADING:
            self.state = ListingState.FAILED
            self.error, self.error_todo = error.what, error.todo
            self.gone = isinstance(error, NotFound)
            self._changed()

    def apply(self, changed: Sequence[ListEntry] = (), removed: Sequence[str] = ()) -> None:
        """Take over what Astra itself did since: objects written, re-classed or deleted.

        Keys outside the listed prefix are ignored. Each object keeps its access columns; one
        that is new has none until the next `set_access`. Costs a few copies of the columns.
        """
        fresh = {e.key: e for e in changed if e.key.startswith(self.prefix)}
        frame = self.frame()
        gone = [row for key in {*removed, *fresh} if (row := frame.find(key)) is not None]
        if not gone and not fresh:
            return
        known = {self.keys[row]: row for row in gone}
        self.totals = self.totals.plus(Totals.of(frame, np.array(gone, np.intp)), -1)
        entries = sorted(fresh.values())
        keep = np.ones(frame.count, np.bool_)
        keep[gone] = False
        kept = self.keys[: frame.count]
        for row in sorted(gone, reverse=True):
            del kept[row]
        if self.ordered:
            at = [bisect_left(kept, entry.key) for entry in entries]
        else:
            at = [len(kept)] * len(entries)
        for offset, (place, entry) in enumerate(zip(at, entries, strict=True)):
            kept.insert(place + offset, entry.key)
        self.keys = kept

        def rebuild(column: _Column[Any], values: Sequence[float]) -> None:
            column.replace(np.insert(column.view()[keep], at, values))

        rebuild(self.sizes, [e.size for e in entries])
        rebuild(self.modified, [e.modified for e in entries])
        rebuild(self.named, list(self._class_codes([e.storage_class for e in entries])))
        rebuild(self.etag_at, list(range(self.etags.count, self.etags.count + len(entries))))
        rebuild(self.targets, [_KEEP] * len(entries))
        rebuild(self.savings, [0.0] * len(entries))
        self.saving = float(self.savings.view().sum(dtype=np.float64))
        if entries:
            self.etags.append([e.etag for e in entries])
        if self.access is not None:
            self.access = _move_access(frame, keep, at, [known.get(e.key) for e in entries])
        self.text = None
        self._forget()
        if self.folders is not None:
            self.folders = self.folders.changed(kept, keep, at) if self.ordered else None
        new = np.array(at, np.intp) + np.arange(len(at))
        self.totals = self.totals.plus(Totals.of(self.frame(), new))
        if self.state in (ListingState.READY, ListingState.EMPTY):
            self.state = ListingState.READY if self.keys else ListingState.EMPTY
        self._changed()

    # -- what lies over the rows ----------------------------------------------------------

    def set_access(self, scan: int, columns: AccessColumns) -> None:
        """Take over access statistics; row i of them belongs to row i. May be shorter."""
        if scan == self.scan and len(columns.reads_30d) <= len(self.keys):
            self.access = columns
            self._forget()
            self.told += 1
            self.generation += 1

    def set_totals(self, frame: Frame, totals: Totals) -> None:
        """Take over sums counted on `frame`, unless rows have changed since."""
        if frame.revision == self.revision:
            self.totals = totals
            self.generation += 1

    def set_targets(self, frame: Frame, targets: Codes, savings: Floats) -> bool:
        """Show the targets of a decision made on `frame` (−1: may stay), each with what it
        saves a month (NaN unknown). False, and nothing happens, if rows have changed since."""
        if frame.revision != self.revision:
            return False
        self.targets.replace(targets.astype(np.int16))
        wanted = np.where(targets >= 0, savings, 0.0)
        self.savings.replace(wanted.astype(np.float32))
        self.saving = float(wanted.sum())
        self.generation += 1
        return True

    def set_busy(self, keys: frozenset[str]) -> None:
        """Mark the objects that a job is at work on."""
        if keys != self.busy:
            self.busy = keys
            self.generation += 1

    # -- reading ------------------------------------------------------------------------

    def frame(self, now: float | None = None) -> Frame:
        """The listing as it is now. Cheap: nothing is copied."""
        return Frame(self, time.time() if now is None else now)

    def _class_codes(self, classes: Sequence[str]) -> npt.NDArray[np.int16]:
        for name in set(classes) - self._name_codes.keys():
            canonical = self._book.canonical(self.provider, name)
            if canonical not in self.names:
                self.names.append(canonical)
            self._name_codes[name] = self.names.index(canonical)
        return np.array([self._name_codes[name] for name in classes], np.int16)

    def _forget(self) -> None:
        """What was computed for all rows holds no more; views of before do not keep it alive."""
        self.kept.clear()
        self.kept = Kept()

    def _changed(self) -> None:
        self._forget()
        self.revision += 1
        self.generation += 1


def _move_access(
    frame: Frame, keep: npt.NDArray[np.bool_], at: list[int], rows: list[int | None]
) -> AccessColumns:
    """The access columns after rows went (`keep`) and came (`at`, formerly `rows`)."""

    def moved(name: str) -> Floats:
        old = frame.access(name)
        values = [0.0 if row is None else float(old[row]) for row in rows]
        return np.insert(old[keep], at, values)

    return AccessColumns(*(moved(field.name) for field in fields(AccessColumns)))
