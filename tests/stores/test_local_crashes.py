"""Killed and cancelled writers leave an object or nothing; races lose nobody's file."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.errors import (
    KeyNotSupported,
    PreconditionFailed,
    TruncatedBody,
)
from engine.model import ObjectMeta
from engine.stores import local_files, local_staging
from engine.stores.body import CHUNK
from engine.stores.local import LocalStore
from tests.stores.local_tools import cloud, everything, get, keys, put


async def test_nothing_is_left_of_a_write(folder: LocalStore, tmp_path: Path) -> None:
    await put(folder, "a/b/c")
    await folder.close()
    assert everything(tmp_path) == {"b", "b/a", "b/a/b", "b/a/b/c"}


async def test_empty_folders_go_with_their_last_object(folder: LocalStore, tmp_path: Path) -> None:
    pin = await put(folder, "a/b/c")
    await put(folder, "a/d")
    await folder.delete("b", "a/b/c", pin=pin)
    await folder.close()
    assert everything(tmp_path) == {"b", "b/a", "b/a/d"}


async def test_a_cancelled_write_leaves_nothing(folder: LocalStore, tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * CHUNK
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(folder.write("b", "a", body(), size=2 * CHUNK, meta=ObjectMeta()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await folder.close()
    assert everything(tmp_path) == {"b"}


async def test_cancelling_at_any_moment_leaves_an_object_or_nothing(
    folder: LocalStore, tmp_path: Path
) -> None:
    for steps in range(40):
        task = asyncio.create_task(put(folder, f"key-{steps}", b"x" * (3 * CHUNK)))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        staged = tmp_path / "b" / ".astra"
        assert not staged.exists() or os.listdir(staged) == []
    for key in await keys(folder):
        assert len(await get(folder, key)) == 3 * CHUNK


WRITER = """
import asyncio, sys
from pathlib import Path
from engine.model import ObjectMeta, Provider, StoreKind
from engine.settings import CloudSettings
from engine.stores.local import LocalStore

async def body():
    yield b"x" * 1024
    print("begun", flush=True)
    await asyncio.sleep(3600)

async def main():
    settings = CloudSettings("disk", StoreKind.LOCAL, Provider.ONPREM, root=Path(sys.argv[1]))
    store = LocalStore(settings)
    await store.write("b", "a", body(), size=2048, meta=ObjectMeta())

asyncio.run(main())
"""


async def test_what_a_killed_writer_leaves_is_no_object_and_is_swept(
    folder: LocalStore, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert await asyncio.to_thread(writer.stdout.readline) == b"begun\n"
        staging = tmp_path / "b" / ".astra"
        assert len(list(staging.iterdir())) == 1
        writer.send_signal(signal.SIGKILL)
    assert await keys(folder) == []
    # Only the change time tells how old it is, and that cannot be set back.
    before = local_staging._SWEEP_AGE
    local_staging._SWEEP_AGE = 0.0
    try:
        await put(folder, "other")
    finally:
        local_staging._SWEEP_AGE = before
    assert list(staging.iterdir()) == []
    assert await keys(folder) == ["other"]


async def test_a_living_writer_is_not_swept(tmp_path: Path) -> None:
    first, second = LocalStore(cloud(tmp_path)), LocalStore(cloud(tmp_path))
    await first.create_bucket("b")
    begun, goon = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"x"
        begun.set()
        await goon.wait()
        yield b"y"

    task = asyncio.create_task(first.write("b", "slow", body(), size=2, meta=ObjectMeta()))
    await begun.wait()
    before = local_staging._SWEEP_AGE
    local_staging._SWEEP_AGE = 0.0
    try:
        await put(second, "other")
    finally:
        local_staging._SWEEP_AGE = before
        goon.set()
    await task
    assert await keys(second) == ["other", "slow"]
    await first.close()
    await second.close()


async def test_uploads_of_an_earlier_process_can_be_taken_up(tmp_path: Path) -> None:
    first = LocalStore(cloud(tmp_path))
    await first.create_bucket("b")
    meta = ObjectMeta(content_type="a/b", user=(("k", "v"),), modified=77.0)
    upload = await first.begin_upload("b", "big", meta=meta)
    await first.upload_part("b", "big", upload, 1, b"one")
    await first.close()
    second = LocalStore(cloud(tmp_path))
    (found,) = await second.uploads("b")
    assert (found.key, found.upload_id) == ("big", upload)
    held = await second.parts("b", "big", upload)
    held.append(await second.upload_part("b", "big", upload, 2, b"two"))
    await second.complete_upload("b", "big", upload, held)
    assert await get(second, "big") == b"onetwo"
    assert (await second.head("b", "big")).meta == meta
    await second.close()
    assert everything(tmp_path) == {"b", "b/big"}


async def test_the_staging_folder_is_nobodys_key(folder: LocalStore, tmp_path: Path) -> None:
    await folder.begin_upload("b", "big", meta=ObjectMeta())
    assert (tmp_path / "b" / ".astra").is_dir()
    assert await keys(folder) == await keys(folder, ".astra/") == await keys(folder, ".") == []
    with pytest.raises(KeyNotSupported):
        await put(folder, ".astra/mine")
    await put(folder, "sub/.astra/mine")  # only at the top
    assert await keys(folder) == ["sub/.astra/mine"]


async def test_a_file_put_in_place_of_the_verified_one_is_not_deleted(
    folder: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other file comes just between the look and the rename."""
    pin = await put(folder, "a", b"verified")
    really = local_staging.rename_new

    def rename(source: int, name: bytes, target: int, new_name: bytes) -> None:
        monkeypatch.setattr(local_staging, "rename_new", really)
        (tmp_path / "fresh").write_bytes(b"just now")
        os.replace(tmp_path / "fresh", tmp_path / "b" / "a")
        really(source, name, target, new_name)

    monkeypatch.setattr(local_staging, "rename_new", rename)
    with pytest.raises(PreconditionFailed):
        await folder.delete("b", "a", pin=pin)
    assert await get(folder, "a") == b"just now"


