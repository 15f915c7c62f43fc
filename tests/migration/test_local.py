"""Moves between two folders: what arrives, what stays, what is refused."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.model import Evidence, JobState, MoveKind, ObjectMeta, SourceProof
from tests.migration.world import World, local_store, md5, pattern, small_parts, world

HOSTILE = [
    "plain.txt",
    "a b/c+d%2F?#.txt",
    "[red]bold[/] $HOME `x`",
    "line\nbreak\x1b[31m\x07",
    "caf\u00e9",
    "cafe\u0301",
    "\u202egpj.exe",
    "emoji \U0001f680/\u732b",
    "\udcff\udcfe not utf-8",
    "deep/" * 40 + "end",
    "x" * 255,
]


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[World]:
    stores = {"a": local_store("a", tmp_path / "a"), "b": local_store("b", tmp_path / "b")}
    async with world(tmp_path / "state", dict(stores)) as made:
        yield made


@pytest.mark.parametrize("size", [0, 1, 4096, 1024**2, 1024**2 + 1, 5 * 1024**2 + 7])
@pytest.mark.parametrize("algorithm", ["md5", "sha256", "crc32c"])
async def test_a_move_ends_with_the_bytes_at_the_destination_only(
    there: World, algorithm: str, size: int
) -> None:
    data = pattern(size)
    await there.put("a:bucket/x/file.bin", data)
    done = await there.move("a:bucket/x/file.bin", "b:bucket/y.bin", checksum=algorithm)
    assert (done.state, done.error) == (JobState.COMPLETED, "")
    assert done.evidence is Evidence.REREAD
    assert done.checksum_source == done.checksum_destination != ""
    assert done.guarded is True
    assert done.source_proof is SourceProof.UNATTESTED
    assert any("unattested" in note for note in done.notes)
    assert done.progress == 1.0
    assert min(done.step_seconds) >= 0.0
    assert await there.get("b:bucket/y.bin") == data
    assert await there.keys("a:bucket/") == []
    if algorithm == "md5":
        assert done.checksum_source == md5(data)


async def test_a_copy_keeps_the_source(there: World) -> None:
    await there.put("a:bucket/k", b"kept")
    done = await there.move("a:bucket/k", "b:bucket/k", MoveKind.COPY)
    assert done.state is JobState.COMPLETED
    assert done.guarded is None
    assert await there.get("a:bucket/k") == await there.get("b:bucket/k") == b"kept"


@pytest.mark.parametrize("key", HOSTILE)
async def test_hostile_keys_travel_byte_exact(there: World, key: str) -> None:
    await there.put(f"a:bucket/{key}", key.encode("utf-8", "surrogateescape"))
    done = await there.move(f"a:bucket/{key}", f"b:bucket/{key}")
    assert done.state is JobState.COMPLETED
    assert done.spec.source.key == key
    assert await there.keys("b:bucket/") == [key]
    assert await there.get(f"b:bucket/{key}") == key.encode("utf-8", "surrogateescape")


async def test_metadata_and_time_travel(there: World) -> None:
    meta = ObjectMeta(
        content_type="text/x-odd",
        cache_control="no-store",
        user=(("owner", "ärzte"),),
        tags=(("team", "blue"),),
        modified=1_500_000_000.25,
    )
    await there.put("a:bucket/k", b"x", meta)
    await there.move("a:bucket/k", "b:bucket/k")
    assert (await there.stores["b"].head("bucket", "k")).meta == meta


async def test_parts_arrive_in_order_and_leave_nothing_behind(there: World) -> None:
    small_parts(there.stores["b"])
    data = pattern(64 * 1024 * 5 + 3)
    await there.put("a:bucket/big", data)
    done = await there.move("a:bucket/big", "b:bucket/big")
    assert done.state is JobState.COMPLETED
    assert await there.get("b:bucket/big") == data
    assert await there.uploads("b:bucket/") == 0
    assert await there.ledger.parts(done.job_id) == []


async def test_the_same_content_already_there_is_verified_not_uploaded(there: World) -> None:
    await there.put("a:bucket/k", b"same")
    await there.put("b:bucket/k", b"same")
    before = (await there.stores["b"].head("bucket", "k")).pin
    done = await there.move("a:bucket/k", "b:bucket/k")
    assert done.state is JobState.COMPLETED
    assert done.evidence is Evidence.REREAD
    assert any("skipped" in note for note in done.notes)
    assert (await there.stores["b"].head("bucket", "k")).pin == before
    assert await there.get("a:bucket/k") is None


@pytest.mark.parametrize("other", [b"other!", b"longer than the source"])
async def test_another_object_at_the_destination_is_never_touched(
    there: World, other: bytes
) -> None:
    await there.put("a:bucket/k", b"source")
    await there.put("b:bucket/k", other)
    done = await there.move("a:bucket/k", "b:bucket/k")
    assert done.state is JobState.FAILED
    assert "already there" in done.error
    assert "--overwrite" in done.error_todo
    assert await there.get("b:bucket/k") == other
    assert await there.get("a:bucket/k") == b"source"


async def test_overwrite_replaces_what_is_there(there: World) -> None:
    await there.put("a:bucket/k", b"new bytes")
    await there.put("b:bucket/k", b"old bytes")
    done = await there.move("a:bucket/k", "b:bucket/k", overwrite=True)
    assert done.state is JobState.COMPLETED
    assert await there.get("b:bucket/k") == b"new bytes"
    assert await there.get("a:bucket/k") is None


async def test_an_object_is_never_moved_onto_itself(tmp_path: Path, there: World) -> None:
    await there.put("a:bucket/dir/k", b"one and only")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    there.stores["again"] = local_store("again", tmp_path / "link")
    there.stores["inside"] = local_store("inside", tmp_path / "a" / "bucket", "dir")
    for destination in ("a:bucket/dir/k", "again:bucket/dir/k", "inside:dir/k"):
        for overwrite in (False, True):
            done = await there.move("a:bucket/dir/k", destination, overwrite=overwrite)
            assert done.state is JobState.FAILED, destination
            assert "itself" in done.error
            assert await there.get("a:bucket/dir/k") == b"one and only"


async def test_a_second_name_that_paths_do_not_show_is_found_by_a_probe(
    tmp_path: Path, there: World
) -> None:
    """As with a bind mount, or an endpoint with two names."""

    class Elsewhere(type(there.stores["a"])):  # type: ignore[misc]
        def locate(self, bucket: str, key: str) -> str:
            return f"elsewhere {bucket}/{key}"

    settings = local_store("alias", tmp_path / "a")
    alias = Elsewhere.__new__(Elsewhere)
    alias.__dict__.update(settings.__dict__)
    there.stores["alias"] = alias
    await there.put("a:bucket/k", b"one and only")
    for overwrite in (False, True):
        done = await there.move("a:bucket/k", "alias:bucket/k", overwrite=overwrite)
        assert done.state is JobState.FAILED
        assert "itself" in done.error
        assert await there.get("a:bucket/k") == b"one and only"
        assert await there.keys("a:bucket/") == ["k"], "the probe object is removed"


async def test_a_twin_of_the_same_second_is_no_second_name(there: World) -> None:
    meta = ObjectMeta(modified=1_600_000_000.0)
    await there.put("a:bucket/k", b"twin", meta)
    await there.put("b:bucket/k", b"twin", meta)
    done = await there.move("a:bucket/k", "b:bucket/k")
    assert done.state is JobState.COMPLETED
    assert await there.keys("b:bucket/") == ["k"]


async def test_a_key_that_the_destination_cannot_hold_is_refused(there: World) -> None:
    await there.put("a:bucket/k", b"x")
    done = await there.move("a:bucket/k", "b:bucket/up/../k")
    assert done.state is JobState.FAILED
    assert "cannot hold" in done.error
    assert await there.get("a:bucket/k") == b"x"


async def test_a_source_that_is_gone_fails_at_once(there: World) -> None:
    await there.put("a:bucket/k", b"x")
    spec = await there.spec("a:bucket/k", "b:bucket/k")
    head = await there.stores["a"].head("bucket", "k")
    await there.stores["a"].delete("bucket", "k", pin=head.pin)
    (job_id,) = await there.runner.submit("set", [spec])
    done = await there.done(job_id)
    assert (done.state, done.attempt) == (JobState.FAILED, 1)
    assert await there.keys("b:bucket/") == []


async def test_a_source_changed_after_planning_moves_as_it_is_now(there: World) -> None:
    await there.put("a:bucket/k", b"planned")
    spec = await there.spec("a:bucket/k", "b:bucket/k")
    strict = await there.spec("a:bucket/k", "b:bucket/k", strict=True)
    head = await there.stores["a"].head("bucket", "k")
    await there.stores["a"].delete("bucket", "k", pin=head.pin)
    await there.put("a:bucket/k", b"edited since")
    (refused,) = await there.runner.submit("set", [strict])
    assert "planned" in (await there.done(refused)).error
    (job_id,) = await there.runner.submit("set", [spec])
    done = await there.done(job_id)
    assert done.state is JobState.COMPLETED
    assert done.spec.size == len(b"edited since")
    assert any("after it was planned" in note for note in done.notes)
    assert await there.get("b:bucket/k") == b"edited since"


async def test_strict_reads_a_source_without_checksums_twice(there: World) -> None:
    await there.put("a:bucket/k", b"read me twice")
    done = await there.move("a:bucket/k", "b:bucket/k", strict=True)
    assert done.state is JobState.COMPLETED
    assert done.source_proof is SourceProof.REREAD


async def test_a_disk_has_no_classes_to_change(there: World) -> None:
    await there.put("a:bucket/k", b"x")
    done = await there.move("a:bucket/k", "a:bucket/k", MoveKind.TIER, to_class="GLACIER")
    assert done.state is JobState.FAILED
    assert "cannot change the class" in done.error
    assert await there.get("a:bucket/k") == b"x"
