"""Changes of class in place, archives and restores."""

from collections.abc import AsyncIterator, Iterator

import pytest

from engine.model import Evidence, JobState, MoveKind, ObjectMeta, Provider
from engine.stores import open_store
from tests.fake_s3 import FakeS3, Fault, Seen
from tests.migration.world import (
    World,
    at,
    fake_stores,
    md5,
    pattern,
    small_parts,
    two_clouds,
    world,
)
from tests.servers import S3Server

PART = 64 * 1024


@pytest.fixture
def fakes() -> Iterator[tuple[FakeS3, FakeS3]]:
    with two_clouds() as both:
        yield both


@pytest.fixture
async def there(tmp_path, fakes: tuple[FakeS3, FakeS3]) -> AsyncIterator[World]:
    async with world(tmp_path / "state", fake_stores(*fakes)) as made:
        yield made


async def tier(there: World, address: str, to_class: str, **options: object):
    return await there.move(address, address, MoveKind.TIER, to_class=to_class, **options)


@pytest.mark.parametrize("part_size", [0, 50_000])
async def test_a_readable_class_is_proved_by_reading(there: World, fakes, part_size: int) -> None:
    data = pattern(120_000)
    fakes[0].state.put(
        "b", "k", data, part_size=part_size, headers={"x-amz-meta-a": "1"}, tags="t=1"
    )
    done = await tier(there, "src:b/k", "STANDARD_IA")
    assert (done.state, done.error) == (JobState.COMPLETED, "")
    assert done.evidence is Evidence.REREAD
    assert done.guarded is None
    found = fakes[0].state.get("b", "k")
    assert found is not None
    assert (found.storage_class, found.body, found.tags) == ("STANDARD_IA", data, "t=1")
    assert ("x-amz-meta-a", "1") in found.headers
    assert fakes[0].count("DELETE", "b", "k") == 0


async def test_an_archive_class_is_proved_by_the_provider(there: World, fakes) -> None:
    fakes[0].state.put("b", "k", b"to the archive")
    done = await tier(there, "src:b/k", "GLACIER")
    assert (done.state, done.evidence) == (JobState.COMPLETED, Evidence.ATTESTED)
    assert done.checksum_destination == md5(b"to the archive")
    assert any("were not read" in note for note in done.notes)


async def test_what_the_provider_damaged_is_told(there: World, fakes) -> None:
    fakes[0].state.put("b", "k", b"right bytes")
    reads = iter(range(100))

    def damage(seen: Seen) -> Fault | None:
        if seen.method == "GET" and seen.key == "k" and next(reads) == 0:
            return Fault(flip=1)
        return None

    fakes[0].on_request = damage
    done = await tier(there, "src:b/k", "STANDARD_IA")
    assert done.state is JobState.FAILED
    assert "not the same" in done.error


async def test_a_class_it_has_already_is_left_alone(there: World, fakes) -> None:
    fakes[0].state.put("b", "k", b"x", storage_class="STANDARD_IA")
    done = await tier(there, "src:b/k", "STANDARD_IA")
    assert done.state is JobState.COMPLETED
    assert fakes[0].count("PUT", "b", "k") == 0


async def test_an_object_changed_meanwhile_starts_over(there: World, fakes) -> None:
    fakes[0].state.put("b", "k", b"old")
    left = [True]

    def change(seen: Seen) -> Fault | None:
        if seen.method == "PUT" and seen.key == "k" and left:
            left.clear()
            return Fault(before=lambda: fakes[0].state.put("b", "k", b"newer"))
        return None

    fakes[0].on_request = change
    done = await tier(there, "src:b/k", "STANDARD_IA")
    assert (done.state, done.attempt) == (JobState.COMPLETED, 2)
    found = fakes[0].state.get("b", "k")
    assert found is not None
    assert (found.body, found.storage_class) == (b"newer", "STANDARD_IA")


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("part_size", [0, 50_000])
@pytest.mark.parametrize("to_class", ["STANDARD_IA", "GLACIER"])
async def test_a_lost_answer_is_found_out(
    there: World, fakes, after: bool, part_size: int, to_class: str
) -> None:
    fakes[0].state.put("b", "k", pattern(120_000), part_size=part_size)
    left = [True]

    def lose(seen: Seen) -> Fault | None:
        if seen.method == "PUT" and seen.key == "k" and left:
            left.clear()
            return Fault(reset=True, after=after)
        return None

    fakes[0].on_request = lose
    done = await tier(there, "src:b/k", to_class)
    assert (done.state, done.attempt) == (JobState.COMPLETED, 2)
    readable = to_class == "STANDARD_IA"
    assert done.evidence is (Evidence.REREAD if readable else Evidence.ATTESTED)
    assert fakes[0].count("PUT", "b", "k") == (1 if after else 2)


