"""Moves to, from and within Google Cloud Storage, whatever happens on the way."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.errors import PreconditionFailed
from engine.migration.answers import version_gone
from engine.model import Evidence, JobState, MoveKind, ObjectMeta
from engine.settings import CloudSettings
from engine.stores import open_store
from engine.stores.base import ObjectStore
from engine.stores.gcs_listing import list_items
from tests.cli.conftest import Astra, contents, put
from tests.conformance.test_keys import HOSTILE
from tests.fake_gcs import FakeGCS, Fault, Seen
from tests.migration.test_kill import run_child
from tests.migration.victim import Errand
from tests.migration.world import at, md5, pattern, small_parts, world
from tests.servers import GCSServer, S3Server

MIB = 1024**2
PART = 64 * 1024
BODY = pattern(PART * 4 + 11)


@pytest.fixture
def astra(tmp_path: Path) -> Astra:
    return Astra(tmp_path)


def configure(astra: Astra, s3: S3Server, gcs: GCSServer, bucket: str) -> None:
    more = f'[clouds.gcp]\nkind = "gcs"\nendpoint = "{gcs.endpoint}"\n'
    astra.config(("aws", s3, bucket), more=f'{more}[kafka]\nbootstrap = "off"\n')


async def test_there_and_back_again_by_the_command(
    astra: Astra, moto_s3: S3Server, fakegcs: GCSServer, bucket_name: str
) -> None:
    """S3 to Google Cloud Storage and back: hostile keys, nothing, and 20 MiB in parts."""
    s3, gcs = moto_s3.cloud(bucket=bucket_name), fakegcs.cloud(bucket=bucket_name)
    probe = open_store(gcs)
    names = [key for key in HOSTILE if "\n" not in key and not probe.check_key(key)]
    assert len(names) > 30
    objects = {key: key.encode() for key in names}
    objects |= {"empty": b"", "20 MiB.bin": pattern(20 * MIB + 3)}
    await put(s3, objects)
    await put(gcs, {})
    configure(astra, moto_s3, fakegcs, bucket_name)
    one, two = f"aws:{bucket_name}/", f"gcp:{bucket_name}/"
    for source, target, full, empty in ((one, two, gcs, s3), (two, one, s3, gcs)):
        done = astra("migrate", source, target, "--yes", "--json")
        assert done.summary["successful"] == len(objects), done.err
        assert {job["evidence"] for job in done.jobs} == {"reread"}
        assert {job["guarded"] for job in done.jobs} == {source == one}  # the emulator's deletes
        assert await contents(empty) == {}
        found = await contents(full)
        assert {key: md5(body) for key, body in found.items()} == {
            key: md5(body) for key, body in objects.items()
        }
    try:
        assert await probe.uploads(bucket_name) == []
        assert await _all_names(probe, bucket_name) == []
    finally:
        await probe.close()


async def test_a_key_that_google_cannot_hold_is_refused_in_the_plan(
    astra: Astra, moto_s3: S3Server, fakegcs: GCSServer, bucket_name: str
) -> None:
    s3 = moto_s3.cloud(bucket=bucket_name)
    await put(s3, {"..": b"hostile", "good": b"good"})
    await put(fakegcs.cloud(bucket=bucket_name), {})
    configure(astra, moto_s3, fakegcs, bucket_name)
    done = astra(
        "migrate", f"aws:{bucket_name}/", f"gcp:{bucket_name}/", "--yes", "--json", code=None
    )
    assert [job["source"] for job in done.jobs if not job["error"]] == [f"aws:{bucket_name}/good"]
    assert await contents(s3) == {"..": b"hostile"}


async def _all_names(store: ObjectStore, bucket: str) -> list[str]:
    """Also what the store itself does not list."""
    items = list_items(store._client, bucket, "", fields="items(name)")  # type: ignore[attr-defined]
    return [str(item["name"]) async for item in items]


# -- on the scripted server -------------------------------------------------------------


@contextmanager
def clouds() -> Iterator[tuple[FakeGCS, FakeGCS]]:
    """Two projects' worth of Google, clouds `src` and `dst`, each with bucket `b`."""
    with FakeGCS(None, "b") as one, FakeGCS(None, "b") as two:
        yield one, two


