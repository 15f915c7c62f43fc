"""Moves between two S3 servers that misbehave exactly when told to."""

import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from engine.migration.copy_limits import attestable
from engine.model import Evidence, JobState, MoveKind, SourceProof
from engine.stores import open_store
from tests.fake_s3 import FakeS3, Fault, Quirks, Seen
from tests.fake_s3_wire import Answer
from tests.migration.world import (
    World,
    canaries_aside,
    fake_stores,
    md5,
    pattern,
    small_parts,
    two_clouds,
    world,
)

PART = 64 * 1024
IP = "127.0.0.1"


@pytest.fixture
def fakes() -> Iterator[tuple[FakeS3, FakeS3]]:
    with two_clouds() as both:
        yield both


@pytest.fixture
async def there(tmp_path, fakes: tuple[FakeS3, FakeS3]) -> AsyncIterator[World]:
    async with world(tmp_path / "state", fake_stores(*fakes)) as made:
        small_parts(made.stores["dst"], PART)
        yield made


def once(matches) -> object:
    """A hook that lets one fault happen: the first time `matches` gives one."""
    left = [True]

    def hook(seen: Seen) -> Fault | None:
        fault = matches(seen) if left else None
        if fault is not None:
            left.clear()
        return fault

    return hook


def bytes_at(fake: FakeS3, key: str = "k") -> bytes | None:
    found = fake.state.get("b", key)
    return None if found is None else found.body


def source_kept(fakes: tuple[FakeS3, FakeS3], data: bytes) -> bool:
    return bytes_at(fakes[0]) == data and bytes_at(fakes[1]) is None and not fakes[1].state.uploads


async def test_a_small_object_takes_five_requests(there: World, fakes) -> None:
    fakes[0].state.put("b", "k", b"small")
    done = await there.move("src:b/k", "dst:b/k")
    assert (done.state, done.source_proof) == (JobState.COMPLETED, SourceProof.ATTESTED)
    assert (done.evidence, done.guarded) == (Evidence.REREAD, True)
    assert done.checksum_source == done.checksum_destination == md5(b"small")
    asked = [item.method for item in canaries_aside(fakes[0].seen)]
    assert asked == ["GET", "HEAD", "DELETE"]
    assert [item.method for item in canaries_aside(fakes[1].seen)] == ["PUT", "GET"]
    (delete,) = [item for item in canaries_aside(fakes[0].seen) if item.method == "DELETE"]
    assert delete.headers["if-match"] == f'"{md5(b"small")}"'


@pytest.mark.parametrize("size", [0, 1, 4096, PART * 2 - 1, PART * 2, PART * 5 + 9])
@pytest.mark.parametrize("algorithm", ["md5", "sha256", "blake3", "crc32c", "crc64nvme"])
async def test_all_sizes_and_checksums(there: World, fakes, size: int, algorithm: str) -> None:
    data = pattern(size)
    fakes[0].state.put("b", "k", data)
    done = await there.move("src:b/k", "dst:b/k", checksum=algorithm)
    assert (done.state, done.error) == (JobState.COMPLETED, "")
    assert bytes_at(fakes[1]) == data
    assert bytes_at(fakes[0]) is None
    assert not fakes[1].state.uploads


@pytest.mark.parametrize("overwrite", [False, True])
async def test_a_server_that_forgets_an_etag_for_a_moment_is_asked_again(
    there: World, fakes, overwrite: bool
) -> None:
    """As `rclone serve s3` does at times: here when a write whose answer was lost is looked for."""
    fakes[0].state.put("b", "k", b"small")
    left = ["PUT", "HEAD", "HEAD"]

    def forget(seen: Seen) -> Fault | None:
        if seen.key != "k" or not left or seen.method != left[0]:
            return None
        if left.pop(0) == "PUT":
            return Fault(reset=True, after=True)

        def without(answer: Answer) -> Answer:
            headers = {name: value for name, value in answer.headers.items() if name != "etag"}
            return replace(answer, headers=headers)

        return Fault(answer=without)

    fakes[1].on_request = forget
    done = await there.move("src:b/k", "dst:b/k", overwrite=overwrite)
    assert (done.state, done.error, left) == (JobState.COMPLETED, "", [])
    assert done.attempt > 1
    assert bytes_at(fakes[1]) == b"small"
    assert bytes_at(fakes[0]) is None


