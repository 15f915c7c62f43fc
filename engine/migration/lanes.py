"""How many jobs may run against each store, learnt from how the store takes it.

A store that asks to slow down, or gives no answer in time, has what runs against it halved; each
job that works raises it a little, up to what the operator allows (additive increase,
multiplicative decrease). A store that spoils too many tries is left alone: its jobs wait, and one
at a time tries whether it is back. Other stores' jobs go on meanwhile.
"""

import random
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from engine.errors import (
    AstraError,
    EventError,
    MigrationError,
    StoreError,
    StoreTimeout,
    Throttled,
    TruncatedBody,
    Unavailable,
)
from engine.model import FlowState, StoreFlow

PARTS = 4  # parts of one job in flight, while nothing says to slow down
_LEAST = 1 / PARTS  # one job, one part at a time


class Sign(Enum):
    """What the end of a try says of a store."""

    NOTHING = 0
    WORKED = 1
    ANSWERED = 2  # the try failed, but not because the store was away
    THROTTLED = 3
    LATE = 4  # no answer in time
    AWAY = 5

    @property
    def spoilt(self) -> bool:
        """Whether the try failed because of the store's own trouble."""
        return self in (Sign.THROTTLED, Sign.LATE, Sign.AWAY)


@dataclass(frozen=True, slots=True)
class LaneRules:
    """The budget: of the tries of a store `floor` may be spoilt in `window` seconds (at least
    twice as many as jobs may run), and one more for every 1/`share` that work. It is also at its
    end when `row` tries for each job that runs found nobody there and none worked between them:
    a few large objects would never use up the floor. Afterwards the store is tried
    again after `first_look` seconds (drawn at random between half of it and all), doubled each
    time up to `last_look`. `cut` is what a throttled try leaves of the limit, `rise` what a
    whole round of good ones adds."""

    floor: int = 10
    row: int = 3
    share: float = 0.1
    window: float = 60.0
    first_look: float = 2.0
    last_look: float = 300.0
    cut: float = 0.5
    rise: float = 0.5


def sign_of(error: AstraError | None) -> Sign:
    """What an error says of the store that it came from."""
    match error:
        case None:
            return Sign.WORKED
        case Throttled():
            return Sign.THROTTLED
        case StoreTimeout():
            return Sign.LATE
        case TruncatedBody():
            return Sign.NOTHING
        case Unavailable():
            # Bytes that arrived damaged are refused with 400: no word about the store.
            return Sign.NOTHING if 400 <= error.status < 500 else Sign.AWAY
        case StoreError() | MigrationError():
            return Sign.ANSWERED
        case _:
            return Sign.NOTHING


class Lane:
    """One store. Times are of a clock that never jumps, in seconds."""

    def __init__(self, cloud: str, jobs: int, rules: LaneRules) -> None:
        self.cloud = cloud
        self.running = 0
        self.limit = float(jobs)
        self.served = float("-inf")  # when a try worked last
        self._jobs = jobs
        self._rules = rules
        self._tokens = self._full
        self._filled = 0.0
        self._cut_at = float("-inf")
        self._not_before = float("-inf")
        self._until = 0.0  # the same in epoch seconds, for the screen
        self._away = False
        self._row = 0  # tries that found nobody there, since one worked
        self._most = 0  # jobs that ran at once in that time
        self._looks = 0
        self._trying = ""
        self._trying_until = float("-inf")
        self._error: AstraError | None = None

    @property
    def allowed(self) -> int:
        """Jobs that may run against the store at once."""
        return max(int(self.limit), 1)

    @property
    def parts(self) -> int:
        """Parts that each job may have in flight."""
        return max(int(PARTS * min(self.limit, 1.0)), 1)

    @property
    def _full(self) -> float:
        return max(self._rules.floor, 2.0 * self._jobs)

    def set_jobs(self, jobs: int) -> None:
        """The operator allows so many jobs at once."""
        whole = self.limit >= self._jobs
        self._jobs = jobs
        self.limit = float(jobs) if whole else min(self.limit, float(jobs))

    def free(self, now: float) -> bool:
        """Whether one more job may start."""
        if now < self._not_before or self.running >= self.allowed:
            return False
        return not (self._tried and now < self._trying_until)

    @property
    def _tried(self) -> bool:
        """Whether a job looks just now whether the store is back."""
        return self._away and bool(self._trying)

    def opens_at(self) -> float:
        """When `free` may become true by time alone."""
        return max(self._not_before, self._trying_until) if self._tried else self._not_before

    def begin(self, job_id: str, now: float) -> None:
        """A job starts. One that looks whether the store is back may take hours: when it has not
        failed for a while, another may look, too."""
        self.running += 1
        self._most = max(self._most, self.running)
        if self._away and (not self._trying or now >= self._trying_until):
            self._trying = job_id
            self._trying_until = now + self._rules.last_look

    def end(self, job_id: str, began: float, now: float, sign: Sign, error: Any) -> None:
        """A job that started at `began` ends, with this sign of the store."""
        if sign.spoilt:
            self._spoilt(began, now, sign, error)
            if self._away and self._trying == job_id:
                self._wait(now)
        elif sign is not Sign.NOTHING:
            self._worked(now, whole=sign is Sign.WORKED)
        self.running -= 1
        if self._trying == job_id:
            self._trying = ""

    def _worked(self, now: float, *, whole: bool) -> None:
        self.served = now
        self._row, self._most = 0, self.running
        self._tokens = min(self._tokens + self._rules.share, self._full)
        if self._away:
            self._away, self._looks, self._tokens = False, 0, self._full
            self._not_before = float("-inf")
        if whole and self.limit < self._jobs:
            self.limit = min(self.limit + self._rules.rise / self.allowed, float(self._jobs))
        if self.limit >= self._jobs:
            self._error = None

    def _spoilt(self, began: float, now: float, sign: Sign, error: Any) -> None:
        self._error = error
        self._hold(now, getattr(error, "retry_after", 0.0))
        # Those that were on their way when the limit was cut say nothing new.
        if sign is not Sign.AWAY and began >= self._cut_at:
            self.limit = max(min(self.limit, self.running) * self._rules.cut, _LEAST)
            self._cut_at = now
        if self._away:
            return
        back = (now - self._filled) * self._full / self._rules.window
        self._tokens = min(self._tokens + back, self._full) - 1.0
        self._filled = now
        self._row += sign is Sign.AWAY
        if self._tokens < 0 or self._row >= self._rules.row * self._most:
            self._away = True
            self._wait(now)

    def _wait(self, now: float) -> None:
        longest = min(self._rules.first_look * 2.0 ** min(self._looks, 30), self._rules.last_look)
        self._looks += 1
        self._hold(now, random.uniform(longest / 2, longest))

    def _hold(self, now: float, seconds: float) -> None:
        if now + seconds > self._not_before:
            self._not_before = now + seconds
            self._until = round(time.time() + seconds, 1)

    def hurry(self) -> None:
        """Look at once whether the store is back, because the operator says so."""
        if self._away:
            self._looks, self._not_before = 0, float("-inf")

    def view(self, now: float) -> StoreFlow:
        """The lane as the screen shows it."""
        if self._away:
            state = FlowState.TRYING if self._trying else FlowState.AWAY
        elif self.allowed < self._jobs or now < self._not_before:
            state = FlowState.THROTTLED
        else:
            state = FlowState.OPEN
        error = None if state is FlowState.OPEN else self._error
        todo = ""
        if self._away:
            todo = (
                "Nothing is lost and nothing need be done: the jobs go on by themselves once the"
                " store answers. Pause or cancel them if it will not come back."
            )
            if error is not None and error.todo:
                todo = f"{error.todo} {todo}"
        return StoreFlow(
            self.cloud,
            state,
            self.running,
            self.allowed,
            self._jobs,
            self._until if self._not_before > now else 0.0,
            f"{error.subject}: {error.what}" if error is not None else "",
            todo,
        )


