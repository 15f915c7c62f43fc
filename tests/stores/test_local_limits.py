"""Full disks, locked folders, deep trees, too few file handles: errors, never short answers."""

import asyncio
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from engine.errors import (
    AccessDenied,
    KeyNotSupported,
    NoSpace,
    NotFound,
    NotSupported,
    StoreError,
    Unavailable,
)
from engine.model import ObjectMeta
from engine.stores.body import CHUNK
from engine.stores.local import LocalStore
from engine.stores.local_files import explain
from tests.stores.local_tools import HELPERS, everything, get, keys, put, run


async def test_very_deep_trees_are_listed(folder: LocalStore) -> None:
    deep = "/".join(["d"] * 1500) + "/file"
    await put(folder, deep)
    assert await keys(folder) == [deep]
    assert await get(folder, deep) == b"bytes"
    await folder.delete("b", deep, pin=(await folder.head("b", deep)).pin)
    assert await keys(folder) == []


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (28, NoSpace),
        (122, NoSpace),
        (27, NoSpace),
        (13, AccessDenied),
        (30, AccessDenied),
        (2, NotFound),
        (36, KeyNotSupported),
        (20, KeyNotSupported),
        (5, Unavailable),
        (24, Unavailable),
        (116, Unavailable),
        (95, StoreError),
    ],
)
def test_errors_of_the_system_become_ours(number: int, kind: type[StoreError]) -> None:
    error = explain(OSError(number, os.strerror(number)), "disk:b/key")
    assert type(error) is kind
    assert error.subject == "disk:b/key"


def test_a_file_too_large_leaves_nothing(tmp_path: Path) -> None:
    said = run(
        """
        async def main():
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
            store = store_at(sys.argv[1])
            await store.create_bucket("b")
            try:
                await store.write("b", "a", body(655360), size=655360, meta=ObjectMeta())
            except StoreError as error:
                print(type(error).__name__)
            await store.close()
        asyncio.run(main())
        """,
        tmp_path,
    )
    assert said == "NoSpace"
    assert everything(tmp_path) == {"b"}


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    script = """
        import subprocess
        async def main():
            root = sys.argv[1]
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", root],
                                  capture_output=True)
            if done.returncode:
                print("no mount")
                return
            store = store_at(root)
            await store.create_bucket("b")
            try:
                await store.write("b", "a", body(4 * 1024**2), size=4 * 1024**2, meta=ObjectMeta())
            except StoreError as error:
                print(type(error).__name__)
            await store.write("b", "small", body(65536), size=65536, meta=ObjectMeta())
            await store.close()
            print(sorted(os.listdir(root + "/b")))
        asyncio.run(main())
    """
    program = "import asyncio, os, resource, sys\nfrom pathlib import Path\n" + HELPERS
    command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-c"]
    try:
        done = subprocess.run(
            [*command, program + textwrap.dedent(script), str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if done.returncode or "no mount" in done.stdout:
        pytest.skip("no file system of its own can be mounted here")
    assert done.stdout.split("\n")[:2] == ["NoSpace", "['small']"]


def test_a_listing_that_cannot_go_on_fails(tmp_path: Path) -> None:
    """Too few file handles, in the middle: an error, never a short listing."""
    bucket = tmp_path / "b"
    for number in range(3):
        (bucket / f"dir-{number}").mkdir(parents=True)
        (bucket / f"dir-{number}" / "file").write_bytes(b"x")
    said = run(
        """
        async def main():
            store = store_at(sys.argv[1])
            assert len([p async for p in store.list_pages("b")][0].entries) == 3
            used = len(os.listdir("/proc/self/fd"))
            resource.setrlimit(resource.RLIMIT_NOFILE, (used + 1, 4096))
            try:
                print(len([p async for p in store.list_pages("b")]))
            except StoreError as error:
                print(type(error).__name__)
            resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
            await store.close()
        asyncio.run(main())
        """,
        tmp_path,
    )
    assert said == "Unavailable"


def test_a_folder_that_may_not_be_read_fails_the_listing(tmp_path: Path) -> None:
    locked = tmp_path / "b" / "locked"
    locked.mkdir(parents=True)
    (tmp_path / "b" / "open").write_bytes(b"x")
    locked.chmod(0)
    script = """
        async def main():
            store = store_at(sys.argv[1])
            if os.geteuid() == 0:
                os.seteuid(65534)
            try:
                print(len([p async for p in store.list_pages("b")]))
            except StoreError as error:
                print(type(error).__name__)
        asyncio.run(main())
    """
    for folder in (tmp_path, *list(tmp_path.parents)[:2], tmp_path / "b"):
        folder.chmod(0o755)
    try:
        assert run(script, tmp_path) == "AccessDenied"
    finally:
        locked.chmod(0o755)


async def test_metadata_beyond_what_the_file_system_holds_is_refused(folder: LocalStore) -> None:
    if not folder.capabilities.user_metadata:
        pytest.skip("this file system keeps no attributes")
    with pytest.raises(NotSupported):
        await put(folder, "a", meta=ObjectMeta(user=(("k", "v" * 200_000),)))
    assert await keys(folder) == []


async def test_a_foreign_or_damaged_attribute_is_no_metadata(
    folder: LocalStore, tmp_path: Path
) -> None:
    if not folder.capabilities.user_metadata:
        pytest.skip("this file system keeps no attributes")
    await put(folder, "a", meta=ObjectMeta(content_type="a/b"))
    for value in (b"not json", b"[]", b'{"user": 5, "content_type": 7}', b'{"user": [["a"]]}'):
        os.setxattr(tmp_path / "b" / "a", "user.astra.meta", value)
        meta = (await folder.head("b", "a")).meta
        assert (meta.user, meta.tags) == ((), ())


async def test_a_mebibyte_is_read_without_holding_the_loop(folder: LocalStore) -> None:
    """All file calls run in threads: the loop never runs one itself."""
    seen: set[bool] = set()
    real = os.pread

    def pread(*args: int) -> bytes:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            seen.add(False)
        else:
            seen.add(True)
        return real(*args)

    await put(folder, "a", b"x" * CHUNK)
    os.pread = pread  # type: ignore[assignment]
    try:
        await get(folder, "a")
    finally:
        os.pread = real
    assert seen == {False}