async def test_metadata_travels(there: World, fakes) -> None:
    headers = {"content-type": "text/odd", "cache-control": "no-cache", "x-amz-meta-owner": "me"}
    for key, size in (("small", 10), ("parts", PART * 3)):
        fakes[0].state.put("b", key, pattern(size), headers=headers, tags="team=blue&x=1")
        before = await there.stores["src"].head("b", key)
        await there.move(f"src:b/{key}", f"dst:b/{key}")
        after = await there.stores["dst"].head("b", key)
        assert after.meta == before.meta
        assert after.meta.tags == (("team", "blue"), ("x", "1"))
        assert after.meta.modified == before.pin.modified > 0


# -- damage on the way ----------------------------------------------------------------------


@pytest.mark.parametrize("size", [100, PART + 5, PART * 3])
async def test_a_bit_flipped_at_rest_is_caught_by_rereading(there: World, fakes, size: int) -> None:
    data = pattern(size)
    fakes[0].state.put("b", "k", data)
    fakes[1].on_request = lambda seen: (
        Fault(flip=3) if seen.method == "GET" and seen.key == "k" and not seen.query else None
    )
    done = await there.move("src:b/k", "dst:b/k")
    assert done.state is JobState.FAILED
    assert "md5" in done.error
    assert done.evidence is Evidence.NONE
    assert done.checksum_source == md5(data), "both digests are shown"
    assert done.checksum_destination not in ("", done.checksum_source)
    assert source_kept(fakes, data), "rolled back, and the source is kept"
    assert fakes[0].count("DELETE", "b", "k") == 0


@pytest.mark.parametrize("size", [PART + 5, PART * 3])
async def test_a_corrupted_upload_is_caught_rolled_back_and_can_be_retried(
    there: World, fakes, size: int
) -> None:
    data = pattern(size)
    fakes[0].state.put("b", "k", data)
    fakes[1].on_request = once(
        lambda seen: Fault(flip=7) if seen.method == "PUT" and seen.key == "k" else None
    )
    job_id = await there.submit("src:b/k", "dst:b/k")
    # A single PUT carries its MD5 and is refused; parts are caught by reading back.
    done = await there.done(job_id)
    if done.state is JobState.FAILED:
        assert source_kept(fakes, data)
        assert await there.runner.retry([job_id]) == 1
        done = await there.done(job_id)
    assert done.state is JobState.COMPLETED
    assert bytes_at(fakes[1]) == data


@pytest.mark.parametrize("size", [100, PART + 5, PART * 3])
async def test_a_bad_read_of_the_source_is_caught_before_anything_is_committed(
    there: World, fakes, size: int
) -> None:
    """Reading back the copy could never find this."""
    data = pattern(size)
    fakes[0].state.put("b", "k", data)
    fakes[0].on_request = lambda seen: (
        Fault(flip=9) if seen.method == "GET" and seen.key == "k" else None
    )
    done = await there.move("src:b/k", "dst:b/k")
    assert done.state is JobState.FAILED
    assert "the source itself says" in done.error
    assert source_kept(fakes, data)
    written = [key for bucket, key, value in fakes[1].state.history if key == "k"]
    assert written == []


async def test_a_bad_read_of_a_multipart_source_is_caught_by_its_etag(there: World, fakes) -> None:
    data = pattern(300_000)
    fakes[0].state.put("b", "k", data, part_size=90_000)
    hook = lambda seen: Fault(flip=200_000) if seen.method == "GET" and seen.key == "k" else None  # noqa: E731
    fakes[0].on_request = hook
    done = await there.move("src:b/k", "dst:b/k")
    assert "md5-multipart" in done.error
    assert source_kept(fakes, data)
    fakes[0].on_request = None
    await there.runner.retry()
    done = await there.done(done.job_id)
    assert (done.state, done.source_proof) == (JobState.COMPLETED, SourceProof.ATTESTED)
    assert done.checksum_source == md5(data)


