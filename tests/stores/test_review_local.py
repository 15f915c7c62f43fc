"""Folders: writers through memory mappings, and deletions that were killed half-way."""

import mmap
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import NotFound, PreconditionFailed
from engine.stores import local_files, local_staging
from engine.stores.body import CHUNK
from engine.stores.local import LocalStore
from tests.stores.local_tools import cloud, get, keys, put, run

# -- memory mappings ------------------------------------------------------------------------


@pytest.fixture
def mapping(tmp_path: Path) -> Iterator[mmap.mmap]:
    """A writer who has a dirty page of the object b/a: more stores to it touch no time."""
    if not _flushes_show(tmp_path / "probe"):
        pytest.skip("this file system shows no change through a mapping, flushed or not")
    path = tmp_path / "b" / "a"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x" * (2 * CHUNK))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[0] = 1
        yield mapped


def _flushes_show(path: Path) -> bool:
    path.write_bytes(b"x" * 4096)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[0] = 1
        os.fsync(file.fileno())
        before, deadline = path.stat().st_mtime_ns, time.monotonic() + 2
        while path.stat().st_mtime_ns == before and time.monotonic() < deadline:
            os.fsync(file.fileno())
            mapped[0] ^= 1
        return path.stat().st_mtime_ns != before


def store_later(mapped: mmap.mmap, path: Path) -> None:
    """Store when the clock of the file system is past the file's times."""
    probe = path.parent.parent / "clock"
    while True:
        probe.write_bytes(b"")
        if probe.stat().st_mtime_ns > path.stat().st_ctime_ns:
            break
    mapped[1] = 99


async def test_a_store_through_a_mapping_after_the_read_keeps_the_file(
    folder: LocalStore, mapping: mmap.mmap, tmp_path: Path
) -> None:
    path = tmp_path / "b" / "a"
    pin = (await folder.head("b", "a")).pin
    await get(folder, "a", pin)
    store_later(mapping, path)
    with pytest.raises(PreconditionFailed):
        await folder.delete("b", "a", pin=pin)
    assert path.read_bytes()[1] == 99


async def test_a_store_through_a_mapping_while_it_is_read_is_noticed(
    folder: LocalStore, mapping: mmap.mmap, tmp_path: Path
) -> None:
    pin = (await folder.head("b", "a")).pin

    async def read() -> None:
        async with folder.read("b", "a", pin=pin) as reader:
            store_later(mapping, tmp_path / "b" / "a")
            [chunk async for chunk in reader]

    with pytest.raises(PreconditionFailed):
        await read()


async def test_a_store_through_a_mapping_while_it_is_deleted_keeps_the_file(
    folder: LocalStore, mapping: mmap.mmap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b" / "a"
    pin = (await folder.head("b", "a")).pin
    really = local_staging.rename_new

    def rename(source: int, name: bytes, target: int, new_name: bytes) -> None:
        monkeypatch.setattr(local_staging, "rename_new", really)
        store_later(mapping, path)
        really(source, name, target, new_name)

    monkeypatch.setattr(local_staging, "rename_new", rename)
    with pytest.raises(PreconditionFailed):
        await folder.delete("b", "a", pin=pin)
    assert path.read_bytes()[1] == 99


@pytest.mark.parametrize("number", ["EINVAL", "EROFS", "EBADF"])
async def test_where_nothing_can_be_flushed_all_goes_on(
    folder: LocalStore, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    pin = await put(folder, "a", b"bytes")

    def fsync(handle: int) -> None:
        code = getattr(local_files.errno, number)
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        assert await get(folder, "a", pin) == b"bytes"
    await folder.delete("b", "a", pin=pin)


# -- deletions that were killed -------------------------------------------------------------


KILLED = """
really = os.unlink
def unlink(name, **more):
    if os.fsencode(name).startswith(b"del-"):
        os._exit(0)
    return really(name, **more)
os.unlink = unlink

async def main():
    store = store_at(sys.argv[1])
    pin = (await store.head("b", "a")).pin
    await store.delete("b", "a", pin=pin)

asyncio.run(main())
raise SystemExit("it was not killed")
"""


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The bucket's staging folder; in it lies what a killed delete of b/a left."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "a").write_bytes(b"bytes")
    (tmp_path / "b" / "other").write_bytes(b"other")
    run(KILLED, tmp_path)
    staging = tmp_path / "b" / ".astra"
    assert [path.read_bytes() for path in staging.iterdir()] == [b"bytes"]
    return staging


async def _head(store: LocalStore) -> None:
    with pytest.raises(NotFound):
        await store.head("b", "a")


async def _list(store: LocalStore) -> None:
    assert "other" in await keys(store)


async def _delete(store: LocalStore) -> None:
    status = os.stat(store.root / "b" / "other")
    await store.delete("b", "other", pin=local_files.pin_of(status))


@pytest.mark.parametrize("use", [_head, _list, _delete])
async def test_a_killed_deletion_is_finished_when_the_bucket_is_next_used(
    killed: Path, tmp_path: Path, use: Callable
) -> None:
    store = LocalStore(cloud(tmp_path))
    await use(store)
    assert list(killed.iterdir()) == []
    await store.close()


async def test_a_cloud_that_may_only_be_read_is_left_as_it_is(killed: Path, tmp_path: Path) -> None:
    store = LocalStore(replace(cloud(tmp_path), read_only=True))
    await _list(store)
    assert len(list(killed.iterdir())) == 1
    await store.close()


async def test_what_cannot_be_swept_keeps_nobody_from_reading(
    killed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unlink(*args: object, **more: object) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(os, "unlink", unlink)
    store = LocalStore(cloud(tmp_path))
    await _list(store)
    assert await get(store, "other") == b"other"
    await store.close()


async def test_what_is_not_surely_a_finished_deletion_stays(killed: Path, tmp_path: Path) -> None:
    (left,) = killed.iterdir()
    etag = left.name.split("-")[1]
    changed = killed / f"del-{etag}-{1:032x}"
    shutil.copy2(left, changed)  # as long, as old, and another file
    nameless = killed / f"del-{etag}-mine"
    os.link(left, nameless)
    folder = killed / f"del-{etag}-{2:032x}"
    folder.mkdir()
    link = killed / f"del-{etag}-{3:032x}"
    link.symlink_to(left)
    store = LocalStore(cloud(tmp_path))
    await _list(store)
    assert set(killed.iterdir()) == {changed, nameless, folder, link}
    await put(store, "new")  # sweeps more, and by the same rule
    assert {changed, nameless, folder, link} <= set(killed.iterdir())
    await store.close()


async def test_a_deletion_that_another_process_swept_is_done(
    folder: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = await put(folder, "a", b"bytes")
    really = local_staging.rename_new

    def rename(source: int, name: bytes, target: int, new_name: bytes) -> None:
        really(source, name, target, new_name)
        os.unlink(tmp_path / "b" / ".astra" / os.fsdecode(new_name))

    monkeypatch.setattr(local_staging, "rename_new", rename)
    await folder.delete("b", "a", pin=pin)
    assert await keys(folder) == []
