"""The status line, the cards, the keys and the caption."""

from dataclasses import replace

import pytest

from engine.model import Address, JobState, KafkaState, ListingState, MoveKind
from tests.widgets.samples import NOW, cloud_status, detail, job, jobs, kafka_status, plan, snapshot
from tests.widgets.stage import Stage, lines_of, settle
from widgets.caption import Caption
from widgets.job_steps import JobSteps
from widgets.key_help import KeyHelp, KeyHint, KeyLine
from widgets.move_card import MoveCard
from widgets.object_card import ObjectCard
from widgets.status_line import StatusLine

KEYS = (
    KeyHint("space", "mark", group="cloud", action="mark"),
    KeyHint("m", "migrate", False, "this console is read-only", "cloud", "migrate"),
    KeyHint("?", "help", group="everywhere", action="help"),
)


async def status_text(shown, width: int) -> str:
    line = StatusLine()
    async with Stage(lambda: [line], lambda _: line.show(shown)).run_test(size=(width, 4)) as pilot:
        await settle(pilot)
        strip = line.render_line(0)
        assert strip.cell_length <= width
        return strip.text.rstrip()


async def test_the_status_line_whole() -> None:
    assert await status_text(snapshot(), 160) == (
        "Astra   aws ● gcp ● azure ◐   kafka ● 1,204 ev/s   $1.15 → $0.34/mo −70 %   "
        "3 running 14 queued 2 failed  48 MiB/s"
    )


@pytest.mark.parametrize("width", [140, 110, 100, 90, 80, 60])
async def test_the_status_line_gives_way(width: int) -> None:
    text = await status_text(snapshot(), width)
    assert "aws" in text
    assert "kafka ●" in text
    assert "3 running" in text
    if width >= 80:
        assert "$1.15 → $0.34/mo" in text
        assert "2 failed" in text


async def test_states_read_without_colour() -> None:
    states = (
        (ListingState.READY, "●"),
        (ListingState.EMPTY, "○"),
        (ListingState.LOADING, "◐"),
        (ListingState.FAILED, "✗"),
    )
    clouds = tuple(cloud_status(name=state.value, state=state) for state, _ in states)
    text = await status_text(snapshot(clouds=clouds), 160)
    for state, sign in states:
        assert f"{state.value} {sign}" in text
    away = kafka_status(state=KafkaState.AWAY, outbox=12)
    assert "kafka ✗ away 12 unsent" in await status_text(snapshot(kafka=away), 160)
    off = kafka_status(state=KafkaState.OFF)
    assert "kafka off" in await status_text(snapshot(kafka=off), 160)
    assert "READ-ONLY" in await status_text(snapshot(read_only=True), 80)
    assert "idle" in await status_text(snapshot(job_counts=(), rate=0.0), 160)
    paused = snapshot(job_counts=(("queued", 3), ("paused", 2)), rate=0.0)
    assert "2 paused 3 queued" in await status_text(paused, 160)


async def test_costs_that_are_unknown_rise_or_stay() -> None:
    assert "unknown" not in await status_text(snapshot(cost_month=None, projected_month=None), 160)
    assert "$1.15/mo " in await status_text(snapshot(projected_month=None), 160)
    assert "+50 %" in await status_text(snapshot(cost_month=1.0, projected_month=1.5), 160)


async def card_text(card, show, size=(120, 60)) -> str:
    async with Stage(lambda: [card], lambda _: show(card)).run_test(size=size) as pilot:
        await settle(pilot)
        return "\n".join(lines_of(card))


async def test_a_failed_job() -> None:
    text = await card_text(JobSteps(), lambda card: card.show(jobs()[9], now=NOW))
    for words in (
        "aws:prod-data/corrupt.bin",
        "gcp:cold-data/moved/corrupt.bin",
        "●●●✗○ failed",
        "✗ 4 verify      900 ms",
        "DIFFERENT",
        "no delete was tried",
        "do: Retry the job",
        "attempt 2: copy rolled back",
        "version v-17",
    ):
        assert words in text, words


async def test_a_completed_job() -> None:
    text = await card_text(JobSteps(), lambda card: card.show(jobs()[7], now=NOW))
    for words in (
        "● 4 verify      1m 01s",
        "  equal",
        "reread: the copy was read back and hashed anew",
        "agrees with the source's own checksum",
        "guarded: the store deletes only this version",
        "version 1795262600123",
        "ended 12:04:28",
    ):
        assert words in text, words
    assert "error" not in text
    kept = await card_text(JobSteps(), lambda card: card.show(jobs()[8]))
    assert "not taken: the source is kept" in kept
    assert "source unattested" in kept


