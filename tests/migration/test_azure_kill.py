"""`kill -9` at every request of a move to Azure and back, then resume.

Every version ever written stays readable, byte for byte, at one of the ends; `resume` moves the
rest, leaves no upload that anybody would go on with, and resuming once more changes nothing.
"""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from engine.model import JobState, Provider, StoreKind
from engine.settings import CloudSettings
from engine.stores import open_store
from tests.fake_azure import FakeAzure, Fault, Seen
from tests.migration.victim import Errand, ended, start
from tests.migration.world import DEADLINE, pattern, small_parts, world

PART = 64 * 1024
OBJECTS = {"small": b"small object", "parts": pattern(PART * 2 + 11)}
KILLED = -signal.SIGKILL


class Executioner:
    """Kills the child at request `number` for a blob, which is carried out or not (`effect`)."""

    def __init__(self, fake: FakeAzure, number: int, *, effect: bool) -> None:
        self.pid = 0
        self.seen = 0
        self._number = number
        self._effect = effect
        fake.on_request = self._on_request

    def _on_request(self, seen: Seen) -> Fault | None:
        if ".astra-canary" in seen.path or not seen.key:
            return None  # a probe of the server, or a listing, which changes nothing
        self.seen += 1
        if self.seen != self._number:
            return None
        return Fault(before=self._kill, reset=not self._effect)

    def _kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


async def killed_at(tmp_path: Path, source: str, target: str, number: int, *, effect: bool) -> bool:
    """Move all, killed at that request; False if the move had ended before."""
    disk = CloudSettings("disk", StoreKind.LOCAL, Provider.ONPREM, root=tmp_path / "disk")
    (tmp_path / "disk" / "box").mkdir(parents=True)
    with FakeAzure(None, "box") as fake:
        clouds = (disk, fake.cloud("az"))
        for key, body in OBJECTS.items():
            if source == "az":
                fake.blobs.put("box", key, body)
            else:
                (tmp_path / "disk" / "box" / key).write_bytes(body)
        moves = tuple((f"{source}:box/{key}", f"{target}:box/{key}") for key in OBJECTS)
        executioner = Executioner(fake, number, effect=effect)
        errand = Errand(tmp_path / "state", clouds, moves, part=PART, jobs=1)
        process = await asyncio.to_thread(start, errand)
        assert process.pid is not None
        executioner.pid = process.pid
        code = await asyncio.to_thread(ended, process)
        assert code in (0, KILLED)
        fake.on_request = None
        stores = {item.name: small_parts(open_store(item), PART) for item in clouds}
        async with world(tmp_path / "state", stores) as there:

            async def held(cloud: str) -> dict[str, bytes | None]:
                return {key: await there.get(f"{cloud}:box/{key}") for key in OBJECTS}

            before = {cloud: await held(cloud) for cloud in (source, target)}
            for key, body in OBJECTS.items():
                assert body in [before[cloud][key] for cloud in before], f"{key} is lost"
            async with asyncio.timeout(DEADLINE):
                await there.runner.resume()
                await there.runner.wait()
            assert dict(there.runner.counts()) == {JobState.COMPLETED: len(OBJECTS)}
            assert await held(target) == OBJECTS
            assert await held(source) == dict.fromkeys(OBJECTS)
            assert await stores["az"].uploads("box") == []
            history = list(fake.blobs.history)
            assert await there.runner.resume() == 0
            assert fake.blobs.history == history
        return code == KILLED


@pytest.mark.parametrize("effect", [True, False], ids=["carried-out", "not-carried-out"])
@pytest.mark.parametrize(("source", "target"), [("disk", "az"), ("az", "disk")])
async def test_killed_at_any_request(
    tmp_path: Path, source: str, target: str, effect: bool
) -> None:
    number = 1
    while await killed_at(tmp_path / str(number), source, target, number, effect=effect):
        number += 1
        assert number < 40, "a run takes more requests than expected"
    assert number > 5
