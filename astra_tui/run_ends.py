"""The end of a job set, told once: what is done, what failed, how long it took, what it saves."""

import time
from collections.abc import Callable, Sequence

from engine.model import JobsetSummary, JobState, Snapshot
from widgets.plan_words import saving_words
from widgets.text import bytes_text, count_text, counted, duration_text, visible

_PAUSE = 5.0  # seconds between two messages: many small sets are told together


class RunEnds:
    """Tells of sets that ended since `since` (epoch seconds). `key` opens the last one's page."""

    def __init__(self, say: Callable[[str, bool], None], since: float) -> None:
        self._say = say
        self._since = since
        self._told: dict[tuple[str, float], None] = {}
        self._waiting: list[JobsetSummary] = []
        self._said_at = 0.0

    def take(self, snapshot: Snapshot, key: str) -> None:
        """Look for sets that ended and say so."""
        for summary in snapshot.ended:
            mark = (summary.jobset, summary.finished)
            if mark not in self._told:
                self._told[mark] = None
                if summary.finished >= self._since:
                    self._waiting.append(summary)
        while len(self._told) > 100:
            del self._told[next(iter(self._told))]
        now = time.monotonic()
        if self._waiting and now - self._said_at >= _PAUSE:
            self._said_at = now
            ended, self._waiting = self._waiting, []
            self._say(ended_text(ended, key), any(one.count(JobState.FAILED) for one in ended))


def ended_text(ended: Sequence[JobsetSummary], key: str) -> str:
    """`Job set 3f2a ended: 40 completed, 2 failed and kept; 3.1 GiB in 2m 05s. O shows it.`"""
    completed = sum(one.count(JobState.COMPLETED) for one in ended)
    failed = sum(one.count(JobState.FAILED) for one in ended)
    cancelled = sum(one.count(JobState.CANCELLED) for one in ended)
    words = [f"{count_text(completed)} completed"]
    if failed:
        words.append(f"{count_text(failed)} failed and kept")
    if cancelled:
        words.append(f"{count_text(cancelled)} cancelled and kept")
    size = bytes_text(sum(one.statistics.bytes for one in ended))
    if len(ended) == 1:
        (one,) = ended
        who = f"Job set {visible(one.jobset, width=24)} ended"
        took = f" in {duration_text(max(one.finished - (one.started or one.created), 0.0))}"
    else:
        who, took = f"{counted(len(ended), 'job set')} ended", ""
    saving = sum(one.statistics.saving_per_month for one in ended)
    money = f", {saving_words(saving)}" if saving else ""
    page = "it" if len(ended) == 1 else "the last"
    return f"{who}: {', '.join(words)}; {size}{took}{money}. {key} shows {page}."
