"""What lies in the three clouds of the demo world, and how it has been read so far.

`inventory.csv` names every object: its cloud, key (JSON escapes for what no table should hold),
size in bytes (empty: that of its file), the file of `files/` that its content begins with, age
in days, storage class, and the shape and strength of its accesses. Content is made when asked
for, always the same for the same object.
"""

import csv
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

FOLDER = Path(__file__).parent
BUCKETS = {"aws": "prod-data", "gcp": "cold-data", "azure": "partner-share"}
TEXT = frozenset({".csv", ".log", ".jsonl", ".txt"})


@dataclass(frozen=True, slots=True)
class DemoObject:
    """One object of the demo world. `size` in bytes, `age_days` at the start of the demo.

    `shape` says how the accesses run over time (see `demo_data.history`), `reads` their
    strength in reads on a typical busy day.
    """

    cloud: str
    key: str
    size: int
    file: str
    age_days: float
    storage_class: str
    shape: str
    reads: float

    @property
    def bucket(self) -> str:
        return BUCKETS[self.cloud]


@cache
def inventory() -> tuple[DemoObject, ...]:
    """Every object of the three clouds, in the order of the file."""
    with (FOLDER / "inventory.csv").open(encoding="utf-8", newline="") as table:
        return tuple(_object(row) for row in csv.DictReader(table))


def content(item: DemoObject) -> bytes:
    """The object's bytes, `item.size` of them.

    Text goes on in lines of its file; pictures, sound and reports keep their file whole and
    are followed by noise, archives are preceded by it: each still opens as what it is.
    """
    start = _file(item.file)
    missing = item.size - len(start)
    if missing <= 0:
        return start
    random = Random(f"{item.cloud}/{item.key}")
    suffix = Path(item.file).suffix
    if suffix in TEXT:
        head, *lines = start.splitlines(keepends=True)
        text = head + b"".join(random.choices(lines, k=500))
        return (text * (item.size // len(text) + 1))[: item.size]
    block = random.randbytes(min(missing, 64 * 1024))
    noise = (block * (missing // len(block) + 1))[:missing]
    return noise + start if suffix == ".zip" else start + noise


def _object(row: dict[str, str]) -> DemoObject:
    key: str = json.loads(f'"{row["key"]}"')
    return DemoObject(
        cloud=row["cloud"],
        key=key,
        size=int(row["size"]) if row["size"] else len(_file(row["file"])),
        file=row["file"],
        age_days=float(row["age_days"]),
        storage_class=row["storage_class"],
        shape=row["shape"],
        reads=float(row["reads"]),
    )


@cache
def _file(name: str) -> bytes:
    return (FOLDER / "files" / name).read_bytes() if name else b""