async def test_a_truncated_download_goes_on_where_it_was_cut(there: World, fakes) -> None:
    data = pattern(3 * 1024**2)
    fakes[0].state.put("b", "k", data)
    fakes[0].on_request = once(
        lambda seen: (
            Fault(truncate=1024**2 + 17) if seen.method == "GET" and seen.key == "k" else None
        )
    )
    done = await there.move("src:b/k", "dst:b/k")
    assert (done.state, done.attempt) == (JobState.COMPLETED, 1)
    assert bytes_at(fakes[1]) == data
    ranges = [seen.headers.get("range") for seen in fakes[0].seen if seen.method == "GET"]
    (resumed,) = [item for item in ranges if item]
    assert resumed.startswith("bytes=1048576-")
    (again,) = [seen for seen in fakes[0].seen if seen.headers.get("range")]
    assert again.headers["if-match"] == f'"{md5(data)}"'


async def test_a_body_that_is_always_short_never_becomes_an_object(there: World, fakes) -> None:
    data = pattern(3 * 1024**2)
    fakes[0].state.put("b", "k", data)
    fakes[0].on_request = lambda seen: (
        Fault(truncate=100) if seen.method == "GET" and seen.key == "k" else None
    )
    done = await there.move("src:b/k", "dst:b/k", max_attempts=3)
    assert (done.state, done.attempt) == (JobState.FAILED, 3)
    assert source_kept(fakes, data)


# -- others at work -------------------------------------------------------------------------


@pytest.mark.parametrize("part", [PART, 16 * 1024**2])
async def test_a_source_overwritten_while_copying_starts_over(
    there: World, fakes, part: int
) -> None:
    """Half of the old and half of the new would have the right size."""
    small_parts(there.stores["dst"], part)
    old, new = pattern(3 * 1024**2), pattern(3 * 1024**2)[::-1]
    fakes[0].state.put("b", "k", old)
    # The first GET is cut; before it is taken up again, another version is there.
    cut = once(
        lambda seen: (
            Fault(truncate=2 * 1024**2) if seen.method == "GET" and seen.key == "k" else None
        )
    )
    change = once(
        lambda seen: (
            Fault(before=lambda: fakes[0].state.put("b", "k", new))
            if "range" in seen.headers
            else None
        )
    )
    fakes[0].on_request = lambda seen: change(seen) or cut(seen)
    done = await there.move("src:b/k", "dst:b/k")
    assert (done.state, done.attempt) == (JobState.COMPLETED, 2)
    assert bytes_at(fakes[1]) == new
    assert bytes_at(fakes[0]) is None
    assert not fakes[1].state.uploads


async def test_a_source_that_never_stands_still_fails_and_is_kept(there: World, fakes) -> None:
    numbers = iter(range(1000))

    def change(seen: Seen) -> Fault | None:
        if seen.method != "GET" or seen.key != "k":
            return None
        body = f"version {next(numbers)}".encode()
        return Fault(before=lambda: fakes[0].state.put("b", "k", body))

    fakes[0].state.put("b", "k", b"version -")
    fakes[0].on_request = change
    done = await there.move("src:b/k", "dst:b/k", max_attempts=3)
    assert (done.state, done.attempt) == (JobState.FAILED, 3)
    assert "changed" in done.error
    # A read a try, and one before the first that found the plan out of date.
    assert bytes_at(fakes[0]) == b"version 3"
    assert bytes_at(fakes[1]) is None


@pytest.mark.parametrize("late", ["DELETE", "HEAD"])
async def test_a_source_overwritten_between_verify_and_delete_is_not_lost(
    there: World, fakes, late: str
) -> None:
    fakes[0].state.put("b", "k", b"old version")
    verified = threading.Event()

    def watch(seen: Seen) -> Fault | None:
        if seen.method == "GET" and seen.key == "k":
            verified.set()
        return None

    fakes[1].on_request = watch
    fakes[0].on_request = once(
        lambda seen: (
            Fault(before=lambda: fakes[0].state.put("b", "k", b"new version"))
            if seen.method == late and verified.is_set()
            else None
        )
    )
    done = await there.move("src:b/k", "dst:b/k")
    assert (done.state, done.attempt) == (JobState.COMPLETED, 2)
    assert bytes_at(fakes[1]) == b"new version"
    assert bytes_at(fakes[0]) is None


