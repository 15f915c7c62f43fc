"""Moves between clouds: only where they pay, with everything that they cost."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.access import AccessColumns
from engine.catalog import Catalog
from engine.engine import Engine
from engine.errors import UsageError
from engine.frame import Frame
from engine.migration.plan import plan_decisions
from engine.migration.plan_sources import Place, from_rows
from engine.model import JobState, ListEntry, MoveKind, ObjectMeta, Provider, StoreKind
from engine.placement import NewObject, offers
from engine.pricing.book import PriceBook
from engine.pricing.columns import ClassTable
from engine.pricing.cost import DAYS_PER_MONTH
from engine.settings import CloudSettings, EngineSettings, KafkaSettings, Secret
from engine.stores import open_store
from engine.tiering.clouds import Target, best_moves, decisions_of
from tests.servers import S3Server

BOOK = PriceBook.load()
NOW = 1.8e9
GB = 1 << 30
ETAG = "d41d8cd98f00b204e9800998ecf8427e"
CLOUDS = (
    CloudSettings("aws", StoreKind.S3, Provider.AWS, "data", region="us-east-1"),
    CloudSettings("gcp", StoreKind.GCS, Provider.GCP, "cold", "in/", region="us-central1"),
)


def frame_of(*objects: tuple[str, int, str, float, float]) -> Frame:
    """Each: key, size, class, age in days, reads in 30 days."""
    listing = Catalog(BOOK).add("aws", Provider.AWS, "us-east-1")
    scan = listing.begin("data")
    entries = [
        ListEntry(key, size, NOW - age * 86_400, ETAG, name) for key, size, name, age, _ in objects
    ]
    listing.append(scan, entries)
    listing.finish(scan)
    zero = np.zeros(len(objects))
    reads = np.array([item[4] for item in objects])
    listing.set_access(scan, AccessColumns(zero, zero, zero, reads, zero, zero))
    return listing.frame(NOW)


def target(cloud: CloudSettings) -> Target:
    table = ClassTable.of(BOOK, cloud.provider, cloud.region)
    return Target.of(cloud.name, table, BOOK)


AWS, GCP = (target(cloud) for cloud in CLOUDS)
OLD = ("archive.tar", 400 * GB, "GLACIER_IR", 900.0, 0.0)


def test_what_does_not_pay_within_the_horizon_stays() -> None:
    frame = frame_of(OLD, ("hot.bin", 400 * GB, "STANDARD", 900.0, 30.0), ("tiny", 9, "", 1.0, 0.0))
    best = best_moves(frame, AWS, [GCP], 12.0)
    assert best.target.tolist() == [-1, -1, -1]
    assert decisions_of(frame, AWS, [GCP], best, 12.0, NOW) == []


def test_over_years_egress_pays_back_for_what_is_never_read() -> None:
    busy = ("busy.tar", 400 * GB, "GLACIER_IR", 900.0, 2.0)
    frame = frame_of(OLD, busy)
    best = best_moves(frame, AWS, [GCP], 84.0)
    assert best.target.tolist() == [0, -1]
    (made,) = decisions_of(frame, AWS, [GCP], best, 84.0, NOW)
    assert (made.to_cloud, made.to_class) == ("gcp", "ARCHIVE")
    assert made.saving_per_month == pytest.approx(400 * (0.004 - 0.0012), rel=1e-6)
    assert 0 < made.confidence < 1
    assert "egress included" in made.reason
    assert "84 months" in made.assumption


def test_a_cheaper_class_at_home_comes_first() -> None:
    """From STANDARD the way to the other cloud pays by itself, but most of it is had at home."""
    frame = frame_of(("a", 400 * GB, "STANDARD", 900.0, 0.0))
    alone = best_moves(frame, AWS, [GCP], 12.0)
    assert alone.target.tolist() == [-1]


def test_unknown_prices_move_nothing() -> None:
    blank = replace(GCP, egress_gb=np.nan)
    frame = frame_of(OLD, ("x", GB, "NO_SUCH_CLASS", 900.0, 0.0))
    assert best_moves(frame, replace(AWS, egress_gb=np.nan), [GCP], 120.0).target.tolist() == [
        -1,
        -1,
    ]
    assert best_moves(frame, AWS, [blank], 120.0).target.tolist()[1] == -1


async def test_the_plan_has_the_same_figures(tmp_path: Path) -> None:
    frame = frame_of(OLD)
    best = best_moves(frame, AWS, [GCP], 84.0)
    made = decisions_of(frame, AWS, [GCP], best, 84.0, NOW)
    secret = {"access_key": Secret("k"), "secret_key": Secret("s")}
    stores = {
        "aws": open_store(replace(CLOUDS[0], **secret)),
        "gcp": open_store(replace(CLOUDS[1], kind=StoreKind.S3, endpoint="http://x:1", **secret)),
    }
    places = {name: Place(stores[name], bucket=c.bucket, prefix=c.prefix) for name, c in
              zip(stores, CLOUDS, strict=True)}  # fmt: skip
    objects = {item.address: item for item in from_rows(frame, [0])}
    plan = plan_decisions(made, objects, places, BOOK, now=NOW)
    (move,) = plan.moves
    assert move.refused == ""
    assert (move.kind, str(move.destination)) == (MoveKind.MOVE, "gcp:cold/in/archive.tar")
    assert move.saving_per_month == pytest.approx(made[0].saving_per_month)
    assert move.one_time_cost == pytest.approx(float(best.once[0]), rel=0.02)
    assert plan.deletes() == 1
    nowhere = places | {"gcp": Place(stores["gcp"])}
    assert "no default bucket" in plan_decisions(made, objects, nowhere, BOOK).moves[0].refused
    for store in stores.values():
        await store.close()


@pytest.fixture
async def two(moto_s3: S3Server, bucket_name: str, tmp_path: Path) -> EngineSettings:
    """The same server as two clouds; a price file makes the second one cheap."""
    first = replace(moto_s3.cloud(bucket=bucket_name), name="aws", region="us-east-1")
    second = replace(
        first, name="near", bucket=f"{bucket_name}-b", region="us-east-1", prefix="in/"
    )
    for cloud in (first, second):
        store = open_store(cloud)
        await store.create_bucket(cloud.bucket)
        if cloud is first:
            for key in ("a/1.bin", "a/2.bin"):
                await store.write(
                    cloud.bucket, key, _body(b"x" * 200_000), size=200_000, meta=ObjectMeta()
                )
        await store.close()
    prices = tmp_path / "prices.toml"
    prices.write_text(
        "[sources.own]\ntitle = 'our contract'\n"
        "[[classes]]\nprovider = 'gcp'\nregion = 'us-central1'\nname = 'STANDARD'\n"
        "source = 'own'\nas_of = 2026-11-01\nstorage = 0.000001\nput = 0.0\nget = 0.0\n"
        "[[egress]]\nprovider = 'aws'\nregion = 'us-east-1'\n"
        "source = 'own'\nas_of = 2026-11-01\nbands = [{ usd = 0.0001 }]\n"
    )
    second = replace(second, provider=Provider.GCP, region="us-central1")
    return EngineSettings(
        (first, second), tmp_path / "state", KafkaSettings(bootstrap="off"), prices
    )


async def _body(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def test_decided_planned_and_moved(two: EngineSettings) -> None:
    async with Engine(two) as engine:
        engine.scan("aws")
        await engine.scanned("aws")
        with pytest.raises(UsageError, match="no other cloud"):
            await engine.decide_clouds(["aws"])
        engine.scan("near")
        await engine.scanned("near")
        made = await engine.decide_clouds(["aws"])
        assert [(item.address.key, item.to_cloud) for item in made] == [
            ("a/1.bin", "near"),
            ("a/2.bin", "near"),
        ]
        assert {item.policy for item in await engine.decisions()} == {"clouds"}
        plan = await engine.plan_decisions(["aws"])
        assert [str(move.destination) for move in plan.moves] == [
            f"near:{two.clouds[1].bucket}/in/a/{n}.bin" for n in (1, 2)
        ]
        assert all(not move.refused for move in plan.moves), plan.moves
        await engine.submit(plan)
        await engine.wait(plan.plan_id)
        jobs = await engine.jobs(jobset=plan.plan_id)
        assert [job.state for job in jobs] == [JobState.COMPLETED] * 2, jobs
        engine.scan("aws")
        status = await engine.scanned("aws")
        assert status.objects == 0
        with pytest.raises(UsageError, match="horizon"):
            await engine.decide_clouds(["aws"], horizon_months=500)


# -- new objects ------------------------------------------------------------------------------


def best(size: int, **changes: object) -> list[tuple[str, str]]:
    found = offers(NewObject(size, **changes), CLOUDS, BOOK)  # type: ignore[arg-type]
    return [(offer.cloud, offer.storage_class) for offer in found]


def test_a_new_object_goes_where_its_life_costs_least() -> None:
    unread = best(100 * GB, reads_month=0.0, life_months=60.0)
    assert unread[0] == ("gcp", "ARCHIVE")
    assert ("aws", "DEEP_ARCHIVE") not in unread
    waiting = best(100 * GB, reads_month=0.0, life_months=60.0, may_wait=True)
    assert waiting[0] == ("aws", "DEEP_ARCHIVE")
    report = {"may_wait": True, "name": "x/monthly_report_1"}
    assert best(100 * GB, reads_month=0.0, life_months=60.0, **report) == unread
    busy = best(100 * GB, reads_month=30.0, readers="gcp")
    assert busy[0] == ("gcp", "STANDARD")
    assert best(100 * GB, reads_month=30.0)[0] == ("aws", "STANDARD")  # its egress is cheaper


def test_the_lines_of_an_offer_add_up_by_hand() -> None:
    (aws,) = [cloud for cloud in CLOUDS if cloud.name == "aws"]
    new = NewObject(100 * GB, reads_month=2.0, life_months=0.5)
    table = {offer.storage_class: offer for offer in offers(new, [aws], BOOK)}
    standard, cool = table["STANDARD"], table["STANDARD_IA"]
    assert standard.storage == pytest.approx(100 * 0.023 * 0.5)
    assert standard.upload == pytest.approx(0.005 / 1000)
    assert standard.reads == pytest.approx(2 * 0.5 * 0.0004 / 1000)
    assert standard.egress == pytest.approx(0.5 * BOOK.egress(Provider.AWS, "us-east-1", 200.0))
    days = 0.5 * DAYS_PER_MONTH
    assert cool.storage == pytest.approx(100 * 0.0125 * (0.5 + (30 - days) / DAYS_PER_MONTH))
    assert cool.reads == pytest.approx(2 * 0.5 * (0.001 / 1000 + 100 * 0.01))
    for offer in table.values():
        assert offer.life == pytest.approx(
            offer.upload + offer.storage + offer.reads + offer.egress
        )
        assert offer.month == pytest.approx(offer.life / 0.5)


def test_expectations_that_make_no_sense_are_refused() -> None:
    for changes in ({"reads_month": -1.0}, {"life_months": 0.0}, {"readers": "moon"}):
        with pytest.raises(UsageError):
            best(GB, **changes)
    closed = [replace(cloud, read_only=True) for cloud in CLOUDS]
    assert offers(NewObject(GB), closed, BOOK) == []
