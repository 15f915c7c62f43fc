"""One time zone and one set of signs for every test of the widgets."""

import time
from collections.abc import Iterator

import pytest

from widgets import glyphs


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    glyphs.use(glyphs.UNICODE)
    yield
    glyphs.use(glyphs.UNICODE)
    monkeypatch.undo()
    time.tzset()
