"""Plans: what moves where, what it costs, loses and risks, and what is refused."""

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.access import AccessColumns
from engine.arithmetic import plan_lines
from engine.catalog import Catalog
from engine.errors import NotFound, UsageError
from engine.migration.plan import plan_decisions, plan_migration, plan_tier
from engine.migration.plan_sources import (
    Place,
    SourceObject,
    folds_names,
    from_listing,
    look_up,
)
from engine.model import (
    Address,
    Decision,
    Evidence,
    ListEntry,
    Move,
    MoveKind,
    MoveOptions,
    ObjectHead,
    ObjectMeta,
    Plan,
    Provider,
    RestoreState,
    StoreKind,
    Tier,
    VersionPin,
)
from engine.pricing.book import PriceBook
from engine.pricing.cost import DAYS_PER_MONTH, GB
from engine.settings import CloudSettings, Secret
from engine.stores import open_store
from engine.stores.base import DeleteGuard, ObjectStore

BOOK = PriceBook.load()
NOW = 1.8e9
KEY = Secret("test")
ETAG = "d41d8cd98f00b204e9800998ecf8427e"


def s3(name: str, provider: Provider, region: str, endpoint: str = "") -> CloudSettings:
    return CloudSettings(
        name,
        StoreKind.S3,
        provider,
        region=region,
        endpoint=endpoint,
        path_style=bool(endpoint),
        access_key=KEY,
        secret_key=KEY,
    )


@pytest.fixture
async def places(tmp_path: Path) -> AsyncIterator[dict[str, Place]]:
    """Real stores, to which nothing is sent: two of Amazon, stand-ins of others, a disk."""
    (tmp_path / "disk").mkdir()
    clouds = [
        s3("aws", Provider.AWS, "us-east-1"),
        s3("twin", Provider.AWS, "us-east-1"),
        s3("gcp", Provider.GCP, "us-west-1", "http://127.0.0.1:9"),
        s3("azure", Provider.AZURE, "eastus", "http://127.0.0.1:9"),
        CloudSettings("onprem", StoreKind.LOCAL, Provider.ONPREM, root=tmp_path / "disk"),
    ]
    stores = {cloud.name: open_store(cloud) for cloud in clouds}
    yield {cloud.name: Place.of(stores[cloud.name], cloud) for cloud in clouds}
    for store in stores.values():
        await store.close()


def item(
    text: str,
    size: int = GB,
    name: str = "",
    *,
    age: float = 400.0,
    reads: float = 0.0,
    relative: str = "",
    head: ObjectHead | None = None,
) -> SourceObject:
    address = Address.parse(text)
    relative = relative or address.key.rpartition("/")[2]
    entry = ListEntry(address.key, size, NOW - age * 86_400, ETAG, name)
    return SourceObject(address, entry, relative, age, age, reads, head)


def migrate(
    objects: list[SourceObject], to: str, places: Mapping[str, Place], **options: object
) -> Plan:
    sources = [thing.address for thing in objects]
    return plan_migration(sources, objects, Address.parse(to), places, BOOK, **options)  # type: ignore[arg-type]


def limited(place: Place, **capabilities: object) -> Place:
    """The place of a store that can less, or more."""
    store = place.store
    store.capabilities = replace(store.capabilities, **capabilities)  # type: ignore[arg-type]
    return place


def one(plan: Plan) -> Move:
    assert len(plan.moves) == 1
    return plan.moves[0]


# -- where things go --------------------------------------------------------------------------


