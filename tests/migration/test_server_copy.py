"""Moves within one provider: it copies by itself, and the copy is proved all the same."""

import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from engine.model import Evidence, JobState, MoveKind, SourceProof
from engine.settings import Secret
from engine.stores import open_store
from tests.fake_s3 import FakeS3, Fault, Quirks, Seen
from tests.migration.test_kill import run_child
from tests.migration.victim import Errand
from tests.migration.world import World, md5, pattern, small_parts, world

PART = 64 * 1024
DATA = pattern(PART * 4 + 11)


@pytest.fixture
def quirks() -> Quirks:
    return Quirks()


@pytest.fixture
def fake(quirks: Quirks) -> Iterator[FakeS3]:
    with FakeS3(quirks) as server:
        server.state.buckets |= {"b": {}, "c": {}}
        yield server


@pytest.fixture
async def there(tmp_path: Path, fake: FakeS3) -> AsyncIterator[World]:
    stores = {name: small_parts(open_store(fake.cloud(name)), PART) for name in ("src", "dst")}
    async with world(tmp_path / "state", stores) as made:
        yield made


def copies(fake: FakeS3) -> list[Seen]:
    return [
        seen
        for seen in fake.seen
        if "x-amz-copy-source" in seen.headers and ".astra-canary" not in seen.path
    ]


@pytest.mark.parametrize("part_size", [0, PART], ids=["one-part", "parts"])
async def test_the_bytes_do_not_pass_through_this_machine(
    there: World, fake: FakeS3, part_size: int
) -> None:
    fake.state.put(
        "b",
        "k",
        DATA,
        part_size=part_size,
        headers={"content-type": "text/x", "x-amz-meta-a": "1"},
        tags="t=1",
    )
    done = await there.move("src:b/k", "dst:c/k")
    assert (done.state, done.error) == (JobState.COMPLETED, "")
    assert (done.evidence, done.source_proof) == (Evidence.REREAD, SourceProof.ATTESTED)
    assert done.server_copied
    assert done.guarded
    read = [seen for seen in fake.seen if (seen.method, seen.bucket) == ("GET", "b")]
    assert all("tagging" in seen.query or not seen.key for seen in read)
    assert fake.state.get("b", "k") is None
    made = fake.state.get("c", "k")
    assert made is not None
    assert (made.body, made.tags) == (DATA, "t=1")
    assert {("content-type", "text/x"), ("x-amz-meta-a", "1")} <= set(made.headers)
    assert done.checksum_source == done.checksum_destination
    if not part_size:
        assert done.checksum_destination == md5(DATA)


async def test_it_can_be_switched_off(there: World, fake: FakeS3) -> None:
    fake.state.put("b", "k", DATA)
    done = await there.move("src:b/k", "dst:c/k", server_copy=False)
    assert done.state is JobState.COMPLETED
    assert not done.server_copied
    assert copies(fake) == []


@pytest.mark.parametrize("quirks", [Quirks(crc32c=True), Quirks()], ids=["crc32c", "etag"])
async def test_an_etag_that_may_be_copied_along_is_no_evidence(there: World, fake: FakeS3) -> None:
    """Such a server attests nothing but the ETag: what it copied is read back."""
    fake.state.put("b", "k", DATA)
    done = await there.move("src:b/k", "dst:c/k", verify=Evidence.ATTESTED)
    assert (done.state, done.evidence) == (JobState.COMPLETED, Evidence.REREAD)
    assert any("copy a checksum along" in note for note in done.notes)


async def test_nor_is_it_where_the_answer_to_the_copy_was_lost(there: World, fake: FakeS3) -> None:
    """The next try finds a copy, and must not forget who made it: its bytes are other ones."""
    fake.state.put("b", "k", DATA)
    lost: list[Seen] = []

    def lose(seen: Seen) -> Fault | None:
        if not lost and seen.key == "k" and "x-amz-copy-source" in seen.headers:
            lost.append(seen)
            return Fault(reset=True, after=True)
        if lost and fake.state.get("c", "k") is not None:
            fake.state.change("c", "k", body=b"X" + DATA[1:])
        return None

    fake.on_request = lose
    done = await there.move("src:b/k", "dst:c/k", verify=Evidence.ATTESTED)
    assert lost
    assert done.state is JobState.FAILED
    kept = fake.state.get("b", "k")
    assert kept is not None
    assert kept.body == DATA


@pytest.mark.parametrize("quirks", [Quirks(copy_ignores_source=True)])
@pytest.mark.parametrize("size", [100, len(DATA)])
async def test_where_it_is_not_exact_the_bytes_are_streamed(
    there: World, fake: FakeS3, size: int
) -> None:
    fake.state.put("b", "k", DATA[:size])
    done = await there.move("src:b/k", "dst:c/k")
    assert (done.state, done.server_copied) == (JobState.COMPLETED, False)
    assert copies(fake) == []
    made = fake.state.get("c", "k")
    assert made is not None
    assert made.body == DATA[:size]
    assert fake.state.uploads == {}


