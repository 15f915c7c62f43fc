"""What Amazon attests by itself: CRC-64/NVME (or what the uploader's SDK sent) of every object.

The fake server poses as Amazon here, for that is the only one that is trusted with these headers.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.migration.digest import digest_bytes
from engine.model import Evidence, JobState, SourceProof
from engine.settings import CloudSettings
from engine.stores.s3_endpoint import Endpoint
from tests.fake_s3 import FakeS3, Fault, Quirks
from tests.migration.world import World, fake_stores, pattern, small_parts, two_clouds, world

PART = 64 * 1024


@pytest.fixture
def fakes() -> Iterator[tuple[FakeS3, FakeS3]]:
    with two_clouds() as both:
        yield both


@pytest.fixture
async def there(
    tmp_path: Path,
    fakes: tuple[FakeS3, FakeS3],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> AsyncIterator[World]:
    """Two clouds, of which the named one is Amazon."""
    known = Endpoint.of

    def posing(settings: CloudSettings, region: str) -> Endpoint:
        return replace(known(settings, region), is_aws=settings.name == request.param)

    monkeypatch.setattr(Endpoint, "of", posing)
    async with world(tmp_path / "state", fake_stores(*fakes)) as made:
        small_parts(made.stores["dst"], PART)
        yield made


from_amazon = pytest.mark.parametrize("there", ["src"], indirect=True)
to_amazon = pytest.mark.parametrize("there", ["dst"], indirect=True)


@pytest.mark.parametrize("algorithm", ["crc64nvme", "crc32", "crc32c", "sha1", "sha256"])
@pytest.mark.parametrize("size", [0, 100, PART * 3])
@from_amazon
async def test_a_source_behind_a_key_is_proved_by_the_checksum_of_its_upload(
    there: World, fakes: tuple[FakeS3, FakeS3], algorithm: str, size: int
) -> None:
    """Under SSE-KMS no ETag is an MD5, and nothing else tells what the bytes should be."""
    data = pattern(size)
    fakes[0].quirks = Quirks(kms=True, checksum=algorithm)
    fakes[0].state.put("b", "k", data)
    done = await there.move("src:b/k", "dst:b/k")
    assert done.error == ""
    assert done.source_proof is SourceProof.ATTESTED


@from_amazon
async def test_without_such_a_checksum_it_is_unattested(
    there: World, fakes: tuple[FakeS3, FakeS3]
) -> None:
    fakes[0].quirks = Quirks(kms=True)
    fakes[0].state.put("b", "k", b"bytes")
    done = await there.move("src:b/k", "dst:b/k")
    assert (done.state, done.source_proof) == (JobState.COMPLETED, SourceProof.UNATTESTED)


@pytest.mark.parametrize("algorithm", ["crc64nvme", "crc32"])
@pytest.mark.parametrize("size", [100, PART * 3])
@from_amazon
async def test_a_bad_read_of_it_is_caught(
    there: World, fakes: tuple[FakeS3, FakeS3], algorithm: str, size: int
) -> None:
    data = pattern(size)
    fakes[0].quirks = Quirks(kms=True, checksum=algorithm)
    fakes[0].state.put("b", "k", data)
    fakes[0].on_request = lambda seen: (
        Fault(flip=9) if seen.method == "GET" and seen.key == "k" else None
    )
    done = await there.move("src:b/k", "dst:b/k")
    assert done.state is JobState.FAILED
    assert f"have {algorithm}" in done.error
    kept = fakes[0].state.get("b", "k")
    assert kept is not None
    assert kept.body == data
    assert fakes[1].state.get("b", "k") is None


@to_amazon
async def test_a_copy_of_parts_is_attested_without_reading_it_back(
    there: World, fakes: tuple[FakeS3, FakeS3]
) -> None:
    """Amazon computes CRC-64/NVME of what came without a checksum, of parts as well."""
    data = pattern(PART * 3 + 1)
    fakes[1].quirks = Quirks(kms=True, checksum="crc64nvme")
    fakes[0].state.put("b", "k", data)
    done = await there.move("src:b/k", "dst:b/k", verify=Evidence.ATTESTED)
    assert (done.state, done.evidence) == (JobState.COMPLETED, Evidence.ATTESTED)
    assert done.checksum_destination.endswith(digest_bytes(data, "crc64nvme"))
    assert fakes[1].count("GET", "b", "k") == 0


@to_amazon
async def test_a_copy_whose_checksum_differs_is_rolled_back(
    there: World, fakes: tuple[FakeS3, FakeS3]
) -> None:
    data = pattern(PART * 3 + 1)
    fakes[1].quirks = Quirks(kms=True, checksum="crc64nvme")
    fakes[0].state.put("b", "k", data)
    fakes[1].on_request = lambda seen: (
        Fault(flip=7) if seen.method == "PUT" and seen.query.get("partNumber") == "2" else None
    )
    done = await there.move("src:b/k", "dst:b/k", verify=Evidence.ATTESTED)
    assert done.state is JobState.FAILED
    kept = fakes[0].state.get("b", "k")
    assert kept is not None
    assert kept.body == data
    assert fakes[1].state.get("b", "k") is None