def test_a_move_across_clouds(places: dict[str, Place]) -> None:
    thing = item("aws:photos/2024/a.jpg", 100 * GB, "STANDARD_IA", age=10, reads=2)
    plan = migrate([thing], "gcp:cold/kept/", places, tier=Tier.COLD)
    move = one(plan)
    assert str(move.destination) == "gcp:cold/kept/a.jpg"
    assert (move.from_class, move.to_class) == ("STANDARD_IA", "COLDLINE")
    assert (move.from_tier, move.to_tier) == (Tier.WARM, Tier.COLD)
    assert move.pin == VersionPin(ETAG, NOW - 10 * 86_400, 100 * GB)
    assert (move.refused, move.route) == ("", "aws → gcp")

    # By hand: two months' worth of reads in each class, beside storage.
    before = 100 * 0.0125 + 2 * (0.001 / 1000 + 100 * 0.01)
    after = 100 * 0.004 + 2 * (0.01 / 1000 + 100 * 0.02)
    assert move.saving_per_month == pytest.approx(before - after)
    costs = dict(move.cost_lines)
    expected = {
        "retrieval": 100 * 0.01,
        "GET": 2 * 0.001 / 1000,
        "egress": 100 * 0.09,
        "PUT": (100 * 128 + 2) * 0.02 / 1000,
        "re-read": 2 * 0.01 / 1000 + 100 * 0.02,
        "early": 0.0125 * 100 * 20 / DAYS_PER_MONTH,
    }
    for start, amount in expected.items():
        found = sum(usd for text, usd in costs.items() if text.startswith(start))
        assert found == pytest.approx(amount), start
    assert move.one_time_cost == pytest.approx(sum(expected.values()))
    risks = " | ".join(move.risks)
    assert "early deletion: 20 of 30 days" in risks
    assert "COLDLINE bills at least 90 days" in risks
    assert "more every month" in risks
    warnings = " | ".join(plan.warnings)
    assert "No prices for gcp us-west-1; those of us-central1 are used." in warnings
    assert "gcp COLDLINE (put, get, transition)" in warnings
    assert "100 GB a month are free" in warnings
    assert "Reading the copies back takes 100.00 GB out of gcp again: up to $12.00" in warnings
    assert plan.totals().one_time_cost == move.one_time_cost


def test_keys_keep_their_path_below_the_prefix(places: dict[str, Place]) -> None:
    things = [
        item("aws:photos/2024/a.jpg", relative="a.jpg"),
        item("aws:photos/2024/x/b.jpg", relative="x/b.jpg"),
        item("aws:photos/2024/x/c.txt", relative="x/c.txt"),
    ]
    source, to = [Address("aws", "photos", "2024/")], Address("gcp", "cold")
    plan = plan_migration(source, things[1:], to, places, BOOK)
    assert [str(move.destination) for move in plan.moves] == [
        "gcp:cold/x/b.jpg",
        "gcp:cold/x/c.txt",
    ]
    with pytest.raises(UsageError, match="cannot become one key"):
        plan_migration(source, things, Address("gcp", "cold", "one"), places, BOOK)
    single = migrate([things[0]], "gcp:cold/renamed.jpg", places)
    assert one(single).destination.key == "renamed.jpg"
    with pytest.raises(UsageError, match="no cloud named 'nowhere'"):
        migrate(things, "nowhere:b/", places)


@pytest.mark.parametrize(
    ("name", "to", "expected"),
    [
        ("STANDARD_IA", "gcp", "NEARLINE"),
        ("GLACIER_IR", "azure", "Cold"),
        ("GLACIER_IR", "twin", "GLACIER_IR"),
        ("ONEZONE_IA", "twin", "ONEZONE_IA"),
        ("", "azure", "Hot"),
        ("GLACIER_IR", "onprem", "STANDARD"),
    ],
)
def test_an_object_keeps_its_tier(
    places: dict[str, Place], name: str, to: str, expected: str
) -> None:
    assert one(migrate([item("aws:b/k", name=name)], f"{to}:b/", places)).to_class == expected


def test_classes_that_do_not_exist(places: dict[str, Place]) -> None:
    with pytest.raises(UsageError, match=r"no class FROZEN.*NEARLINE"):
        migrate([item("aws:b/k")], "gcp:b/", places, storage_class="FROZEN")
    with pytest.raises(UsageError, match=r"onprem \(onprem\) has no class COLD. It has: STANDARD."):
        migrate([item("aws:b/k")], "onprem:b/", places, tier=Tier.COLD)
    with pytest.raises(UsageError, match="not both"):
        migrate([item("aws:b/k")], "gcp:b/", places, tier=Tier.COLD, storage_class="NEARLINE")
    assert one(migrate([item("aws:b/k")], "gcp:b/", places, storage_class="nearline")).to_class == (
        "NEARLINE"
    )
    strange = one(migrate([item("aws:b/k", name="SNOW")], "gcp:b/", places))
    assert (strange.refused, strange.one_time_cost) == ("", None)
    assert "class 'SNOW' is not known" in " | ".join(strange.risks)