async def test_new_metadata_on_the_same_bytes_is_a_new_version(there: World, fakes) -> None:
    """The ETag stays the same, and If-Match alone would delete it."""
    fakes[0].state.put("b", "k", b"bytes", headers={"x-amz-meta-a": "1"})
    fakes[0].state.change("b", "k", modified=1_000_000_000.0)

    def rewrite() -> None:
        fakes[0].state.put("b", "k", b"bytes", headers={"x-amz-meta-a": "2"})

    fakes[1].on_request = once(
        lambda seen: Fault(before=rewrite) if seen.method == "GET" and seen.key == "k" else None
    )
    done = await there.move("src:b/k", "dst:b/k")
    assert (done.state, done.attempt) == (JobState.COMPLETED, 2)
    assert ("a", "2") in (await there.stores["dst"].head("b", "k")).meta.user


@pytest.mark.parametrize("size", [100, PART + 5, PART * 3])
@pytest.mark.parametrize("same", [True, False])
async def test_a_destination_created_in_between(there: World, fakes, size: int, same: bool) -> None:
    data = pattern(size)
    other = data if same else pattern(size)[::-1]
    fakes[0].state.put("b", "k", data)
    fakes[1].on_request = once(
        lambda seen: (
            Fault(before=lambda: fakes[1].state.put("b", "k", other))
            if seen.key == "k" and (seen.method == "PUT" or "uploadId" in seen.query)
            else None
        )
    )
    done = await there.move("src:b/k", "dst:b/k")
    assert bytes_at(fakes[1]) == other, "whoever was first stays"
    assert not fakes[1].state.uploads
    if same:
        assert done.state is JobState.COMPLETED
        assert bytes_at(fakes[0]) is None
    else:
        assert done.state is JobState.FAILED
        assert "already there" in done.error
        assert bytes_at(fakes[0]) == data


async def test_a_destination_replaced_before_it_was_proved_is_left_alone(
    there: World, fakes
) -> None:
    fakes[0].state.put("b", "k", b"mine")
    fakes[1].on_request = once(
        lambda seen: (
            Fault(before=lambda: fakes[1].state.put("b", "k", b"theirs"))
            if seen.method == "GET" and seen.key == "k"
            else None
        )
    )
    done = await there.move("src:b/k", "dst:b/k")
    assert done.state is JobState.FAILED
    assert "Somebody else" in done.error
    assert (bytes_at(fakes[0]), bytes_at(fakes[1])) == (b"mine", b"theirs")


async def test_a_copy_that_disappears_before_it_was_proved_is_made_again(
    there: World, fakes
) -> None:
    fakes[0].state.put("b", "k", b"mine")
    fakes[1].on_request = once(
        lambda seen: (
            Fault(before=lambda: fakes[1].state.set("b", "k", None))
            if seen.method == "GET" and seen.key == "k"
            else None
        )
    )
    done = await there.move("src:b/k", "dst:b/k")
    assert (done.state, done.attempt) == (JobState.COMPLETED, 2)
    assert (bytes_at(fakes[0]), bytes_at(fakes[1])) == (None, b"mine")


# -- servers in trouble ---------------------------------------------------------------------


@pytest.mark.parametrize("size", [100, PART * 3])
@pytest.mark.parametrize("fault", [Fault(status=503, code="SlowDown"), Fault(reset=True)])
async def test_trouble_on_any_one_request_is_survived(tmp_path, size: int, fault: Fault) -> None:
    """Each request of a whole move fails once, before or after it had its effect."""
    data = pattern(size)
    variants = [fault]
    if fault.reset:
        variants.append(Fault(reset=True, after=True))
    with two_clouds() as fakes:
        async with world(tmp_path / "state", fake_stores(*fakes)) as there:
            small_parts(there.stores["dst"], PART)
            for number in range(40):
                for index, variant in enumerate(variants):
                    key, seen = f"{number}-{index}", [0]

                    def hook(request: Seen, key=key, seen=seen, variant=variant, at=number):
                        if request.key != key:
                            return None
                        seen[0] += 1
                        return variant if seen[0] == at + 1 else None

                    fakes[0].state.put("b", key, data)
                    fakes[0].on_request = fakes[1].on_request = hook
                    done = await there.move(f"src:b/{key}", f"dst:b/{key}")
                    assert (done.state, done.error) == (JobState.COMPLETED, ""), (number, index)
                    assert bytes_at(fakes[1], key) == data
                    assert bytes_at(fakes[0], key) is None
                    assert not fakes[1].state.uploads, (number, index)
                if seen[0] <= number:
                    break  # a whole move has no more requests than that
            else:
                pytest.fail("a move takes more requests than expected")


