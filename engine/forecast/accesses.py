"""Daily reads of many objects, sparse: what forecasts learn from and look at."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Accesses:
    """Reads of N objects on the days from `first_day` up to, not including, `end_day`.

    Row i tells that `objects[i]` was read `reads[i]` > 0 times on `days[i]`; days ascend, and a
    pair of object and day is there once. `born` (N,) is each object's first day, as far as known.
    Days are whole numbers of any one calendar (epoch days, ordinals).
    """

    objects: Ints
    days: Ints
    reads: Floats
    born: Ints
    first_day: int
    end_day: int

    @classmethod
    def of(
        cls,
        objects: Ints,
        days: Ints,
        reads: Floats,
        count: int,
        *,
        first_day: int | None = None,
        end_day: int | None = None,
        born: Ints | None = None,
    ) -> "Accesses":
        """Sort and check rows of `count` objects; days without reads are left out.

        Objects of which no birth is given are born on the first day on which they are read.
        """
        some = reads > 0
        order = np.argsort(days[some], kind="stable")
        objects, days, reads = objects[some][order], days[some][order], reads[some][order]
        first = int(days[0]) if len(days) else 0
        first = first if first_day is None else min(first_day, first) if len(days) else first_day
        end = int(days[-1]) + 1 if len(days) else first
        end = end if end_day is None else max(end_day, end)
        seen = np.full(count, end, np.int64)
        np.minimum.at(seen, objects, days)
        birth = seen if born is None else np.minimum(born, seen)
        return cls(objects, days, reads, birth, first, end)

    def __len__(self) -> int:
        return len(self.born)

    @property
    def length(self) -> int:
        """Days of the history."""
        return self.end_day - self.first_day

    def rows(self, first: int, end: int) -> slice:
        """The rows of the days from `first` up to, not including, `end`."""
        return slice(*np.searchsorted(self.days, [first, end]).tolist())

    def total(self, first: int, end: int) -> Floats:
        """Reads of each object on these days, (N,)."""
        rows = self.rows(first, end)
        summed = np.bincount(self.objects[rows], self.reads[rows], len(self.born))
        return summed.astype(np.float64, copy=False)

    def active(self, first: int, end: int) -> Floats:
        """Days with reads of each object among these days, (N,)."""
        rows = self.rows(first, end)
        return np.bincount(self.objects[rows], minlength=len(self.born)).astype(np.float64)

    def alive(self, day: int) -> Ints:
        """The objects born before that day."""
        return np.flatnonzero(self.born < day)

    def only(self, kept: Ints) -> "Accesses":
        """The same of some objects, which get the numbers of their places in `kept`."""
        place = np.full(len(self.born), -1, np.int64)
        place[kept] = np.arange(len(kept))
        rows = place[self.objects] >= 0
        return Accesses(
            place[self.objects[rows]],
            self.days[rows],
            self.reads[rows],
            self.born[kept],
            self.first_day,
            self.end_day,
        )
