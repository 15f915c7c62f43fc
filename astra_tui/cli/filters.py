"""Options that choose objects: globs, size, age, class, and a list of keys."""

import re
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli.options import TIERS, Size, all_of
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.model import Filters

_DAY = 86_400.0
_UNITS = {
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": _DAY,
    "w": 7 * _DAY,
    "M": 30 * _DAY,
    "y": 365 * _DAY,
}
_AGE = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[smhdwMy])")


class Age(click.ParamType[float]):
    """Days, written as 30d, 12h or 1w, or as the date from which on something is younger."""

    name = "age"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        if isinstance(value, float):
            return value
        try:
            return parse_age(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def parse_age(text: str, *, now: float | None = None) -> float:
    """Days of `30d`, `12h`, `1w`, or since a date (local time unless it names a zone).

    Units: s m h d w M (30 days) y (365 days). Raises ValueError with the reason.
    """
    match = _AGE.fullmatch(text.strip())
    if match is not None:
        return float(match["number"]) * _UNITS[match["unit"]] / _DAY
    try:
        then = datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"{text!r} is no age; write 30d, 12h, 1w or 2024-01-31") from error
    days = ((time.time() if now is None else now) - then) / _DAY
    if days < 0:
        raise ValueError(f"{text!r} is in the future")
    return days


class Names(click.ParamType[tuple[str, ...]]):
    """Names with commas between."""

    name = "names"

    def __init__(self, allowed: tuple[str, ...] = ()) -> None:
        self._allowed = allowed

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        names = [name.strip() for name in value.split(",") if name.strip()]
        if self._allowed:
            names = [name.upper() for name in names]
            for name in names:
                if name not in self._allowed:
                    self.fail(f"{name!r} is none of {', '.join(self._allowed)}", param, ctx)
        if not names:
            self.fail("it names nothing", param, ctx)
        return tuple(names)


filter_options = all_of(
    click.option("--include", multiple=True, metavar="GLOB", help="Only keys of this glob."),
    click.option("--exclude", multiple=True, metavar="GLOB", help="Not keys of this glob."),
    click.option("--min-size", type=Size(), help="Only objects of at least this size (1MiB)."),
    click.option("--max-size", type=Size(), help="Only objects of at most this size."),
    click.option("--min-age", type=Age(), help="Only objects this old or older (30d, 2024-01-31)."),
    click.option("--max-age", type=Age(), help="Only objects this old or younger."),
    click.option("--from-tier", type=Names(TIERS), help="Only objects in these tiers (HOT,COLD)."),
    click.option("--from-class", type=Names(), help="Only objects in these storage classes."),
    click.option(
        "--files-from",
        type=click.Path(),
        metavar="FILE",
        help="Only keys that FILE (- is stdin) names, one a line, relative to the prefix.",
    ),
    click.option("--null", "-0", is_flag=True, help="Keys of --files-from end in NUL."),
)


def take_filters(values: dict[str, Any]) -> "Filters":
    """Take the values of `filter_options` out of a verb's values. Raises UsageError."""
    from engine.model import Filters, Tier

    path, null = values.pop("files_from"), values.pop("null")
    if null and path is None:
        raise UsageError("-0 says how --files-from is written; name that file too.")
    filters = Filters(
        include=tuple(values.pop("include")),
        exclude=tuple(values.pop("exclude")),
        min_size=values.pop("min_size") or 0,
        max_size=values.pop("max_size"),
        min_age=values.pop("min_age") or 0.0,
        max_age=values.pop("max_age"),
        tiers=tuple(Tier(name) for name in values.pop("from_tier") or ()),
        classes=values.pop("from_class") or (),
        keys=None if path is None else read_keys(path, null=null),
    )
    if filters.max_size is not None and filters.min_size > filters.max_size:
        raise UsageError("--min-size is more than --max-size, so no object can fit.")
    if filters.max_age is not None and filters.min_age > filters.max_age:
        raise UsageError("--min-age is more than --max-age, so no object can fit.")
    return filters


def read_keys(path: str, *, null: bool) -> frozenset[str]:
    """The keys that a file lists, byte for byte as they stand there; empty ones do not count.

    Only the newline (or, with `null`, the NUL byte) ends a key: blanks, `#`, and a carriage
    return belong to it. Bytes that are no UTF-8 become what a disk's listing makes of them.
    Raises UsageError if the file cannot be read.
    """
    try:
        if path == "-":
            data = sys.stdin.buffer.read()
        else:
            with open(path, "rb") as file:
                data = file.read()
    except OSError as error:
        raise UsageError(
            f"The list of keys cannot be read: {error.strerror}.", subject=path
        ) from error
    lines = data.split(b"\0" if null else b"\n")
    return frozenset(line.decode("utf-8", "surrogateescape") for line in lines if line)
