"""`kill -9` at every request and at every step of the ledger, then resume.

What must hold at any time: every version ever written is readable, byte for byte, at the source
or at the destination. What must hold after `resume`: all is moved, no upload is left unfinished,
and resuming once more changes nothing.
"""

import asyncio
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.model import JobState, ObjectMeta, Provider, StoreKind
from engine.settings import CloudSettings
from tests.fake_s3 import FakeS3, Fault, Seen
from tests.migration.victim import Errand, Kill, ended, start
from tests.migration.world import (
    DEADLINE,
    fake_stores,
    local_store,
    pattern,
    small_parts,
    two_clouds,
    world,
)

PART = 64 * 1024
OBJECTS = {"empty": b"", "small": b"small object", "parts": pattern(PART * 4 + 11)}
MOVES = tuple((f"src:b/{key}", f"dst:b/{key}") for key in OBJECTS)
KILLED = -signal.SIGKILL


class Executioner:
    """Kills the child at request number `number` for an object, both servers together.

    The request is carried out all the same, or not (`effect`).
    """

    def __init__(self, fakes: tuple[FakeS3, FakeS3], number: int, *, effect: bool) -> None:
        self.pid = 0
        self.seen = 0
        self.done = False
        self._number = number
        self._effect = effect
        for fake in fakes:
            fake.on_request = self._on_request

    def _on_request(self, seen: Seen) -> Fault | None:
        if ".astra-canary" in seen.path or not seen.key:
            return None  # a probe of the server, no part of a move
        self.seen += 1
        if self.done or self.seen != self._number:
            return None
        self.done = True
        return Fault(before=self._kill, reset=not self._effect)

    def _kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


def check_nothing_lost(fakes: tuple[FakeS3, FakeS3]) -> None:
    for key, body in OBJECTS.items():
        held = [fake.state.get("b", key) for fake in fakes]
        assert body in [item.body for item in held if item is not None], f"{key} is lost"


def errand(fakes: tuple[FakeS3, FakeS3], state: Path, **how: object) -> Errand:
    clouds = (fakes[0].cloud("src"), fakes[1].cloud("dst"))
    return Errand(state, clouds, part=PART, **how)  # type: ignore[arg-type]


async def run_child(task: Errand, executioner: Executioner | None = None) -> int:
    process = await asyncio.to_thread(start, task)
    assert process.pid is not None
    if executioner is not None:
        executioner.pid = process.pid
    return await asyncio.to_thread(ended, process)


async def resume_here(fakes: tuple[FakeS3, FakeS3], state: Path) -> dict[str, int]:
    """Resume in this process, twice; returns how many jobs are in which state."""
    for fake in fakes:
        fake.on_request = None
    stores = {name: small_parts(store, PART) for name, store in fake_stores(*fakes).items()}
    async with world(state, stores) as there:
        async with asyncio.timeout(DEADLINE):
            await there.runner.resume()
            await there.runner.wait()
        counts = dict(there.runner.counts())
        history = [list(fake.state.history) for fake in fakes]
        assert await there.runner.resume() == 0
        await there.runner.wait()
        assert [list(fake.state.history) for fake in fakes] == history
        return counts


@pytest.mark.parametrize("effect", [True, False], ids=["carried-out", "not-carried-out"])
async def test_killed_at_any_request(tmp_path: Path, effect: bool) -> None:
    number, killed = 0, True
    while killed:
        number += 1
        assert number < 80, "a run takes more requests than expected"
        state = tmp_path / str(number)
        with two_clouds() as fakes:
            for key, body in OBJECTS.items():
                fakes[0].state.put("b", key, body)
            executioner = Executioner(fakes, number, effect=effect)
            code = await run_child(errand(fakes, state, moves=MOVES), executioner)
            killed = code == KILLED
            assert killed or code == 0
            assert killed == executioner.done
            check_nothing_lost(fakes)
            counts = await resume_here(fakes, state)
            submitted = bool(counts)
            for key, body in OBJECTS.items():
                if submitted:
                    copy = fakes[1].state.get("b", key)
                    assert copy is not None, (number, key)
                    assert copy.body == body, (number, key)
                    assert fakes[0].state.get("b", key) is None, (number, key)
            assert counts == ({"completed": 3} if submitted else {}), number
            assert not fakes[1].state.uploads, number
    assert number > 20, "the kills did not reach far"


