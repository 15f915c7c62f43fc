"""What is special about folders: names, links, crashes, races, full disks."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import (
    AccessDenied,
    ConfigError,
    KeyNotSupported,
    NoSpace,
    NotFound,
    NotSupported,
    PreconditionFailed,
    StoreError,
    TruncatedBody,
    Unavailable,
    UsageError,
)
from engine.model import ObjectMeta, Provider, StoreKind, VersionPin
from engine.settings import CloudSettings
from engine.stores import local_files, local_staging, open_store
from engine.stores.body import CHUNK
from engine.stores.local import LocalStore
from engine.stores.local_files import explain, key_problem
from tests.conformance.conftest import pieces


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LocalStore]:
    store = LocalStore(cloud(tmp_path))
    await store.create_bucket("b")
    yield store
    await store.close()


def cloud(root: Path | None) -> CloudSettings:
    return CloudSettings("disk", StoreKind.LOCAL, Provider.ONPREM, root=root)


async def put(store: LocalStore, key: str, data: bytes = b"bytes", **more: object) -> VersionPin:
    fields = {"meta": ObjectMeta()} | more
    written = await store.write("b", key, pieces(data), size=len(data), **fields)  # type: ignore[arg-type]
    return written.pin


async def get(store: LocalStore, key: str, pin: VersionPin | None = None) -> bytes:
    pin = pin or (await store.head("b", key)).pin
    async with store.read("b", key, pin=pin) as reader:
        return b"".join([chunk async for chunk in reader])


async def keys(store: LocalStore, prefix: str = "") -> list[str]:
    pages = [page async for page in store.list_pages("b", prefix)]
    return [entry.key for page in pages for entry in page.entries]


def everything(root: Path) -> set[str]:
    """All files and folders below the root, the hidden ones too."""
    return {str(path.relative_to(root)) for path in root.rglob("*")}


# -- names --------------------------------------------------------------------------------


async def test_files_made_by_others_are_objects(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / "b" / "dir").mkdir()
    (tmp_path / "b" / "dir" / "file.txt").write_bytes(b"by hand")
    os.utime(tmp_path / "b" / "dir" / "file.txt", (1000, 1000))
    head = await store.head("b", "dir/file.txt")
    assert (head.size, head.pin.modified, head.meta.modified) == (7, 1000.0, 1000.0)
    assert await get(store, "dir/file.txt") == b"by hand"
    assert await keys(store) == ["dir/file.txt"]


async def test_a_name_that_is_no_utf8_is_an_object_all_the_same(
    store: LocalStore, tmp_path: Path
) -> None:
    raw = os.fsencode(tmp_path / "b") + b"/caf\xe9-\xff"
    with open(raw, "wb") as file:
        file.write(b"latin")
    (key,) = await keys(store)
    assert key == "caf\udce9-\udcff"
    assert await get(store, key) == b"latin"
    await store.delete("b", key, pin=(await store.head("b", key)).pin)
    assert await keys(store) == []


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
async def test_any_key_is_kept_or_refused(store: LocalStore, key: str) -> None:
    try:
        pin = await put(store, key)
    except KeyNotSupported:
        assert store.check_key(key) != ""
    else:
        assert await keys(store) == [key]
        await store.delete("b", key, pin=pin)
    assert await keys(store) == []


async def test_a_file_and_a_folder_cannot_share_a_name(store: LocalStore) -> None:
    await put(store, "a")
    with pytest.raises(KeyNotSupported):
        await put(store, "a/b")
    await put(store, "c/d")
    with pytest.raises(KeyNotSupported):
        await put(store, "c")
    with pytest.raises(NotFound):
        await store.head("b", "a/b")
    with pytest.raises(NotFound):
        await store.head("b", "c")


@pytest.mark.parametrize("bucket", ["", ".", "..", ".astra", "a/b", "x" * 256, "nul\0"])
async def test_a_bucket_is_a_visible_folder_of_the_root(store: LocalStore, bucket: str) -> None:
    with pytest.raises(UsageError):
        await store.create_bucket(bucket)
    with pytest.raises(UsageError):
        await store.head(bucket, "key")


async def test_buckets_are_folders(store: LocalStore, tmp_path: Path) -> None:
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("/")
    await store.create_bucket("a")
    assert await store.buckets() == ["a", "b"]
    with pytest.raises(NotFound):
        await keys_of(store, "link")


async def keys_of(store: LocalStore, bucket: str) -> list[str]:
    return [e.key async for page in store.list_pages(bucket) for e in page.entries]


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


# -- links and strange files --------------------------------------------------------------


async def test_no_link_leads_out(store: LocalStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    bucket = tmp_path / "b"
    (bucket / "file").symlink_to(outside / "secret")
    (bucket / "dir").symlink_to(outside)
    (bucket / "loop").symlink_to(bucket)
    assert await keys(store) == []
    assert await keys(store, "dir/") == []
    for key in ("file", "dir/secret", "loop/file"):
        with pytest.raises(NotFound):
            await store.head("b", key)
        with pytest.raises(NotFound):
            await get(store, key, VersionPin("x"))
        with pytest.raises(NotFound):
            await store.delete("b", key, pin=VersionPin("x"))
    with pytest.raises(KeyNotSupported):
        await put(store, "dir/new")
    with pytest.raises((KeyNotSupported, PreconditionFailed)):
        await put(store, "file")
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert (outside / "secret").read_bytes() == b"secret"


async def test_pipes_and_sockets_are_no_objects(store: LocalStore, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "b" / "pipe")
    folder = os.getcwd()
    os.chdir(tmp_path / "b")  # a socket's path may be 107 bytes long at the most
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        os.chdir(folder)
    assert await keys(store) == []
    for key in ("pipe", "socket"):
        with pytest.raises(StoreError):
            await store.head("b", key)


# -- crashes, cancelling, sweeping --------------------------------------------------------


async def test_nothing_is_left_of_a_write(store: LocalStore, tmp_path: Path) -> None:
    await put(store, "a/b/c")
    await store.close()
    assert everything(tmp_path) == {"b", "b/a", "b/a/b", "b/a/b/c"}


async def test_empty_folders_go_with_their_last_object(store: LocalStore, tmp_path: Path) -> None:
    pin = await put(store, "a/b/c")
    await put(store, "a/d")
    await store.delete("b", "a/b/c", pin=pin)
    await store.close()
    assert everything(tmp_path) == {"b", "b/a", "b/a/d"}


async def test_a_cancelled_write_leaves_nothing(store: LocalStore, tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * CHUNK
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(store.write("b", "a", body(), size=2 * CHUNK, meta=ObjectMeta()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.close()
    assert everything(tmp_path) == {"b"}


async def test_cancelling_at_any_moment_leaves_an_object_or_nothing(
    store: LocalStore, tmp_path: Path
) -> None:
    for steps in range(40):
        task = asyncio.create_task(put(store, f"key-{steps}", b"x" * (3 * CHUNK)))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        staged = tmp_path / "b" / ".astra"
        assert not staged.exists() or os.listdir(staged) == []
    for key in await keys(store):
        assert len(await get(store, key)) == 3 * CHUNK


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
    store: LocalStore, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert await asyncio.to_thread(writer.stdout.readline) == b"begun\n"
        staging = tmp_path / "b" / ".astra"
        assert len(list(staging.iterdir())) == 1
        writer.send_signal(signal.SIGKILL)
    assert await keys(store) == []
    # Only the change time tells how old it is, and that cannot be set back.
    before = local_staging._SWEEP_AGE
    local_staging._SWEEP_AGE = 0.0
    try:
        await put(store, "other")
    finally:
        local_staging._SWEEP_AGE = before
    assert list(staging.iterdir()) == []
    assert await keys(store) == ["other"]


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


async def test_the_staging_folder_is_nobodys_key(store: LocalStore, tmp_path: Path) -> None:
    await store.begin_upload("b", "big", meta=ObjectMeta())
    assert (tmp_path / "b" / ".astra").is_dir()
    assert await keys(store) == await keys(store, ".astra/") == await keys(store, ".") == []
    with pytest.raises(KeyNotSupported):
        await put(store, ".astra/mine")
    await put(store, "sub/.astra/mine")  # only at the top
    assert await keys(store) == ["sub/.astra/mine"]


# -- races --------------------------------------------------------------------------------


async def test_a_file_put_in_place_of_the_verified_one_is_not_deleted(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other file comes just between the look and the rename."""
    pin = await put(store, "a", b"verified")
    really = local_staging.rename_new

    def rename(source: int, name: bytes, target: int, new_name: bytes) -> None:
        monkeypatch.setattr(local_staging, "rename_new", really)
        (tmp_path / "fresh").write_bytes(b"just now")
        os.replace(tmp_path / "fresh", tmp_path / "b" / "a")
        really(source, name, target, new_name)

    monkeypatch.setattr(local_staging, "rename_new", rename)
    with pytest.raises(PreconditionFailed):
        await store.delete("b", "a", pin=pin)
    assert await get(store, "a") == b"just now"


