"""Folders found in a listing: which rows begin one, for every depth, from two small columns.

In key order all rows below a folder stand together. Of each row the number of its slashes, and
of those that its key has in common with the one before, tell where the folders of any depth
begin; so a folder is opened with a few numpy passes over its own rows.
"""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int16]  # keys are too short for more slashes
Order = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

_CHUNK = 20_000  # keys looked at in one go
_BLOCK = 64  # of them that are looked at one by one
_LAST = chr(0x10FFFF)


class FolderIndex:
    """The folders of a listing's first `count` keys. Immutable; use in a thread.

    `keys` ascend; `order` tells their rows, None where row i is key i. `depth[i]` counts the
    slashes of key i, `shared[i]` those in what it has in common with key i − 1.
    """

    def __init__(
        self, keys: Sequence[str], depth: Ints, shared: Ints, order: Order | None = None
    ) -> None:
        self.keys, self.depth, self.shared, self.order = keys, depth, shared, order
        self.count = len(depth)

    @classmethod
    def of(
        cls, keys: Sequence[str], count: int, ordered: bool, before: "FolderIndex | None" = None
    ) -> "FolderIndex":
        """Look at the first `count` keys; at the later ones only, where `before` knows others."""
        order: Order | None = None
        if not ordered:  # a store that lists out of order: the slow way
            order = np.array(sorted(range(count), key=keys.__getitem__), np.intp)
            keys, before = [keys[row] for row in order.tolist()], None
        done = before.count if before is not None and before.count <= count else 0
        depths = [before.depth] if before is not None and done else []
        shares = [before.shared] if before is not None and done else []
        for start in range(done, count, _CHUNK):
            stop = min(start + _CHUNK, count)
            depth, shared = _columns(keys, start, stop)
            depths.append(depth)
            shares.append(shared)
        none = np.empty(0, np.int16)
        return cls(keys, np.concatenate([none, *depths]), np.concatenate([none, *shares]), order)

    def changed(self, keys: Sequence[str], keep: Bools, at: Sequence[int]) -> "FolderIndex | None":
        """The index after rows went (`keep`) and came (before the rows `at` of those that
        stayed, ascending); None where it has to be made anew."""
        if self.order is not None or self.count != len(keep):
            return None
        places = np.array(at, np.intp)
        zeros = np.zeros(len(places), np.int16)
        depth = np.insert(self.depth[keep], places, zeros)
        shared = np.insert(self.shared[keep], places, zeros)
        new = places + np.arange(len(places))
        gone: Order = np.flatnonzero(~keep)
        after: Order = np.cumsum(keep, dtype=np.intp)[gone]  # the row that follows one that went
        after += np.searchsorted(places, after, side="right")
        rows = np.unique(np.concatenate([new, new + 1, after]))
        for row in rows[rows < len(depth)].tolist():
            depth[row] = keys[row].count("/")
            shared[row] = _in_common(keys[row - 1], keys[row]) if row else 0
        return FolderIndex(keys, depth, shared)

    def span(self, prefix: str) -> tuple[int, int]:
        """Rows low ≤ i < high of `keys` begin with this prefix."""
        if not prefix:
            return 0, self.count
        low = bisect_left(self.keys, prefix, 0, self.count)
        stem = prefix.rstrip(_LAST)
        if not stem:
            return low, self.count
        beyond = stem[:-1] + chr(ord(stem[-1]) + 1)
        return low, bisect_left(self.keys, beyond, low, self.count)

    def starts(self, low: int, high: int, level: int) -> Bools:
        """Which rows of a span begin a folder whose name ends with its `level`-th slash."""
        return (self.depth[low:high] >= level) & (self.shared[low:high] < level)

    def name(self, row: int, prefix: str) -> str:
        """The folder below `prefix` that key `row` is in."""
        key = self.keys[row]
        return key[: key.index("/", len(prefix)) + 1]


def _columns(keys: Sequence[str], start: int, stop: int) -> tuple[Ints, Ints]:
    """Slashes, and slashes shared with the key before, of keys start ≤ i < stop.

    Most keys lie in the same folder as those around them: what two keys begin with, all between
    them begin with, too, and if there are no more slashes in all of these together, none has more.
    """
    chosen = keys[start:stop]
    depth = np.empty(len(chosen), np.int16)
    shared = np.empty(len(chosen), np.int16)
    before = keys[start - 1] if start else ""
    blocks = [(0, len(chosen))]
    while blocks:
        low, high = blocks.pop()
        if high - low <= _BLOCK:
            _one_by_one(chosen, low, high, before, depth, shared)
            continue
        folder = _folder(chosen[low])
        slashes = folder.count("/")
        together = "".join(chosen[low:high]) if chosen[high - 1].startswith(folder) else "/"
        if together.count("/") == slashes * (high - low):
            depth[low:high] = shared[low:high] = slashes
            shared[low] = _in_common(chosen[low - 1] if low else before, chosen[low])
        else:
            middle = (low + high) // 2
            blocks += ((low, middle), (middle, high))
    return depth, shared


def _one_by_one(
    keys: Sequence[str], low: int, high: int, before: str, depth: Ints, shared: Ints
) -> None:
    """The same of low ≤ i < high; `before` is the key before the first of all."""
    depth[low:high] = [key.count("/") for key in keys[low:high]]
    shared[low:high] = depth[low:high]  # right where a key lies in the same folder as the former
    folder = None
    former = keys[low - 1] if low else before
    for number in range(low, high):
        key = keys[number]
        here = _folder(key)
        if here != folder:
            shared[number] = _in_common(former, key)
        folder, former = here, key


def _folder(key: str) -> str:
    return key[: key.rfind("/") + 1]


def _in_common(one: str, two: str) -> int:
    """How many slashes two keys have in what they begin with together."""
    count, at = 0, two.find("/") + 1
    while at and one.startswith(two[:at]):
        count += 1
        at = two.find("/", at) + 1
    return count
