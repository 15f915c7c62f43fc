"""The operator's own file: exact round trips, atomic writes, damage set aside."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.codec import decode, encode
from engine.errors import StateError, UsageError
from engine.model import (
    Address,
    Bookmark,
    Evidence,
    ListingQuery,
    Move,
    MoveKind,
    MoveOptions,
    PanelLayout,
    Plan,
    SortKey,
    Tier,
    VersionPin,
)
from engine.workspace import Workspace

HOSTILE = "a/\x1b]52;c;x\x07\n[red]\u202egpj.exe//\udc80é"


def a_move(key: str = HOSTILE, **changes: object) -> Move:
    values: dict[str, object] = {
        "source": Address("aws", "prod", key),
        "destination": Address("gcp", "cold", key),
        "kind": MoveKind.MOVE,
        "size": 12,
        "pin": VersionPin("etag", 1700000000.25, 12, "v1"),
        "from_class": "STANDARD",
        "to_class": "COLDLINE",
        "from_tier": Tier.HOT,
        "to_tier": Tier.COLD,
        "saving_per_month": None,
        "one_time_cost": 0.1 + 0.2,
        "cost_lines": (("egress", 0.12), ("requests", 1e-9)),
        "losses": ("tags",),
        "risks": (),
        "refused": "",
    }
    return Move(**{**values, **changes})  # type: ignore[arg-type]


def a_plan(plan_id: str = "p1", created: float = 1.5, moves: int = 2) -> Plan:
    return Plan(
        plan_id=plan_id,
        title="aws → gcp",
        created=created,
        policy="rules",
        moves=tuple(a_move(f"{HOSTILE}{number}") for number in range(moves)),
        options=MoveOptions(checksum="sha256", verify=Evidence.ATTESTED, strict=True),
        warnings=("one",),
    )


@pytest.fixture
async def workspace(tmp_path: Path) -> Workspace:
    opened = Workspace(tmp_path / "state" / "workspace.json")
    await opened.open()
    return opened


async def again(workspace: Workspace) -> Workspace:
    await workspace.close()
    fresh = Workspace(workspace.path)
    await fresh.open()
    return fresh


async def test_opening_makes_no_file(workspace: Workspace) -> None:
    assert await workspace.plans() == []
    assert not workspace.path.exists()
    assert workspace.notices == []


async def test_plans_come_back_exactly(workspace: Workspace) -> None:
    late, early = a_plan("late", 2.0), a_plan("early", 1.0, moves=0)
    await workspace.save_plan(late)
    await workspace.save_plan(early)
    fresh = await again(workspace)
    assert await fresh.plans() == [early, late]
    assert await fresh.plan("late") == late
    assert workspace.path.stat().st_mode & 0o777 == 0o600


async def test_a_plan_saved_twice_is_replaced(workspace: Workspace) -> None:
    await workspace.save_plan(a_plan(created=1.0))
    await workspace.save_plan(a_plan(created=9.0))
    assert [plan.created for plan in await workspace.plans()] == [9.0]


async def test_deleting(workspace: Workspace) -> None:
    await workspace.save_plan(a_plan())
    assert await workspace.delete_plan("p1")
    assert not await workspace.delete_plan("p1")
    with pytest.raises(UsageError, match="no 'p1'"):
        await workspace.plan("p1")
    assert await (await again(workspace)).plans() == []


async def test_how_the_panels_stand_is_kept(workspace: Workspace) -> None:
    assert await workspace.layout() == PanelLayout()
    layout = PanelLayout(("gcp", "aws", ":events"), (":events",))
    await workspace.save_layout(PanelLayout(("aws",)))
    await workspace.save_layout(layout)
    assert await (await again(workspace)).layout() == layout


async def test_bookmarks_policies_and_datasets(workspace: Workspace) -> None:
    query = ListingQuery(SortKey.SIZE, True, "*.csv")
    bookmark = Bookmark("home", Address("aws", "prod", HOSTILE), query, "h")
    await workspace.save_bookmark(Bookmark("z", Address("aws", "b")))
    await workspace.save_bookmark(bookmark)
    await workspace.save_policy("rules", {"hot_days": 30, "patterns": ["*.log"], "x": None})
    await workspace.save_dataset("logs", [Address("aws", "b", "logs/"), Address("gcp", "c", "l")])
    fresh = await again(workspace)
    assert await fresh.bookmarks() == [bookmark, Bookmark("z", Address("aws", "b"))]
    assert await fresh.policies() == {"rules": {"hot_days": 30, "patterns": ["*.log"], "x": None}}
    assert await fresh.datasets() == {
        "logs": (Address("aws", "b", "logs/"), Address("gcp", "c", "l"))
    }
    assert await fresh.delete_bookmark("z")
    assert await fresh.delete_policy("rules")
    assert await fresh.delete_dataset("logs")
    assert (await fresh.policies(), await fresh.datasets()) == ({}, {})


async def test_what_was_given_or_taken_is_not_the_workspaces_own(workspace: Workspace) -> None:
    given: dict[str, object] = {"patterns": ["a"], "pair": (1, 2)}
    await workspace.save_policy("p", given)
    given["patterns"] = "changed"
    (await workspace.policies())["p"]["patterns"].append("b")
    await workspace.save_policy("q", {})
    expected = {"p": {"patterns": ["a"], "pair": [1, 2]}, "q": {}}
    assert await workspace.policies() == expected
    assert await (await again(workspace)).policies() == expected


async def test_what_is_no_json_is_refused_and_the_file_stays(workspace: Workspace) -> None:
    await workspace.save_policy("good", {"a": 1})
    before = workspace.path.read_bytes()
    with pytest.raises(UsageError, match="JSON"):
        await workspace.save_policy("bad", {"a": object()})
    assert workspace.path.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        *[b"", b"{", b"\xff\xfe", b"[]", b'{"plans": 3}', b'{"plans": {"x": {}}}'],
        *[b'{"plans": {"1": []}}', b"[" * 100_000],
    ],
)
async def test_a_damaged_file_is_set_aside_with_a_notice(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "workspace.json"
    path.write_bytes(content)
    workspace = Workspace(path)
    await workspace.open()
    assert len(workspace.notices) == 1
    assert await workspace.plans() == []
    await workspace.save_plan(a_plan())
    aside = [item for item in tmp_path.iterdir() if ".damaged-" in item.name]
    assert len(aside) == 1
    assert aside[0].name in workspace.notices[0].text
    assert aside[0].read_bytes() == content
    assert len(await (await again(workspace)).plans()) == 1


async def test_damage_while_open_and_twice_in_a_second_loses_nothing(workspace: Workspace) -> None:
    await workspace.save_plan(a_plan())
    for content in (b"first", b"second"):
        workspace.path.write_bytes(content)
        await workspace.save_plan(a_plan())
    aside = {item.read_bytes() for item in workspace.path.parent.glob("*.damaged-*")}
    assert aside == {b"first", b"second"}
    assert len(workspace.notices) == 2


async def test_one_unreadable_plan_does_not_hide_the_others(workspace: Workspace) -> None:
    await workspace.save_plan(a_plan("good"))
    await workspace.save_plan(a_plan("newer"))
    data = json.loads(workspace.path.read_text())
    data["plans"]["2"]["value"]["wish"] = "from another version"
    workspace.path.write_text(json.dumps(data))
    assert [plan.plan_id for plan in await workspace.plans()] == ["good"]
    await workspace.plans()
    assert len(workspace.notices) == 1
    assert "'newer'" in workspace.notices[0].text
    with pytest.raises(StateError, match="has no wish"):
        await workspace.plan("newer")
    await workspace.save_plan(a_plan("third"))
    assert "wish" in workspace.path.read_text()


async def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """A real limit on the size of files, in a process of its own."""
    path = tmp_path / "workspace.json"
    workspace = Workspace(path)
    await workspace.open()
    await workspace.save_plan(a_plan())
    before = path.read_bytes()
    script = f"""