# -- money ------------------------------------------------------------------------------------


def test_a_copy_saves_nothing(places: dict[str, Place]) -> None:
    thing = item("aws:b/k", name="STANDARD_IA", age=1, reads=5)
    move = one(migrate([thing], "gcp:b/", places, kind=MoveKind.COPY, tier=Tier.HOT))
    assert move.saving_per_month == pytest.approx(-0.02)
    assert not any(text.startswith("early") for text, _ in move.cost_lines)
    assert not any("delete" in risk for risk in move.risks)


def test_unknown_prices_stay_unknown(places: dict[str, Place]) -> None:
    plan = migrate([item("aws:b/k"), item("aws:b/l")], "onprem:b/", places)
    for move in plan.moves:
        assert move.refused == ""
        assert move.saving_per_month is None
        assert move.one_time_cost is None
        assert any(text.startswith("egress") for text, _ in move.cost_lines)
    assert plan.totals().saving_per_month is None
    assert any("No prices are known for onprem STANDARD" in text for text in plan.warnings)
    assert plan_lines(plan)[1].endswith("= unknown")


def test_egress_falls_along_the_bands(places: dict[str, Place]) -> None:
    things = [item(f"aws:b/{i}", 5 * 1024 * GB, age=400) for i in range(3)]
    plan = migrate(things, "gcp:b/", places)
    egress = [sum(u for t, u in m.cost_lines if t.startswith("egress")) for m in plan.moves]
    assert egress == [
        pytest.approx(5120 * 0.09),
        pytest.approx(5120 * 0.09),
        pytest.approx(5120 * 0.085),
    ]
    # Within one provider's region nothing leaves.
    here = one(migrate([item("aws:b/k")], "twin:c/", places))
    assert not any(text.startswith("egress") for text, _ in here.cost_lines)


def test_how_often_the_source_is_read(places: dict[str, Place]) -> None:
    def reads(options: MoveOptions, etag: str) -> str:
        thing = item("azure:b/k", name="Cool")  # its stand-in only knows the MD5 of an ETag
        thing = replace(thing, entry=thing.entry._replace(etag=etag))
        move = one(migrate([thing], "gcp:c/", places, options=options))
        return next(text for text, _ in move.cost_lines if text.startswith("retrieval"))

    assert reads(MoveOptions(), "").startswith("retrieval: 1.00 GB")
    assert reads(MoveOptions(strict=True), ETAG).startswith("retrieval: 1.00 GB")
    assert reads(MoveOptions(strict=True), "").startswith("retrieval: 2 × 1.00 GB")


def test_verification_by_the_providers_checksum_reads_nothing(places: dict[str, Place]) -> None:
    options = MoveOptions(verify=Evidence.ATTESTED)
    attested = one(migrate([item("gcp:b/k")], "aws:b/", places, options=options))
    assert not any(text.startswith("re-read") for text, _ in attested.cost_lines)
    small = one(migrate([item("aws:b/k", 1000)], "gcp:b/", places, options=options))
    assert not any(text.startswith("re-read") for text, _ in small.cost_lines)
    # A multipart upload has no MD5: it is read all the same, and the plan says so.
    read = one(migrate([item("aws:b/k")], "gcp:b/", places, options=options))
    assert any(text.startswith("re-read") for text, _ in read.cost_lines)
    assert any("read back instead" in risk for risk in read.risks)


# -- refusals -----------------------------------------------------------------------------------


def refused(plan: Plan) -> list[str]:
    return [move.refused for move in plan.moves]