async def test_throttling_waits_as_long_as_the_server_asks(there: World, fakes) -> None:
    fakes[0].state.put("b", "k", b"x")
    fakes[1].on_request = once(
        lambda seen: (
            Fault(status=503, code="SlowDown", headers={"Retry-After": "1"})
            if seen.method == "PUT" and seen.key == "k"
            else None
        )
    )
    job_id = await there.submit("src:b/k", "dst:b/k")
    done = await there.done(job_id)
    assert done.state is JobState.COMPLETED
    waits = [view for view in there.changes if view.retry_at]
    assert waits
    assert waits[0].error
    assert waits[0].state is JobState.QUEUED
    assert waits[0].retry_at >= done.started + 1.0


async def test_what_cannot_be_deleted_is_copied_and_kept_and_not_completed(
    there: World, fakes
) -> None:
    fakes[0].state.put("b", "k", b"x")
    fakes[0].on_request = lambda seen: (
        Fault(status=403, code="AccessDenied")
        if seen.method == "DELETE" and seen.key == "k"
        else None
    )
    done = await there.move("src:b/k", "dst:b/k")
    assert done.state is JobState.FAILED
    assert done.evidence is Evidence.REREAD
    assert (bytes_at(fakes[0]), bytes_at(fakes[1])) == (b"x", b"x")
    fakes[0].on_request = None
    puts = fakes[1].count("PUT", "b", "k")
    await there.runner.retry()
    done = await there.done(done.job_id)
    assert done.state is JobState.COMPLETED
    assert fakes[1].count("PUT", "b", "k") == puts, "the proved copy was not made again"
    assert bytes_at(fakes[0]) is None


@pytest.mark.parametrize("then", ["copy gone", "copy replaced", "source changed", "both gone"])
async def test_a_proved_job_looks_at_both_ends_before_it_goes_on(
    there: World, fakes, then: str
) -> None:
    fakes[0].state.put("b", "k", b"mine")
    fakes[0].on_request = lambda seen: (
        Fault(status=403, code="AccessDenied")
        if seen.method == "DELETE" and seen.key == "k"
        else None
    )
    done = await there.move("src:b/k", "dst:b/k")
    assert done.state is JobState.FAILED
    fakes[0].on_request = None
    if then in ("copy gone", "both gone"):
        fakes[1].state.set("b", "k", None)
    if then == "copy replaced":
        fakes[1].state.put("b", "k", b"theirs")
    if then == "source changed":
        fakes[0].state.put("b", "k", b"mine, edited")
    if then == "both gone":
        fakes[0].state.set("b", "k", None)
    await there.runner.retry([done.job_id])
    done = await there.done(done.job_id)
    ends = (bytes_at(fakes[0]), bytes_at(fakes[1]))
    if then == "copy gone":
        assert (done.state, ends) == (JobState.COMPLETED, (None, b"mine"))
    elif then == "copy replaced":
        assert (done.state, ends) == (JobState.FAILED, (b"mine", b"theirs"))
    elif then == "source changed":
        # A delete was sent for the old version: its copy is kept, whatever the answer was.
        assert (done.state, ends) == (JobState.FAILED, (b"mine, edited", b"mine"))
        assert any("was kept" in note for note in done.notes)
    else:
        assert (done.state, ends) == (JobState.FAILED, (None, None))
        assert "source is gone" in done.error


# -- servers that ignore conditions ---------------------------------------------------------


async def test_a_store_that_ignores_the_condition_is_unguarded_and_strict_refuses(
    tmp_path,
) -> None:
    quirks = Quirks(ignores_delete_if_match=True)
    with two_clouds(source=quirks) as fakes:
        async with world(tmp_path / "state", fake_stores(*fakes)) as there:
            fakes[0].state.put("b", "k", b"x")
            refused = await there.move("src:b/k", "dst:b/k", strict=True)
            assert refused.state is JobState.FAILED
            assert "conditions on deletes" in refused.error
            assert bytes_at(fakes[1]) is None
            done = await there.move("src:b/k", "dst:b/k")
            assert done.state is JobState.COMPLETED
            assert done.guarded is False
            assert any("Unguarded" in note for note in done.notes)


