"""Filters: what they choose, that they never choose more, and that rclone reads globs alike."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.migration.filters import (
    Sieve,
    compile_glob,
    look_up_named,
    missing,
    passing,
    with_missing,
)
from engine.migration.plan import plan_tier
from engine.migration.plan_sources import Place, SourceObject
from engine.model import (
    Address,
    Filters,
    ListEntry,
    MoveKind,
    ObjectMeta,
    Provider,
    StoreKind,
    Tier,
)
from engine.pricing.book import PriceBook
from engine.settings import CloudSettings, Secret
from engine.stores import open_store
from tests.servers import program

BOOK = PriceBook.load()
NAMES = [
    *("a.csv", "b.log", "x/b.csv", "x/c.log", "x/y/d.csv", "x/y/tmp/e.csv", "tmp/f", "tmpx/g"),
    *("[r]ed.csv", "2024/01/report.csv", "2024/report_1.csv", "A.CSV", "{z}.csv", "a b.csv"),
    *("star*.csv", "x.y/z", "back\\slash", "-dash", "#hash", "comma,name"),
]
GLOBS = [
    *("*.csv", "/*.csv", "x/*", "x/**", "**", "*", "tmp/", "/tmp/", "?.csv", "[a-b].*"),
    *("{a,b}.{csv,log}", "2024/*.csv", "2024/**.csv", "x/*/d.csv", "x/**/e.csv", "y/d.csv"),
    *(r"\[r\]ed.csv", r"star\*.csv", r"\{z\}.csv", "a?b.csv", "*,*", "b.csv", "/b.csv"),
    *("x", "**.log", "[^a-b].*", "**/e.csv"),
]


@pytest.fixture
async def places(tmp_path: Path) -> AsyncIterator[dict[str, Place]]:
    aws = CloudSettings(
        "aws",
        StoreKind.S3,
        Provider.AWS,
        region="us-east-1",
        access_key=Secret("x"),
        secret_key=Secret("x"),
    )
    store = open_store(aws)
    yield {"aws": Place.of(store, aws)}
    await store.close()


def thing(relative: str, size: int = 1, age: float = 1.0, name: str = "STANDARD") -> SourceObject:
    address = Address("aws", "b", f"in/{relative}")
    entry = ListEntry(address.key, size, 0.0, "e", name)
    return SourceObject(address, entry, relative, age)


def names(objects: list[SourceObject], filters: Filters, places: dict[str, Place]) -> list[str]:
    return [item.relative for item in passing(objects, filters, places, BOOK)]


async def test_globs_choose_what_rclone_chooses(tmp_path: Path) -> None:
    for name in NAMES:
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")

    def judge(*options: str) -> set[str]:
        done = subprocess.run(
            [
                *(program("rclone"), "--config", os.devnull, "lsf", "-R", "--files-only"),
                *("--local-encoding", "None", *options, str(tmp_path / "tree")),
            ],
            capture_output=True,
            timeout=60,
            check=True,
            text=True,
        )
        return set(done.stdout.splitlines())

    async def one(glob: str) -> None:
        fits = compile_glob(glob)
        ours = {name for name in NAMES if fits(name)}
        # Asked by exclusion: while it includes, rclone does not look into every folder.
        assert set(NAMES) - ours == await asyncio.to_thread(judge, "--exclude", glob), glob

    assert await asyncio.to_thread(judge) == set(NAMES)
    for start in range(0, len(GLOBS), 4):
        async with asyncio.TaskGroup() as group:
            for glob in GLOBS[start : start + 4]:
                group.create_task(one(glob))


@pytest.mark.parametrize("glob", ["", "/", "a[b", "{a", "a\\", "***", "[z-a]"])
def test_a_glob_that_makes_no_sense_is_told(glob: str) -> None:
    if glob == "/":
        assert compile_glob(glob)("any/thing")
        return
    with pytest.raises(UsageError, match="cannot be read"):
        compile_glob(glob)


def test_include_comes_first_and_exclude_takes_out_of_it(places: dict[str, Place]) -> None:
    things = [thing(name) for name in ("a.csv", "x/b.csv", "x/c.log", "x/y/d.csv")]
    assert names(things, Filters(include=("x/**",), exclude=("y/",)), places) == [
        "x/b.csv",
        "x/c.log",
    ]
    assert names(things, Filters(include=("*.csv",), exclude=("*",)), places) == []
    assert names(things, Filters(), places) == [item.relative for item in things]


def test_sizes_and_ages_include_both_ends(places: dict[str, Place]) -> None:
    things = [thing(str(size), size, float(size)) for size in (0, 9, 10, 11)]
    assert names(things, Filters(min_size=10), places) == ["10", "11"]
    assert names(things, Filters(max_size=10), places) == ["0", "9", "10"]
    assert names(things, Filters(max_size=0), places) == ["0"]
    assert names(things, Filters(min_age=10), places) == ["10", "11"]
    assert names(things, Filters(min_age=9, max_age=10), places) == ["9", "10"]


def test_classes_and_tiers_are_those_of_the_source(places: dict[str, Place]) -> None:
    classes = ("", "STANDARD", "STANDARD_IA", "GLACIER", "DEEP_ARCHIVE")
    things = [thing(name or "none", name=name) for name in classes]
    assert names(things, Filters(tiers=(Tier.HOT,)), places) == ["none", "STANDARD"]
    assert names(things, Filters(tiers=(Tier.WARM, Tier.ARCHIVE)), places) == [
        *("STANDARD_IA", "GLACIER", "DEEP_ARCHIVE")
    ]
    assert names(things, Filters(classes=("standard", "glacier")), places) == [
        *("none", "STANDARD", "GLACIER")
    ]
    both = Filters(tiers=(Tier.ARCHIVE,), classes=("GLACIER", "STANDARD"))
    assert names(things, both, places) == ["GLACIER"]


def test_listed_keys_are_exact_and_those_that_are_not_there_are_refused_moves(
    places: dict[str, Place],
) -> None:
    things = [thing(name) for name in ("a*", "ab", "x/new\nline", "caf\u00e9")]
    keys = frozenset({"a*", "x/new\nline", "cafe\u0301", "gone"})
    filters = Filters(keys=keys)
    assert names(things, filters, places) == ["a*", "x/new\nline"]
    absent = missing(things, filters)
    assert absent == ["cafe\u0301", "gone"]
    plan = plan_tier(list(passing(things, filters, places, BOOK)), places, BOOK, tier=Tier.COLD)
    whole = with_missing(plan, absent, [Address("aws", "b", "in/")], None, MoveKind.TIER)
    assert whole.moves[:2] == plan.moves
    assert [(move.source.key, bool(move.refused)) for move in whole.moves[2:]] == [
        ("in/cafe\u0301", True),
        ("in/gone", True),
    ]
    assert with_missing(plan, (), [], None, MoveKind.TIER) is plan


async def test_a_few_listed_keys_are_asked_for_one_by_one(tmp_path: Path) -> None:
    disk = CloudSettings("disk", StoreKind.LOCAL, Provider.ONPREM, root=tmp_path)
    store = open_store(disk)
    try:
        await store.create_bucket("b")

        async def body() -> AsyncIterator[bytes]:
            yield b"x"

        await store.write("b", "in/there", body(), size=1, meta=ObjectMeta())
        keys = ["there", "not", "../outside", "x" * 5000, "folder/"]
        found = await look_up_named(store, Address("disk", "b", "in/"), keys)
        assert [(item.relative, item.entry.size) for item in found] == [("there", 1)]
    finally:
        await store.close()


_globs = st.sampled_from(GLOBS)
_filters = st.builds(
    Filters,
    include=st.lists(_globs, max_size=2).map(tuple),
    exclude=st.lists(_globs, max_size=2).map(tuple),
    min_size=st.integers(0, 3),
    max_size=st.none() | st.integers(0, 3),
    min_age=st.floats(0, 3),
    max_age=st.none() | st.floats(0, 3),
    tiers=st.lists(st.sampled_from(Tier), max_size=2).map(tuple),
    classes=st.lists(st.sampled_from(["STANDARD", "GLACIER"]), max_size=1).map(tuple),
    keys=st.none() | st.frozensets(st.sampled_from(NAMES)),
)
_objects = st.lists(
    st.builds(
        thing,
        st.sampled_from(NAMES) | st.text(min_size=1, max_size=8),
        st.integers(0, 4),
        st.floats(0, 4),
        st.sampled_from(["STANDARD", "STANDARD_IA", "GLACIER"]),
    ),
    max_size=12,
)


def chosen(objects: list[SourceObject], filters: Filters) -> list[SourceObject]:
    sieve = Sieve(filters, BOOK)
    return [
        item
        for item in objects
        if sieve.name(item.relative)
        and sieve.object(item.entry.size, item.age_days, Provider.AWS, item.entry.storage_class)
    ]


@given(_objects, _filters, _filters)
def test_a_filter_more_never_widens_the_set(
    objects: list[SourceObject], one: Filters, two: Filters
) -> None:
    all_of_both = Filters(
        include=one.include,
        exclude=one.exclude + two.exclude,
        min_size=max(one.min_size, two.min_size),
        max_size=min((s for s in (one.max_size, two.max_size) if s is not None), default=None),
        min_age=max(one.min_age, two.min_age),
        max_age=min((a for a in (one.max_age, two.max_age) if a is not None), default=None),
        tiers=one.tiers,
        classes=one.classes,
        keys=one.keys if two.keys is None else (one.keys or two.keys) & two.keys,
    )
    with_one = chosen(objects, one)
    assert all(item in objects for item in with_one)
    assert all(item in with_one for item in chosen(objects, all_of_both))


@given(_objects, st.lists(_globs, max_size=3), st.lists(_globs, max_size=3))
def test_include_then_exclude_is_a_difference_of_sets(
    objects: list[SourceObject], include: list[str], exclude: list[str]
) -> None:
    both = chosen(objects, Filters(include=tuple(include), exclude=tuple(exclude)))
    included = chosen(objects, Filters(include=tuple(include)))
    out = chosen(objects, Filters(include=tuple(exclude))) if exclude else []
    assert both == [item for item in included if item not in out]
