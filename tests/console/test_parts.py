"""The small parts: where panels stand, the newest question, payloads, the log file."""

import asyncio
import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.geometry import Region, Size

from astra_tui import themes
from astra_tui.latest import Latest
from astra_tui.logfile import LogFile
from astra_tui.report import describe
from astra_tui.screens.dashboard import _bar
from astra_tui.screens.message import MessageCard, payload_text
from astra_tui.screens.panels import PANE_WIDTH, is_stacked, place, scrolled
from engine.errors import DigestMismatch
from engine.model import PanelLayout, Tier
from tests.console import world
from widgets.lines import plain_cell


@given(st.integers(100, 400), st.integers(28, 120), st.integers(1, 12), st.data())
def test_panels_cover_the_room_and_never_overlap(
    width: int, height: int, clouds: int, data: st.DataObject
) -> None:
    size = Size(width, height)
    current = data.draw(st.integers(0, clouds + 1))
    first = scrolled(size, clouds, current, data.draw(st.integers(-1, clouds)))
    regions = place(size, clouds, current, first)
    assert current in regions
    assert {clouds, clouds + 1} <= set(regions)
    assert sum(region.area for region in regions.values()) == size.area
    whole = Region(0, 0, width, height)
    for number, region in regions.items():
        assert whole.contains_region(region)
        assert not any(region.overlaps(other) for n, other in regions.items() if n != number)
        if number < clouds:
            assert region.width >= PANE_WIDTH


@given(st.integers(100, 400), st.integers(28, 120), st.integers(1, 12), st.data())
def test_hidden_panels_leave_their_room_to_the_others(
    width: int, height: int, clouds: int, data: st.DataObject
) -> None:
    size, numbers = Size(width, height), range(clouds + 2)
    hidden = data.draw(st.sets(st.sampled_from(numbers), max_size=clouds + 1))
    current = data.draw(st.sampled_from([n for n in numbers if n not in hidden]))
    first = scrolled(size, clouds, current, data.draw(st.integers(0, clouds)), hidden=hidden)
    regions = place(size, clouds, current, first, hidden=hidden)
    assert current in regions
    assert not hidden & set(regions)
    assert {clouds, clouds + 1} - hidden <= set(regions)
    assert sum(region.area for region in regions.values()) == size.area
    for number, region in regions.items():
        assert not any(region.overlaps(other) for n, other in regions.items() if n != number)
        assert region.width >= 38


def test_a_layout_keeps_its_order_whatever_clouds_come_and_go() -> None:
    layout = PanelLayout((":events", "gone", "azure", "aws"))
    known = ("aws", "gcp", "azure", ":events", ":migrations")
    assert layout.arranged(known) == (":events", "gcp", "azure", "aws", ":migrations")
    assert PanelLayout().arranged(known) == known


def test_two_clouds_leave_the_feed_its_own_column() -> None:
    regions = place(Size(120, 38), 2, 0)
    assert regions[2].height == 38
    assert [regions[n].width for n in (0, 1, 2)] == [41, 41, 38]


def test_three_clouds_of_120_columns_stand_side_by_side() -> None:
    regions = place(Size(120, 38), 3, 0)
    assert [regions[n].width for n in (0, 1, 2)] == [40, 40, 40]
    assert regions[3].y == regions[4].y == regions[0].height


@pytest.mark.parametrize(
    ("size", "stacked"), [((80, 24), True), ((120, 24), True), ((90, 50), True), ((100, 28), False)]
)
def test_small_terminals_show_one_panel(size: tuple[int, int], stacked: bool) -> None:
    assert is_stacked(Size(*size)) is stacked


async def test_the_newest_question_wins() -> None:
    gate = asyncio.Event()
    asked: list[int] = []
    shown: list[int] = []

    async def ask(question: int) -> int:
        asked.append(question)
        await gate.wait()
        return question * 10

    latest: Latest[int, int] = Latest(ask, shown.append)
    assert latest.request(1)
    task = asyncio.create_task(latest.run())
    while not asked:
        await asyncio.sleep(0)
    assert not latest.request(2)
    assert not latest.request(3)
    gate.set()
    await task
    assert asked == [1, 3]
    assert shown == [30]
    assert latest.generation == 3


async def test_the_same_question_again_shows_both_answers() -> None:
    answers = iter((10, 11))
    shown: list[int] = []

    async def ask(question: int) -> int:
        await asyncio.sleep(0)
        return next(answers)

    latest: Latest[int, int] = Latest(ask, shown.append)
    latest.request(1)
    task = asyncio.create_task(latest.run())
    await asyncio.sleep(0)
    latest.request(1)
    await task
    assert shown == [10, 11]


async def test_a_question_that_fails_does_not_block_the_next() -> None:
    shown: list[int] = []

    async def ask(question: int) -> int:
        if question == 1:
            raise DigestMismatch("different")
        return question

    latest: Latest[int, int] = Latest(ask, shown.append)
    latest.request(1)
    with pytest.raises(DigestMismatch):
        await latest.run()
    assert latest.request(2)
    await latest.run()
    assert shown == [2]