def stores(fakes: tuple[FakeGCS, FakeGCS]) -> dict[str, ObjectStore]:
    settings = (fakes[0].cloud("src"), fakes[1].cloud("dst"))
    return {item.name: small_parts(open_store(item), PART) for item in settings}


def held(fake: FakeGCS) -> dict[str, bytes]:
    """Everything in the bucket, parts and notes included, but for canaries."""
    live = fake.objects.buckets["b"].live
    return {key: item.body for key, item in live.items() if not key.startswith(".astra-canary")}


def of_a_move(seen: Seen) -> bool:
    return bool(seen.key) and ".astra-canary" not in seen.path


@pytest.mark.parametrize("effect", [True, False], ids=["carried-out", "not-carried-out"])
async def test_any_one_answer_may_be_lost(tmp_path: Path, effect: bool) -> None:
    """Every other one of those that were carried out, and of the others the rest."""
    number, lost = -1 if effect else 0, True
    while lost:
        number += 2
        assert number < 60, "a run takes more requests than expected"
        lost = False
        count = 0

        def lose(seen: Seen, at: int = number) -> Fault | None:
            nonlocal count, lost
            count += of_a_move(seen)
            if lost or not of_a_move(seen) or count != at:
                return None
            lost = True
            return Fault(reset=True, after=effect)

        with clouds() as fakes:
            fakes[0].objects.put("b", "k", BODY, contentType="text/x")
            made = stores(fakes)
            async with world(tmp_path / str(number), made) as there:
                spec = await there.spec("src:b/k", "dst:b/k")
                for fake in fakes:
                    fake.on_request = lose
                await there.runner.submit("set", [spec])
                await there.runner.wait()
                (view,) = await there.ledger.views()
            assert (view.state, view.evidence) == (JobState.COMPLETED, Evidence.REREAD), number
            assert (held(fakes[0]), held(fakes[1])) == ({}, {"k": BODY}), number
    assert number > 12


async def test_killed_at_any_fifth_request(tmp_path: Path) -> None:
    number, killed = 0, True
    while killed:
        number += 5
        assert number < 90, "a run takes more requests than expected"
        with clouds() as fakes:
            fakes[0].objects.put("b", "k", BODY)
            child = Errand(
                tmp_path / str(number),
                (fakes[0].cloud("src"), fakes[1].cloud("dst")),
                moves=(("src:b/k", "dst:b/k"),),
                part=PART,
            )
            executioner = _Executioner(fakes, number)
            code = await run_child(child, executioner)  # type: ignore[arg-type]
            killed = executioner.done
            assert code == (-signal.SIGKILL if killed else 0)
            assert BODY in [held(fake).get("k") for fake in fakes]
            for fake in fakes:
                fake.on_request = None
            async with world(tmp_path / str(number), stores(fakes)) as there:
                await there.runner.resume()
                await there.runner.wait()
                counts = dict(there.runner.counts())
            if counts:
                assert set(counts) == {JobState.COMPLETED}, (number, counts)
                assert (held(fakes[0]), held(fakes[1])) == ({}, {"k": BODY}), number
            else:
                assert held(fakes[0]) == {"k": BODY}  # killed before the job was on record


class _Executioner:
    """Kills the child at request number `number` of its move; the request is carried out."""

    def __init__(self, fakes: tuple[FakeGCS, FakeGCS], number: int) -> None:
        self.pid = 0
        self.done = False
        self._seen = 0
        self._number = number
        for fake in fakes:
            fake.on_request = self._on_request

    def _on_request(self, seen: Seen) -> Fault | None:
        self._seen += of_a_move(seen)
        if self.done or self._seen != self._number:
            return None
        self.done = True
        return Fault(before=lambda: os.kill(self.pid, signal.SIGKILL))


async def test_whether_the_version_that_was_moved_is_gone() -> None:
    """Asked after a kill, when nobody knows whether the delete was carried out."""
    address = at("src:b/k")
    for versioned in (False, True):
        with clouds() as fakes:
            fake = fakes[0]
            fake.objects.buckets["b"].versioned = versioned
            store = open_store(fake.cloud("src"))
            try:
                fake.objects.put("b", "k", b"moved")
                pin = (await store.head("b", "k")).pin
                fake.objects.put("b", "k", b"newer")
                assert await version_gone(store, address, pin) is not versioned
                fake.objects.delete("b", "k", pin.version_id)
                assert await version_gone(store, address, pin)
                now = (await store.head("b", "k")).pin
                fake.objects.change("b", "k", fields='{"contentType": "text/new"}')
                with pytest.raises(PreconditionFailed):
                    await version_gone(store, address, now)
            finally:
                await store.close()


