"""The door: all jobs by window, job sets, what is done to many of them, and how fast it goes."""

from collections.abc import Sequence

from engine.door import Door
from engine.model import JobChange, JobQuery, JobsetLine, JobStory, JobWindow, Throughput
from engine.model.jobfilter import STATE_WORDS
from engine.refusals import refuse_read_only


class JobLists(Door):
    """What the ledger holds, in portions that a screen can draw."""

    async def job_window(self, query: JobQuery, start: int = 0, stop: int = 100) -> JobWindow:
        """Jobs start ≤ i < stop (at most 500) of those that fit the query, and sums over all of
        them. Raises UsageError for a filter that makes no sense."""
        parts = self._parts
        return await parts.jobs.window(query, start, stop, parts.runner.at_work())

    async def jobsets(self) -> list[JobsetLine]:
        """The newest 200 job sets, those with unfinished jobs first, then the newest."""
        parts = self._parts
        return await parts.jobs.sets(parts.runner.at_work())

    async def change_jobs(
        self,
        change: JobChange,
        text: str = "",
        *,
        priority: int = 0,
        but: Sequence[str] = (),
    ) -> int:
        """Do this to all jobs that fit the filter `text` ("" fits all) and to which it can be done,
        those of `but` left out; returns how many. Retrying takes failed and cancelled jobs, all
        else unfinished ones.

        Raises UsageError for a filter that makes no sense, Refused in read-only mode for what
        lets jobs run.
        """
        if change in (JobChange.RESUME, JobChange.RETRY):
            refuse_read_only(self.settings)
        parts = self._owned
        live = parts.runner.at_work()
        ids = await parts.jobs.matching(text, _meant_by(change), live, but)
        if not ids:
            return 0
        runner = parts.runner
        match change:
            case JobChange.PAUSE:
                return await runner.pause(ids)
            case JobChange.RESUME:
                return await runner.resume(ids)
            case JobChange.CANCEL:
                return await runner.cancel(ids)
            case JobChange.RETRY:
                return await runner.retry(ids)
            case JobChange.PRIORITISE:
                return await runner.prioritise(priority, job_ids=ids)

    async def count_jobs(self, change: JobChange, text: str = "", but: Sequence[str] = ()) -> int:
        """How many jobs `change_jobs` would mean now. Raises UsageError as it does."""
        parts = self._parts
        live = parts.runner.at_work()
        return len(await parts.jobs.matching(text, _meant_by(change), live, but))

    async def throughput(self) -> Throughput:
        """Bytes and objects of the last ten minutes of work, in spans of five seconds."""
        return self._parts.runner.throughput()

    async def job_story(self, job_id: str) -> JobStory:
        """One job with its requests, failed tries and finished parts. Raises UsageError."""
        from engine.accounts import story

        return await story(self._parts, job_id)


def _meant_by(change: JobChange) -> Sequence[str]:
    """The states of jobs to which this can be done."""
    if change is JobChange.RETRY:
        return (*STATE_WORDS["failed"], *STATE_WORDS["cancelled"])
    return STATE_WORDS["unfinished"]