async def test_killed_again_and_again(tmp_path: Path) -> None:
    """Each resume is killed as well, at random requests, until one comes through.

    About forty requests finish what is left: fewer would seldom do, and take minutes."""
    chance = random.Random(20261121)
    for round_ in range(5):
        state = tmp_path / str(round_)
        with two_clouds() as fakes:
            for key, body in OBJECTS.items():
                fakes[0].state.put("b", key, body)
            for _ in range(60):
                executioner = Executioner(
                    fakes, chance.randint(1, 40), effect=chance.random() < 0.5
                )
                code = await run_child(errand(fakes, state, moves=MOVES), executioner)
                check_nothing_lost(fakes)
                if code == 0:
                    break
            assert await resume_here(fakes, state) == {"completed": 3}
            for key, body in OBJECTS.items():
                assert fakes[1].state.buckets["b"][key].body == body
            assert not fakes[1].state.uploads


@pytest.mark.parametrize("effect", [True, False], ids=["carried-out", "not-carried-out"])
async def test_killed_while_cancelling(tmp_path: Path, effect: bool) -> None:
    """A cancel that was cut short is finished by `resume`, and the source stays."""
    body = OBJECTS["parts"]
    for number in range(1, 30):
        state = tmp_path / str(number)
        with two_clouds() as fakes:
            fakes[0].state.put("b", "parts", body)
            half = Executioner(fakes, 10**6, effect=True)
            parts = iter(range(10))
            fakes[1].on_request = lambda seen, half=half, parts=parts: (
                Fault(before=half._kill) if seen.is_upload_part and next(parts) == 2 else None
            )
            assert await run_child(errand(fakes, state, moves=MOVES[2:]), half) == KILLED
            assert len(fakes[1].state.uploads) == 1
            again = Executioner(fakes, number, effect=effect)
            code = await run_child(errand(fakes, state, cancel=True), again)
            counts = await resume_here(fakes, state)
            source, copy = (fake.state.get("b", "parts") for fake in fakes)
            if counts == {"cancelled": 1}:
                assert source is not None
                assert source.body == body
                assert copy is None or copy.body == body
            else:
                assert counts == {"completed": 1}, "killed before the cancel was on record"
                assert copy is not None
                assert copy.body == body
            assert not fakes[1].state.uploads, number
            if code == 0:
                break
    else:
        pytest.fail("cancelling takes more requests than expected")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_killed_at_any_effect_or_ledger_write_between_folders(
    tmp_path: Path, after: bool
) -> None:
    number, killed = 0, True
    while killed:
        number += 1
        assert number < 80
        here = tmp_path / f"{number}"
        roots = {name: here / name for name in ("src", "dst")}
        for name, root in roots.items():
            local_store(name, root, "b")
        for key, body in OBJECTS.items():
            (roots["src"] / "b" / key).write_bytes(body)
        clouds = tuple(
            CloudSettings(name, StoreKind.LOCAL, Provider.ONPREM, root=root)
            for name, root in roots.items()
        )
        task = Errand(here / "state", clouds, MOVES, part=PART, kill=Kill(number, after))
        code = await run_child(task)
        killed = code == KILLED
        assert killed or code == 0
        for key, body in OBJECTS.items():
            files = [root / "b" / key for root in roots.values()]
            assert body in [file.read_bytes() for file in files if file.exists()], (number, key)
        stores = {
            name: small_parts(local_store(name, root, "b"), PART) for name, root in roots.items()
        }
        async with world(here / "state", stores) as there:
            async with asyncio.timeout(DEADLINE):
                await there.runner.resume()
                await there.runner.wait()
            assert dict(there.runner.counts()) == {"completed": 3}, number
            assert sorted(await there.keys("dst:b/")) == sorted(OBJECTS)
            assert await there.keys("src:b/") == []
            assert await there.uploads("dst:b/") == 0
            for key, body in OBJECTS.items():
                assert await there.get(f"dst:b/{key}") == body
            assert await there.runner.resume() == 0
    assert number > 25