def test_refused_moves_have_no_price_and_do_not_count(places: dict[str, Place]) -> None:
    plan = migrate(
        [item("aws:b/a"), item("aws:b/\x1b[31m//x", relative="//x")], "onprem:b/", places
    )
    assert refused(plan)[0] == ""
    assert "onprem cannot hold this key" in refused(plan)[1]
    assert plan.moves[1].one_time_cost is None
    assert plan.moves[1].risks == ()
    assert (plan.totals().moves, plan.totals().refused) == (1, 1)
    assert plan.warnings[0].startswith("1 of 2 are refused")


def test_the_same_object_by_any_name(places: dict[str, Place]) -> None:
    assert "this very object" in one(migrate([item("aws:b/k")], "aws:b/k", places)).refused
    assert "this very object" in one(migrate([item("aws:b/k")], "twin:b/k", places)).refused
    assert one(migrate([item("aws:b/k")], "twin:b/other", places)).refused == ""
    twice = migrate([item("aws:b/k"), item("twin:b/k")], "gcp:b/", places)
    assert refused(twice)[0] != ""  # both would become gcp:b/k
    apart = migrate(
        [item("aws:b/k", relative="1"), item("twin:b/k", relative="2")], "gcp:b/", places
    )
    assert refused(apart) == ["", "it is aws:b/k by another name, which this plan has too"]


def test_two_objects_onto_one_key(places: dict[str, Place]) -> None:
    things = [item("aws:b/x/k", relative="k"), item("aws:b/y/k", relative="k"), item("aws:b/z")]
    found = refused(migrate(things, "gcp:c/", places))
    assert ["several objects" in text for text in found] == [True, True, False]
    again = migrate([item("aws:b/k"), item("aws:b/k")], "gcp:c/", places)
    assert refused(again) == [""]  # named twice, moved once


def test_names_that_a_disk_folds(places: dict[str, Place]) -> None:
    names = ["Read.me", "read.me", "caf\u00e9", "cafe\u0301", "plain"]
    things = [item(f"aws:b/{name}") for name in names]
    assert refused(migrate(things, "onprem:b/", places)) == [""] * 5
    folding = {**places, "onprem": replace(places["onprem"], folds=True)}
    found = refused(migrate(things, "onprem:b/", folding))
    assert ["letter case" in text for text in found] == [True, True, True, True, False]


def test_a_file_where_a_folder_is_needed(places: dict[str, Place]) -> None:
    things = [item("aws:b/a", relative="a"), item("aws:b/a/b", relative="a/b")]
    found = refused(migrate(things, "onprem:c/", places))
    assert found == ["", "another object of this plan would be a file where this needs a folder"]
    assert refused(migrate(things, "gcp:c/", places)) == ["", ""]


def test_moves_that_chase_each_other(places: dict[str, Place]) -> None:
    things = [item("aws:b/k", relative="m"), item("aws:b/m", relative="n")]
    found = refused(migrate(things, "aws:b/", places))
    assert found == ["another move of this plan takes its source from aws:b/m", ""]


def test_read_only_clouds(places: dict[str, Place]) -> None:
    places["aws"] = replace(places["aws"], read_only=True)
    assert "copied, not moved" in one(migrate([item("aws:b/k")], "gcp:b/", places)).refused
    copied = migrate([item("aws:b/k")], "gcp:b/", places, kind=MoveKind.COPY)
    assert one(copied).refused == ""
    assert "aws is read-only" in one(migrate([item("gcp:b/k")], "aws:b/", places)).refused
    tier = plan_tier([item("aws:b/k")], places, BOOK, tier=Tier.COLD)
    assert "aws is read-only" in one(tier).refused


def test_archived_objects(places: dict[str, Place]) -> None:
    archived = item("aws:b/k", name="DEEP_ARCHIVE")
    move = one(migrate([archived], "gcp:b/", places, tier=Tier.COLD))
    assert move.refused == ""
    assert "must be restored first: about 12 hours" in move.risks
    assert any(text.startswith("standard restore") for text, _ in move.cost_lines)
    head = ObjectHead(
        "k", GB, VersionPin(ETAG), "DEEP_ARCHIVE", archived=True, restore=RestoreState.AVAILABLE
    )
    back = one(migrate([replace(archived, head=head)], "gcp:b/", places, tier=Tier.COLD))
    assert not any("restore" in text for text, _ in back.cost_lines)
    places["aws"] = limited(places["aws"], restore=False)
    assert "has no restore" in one(migrate([archived], "gcp:b/", places, tier=Tier.COLD)).refused