class Lanes:
    """The lanes of all stores. `clock` must not jump; by default it is the monotonic one."""

    def __init__(
        self,
        clouds: Collection[str],
        jobs: int,
        rules: LaneRules | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._rules = rules or LaneRules()
        self._lanes = {cloud: Lane(cloud, jobs, self._rules) for cloud in clouds}

    def set_jobs(self, jobs: int) -> None:
        """The operator allows so many jobs at once."""
        for lane in self._lanes.values():
            lane.set_jobs(jobs)

    def free(self, clouds: Collection[str]) -> bool:
        """Whether a job over these clouds may start now."""
        now = self._clock()
        return all(lane.free(now) for lane in self._of(clouds))

    def pause(self, since: float | None = None) -> float | None:
        """Seconds until a lane may open by time alone, None if none will.

        A lane that opened after `since` counts, with 0: whoever asked then was told to wait, and
        nobody else would wake him.
        """
        now = self._clock()
        since = now if since is None else since
        times = [
            max(lane.opens_at() - now, 0.0)
            for lane in self._lanes.values()
            if lane.opens_at() > since
        ]
        return min(times, default=None)

    def parts(self, cloud: str) -> int:
        """Parts of one job that may be in flight to this cloud."""
        lane = self._lanes.get(cloud)
        return lane.parts if lane is not None else PARTS

    def begin(self, job_id: str, clouds: Collection[str]) -> float:
        """A job starts; gives the time for `end`."""
        now = self._clock()
        for lane in self._of(clouds):
            lane.begin(job_id, now)
        return now

    def end(
        self,
        job_id: str,
        clouds: Collection[str],
        began: float,
        error: AstraError | None,
        *,
        worked: bool,
    ) -> None:
        """A job ended: it worked, failed by an error, or (neither) was only interrupted."""
        now = self._clock()
        to_blame = self._to_blame(clouds, error) if error is not None else []
        for lane in self._of(clouds):
            sign = Sign.NOTHING
            if error is None:
                sign = Sign.WORKED if worked else Sign.NOTHING
            elif lane.cloud in to_blame:
                sign = sign_of(error)
            lane.end(job_id, began, now, sign, error)

    def excuses(self, clouds: Collection[str], error: AstraError, began: float) -> bool:
        """Whether a try failed because the store was away, not because of the object: it asked
        to slow down, or nothing worked there since the try began."""
        sign = sign_of(error)
        if not sign.spoilt:
            return False
        if sign is Sign.THROTTLED:
            return True
        blamed = self._to_blame(clouds, error)
        return all(self._lanes[cloud].served < began for cloud in blamed)

    def now(self) -> float:
        """The lanes' own time."""
        return self._clock()

    def view(self) -> tuple[StoreFlow, ...]:
        """Every store as the screen shows it. Cheap."""
        now = self._clock()
        return tuple(lane.view(now) for lane in self._lanes.values())

    def hurry(self) -> None:
        """Try stores that are away at once: the operator lets jobs go on."""
        for lane in self._lanes.values():
            lane.hurry()

    def _of(self, clouds: Collection[str]) -> Iterator[Lane]:
        return (self._lanes[cloud] for cloud in clouds if cloud in self._lanes)

    def _to_blame(self, clouds: Collection[str], error: AstraError) -> list[str]:
        """The clouds of the job that the error speaks of: all, if it names none."""
        known = [cloud for cloud in clouds if cloud in self._lanes]
        if isinstance(error, (StoreError, EventError)):
            named = [cloud for cloud in known if error.subject.startswith(f"{cloud}:")]
            return named or known
        return known
