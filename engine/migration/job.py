"""A job while it is in memory: its record, its live progress, and what the operator asked."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from enum import Enum
from math import exp
from typing import Any, TypeVar

from engine.errors import AstraError
from engine.migration.ledger import Batch, Ledger
from engine.migration.records import Details, Effect, JobRecord, Outcome, PartRecord
from engine.migration.reports import IntentEntry
from engine.model import Evidence, JobState, JobView, MoveKind, Step

T = TypeVar("T")
_SHOWN = frozenset({"state", "step", "paused", "attempt", "error", "retry_at", "evidence"})
_COUNTED = frozenset({"state", "paused", "size"})
_SAMPLE = 0.25  # seconds between two looks at a meter
_MEMORY = 3.0  # seconds that a rate remembers


class Ask(Enum):
    """What the operator wants of a running job."""

    NOTHING = 0
    PAUSE = 1
    CANCEL = 2


class Stopped(Exception):
    """The job reached a safe point and ends here, because it was asked to."""


class Waiting(Exception):
    """The job waits for its store (a restore) and looks again at `until` (epoch seconds)."""

    def __init__(self, until: float) -> None:
        super().__init__(until)
        self.until = until


class StartOver(AstraError):
    """What was copied is of no use any more: roll back and begin again, a bounded number of
    times. `cause` is what the operator sees when the attempts are used up."""

    retryable = True

    def __init__(self, cause: AstraError) -> None:
        super().__init__(cause.what, subject=cause.subject, safe=cause.safe, todo=cause.todo)
        self.cause = cause


class Meter:
    """Counts bytes; adding is one addition, the rate is worked out when somebody looks."""

    __slots__ = ("_last", "_rate", "_seen", "total")

    def __init__(self) -> None:
        self.total = 0
        self._seen = 0
        self._last = time.monotonic()
        self._rate = 0.0

    def restart(self) -> None:
        """Forget the time that passed while there was nothing to count."""
        self._seen, self._last, self._rate = self.total, time.monotonic(), 0.0

    def rate(self) -> float:
        """Bytes a second, an exponential mean over the last seconds; 0 while unknown."""
        now = time.monotonic()
        passed = now - self._last
        if passed >= _SAMPLE:
            current = (self.total - self._seen) / passed
            weight = 1.0 if not self._rate else 1.0 - exp(-passed / _MEMORY)
            self._rate += weight * (current - self._rate)
            self._seen, self._last = self.total, now
        return self._rate if self._rate >= 1.0 else 0.0


class Job:
    """One job at work. `set`, `intend` and `settle` change it at once and collect what goes
    to disk; `commit` puts that there in one durable write."""

    def __init__(
        self,
        record: JobRecord,
        ledger: Ledger,
        *,
        meter: Meter,
        changed: Callable[["Job", str | None, int], None],
    ) -> None:
        self.record = record
        self.asked = Ask.NOTHING
        self.task: asyncio.Task[None] | None = None
        self.began = 0.0  # of the present try, in the lanes' time
        self.failure: AstraError | None = None  # of the try that ended last
        self.places: frozenset[str] = frozenset()  # of both ends, once they were asked for
        self.bytes_done = 0
        self.due = 0.0  # when the next try is, on the monotonic clock
        self.on_sent: Callable[[Job], None] = lambda job: None  # see `all_sent`
        self._ledger = ledger
        self._batch = Batch()
        self._total = meter
        self._meter = Meter()
        self._changed = changed

    # -- changing -----------------------------------------------------------------------

    def set(self, **changes: Any) -> None:
        """Change fields of the record; on disk with the next `commit`."""
        record, bucket, size = self.record, None, 0
        if not _COUNTED.isdisjoint(changes):
            bucket, size = record.bucket, record.size
        for name, value in changes.items():
            setattr(record, name, value)
        self._batch.changes.update(changes)
        if not _SHOWN.isdisjoint(changes) or (bucket is not None and size != record.size):
            self._changed(self, bucket, size)

    def clear(self, *names: str) -> None:
        """Make texts of the record empty that are not."""
        changes = {name: "" for name in names if getattr(self.record, name)}
        if changes:
            self.set(**changes)

    def clear_trouble(self) -> None:
        """Nothing is wrong (any more)."""
        record = self.record
        if record.error or record.error_todo or record.retry_at:
            self.set(error="", error_todo="", retry_at=0.0)

    def wait(self, seconds: float) -> None:
        """The next try is so much later, wherever the clock of the wall is set meanwhile."""
        seconds = max(seconds, 0.0)
        self.due = time.monotonic() + seconds
        self.set(retry_at=time.time() + seconds)

    def note(self, text: str) -> None:
        """Add a note for the operator, once."""
        if text not in self.record.notes:
            self.set(notes=(*self.record.notes, text))

    def drop_note(self, text: str) -> None:
        """Take a note back that is true no more."""
        if text in self.record.notes:
            self.set(notes=tuple(note for note in self.record.notes if note != text))

    def intend(self, effect: Effect, **details: Any) -> None:
        """Say what is about to be done; nothing may be sent before the next `commit`."""
        self.record.intents[effect] = details
        self._batch.intents[effect] = details

    def intended(self, effect: Effect) -> Details | None:
        """The open intent: its effect may or may not have happened."""
        return self.record.intents.get(effect)

    def settle(self, effect: Effect, outcome: Outcome = Outcome.DONE) -> None:
        """Say how an intent ended. Nothing happens if there is none."""
        if self.record.intents.pop(effect, None) is None:
            return
        if self._batch.intents.pop(effect, None) is None:
            self._batch.outcomes[effect] = outcome

    def add_part(self, part: PartRecord) -> None:
        """Remember a finished part."""
        self._batch.parts.append(part)

    def tried(self, reason: str) -> None:
        """The present try failed: remember why."""
        self._batch.tries.append((self.record.attempt, time.time(), reason))

    def put_places(self, places: tuple[str, str]) -> None:
        """Remember where source and destination are."""
        self.record.places = self._batch.places = places

    def forget_parts(self) -> None:
        """There is no upload any more."""
        self._batch.parts.clear()
        self._batch.forget_parts = True

    async def commit(self, *, hurry: bool = True) -> None:
        """Put what was collected on disk. Raises StateError; it is then kept for next time.

        Without `hurry` it waits a few milliseconds for others to share the write.
        """
        if self._batch:
            await self._saved(*self._save(hurry=hurry))

    async def commit_while(self, doing: Callable[[], Awaitable[T]]) -> T:
        """`commit` while something is done that need not wait for it; both are done afterwards.

        Raises what `doing` raises, or StateError.
        """
        if not self._batch:
            return await doing()
        saving = self._save()
        try:
            return await doing()
        finally:
            await self._saved(*saving)

    def _save(self, *, hurry: bool = True) -> "tuple[Batch, asyncio.Future[None]]":
        saving = self._ledger.save(self.record.job_id, self._batch, hurry=hurry)
        batch, self._batch = self._batch, Batch()
        return batch, saving

    async def _saved(self, batch: Batch, saving: "asyncio.Future[None]") -> None:
        try:
            await saving
        except BaseException:
            newer, self._batch = self._batch, batch
            self._batch.changes |= newer.changes
            self._batch.outcomes |= newer.outcomes
            self._batch.intents |= newer.intents
            self._batch.parts += newer.parts
            self._batch.forget_parts |= newer.forget_parts
            self._batch.places = newer.places or self._batch.places
            self._batch.tries += newer.tries
            raise

    def all_sent(self) -> None:
        """The last request is answered; what is left is to write down that all is done."""
        self.on_sent(self)

    async def finished_parts(self) -> list[PartRecord]:
        """The parts of this job's upload that are on record."""
        return await self._ledger.parts(self.record.job_id)

    async def history(self) -> list[IntentEntry]:
        """Everything this job ever meant to do, oldest first; what was collected is put on
        disk for that."""
        await self.commit()
        return await self._ledger.history(self.record.job_id)

    async def relied_on(self) -> str:
        """Another job whose move was proved by what this one wrote, "" if there is none."""
        return await self._ledger.relied_on(self.record)

    # -- the operator -------------------------------------------------------------------

    def checkpoint(self) -> None:
        """A safe point. Raises Stopped if the operator asked for it."""
        if self.asked is not Ask.NOTHING:
            raise Stopped

    # -- progress -----------------------------------------------------------------------

    def begin_attempt(self) -> None:
        """Time spent in the queue does not count for the rate."""
        self._meter.restart()

    def begin_pass(self) -> None:
        """A pass over the object's bytes begins."""
        self.bytes_done = 0

    def progressed(self, count: int) -> None:
        """So many bytes more of the current pass. Cheap."""
        self.bytes_done += count
        self._meter.total += count
        self._total.total += count

    def passed_by(self, count: int) -> None:
        """So many bytes of the current pass are done and did not come through this machine."""
        self.bytes_done += count

    def spent(self, step: Step, seconds: float) -> None:
        """Add to the time of a step; on disk with the next `commit`."""
        times = list(self.record.step_seconds)
        if seconds > 0.0:
            times[step - 1] += seconds
        self.record.step_seconds = (times[0], times[1], times[2], times[3], times[4])
        self._batch.changes["step_seconds"] = self.record.step_seconds

    @property
    def bytes_left(self) -> int:
        """Bytes that will still be read, every pass counted."""
        record = self.record
        size = record.size
        again = size if record.spec.options.verify is Evidence.REREAD else 0
        done = min(self.bytes_done, size)
        if record.state is JobState.VERIFYING:
            return size - done
        if record.state is JobState.SWITCHING or record.state in ("completed", "cancelled"):
            return 0
        first = 0 if record.spec.kind is MoveKind.TIER else size - done
        return first + again

    def view(self) -> JobView:
        """The job as the console shows it now."""
        if self.record.bucket not in ("copying", "verifying", "switching"):
            return self.record.view(bytes_done=self.bytes_done)
        rate = self._meter.rate()
        eta = max(self.bytes_left / rate, 0.0) if rate else 0.0
        return self.record.view(bytes_done=self.bytes_done, rate=rate, eta=eta)
