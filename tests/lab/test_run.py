"""Whole runs through the engine's door: from files, from the state, and ended early."""

import asyncio
import datetime as dt
import json
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from engine.engine import Engine
from engine.errors import ConfigError, UsageError
from engine.model import Address, LabRequest, Provider, StoreKind
from engine.settings import CloudSettings, EngineSettings, KafkaSettings

FIRST = dt.date(2023, 1, 1)


def files(folder: Path, objects: int = 3, days: int = 120) -> LabRequest:
    """Generated CSV files: object i is read every i days."""
    lines = ["object,size_bytes,count,created"]
    daily = ["object,date,reads,bytes_read"]
    for number in range(1, objects + 1):
        lines.append(f"o{number},{number * 10**9},2,2022-12-{number % 28 + 1:02d}")
        for day in range(0, days, number):
            date = FIRST + dt.timedelta(day)
            daily.append(f"o{number},{date},2,{2 * number * 10**9}")
    (folder / "objects.csv").write_text("\n".join(lines) + "\n")
    (folder / "daily.csv").write_text("\n".join(daily) + "\n")
    return LabRequest(inventory=str(folder / "objects.csv"), history=str(folder / "daily.csv"))


def door(folder: Path, prices: Path | None = None) -> Engine:
    disk = CloudSettings("disk", StoreKind.LOCAL, Provider.AWS, bucket="box", root=folder)
    kafka = KafkaSettings(bootstrap="off")
    return Engine(EngineSettings((disk,), folder / "state", kafka, prices_file=prices))


def with_changes(request: LabRequest, **changes: object) -> LabRequest:
    return LabRequest(**{name: changes.get(name, getattr(request, name)) for name in FIELDS})


FIELDS = tuple(LabRequest.__dataclass_fields__)


async def test_a_run_answers_in_the_order_asked_for_and_tells_its_progress(tmp_path: Path) -> None:
    names = ("age:30/90/180", "optimum", "always:STANDARD")
    request = with_changes(files(tmp_path), policies=names)
    told: list[tuple[str, float]] = []
    result = await door(tmp_path).lab(request, lambda what, share: told.append((what, share)))
    await asyncio.sleep(0)  # the last word may come just after the answer
    assert [cost.policy for cost in result.policies] == list(names)
    assert (result.first, result.last) == (dt.date(2023, 3, 2), dt.date(2023, 4, 30))
    assert (result.objects, result.size, result.days) == (6, 12 * 10**9, 60)
    assert result.classes == ("STANDARD", "INTELLIGENT_TIERING", "STANDARD_IA", "GLACIER_IR")
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert told[-1] == ("optimum", pytest.approx(1.0))
    best = result.cost("optimum")
    assert best is not None
    assert best.ratio == 1.0
    assert best.total == result.optimum
    for cost in result.policies:
        parts = (cost.storage, cost.requests, cost.retrieval, cost.transitions)
        assert sum(parts) + cost.early_deletion == pytest.approx(cost.total)
        assert len(cost.cumulative) == result.days
        assert cost.cumulative[-1] == pytest.approx(cost.total)
        assert cost.total >= best.total
    json.dumps(asdict(result), default=str)  # plain values


async def test_a_region_without_prices_is_told(tmp_path: Path) -> None:
    request = with_changes(files(tmp_path), region="mars", policies=("optimum",))
    result = await door(tmp_path).lab(request)
    assert result.region == "us-east-1"
    assert result.notes == ("No prices for aws mars; those of us-east-1 are used.",)


async def test_the_sentence_sets_a_policy_beside_hindsight_and_the_others(tmp_path: Path) -> None:
    names = ("always:STANDARD", "s3-intelligent-tiering", "age")
    request = with_changes(files(tmp_path, objects=8), policies=names)
    result = await door(tmp_path).lab(request)
    sentence = result.regret("s3-intelligent-tiering")
    assert sentence.startswith("Over these 60 days s3-intelligent-tiering would have cost $")
    assert "% more than hindsight ($" in sentence
    assert "always:STANDARD $" in sentence
    assert sentence.endswith(".")
    with pytest.raises(KeyError):
        result.regret("rules")