def test_restores_at_the_speed_that_was_asked_for(places: dict[str, Place]) -> None:
    archived = item("aws:b/k", name="DEEP_ARCHIVE")
    bulk = MoveOptions(restore_speed="bulk", restore_days=1)
    move = one(migrate([archived], "gcp:b/", places, tier=Tier.COLD, options=bulk))
    assert "must be restored first: about 48 hours (bulk)" in move.risks
    costs = dict(move.cost_lines)
    assert any(text.startswith("bulk restore: 1.00 GB") for text in costs)
    assert any(text.startswith("restored copy: 1 day at") for text in costs)
    standard = one(migrate([archived], "gcp:b/", places, tier=Tier.COLD))
    assert standard.one_time_cost is not None
    assert move.one_time_cost is not None
    assert move.one_time_cost < standard.one_time_cost
    fast = MoveOptions(restore_speed="expedited")
    refused = one(migrate([archived], "gcp:b/", places, tier=Tier.COLD, options=fast)).refused
    assert refused == "DEEP_ARCHIVE has no expedited restore; it has: standard, bulk"
    glacier = item("aws:b/k", name="GLACIER")
    quick = one(migrate([glacier], "gcp:b/", places, tier=Tier.COLD, options=fast))
    assert quick.refused == ""
    assert any("(expedited)" in risk for risk in quick.risks)
    there = ObjectHead("k", GB, VersionPin(ETAG), "GLACIER", restore=RestoreState.AVAILABLE)
    at_once = one(migrate([replace(glacier, head=there)], "gcp:b/", places, options=fast))
    assert "it is restored already and goes at once" in at_once.risks


def test_what_only_one_kind_of_store_understands_is_listed(places: dict[str, Place]) -> None:
    special = (
        ("expires", "Thu, 01 Dec 2033 16:00:00 GMT"),
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-object-lock-mode", "GOVERNANCE"),
    )
    head = ObjectHead("k", GB, VersionPin(ETAG), "STANDARD", meta=ObjectMeta(special=special))
    known = replace(item("aws:b/k"), head=head)
    near = one(migrate([known], "twin:c/", places))
    assert {"the object lock"} == {"Expires", "the KMS key", "the object lock"} & set(near.losses)
    disk = one(migrate([known], "onprem:b/", places))
    assert {"Expires", "the KMS key", "the object lock"} <= set(disk.losses)
    assert "the object lock" in one(plan_tier([known], places, BOOK, tier=Tier.COLD)).losses


def test_a_copy_that_could_not_be_proved(places: dict[str, Place]) -> None:
    there = one(migrate([item("aws:b/k")], "azure:b/", places, tier=Tier.ARCHIVE))
    assert "could not be proved" in there.refused
    places["azure"] = limited(places["azure"], attested=frozenset({"crc32c"}))
    move = one(migrate([item("aws:b/k", reads=3)], "azure:b/", places, tier=Tier.ARCHIVE))
    assert move.refused == ""
    risks = " | ".join(move.risks)
    assert "opens only after a restore of 15 hours" in risks
    assert "read 3 times in 30 days" in risks
    assert "proved by the provider's checksum" in risks


def test_limits_of_the_destination(places: dict[str, Place]) -> None:
    places["gcp"] = limited(places["gcp"], max_object=10)
    assert "at most 10 bytes" in one(migrate([item("aws:b/k")], "gcp:b/", places)).refused
    disk = one(migrate([item("aws:b/k")], "onprem:b/", places))
    assert disk.to_class == "STANDARD"
    nameless = plan_migration(
        [Address("aws", "b", "x/")],
        [replace(item("aws:b/x/"), relative="")],
        Address("gcp", "b"),
        places,
        BOOK,
    )
    assert "no name at the destination" in one(nameless).refused


