"""A move onto itself: one object by two names, two kinds of store, or two servers."""

from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.errors import Unavailable
from engine.model import JobState, MoveKind
from engine.stores import open_store
from tests import servers
from tests.migration.world import local_store, pattern, world
from tests.servers import ACCESS_KEY, SECRET_KEY, free_ports, program, rclone_s3


@contextmanager
def with_etags(root: Path, algorithm: str):
    """`rclone serve s3` over the folder, with ETags made by another algorithm."""
    (port,) = free_ports(1)
    command = [program("rclone"), "serve", "s3", str(root), "--config", "/dev/null"]
    command += ["--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}"]
    command += ["--etag-hash", algorithm]
    with (
        servers._folder() as folder,
        servers._serve(command, port, folder / "log") as server,
    ):
        yield server


@pytest.mark.parametrize("size", [1000, 3 * 1024**2])
@pytest.mark.parametrize("route", [("disk", "s3"), ("s3", "disk")])
async def test_a_folder_and_a_server_over_it_are_one_place(
    tmp_path: Path, route: tuple[str, str], size: int
) -> None:
    root = tmp_path / "root"
    disk = local_store("disk", root)
    data = pattern(size)
    (root / "bucket" / "a").write_bytes(data)
    with rclone_s3(root) as server:
        stores = {"disk": disk, "s3": open_store(server.cloud("s3"))}
        async with world(tmp_path / "state", stores) as there:
            for overwrite in (False, True):
                done = await there.move(
                    f"{route[0]}:bucket/a", f"{route[1]}:bucket/a", overwrite=overwrite
                )
                assert (done.state, (root / "bucket" / "a").read_bytes()) == (
                    JobState.FAILED,
                    data,
                )
                assert "itself" in done.error
    assert {item.name for item in (root / "bucket").iterdir()} <= {"a", ".astra"}


async def test_two_servers_over_one_folder_with_other_etags_are_one_place(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "bucket").mkdir(parents=True)
    (root / "bucket" / "a").write_bytes(pattern(5000))
    with rclone_s3(root) as one, with_etags(root, "SHA1") as two:
        stores = {"x": open_store(one.cloud("x")), "y": open_store(two.cloud("y"))}
        async with world(tmp_path / "state", stores) as there:
            done = await there.move("x:bucket/a", "y:bucket/a")
            assert (done.state, "itself" in done.error) == (JobState.FAILED, True)
            assert (root / "bucket" / "a").read_bytes() == pattern(5000)


async def test_the_same_bytes_in_another_place_are_still_adopted(tmp_path: Path) -> None:
    """The probe must not forbid what is fine: and it leaves nothing behind."""
    root = tmp_path / "root"
    (root / "bucket").mkdir(parents=True)
    data = pattern(5000)
    (root / "bucket" / "b").write_bytes(data)
    with rclone_s3(root) as server:
        disk = local_store("disk", tmp_path / "disk")
        stores = {"disk": disk, "s3": open_store(server.cloud("s3"))}
        async with world(tmp_path / "state", stores) as there:
            await there.put("disk:bucket/a", data)
            done = await there.move("disk:bucket/a", "s3:bucket/b", MoveKind.MOVE)
            assert (done.state, done.error) == (JobState.COMPLETED, "")
            assert any("skipped" in note for note in done.notes)
            assert await there.keys("disk:bucket/") == []
            assert await there.keys("s3:bucket/") == ["b"]


@pytest.mark.parametrize("route", [("a:bucket/k", "a:bucket/l"), ("a:bucket/k", "b:bucket/l")])
@pytest.mark.parametrize("order", ["resume", "cancel"])
async def test_probes_that_could_not_be_removed_are_removed_later(
    tmp_path: Path, route: tuple[str, str], order: str
) -> None:
    stores = {"a": local_store("a", tmp_path / "a"), "b": local_store("b", tmp_path / "b")}
    broken = [True]

    def cut(store):
        delete = store.delete

        async def dying(bucket: str, key: str, **how) -> None:
            if broken and ".astra-probe-" in key:
                raise Unavailable("The disk is away.")
            await delete(bucket, key, **how)

        store.delete = dying
        return store

    for name in stores:
        cut(stores[name])
    async with world(tmp_path / "state", dict(stores)) as there:
        await there.put(route[0], b"same")
        await there.put(route[1], b"same")
        job_id = await there.submit(*route, max_attempts=2)
        assert (await there.done(job_id)).state is JobState.FAILED
        left = [*await there.keys("a:bucket/"), *await there.keys("b:bucket/")]
        assert any(".astra-probe-" in key for key in left)
        broken.clear()
        await there.runner.retry([job_id])
        if order == "cancel":
            await there.runner.cancel([job_id])
        assert (await there.done(job_id)).state in (JobState.COMPLETED, JobState.CANCELLED)
        left = [*await there.keys("a:bucket/"), *await there.keys("b:bucket/")]
        assert not any(".astra-probe-" in key for key in left)
