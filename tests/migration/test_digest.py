"""Digests against known values, in any chunking, and while the loop stays free."""

import asyncio
import hashlib
import itertools

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.migration.digest import (
    ALGORITHMS,
    MULTIPART_MD5,
    PIECE,
    MultipartMd5,
    StreamDigest,
    digest_bytes,
)
from tests.fake_s3_state import multipart_etag
from tests.migration.world import pattern

KNOWN = {
    "md5": "9e107d9d372bb6826bd81d3542a419d6",
    "sha256": "d7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592",
    "sha1": "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
    "blake3": "2f1514181aadccd913abd94cfa592701a5686ab23f8df1dff1b74710febc6d4a",
    "crc32c": "22620404",
    "crc32": "414fa339",
    "crc64nvme": "d76c54054954c143",
}


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_known_values(algorithm: str) -> None:
    text = b"The quick brown fox jumps over the lazy dog"
    assert digest_bytes(text, algorithm) == KNOWN[algorithm]


@given(data=st.binary(max_size=2000), cuts=st.lists(st.integers(0, 2000), max_size=8))
def test_chunks_do_not_matter(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]

    async def run() -> None:
        digest = StreamDigest(ALGORITHMS)
        for start, stop in itertools.pairwise(edges):
            await digest.update(data[start:stop])
        assert await digest.finish() == {name: digest_bytes(data, name) for name in ALGORITHMS}

    asyncio.run(run())


@given(
    data=st.binary(min_size=1, max_size=3000), part=st.integers(1, 700), step=st.integers(1, 900)
)
def test_a_multipart_etag_is_recomputed(data: bytes, part: int, step: int) -> None:
    parts = [data[at : at + part] for at in range(0, len(data), part)]
    made = MultipartMd5([len(item) for item in parts])
    for at in range(0, len(data), step):
        made.update(data[at : at + step])
    assert made.hexdigest() == multipart_etag(parts)


@given(data=st.binary(max_size=64))
def test_a_crc64_is_the_remainder_that_its_polynomial_leaves(data: bytes) -> None:
    """Bit by bit, as the parameters of CRC-64/NVME are published: reflected, inverted."""
    every = (1 << 64) - 1
    value = every
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x9A6C9329AC4BC9B5 if value & 1 else 0)
    assert digest_bytes(data, "crc64nvme") == f"{value ^ every:016x}"


@pytest.mark.parametrize(
    ("algorithms", "combines"),
    [(["crc32c"], True), (["crc32c", "crc64nvme"], False), (["crc32"], False), (["md5"], False)],
)
def test_only_what_all_digests_can_leave_out_is_left_out(
    algorithms: list[str], combines: bool
) -> None:
    assert StreamDigest(algorithms).combines is combines


async def test_large_pieces_and_several_digests_in_one_pass() -> None:
    data = pattern(5 * PIECE + 123)
    sizes = [2 * PIECE, 2 * PIECE, PIECE + 123]
    digest = StreamDigest(["md5", "sha256", "crc32c", "md5"], part_sizes=sizes)
    for at in range(0, len(data), 300_001):
        await digest.update(data[at : at + 300_001])
    found = await digest.finish()
    assert found["md5"] == hashlib.md5(data, usedforsecurity=False).hexdigest()
    assert found["sha256"] == hashlib.sha256(data).hexdigest()
    assert found["crc32c"] == f"{google_crc32c.value(data):08x}"
    assert found[MULTIPART_MD5].endswith("-3")
    assert len(found) == 4


def test_an_unknown_algorithm_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="md4") as caught:
        StreamDigest(["md4"])
    assert "sha256" in caught.value.todo
