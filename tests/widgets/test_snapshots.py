"""What the widgets look like: every state at two sizes, some without colour and in light."""

from typing import Any

import pytest

from tests.widgets.scenes import SCENES, console
from widgets import glyphs


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("scene", list(SCENES))
def test_scene(scene: str, size: tuple[int, int], snap_compare: Any) -> None:
    assert snap_compare(SCENES[scene](), terminal_size=size)


def test_light(snap_compare: Any) -> None:
    assert snap_compare(console()(theme="textual-light"), terminal_size=(120, 40))


def test_no_colour(snap_compare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(console()(), terminal_size=(120, 40))


def test_ascii(snap_compare: Any) -> None:
    glyphs.use(glyphs.ASCII)
    assert snap_compare(console()(), terminal_size=(120, 40))
