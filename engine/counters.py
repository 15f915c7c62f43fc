"""Counts of many objects in equal spans of time, kept sparse.

Objects are known by their slot, a small whole number. A span that nobody touched costs
nothing, one that was touched costs 16 bytes for each object seen in it.
"""

from collections.abc import Mapping, Sequence
from itertools import repeat

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
_NONE: Ints = np.empty(0, dtype=np.int64)
_CHUNK = 65536  # keys looked up at a stretch; other threads get their turn between


def sum_by(codes: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Distinct codes in rising order, and the sum of the counts of each."""
    distinct, inverse = np.unique(codes, return_inverse=True)
    sums = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(sums, inverse, counts)
    return distinct, sums


def look_up(index: Mapping[str, int], keys: Sequence[str]) -> Ints:
    """The slot of each key, -1 where it has none."""
    slots = np.empty(len(keys), dtype=np.int64)
    for start in range(0, len(keys), _CHUNK):
        part = keys[start : start + _CHUNK]
        slots[start : start + len(part)] = np.fromiter(
            map(index.get, part, repeat(-1)), np.int64, len(part)
        )
    return slots


def rows_to_slots(rows: Ints, table: Ints) -> tuple[Ints, Ints]:
    """Columns slot, reads of a table with columns row, reads; `rows` holds each slot's row, in
    rising order. Rows that no slot has are left out."""
    at = np.searchsorted(rows, table[:, 0])
    here = at < len(rows)
    here[here] = rows[at[here]] == table[here, 0]
    return at[here], table[here, 1]


class Spans:
    """The last `keep` spans of `width` seconds each, the current one included.

    The arrays are replaced and never changed, so another thread may read while one writes.
    """

    def __init__(self, width: int, keep: int) -> None:
        self.width = width
        self.keep = keep
        self._spans: dict[int, tuple[Ints, Ints]] = {}

    def add(self, spans: Ints, slots: Ints, counts: Ints, now: float) -> None:
        """Count; spans that are already out of the window are left out."""
        oldest = int(now // self.width) - self.keep + 1
        for span in [span for span in self._spans if span < oldest]:
            del self._spans[span]
        if not len(spans):
            return  # the first use of `unique` loads a part of numpy that is rarely needed
        for span in np.unique(spans).tolist():
            if span >= oldest:
                here = spans == span
                self._spans[span] = _merge(
                    self._spans.get(span, (_NONE, _NONE)), *sum_by(slots[here], counts[here])
                )

    def totals(self, seconds: int, now: float, slots: int) -> Ints:
        """One sum for each slot, over every span that overlaps the last `seconds`."""
        last = int(now // self.width)
        first = int((now - seconds) // self.width)
        totals = np.zeros(slots, dtype=np.int64)
        for span, (which, counts) in list(self._spans.items()):
            if first <= span <= last:
                # A slot made since the caller counted them has no place in its answer.
                end = int(np.searchsorted(which, slots))
                totals[which[:end]] += counts[:end]
        return totals

    def row(self, slot: int, length: int, now: float) -> list[int]:
        """The counts of one slot in the last `length` spans, oldest first."""
        last = int(now // self.width)
        counts = []
        for span in range(last - length + 1, last + 1):
            which, numbers = self._spans.get(span, (_NONE, _NONE))
            at = int(np.searchsorted(which, slot))
            counts.append(int(numbers[at]) if at < len(which) and which[at] == slot else 0)
        return counts

    def renumber(self, kept: npt.NDArray[np.bool_], new: Ints) -> None:
        """Forget the slots that are not kept; slot i becomes new[i], in the same order."""
        for span, (which, counts) in list(self._spans.items()):
            stays = kept[which]
            self._spans[span] = (new[which[stays]], counts[stays])


def _merge(old: tuple[Ints, Ints], slots: Ints, counts: Ints) -> tuple[Ints, Ints]:
    which, numbers = old
    if not len(which):
        return slots, counts
    at = np.searchsorted(which, slots)
    known = which[np.minimum(at, len(which) - 1)] == slots
    numbers = numbers.copy()
    numbers[at[known]] += counts[known]
    if known.all():
        return which, numbers
    fresh = ~known
    return (
        np.insert(which, at[fresh], slots[fresh]),
        np.insert(numbers, at[fresh], counts[fresh]),
    )