async def test_a_delete_that_nobody_recorded_is_found_out(tmp_path: Path) -> None:
    """The source is gone and the copy proved: completed. A newer source: both are kept."""
    for newer in (False, True):
        state = tmp_path / str(newer)
        with two_clouds() as fakes:
            fakes[0].state.put("b", "small", b"small object")
            executioner = Executioner(fakes, 10**6, effect=True)
            fakes[0].on_request = kill_at_delete(executioner)
            assert await run_child(errand(fakes, state, moves=MOVES[1:2]), executioner) == KILLED
            await gone(fakes[0], "small")
            if newer:
                fakes[0].state.put("b", "small", b"written since")
            counts = await resume_here(fakes, state)
            copy, source = (fakes[index].state.get("b", "small") for index in (1, 0))
            assert copy is not None
            assert copy.body == b"small object"
            assert counts == ({"failed": 1} if newer else {"completed": 1})
            assert (source is not None) == newer


async def gone(fake: FakeS3, key: str) -> None:
    """The child is dead, and the server carries its last request out a moment later."""
    async with asyncio.timeout(DEADLINE):
        while fake.state.get("b", key) is not None:
            await asyncio.sleep(0.01)


def kill_at_delete(executioner: Executioner) -> Callable[[Seen], Fault | None]:
    def hook(seen: Seen) -> Fault | None:
        if seen.method == "DELETE" and seen.key == "small":
            return Fault(before=executioner._kill)
        return None

    return hook


async def test_resume_looks_again_at_the_copy_before_it_believes_the_source_is_gone(
    tmp_path: Path,
) -> None:
    with two_clouds() as fakes:
        fakes[0].state.put("b", "small", b"small object")
        executioner = Executioner(fakes, 10**6, effect=True)
        fakes[0].on_request = kill_at_delete(executioner)
        assert await run_child(errand(fakes, tmp_path, moves=MOVES[1:2]), executioner) == KILLED
        await gone(fakes[0], "small")
        fakes[1].state.set("b", "small", None)  # somebody removes the copy
        assert await resume_here(fakes, tmp_path) == {"failed": 1}


async def test_an_upload_of_somebody_else_is_never_aborted(tmp_path: Path) -> None:
    """Killed right after the upload was begun: ours is found and aborted, others stay."""
    with two_clouds() as fakes:
        stores = fake_stores(*fakes)
        theirs = await stores["dst"].begin_upload("b", "parts", meta=ObjectMeta())
        fakes[0].state.put("b", "parts", OBJECTS["parts"])
        executioner = Executioner(fakes, 10**6, effect=True)

        def hook(seen: Seen) -> Fault | None:
            if seen.method == "POST" and "uploads" in seen.query:
                return Fault(before=executioner._kill)
            return None

        fakes[1].on_request = hook
        assert await run_child(errand(fakes, tmp_path, moves=MOVES[2:]), executioner) == KILLED
        async with asyncio.timeout(DEADLINE):  # the server outlives the client by a moment
            while len(fakes[1].state.uploads) < 2:
                await asyncio.sleep(0.01)
        assert await resume_here(fakes, tmp_path) == {"completed": 1}
        assert list(fakes[1].state.uploads) == [theirs]
        for store in stores.values():
            await store.close()


async def test_jobs_of_a_killed_process_are_shown_as_paused(tmp_path: Path) -> None:
    with two_clouds() as fakes:
        for key, body in OBJECTS.items():
            fakes[0].state.put("b", key, body)
        executioner = Executioner(fakes, 9, effect=True)
        assert await run_child(errand(fakes, tmp_path, moves=MOVES), executioner) == KILLED
        async with world(tmp_path, fake_stores(*fakes)) as there:
            left = [view for view in await there.ledger.views() if view.paused]
            assert left
            assert {view.state for view in left} == {JobState.QUEUED}
            assert dict(there.runner.counts())["paused"] == len(left)
            async with asyncio.timeout(DEADLINE):
                await there.runner.wait()


def _meta():
    from engine.model import ObjectMeta

    return ObjectMeta()
