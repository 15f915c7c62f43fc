"""A screen that a flow waits for: tells when it is there, and when it has been answered."""

from collections.abc import Callable
from typing import Generic, TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import Screen

ResultT = TypeVar("ResultT")


def nothing() -> None:
    """Nobody waits."""


class Question(Screen[ResultT], Generic[ResultT]):
    """Mixed into screens that are asked with `AstraApp.ask`."""

    when_ready: Callable[[], None] = staticmethod(nothing)
    when_answered: Callable[[], None] = staticmethod(nothing)

    def on_screen_resume(self) -> None:
        self.call_after_refresh(self.when_ready)

    def dismiss(self, result: ResultT | None = None) -> AwaitComplete:
        self.when_answered()
        return super().dismiss(result)