# -- losses and risks ---------------------------------------------------------------------------


def test_deletes_that_are_not_guarded(places: dict[str, Place]) -> None:
    probed = one(migrate([item("gcp:b/k")], "aws:b/", places))
    assert any("a probe tells" in risk for risk in probed.risks)
    known = one(migrate([item("aws:b/k")], "gcp:b/", places))
    assert not any("delete" in risk for risk in known.risks)
    places["gcp"] = limited(places["gcp"], delete_guard=DeleteGuard.NEVER)
    never = one(migrate([item("gcp:b/k")], "aws:b/", places))
    assert "unguarded delete: gcp cannot delete on condition" in never.risks
    strict = migrate([item("gcp:b/k")], "aws:b/", places, options=MoveOptions(strict=True))
    assert "--strict" in one(strict).refused


def test_what_is_lost_on_the_way(places: dict[str, Place]) -> None:
    places["onprem"] = limited(
        places["onprem"], tags=False, user_metadata=False, content_headers=False
    )
    listed = one(migrate([item("aws:b/k")], "onprem:b/", places)).losses
    assert listed == (
        "tags, if it has any",
        "user metadata, if it has any",
        "content type and other headers",
        "the original modification time",
        "older versions, if it has any: only the current one goes",
    )
    meta = ObjectMeta(tags=(("team", "x"),))
    head = ObjectHead("k", GB, VersionPin(ETAG), "", meta)
    known = one(migrate([item("aws:b/k", head=head)], "onprem:b/", places)).losses
    assert known[:2] == ("tags", "content type and other headers")
    assert one(migrate([item("onprem:b/k")], "aws:b/", places)).losses == ()


def test_what_is_at_the_destination_already(places: dict[str, Place]) -> None:
    there = {"k": ListEntry("k", 7, NOW, "", "")}
    kept = one(migrate([item("aws:b/k")], "gcp:b/", places, existing=there))
    assert any("equal content is kept" in risk for risk in kept.risks)
    options = MoveOptions(overwrite=True)
    over = one(migrate([item("aws:b/k")], "gcp:b/", places, existing=there, options=options))
    assert any("overwrites an object of 7 bytes" in risk for risk in over.risks)


def test_egress_that_does_not_pay(places: dict[str, Place]) -> None:
    move = one(migrate([item("aws:b/k", 100 * GB)], "gcp:b/", places))
    assert any("egress of $9.00: the move pays back in" in risk for risk in move.risks)
    worse = one(migrate([item("gcp:b/k", 100 * GB)], "aws:b/", places))
    assert "egress of $12.00: the move never pays back" in worse.risks
    assert "costs $0.30 more every month, read as now" in worse.risks


# -- changes in place ---------------------------------------------------------------------------


def test_a_change_of_tier_in_place(places: dict[str, Place]) -> None:
    things = [item("aws:b/a"), item("aws:b/b", name="GLACIER_IR"), item("onprem:b/c")]
    plan = plan_tier(things, places, BOOK, tier=Tier.COLD)
    assert [str(move.source) for move in plan.moves] == ["aws:b/a", "onprem:b/c"]
    first, disk = plan.moves
    assert (first.kind, first.source, first.destination) == (
        MoveKind.TIER,
        first.source,
        first.source,
    )
    assert first.saving_per_month == pytest.approx(0.023 - 0.004)
    assert first.one_time_cost == pytest.approx(0.02 / 1000 + 2 * 0.01 / 1000 + 0.03)
    assert first.losses == ()
    assert any("leaves the version before in its old class" in text for text in plan.warnings)
    assert disk.refused == "onprem has no class for COLD"
    with pytest.raises(UsageError, match="either a tier or"):
        plan_tier(things, places, BOOK)
    odd = plan_tier(things[:1], places, BOOK, storage_class="FROZEN")
    assert "no class 'FROZEN'" in one(odd).refused
    places["aws"] = limited(places["aws"], set_class=False)
    fixed = plan_tier(things[:1], places, BOOK, tier=Tier.COLD)
    assert "cannot change the class" in one(fixed).refused


