"""Progress on a terminal's stderr; nothing elsewhere."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from engine.model import Snapshot


_EVERY = 0.25  # seconds between two drawings of a line


class Progress:
    """Counts objects that ended; full only when all did.

    `data_too` says that stdout gets data meanwhile: on one terminal both would mix.
    """

    def __init__(self, total: int, *, data_too: bool = False) -> None:
        self._total = 0 if data_too and sys.stdout.isatty() else total
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and self._total:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
            from rich.progress import Progress as RichProgress

            console = Console(stderr=True, highlight=False, markup=False, emoji=False)
            self._bar = RichProgress(
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[words]}", markup=False),
                console=console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,  # data stays exactly as it is
            )
            self._task = self._bar.add_task("", total=self._total, words="")
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def show(self, successful: int, failed: int, snapshot: "Snapshot") -> None:
        """Draw the counts, and rate and end as the engine sees them."""
        if self._bar is None or self._task is None:
            return
        from widgets.text import clock_text, duration_text, rate_text

        words = [f"{failed:,} failed"] if failed else []
        if rate := rate_text(snapshot.rate):
            words.append(rate)
        words += [store.text for store in snapshot.stores if store.text]
        if snapshot.eta > 0:
            end = clock_text(time.time() + snapshot.eta, seconds=False)
            words.append(f"{duration_text(snapshot.eta)} left ({end})")
        self._bar.update(self._task, completed=successful + failed, words="  ".join(words))
        self._bar.refresh()


class ProgressLine:
    """A text that changes in place on a terminal's stderr, a few times a second; else nothing.

    Use as a context manager; `clear` before anything else is printed, which may be on the same
    terminal. The text is plain and short.
    """

    def __init__(self) -> None:
        self._due = 0.0
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()

    def show(self, text: Callable[[], str]) -> None:
        """Draw it, unless that was done a moment ago."""
        now = time.monotonic()
        if now >= self._due and sys.stderr.isatty():
            self._due, self._shown = now + _EVERY, True
            sys.stderr.write(f"\r\x1b[K{text()}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Leave an empty line."""
        if self._shown:
            self._shown = False
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
