"""One attempt at a job and what follows from how it ended."""

import logging
import time
from enum import Enum

from engine.errors import AstraError, SourceChanged, StateError
from engine.migration.job import Ask, Job, StartOver, Stopped, Waiting
from engine.migration.limits import Backoff
from engine.migration.pipeline import LONGEST_LOOK, run
from engine.migration.queue import clouds_of
from engine.migration.records import Effect
from engine.migration.rollback import roll_back, rollback_failed
from engine.migration.services import Services
from engine.model import JobState, Step

TRIES = 5  # that an object's own trouble is given, where the operator names no number
PATIENCE = 20  # tries that a store may spoil before it is asked whether it is away at all
_log = logging.getLogger(__name__)


class Next(Enum):
    """What the runner does with the job now."""

    ENDED = "ended"
    STOPPED = "stopped"  # at a safe point, because a pause was asked for
    LATER = "later"  # again at `record.retry_at`


async def attempt(job: Job, services: Services, backoff: Backoff) -> Next:
    """Try once. Raises only StateError: the ledger cannot be written, nothing was deleted."""
    record = job.record
    waited = record.state is JobState.RESTORING
    job.begin_attempt()
    job.set(
        attempt=record.attempt if waited else record.attempt + 1,
        started=record.started or time.time(),
    )
    job.clear_trouble()
    if not record.digests:
        # What a failed attempt showed; `digests` are what this one may still build on.
        job.clear("checksum_source", "checksum_destination")
    try:
        if job.asked is Ask.CANCEL or job.intended(Effect.ROLLBACK) is not None:
            await _cancel(job, services)
        else:
            await run(job, services)
    except StateError:
        raise
    except Stopped:
        job.set(attempt=max(record.attempt - 1, 0))
        if job.asked is Ask.CANCEL:
            return await _try_cancel(job, services, backoff)
        return Next.STOPPED
    except Waiting as waiting:
        if job.asked is Ask.CANCEL:
            return await _try_cancel(job, services, backoff)
        job.wait(min(waiting.until - time.time(), LONGEST_LOOK))
        await job.commit()
        return Next.LATER
    except AstraError as error:
        return await _failed(job, services, backoff, error)
    except Exception as error:  # noqa: BLE001 - logged, and told to the operator as ours
        _log.exception("job %s met an error of Astra itself", record.job_id)
        return await _failed(job, services, backoff, _bug(error))
    return Next.ENDED


async def _failed(job: Job, services: Services, backoff: Backoff, error: AstraError) -> Next:
    record = job.record
    if job.asked is Ask.CANCEL and job.intended(Effect.ROLLBACK) is None:
        return await _try_cancel(job, services, backoff)
    job.failure = error.cause if isinstance(error, StartOver) else error
    again = error.retryable and await _may_try_again(job, services, error)
    shown = (record.checksum_source, record.checksum_destination)
    if isinstance(error, (StartOver, SourceChanged)):
        problem = await _clean_up(job, services)
        again = again and problem is None
        if isinstance(error, StartOver):
            error = error.cause
    elif not again and not record.verified:
        # A proved copy stays: a later retry goes on with it.
        await _clean_up(job, services)
    job.tried(_text(error))
    if again:
        return await _later(job, backoff, error)
    job.set(
        state=JobState.FAILED,
        paused=False,
        error=_text(error),
        error_todo=error.todo or f"Run `astra retry {record.job_id}`.",
        checksum_source=shown[0],
        checksum_destination=shown[1],
        finished=time.time(),
    )
    await job.commit()
    return Next.ENDED


async def _may_try_again(job: Job, services: Services, error: AstraError) -> bool:
    """Whether tries are left. What a store spoilt that was away does not count, unless the
    operator bounded the tries; the lanes see to it that such a store is not asked too often.

    Where no other job works there, trouble with this one object looks just like a store that is
    away. So patience ends at some time with a store that answers when it is asked for a listing.
    """
    record, bound = job.record, job.record.spec.options.max_attempts
    if bound:
        return record.attempt < bound
    cancelling = job.asked is Ask.CANCEL or job.intended(Effect.ROLLBACK) is not None
    excused = not cancelling and services.lanes.excuses(clouds_of(job), error, job.began)
    if excused and (record.excused < PATIENCE or not await _answer(job, services, error)):
        job.set(excused=record.excused + 1)
        return True
    return record.attempt - record.excused < TRIES


async def _answer(job: Job, services: Services, error: AstraError) -> bool:
    """Whether the stores that the error speaks of (both, if it names none) answer a listing."""
    ends = (job.record.spec.source, job.record.spec.destination)
    named = [end for end in ends if error.subject.startswith(f"{end.cloud}:")]
    for address in named or ends:
        try:
            async for _ in services.store(address).list_pages(address.bucket, address.key):
                break
        except AstraError as trouble:
            if trouble.retryable:
                return False
    return True


async def _later(job: Job, backoff: Backoff, error: AstraError) -> Next:
    wait = backoff.delay(job.record.attempt, float(getattr(error, "retry_after", 0.0)))
    job.set(
        state=JobState.QUEUED,
        error=_text(error),
        error_todo=error.todo,
    )
    job.wait(wait)
    await job.commit()
    return Next.LATER


async def _clean_up(job: Job, services: Services) -> AstraError | None:
    """Roll back; what cannot be is told, and left on record for the next try."""
    try:
        await roll_back(job, services)
    except StateError:
        raise
    except AstraError as error:
        problem = rollback_failed(error, str(job.record.spec.destination))
        job.note(str(problem))
        return problem
    return None


async def _cancel(job: Job, services: Services) -> None:
    """Undo the job for good. The intent lets a killed process's successor finish this."""
    if job.intended(Effect.ROLLBACK) is None:
        job.intend(Effect.ROLLBACK)
        await job.commit()
    await roll_back(job, services)
    job.settle(Effect.ROLLBACK)
    job.set(
        state=JobState.CANCELLED,
        paused=False,
        step=Step.NONE,
        retry_at=0.0,
        finished=time.time(),
    )
    await job.commit()


async def _try_cancel(job: Job, services: Services, backoff: Backoff) -> Next:
    try:
        await _cancel(job, services)
    except StateError:
        raise
    except AstraError as error:
        return await _failed(
            job, services, backoff, rollback_failed(error, str(job.record.spec.destination))
        )
    return Next.ENDED


def _text(error: AstraError) -> str:
    """What happened and what is safe, for the screen."""
    parts = [f"{error.subject}: {error.what}" if error.subject else error.what, error.safe]
    return " ".join(part for part in parts if part)


def _bug(error: Exception) -> AstraError:
    return AstraError(
        f"Astra itself failed: {type(error).__name__}: {error}.",
        safe="The source is kept.",
        todo="Please report it with the log file; `astra retry` tries again.",
    )