def test_where_nothing_is_attested_a_change_of_class_reads_first(places: dict[str, Place]) -> None:
    known = one(plan_tier([item("aws:b/a", name="STANDARD_IA")], places, BOOK, tier=Tier.COLD))
    multipart = item("gcp:b/a", name="NEARLINE")
    multipart = replace(multipart, entry=multipart.entry._replace(etag=f"{ETAG}-7"))
    blank = one(plan_tier([multipart], places, BOOK, tier=Tier.COLD))
    assert not any(text.startswith("GET") for text, _ in known.cost_lines)
    assert any(text.startswith("GET and HEAD") for text, _ in blank.cost_lines)
    assert any(text.startswith("retrieval: 2 × 1.00 GB") for text, _ in blank.cost_lines)


def decision(text: str, name: str, to: str) -> Decision:
    return Decision(
        Address.parse(text), name, to, Tier.HOT, Tier.COLD, "Because.", 0.019, "rules", "1"
    )


def test_decisions_are_carried_out_as_they_were_made(places: dict[str, Place]) -> None:
    made = [
        decision("aws:b/a", "STANDARD", "GLACIER_IR"),
        decision("aws:b/gone", "STANDARD", "GLACIER_IR"),
        decision("aws:b/changed", "STANDARD", "GLACIER_IR"),
    ]
    now = [item("aws:b/a"), item("aws:b/changed", name="GLACIER_IR")]
    objects = {thing.address: thing for thing in now}
    plan = plan_decisions(made, objects, places, BOOK)
    assert plan.policy == "rules"
    assert refused(plan) == [
        "",
        "it is no longer listed",
        "its class has changed since: it is in GLACIER_IR",
    ]
    assert plan.moves[0].reason == "Because."
    assert plan.moves[0].saving_per_month == pytest.approx(0.019)
    assert plan_decisions([], {}, places, BOOK).moves == ()


# -- from stores and listings -------------------------------------------------------------------


async def test_objects_out_of_a_store(tmp_path: Path) -> None:
    (tmp_path / "photos" / "2024").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / "photos" / "2024" / name).write_bytes(b"12345")
    store: ObjectStore = open_store(
        CloudSettings("disk", StoreKind.LOCAL, Provider.ONPREM, root=tmp_path)
    )
    now = time.time() + 86_400
    below = await look_up(store, Address("disk", "photos", "2024/"), now=now)
    assert [(thing.relative, thing.entry.size) for thing in below] == [("a.jpg", 5), ("b.jpg", 5)]
    assert below[0].age_days == pytest.approx(1.0, abs=0.01)
    single = await look_up(store, Address("disk", "photos", "2024/b.jpg"), now=now)
    assert [(thing.relative, thing.head is not None) for thing in single] == [("b.jpg", True)]
    with pytest.raises(NotFound):
        await look_up(store, Address("disk", "photos", "absent"))
    await store.close()


def test_objects_out_of_a_listing() -> None:
    listing = Catalog(BOOK).add("aws", Provider.AWS, "us-east-1")
    scan = listing.begin("photos")
    keys = ["a/1", "a/2", "a0", "b/c/1"]
    rows = [ListEntry(key, 3, NOW - 86_400, ETAG, "") for key in keys]
    listing.append(scan, rows)
    listing.finish(scan)
    shift, zero = np.array([0.0, 9.0, 0.0, 0.0]), np.zeros(4)
    listing.set_access(scan, AccessColumns(zero, zero, zero, zero + 2, zero, shift))
    frame = listing.frame(NOW)

    def found(*texts: str) -> list[tuple[str, str]]:
        sources = [Address("aws", "photos", text) for text in texts]
        return [(t.address.key, t.relative) for t in from_listing(frame, sources)]

    assert found("a/") == [("a/1", "1"), ("a/2", "2")]
    assert found("") == [(key, key) for key in keys]
    assert found("b/c/1", "a0") == [("b/c/1", "1"), ("a0", "a0")]
    assert found("zzz/") == []
    with pytest.raises(UsageError, match="no such object"):
        found("a/3")
    second = from_listing(frame, [Address("aws", "photos", "a/")])[1]
    assert (second.age_days, second.reads_30d) == (pytest.approx(10.0), 2.0)
    assert second.entry == ListEntry("a/2", 3, NOW - 86_400, ETAG, "STANDARD")


