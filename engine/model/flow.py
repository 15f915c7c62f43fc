"""How fast the engine goes: bytes a second by the clock, jobs at once by store."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)(i?B|)(?:/s)?", re.IGNORECASE)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FULL_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ENTRY = re.compile(r"(?:([A-Za-z]+)-)?([0-9]{1,2}):([0-9]{2}),(\S+)")
_DAY = 24 * 60
_WEEK = 7 * _DAY
_LEAST_RATE = 1024  # bytes a second; less is a forgotten unit


def parse_size(text: str) -> int:
    """Bytes of `20MiB`, `1.5G` (binary, as rclone reads it), `20MB` (decimal), `off`.

    A trailing `/s` is allowed. Raises ValueError with the reason.
    """
    if text.strip().lower() == "off":
        return 0
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no size; write 20MiB, 500KB, 1G or off")
    number, unit, suffix = match.groups()
    factor = _UNITS[unit.upper()]
    if unit and suffix.upper() == "B":
        factor = 1000 ** ("KMGT".index(unit.upper()) + 1)
    return int(float(number) * factor)


@dataclass(frozen=True, slots=True)
class Timetable:
    """Bytes a second by the local wall clock, 0 for no limit.

    `entries` are (minute of the week, limit), Monday 00:00 first; each holds until the next,
    the last one over the end of the week. `text` is what it was read from. The wall clock alone
    decides: an hour that summer time skips is skipped, one that comes twice holds twice.
    """

    entries: tuple[tuple[int, int], ...]
    text: str

    @classmethod
    def parse(cls, text: str) -> "Timetable":
        """Read `08:00,5MiB 19:00,off`, also with weekdays: `Mon-08:00,512K Sat-00:00,off`.

        An entry without a weekday holds on every day; where both name the same minute, the one
        with the weekday holds. Raises ValueError that names the entry which cannot be used.
        """
        daily: dict[int, int] = {}
        weekly: dict[int, int] = {}
        for word in text.split():
            day, minute, limit = _read_entry(word)
            if day is None:
                known, places = daily, [at * _DAY + minute for at in range(7)]
            else:
                known, places = weekly, [day * _DAY + minute]
            if known.keys() & set(places):
                raise ValueError(f"{word!r}: there is an entry for that time already")
            known.update(dict.fromkeys(places, limit))
        if not (daily or weekly):
            raise ValueError("the timetable is empty; write 08:00,5MiB 19:00,off")
        return cls(tuple(sorted({**daily, **weekly}.items())), " ".join(text.split()))

    def limit_at(self, local: datetime) -> int:
        """Bytes a second at that local time."""
        return self.entries[self._index(local)][1]

    def began(self, local: datetime) -> datetime:
        """When the entry began that holds at that local time, by the wall clock."""
        passed = (_minute(local) - self.entries[self._index(local)][0]) % _WEEK
        return _whole(local) - timedelta(minutes=passed)

    def next_change(self, local: datetime) -> tuple[datetime, int]:
        """When the next entry begins after that local time, and its limit."""
        following, limit = self.entries[(self._index(local) + 1) % len(self.entries)]
        ahead = (following - _minute(local)) % _WEEK or _WEEK
        return _whole(local) + timedelta(minutes=ahead), limit

    def _index(self, local: datetime) -> int:
        # Before the first entry of the week the last one of the week before holds: index -1.
        found = bisect_right(self.entries, _minute(local), key=lambda entry: entry[0]) - 1
        return found % len(self.entries)

    def __str__(self) -> str:
        return self.text


def parse_bandwidth(text: str) -> "int | Timetable":
    """A size (`20MiB`, `off`) or a timetable. Raises ValueError with the reason."""
    return Timetable.parse(text) if "," in text or ":" in text else _rate(text)


def _rate(text: str) -> int:
    limit = parse_size(text)
    if 0 < limit < _LEAST_RATE and not re.search("[a-z]", text.lower().replace("/s", "")):
        raise ValueError(f"{text!r} is {limit:,} bytes a second; name a unit, as in {limit}MiB")
    return limit


def _read_entry(word: str) -> tuple[int | None, int, int]:
    match = _ENTRY.fullmatch(word)
    if match is None:
        raise ValueError(f"{word!r} is no entry of a timetable; write 08:00,5MiB or Mon-08:00,off")
    name, hour, minute, size = match.groups()
    day = None
    if name is not None:
        lower = name.lower()
        if lower not in (*_DAYS, *_FULL_DAYS):
            raise ValueError(f"{word!r}: {name!r} is no weekday; write Mon, Tue … Sun")
        day = _DAYS.index(lower[:3])
    if int(hour) > 23 or int(minute) > 59:
        raise ValueError(f"{word!r}: {hour}:{minute} is no time of day; write 00:00 to 23:59")
    try:
        limit = _rate(size)
    except ValueError as error:
        raise ValueError(f"{word!r}: {error}") from None
    return day, int(hour) * 60 + int(minute), limit


def _minute(local: datetime) -> int:
    return local.weekday() * _DAY + local.hour * 60 + local.minute


def _whole(local: datetime) -> datetime:
    return local.replace(tzinfo=None, fold=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds the jobs now. `bwlimit` in bytes a second, 0 unlimited.

    `timetable` is its text, "" without one; `next_bwlimit` holds from `until` on (epoch seconds,
    0 without a timetable). `by_hand`: a change by the operator holds until then.
    """

    jobs: int = 0
    bwlimit: int = 0
    timetable: str = ""
    until: float = 0.0
    next_bwlimit: int = 0
    by_hand: bool = False


class FlowState(StrEnum):
    """How a store takes what is sent to it."""

    OPEN = "open"
    THROTTLED = "throttled"  # it asked to slow down: fewer jobs run against it
    AWAY = "away"  # too many tries failed: its jobs wait until `until`
    TRYING = "trying"  # one job tries whether it is back


@dataclass(frozen=True, slots=True)
class StoreFlow:
    """One store: how many jobs run against it, how many may, and why not all.

    `until` is when it is tried again (epoch seconds, 0 at once). `reason` is the error that
    brought it here, `todo` what the operator may do.
    """

    cloud: str
    state: FlowState = FlowState.OPEN
    running: int = 0
    allowed: int = 0
    jobs: int = 0
    until: float = 0.0
    reason: str = ""
    todo: str = ""

    @property
    def text(self) -> str:
        """`aws: throttled, 3 of 8`; "" while it is open."""
        match self.state:
            case FlowState.OPEN:
                return ""
            case FlowState.THROTTLED:
                return f"{self.cloud}: throttled, {self.allowed} of {self.jobs}"
            case FlowState.AWAY:
                return f"{self.cloud}: away, its jobs wait"
            case FlowState.TRYING:
                return f"{self.cloud}: away, trying one job"