@pytest.mark.parametrize("quirks", [Quirks(copy_ignores_target=True)])
@pytest.mark.parametrize("part_size", [0, PART], ids=["one-part", "parts"])
async def test_a_server_that_would_overwrite_copies_large_objects_in_parts(
    there: World, fake: FakeS3, part_size: int
) -> None:
    fake.state.put("b", "large", DATA, part_size=part_size)
    fake.state.put("b", "small", b"small")
    large = await there.move("src:b/large", "dst:c/large")
    small = await there.move("src:b/small", "dst:c/small")
    assert (large.state, large.server_copied) == (JobState.COMPLETED, True)
    assert (small.state, small.server_copied) == (JobState.COMPLETED, False)
    made = fake.state.get("c", "large")
    assert made is not None
    assert made.body == DATA
    assert len(copies(fake)) == (5 if part_size else 1)
    assert fake.state.uploads == {}


async def test_another_object_is_not_overwritten(there: World, fake: FakeS3) -> None:
    fake.state.put("b", "k", DATA)
    fake.state.put("c", "k", b"other")
    done = await there.move("src:b/k", "dst:c/k")
    assert done.state is JobState.FAILED
    assert "already there" in done.error
    kept = fake.state.get("c", "k")
    assert kept is not None
    assert kept.body == b"other"
    over = await there.move("src:b/k", "dst:c/k", overwrite=True)
    assert (over.state, over.server_copied) == (JobState.COMPLETED, True)


async def test_a_source_that_changes_meanwhile_starts_over(there: World, fake: FakeS3) -> None:
    fake.state.put("b", "k", DATA)
    left = [True]

    def change(seen: Seen) -> Fault | None:
        if "x-amz-copy-source" in seen.headers and seen.key == "k" and left:
            left.clear()
            return Fault(before=lambda: fake.state.put("b", "k", b"newer"))
        return None

    fake.on_request = change
    done = await there.move("src:b/k", "dst:c/k")
    assert (done.state, done.attempt, done.server_copied) == (JobState.COMPLETED, 2, True)
    made = fake.state.get("c", "k")
    assert made is not None
    assert made.body == b"newer"


@pytest.mark.parametrize("part_size", [0, PART], ids=["one-part", "parts"])
async def test_a_bad_copy_is_rolled_back(there: World, fake: FakeS3, part_size: int) -> None:
    fake.state.put("b", "k", DATA, part_size=part_size)

    def spoil(seen: Seen) -> Fault | None:
        return (
            Fault(flip=70_000)
            if (seen.method, seen.bucket, seen.key) == ("GET", "c", "k")
            else None
        )

    fake.on_request = spoil
    done = await there.move("src:b/k", "dst:c/k")
    assert done.state is JobState.FAILED
    assert "rolled back" in done.error
    assert not done.server_copied
    assert fake.state.get("c", "k") is None
    assert fake.state.get("b", "k") is not None


@pytest.mark.parametrize("after", [True, False], ids=["carried-out", "not-carried-out"])
async def test_a_lost_answer_is_found_out(there: World, fake: FakeS3, after: bool) -> None:
    fake.state.put("b", "k", DATA)
    left = [True]

    def lose(seen: Seen) -> Fault | None:
        if "x-amz-copy-source" in seen.headers and seen.key == "k" and left:
            left.clear()
            return Fault(reset=True, after=after)
        return None

    fake.on_request = lose
    done = await there.move("src:b/k", "dst:c/k")
    assert (done.state, done.attempt) == (JobState.COMPLETED, 2)
    assert len(copies(fake)) == (1 if after else 2)
    assert fake.state.get("b", "k") is None


# -- killed ---------------------------------------------------------------------------------


class Killer:
    """Kills the child at its request number `number` for an object."""

    def __init__(self, fake: FakeS3, number: int, *, effect: bool) -> None:
        self.pid = 0
        self.done = False
        self._left = number
        self._effect = effect
        fake.on_request = self._on_request

    def _on_request(self, seen: Seen) -> Fault | None:
        if ".astra-" in seen.path or not seen.key or self.done:
            return None
        self._left -= 1
        if self._left:
            return None
        self.done = True
        return Fault(before=lambda: os.kill(self.pid, signal.SIGKILL), reset=not self._effect)


@pytest.mark.parametrize("kind", [MoveKind.TIER, MoveKind.MOVE])
async def test_a_store_that_changes_classes_without_a_copy_has_no_limit(
    tmp_path: Path, fake: FakeS3, kind: MoveKind
) -> None:
    fake.state.put("b", "k", DATA)
    store = small_parts(open_store(fake.cloud("src")), PART)
    store.capabilities = replace(  # type: ignore[misc]
        store.capabilities, copy_limit=2 * PART, class_by_copy=False
    )
    to = "src:b/k" if kind is MoveKind.TIER else "src:c/k"
    async with world(tmp_path / "state", {"src": store}) as there:
        done = await there.move("src:b/k", to, kind, to_class="STANDARD_IA")
    assert (done.state, done.error) == (JobState.COMPLETED, "")
    assert not any("copy-source-range" in name for seen in fake.seen for name in seen.headers)


