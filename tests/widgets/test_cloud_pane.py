"""The cloud pane: states, messages, and what stays when rows are replaced."""

from dataclasses import replace

import pytest

from engine.model import Address, ListingQuery, ListingState, SortKey
from tests.widgets.samples import CALM, HOSTILE, FakeView, cloud_status
from tests.widgets.stage import Stage, lines_of, settle
from widgets.cloud_pane import CloudPane


def stage() -> tuple[Stage, CloudPane]:
    pane = CloudPane("aws", id="aws")

    def prepare(_: Stage) -> None:
        pane.show_status(cloud_status())
        pane.show_view(FakeView(CALM))
        pane.focus()

    return Stage(lambda: [pane], prepare), pane


async def show(pane: CloudPane, view: FakeView) -> None:
    """As the console does: what is to be known of the view first, then the view."""
    pane.show_view(view, await pane.look_up(view))


async def test_marks_go_with_keys_and_move_down() -> None:
    app, pane = stage()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert pane.selection() == [Address("aws", "prod-data", CALM[0])]
        pane.action_mark()
        pane.action_mark()
        assert pane.cursor_key == CALM[2]
        assert pane.marked == {CALM[0], CALM[1]}
        await show(pane, FakeView(CALM[::-1], generation=2))
        await settle(pilot)
        assert pane.marked == {CALM[0], CALM[1]}
        assert pane.cursor_key == CALM[2]
        assert pane.selection() == [Address("aws", "prod-data", key) for key in CALM[:2]]
        assert [message.count for message in app.heard(CloudPane.MarksChanged)] == [1, 2]
        pane.objects.move_cursor(len(CALM) - 1)
        pane.action_mark()
        assert pane.marked == {CALM[1]}


async def test_the_cursor_keeps_its_line_when_rows_come_before_it() -> None:
    app, pane = stage()
    async with app.run_test(size=(80, 12)) as pilot:
        names = [f"k{number:04}" for number in range(200)]
        await settle(pilot)
        await show(pane, FakeView(names, generation=2))
        pane.objects.move_cursor(100)
        line = pane.objects.cursor - pane.objects.top
        await show(pane, FakeView([f"a{n}" for n in range(50)] + names, generation=3))
        await settle(pilot)
        assert pane.cursor_key == "k0100"
        assert pane.objects.cursor - pane.objects.top == line
        await show(pane, FakeView(names[:100], generation=4))  # the key is gone
        await settle(pilot)
        assert pane.cursor_key == "k0099"


async def test_marks_of_vanished_keys_go_but_not_of_filtered_ones() -> None:
    app, pane = stage()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        pane.action_mark()
        pane.action_mark()
        await show(pane, FakeView(CALM[5:], ListingQuery(text="photos")))
        await settle(pilot)
        assert len(pane.marked) == 2
        await show(pane, FakeView(CALM[1:], generation=3))
        await settle(pilot)
        assert pane.marked == {CALM[1]}
        assert app.heard(CloudPane.MarksChanged)[-1].count == 1


async def test_mark_all_invert_clear() -> None:
    app, pane = stage()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        pane.action_mark()
        pane.action_invert_marks()
        await app.workers.wait_for_complete()
        assert pane.marked == set(CALM[1:])
        pane.action_mark_all()
        await app.workers.wait_for_complete()
        assert pane.marked == set(CALM)
        await settle(pilot)
        assert app.heard(CloudPane.MarksChanged)[-1].count == len(CALM)
        assert "10 marked" in str(pane.border_subtitle)
        pane.action_clear_marks()
        assert not pane.marked
        assert pane.selection() == [Address("aws", "prod-data", CALM[1])]


async def test_sorting_asks_for_a_query() -> None:
    app, pane = stage()
    async with app.run_test(size=(100, 24)) as pilot:
        await settle(pilot)
        for _ in range(len(SortKey) - 1):  # the number of objects is no column of a pane
            pane.action_sort()
        pane.action_reverse()
        await settle(pilot)
        queries = [message.query for message in app.heard(CloudPane.QueryChanged)]
        assert queries == [
            ListingQuery(SortKey.SIZE, True),
            ListingQuery(SortKey.AGE, True),
            ListingQuery(SortKey.TIER, False),
            ListingQuery(SortKey.COST, True),
            ListingQuery(SortKey.ACCESSES, True),
            ListingQuery(SortKey.IDLE, True),
            ListingQuery(SortKey.CLASS, False),
            ListingQuery(SortKey.NAME, False),
            ListingQuery(SortKey.NAME, True),
        ]
        pane.show_view(FakeView(CALM, ListingQuery(SortKey.SIZE, True)))
        await settle(pilot)
        assert "▼size" in lines_of(pane.objects)[0]


async def test_a_click_on_a_head_sorts() -> None:
    app, pane = stage()
    async with app.run_test(size=(100, 24)) as pilot:
        await settle(pilot)
        at = lines_of(pane.objects)[0].index("size")
        await pilot.click(pane.objects, offset=(at, 0))
        await pilot.click(pane.objects, offset=(at, 0))
        queries = [message.query for message in app.heard(CloudPane.QueryChanged)]
        assert queries == [ListingQuery(SortKey.SIZE, True), ListingQuery(SortKey.SIZE, False)]


