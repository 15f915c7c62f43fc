"""Rows of a listing in an order, of which only what shows is worked out.

Sorting a million rows takes longer than a key should. But all that a screen asks is which rows
stand at some forty places, and at which place a row stands. So each value becomes a number of 16
bits in the same order, and those are counted, which takes some milliseconds: the counts tell
which rows can stand at these places, and only they are sorted. The whole order is worked out
where all rows are wanted.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.order import stable_order

Order = npt.NDArray[np.intp]
Kept = npt.NDArray[np.int32]  # the same in half the memory: views of a million rows are kept
Values = Callable[[slice | Order], npt.NDArray[Any]]

_PART = 1 << 16  # values looked at in one go: they stay in the processor's cache
_DIGITS = 1 << 16
_WHOLE = 8  # more than this part of all rows at once: the whole order is worked out
_ALL, _ONE = slice(None), slice(1)
_LOWER = (1 << 63) - 1
_SIGN = 1 << 63


class Fixed:
    """Rows whose order is known."""

    def __init__(self, rows: Order | Kept) -> None:
        self._rows: Kept = rows.astype(np.int32, copy=False)

    def __len__(self) -> int:
        return len(self._rows)

    def window(self, start: int, stop: int) -> Order:
        """The rows at places start ≤ i < stop; fewer at the end."""
        return self._rows[max(start, 0) : max(stop, 0)].astype(np.intp)

    def place(self, row: int) -> int | None:
        """Where that row is, None if it is not here."""
        rows = self._rows
        if row < len(rows) and rows[row] == row:
            return row
        found = np.flatnonzero(rows == row)
        return int(found[0]) if len(found) else None

    def whole(self) -> Kept:
        """All rows in order. Not to be written to."""
        return self._rows


class Ranked:
    """Rows in the order of their values; equal ones in the order of their numbers, NaN last.

    Immutable for those who ask; for any thread.
    """

    def __init__(
        self, values: Values, count: int, rows: Kept | None = None, *, descending: bool = False
    ) -> None:
        """`values` gives those of some of the `count` rows, always the same. `rows` are their
        numbers, ascending; None for 0 … count − 1."""
        self._values, self._count, self._rows = values, count, rows
        self._descending = descending
        self._digits, counts, self._exact = _digits(values, count, descending=descending)
        self._ends = np.cumsum(counts)  # the place after the last row of each digit
        self._whole: Kept | None = None
        self._same = bool(
            count and counts[self._digits[0]] == count and np.all(values(_ALL) == values(_ONE))
        )

    def __len__(self) -> int:
        return self._count

    def window(self, start: int, stop: int) -> Order:
        """The rows at places start ≤ i < stop; fewer at the end."""
        start, stop = max(start, 0), min(stop, self._count)
        if start >= stop:
            return np.empty(0, np.intp)
        if self._same:
            return self._numbers(np.arange(start, stop))
        if self._whole is not None or (stop - start) * _WHOLE > self._count:
            return self.whole()[start:stop].astype(np.intp)
        low, high = np.searchsorted(self._ends, (start, stop - 1), side="right").tolist()
        before = int(self._ends[low - 1]) if low else 0
        return self._numbers(self._sorted(low, high)[start - before : stop - before])

    def place(self, row: int) -> int | None:
        """Where that row is, None if it is not here."""
        at = row
        if self._rows is not None:
            at = int(np.searchsorted(self._rows, row))
            if at == self._count or self._rows[at] != row:
                return None
        if self._same:
            return at
        digit = int(self._digits[at])
        before = int(self._ends[digit - 1]) if digit else 0
        if self._exact:
            return before + int(np.count_nonzero(self._digits[:at] == digit))
        return before + int(np.flatnonzero(self._sorted(digit, digit) == at)[0])

    def whole(self) -> Kept:
        """All rows in order. Not to be written to."""
        whole = self._whole
        if whole is None:
            order = stable_order(self._values(_ALL), descending=self._descending)
            whole = self._numbers(order).astype(np.int32)
            whole.flags.writeable = False
            self._whole = whole
        return whole

    def _sorted(self, low: int, high: int) -> Order:
        """Those whose digits are low … high, in order."""
        digits = self._digits
        if self._exact and low == high:
            return np.flatnonzero(digits == low)
        at = np.flatnonzero(digits == low if low == high else (digits >= low) & (digits <= high))
        values = self._values(at)
        if np.all(values == values[0]):  # as of a class, or of what nobody read
            return at
        return at[stable_order(values, descending=self._descending)]

    def _numbers(self, at: Order) -> Order:
        return at if self._rows is None else self._rows[at].astype(np.intp)


def _digits(
    values: Values, count: int, *, descending: bool
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.int64], bool]:
    """Sixteen bits of each value that are in order where the values are, how many rows have each,
    and whether only equal values have equal ones."""
    digits = np.empty(count, np.uint16)
    counts = np.zeros(_DIGITS, np.int64)
    narrow = values(slice(0)).dtype
    exact = narrow.kind in "iu" and narrow.itemsize <= 2
    parts = [slice(start, min(start + _PART, count)) for start in range(0, count, _PART)]
    ends = [(np.fmin.reduce(part), np.fmax.reduce(part)) for part in map(values, parts)]
    known = [float(end) for pair in ends for end in pair if not np.isnan(end)]
    if not known:
        digits[:] = 0
        counts[0] = count
        return digits, counts, False
    bounds = np.array([min(known), max(known)]) + 0.0
    low, high = sorted(_bits(bounds, descending=descending).tolist())
    shift = np.uint64(max((high - low).bit_length() - 16, 0))
    for part in parts if exact else ():
        whole = values(part).astype(np.int32)
        digits[part] = int(max(known)) - whole if descending else whole - int(min(known))
        counts += np.bincount(digits[part], minlength=_DIGITS)
    for part in () if exact else parts:
        floats = values(part).astype(np.float64)
        floats += 0.0  # −0 becomes 0, which it is equal to
        missing = np.isnan(floats)
        bits = _bits(floats, descending=descending)
        bits -= np.uint64(low)
        bits >>= shift
        bits[missing] = _DIGITS - 1  # with the last that are known, if there are such
        digits[part] = bits
        counts += np.bincount(digits[part], minlength=_DIGITS)
    return digits, counts, exact


def _bits(floats: npt.NDArray[np.float64], *, descending: bool) -> npt.NDArray[np.uint64]:
    """Unsigned numbers in the order of these; they are overwritten."""
    bits = floats.view(np.int64)
    bits ^= (bits >> 63) & np.int64(_LOWER)  # the more negative, the greater its bits were
    keys = bits.view(np.uint64)
    keys ^= np.uint64(_LOWER if descending else _SIGN)
    return keys