import asyncio, resource
from pathlib import Path
from engine.errors import StateError
from engine.workspace import Workspace

async def main():
    workspace = Workspace(Path({str(path)!r}))
    await workspace.open()
    resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before)}, resource.RLIM_INFINITY))
    try:
        await workspace.save_policy("big", {{"x": "y" * 100_000}})
    except StateError as error:
        print(error)

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert "cannot be written: File too large" in done.stdout
    assert "unharmed" in done.stdout
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["workspace.json"]


async def test_killed_in_the_middle_of_writing(tmp_path: Path) -> None:
    """kill -9 while a process saves without end: always a whole file, old or new."""
    path = tmp_path / "workspace.json"
    script = f"""
import asyncio
from pathlib import Path
from engine.workspace import Workspace

async def main():
    workspace = Workspace(Path({str(path)!r}))
    await workspace.open()
    number = 0
    while True:
        number += 1
        await workspace.save_policy("p", {{"n": number, "x": "y" * 200_000}})
        print(number, flush=True)

asyncio.run(main())
"""
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            last = 0
            while last < 5:
                last = int(process.stdout.readline())
            process.kill()
            for line in process.stdout:
                last = int(line)
        workspace = Workspace(path)
        await workspace.open()
        assert workspace.notices == []
        assert (await workspace.policies())["p"]["n"] >= last


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_directory_without_write_permission(workspace: Workspace) -> None:
    await workspace.save_plan(a_plan())
    workspace.path.parent.chmod(0o500)
    try:
        with pytest.raises(StateError, match="cannot be written"):
            await workspace.save_plan(a_plan("other"))
    finally:
        workspace.path.parent.chmod(0o700)