# -- archived sources -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [MoveKind.MOVE, MoveKind.TIER])
async def test_an_archived_source_is_asked_back_and_the_slot_stays_free(
    there: World, fakes, kind: MoveKind
) -> None:
    there.runner.set_limits(jobs=1)
    fakes[0].state.put("b", "cold", b"from the archive", storage_class="GLACIER")
    fakes[0].state.put("b", "warm", b"meanwhile")
    to = "dst:b/cold" if kind is MoveKind.MOVE else "src:b/cold"
    to_class = "" if kind is MoveKind.MOVE else "STANDARD"
    job_id = await there.submit("src:b/cold", to, kind, to_class=to_class)

    def restoring() -> bool:
        return any(view.state is JobState.RESTORING for view in there.runner.active())

    await there.until(restoring, "the job waits for the restore")
    warm = await there.submit("src:b/warm", "dst:b/warm")

    async def finished() -> bool:
        return (await there.job(warm)).state is JobState.COMPLETED

    while not await finished():
        await there.until(restoring)
    assert fakes[0].count("POST", "b", "cold") == 1, "asked once, however often it looks"
    expiry = 'ongoing-request="false", expiry-date="Fri, 21 Dec 2035 00:00:00 GMT"'
    fakes[0].state.change("b", "cold", restore=expiry)
    done = await there.done(job_id)
    assert (done.state, done.attempt, done.error) == (JobState.COMPLETED, 1, "")
    found = fakes[1 if kind is MoveKind.MOVE else 0].state.get("b", "cold")
    assert found is not None
    assert found.body == b"from the archive"
    assert any("asked back" in note for note in done.notes)


async def test_a_waiting_restore_can_be_cancelled(there: World, fakes) -> None:
    fakes[0].state.put("b", "cold", b"x", storage_class="DEEP_ARCHIVE")
    job_id = await there.submit("src:b/cold", "dst:b/cold")
    await there.until(lambda: fakes[0].count("POST", "b", "cold"), "the restore was asked for")
    await there.runner.cancel()
    assert (await there.done(job_id)).state is JobState.CANCELLED
    assert fakes[1].state.get("b", "cold") is None


async def test_a_restore_survives_a_restart(tmp_path, fakes) -> None:
    fakes[0].state.put("b", "cold", b"x", storage_class="GLACIER")
    async with world(tmp_path / "state", fake_stores(*fakes)) as there:
        job_id = await there.submit("src:b/cold", "dst:b/cold")
        await there.until(lambda: fakes[0].count("POST", "b", "cold"), "the restore")
    fakes[0].state.change("b", "cold", restore='ongoing-request="false", expiry-date="x"')
    async with world(tmp_path / "state", fake_stores(*fakes)) as there:
        assert await there.runner.resume() == 1
        assert (await there.done(job_id)).state is JobState.COMPLETED
    assert fakes[0].count("POST", "b", "cold") == 1


# -- straight into an archive class ---------------------------------------------------------


async def test_a_move_into_an_archive_class_is_proved_by_the_provider(there: World, fakes) -> None:
    fakes[0].state.put("b", "k", b"straight down")
    done = await there.move("src:b/k", "dst:b/k", to_class="GLACIER")
    assert (done.state, done.evidence) == (JobState.COMPLETED, Evidence.ATTESTED)
    found = fakes[1].state.get("b", "k")
    assert found is not None
    assert found.storage_class == "GLACIER"
    assert fakes[0].state.get("b", "k") is None


