"""Moves that compress: every byte comes back, whatever happens on the way."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from engine.migration.packing import Damaged, Unpacker, described, original
from engine.migration.records import decode_spec, encode_spec, job_key
from engine.migration.verify import Proof
from engine.model import (
    Evidence,
    JobState,
    JobView,
    MoveKind,
    MoveOptions,
    ObjectMeta,
    parse_compress,
)
from engine.stores import open_store
from engine.stores.base import ObjectStore
from tests.fake_azure import FakeAzure
from tests.fake_gcs import FakeGCS
from tests.fake_s3 import FakeS3, Fault, Seen
from tests.migration.test_kill import KILLED, Executioner, run_child
from tests.migration.victim import Errand
from tests.migration.world import (
    DEADLINE,
    fake_stores,
    local_store,
    md5,
    pattern,
    small_parts,
    two_clouds,
    world,
)
from tests.servers import S3Server

PART = 64 * 1024
MIB = 1024**2
HOW = {"compress": "zstd:3"}
NOISE = os.urandom(MIB + 5 * PART)


def unpacked(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


@pytest.fixture
async def fakes() -> AsyncIterator[tuple[FakeS3, FakeS3]]:
    with two_clouds() as both:
        yield both


async def move(fakes: tuple[FakeS3, FakeS3], state: Path, **how: object) -> JobView:
    stores = {name: small_parts(store, PART) for name, store in fake_stores(*fakes).items()}
    async with world(state, stores) as there:
        return await there.move("src:b/x", "dst:b/x.zst", **(HOW | how))


BODIES = {
    "empty": b"",
    "byte": b"1",
    "text": b"text " * 1000,
    "whole": pattern(MIB),
    "streamed": pattern(MIB + 1),
    "part": NOISE[: MIB + PART],
    "noise": NOISE,
    "zeros": bytes(20 * MIB),
}


@pytest.mark.parametrize("verify", list(Evidence)[1:])
@pytest.mark.parametrize("name", BODIES)
async def test_the_copy_decompresses_to_the_source(
    fakes: tuple[FakeS3, FakeS3], tmp_path: Path, name: str, verify: Evidence
) -> None:
    body = BODIES[name]
    fakes[0].state.put("b", "x", body, headers={"content-type": "text/x", "x-amz-meta-a": "b"})
    job = await move(fakes, tmp_path, verify=verify)
    assert job.state is JobState.COMPLETED, job.error
    assert fakes[0].state.get("b", "x") is None
    copy = fakes[1].state.get("b", "x.zst")
    assert copy is not None
    assert unpacked(copy.body) == body
    assert job.checksum_source == md5(body)
    assert job.checksum_destination == md5(copy.body)
    headers = dict(copy.headers)
    assert headers["x-amz-meta-astra-zstd-size"] == str(len(body))
    assert headers["x-amz-meta-astra-zstd-md5"] == md5(body)
    assert headers["x-amz-meta-astra-zstd-type"] == "text/x"
    assert headers["content-type"] == "application/zstd"
    assert headers["x-amz-meta-a"] == "b"
    assert not fakes[1].state.uploads
    if len(body) <= MIB:
        assert job.evidence is verify
        proved = any("before the last of them was sent" in note for note in job.notes)
        assert proved is (verify is Evidence.ATTESTED)
    else:
        assert job.evidence is Evidence.REREAD  # an upload in parts has no MD5 here
    larger = any("the copy is larger" in note for note in job.notes)
    assert larger is (len(copy.body) > len(body))


@pytest.mark.parametrize("size", [100, MIB + 300_000], ids=["small", "parts"])
@pytest.mark.parametrize("where", ["upload", "reread", "source"])
async def test_a_flipped_bit_anywhere_keeps_the_source(
    fakes: tuple[FakeS3, FakeS3], tmp_path: Path, where: str, size: int
) -> None:
    body = NOISE[:size]
    fakes[0].state.put("b", "x", body)
    fake, method = {
        "upload": (fakes[1], "PUT"),
        "reread": (fakes[1], "GET"),
        "source": (fakes[0], "GET"),
    }[where]

    def damage(seen: Seen) -> Fault | None:
        hit = seen.method == method and seen.key.startswith("x") and "uploads" not in seen.query
        return Fault(flip=50) if hit else None

    fake.on_request = damage
    job = await move(fakes, tmp_path)
    assert job.state is JobState.FAILED
    source = fakes[0].state.get("b", "x")
    assert source is not None
    assert source.body == body
    assert fakes[1].state.get("b", "x.zst") is None
    assert not fakes[1].state.uploads


@pytest.mark.parametrize("size", [100, MIB + 300_000], ids=["small", "parts"])
async def test_what_is_there_is_used_only_if_it_becomes_the_source(
    fakes: tuple[FakeS3, FakeS3], tmp_path: Path, size: int
) -> None:
    body = NOISE[:size]
    fakes[0].state.put("b", "x", body)
    frame = zstandard.ZstdCompressor(level=9).compress(body)
    mark = {"x-amz-meta-astra-zstd-size": str(size)}
    fakes[1].state.put("b", "x.zst", frame[:-1] + b"?", headers=mark)
    job = await move(fakes, tmp_path / "damaged")
    assert job.state is JobState.FAILED
    assert "already there" in job.error
    fakes[1].state.put("b", "x.zst", b"theirs")
    job = await move(fakes, tmp_path / "theirs")
    assert job.state is JobState.FAILED
    copy = fakes[1].state.get("b", "x.zst")
    assert copy is not None
    assert copy.body == b"theirs"
    assert fakes[0].state.get("b", "x") is not None
    fakes[1].state.put("b", "x.zst", frame, headers=mark)
    job = await move(fakes, tmp_path / "same")
    assert job.state is JobState.COMPLETED, job.error
    assert fakes[0].state.get("b", "x") is None
    copy = fakes[1].state.get("b", "x.zst")
    assert copy is not None
    assert copy.body == frame


async def test_what_is_there_is_replaced_if_asked(
    fakes: tuple[FakeS3, FakeS3], tmp_path: Path
) -> None:
    for size in (100, MIB + 300_000):
        fakes[0].state.put("b", "x", NOISE[:size])
        fakes[1].state.put("b", "x.zst", b"old")
        job = await move(fakes, tmp_path / str(size), overwrite=True)
        assert job.state is JobState.COMPLETED, job.error
        copy = fakes[1].state.get("b", "x.zst")
        assert copy is not None
        assert unpacked(copy.body) == NOISE[:size]


@pytest.mark.parametrize("size", [100, MIB + 2 * PART], ids=["small", "parts"])
@pytest.mark.parametrize("effect", [True, False], ids=["carried-out", "not-carried-out"])
async def test_killed_at_any_request(tmp_path: Path, effect: bool, size: int) -> None:
    body, number, killed = pattern(100) if size == 100 else NOISE[:size], 0, True
    while killed:
        number += 1
        assert number < 60
        state = tmp_path / str(number)
        with two_clouds() as fakes:
            fakes[0].state.put("b", "x", body)
            executioner = Executioner(fakes, number, effect=effect)
            clouds = (fakes[0].cloud("src"), fakes[1].cloud("dst"))
            moves = (("src:b/x", "dst:b/x.zst"),)
            task = Errand(state, clouds, moves, part=4 * PART, compress=HOW["compress"])
            code = await run_child(task, executioner)
            killed = code == KILLED
            assert killed or code == 0
            here(fakes, body)
            for fake in fakes:
                fake.on_request = None
            stores = {n: small_parts(s, 4 * PART) for n, s in fake_stores(*fakes).items()}
            async with world(state, stores) as there:
                async with asyncio.timeout(DEADLINE):
                    await there.runner.resume()
                    await there.runner.wait()
                counts = dict(there.runner.counts())
            here(fakes, body)
            assert counts in ({}, {"completed": 1}), (number, counts)
            if counts:
                assert fakes[0].state.get("b", "x") is None, number
                copy = fakes[1].state.get("b", "x.zst")
                assert copy is not None
                assert unpacked(copy.body) == body
            assert not fakes[1].state.uploads, number
    assert number > 4


def here(fakes: tuple[FakeS3, FakeS3], body: bytes) -> None:
    source, copy = fakes[0].state.get("b", "x"), fakes[1].state.get("b", "x.zst")
    assert (source is not None and source.body == body) or (
        copy is not None and unpacked(copy.body) == body
    ), "it is lost"


async def test_folders_too_and_a_memory_bound(tmp_path: Path) -> None:
    stores = {name: local_store(name, tmp_path / name, "b") for name in ("src", "dst")}
    async with world(tmp_path / "state", dict(stores)) as there:
        await there.put("src:b/x", NOISE)
        job = await there.move("src:b/x", "dst:b/x.zst", **HOW)
        assert job.state is JobState.COMPLETED, job.error
        copy = await there.get("dst:b/x.zst")
        assert copy is not None
        assert unpacked(copy) == NOISE
        assert await there.get("src:b/x") is None
        head = await stores["dst"].head("b", "x.zst")
        found = original(head.meta)
        assert found is not None
        assert found[1] == len(NOISE)


def test_a_frame_is_whole_and_bounded_or_it_is_damaged() -> None:
    frame = zstandard.ZstdCompressor(write_checksum=True).compress(bytes(10**6))

    def out(data: bytes, size: int) -> bytes:
        unpacker = Unpacker(size, ["md5"])
        found, start = b"", 0
        while start < len(data):
            pieces, start = unpacker.take(data, start)
            found += b"".join(pieces)
        assert unpacker.finish() == {"md5": md5(found)}
        return found

    assert out(frame, 10**6) == bytes(10**6)
    for data, size in (
        (frame, 10**6 - 1),
        (frame, 10**6 + 1),
        (frame[:-1], 10**6),
        (frame + b"x", 10**6),
        (frame + frame, 2 * 10**6),
        (b"", 0),
        (b"no frame at all", 10),
    ):
        with pytest.raises(Damaged):
            out(data, size)


def test_marks_tell_what_the_original_was() -> None:
    meta = ObjectMeta("text/x", "gzip", user=(("a", "b"),), modified=5.0)
    packed = described(meta, 7, {"md5": "00", "md5-multipart": "11"})
    assert (packed.content_type, packed.content_encoding) == ("application/zstd", "")
    assert original(packed) == (meta, 7, {"md5": "00"})
    assert original(meta) is None


async def test_the_options_survive_and_older_rows_do_too(
    fakes: tuple[FakeS3, FakeS3], tmp_path: Path
) -> None:
    fakes[0].state.put("b", "x", b"x")
    async with world(tmp_path, fake_stores(*fakes)) as there:
        spec = await there.spec("src:b/x", "dst:b/x.zst", MoveKind.COPY, **HOW)
    assert decode_spec(encode_spec(spec)) == spec
    plain = replace(spec, options=MoveOptions())
    assert job_key(plain) != job_key(spec)
    old = encode_spec(plain).replace(', "", 0, ""]', "]")
    assert old != encode_spec(plain)
    assert decode_spec(old) == plain
    assert parse_compress("zstd") == "zstd:3"
    assert parse_compress("ZSTD:19") == "zstd:19"
    for text in ("gzip", "zstd:0", "zstd:20", "zstd:x"):
        with pytest.raises(ValueError, match="no compression"):
            parse_compress(text)


@pytest.mark.parametrize("size", [100, MIB + 300_000], ids=["small", "parts"])
@pytest.mark.parametrize("verify", list(Evidence)[1:])
async def test_a_compressor_that_errs_is_found_out_before_the_copy_is_complete(
    fakes: tuple[FakeS3, FakeS3],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verify: Evidence,
    size: int,
) -> None:
    """A whole, valid frame of other bytes: nothing but decompressing it can tell."""
    body = NOISE[:size]
    fakes[0].state.put("b", "x", body)
    real = zstandard.ZstdCompressor

    class Erring:
        def __init__(self, **how: object) -> None:
            self._real = real(**how)  # type: ignore[arg-type]

        def compressobj(self, size: int) -> "Erring":
            self._made, self._hit = self._real.compressobj(size=size), False
            return self

        def compress(self, data: bytes) -> bytes:
            if not self._hit:
                data, self._hit = bytes([data[0] ^ 1]) + data[1:], True
            return self._made.compress(data)

        def flush(self) -> bytes:
            return self._made.flush()

    monkeypatch.setattr("engine.migration.packing.zstandard.ZstdCompressor", Erring)
    job = await move(fakes, tmp_path, verify=verify)
    assert job.state is JobState.FAILED
    assert "does not become the original" in job.error
    assert fakes[0].state.get("b", "x") is not None
    assert fakes[1].state.get("b", "x.zst") is None
    assert not fakes[1].state.uploads
    assert not any(seen.method == "PUT" and size == 100 for seen in fakes[1].seen)


async def there_and_checked(
    tmp_path: Path, store: ObjectStore, place: str, verify: Evidence
) -> list[Evidence]:
    """Moves of all sizes from a disk to a store; what is there becomes the originals."""
    disk = local_store("disk", tmp_path / "disk", "b")
    found = []
    async with world(tmp_path / "state", {"disk": disk, "far": store}) as there:
        for name, body in BODIES.items():
            await there.put(f"disk:b/{name}", body)
            job = await there.move(
                f"disk:b/{name}", f"far:{place}/{name}.zst", verify=verify, **HOW
            )
            assert job.state is JobState.COMPLETED, job.error
            copy = await there.get(f"far:{place}/{name}.zst")
            assert copy is not None
            assert unpacked(copy) == body
            assert await there.get(f"disk:b/{name}") is None
            head = await store.head(place, f"{name}.zst")
            mark = original(head.meta)
            assert mark is not None
            assert mark[1] == len(body)
            found.append(job.evidence)
        assert await there.uploads(f"far:{place}/") == 0
    await store.close()
    return found


@pytest.mark.parametrize("verify", list(Evidence)[1:])
async def test_to_google(tmp_path: Path, verify: Evidence) -> None:
    with FakeGCS() as fake:
        store = small_parts(open_store(fake.cloud("far")), PART)
        await store.create_bucket("box")
        found = await there_and_checked(tmp_path, store, "box", verify)
    assert set(found) == {verify}  # its CRC-32C is of the whole, parts or not


@pytest.mark.parametrize("verify", list(Evidence)[1:])
async def test_to_azure(tmp_path: Path, verify: Evidence) -> None:
    with FakeAzure() as fake:
        store = small_parts(open_store(fake.cloud("far")), PART)
        await store.create_bucket("box")
        await there_and_checked(tmp_path, store, "box", verify)


async def test_to_seaweedfs(tmp_path: Path, seaweed: S3Server, bucket_name: str) -> None:
    store = open_store(replace(seaweed.cloud(bucket=bucket_name), name="far"))
    await store.create_bucket(bucket_name)
    await there_and_checked(tmp_path, store, bucket_name, Evidence.REREAD)


async def test_what_the_provider_attests_is_held_to_what_was_sent(
    fakes: tuple[FakeS3, FakeS3], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fakes refuse damaged uploads, so the provider's answer is another one here."""
    fakes[0].state.put("b", "x", b"content")
    other = Proof("md5", md5(b"content"), Evidence.ATTESTED)  # the original's, not the frame's
    monkeypatch.setattr("engine.migration.verify.attested", lambda *_: other)
    job = await move(fakes, tmp_path, verify=Evidence.ATTESTED)
    assert job.state is JobState.FAILED
    assert "that of what was sent" in job.error
    assert fakes[0].state.get("b", "x") is not None
    assert fakes[1].state.get("b", "x.zst") is None


async def test_into_an_archive_class_by_the_provider_s_checksum(
    fakes: tuple[FakeS3, FakeS3], tmp_path: Path
) -> None:
    """Small: its ETag is an MD5. Large: nothing attests it, so it is rolled back and kept."""
    for size, state in ((100, JobState.COMPLETED), (MIB + 300_000, JobState.FAILED)):
        fakes[0].state.put("b", "x", NOISE[:size])
        job = await move(fakes, tmp_path / str(size), to_class="GLACIER")
        assert job.state is state, job.error
        assert (fakes[0].state.get("b", "x") is None) is (state is JobState.COMPLETED)
        copy = fakes[1].state.get("b", "x.zst")
        if state is JobState.COMPLETED:
            assert job.evidence is Evidence.ATTESTED
            assert any("before the last of them was sent" in note for note in job.notes)
            assert copy is not None
            assert unpacked(copy.body) == NOISE[:size]
            fakes[1].state.set("b", "x.zst", None)
        else:
            assert copy is None
            assert not fakes[1].state.uploads
