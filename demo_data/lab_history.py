"""The lab's own past: objects of a small company, and who read them over a year and a half.

`lab/objects.csv` and `lab/daily.csv.gz` are what `write()` makes, always the same; their form is
the one that `astra lab` reads. The sizes are those of a business, which the demo world's cannot
be, so that a wrong class costs money one can see. A line is a group of `count` equal objects.

    reports/   read much when they are new, at every quarter's end, and after a year again
    backups/   one a week; nobody reads them but the drill that restores the newest, twice a year
    logs/      one group a month; read while they are fresh, and again when something broke
    datasets/  each version is read every working day until the next one comes
    training/  read whole every week or two, by machines
    scans/     asleep for months, then a campaign reads all of it for a few days
    web/       hundreds of thousands of tiny files that are always read a little
    temp/      read for three days, then forgotten
"""

import csv
import datetime as dt
import gzip
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from demo_data import FOLDER

OBJECTS = FOLDER / "lab" / "objects.csv"
DAILY = FOLDER / "lab" / "daily.csv.gz"
FIRST, LAST = dt.date(2025, 1, 1), dt.date(2026, 6, 30)
DAYS = (LAST - FIRST).days + 1
MB, GB = 10**6, 10**9

Mean = Callable[[int, dt.date], float]  # reads to expect at an age in days, on a date


@dataclass(frozen=True, slots=True)
class Group:
    """`count` equal objects of `size` bytes, created on a day, and their reads by day."""

    name: str
    size: int
    count: int
    created: dt.date
    mean: Mean


def groups() -> Iterator[Group]:
    """All of them, in the order of the file."""
    yield from _reports()
    yield from _backups()
    yield from _logs()
    yield from _datasets()
    yield from _training()
    yield from _scans()
    yield from _web()
    yield from _temp()


def write(folder: Path) -> None:
    """Write both files into a folder, byte for byte the same each time. Raises OSError."""
    with (folder / OBJECTS.name).open("w", encoding="ascii", newline="") as table:
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(("object", "size_bytes", "count", "created"))
        rows.writerows((g.name, g.size, g.count, g.created) for g in groups())
    text = io.StringIO()
    days = csv.writer(text, lineterminator="\n")
    days.writerow(("object", "date", "reads", "bytes_read"))
    for group in groups():
        for date, reads in _reads(group):
            days.writerow((group.name, date, reads, reads * group.size))
    # Without a time stamp, so that the same content is the same file.
    (folder / DAILY.name).write_bytes(gzip.compress(text.getvalue().encode("ascii"), mtime=0))


def _reads(group: Group) -> Iterator[tuple[dt.date, int]]:
    random = Random(f"lab {group.name}")
    for day in range(DAYS):
        date = FIRST + dt.timedelta(day)
        age = (date - group.created).days
        mean = group.mean(age, date) if age >= 0 else 0.0
        reads = round(random.gauss(mean, mean**0.5)) if mean >= 20 else _few(random, mean)
        if reads > 0:
            yield date, reads


def _few(random: Random, mean: float) -> int:
    """Small counts: arrivals in one day at exponential distances."""
    count, at = 0, random.expovariate(mean) if mean > 0 else 2.0
    while at < 1.0:
        count, at = count + 1, at + random.expovariate(mean)
    return count


# -- the kinds ------------------------------------------------------------------------------


def _months(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    date = first
    while date <= last:
        yield date
        date = (date.replace(day=1) + dt.timedelta(32)).replace(day=1)


def _reports() -> Iterator[Group]:
    def mean(age: int, date: dt.date) -> float:
        quarter = 12.0 if date.month % 3 == 1 and date.day <= 6 and age < 200 else 0.0
        year = 20.0 if 365 <= age < 371 else 0.0
        return 40.0 * 0.8**age + quarter + year

    for month in _months(dt.date(2024, 1, 3), LAST):
        yield Group(f"reports/{month:%Y-%m}/monthly_report.parquet", 260 * MB, 60, month, mean)


def _backups() -> Iterator[Group]:
    def mean(age: int, date: dt.date) -> float:
        return 1.0 if age < 7 and date.month in (3, 9) and date.day == 15 else 0.0

    date = dt.date(2024, 7, 7)
    while date <= LAST:
        yield Group(f"backups/database-{date}.tar.zst", 90 * GB, 1, date, mean)
        date += dt.timedelta(7)


def _logs() -> Iterator[Group]:
    random = Random("incidents")
    incidents = [FIRST + dt.timedelta(random.randrange(20, DAYS)) for _ in range(9)]

    def mean(age: int, date: dt.date) -> float:
        broken = any(0 <= (date - incident).days < 3 for incident in incidents)
        return 50.0 * 0.9**age + (45.0 if broken and age < 130 else 0.0)

    for month in _months(dt.date(2024, 6, 1), LAST):
        for service in ("api", "web", "jobs"):
            yield Group(f"logs/{service}/{month:%Y-%m}.jsonl", 2 * GB, 30, month, mean)


def _datasets() -> Iterator[Group]:
    for name, months, size in (("features", 4, 12 * GB), ("prices", 3, 5 * GB), ("geo", 6, 9 * GB)):
        dates = list(_months(dt.date(2024, 9, 2), LAST))[::months]
        for version, date in enumerate(dates, 1):
            replaced = dates[version] if version < len(dates) else LAST + dt.timedelta(1)

            def mean(_: int, day: dt.date, end: dt.date = replaced) -> float:
                return (25.0 if day.weekday() < 5 else 4.0) if day < end else 0.01

            yield Group(f"datasets/{name}-v{version}", size, 80, date, mean)


def _training() -> Iterator[Group]:
    for number, every in enumerate((7, 7, 14, 10, 21, 30), 1):

        def mean(age: int, _: dt.date, every: int = every) -> float:
            return 400.0 if age % every == 0 else 0.0

        start = dt.date(2024, 11, 4) + dt.timedelta(number)
        yield Group(f"training/corpus-{number}", 4 * GB, 400, start, mean)


def _scans() -> Iterator[Group]:
    random = Random("campaigns")
    for batch in range(1, 15):
        days = sorted(random.sample(range(40, DAYS - 5), 3))
        campaigns = [FIRST + dt.timedelta(day) for day in days]

        def mean(_: int, date: dt.date, campaigns: list[dt.date] = campaigns) -> float:
            return 900.0 if any(0 <= (date - c).days < 4 for c in campaigns) else 0.0

        created = dt.date(2024, 3, 1) + dt.timedelta(9 * batch)
        yield Group(f"scans/batch-{batch:02}", 3 * GB, 500, created, mean)


def _web() -> Iterator[Group]:
    for number in range(1, 11):

        def mean(_: int, date: dt.date, number: int = number) -> float:
            return 3000.0 / number

        yield Group(f"web/thumbnails-{number:02}", 24_000, 60_000, dt.date(2024, 5, 1), mean)


def _temp() -> Iterator[Group]:
    def mean(age: int, _: dt.date) -> float:
        return 30.0 if age < 3 else 0.0

    for month in _months(dt.date(2024, 10, 1), LAST):
        yield Group(f"temp/temp_export_{month:%Y%m}", 700 * MB, 200, month, mean)
