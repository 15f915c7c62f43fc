"""The files of an import: found in folders, opened compressed or not, read record by record."""

import gzip
import io
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from engine.errors import UsageError
from engine.events.places import Places
from engine.imports.cloudtrail import CloudTrail
from engine.imports.records import MAX_LINE, Bad, Record
from engine.imports.s3_log import S3Log
from engine.imports.table import Table
from engine.model import Address

Format = Literal["auto", "s3-log", "cloudtrail", "csv"]
FORMATS: tuple[Format, ...] = ("auto", "s3-log", "cloudtrail", "csv")
_GZIP = b"\x1f\x8b"
Unreadable = (OSError, EOFError, zlib.error)


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are read. `cloud` is whose objects S3 and CloudTrail logs tell of, "" to find it
    by their buckets; `base` what the keys of tables lie below; `now` in epoch seconds."""

    places: Places
    now: float
    format: Format = "auto"
    cloud: str = ""
    base: Address | None = None


def files_of(paths: Sequence[Path]) -> list[Path]:
    """These files, and all below these folders, in the order of their names.

    Raises UsageError for a path that is not there or cannot be listed.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            if not path.exists():
                raise UsageError("There is no such file.", subject=str(path))
            found.append(path)
            continue
        below = [Path(folder) / name for folder, _, names in os.walk(path) for name in names]
        found += sorted(item for item in below if item.is_file() and item.stat().st_size)
    return found


def open_text(path: Path) -> IO[str]:
    """The file as text; gzip is known by its first bytes, whatever the name is."""
    with open(path, "rb") as start:
        packed = start.read(2) == _GZIP
    stream: Any = gzip.open(path, "rb") if packed else open(path, "rb")  # noqa: SIM115
    return io.TextIOWrapper(stream, "utf-8", errors="surrogateescape", newline="\n")


def records_of(path: Path, reading: Reading) -> Iterator[tuple[int, Record]]:
    """Every record of a file with its line (or number). Raises what `Unreadable` lists."""
    with open_text(path) as stream:
        form = reading.format
        if form == "auto":
            with open_text(path) as first:
                form = _guess(first.read(4096))
        if form == "csv":
            table = Table(reading.places, reading.now, reading.base)
            yield from table.records(stream)
        elif form == "cloudtrail":
            trail = CloudTrail(reading.places, reading.now, reading.cloud)
            yield from enumerate(trail.records(stream), 1)
        else:
            yield from _log_lines(stream, S3Log(reading.places, reading.cloud))


def _log_lines(stream: IO[str], log: S3Log) -> Iterator[tuple[int, Record]]:
    number = 0
    while line := stream.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE and not line.endswith("\n"):
            while rest := stream.readline(MAX_LINE):
                if rest.endswith("\n"):
                    break
            yield number, Bad("the line is too long")
        elif not line.isspace():
            yield number, log.parse(line)


def _guess(start: str) -> Format:
    head = start.lstrip("\ufeff \t\r\n")
    if head.startswith("{"):
        return "cloudtrail"
    return "csv" if "," in head.partition("\n")[0] and "[" not in head[:200] else "s3-log"
