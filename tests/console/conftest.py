"""One time zone, one kind of terminal, and doors that need no engine."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from astra_tui.app import AstraApp
from astra_tui.config import ConsoleSettings
from tests.console.door import FakeDoor
from widgets import glyphs


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    before = glyphs.current()
    glyphs.use(glyphs.UNICODE)
    monkeypatch.setattr(glyphs, "detect", lambda: glyphs.UNICODE)
    yield
    glyphs.use(before)
    monkeypatch.undo()
    time.tzset()


AppMaker = Callable[..., AstraApp]


@pytest.fixture
def make_app(tmp_path: Path) -> AppMaker:
    """Makes a console over a `FakeDoor`; `app.engine` is the door."""

    def make(snapshot: Any = None, *, console: ConsoleSettings | None = None, **given: Any) -> Any:
        door = FakeDoor(tmp_path, snapshot, **given)
        return AstraApp(door, console or ConsoleSettings())  # type: ignore[arg-type]

    return make
