"""Somebody else writes a blob at every request of a move: what they wrote is never lost."""

from pathlib import Path

import pytest

from engine.model import JobState
from engine.stores import open_store
from engine.stores.base import ObjectStore
from tests.fake_azure import AzureQuirks, FakeAzure, Fault, Seen
from tests.migration.world import local_store, pattern, small_parts, world

PART = 64 * 1024
THEIRS = b"written by somebody else"


class Rival:
    """Writes `key` just before request `number` for a blob is carried out."""

    def __init__(self, fake: FakeAzure, key: str, number: int) -> None:
        self.seen = 0
        self._fake = fake
        self._key = key
        self._number = number
        fake.on_request = self._on_request

    @property
    def wrote(self) -> bool:
        return self.seen >= self._number

    def _on_request(self, seen: Seen) -> Fault | None:
        if not seen.key or ".astra-canary" in seen.key:
            return None
        self.seen += 1
        if self.seen != self._number:
            return None
        blobs = self._fake.blobs
        return Fault(before=lambda: blobs.put("box", self._key, THEIRS, version_id="theirs"))


@pytest.mark.parametrize("size", [1000, PART * 2 + 11])
@pytest.mark.parametrize("versions", [False, True])
async def test_a_source_overwritten_at_any_request(
    tmp_path: Path, size: int, versions: bool
) -> None:
    body, number, racing = pattern(size), 0, True
    while racing:
        number += 1
        assert number < 30, "a move takes more requests than expected"
        with FakeAzure(AzureQuirks(versions=versions), "box") as fake:
            fake.blobs.put("box", "k", body, version_id="ours" if versions else "")
            stores: dict[str, ObjectStore] = {
                "az": open_store(fake.cloud("az")),
                "disk": local_store("disk", tmp_path / f"{number}"),
            }
            async with world(tmp_path / f"{number}" / "state", stores) as there:
                await stores["az"].guards_deletes("box")
                rival = Rival(fake, "k", number)
                done = await there.move("az:box/k", "disk:bucket/k")
                fake.on_request = None
                racing = rival.wrote
                ends = [await there.get("az:box/k"), await there.get("disk:bucket/k")]
                assert (THEIRS if racing else body) in ends
                if done.state is JobState.COMPLETED and not racing:
                    assert ends == [None, body]
    assert number > 2


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("size", [1000, PART * 2 + 11])
async def test_a_destination_written_at_any_request(
    tmp_path: Path, size: int, overwrite: bool
) -> None:
    body, number, racing = pattern(size), 0, True
    while racing:
        number += 1
        assert number < 40, "a move takes more requests than expected"
        with FakeAzure(None, "box") as fake:
            stores: dict[str, ObjectStore] = {
                "az": small_parts(open_store(fake.cloud("az")), PART),
                "disk": local_store("disk", tmp_path / f"{number}"),
            }
            async with world(tmp_path / f"{number}" / "state", stores) as there:
                await stores["az"].guards_deletes("box")
                await there.put("disk:bucket/k", body)
                rival = Rival(fake, "k", number)
                done = await there.move("disk:bucket/k", "az:box/k", overwrite=overwrite)
                fake.on_request = None
                racing = rival.wrote
                ends = [await there.get("disk:bucket/k"), await there.get("az:box/k")]
                assert body in ends  # ours is at one end, whatever they did
                theirs_first = overwrite and done.state is JobState.COMPLETED
                if racing and not theirs_first:
                    assert ends == [body, THEIRS]  # theirs was not overwritten
                    assert done.state is JobState.FAILED
                if not racing:
                    assert ends == [None, body]
    assert number > 2


@pytest.mark.parametrize("effect", [True, False], ids=["carried-out", "not-carried-out"])
async def test_a_version_whose_delete_was_done_by_half_does_not_stay(
    tmp_path: Path, effect: bool
) -> None:
    """Where versions are kept, deleting the blob leaves one behind, which goes by its id."""
    for number in (1, 2, 3):
        with FakeAzure(AzureQuirks(versions=True), "box") as fake:
            fake.blobs.put("box", "k", b"body", version_id="ours")
            deletes: list[Seen] = []

            def lose(
                seen: Seen, seen_so_far: list[Seen] = deletes, at: int = number
            ) -> Fault | None:
                if seen.method != "DELETE" or seen.key != "k":
                    return None
                seen_so_far.append(seen)
                return Fault(reset=True, after=effect) if len(seen_so_far) == at else None

            stores: dict[str, ObjectStore] = {
                "az": open_store(fake.cloud("az")),
                "disk": local_store("disk", tmp_path / f"{number}"),
            }
            async with world(tmp_path / f"{number}" / "state", stores) as there:
                fake.on_request = lose
                done = await there.move("az:box/k", "disk:bucket/k")
                assert len(deletes) >= number
                assert done.state is JobState.COMPLETED
                assert await there.get("disk:bucket/k") == b"body"
            held = fake.blobs.containers["box"]
            assert "k" not in held.blobs
            assert ("k", "ours") not in held.versions, number


@pytest.mark.parametrize("versions", [False, True])
@pytest.mark.parametrize("status", [200, 204, 404])
async def test_a_delete_that_only_something_in_between_answered(
    tmp_path: Path, status: int, versions: bool
) -> None:
    """It was not carried out: no such job is completed while the source, or a version of it,
    is still there."""
    for number in (1, 2, 3) if versions else (1,):
        with FakeAzure(AzureQuirks(versions=versions), "box") as fake:
            fake.blobs.put("box", "k", b"body", version_id="ours" if versions else "")
            deletes: list[Seen] = []

            def lie(
                seen: Seen, seen_so_far: list[Seen] = deletes, at: int = number
            ) -> Fault | None:
                if seen.method != "DELETE" or seen.key != "k":
                    return None
                seen_so_far.append(seen)
                return Fault(status=status, body=b"") if len(seen_so_far) == at else None

            stores: dict[str, ObjectStore] = {
                "az": open_store(fake.cloud("az")),
                "disk": local_store("disk", tmp_path / f"{number}"),
            }
            async with world(tmp_path / f"{number}" / "state", stores) as there:
                fake.on_request = lie
                done = await there.move("az:box/k", "disk:bucket/k")
                assert await there.get("disk:bucket/k") == b"body"
            held = fake.blobs.containers["box"]
            left = "k" in held.blobs or ("k", "ours") in held.versions
            assert (done.state is JobState.COMPLETED) != left
            assert status != 404 or not left