async def test_what_nothing_can_prove_is_rolled_back(there: World, fakes) -> None:
    """In parts, into an archive class: no checksum of the whole, and no way to read it."""
    small_parts(there.stores["dst"], PART)
    data = pattern(PART * 3)
    fakes[0].state.put("b", "k", data)
    done = await there.move("src:b/k", "dst:b/k", to_class="GLACIER")
    assert done.state is JobState.FAILED
    assert "attests no checksum" in done.error
    assert fakes[1].state.get("b", "k") is None
    found = fakes[0].state.get("b", "k")
    assert found is not None
    assert found.body == data


# -- moto, which has classes and archives of its own ----------------------------------------


async def test_classes_and_archives_of_moto(tmp_path, moto_s3: S3Server, bucket_name) -> None:
    clouds = {
        "aws": moto_s3.cloud("aws"),
        "gcp": moto_s3.cloud("gcp", provider=Provider.GCP),
    }
    stores = {name: open_store(settings) for name, settings in clouds.items()}
    async with world(tmp_path / "state", stores) as there:
        await stores["aws"].create_bucket(bucket_name)
        await stores["gcp"].create_bucket(f"{bucket_name}-2")
        one = f"aws:{bucket_name}/dir/one file.bin"
        await there.put(one, b"through all classes")
        done = await tier(there, one, "STANDARD_IA")
        assert (done.state, done.evidence, done.error) == (
            JobState.COMPLETED,
            Evidence.REREAD,
            "",
        )
        done = await tier(there, one, "GLACIER")
        assert (done.state, done.evidence) == (JobState.COMPLETED, Evidence.ATTESTED)
        done = await there.move(one, f"gcp:{bucket_name}-2/back", to_class="NEARLINE")
        assert (done.state, done.error) == (JobState.COMPLETED, "")
        head = await stores["gcp"].head(f"{bucket_name}-2", "back")
        assert head.storage_class == "NEARLINE"
        assert await there.keys(f"aws:{bucket_name}/") == []


async def test_the_asked_for_restore_is_what_is_sent(there: World, fakes) -> None:
    """Speed and days travel with the job; a copy that expired meanwhile is asked for again."""
    fakes[0].state.put("b", "cold", b"from the archive", storage_class="GLACIER")
    asked = restores(fakes[0])
    job_id = await there.submit("src:b/cold", "dst:b/cold", restore_speed="bulk", restore_days=3)
    await there.until(lambda: len(asked()) == 1, "the restore was asked for")
    assert b"<Days>3</Days>" in asked()[0].body
    assert b"<Tier>Bulk</Tier>" in asked()[0].body
    await there.until(lambda: dict(there.runner.counts()).get("restoring") == 1, "it waits")
    fakes[0].state.change("b", "cold", restore="")  # it came, and is gone again
    await there.until(lambda: len(asked()) == 2, "it was asked for again")
    fakes[0].state.change(
        "b",
        "cold",
        restore='ongoing-request="false", expiry-date="Fri, 21 Dec 2040 00:00:00 GMT"',
    )
    done = await there.done(job_id)
    assert (done.state, done.error) == (JobState.COMPLETED, "")
    assert any("bulk restore" in note for note in done.notes)


def restores(fake: FakeS3):
    return lambda: [seen for seen in list(fake.seen) if "restore" in seen.query]


async def test_moto_restores_and_the_job_goes_on(tmp_path, moto_s3: S3Server) -> None:
    """GLACIER on a server that refuses to give it before it was restored."""
    store = open_store(moto_s3.cloud("aws"))
    await store.create_bucket("restored-from")
    await store.create_bucket("restored-to")
    async with world(tmp_path / "state", {"aws": store}) as there:
        head = await put_class(there, "aws:restored-from/cold", b"from the archive", "GLACIER")
        assert head.archived
        done = await there.move("aws:restored-from/cold", "aws:restored-to/cold")
        assert (done.state, done.error) == (JobState.COMPLETED, "")
        assert any("standard restore" in note for note in done.notes)
        assert await there.get("aws:restored-to/cold") == b"from the archive"
        assert await there.get("aws:restored-from/cold") is None


async def put_class(there: World, address: str, data: bytes, storage_class: str):
    where = at(address)

    async def body() -> AsyncIterator[bytes]:
        yield data

    store = there.stores[where.cloud]
    await store.write(
        where.bucket,
        where.key,
        body(),
        size=len(data),
        meta=ObjectMeta(),
        storage_class=storage_class,
    )
    return await store.head(where.bucket, where.key)