@pytest.mark.parametrize(
    ("raw", "kind", "part"),
    [
        (b'{"a": {"b": [1, 2]}}', "JSON", '    "b": ['),
        (b"plain text", "text", "plain text"),
        (b"", "nothing", ""),
        (b'{"a": "\\u6f22\\u001b"}', "JSON", '"\\u6f22\\u001b"'),
        (b'{"a": "\\u6f22"}', "JSON", '"漢"'),
        (b"\xff\xfe\x00\x1b[2J", "bytes", "ff fe 00 1b 5b 32 4a"),
        (b"[" * 100_000, "text", "[[["),
        (b'{"a": NaN}', "JSON", "NaN"),
    ],
)
def test_payloads_are_laid_out(raw: bytes, kind: str, part: str) -> None:
    text, found = payload_text(raw)
    assert found == kind
    assert part in text


@given(st.binary(max_size=400))
def test_no_payload_reaches_the_terminal_raw(raw: bytes) -> None:
    from dataclasses import replace

    from rich.style import Style

    from widgets.cells import draw_cell

    card = MessageCard(replace(world.Feed().row(1), raw=raw, subject="\x1b[2J", detail="\x9bx"))
    for cell in card.build(60):
        for segment in draw_cell(cell, 60, lambda *names: Style()):
            assert segment.text.isprintable()


def test_json_is_shown_whole() -> None:
    value = {"key": "漢字 [red]x[/]", "list": list(range(50))}
    from dataclasses import replace

    card = MessageCard(replace(world.Feed().row(1), raw=json.dumps(value).encode()))
    text = "\n".join(plain_cell(cell) for cell in card.build(80))
    assert "漢字 [red]x[/]" in text
    assert "49" in text


@given(st.lists(st.integers(0, 10**15), min_size=4, max_size=4), st.integers(13, 120))
def test_a_bar_of_tiers_has_its_width_and_hides_none(sizes: list[int], width: int) -> None:
    by_tier = dict(zip(Tier, sizes, strict=True))
    bar = _bar(by_tier, width)
    present = sum(1 for size in sizes if size)
    if bar:
        assert sum(len(part[0]) for part in bar) == width - 12
        assert len(bar) == present
    else:
        assert present == 0 or width - 12 < present


def test_the_log_goes_to_the_state_directory_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = list(logging.getLogger().handlers)
    log = LogFile(tmp_path / "state").open()
    try:
        logging.getLogger("astra.test").info("a line")
        assert log.path == tmp_path / "state" / "astra.log"
    finally:
        log.close()
        log.close()
    assert "a line" in (tmp_path / "state" / "astra.log").read_text()
    assert capsys.readouterr() == ("", "")
    assert logging.getLogger().handlers == before


def test_a_full_disk_says_nothing_on_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "astra.log").symlink_to("/dev/full")
    log = LogFile(tmp_path).open()
    for number in range(2000):
        logging.getLogger("astra.test").error("line %d", number)
    log.close()
    assert capfd.readouterr() == ("", "")


def test_the_log_level_counts(tmp_path: Path) -> None:
    log = LogFile(tmp_path, "warning").open()
    logging.getLogger("astra.test").info("quiet")
    logging.getLogger("astra.test").warning("loud")
    log.close()
    text = (tmp_path / "astra.log").read_text()
    assert "loud" in text
    assert "quiet" not in text


def test_no_log_is_no_reason_not_to_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    log = LogFile(tmp_path / "file").open()
    assert log.path is None
    log.close()


def test_an_error_of_ours_has_four_answers_and_another_has_calm_ones(tmp_path: Path) -> None:
    ours = describe(DigestMismatch("They differ.", subject="a:b/c", safe="Kept.", todo="Retry."))
    assert (ours.what, ours.subject, ours.safe, ours.todo) == (
        "They differ.", "a:b/c", "Kept.", "Retry.",
    )  # fmt: skip
    other = describe(KeyError("password=hunter2"), tmp_path / "astra.log")
    assert "hunter2" not in " ".join((other.what, other.safe, other.todo))
    assert other.log.endswith("astra.log")


def test_every_theme_defines_the_tiers() -> None:
    for theme in themes.THEMES:
        assert set(themes.DEFAULT_VARIABLES) <= set(theme.variables), theme.name


@pytest.mark.parametrize(
    ("wanted", "name", "warns"),
    [
        ("", themes.DARK, False),
        ("Light", themes.LIGHT, False),
        ("astra-contrast", themes.CONTRAST, False),
        ("mauve", themes.DARK, True),
    ],
)
def test_choosing_a_theme(wanted: str, name: str, warns: bool) -> None:
    chosen, warning = themes.choose(wanted)
    assert chosen == name
    assert bool(warning) is warns
    assert themes.choose(wanted, no_color=True)[0] == themes.TERMINAL
