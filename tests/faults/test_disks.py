"""A full disk and a read-only one, under the state directory and under a destination."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.errors import StateError
from engine.model import JobState
from tests.cli.conftest import Astra
from tests.fake_s3 import Seen
from tests.migration.world import World, fake_stores, local_store, pattern, two_clouds, world

MIB = 1024**2


@contextmanager
def small_disk(folder: Path, *options: str) -> Iterator[Path]:
    """A disk of 1 MiB in memory; skips where this user may not mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    how = ",".join(("size=1m", *options))
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", how, "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"no disk of a given size can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all the room that there is."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as handle:
        for size in (65536, 4096, 1):
            try:
                while True:
                    handle.write(b"\0" * size)
            except OSError:
                continue
    return filler


def filling(disk: Path, number: int, fillers: list[Path]) -> Callable[[Seen], None]:
    """Fills the disk at request `number` for the object, and notes by what."""
    seen = [0]

    def hook(request: Seen) -> None:
        if request.key == "k":
            seen[0] += 1
            if seen[0] == number:
                fillers.append(fill(disk))

    return hook


async def ended(there: World, job_id: str) -> str:
    """Wait for the job to be completed; what Astra says if it has to stand still instead."""
    try:
        done = await there.done(job_id)
    except StateError as error:
        return str(error)
    assert done.state is JobState.COMPLETED
    return ""


async def test_the_state_disk_is_full_at_any_request(tmp_path: Path) -> None:
    """Nothing goes on without the ledger, nothing is lost; with room again it goes on."""
    struck, halted = 0, 0
    body = pattern(300)
    with small_disk(tmp_path / "disk") as disk, two_clouds() as fakes:
        while True:
            struck += 1
            state, fillers = disk / f"state-{struck}", list[Path]()
            fakes[0].state.put("b", "k", body)
            async with world(state, fake_stores(*fakes)) as there:
                spec = await there.spec("src:b/k", "dst:b/k")
                fakes[0].on_request = fakes[1].on_request = filling(disk, struck, fillers)
                (job_id,) = await there.runner.submit("set", [spec])
                told = await ended(there, job_id)
                halted += bool(told)
                assert not told or "No source is deleted" in told
                assert any(fake.state.get("b", "k") for fake in fakes)
                fakes[0].on_request = fakes[1].on_request = None
                for filler in fillers:
                    filler.unlink()
                await there.runner.resume()
                assert (await there.done(job_id)).state is JobState.COMPLETED
                copy = fakes[1].state.get("b", "k")
                assert copy is not None
                assert copy.body == body
                assert fakes[0].state.get("b", "k") is None
            fakes[1].state.set("b", "k", None)
            for file in state.iterdir():
                file.unlink()
            if not fillers:
                break
    assert struck > 4
    assert halted >= 2, "the disk was never really full"


async def test_the_destination_is_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "full") as disk:
        stores = {
            "src": local_store("src", tmp_path / "src", "b"),
            "dst": local_store("dst", disk, "b"),
        }
        path = tmp_path / "src" / "b" / "k"
        path.write_bytes(pattern(2 * MIB))
        async with world(tmp_path / "state", dict(stores)) as there:
            failed = await there.move("src:b/k", "dst:b/k")
            assert failed.state is JobState.FAILED
            assert "No space left" in failed.error
            assert path.read_bytes() == pattern(2 * MIB)
            assert await there.keys("dst:b/") == []
            assert await there.uploads("dst:b/") == 0
            room = os.statvfs(disk)
            assert room.f_bavail == room.f_blocks or room.f_bavail > room.f_blocks - 8
            subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
            await there.runner.retry([failed.job_id])
            assert (await there.done(failed.job_id)).state is JobState.COMPLETED
            assert (disk / "b" / "k").read_bytes() == pattern(2 * MIB)


def test_a_state_directory_that_cannot_be_written(tmp_path: Path) -> None:
    astra = Astra(tmp_path)
    astra.config()
    path = astra.file("in/k", b"bytes")
    with small_disk(tmp_path / "state", "ro"):
        done = astra("migrate", "disk:box/in/k", "disk:box/out/k", "--yes", code=None)
    assert done.code not in (0, 1, 4), done
    assert "cannot be written" in done.err
    assert "--state" in done.err
    assert path.read_bytes() == b"bytes"
    assert not (path.parent.parent / "out").exists()
