"""Whatever strangers call their objects, no control character gets to the terminal."""

import unicodedata

import pytest
from rich.cells import cell_len

from tests.widgets.samples import HOSTILE, FakeView, cloud_status
from tests.widgets.scenes import SCENES
from tests.widgets.stage import Stage, lines_of, settle
from widgets import glyphs
from widgets.cloud_pane import CloudPane
from widgets.line_view import LineView

FORBIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


@pytest.mark.parametrize("signs", ["unicode", "ascii"])
@pytest.mark.parametrize("scene", list(SCENES))
async def test_nothing_gets_out(scene: str, signs: str) -> None:
    glyphs.use(glyphs.ASCII if signs == "ascii" else glyphs.UNICODE)
    app = SCENES[scene]()
    async with app.run_test(size=(100, 40)) as pilot:
        await settle(pilot)
        for size in ((100, 40), (41, 12)):
            await pilot.resize_terminal(*size)
            await settle(pilot)
            checked = 0
            for strip in app.screen._compositor.render_strips():
                for segment in strip:
                    if segment.control:
                        continue
                    checked += 1
                    bad = [c for c in segment.text if unicodedata.category(c) in FORBIDDEN]
                    assert not bad, (segment, bad)
                    assert segment.style is None or segment.style.link is None
                    assert segment.style is None or not segment.style.meta.get("@click")
            assert checked
            for view in app.query(LineView):
                if not view.region:
                    continue
                for y in range(view.size.height):
                    strip = view.render_line(y)
                    assert strip.cell_length == view.line_width, strip
                    assert sum(cell_len(part.text) for part in strip) == view.line_width


async def test_a_click_on_a_name_runs_nothing() -> None:
    rung = []

    class Loud(Stage):
        def action_bell(self) -> None:
            rung.append(1)

    pane = CloudPane("aws")

    def prepare(_: Stage) -> None:
        pane.show_status(cloud_status())
        pane.show_view(FakeView(("[@click=app.bell]click[/]",)))

    async with Loud(lambda: [pane], prepare).run_test(size=(80, 10)) as pilot:
        await settle(pilot)
        at = lines_of(pane.objects)[1].index("click[/]")
        await pilot.click(pane.objects, offset=(at + 1, 1))
        await settle(pilot)
        assert not rung


async def test_names_that_differ_look_different() -> None:
    names = [name for name in HOSTILE if len(name) < 60 and "caf" not in name]
    pane = CloudPane("aws")

    def prepare(_: Stage) -> None:
        pane.show_status(cloud_status())
        pane.show_view(FakeView(names))

    async with Stage(lambda: [pane], prepare).run_test(size=(160, 70)) as pilot:
        await settle(pilot)
        shown = [line[3:60] for line in lines_of(pane.objects)[1 : len(names) + 1]]
        assert len(set(shown)) == len(names)