async def test_a_file_changed_in_place_is_not_deleted(store: LocalStore, tmp_path: Path) -> None:
    pin = await put(store, "a", b"12345")
    with open(tmp_path / "b" / "a", "r+b") as file:
        file.write(b"9")
    with pytest.raises(PreconditionFailed):
        await store.delete("b", "a", pin=pin)
    assert await get(store, "a") == b"92345"


async def test_what_came_between_is_kept_beside_what_came_after(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = await put(store, "a", b"verified")
    really, calls = local_staging.rename_new, [b"between", b"after"]

    def rename(source: int, name: bytes, target: int, new_name: bytes) -> None:
        if calls:
            (tmp_path / "fresh").write_bytes(calls.pop(0))
            os.replace(tmp_path / "fresh", tmp_path / "b" / "a")
        really(source, name, target, new_name)

    monkeypatch.setattr(local_staging, "rename_new", rename)
    with pytest.raises(PreconditionFailed) as caught:
        await store.delete("b", "a", pin=pin)
    assert await get(store, "a") == b"after"
    (kept,) = (tmp_path / "b" / ".astra").iterdir()
    assert kept.read_bytes() == b"between"
    assert kept.name in caught.value.safe


async def test_a_replacement_races_with_another_writer(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = await put(store, "a", b"old")
    really = local_staging.exchange

    def exchange(source: int, name: bytes, target: int, new_name: bytes) -> bool:
        monkeypatch.setattr(local_staging, "exchange", really)
        (tmp_path / "fresh").write_bytes(b"theirs")
        os.replace(tmp_path / "fresh", tmp_path / "b" / "a")
        return really(source, name, target, new_name)

    monkeypatch.setattr(local_staging, "exchange", exchange)
    with pytest.raises(PreconditionFailed):
        await put(store, "a", b"ours", replace=pin)
    assert await get(store, "a") == b"theirs"


async def test_without_atomic_swaps_it_works_too(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_files, "_renameat2", lambda *args: False)
    pin = await put(store, "a", b"old")
    with pytest.raises(PreconditionFailed):
        await put(store, "a", b"other")
    pin = await put(store, "a", b"new", replace=pin)
    assert await get(store, "a") == b"new"
    await store.delete("b", "a", pin=pin)
    assert await keys(store) == []


async def test_a_file_that_changes_while_it_is_read_is_noticed(
    store: LocalStore, tmp_path: Path
) -> None:
    pin = await put(store, "a", b"x" * (3 * CHUNK))
    path = tmp_path / "b" / "a"

    async def read(change: bytes | None, size: int | None = None) -> None:
        async with store.read("b", "a", pin=(await store.head("b", "a")).pin) as reader:
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


async def test_folders_that_come_and_go_meanwhile_disturb_nobody(store: LocalStore) -> None:
    async def come_and_go(number: int) -> None:
        for turn in range(15):
            pin = await put(store, f"shared/deep/{number}-{turn}")
            await store.delete("b", f"shared/deep/{number}-{turn}", pin=pin)

    await asyncio.gather(*(come_and_go(number) for number in range(6)))
    assert await keys(store) == []


# -- limits of the machine ----------------------------------------------------------------


async def test_very_deep_trees_are_listed(store: LocalStore) -> None:
    deep = "/".join(["d"] * 1500) + "/file"
    await put(store, deep)
    assert await keys(store) == [deep]
    assert await get(store, deep) == b"bytes"
    await store.delete("b", deep, pin=(await store.head("b", deep)).pin)
    assert await keys(store) == []


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


def run(script: str, *args: object) -> str:
    """Run a program of its own, which may break itself; gives what it printed."""
    program = "import asyncio, os, resource, sys\nfrom pathlib import Path\n" + HELPERS
    program += textwrap.dedent(script)
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


HELPERS = """
from engine.model import ObjectMeta, Provider, StoreKind
from engine.settings import CloudSettings
from engine.stores.local import LocalStore
from engine.errors import StoreError

def store_at(root):
    return LocalStore(CloudSettings("disk", StoreKind.LOCAL, Provider.ONPREM, root=Path(root)))

async def body(size):
    for _ in range(size // 65536):
        yield b"x" * 65536

"""


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


async def test_metadata_beyond_what_the_file_system_holds_is_refused(store: LocalStore) -> None:
    if not store.capabilities.user_metadata:
        pytest.skip("this file system keeps no attributes")
    with pytest.raises(NotSupported):
        await put(store, "a", meta=ObjectMeta(user=(("k", "v" * 200_000),)))
    assert await keys(store) == []


async def test_a_foreign_or_damaged_attribute_is_no_metadata(
    store: LocalStore, tmp_path: Path
) -> None:
    if not store.capabilities.user_metadata:
        pytest.skip("this file system keeps no attributes")
    await put(store, "a", meta=ObjectMeta(content_type="a/b"))
    for value in (b"not json", b"[]", b'{"user": 5, "content_type": 7}', b'{"user": [["a"]]}'):
        os.setxattr(tmp_path / "b" / "a", "user.astra.meta", value)
        meta = (await store.head("b", "a")).meta
        assert (meta.user, meta.tags) == ((), ())


async def test_a_mebibyte_is_read_without_holding_the_loop(store: LocalStore) -> None:
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

    await put(store, "a", b"x" * CHUNK)
    os.pread = pread  # type: ignore[assignment]
    try:
        await get(store, "a")
    finally:
        os.pread = real
    assert seen == {False}