def test_whether_a_disk_folds_names(tmp_path: Path) -> None:
    probe = tmp_path / "Probe"
    probe.mkdir()
    folds = (tmp_path / "pROBE").exists()
    assert folds_names(probe / "not" / "there") is folds
    assert folds_names(probe) is folds


def test_the_plan_in_lines(places: dict[str, Place]) -> None:
    plan = migrate([item("aws:b/k", 100 * GB), item("aws:b/\n", 5)], "gcp:b/", places)
    lines = plan_lines(plan)
    assert lines[0].startswith("2 moves, 100.000 GB")
    assert "egress $9.00" in lines[1]
    assert lines[2].startswith("Saving: $0.30 a month")
    assert lines[3].startswith("Pays back in $")
    assert plan_lines(replace(plan, moves=()))[-1] == "It costs nothing."


# -- properties ---------------------------------------------------------------------------------

NAMES = ["STANDARD", "STANDARD_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE", "SNOW", ""]


@settings(max_examples=80)
@given(
    st.lists(
        st.tuples(
            st.text("aB/\u00e9.\x1b[", max_size=5),
            st.integers(0, 10**13),
            st.sampled_from(NAMES),
            st.floats(0, 1000),
            st.integers(0, 50),
        ),
        max_size=8,
    ),
    st.sampled_from(["aws:b/x/", "twin:b/", "gcp:b/", "azure:b/", "onprem:b/"]),
    st.sampled_from([MoveKind.MOVE, MoveKind.COPY]),
    st.sampled_from([None, Tier.HOT, Tier.WARM]),
    st.booleans(),
)
def test_every_plan_is_whole(
    data: list[tuple[str, int, str, float, int]],
    to: str,
    kind: MoveKind,
    tier: Tier | None,
    strict: bool,
) -> None:
    places = FIXED
    things = [
        item(f"aws:b/{key}", size, name, age=age, reads=reads, relative=key)
        for key, size, name, age, reads in data
        if key
    ]
    if to.startswith("onprem"):
        tier = None
    plan = migrate(things, to, places, kind=kind, tier=tier, options=MoveOptions(strict=strict))
    assert len(plan.moves) == len({thing.address for thing in things})
    accepted = [move for move in plan.moves if not move.refused]
    targets = [places[m.destination.cloud].store.locate("b", m.destination.key) for m in accepted]
    assert len(set(targets)) == len(targets)
    for move in accepted:
        store = places[move.destination.cloud].store
        assert store.check_key(move.destination.key) == ""
        assert move.source != move.destination
        assert all(amount > 0 for _, amount in move.cost_lines)
        if move.one_time_cost is not None:
            assert move.one_time_cost == pytest.approx(sum(a for _, a in move.cost_lines))
            assert move.one_time_cost >= 0
    totals = plan.totals()
    assert totals.moves + totals.refused == len(plan.moves)
    assert totals.size == sum(move.size for move in accepted)
    plan_lines(plan)


def _fixed() -> dict[str, Place]:
    clouds = [
        s3("aws", Provider.AWS, "us-east-1"),
        s3("twin", Provider.AWS, "eu-west-1"),
        s3("gcp", Provider.GCP, "us-central1", "http://127.0.0.1:9"),
        s3("azure", Provider.AZURE, "eastus", "http://127.0.0.1:9"),
        CloudSettings("onprem", StoreKind.LOCAL, Provider.ONPREM, root=Path("/nowhere/at/all")),
    ]
    return {cloud.name: Place.of(open_store(cloud), cloud) for cloud in clouds}


FIXED = _fixed()