@pytest.mark.parametrize("status", [204, 404])
async def test_what_is_kept_for_an_upload_goes_though_its_removal_was_not_carried_out(
    tmp_path: Path, status: int
) -> None:
    with clouds() as (one, two):
        one.objects.put("b", "k", BODY)
        lies: list[Seen] = []

        def lie(seen: Seen) -> Fault | None:
            if lies or seen.method != "DELETE" or not seen.key.startswith(".astra-uploads/"):
                return None
            lies.append(seen)
            return Fault(status=status, body=b"")

        two.on_request = lie
        async with world(tmp_path, stores((one, two))) as there:
            done = await there.move("src:b/k", "dst:b/k")
            assert (done.state, len(lies)) == (JobState.COMPLETED, 1)
            assert held(two) == {"k": BODY}


async def test_a_version_that_is_gone_is_no_move_where_its_copy_is_gone_too(tmp_path: Path) -> None:
    with clouds() as (one, two):
        one.objects.put("b", "k", BODY)

        def meddle(seen: Seen) -> Fault | None:
            if seen.method != "DELETE" or seen.key != "k":
                return None
            one.objects.put("b", "k", b"newer")
            two.objects.buckets["b"].live.pop("k", None)
            return Fault(reset=True)

        one.on_request = meddle
        async with world(tmp_path, stores((one, two))) as there:
            done = await there.move("src:b/k", "dst:b/k")
            assert done.state is JobState.FAILED
            assert "the copy that was proved is gone" in done.error
            assert held(one) == {"k": b"newer"}


@pytest.mark.parametrize("what", ["bytes", "metadata"])
async def test_a_source_that_changes_meanwhile_arrives_whole_and_new(
    tmp_path: Path, what: str
) -> None:
    new = BODY[::-1]
    with clouds() as fakes:
        fakes[0].objects.put("b", "k", BODY)
        changed = False

        def change(seen: Seen) -> Fault | None:
            nonlocal changed
            if changed or "/compose" not in seen.path:
                return None
            changed = True
            if what == "bytes":
                fakes[0].objects.put("b", "k", new)
            else:
                fakes[0].objects.change("b", "k", fields='{"contentType": "text/new"}')
            return None

        fakes[1].on_request = change
        async with world(tmp_path, stores(fakes)) as there:
            done = await there.move("src:b/k", "dst:b/k")
        assert done.state is JobState.COMPLETED
        assert held(fakes[0]) == {}
        assert held(fakes[1]) == {"k": new if what == "bytes" else BODY}
        arrived = fakes[1].objects.get("b", "k")
        assert arrived is not None
        if what == "metadata":
            assert arrived.given["contentType"] == "text/new"


async def test_a_move_within_google_is_copied_there_and_proved(tmp_path: Path) -> None:
    with clouds() as fakes:
        fake = fakes[0]
        fake.objects.put("b", "k", BODY, composed=True, customTime="2024-01-01T00:00:00Z")
        settings: list[CloudSettings] = [fake.cloud("src"), fake.cloud("dst")]
        made = {item.name: small_parts(open_store(item), PART) for item in settings}
        async with world(tmp_path, made) as there:
            done = await there.move("src:b/k", "dst:b/moved", to_class="NEARLINE")
        assert (done.state, done.evidence, done.server_copied) == (
            JobState.COMPLETED,
            Evidence.REREAD,
            True,
        )
        assert held(fake) == {"moved": BODY}
        moved = fake.objects.get("b", "moved")
        assert moved is not None
        assert moved.storage_class == "NEARLINE"
        assert moved.given["customTime"] == "2024-01-01T00:00:00Z"


async def test_capitals_in_metadata_names_are_told_as_lost(tmp_path: Path) -> None:
    with clouds() as fakes:
        fakes[0].objects.put("b", "k", BODY, metadata={"Own": "1", "plain": "2"})
        async with world(tmp_path, stores(fakes)) as there:
            done = await there.move("src:b/k", "dst:b/k")
    assert done.state is JobState.COMPLETED
    assert any("capitals in metadata names" in note for note in done.notes)


