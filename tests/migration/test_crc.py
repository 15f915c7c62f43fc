"""CRCs of parts combine, so that a large object is taken up where it was left."""

from pathlib import Path

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.crc32c import combined
from engine.migration.digest import Crc32c, StreamDigest
from engine.model import JobState
from engine.stores import open_store
from tests.fake_s3 import FakeS3, Fault, Seen
from tests.migration.world import local_store, pattern, small_parts, world

PART = 64 * 1024
DATA = pattern(PART * 6 + 11)


@given(st.binary(max_size=300), st.binary(max_size=300), st.integers(0, 2**45))
def test_two_crcs_are_one(first: bytes, second: bytes, zeros: int) -> None:
    one, two = google_crc32c.value(first), google_crc32c.value(second)
    assert combined(one, two, len(second)) == google_crc32c.value(first + second)
    # However many bytes follow, the way to them does not matter.
    once = combined(combined(one, two, len(second)), 0, zeros)
    assert once == combined(one, combined(two, 0, zeros), len(second) + zeros)


def test_a_known_value_of_many_zeros() -> None:
    block = bytes(2**20)
    crc = total = google_crc32c.value(block)
    for _ in range(6):  # 64 MiB by doubling
        total = combined(total, total, len(block))
        block += block
    assert total == google_crc32c.value(block)
    assert crc != total


async def test_a_digest_takes_stretches_by_their_crc() -> None:
    made = StreamDigest(["crc32c"])
    assert made.combines
    assert not StreamDigest(["crc32c", "md5"]).combines
    await made.update(DATA[:1000])
    await made.append(f"{google_crc32c.value(DATA[1000:5000]):08x}", 4000)
    await made.update(DATA[5000:])
    whole = Crc32c()
    whole.update(DATA)
    assert await made.finish() == {"crc32c": whole.hexdigest()}


@pytest.mark.parametrize(("checksum", "again"), [("crc32c", [3 * PART]), ("md5", [0])])
async def test_finished_parts_are_not_read_again(
    tmp_path: Path, checksum: str, again: list[int]
) -> None:
    """With MD5 they are: it cannot be taken up in its middle. Sent again is none either way."""
    with FakeS3() as fake:
        fake.state.buckets["b"] = {}
        source = local_store("src", tmp_path / "src")
        (tmp_path / "src" / "bucket" / "k").write_bytes(DATA)
        starts: list[int] = []
        read = source.read

        def counted(*place: str, start: int = 0, **more: object):
            starts.append(start)
            return read(*place, start=start, **more)  # type: ignore[arg-type]

        source.read = counted  # type: ignore[method-assign, assignment]
        sent: list[int] = []

        def fail_once(seen: Seen) -> Fault | None:
            if not seen.is_upload_part:
                return None
            number = int(seen.query["partNumber"])
            first = number not in sent
            sent.append(number)
            broken = number > 3 and first and len(fake.state.uploads) == 1 and not failed
            if broken and number == 4:
                failed.append(number)
            return Fault(status=500, code="InternalError") if broken else None

        failed: list[int] = []
        fake.on_request = fail_once
        stores = {"src": source, "dst": small_parts(open_store(fake.cloud("dst")), PART)}
        async with world(tmp_path / "state", stores) as there:
            there.runner._services.lanes.parts = lambda cloud: 1  # type: ignore[method-assign]
            done = await there.move("src:bucket/k", "dst:b/k", checksum=checksum)
        assert (done.state, done.attempt, done.error) == (JobState.COMPLETED, 2, "")
        made = fake.state.get("b", "k")
        assert made is not None
        assert made.body == DATA
        assert starts == [0, *again]
        assert [number for number in (1, 2, 3) if sent.count(number) > 1] == []
        assert done.checksum_source == done.checksum_destination
