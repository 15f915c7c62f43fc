"""What is special about folders: names, links, strange files."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import (
    ConfigError,
    KeyNotSupported,
    NotFound,
    PreconditionFailed,
    StoreError,
    UsageError,
)
from engine.model import VersionPin
from engine.stores import open_store
from engine.stores.local import LocalStore
from engine.stores.local_files import key_problem
from tests.stores.local_tools import cloud, get, keys, put


async def test_files_made_by_others_are_objects(folder: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "b" / "dir").mkdir()
    (tmp_path / "b" / "dir" / "file.txt").write_bytes(b"by hand")
    os.utime(tmp_path / "b" / "dir" / "file.txt", (1000, 1000))
    head = await folder.head("b", "dir/file.txt")
    assert (head.size, head.pin.modified, head.meta.modified) == (7, 1000.0, 1000.0)
    assert await get(folder, "dir/file.txt") == b"by hand"
    assert await keys(folder) == ["dir/file.txt"]


async def test_a_name_that_is_no_utf8_is_an_object_all_the_same(
    folder: LocalStore, tmp_path: Path
) -> None:
    raw = os.fsencode(tmp_path / "b") + b"/caf\xe9-\xff"
    with open(raw, "wb") as file:
        file.write(b"latin")
    (key,) = await keys(folder)
    assert key == "caf\udce9-\udcff"
    assert await get(folder, key) == b"latin"
    await folder.delete("b", key, pin=(await folder.head("b", key)).pin)
    assert await keys(folder) == []


def test_no_two_keys_are_one_file() -> None:
    assert key_problem("caf\udce9") == ""
    assert key_problem("caf\udcc3\udca9") != ""  # the bytes of "café"
    assert key_problem("x\ud800") != ""


@given(st.text(min_size=1, max_size=30))
def test_what_is_not_refused_has_a_path_of_its_own(key: str) -> None:
    if key_problem(key) == "":
        path = b"/bucket/" + key.encode("utf-8", "surrogateescape")
        assert os.path.normpath(path) == path
        assert path[8:].decode("utf-8", "surrogateescape") == key


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(key=st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=20))
async def test_any_key_is_kept_or_refused(folder: LocalStore, key: str) -> None:
    try:
        pin = await put(folder, key)
    except KeyNotSupported:
        assert folder.check_key(key) != ""
    else:
        assert await keys(folder) == [key]
        await folder.delete("b", key, pin=pin)
    assert await keys(folder) == []


async def test_a_file_and_a_folder_cannot_share_a_name(folder: LocalStore) -> None:
    await put(folder, "a")
    with pytest.raises(KeyNotSupported):
        await put(folder, "a/b")
    await put(folder, "c/d")
    with pytest.raises(KeyNotSupported):
        await put(folder, "c")
    with pytest.raises(NotFound):
        await folder.head("b", "a/b")
    with pytest.raises(NotFound):
        await folder.head("b", "c")


@pytest.mark.parametrize("bucket", ["", ".", "..", ".astra", "a/b", "x" * 256, "nul\0"])
async def test_a_bucket_is_a_visible_folder_of_the_root(folder: LocalStore, bucket: str) -> None:
    with pytest.raises(UsageError):
        await folder.create_bucket(bucket)
    with pytest.raises(UsageError):
        await folder.head(bucket, "key")


async def test_buckets_are_folders(folder: LocalStore, tmp_path: Path) -> None:
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("/")
    await folder.create_bucket("a")
    assert await folder.buckets() == ["a", "b"]
    with pytest.raises(NotFound):
        await keys_of(folder, "link")


async def test_a_root_that_is_not_there_is_told_as_that(tmp_path: Path) -> None:
    root = tmp_path / "gone"
    store = LocalStore(cloud(root))
    told = []
    try:
        for look in (store.buckets(), keys_of(store, "box")):  # a disk that is not mounted, say
            with pytest.raises(NotFound) as found:
                await look
            told.append(found.value)
    finally:
        await store.close()
    assert {error.subject for error in told} == {str(root)}
    assert all("root of [clouds.disk]" in error.todo for error in told)


async def keys_of(folder: LocalStore, bucket: str) -> list[str]:
    return [e.key async for page in folder.list_pages(bucket) for e in page.entries]


def test_a_root_is_needed() -> None:
    with pytest.raises(ConfigError):
        open_store(cloud(None))


async def test_a_root_that_is_not_there_is_no_empty_cloud(tmp_path: Path) -> None:
    store = LocalStore(cloud(tmp_path / "unmounted"))
    with pytest.raises(NotFound):
        await store.buckets()
    with pytest.raises(NotFound):
        await keys(store)
    await store.close()


async def test_no_link_leads_out(folder: LocalStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    bucket = tmp_path / "b"
    (bucket / "file").symlink_to(outside / "secret")
    (bucket / "dir").symlink_to(outside)
    (bucket / "loop").symlink_to(bucket)
    assert await keys(folder) == []
    assert await keys(folder, "dir/") == []
    for key in ("file", "dir/secret", "loop/file"):
        with pytest.raises(NotFound):
            await folder.head("b", key)
        with pytest.raises(NotFound):
            await get(folder, key, VersionPin("x"))
        with pytest.raises(NotFound):
            await folder.delete("b", key, pin=VersionPin("x"))
    with pytest.raises(KeyNotSupported):
        await put(folder, "dir/new")
    with pytest.raises((KeyNotSupported, PreconditionFailed)):
        await put(folder, "file")
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert (outside / "secret").read_bytes() == b"secret"


async def test_pipes_and_sockets_are_no_objects(folder: LocalStore, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "b" / "pipe")
    here = os.getcwd()
    os.chdir(tmp_path / "b")  # a socket's path may be 107 bytes long at the most
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket")
    finally:
        os.chdir(here)
    assert await keys(folder) == []
    for key in ("pipe", "socket"):
        with pytest.raises(StoreError):
            await folder.head("b", key)


async def test_many_files_are_hashed_at_once_but_only_those_that_were_meant(
    folder: LocalStore, tmp_path: Path
) -> None:
    wanted = [("a", await put(folder, "a")), ("d/b", await put(folder, "d/b", b"other"))]
    changed, gone = await put(folder, "changed", b"before"), await put(folder, "gone")
    (tmp_path / "b" / "changed").write_bytes(b"behind")
    (tmp_path / "b" / "gone").unlink()
    (tmp_path / "b" / "link").symlink_to("a")
    large = await put(folder, "large", bytes(1024**2 + 1))
    odd = [("changed", changed), ("gone", gone), ("link", wanted[0][1]), ("large", large)]
    odd += [("d", wanted[0][1]), ("../b/a", wanted[0][1]), ("a", VersionPin(""))]

    def shown(data: bytes) -> str:
        return data.decode()

    found = await folder.hash_small("b", [*wanted, *odd], shown)
    assert found == ["bytes", "other", *[""] * len(odd)]