async def test_a_file_changed_in_place_is_not_deleted(folder: LocalStore, tmp_path: Path) -> None:
    pin = await put(folder, "a", b"12345")
    with open(tmp_path / "b" / "a", "r+b") as file:
        file.write(b"9")
    with pytest.raises(PreconditionFailed):
        await folder.delete("b", "a", pin=pin)
    assert await get(folder, "a") == b"92345"


async def test_what_came_between_is_kept_beside_what_came_after(
    folder: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = await put(folder, "a", b"verified")
    really, calls = local_staging.rename_new, [b"between", b"after"]

    def rename(source: int, name: bytes, target: int, new_name: bytes) -> None:
        if calls:
            (tmp_path / "fresh").write_bytes(calls.pop(0))
            os.replace(tmp_path / "fresh", tmp_path / "b" / "a")
        really(source, name, target, new_name)

    monkeypatch.setattr(local_staging, "rename_new", rename)
    with pytest.raises(PreconditionFailed) as caught:
        await folder.delete("b", "a", pin=pin)
    assert await get(folder, "a") == b"after"
    (kept,) = (tmp_path / "b" / ".astra").iterdir()
    assert kept.read_bytes() == b"between"
    assert kept.name in caught.value.safe


async def test_a_replacement_races_with_another_writer(
    folder: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = await put(folder, "a", b"old")
    really = local_staging.exchange

    def exchange(source: int, name: bytes, target: int, new_name: bytes) -> bool:
        monkeypatch.setattr(local_staging, "exchange", really)
        (tmp_path / "fresh").write_bytes(b"theirs")
        os.replace(tmp_path / "fresh", tmp_path / "b" / "a")
        return really(source, name, target, new_name)

    monkeypatch.setattr(local_staging, "exchange", exchange)
    with pytest.raises(PreconditionFailed):
        await put(folder, "a", b"ours", replace=pin)
    assert await get(folder, "a") == b"theirs"


async def test_without_atomic_swaps_it_works_too(
    folder: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_files, "_renameat2", lambda *args: False)
    pin = await put(folder, "a", b"old")
    with pytest.raises(PreconditionFailed):
        await put(folder, "a", b"other")
    pin = await put(folder, "a", b"new", replace=pin)
    assert await get(folder, "a") == b"new"
    await folder.delete("b", "a", pin=pin)
    assert await keys(folder) == []


async def test_a_file_that_changes_while_it_is_read_is_noticed(
    folder: LocalStore, tmp_path: Path
) -> None:
    pin = await put(folder, "a", b"x" * (3 * CHUNK))
    path = tmp_path / "b" / "a"

    async def read(change: bytes | None, size: int | None = None) -> None:
        async with folder.read("b", "a", pin=(await folder.head("b", "a")).pin) as reader:
            first = True
            async for _ in reader:
                if first and change is not None:
                    with path.open("r+b") as file:
                        file.write(change)
                if first and size is not None:
                    os.truncate(path, size)
                first = False

    assert pin.size == 3 * CHUNK
    with pytest.raises(PreconditionFailed):
        await read(b"changed")
    with pytest.raises((PreconditionFailed, TruncatedBody)):
        await read(None, CHUNK)


async def test_folders_that_come_and_go_meanwhile_disturb_nobody(folder: LocalStore) -> None:
    async def come_and_go(number: int) -> None:
        for turn in range(15):
            pin = await put(folder, f"shared/deep/{number}-{turn}")
            await folder.delete("b", f"shared/deep/{number}-{turn}", pin=pin)

    await asyncio.gather(*(come_and_go(number) for number in range(6)))
    assert await keys(folder) == []
