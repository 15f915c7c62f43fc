"""One object, whole, with a cursor for its jobs."""

from textual import events
from textual.message import Message

from engine.model import JobView, ObjectDetail
from widgets.access_chart import next_unit
from widgets.cells import Cell
from widgets.glyphs import current
from widgets.lines import Lines
from widgets.object_lines import FOLDED, Shape, object_page, shown_jobs


class ObjectCard(Lines):
    """The page of one object: it scrolls, folds, and has a cursor that goes from job to job."""

    class JobChosen(Message):
        """A job was clicked."""

        def __init__(self, job_id: str) -> None:
            super().__init__()
            self.job_id = job_id

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.detail: ObjectDetail | None = None
        self.shape = Shape()
        self._starts: list[int] = []
        self._end = 0

    def show(self, detail: ObjectDetail) -> None:
        """Show this object; lines are drawn again only where they changed."""
        if detail != self.detail:
            self.detail = detail
            self._reshape()

    def name_keys(self, fold: str, weeks: str) -> None:
        """The keys that the page names."""
        self._reshape(fold_key=fold, weeks_key=weeks)

    @property
    def folds(self) -> bool:
        """Whether there is anything to unfold."""
        detail = self.detail
        return detail is not None and (
            max(len(detail.decisions), len(detail.jobs)) > FOLDED or bool(detail.changes)
        )

    def fold(self) -> None:
        """Show all decisions, jobs and costs, or the latest again."""
        self._reshape(unfolded=not self.shape.unfolded)

    @property
    def next_unit(self) -> str:
        """What reads would be shown by next: `week` after `day`."""
        return next_unit(self.shape.unit, self.detail.daily_reads if self.detail else ())

    def turn_unit(self) -> None:
        """Reads by weeks instead of days, by months where the history is long, and back."""
        self._reshape(unit=self.next_unit)

    # -- jobs ----------------------------------------------------------------------------

    @property
    def jobs(self) -> tuple[JobView, ...]:
        """The jobs that show."""
        return shown_jobs(self.detail, self.shape) if self.detail is not None else ()

    @property
    def cursor_job(self) -> str:
        """The id of the job under the cursor; without a cursor the newest one's, "" if none."""
        jobs = self.jobs
        return jobs[max(self.shape.job, 0)].job_id if jobs else ""

    def move_cursor(self, step: int) -> None:
        """Go to the next job, or the one before, around the ends, and show it."""
        jobs = self.jobs
        if not jobs:
            return
        at = self.shape.job + step if self.shape.job >= 0 else 0 if step > 0 else -1
        self._reshape(job=at % len(jobs))
        line, shown = self._starts[self.shape.job], self.scrollable_content_region.height
        if not self.scroll_offset.y <= line < self.scroll_offset.y + shown - 2:
            self.scroll_to(y=max(line - shown // 3, 0), animate=False)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        line = offset.y + round(self.scroll_offset.y)
        before = [at for at, start in enumerate(self._starts) if start <= line]
        ends = [*self._starts[1:], self._end]
        if before and line < ends[before[-1]]:
            self._reshape(job=before[-1])
            self.post_message(self.JobChosen(self.cursor_job))

    # -- drawing -------------------------------------------------------------------------

    def _reshape(self, **changes: object) -> None:
        self.shape = self.shape._replace(**changes)  # type: ignore[arg-type]
        if self.shape.job >= len(self.jobs):
            self.shape = self.shape._replace(job=len(self.jobs) - 1)
        self.lines_changed()

    def build(self, width: int) -> list[Cell]:
        if self.detail is None:
            return [(f"Reading{current().ellipsis}", "dim")]
        page = object_page(self.detail, width, self.shape)
        self._starts, self._end = page.jobs, page.end
        return page.lines
