"""Plans kept for review by an engine: edited, saved, checked again, exported, approved."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from astra_tui.cli.planview import plan_json
from astra_tui.plan_report import lines
from astra_tui.plan_summary import summary_json
from engine import replanner
from engine.engine import Engine
from engine.errors import AstraError, Refused, StateError, UsageError
from engine.model import (
    Address,
    Evidence,
    JobState,
    MoveKind,
    MovePick,
    Plan,
    PlanEdit,
    PlanQuery,
    PlanRequest,
    PlanView,
    Provider,
    RiskKind,
    StoreKind,
    Tier,
    VersionPin,
)
from engine.plan_files import head_json, moves_json, read_plan
from engine.service.remote import RemoteEngine
from engine.service.server import Server
from engine.settings import CloudSettings, EngineSettings, KafkaSettings

NAMES = ("a.csv", "photos/one.jpg", "photos/two.jpg", "logs[/]x")


def settings_in(folder: Path, most: int | None = 10) -> EngineSettings:
    clouds = []
    for name in ("one", "two"):
        (folder / name / "b").mkdir(parents=True, exist_ok=True)
        clouds.append(
            CloudSettings(name, StoreKind.LOCAL, Provider.ONPREM, bucket="b", root=folder / name)
        )
    for number, name in enumerate(NAMES):
        path = folder / "one" / "b" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * (number + 1))
    kafka = KafkaSettings(bootstrap="off")
    return EngineSettings(tuple(clouds), folder / "state", kafka=kafka, max_deletes=most)


@asynccontextmanager
async def served(folder: Path, most: int | None = 10) -> AsyncIterator[Engine]:
    """An engine behind its socket: what a console has."""
    settings = settings_in(folder, most)
    path = folder / "engine.sock"
    async with Engine(settings) as engine, Server(engine).listening(path):
        async with RemoteEngine(settings, path) as door:
            yield door


def sources() -> tuple[Address, ...]:
    return tuple(Address("one", "b", name) for name in NAMES)


async def opened(door: Engine, **changes: object) -> PlanView:
    request = PlanRequest(sources(), Address("two", "b", "in/"))
    return await door.open_plan(replace(request, **changes))  # type: ignore[arg-type]


async def ends(door: Engine, view: PlanView) -> list[str]:
    found = await door.plan_lines(view.review, 0, view.lines)
    return sorted(line.move.destination.key for line in found if line.move is not None)


async def test_each_object_keeps_its_whole_key(tmp_path: Path) -> None:
    async with served(tmp_path) as door:
        view = await opened(door)
        assert await ends(door, view) == sorted(f"in/{name}" for name in NAMES)
        assert (view.moves, view.deletes, view.max_deletes) == (4, 4, 10)
        assert view.place == Address("two", "b", "in/")
        kinds = {risk.kind for risk in view.risks}
        assert {RiskKind.DELETES, RiskKind.UNATTESTED} <= kinds
        folder = await door.open_plan(
            PlanRequest(
                destination=Address("two", "b", ""), folders=(Address("one", "b", "photos/"),)
            )
        )
        assert await ends(door, folder) == ["photos/one.jpg", "photos/two.jpg"]


async def test_edits_are_planned_anew_and_what_was_left_out_stays_out(tmp_path: Path) -> None:
    async with served(tmp_path) as door:
        view = await opened(door)
        out = await door.take_moves(view.review, MovePick(text="*.jpg"), False)
        assert (out.picked, out.totals.moves) == (2, 2)
        copied = await door.edit_plan(view.review, PlanEdit(kind=MoveKind.COPY))
        assert (copied.deletes, copied.totals.moves, copied.edited) == (0, 2, True)
        assert copied.risk(RiskKind.DELETES) is None
        assert copied.plan_id != view.plan_id
        moved = await door.edit_plan(view.review, PlanEdit(destination=Address("two", "b", "x/")))
        assert await ends(door, moved) == sorted(f"x/{name}" for name in NAMES)
        options = replace(moved.options, compress="zstd:3", verify=Evidence.ATTESTED)
        packed = await door.edit_plan(view.review, PlanEdit(options=options, priority=10))
        assert await ends(door, packed) == sorted(f"x/{name}.zst" for name in NAMES)
        assert (packed.priority, packed.options.verify) == (10, Evidence.ATTESTED)
        plain = replace(packed.options, compress="")
        back = await door.edit_plan(view.review, PlanEdit(options=plain))
        assert await ends(door, back) == sorted(f"x/{name}" for name in NAMES)
        assert back.totals.moves == 2
        (tmp_path / "two" / "b" / "x").mkdir()
        (tmp_path / "two" / "b" / "x" / "a.csv").write_bytes(b"other")
        there = await door.edit_plan(view.review, PlanEdit(kind=MoveKind.MOVE))
        occupied = there.risk(RiskKind.OCCUPIED)
        assert occupied is not None
        assert occupied.all == 1


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (PlanEdit(destination=Address("nowhere", "b", "")), "no cloud named"),
        (PlanEdit(destination=Address("two", "b", "key")), "ends in /"),
        (PlanEdit(storage_class="FROZEN"), "has no class"),
        (PlanEdit(kind=MoveKind.TIER), "no source to keep"),
    ],
)
async def test_what_a_plan_cannot_become(tmp_path: Path, edit: PlanEdit, told: str) -> None:
    async with served(tmp_path) as door:
        view = await opened(door)
        with pytest.raises(UsageError, match=told):
            await door.edit_plan(view.review, edit)
        again = await door.show_plan(view.review, PlanQuery())
        assert (again.plan_id, again.totals) == (view.plan_id, view.totals)


async def test_a_saved_plan_is_checked_again_when_it_is_opened(tmp_path: Path) -> None:
    async with served(tmp_path) as door:
        view = await opened(door)
        plan_id = await door.keep_plan(view.review)
        (saved,) = await door.saved_plans()
        assert (saved.plan_id, saved.totals.moves) == (plan_id, 4)
        same = await door.open_plan(PlanRequest(saved=plan_id))
        assert same.changes == ("Nothing changed since it was saved.",)
        assert same.totals.moves == 4
        here = tmp_path / "one" / "b"
        (here / "a.csv").unlink()
        (here / "logs[/]x").write_bytes(b"longer than before")
        now = await door.open_plan(PlanRequest(saved=plan_id))
        assert now.changes[:2] == ("1 of 4 are gone.", "1 of 4 are another version now.")
        assert (now.totals.moves, now.totals.refused) == (2, 2)
        found = await door.plan_lines(now.review, 0, now.lines)
        told = {line.move.source.key: line.move.refused for line in found if line.move}
        assert "gone" in told["a.csv"]
        assert "another version" in told["logs[/]x"]
        assert not told["photos/one.jpg"]
        with pytest.raises(UsageError):
            await door.open_plan(PlanRequest(saved="nosuch"))


async def test_a_plan_whose_cloud_is_gone_is_refused_not_lost(tmp_path: Path) -> None:
    async with served(tmp_path) as door:
        plan_id = await door.keep_plan((await opened(door)).review)
    settings = settings_in(tmp_path)
    async with Engine(replace(settings, clouds=settings.clouds[:1])) as engine:
        view = await engine.open_plan(PlanRequest(saved=plan_id))
        assert (view.totals.moves, view.totals.refused) == (0, 4)
        assert view.changes[0] == "4 of 4 are gone."


async def test_what_is_approved_is_what_was_seen_and_stays_so(tmp_path: Path) -> None:
    async with served(tmp_path) as door:
        view = await opened(door)
        later = await door.take_moves(view.review, MovePick(text="photos/*"), False)
        with pytest.raises(StateError, match="changed while"):
            await door.approve_plan(view.review, view.revision)
        done = await door.approve_plan(view.review, later.revision)
        assert (done.jobset, done.queued, done.at_work) == (view.plan_id, 2, 0)
        for change in (
            door.take_moves(view.review, MovePick()),
            door.edit_plan(view.review, PlanEdit(kind=MoveKind.COPY)),
            door.approve_plan(view.review, later.revision),
        ):
            with pytest.raises(Refused, match="was approved"):
                await change
        await door.wait(done.jobset)
        jobs = await door.jobs(jobset=done.jobset)
        assert sorted(job.spec.source.key for job in jobs) == ["a.csv", "logs[/]x"]
        assert {job.state for job in jobs} == {JobState.COMPLETED}


async def test_too_many_deletes_are_refused_and_the_review_goes_on(tmp_path: Path) -> None:
    async with served(tmp_path, most=3) as door:
        view = await opened(door)
        risk = view.risk(RiskKind.DELETES)
        assert risk is not None
        assert risk.over
        with pytest.raises(Refused, match="deletes 4 sources"):
            await door.approve_plan(view.review, view.revision)
        fewer = await door.take_moves(view.review, MovePick(text="a.csv"), False)
        assert (await door.approve_plan(view.review, fewer.revision)).queued == 3


async def test_a_review_that_is_closed_says_so(tmp_path: Path) -> None:
    async with served(tmp_path) as door:
        view = await opened(door)
        await door.close_plan(view.review)
        await door.close_plan(view.review)
        with pytest.raises(UsageError, match="not open any more"):
            await door.plan_lines(view.review, 0, 1)
        kept = [await opened(door) for _ in range(9)]
        with pytest.raises(UsageError, match="not open any more"):
            await door.plan_lines(kept[0].review, 0, 1)
        assert await door.plan_lines(kept[1].review, 0, 1)


async def test_console_and_command_tell_the_same_of_a_plan(tmp_path: Path) -> None:
    """Totals, groups and risks: as the console draws them, as `astra plan show --json` prints
    them, and as an export begins."""
    async with served(tmp_path, most=3) as door:
        view = await opened(door, tier=None)
        await door.keep_plan(view.review)
        shown = json.loads(json.dumps(summary_json(view)))
        *_, printed = plan_json(await door.workspace.plan(view.plan_id), 3)
        assert {name: printed["plan"][name] for name in shown} == shown
        header = await door.plan_header(view.review)
        pieces = [p async for p in lines(header, view, door.plan_moves(view.review), "json")]
        assert json.loads(pieces[0])["summary"] == shown


async def test_a_plan_goes_to_a_file_and_back_exactly(tmp_path: Path) -> None:
    async with served(tmp_path) as door:
        view = await opened(door)
        header = await door.plan_header(view.review)
        exported = lines(header, view, door.plan_moves(view.review), "json")
        path = tmp_path / "plan.jsonl"
        path.write_text("".join([piece async for piece in exported]))
        await door.keep_plan(view.review)
        assert await asyncio.to_thread(read_plan, path) == await door.workspace.plan(view.plan_id)
        again = await door.open_plan(PlanRequest(file=str(path)))
        assert again.totals == view.totals
        csv = lines(header, view, door.plan_moves(view.review), "csv")
        rows = "".join([piece async for piece in csv]).splitlines()
        assert len(rows) == 1 + len(NAMES)
        text = lines(header, view, door.plan_moves(view.review), "text")
        words = "".join([piece async for piece in text])
        assert "sources deleted (4)" in words
        assert "one:b/logs[/]x" in words


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: "not json",
        lambda text: "[1]\n",
        lambda text: text.replace('"astra_plan": 1', '"astra_plan": 9'),
        lambda text: text[: text.rindex('{"source"')],  # cut off
        lambda text: text.replace('"kind": "move"', '"kind": "burn"'),
        lambda text: text.replace('"size"', '"weight"'),
        lambda text: text + "\x00\n",
        lambda text: re.sub(r'"plan_id": "\w+"', '"plan_id": ""', text),  # would mean all job sets
        lambda text: re.sub(r'"plan_id": "\w+"', r'"plan_id": "\\u001b[31m"', text),
        lambda text: text.replace('"priority": 0', '"priority": 1e30').replace(
            "1e30", "1" + "0" * 30
        ),
    ],
)
async def test_what_is_no_plan_is_told(tmp_path: Path, change: object) -> None:
    async with served(tmp_path) as door:
        view = await opened(door)
        header = await door.plan_header(view.review)
        exported = lines(header, view, door.plan_moves(view.review), "json")
        path = tmp_path / "plan.jsonl"
        text = "".join([piece async for piece in exported])
        path.write_text(change(text))  # type: ignore[operator]
        with pytest.raises(StateError, match="no exported plan"):
            await door.open_plan(PlanRequest(file=str(path)))
        with pytest.raises(AstraError):
            await door.open_plan(PlanRequest(file=str(tmp_path / "nosuch")))


@pytest.mark.parametrize("size", [1, -1])
async def test_a_move_in_a_file_that_names_no_version_is_checked_too(
    tmp_path: Path, size: int
) -> None:
    """A file may say anything: what nobody refused is looked at like every move."""
    async with served(tmp_path) as door:
        view = await opened(door)
        move = (await door.plan_lines(view.review, 0, 2))[-1].move
        assert move is not None
        blind = replace(move, pin=VersionPin(size=size), from_class="", risks=(), kinds=())
        odd = replace(blind, destination=Address("two", "b", "../x"))
        path, head = tmp_path / "plan.jsonl", await door.plan_header(view.review)
        path.write_text("".join([head_json(head, 1, {}), *moves_json([odd])]))
        assert (await door.open_plan(PlanRequest(file=str(path)))).totals.moves == 0
        path.write_text("".join([head_json(head, 1, {}), *moves_json([blind])]))
        again = await door.open_plan(PlanRequest(file=str(path)))
        assert again.totals.moves == (1 if size == move.size else 0)
        if again.totals.moves:
            assert again.risk(RiskKind.UNATTESTED) is not None
            looked_at = (await door.plan_lines(again.review, 0, 2))[-1].move
            assert looked_at is not None
            assert looked_at.pin.etag == move.pin.etag


async def test_moves_of_several_folders_that_chase_each_other(tmp_path: Path) -> None:
    async with served(tmp_path) as door:
        chased = tmp_path / "one" / "b" / "in" / "photos" / "one.jpg"
        chased.parent.mkdir(parents=True)
        chased.write_bytes(b"the same")
        (tmp_path / "one" / "b" / "photos" / "one.jpg").write_bytes(b"the same")
        names = ("photos/one.jpg", "in/photos/one.jpg")
        objects = tuple(Address("one", "b", name) for name in names)
        view = await door.open_plan(PlanRequest(objects, Address("one", "b", "in/")))
        assert (view.totals.moves, view.totals.refused) == (1, 1)
        refused = view.risk(RiskKind.REFUSED)
        assert refused is not None
        assert "takes its source from one:b/in/photos/one.jpg" in refused.example


async def test_what_is_left_out_while_an_edit_is_planned_stays_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Engine(settings_in(tmp_path)) as door:
        view = await opened(door)
        edited, begun, free = replanner.edited, asyncio.Event(), asyncio.Event()

        async def slow(*args: Any) -> Plan:
            begun.set()
            await free.wait()
            return await edited(*args)

        monkeypatch.setattr(replanner, "edited", slow)
        first = asyncio.create_task(door.edit_plan(view.review, PlanEdit(priority=5)))
        await begun.wait()
        second = asyncio.create_task(door.edit_plan(view.review, PlanEdit(kind=MoveKind.COPY)))
        await door.take_moves(view.review, MovePick(text="a.csv"), False)
        free.set()
        done = await asyncio.gather(first, second, return_exceptions=True)
        told = [item for item in done if isinstance(item, UsageError)]
        assert [error.what for error in told] == ["The plan was edited meanwhile by somebody else."]
        now = await door.show_plan(view.review, PlanQuery())
        assert (now.moves, now.totals.moves) == (4, 3)


async def test_a_plan_of_classes_and_one_of_nothing(tmp_path: Path) -> None:
    async with served(tmp_path) as door:
        tiers = await door.open_plan(PlanRequest(sources(), tier=Tier.COLD))
        assert tiers.totals.moves == 0  # a disk has no classes
        assert tiers.place is None
        nothing = await door.open_plan(PlanRequest())
        assert (nothing.moves, nothing.lines, nothing.risks) == (0, 0, ())


async def test_an_edit_that_keeps_all_moves_plans_none_again(tmp_path: Path) -> None:
    async with served(tmp_path) as door:
        view = await opened(door)
        await door.take_moves(view.review, MovePick(number=0), False)
        options = replace(view.options, server_copy=False)
        made = await door.edit_plan(view.review, PlanEdit(options=options, priority=10))
        assert (made.priority, made.options.server_copy, made.edited) == (10, False, True)
        assert made.plan_id != view.plan_id
        assert made.totals.moves == 3  # what is left out stays out
        with pytest.raises(StateError, match="changed while"):
            await door.approve_plan(view.review, view.revision)
        assert await door.plan_progress(view.review) == 0.0
        assert (await door.approve_plan(view.review, made.revision)).queued == 3
        await door.wait()
        assert {job.priority for job in await door.jobs()} == {10}


def test_planning_again_tells_how_far_it_is_and_ends_when_told(tmp_path: Path) -> None:
    from engine.migration import replan
    from engine.migration.watch import EACH, Stopped, Watch
    from engine.pricing.book import PriceBook
    from tests.widgets.samples import CALM, move

    moves = tuple(
        replace(move(CALM[0]), source=Address("nowhere", "b", f"k{n}")) for n in range(3 * EACH)
    )
    plan = Plan("p", "t", 1.0, "", moves)
    watch = Watch(2 * len(moves))
    made = replan.replan(plan, {}, {}, PriceBook.load(), existing={}, watch=watch)
    assert made.plan.totals().refused == len(moves)
    assert watch.share == 0.5  # no move is left for the second pass
    watch.stop()
    with pytest.raises(Stopped):
        replan.replan(plan, {}, {}, PriceBook.load(), existing={}, watch=watch)
