"""The demo world's inventory and half a year of accesses as the files that the lab reads."""

import csv
import datetime as dt
import math
from pathlib import Path
from typing import TextIO

from demo_data import inventory
from demo_data.history import daily_reads

_EPOCH = dt.date(1970, 1, 1).toordinal()


def write_lab_files(folder: Path, today: dt.date) -> tuple[Path, Path]:
    """Write `objects.csv` and `daily.csv`, whose last day is the day before `today`.

    Always the same for the same day. Raises OSError.
    """
    last = today.toordinal() - _EPOCH - 1
    objects, daily = folder / "objects.csv", folder / "daily.csv"
    with _open(objects) as table, _open(daily) as accesses:
        rows, days = csv.writer(table), csv.writer(accesses)
        rows.writerow(("object", "size_bytes", "count", "created"))
        days.writerow(("object", "date", "reads", "bytes_read"))
        for item in inventory():
            name = ascii(f"{item.cloud}:{item.bucket}/{item.key}")[1:-1]
            born = last + 1 - math.ceil(item.age_days)
            rows.writerow((name, item.size, 1, dt.date.fromordinal(born + _EPOCH)))
            for ago, reads in enumerate(reversed(daily_reads(item, last))):
                if reads and last - ago >= born:
                    day = dt.date.fromordinal(last - ago + _EPOCH)
                    days.writerow((name, day, reads, reads * item.size))
    return objects, daily


def _open(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", newline="")