async def test_unguarded_a_source_changed_before_the_last_look_is_kept(tmp_path) -> None:
    quirks = Quirks(ignores_delete_if_match=True)
    with two_clouds(source=quirks) as fakes:
        async with world(tmp_path / "state", fake_stores(*fakes)) as there:
            fakes[0].state.put("b", "k", b"old")
            fakes[1].on_request = once(
                lambda seen: (
                    Fault(before=lambda: fakes[0].state.put("b", "k", b"new"))
                    if seen.method == "GET" and seen.key == "k"
                    else None
                )
            )
            done = await there.move("src:b/k", "dst:b/k")
            assert (done.state, done.attempt) == (JobState.COMPLETED, 2)
            assert bytes_at(fakes[1]) == b"new"


async def test_a_destination_that_ignores_create_only_is_still_not_overwritten(tmp_path) -> None:
    with two_clouds(destination=Quirks(ignores_if_none_match=True)) as fakes:
        async with world(tmp_path / "state", fake_stores(*fakes)) as there:
            fakes[0].state.put("b", "k", b"mine")
            fakes[1].state.put("b", "k", b"theirs")
            done = await there.move("src:b/k", "dst:b/k")
            assert done.state is JobState.FAILED
            assert bytes_at(fakes[1]) == b"theirs"


async def test_a_move_onto_itself_by_another_endpoint_name(tmp_path) -> None:
    """127.0.0.1 and localhost are one server; the bytes must survive."""
    with two_clouds() as fakes:
        other = replace(fakes[0].cloud("dst"), endpoint=fakes[0].endpoint.replace(IP, "localhost"))
        stores = {"src": open_store(fakes[0].cloud("src")), "dst": open_store(other)}
        async with world(tmp_path / "state", stores) as there:
            fakes[0].state.put("b", "k", b"only")
            for overwrite in (False, True):
                done = await there.move("src:b/k", "dst:b/k", overwrite=overwrite)
                assert done.state is JobState.FAILED
                assert "itself" in done.error
                assert bytes_at(fakes[0]) == b"only"
                assert list(fakes[0].state.buckets["b"]) == ["k"]


async def test_attested_asks_the_provider_and_falls_back_to_reading(there: World, fakes) -> None:
    fakes[0].state.put("b", "one", b"single put")
    fakes[0].state.put("b", "parts", pattern(PART * 3))
    done = await there.move("src:b/one", "dst:b/one", verify=Evidence.ATTESTED)
    assert (done.state, done.evidence) == (JobState.COMPLETED, Evidence.ATTESTED)
    assert fakes[1].count("GET", "b", "one") == 0
    done = await there.move("src:b/parts", "dst:b/parts", verify=Evidence.ATTESTED)
    assert (done.state, done.evidence) == (JobState.COMPLETED, Evidence.REREAD)
    assert any("attests no checksum" in note for note in done.notes)


@pytest.mark.parametrize(("to_class", "attested"), [("STANDARD_IA", False), ("DEEP_ARCHIVE", True)])
async def test_what_is_read_back_needs_no_second_checksum(
    there: World, fakes, monkeypatch: pytest.MonkeyPatch, to_class: str, attested: bool
) -> None:
    """Only a copy that may not open at once is also hashed as the provider can attest it."""
    asked: list[list[str]] = []

    def spied(*args) -> list[str]:  # type: ignore[no-untyped-def]
        asked.append(attestable(*args))
        return asked[-1]

    monkeypatch.setattr("engine.migration.copying.attestable", spied)
    fakes[0].state.put("b", "k", pattern(PART * 3))
    await there.move("src:b/k", "dst:b/k", checksum="sha256", to_class=to_class)
    assert any(asked) is attested


async def test_a_copy_of_a_copy(there: World, fakes) -> None:
    data = pattern(PART * 4)
    fakes[0].state.put("b", "k", data)
    await there.move("src:b/k", "dst:b/k", MoveKind.COPY)
    done = await there.move("dst:b/k", "src:b/back", MoveKind.COPY)
    assert done.source_proof is SourceProof.ATTESTED, "by its multipart ETag"
    assert bytes_at(fakes[0], "back") == data