async def test_filter_line() -> None:
    app, pane = stage()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        pane.action_filter()
        await settle(pilot)
        await pilot.press("c", "s", "v")
        assert [m.query.text for m in app.heard(CloudPane.QueryChanged)] == ["c", "cs", "csv"]
        await pilot.press("enter")
        assert app.focused is pane.objects
        assert pane.listing_query.text == "csv"
        assert "/csv" in str(pane.border_subtitle)
        pane.action_filter()
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert pane.listing_query.text == ""
        assert app.focused is pane.objects
        assert not pane.query_one("FilterInput").display


async def test_a_pasted_filter_loses_its_controls() -> None:
    from textual import events

    app, pane = stage()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        pane.action_filter()
        await settle(pilot)
        app.post_message(events.Paste("a\x1b[31mb\u202ec\nsecond"))
        await settle(pilot)
        assert pane.listing_query.text == "a[31mbc"


async def test_inspect_and_reload() -> None:
    app, pane = stage()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        pane.action_inspect()
        await pilot.click(pane.objects, offset=(8, 3), times=2)
        pane.action_reload()
        await settle(pilot)
        addresses = [message.address for message in app.heard(CloudPane.Inspect)]
        assert addresses == [Address("aws", "prod-data", key) for key in (CALM[0], CALM[2])]
        assert len(app.heard(CloudPane.Reload)) == 1
        await pilot.click(pane.objects, offset=(0, 4))
        assert pane.marked == {CALM[3]}


STATES = {
    "idle": cloud_status(state=ListingState.IDLE, objects=0),
    "loading": cloud_status(state=ListingState.LOADING, objects=0),
    "empty": cloud_status(state=ListingState.EMPTY, objects=0, bytes=0, cost_month=0.0),
    "failed": cloud_status(
        state=ListingState.FAILED,
        objects=0,
        error="403 Forbidden: these credentials may not list \x1b[2Jprod-data.",
        error_todo="Grant s3:ListBucket, or name another bucket in astra.toml.",
    ),
}
WORDS = {
    "idle": "Not listed yet",
    "loading": "Listing…",
    "empty": "Empty.",
    "failed": "FAILED",
}


@pytest.mark.parametrize("state", list(STATES))
async def test_each_state_has_words_of_its_own(state: str) -> None:
    pane = CloudPane("aws")

    def prepare(_: Stage) -> None:
        pane.show_status(STATES[state])
        pane.show_view(FakeView(()))

    async with Stage(lambda: [pane], prepare).run_test(size=(60, 16)) as pilot:
        await settle(pilot)
        shown = "\n".join(lines_of(pane.objects))
        assert [name for name, word in WORDS.items() if word in shown] == [state]
        assert "\x1b" not in shown
        if state == "failed":
            assert "403 Forbidden" in shown
            assert "Press r" in shown


async def test_a_filter_that_finds_nothing_is_not_an_empty_cloud() -> None:
    app, pane = stage()
    async with app.run_test(size=(60, 16)) as pilot:
        await settle(pilot)
        pane.set_filter("zzz[red]")
        await settle(pilot)
        pane.show_view(FakeView((), ListingQuery(text="zzz[red]")))
        await settle(pilot)
        shown = "\n".join(lines_of(pane.objects))
        assert "No name has zzz[red]." in shown
        assert "Empty" not in shown


async def test_a_failed_listing_warns_above_the_old_rows() -> None:
    app, pane = stage()
    async with app.run_test(size=(60, 16)) as pilot:
        await settle(pilot)
        pane.show_status(cloud_status(state=ListingState.FAILED, error="no route\x1b to host"))
        await settle(pilot)
        banner = pane.query_one("Banner")
        assert banner.display
        assert "FAILED, r lists again: no route␛ to host" in banner.render_line(0).text
        assert CALM[0] in "\n".join(lines_of(pane.objects))
        pane.show_status(cloud_status())
        await settle(pilot)
        assert not banner.display


async def test_the_newer_size_shows_while_loading() -> None:
    app, pane = stage()
    async with app.run_test(size=(80, 16)) as pilot:
        await settle(pilot)
        pane.show_status(cloud_status(state=ListingState.LOADING, objects=52_000))
        await settle(pilot)
        assert "listing… 52,000" in str(pane.border_subtitle)


async def test_hostile_titles() -> None:
    pane = CloudPane("aws")

    def prepare(_: Stage) -> None:
        pane.show_status(cloud_status(bucket="b[red]\x1b]0;x\x07", region="[/]", prefix="p\u202e/"))
        pane.show_view(FakeView(HOSTILE))

    async with Stage(lambda: [pane], prepare).run_test(size=(100, 16)) as pilot:
        await settle(pilot)
        text = "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())
        assert "b[red]␛]0;x␇/p⟨202E⟩/" in text
        assert "[/] ▸" in text


async def test_rows_that_differ_but_read_the_same_are_not_drawn_again() -> None:
    class Later(FakeView):
        def rows(self, start, stop):  # type: ignore[no-untyped-def]
            return [replace(row, age_days=row.age_days + 1e-7) for row in super().rows(start, stop)]

    app, pane = stage()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.sent = 0
        pane.show_view(Later(CALM, generation=2))
        await settle(pilot)
        assert app.sent == 0
        pane.show_view(FakeView((CALM[0], "other", *CALM[2:]), generation=3))
        await settle(pilot)
        assert 0 < app.sent < 1000
        assert "other" in lines_of(pane.objects)[2]