async def test_a_running_job_and_no_job() -> None:
    text = await card_text(JobSteps(), lambda card: card.show(jobs()[0], now=NOW))
    assert "upload  36%  48 MiB/s  3m 05s (12:07)" in text
    waiting = await card_text(JobSteps(), lambda card: card.show(jobs()[6], now=NOW))
    assert "next at 12:04:43" in waiting
    assert "No job." in await card_text(JobSteps(), lambda card: None)
    tier = job("a", JobState.QUEUED)
    tier = replace(tier, spec=replace(tier.spec, kind=MoveKind.TIER))
    assert "change of class" in await card_text(JobSteps(), lambda card: card.show(tier))


async def test_an_object() -> None:
    text = await card_text(ObjectCard(), lambda card: card.show(detail()))
    for words in (
        "aws:prod-data/photos/2026/08/harbour.jpg",
        "2.5 MiB  2,621,440 bytes",
        "412 in 30 days, last used 2d ago",
        "1,080 reads in 90 days",
        "▸ HOT     STANDARD",
        "EXPRESS_ONEZONE              ?",
        "+0.03      0.01  12 d",
        "128 d",
        "never",
        "not possible: aws has no class",
        "HOT → WARM  +$0.01/mo  rules 1",
        "between 30 and 90 days WARM is the rule",
        "●●●●● completed",
        "note = esc ␛[31m[red]x",
        "project = harbour",
        "(written by a client: no proof)",
        "crc32c 1a2b3c4d  (by the store)",
    ):
        assert words in text, words
    assert "Reading" in await card_text(ObjectCard(), lambda card: None)


async def test_names_that_only_look_alike() -> None:
    for key, warned in (("cafe\u0301", True), ("caf\u00e9", False)):
        shown = replace(detail(), address=Address("aws", "prod-data", key))
        text = await card_text(ObjectCard(), lambda card, shown=shown: card.show(shown))
        assert ("another object may look the same" in text) is warned


async def test_a_card_scrolls_and_draws_only_what_changed() -> None:
    card = ObjectCard()
    app = Stage(lambda: [card], lambda _: card.show(detail()))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        whole = app.sent
        app.sent = 0
        card.show(detail())
        await settle(pilot)
        assert app.sent == 0
        card.show(replace(detail(), cost_month=9.0))
        await settle(pilot)
        assert 0 < app.sent < whole / 4
        card.focus()
        await pilot.press("G")
        await settle(pilot)
        assert "2026-10-07 00:04:31" in lines_of(card)[-1]
        await pilot.press("g", "j", "pagedown", "pageup", "k")
        await pilot.resize_terminal(50, 24)
        await settle(pilot)
        assert "aws:prod-data/photos" in lines_of(card)[0]


async def test_a_move() -> None:
    text = await card_text(MoveCard(), lambda card: card.show(plan().moves[2]))
    for words in (
        "HOT STANDARD → COLD NEARLINE  10 MiB",
        "Not read for 123 days",
        "+$0.01/mo, once $0.0009, pays back: 2 d",
        "egress 10 MiB",
        "! risk no conditional delete here",
        "! lost tag cost-centre",
    ):
        assert words in text, words
    refused = await card_text(MoveCard(), lambda card: card.show(plan().moves[4]))
    assert "✗ refused  gcp cannot hold this key" in refused
    assert "shows its reason" in await card_text(MoveCard(), lambda card: card.show(None))


async def test_keys() -> None:
    line = KeyLine()
    app = Stage(lambda: [line], lambda _: line.show(KEYS))
    async with app.run_test(size=(60, 4)) as pilot:
        await settle(pilot)
        assert line.render_line(0).text.rstrip() == " space mark  m migrate  ? help"
        app.sent = 0
        line.show(list(KEYS))
        await settle(pilot)
        assert app.sent == 0
        await pilot.click(line, offset=(14, 0))
        assert [message.hint.key for message in app.heard(KeyLine.Pressed)] == ["m"]
        await pilot.click(line, offset=(50, 0))
        assert len(app.heard(KeyLine.Pressed)) == 1
        await pilot.resize_terminal(24, 4)
        await settle(pilot)
        assert line.render_line(0).text.rstrip() == " space mark  m migrate"
    text = await card_text(KeyHelp(), lambda card: card.show(KEYS))
    assert "m      migrate · not now: this console is read-only" in text
    assert text.index("cloud") < text.index("everywhere")


async def test_a_caption() -> None:
    caption = Caption()
    app = Stage(lambda: [caption])
    async with app.run_test(size=(60, 4)) as pilot:
        await settle(pilot)
        assert not caption.display
        caption.show("step [4]\x1b of 5")
        await settle(pilot)
        assert caption.display
        assert "step [4]␛ of 5" in caption.render_line(0).text
        caption.show("")
        await settle(pilot)
        assert not caption.display