@pytest.mark.parametrize(
    ("quirks", "part_size"),
    [(Quirks(copy_ignores_target=True), PART), (Quirks(), 0)],
    ids=["parts", "one-request"],
)
async def test_killed_at_any_request(tmp_path: Path, fake: FakeS3, part_size: int) -> None:
    number, killed, copied = 0, True, 0
    needed = 5 if part_size else 1
    while killed:
        number += 1
        assert number < 40
        fake.state.buckets |= {"b": {}, "c": {}}
        fake.state.put("b", "k", DATA, part_size=part_size)
        clouds = (fake.cloud("src"), fake.cloud("dst"))
        state = tmp_path / str(number)
        task = Errand(state, clouds, moves=(("src:b/k", "dst:c/k"),), part=PART)
        killer = Killer(fake, number, effect=number % 2 == 0)
        killed = await run_child(task, killer) != 0  # type: ignore[arg-type]
        fake.on_request = None
        held = [fake.state.get("b", "k"), fake.state.get("c", "k")]
        assert DATA in [item.body for item in held if item is not None]
        fake.seen.clear()
        stores = {cloud.name: small_parts(open_store(cloud), PART) for cloud in clouds}
        async with world(state, stores) as there:
            await there.runner.resume()
            await there.runner.wait()
            if there.runner.counts():
                assert dict(there.runner.counts()) == {"completed": 1}
                made = fake.state.get("c", "k")
                assert made is not None
                assert made.body == DATA
                assert fake.state.get("b", "k") is None
            assert fake.state.uploads == {}
        copied = max(copied, needed - len(copies(fake)))
    assert number > (10 if part_size else 5)
    assert copied == needed  # some successor had nothing left to copy


async def test_a_change_of_class_in_parts_leaves_no_upload(tmp_path: Path, fake: FakeS3) -> None:
    """The upload is on record before its first part, so that nobody's death leaves it behind."""
    fake.state.put("b", "k", DATA, part_size=PART)
    store = small_parts(open_store(fake.cloud("src")), PART)
    store.capabilities = replace(store.capabilities, copy_limit=2 * PART)  # type: ignore[misc]
    recorded: list[str] = []
    allowed = 2

    def stop(seen: Seen) -> Fault | None:
        if not seen.is_upload_part:
            return None
        with closing(sqlite3.connect(tmp_path / "state" / "astra.db")) as database:
            recorded.append(database.execute("SELECT upload_id FROM jobs").fetchone()[0])
        return None if len(recorded) <= allowed else Fault(status=403, code="Forbidden")

    fake.on_request = stop
    async with world(tmp_path / "state", {"src": store}) as there:
        failed = await there.move("src:b/k", "src:b/k", MoveKind.TIER, to_class="STANDARD_IA")
        assert failed.state is JobState.FAILED
        assert recorded[0]
        assert set(recorded) == {recorded[0]}
        assert fake.state.uploads == {}
        fake.on_request = None
        await there.runner.retry([failed.job_id])
        done = await there.done(failed.job_id)
    assert (done.state, done.error) == (JobState.COMPLETED, "")
    found = fake.state.get("b", "k")
    assert found is not None
    assert (found.body, found.storage_class) == (DATA, "STANDARD_IA")
    assert fake.state.uploads == {}


async def test_the_class_of_what_was_there_already_is_told(there: World, fake: FakeS3) -> None:
    """The plan said another one, and what it costs."""
    for bucket in ("b", "c"):
        fake.state.put(bucket, "k", DATA)
    done = await there.move("src:b/k", "dst:c/k", to_class="STANDARD_IA")
    assert done.state is JobState.COMPLETED
    assert any("is in STANDARD, not in STANDARD_IA" in note for note in done.notes)


@pytest.mark.parametrize("quirks", [Quirks(copy_ignores_target=True)])
async def test_parts_begun_for_the_provider_are_not_held_in_memory_here(
    tmp_path: Path, fake: FakeS3
) -> None:
    """Other credentials for one end, and the bytes come through this machine after all."""
    data = pattern(17 * 1024**2)
    fake.state.put("b", "k", data)
    made = {name: small_parts(open_store(fake.cloud(name)), PART) for name in ("src", "dst")}
    async with world(tmp_path / "state", made) as there:
        fake.on_request = lambda seen: (
            Fault(status=500, code="InternalError")
            if seen.is_upload_part and seen.key == "k"
            else None
        )
        job_id = await there.submit("src:b/k", "dst:c/k")
        await there.until(lambda: any(seen.is_upload_part for seen in fake.seen), "a part's copy")
    fake.on_request = None
    other = replace(fake.cloud("src"), access_key=Secret("other"))
    made = {"src": open_store(other), "dst": small_parts(open_store(fake.cloud("dst")), PART)}
    fake.seen.clear()
    async with world(tmp_path / "state", made) as there:
        await there.runner.resume()
        done = await there.done(job_id)
    assert (done.state, done.server_copied) == (JobState.COMPLETED, False)
    assert max(len(seen.body) for seen in fake.seen if seen.is_upload_part) == PART
    assert fake.state.uploads == {}
    arrived = fake.state.get("c", "k")
    assert arrived is not None
    assert arrived.body == data
