"""What the lab replays: an inventory of objects and their daily accesses, read from CSV files.

`objects.csv`: `object,size_bytes,count,created`; `count` > 1 is a group of equal objects of
`size_bytes` each. `daily.csv` (or .gz): `object,date,reads,bytes_read`, days with reads only;
for a group the sums over its objects. Dates are ISO days, kept as proleptic ordinals.
"""

import csv
import datetime as dt
import gzip
import math
import zlib
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

import numpy as np
import numpy.typing as npt

from engine.errors import UsageError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

OBJECTS = ("object", "size_bytes", "count", "created")
DAILY = ("object", "date", "reads", "bytes_read")
MAX_CELLS = 30_000_000  # objects × days held at once: 16 bytes each
_STEP = 20_000  # lines between two looks at whether to go on


@dataclass(frozen=True, slots=True)
class Inventory:
    """N objects or groups: names, bytes of one object, objects of the group, day of creation."""

    names: tuple[str, ...]
    sizes: Floats  # (N,)
    counts: Floats  # (N,)
    created: Ints  # (N,) ordinals

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True)
class AccessHistory:
    """Accesses of N objects on D days from `first_day` (an ordinal) on, without gaps."""

    first_day: int
    reads: npt.NDArray[np.float32]  # (N, D) requests
    bytes_read: Floats  # (N, D)

    @property
    def days(self) -> int:
        return int(self.reads.shape[1])

    @property
    def last_day(self) -> int:
        """Ordinal of the last day."""
        return self.first_day + self.days - 1

    def covering(self, first: int, last: int) -> "AccessHistory":
        """The same history with days without reads added, so that it has both ordinals.

        Raises UsageError where that would not fit into memory.
        """
        before = max(self.first_day - first, 0)
        after = max(last - self.last_day, 0)
        if not before and not after:
            return self
        check_cells(len(self.reads), self.days + before + after, "")
        wide = ((0, 0), (before, after))
        return AccessHistory(
            self.first_day - before, np.pad(self.reads, wide), np.pad(self.bytes_read, wide)
        )


def read_inventory(path: Path) -> Inventory:
    """Read `objects.csv`. Raises UsageError with file and line."""
    names: dict[str, int] = {}
    sizes: list[float] = []
    counts: list[float] = []
    created: list[int] = []
    for row in _rows(path, OBJECTS):
        name = row.text(0)
        if name in names:
            row.complain("the object is listed twice")
        names[name] = len(names)
        sizes.append(row.amount(1))
        count = row.amount(2)
        if count < 1:
            row.complain("count must be 1 or more")
        counts.append(count)
        created.append(row.day(3))
    if not names:
        raise UsageError("The inventory lists no object.", subject=str(path))
    return Inventory(
        tuple(names),
        np.array(sizes, np.float64),
        np.array(counts, np.float64),
        np.array(created, np.int64),
    )


def read_history(
    path: Path, inventory: Inventory, go_on: Callable[[], None] = lambda: None
) -> AccessHistory:
    """Read `daily.csv` for these objects; several rows of one object and day add up.

    `go_on` is called now and then and may raise to end the reading. Raises UsageError with file
    and line.
    """
    index = {name: row for row, name in enumerate(inventory.names)}
    rows, days, reads, read = array("q"), array("q"), array("d"), array("d")
    for number, row in enumerate(_rows(path, DAILY)):
        if number % _STEP == 0:
            go_on()
        found = index.get(row.text(0))
        if found is None:
            row.complain("the object is not in the inventory")
        rows.append(found)
        days.append(row.day(1))
        reads.append(row.amount(2))
        read.append(row.amount(3))
    if not rows:
        raise UsageError("The history has no accesses.", subject=str(path))
    first, last = min(days), max(days)
    check_cells(len(inventory), last - first + 1, str(path))
    shape = (len(inventory), last - first + 1)
    at = (np.array(rows), np.array(days) - first)
    history = AccessHistory(first, np.zeros(shape, np.float32), np.zeros(shape))
    np.add.at(history.reads, at, np.array(reads).astype(np.float32))
    np.add.at(history.bytes_read, at, np.array(read))
    return history


def check_cells(objects: int, days: int, subject: str) -> None:
    """Raises UsageError for more object days than the lab can hold."""
    if objects * days > MAX_CELLS:
        raise UsageError(
            f"{objects:,} objects on {days:,} days are more than the lab can hold"
            f" ({MAX_CELLS:,} object days).",
            subject=subject,
            todo="Take fewer days, or group equal objects by `count`.",
        )


class _Row:
    """The cells of one line; complains with file and line."""

    def __init__(self, path: Path, line: int, cells: list[str], columns: list[int]) -> None:
        self._where = f"{path}, line {line}"
        self._cells = [cells[c] if c < len(cells) else "" for c in columns]

    def complain(self, why: str) -> NoReturn:
        raise UsageError(f"{why[:1].upper()}{why[1:]}.", subject=self._where)

    def text(self, column: int) -> str:
        return self._cells[column]

    def amount(self, column: int) -> float:
        """A finite number from 0 on."""
        text = self._cells[column]
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= 0):
            self.complain(f"{text!r} is no number from 0 on")
        return value

    def day(self, column: int) -> int:
        text = self._cells[column]
        try:
            return dt.date.fromisoformat(text).toordinal()
        except ValueError:
            self.complain(f"{text!r} is no date such as 2023-12-31")


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[_Row]:
    """The rows below the header, whose columns may stand in any order."""
    try:
        with _open(path) as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            missing = [name for name in columns if name not in header]
            if missing:
                raise UsageError(
                    f"The column {missing[0]!r} is missing.",
                    subject=f"{path}, line 1",
                    todo=f"The first line must name the columns {','.join(columns)}.",
                )
            places = [header.index(name) for name in columns]
            for cells in reader:
                if cells:
                    yield _Row(path, reader.line_num, cells, places)
    except OSError as error:
        why = error.strerror or str(error)
        raise UsageError(f"The file cannot be read: {why}.", subject=str(path)) from error
    except (csv.Error, UnicodeDecodeError, EOFError, zlib.error) as error:
        raise UsageError(f"The file is no CSV: {error}.", subject=str(path)) from error


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8-sig", newline="")