async def test_a_folder_in_the_files_place_is_an_error_not_damage(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with pytest.raises(StateError, match="cannot be read"):
        await workspace.open()
    assert tmp_path.is_dir()


async def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    target = tmp_path / "kept" / "real.json"
    target.parent.mkdir()
    link = tmp_path / "workspace.json"
    link.symlink_to(target)
    workspace = Workspace(link)
    await workspace.open()
    await workspace.save_plan(a_plan())
    assert link.is_symlink()
    assert json.loads(target.read_text())["plans"]


async def test_saves_at_once_all_arrive(workspace: Workspace) -> None:
    await asyncio.gather(*(workspace.save_plan(a_plan(f"p{number}")) for number in range(20)))
    assert len(await (await again(workspace)).plans()) == 20


async def test_a_cancelled_save_leaves_a_whole_file(workspace: Workspace) -> None:
    await workspace.save_plan(a_plan())
    task = asyncio.create_task(workspace.save_plan(a_plan("big", moves=2000)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await workspace.save_plan(a_plan("after"))
    names = {plan.plan_id for plan in await (await again(workspace)).plans()}
    assert {"p1", "after"} <= names <= {"p1", "after", "big"}


async def test_nothing_runs_on_the_event_loop(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = set()
    real = os.replace

    def watched(source: Path, target: Path) -> None:
        threads.add(threading.current_thread())
        real(source, target)

    monkeypatch.setattr(os, "replace", watched)
    await workspace.save_plan(a_plan())
    assert threads
    assert threading.main_thread() not in threads


async def test_a_closed_workspace_says_so(workspace: Workspace) -> None:
    await workspace.close()
    await workspace.close()
    with pytest.raises(StateError, match="closed"):
        await workspace.plans()


names = st.text(st.characters(), max_size=20)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=names,
    size=st.integers(0, 2**63),
    cost=st.none() | st.floats(allow_nan=False),
    lines=st.lists(st.tuples(names, st.floats(allow_nan=False))),
    tier=st.sampled_from(Tier),
)
def test_any_plan_survives_json(
    key: str, size: int, cost: float | None, lines: list[tuple[str, float]], tier: Tier
) -> None:
    move = a_move(key, size=size, one_time_cost=cost, cost_lines=tuple(lines), to_tier=tier)
    plan = Plan("id", key, 0.0, "", (move, move))
    assert decode(Plan, json.loads(json.dumps(encode(plan)))) == plan


@pytest.mark.parametrize(
    "change",
    [
        {"moves": 3},
        {"created": "soon"},
        {"created": True},
        {"title": None},
        {"options": []},
        {"options": {"verify": "size"}},
        {"moves": {"columns": ["source"], "rows": [[1, 2]]}},
    ],
)
def test_what_does_not_fit_is_a_value_error(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        decode(Plan, {**encode(a_plan()), **change})


def test_missing_fields_take_their_default_or_are_an_error() -> None:
    data = encode(a_plan())
    del data["warnings"]
    assert decode(Plan, data).warnings == ()
    del data["title"]
    with pytest.raises(ValueError, match="lacks title"):
        decode(Plan, data)