@pytest.mark.parametrize("versioned", [False, True])
async def test_a_class_changes_in_place_and_is_proved(tmp_path: Path, versioned: bool) -> None:
    with clouds() as fakes:
        fakes[0].objects.buckets["b"].versioned = versioned
        fakes[0].objects.put("b", "k", BODY, metadata={"a": "b"})
        async with world(tmp_path, stores(fakes)) as there:
            done = await there.move("src:b/k", "src:b/k", MoveKind.TIER, to_class="ARCHIVE")
            assert done.state is JobState.COMPLETED
            # What stays behind in the old class is billed, and said.
            said = any("stays in STANDARD" in note for note in done.notes)
            assert said == bool(fakes[0].objects.buckets["b"].noncurrent) == versioned
        found = fakes[0].objects.get("b", "k")
        assert found is not None
        assert (found.storage_class, found.body) == ("ARCHIVE", BODY)


@pytest.mark.parametrize("checksum", ["md5", "crc32c"])
async def test_attested_needs_no_second_reading(tmp_path: Path, checksum: str) -> None:
    """Also of an object made of parts, which has no MD5."""
    meta = ObjectMeta(content_type="text/x")
    with clouds() as fakes:
        async with world(tmp_path, stores(fakes)) as there:
            for key, body in (("small", b"small"), ("parts", BODY)):
                await there.put(f"src:b/{key}", body, meta)
                fakes[1].seen.clear()
                done = await there.move(
                    f"src:b/{key}", f"dst:b/{key}", verify=Evidence.ATTESTED, checksum=checksum
                )
                assert (done.state, done.evidence) == (JobState.COMPLETED, Evidence.ATTESTED)
                read = [seen for seen in fakes[1].seen if seen.query.get("alt") == "media"]
                assert [seen for seen in read if seen.key == key] == []


LIES = {
    "a flipped bit": Fault(flip=70_000),
    "a short body": Fault(truncate=9),
    "an empty success": Fault(status=200, body=b"{}"),
    "a page of a proxy": Fault(status=200, body=b"<html>log in</html>"),
    "a page of a proxy, too late": Fault(status=200, body=b"<html>log in</html>", after=True),
    "not found": Fault(status=404, code="notFound"),
    "not allowed": Fault(status=403, code="forbidden"),
    "unmet": Fault(status=412, code="conditionNotMet"),
    "unmet, and done": Fault(status=412, code="conditionNotMet", after=True),
    "in trouble, and done": Fault(status=503, code="backendError", after=True),
}


@pytest.mark.parametrize("lie", LIES)
async def test_the_server_may_lie_once_at_any_request(tmp_path: Path, lie: str) -> None:
    """Nothing is lost then, and when it is honest again all is moved and nothing left."""
    number, lied = 0, True
    while lied:
        number += 2 if number % 3 else 1
        assert number < 60, "a run takes more requests than expected"
        lied, count = False, 0

        def answer(seen: Seen, at: int = number) -> Fault | None:
            nonlocal count, lied
            count += of_a_move(seen)
            if lied or not of_a_move(seen) or count != at:
                return None
            lied = True
            return LIES[lie]

        with clouds() as fakes:
            fakes[0].objects.put("b", "k", BODY)
            async with world(tmp_path / str(number), stores(fakes)) as there:
                spec = await there.spec("src:b/k", "dst:b/k")
                for fake in fakes:
                    fake.on_request = answer
                await there.runner.submit("set", [spec])
                await there.runner.wait()
                for fake in fakes:
                    fake.on_request = None
                (view,) = await there.ledger.views()
                assert BODY in [held(fake).get("k") for fake in fakes], number
                if view.state is not JobState.COMPLETED:
                    assert held(fakes[0]) == {"k": BODY}, (number, view.error)
                    await there.runner.retry()
                    await there.runner.wait()
                    (view,) = await there.ledger.views()
                assert view.state is JobState.COMPLETED, (number, view.error)
                assert view.evidence is Evidence.REREAD
            assert (held(fakes[0]), held(fakes[1])) == ({}, {"k": BODY}), number