async def test_a_price_file_of_the_operator_counts(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(
        '[[classes]]\nprovider = "onprem"\nname = "STANDARD"\nstorage = 0.01\nput = 0\nget = 0\n'
        "retrieval = 0\ntransition = 0\n"
    )
    request = with_changes(files(tmp_path), provider="onprem", policies=("always:STANDARD",))
    with pytest.raises(UsageError, match="No class of onprem has all the prices"):
        await door(tmp_path).lab(request)
    result = await door(tmp_path, path).lab(request)
    month = 12 * 10**9 / 1024**3 * 0.01
    assert result.policies[0].total == pytest.approx(month * 60 / (365.25 / 12))
    again = await door(tmp_path).lab(with_changes(request, prices=str(path)))
    assert again.policies == result.policies
    with pytest.raises(ConfigError):
        await door(tmp_path).lab(with_changes(request, prices=str(tmp_path / "none.toml")))


async def test_a_run_ends_soon_after_its_caller_is_cancelled(tmp_path: Path) -> None:
    request = files(tmp_path, objects=300, days=360)
    begun = asyncio.Event()

    def told(what: str, share: float) -> None:
        if share > 0:
            begun.set()

    task = asyncio.create_task(door(tmp_path).lab(request, told))
    await asyncio.wait_for(begun.wait(), 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(asyncio.get_running_loop().shutdown_default_executor(), 30)


async def test_a_stream_of_steps_ends_with_the_result_or_when_it_is_closed(
    tmp_path: Path,
) -> None:
    request = with_changes(files(tmp_path), policies=("always:STANDARD",))
    steps = [step async for step in door(tmp_path).lab_steps(request)]
    assert all(step.result is None for step in steps[:-1])
    assert steps[-1].result == await door(tmp_path).lab(request)
    stream = door(tmp_path).lab_steps(files(tmp_path, objects=300, days=360))
    assert (await anext(stream)).result is None
    await stream.aclose()
    await asyncio.wait_for(asyncio.get_running_loop().shutdown_default_executor(), 30)


async def test_what_cannot_be_replayed_is_refused(tmp_path: Path) -> None:
    request, engine = files(tmp_path), door(tmp_path)
    for changes, complaint in (
        ({"history": ""}, "both an inventory and a history"),
        ({"provider": "ibm"}, "no provider 'ibm'"),
        ({"policies": ("always:DEEP_ARCHIVE",)}, "not among the allowed classes"),
        ({"policies": ("wish",)}, "no policy 'wish'"),
        ({"first": FIRST, "last": FIRST - dt.timedelta(1)}, "end before they begin"),
        ({"start_class": "LUKEWARM"}, "'LUKEWARM' is not among"),
    ):
        with pytest.raises(UsageError, match=complaint):
            await engine.lab(with_changes(request, **changes))


async def test_the_operators_own_history_is_replayed_over_the_listing(tmp_path: Path) -> None:
    for name in ("a", "b", "old"):
        path = tmp_path / "box" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 2000)
    today = int(time.time() // 86_400)
    async with door(tmp_path) as engine:
        with pytest.raises(UsageError):  # not listed yet
            await engine.lab(LabRequest(cloud="disk"))
        engine.scan("disk")
        await engine.scanned("disk")
        with pytest.raises(UsageError, match="No accesses are known"):
            await engine.lab(LabRequest(cloud="disk"))
        rows = [(Address("disk", "box", "a"), today - ago, 4, 0) for ago in range(1, 60)]
        rows.append((Address("disk", "box", "gone"), today - 90, 1, 5))
        await engine.import_access(rows)
        request = LabRequest(
            cloud="disk", policies=("always:STANDARD",), first=dt.date.today() - dt.timedelta(40)
        )
        result = await engine.lab(request)
    assert (result.objects, result.size, result.provider) == (3, 6000, "aws")
    reads = sum(1 for ago in range(1, 60) if today - ago >= (today - 40))
    expected = pytest.approx(4 * reads * 0.0004 / 1000, rel=0.06)  # the day may turn meanwhile
    assert result.policies[0].requests == expected
