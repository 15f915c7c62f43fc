"""`proactive`: before the reads come, and before they stay away; only where it pays."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.engine import Engine
from engine.errors import UsageError
from engine.forecast.model import Forecast
from engine.model import Address, Provider, StoreKind
from engine.settings import CloudSettings, EngineSettings, KafkaSettings
from engine.tiering.policy import decisions, policy_named
from engine.tiering.proactive import Proactive
from engine.tiering.shape import Features, Verdict
from tests.forecast.worlds import mixed
from tests.tiering.conftest import MakeFeatures

GB = 1 << 30
POLICY = Proactive()


def expecting(features: Features, *rows: tuple[float, float, float, float]) -> Features:
    """With a forecast: the chance of a read in 7, 30 and 90 days, and reads in 30 days."""
    week, month, quarter, reads = np.array(rows, np.float64).T
    counts = np.column_stack([reads * 7 / 30, reads, reads * 3])
    chances = np.column_stack([week / 7, week, month, quarter])
    return replace(features, forecast=Forecast(chances, counts, counts, "glm1-test"))


BUSY = (0.95, 1.0, 1.0, 40.0)
QUIET = (0.01, 0.03, 0.04, 0.02)


def test_it_promotes_before_the_reads_come(features: MakeFeatures) -> None:
    cold = {"name": "GLACIER_IR", "age": 400, "size": GB, "m": 0}
    world = expecting(features(cold, cold, cold), BUSY, (0.1, 0.3, 0.5, 0.1), (0.95, 1.0, 1.0, 1.5))
    columns = POLICY.decide(world)
    assert columns.verdicts.tolist() == [Verdict.MOVE, Verdict.COSTS_MORE, Verdict.COSTS_MORE]
    (made,) = decisions(POLICY, world, columns)
    assert made.to_class == "STANDARD"
    assert made.model_version == "glm1-test"
    assert made.confidence == pytest.approx(0.95)
    assert (made.expected_saving or 0) > 0
    assert (made.saving_per_month or 0) < 0  # nobody reads it yet
    assert "95%" in made.reason
    assert "glm1-test" in made.assumption


def test_it_demotes_before_silence_although_reads_were_many(features: MakeFeatures) -> None:
    hot = {"name": "STANDARD", "age": 400, "size": 10 * GB, "m": 12}
    world = expecting(features(hot, hot), QUIET, BUSY)
    columns = POLICY.decide(world)
    assert columns.verdicts.tolist()[0] == Verdict.MOVE
    assert world.table.name(int(columns.targets[0])) == "GLACIER_IR"  # it was read: no restore
    assert columns.targets[1] == world.codes[1]
    assert columns.confidence[0] > 0.95


def test_only_what_sleeps_and_may_wait_needs_a_restore(features: MakeFeatures) -> None:
    old = {"name": "STANDARD", "age": 900, "idle": 900, "size": 10 * GB}
    world = expecting(
        features({**old, "key": "a"}, {**old, "key": "x/monthly_report_1"}, {**old, "key": "b"}),
        QUIET,
        QUIET,
        (0.01, 0.05, 0.2, 0.05),
    )
    columns = POLICY.decide(world)
    readable = [bool(world.table.readable[code]) for code in columns.targets]
    assert readable == [False, True, True]
    assert (columns.verdicts == Verdict.MOVE).all()


def test_small_objects_that_never_pay_stay_and_say_so(features: MakeFeatures) -> None:
    world = expecting(features({"size": 1000, "age": 900, "idle": 900}), QUIET)
    columns = POLICY.decide(world)
    assert columns.verdicts.tolist() == [Verdict.COSTS_MORE]
    assert "no other class pays" in POLICY.explain(world, columns, 0)


def test_caution_counts_on_more_reads(features: MakeFeatures) -> None:
    one = {"name": "STANDARD", "age": 400, "size": 10 * GB}
    world = expecting(features(one), (0.1, 0.3, 0.6, 0.25))
    assert POLICY.decide(world).verdicts.tolist() == [Verdict.MOVE]
    careful = policy_named("proactive", {"caution": 8.0}).decide(world)
    assert world.table.name(int(careful.targets[0])) != "GLACIER_IR"


def test_without_a_forecast_the_last_month_stands_for_it(features: MakeFeatures) -> None:
    world = features({"name": "GLACIER_IR", "age": 400, "m": 90}, {"age": 400, "idle": 400})
    columns = POLICY.decide(world)
    assert (columns.verdicts == Verdict.MOVE).all()
    assert columns.model_version == ""
    assert "last 30 days" in POLICY.assumption(world, columns, 0)


@pytest.mark.parametrize("wrong", [{"likely": 2.0}, {"caution": 0.5}, {"max_payback_months": 0.0}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        policy_named("proactive", wrong)


async def test_the_engine_gives_it_the_trained_forecast(tmp_path: Path) -> None:
    folder = tmp_path / "objects" / "box"
    folder.mkdir(parents=True)
    for name in ("k0", "k40"):
        (folder / name).write_bytes(b"x" * 3_000_000)
    disk = CloudSettings("disk", StoreKind.LOCAL, Provider.AWS, "box", root=folder.parent)
    settings = EngineSettings((disk,), tmp_path / "state", KafkaSettings(bootstrap="off"))
    world = mixed(days=100)
    shift = int(time.time() // 86_400) - world.end_day
    async with Engine(settings) as engine:
        await engine.import_access(
            (Address("disk", "box", f"k{one}"), int(day) + shift, int(reads), 0)
            for one, day, reads in zip(world.objects, world.days, world.reads, strict=True)
        )
        training = await engine.train()
        assert training.version
        await engine.age(Address("disk", "box", "k40"), 300)
        engine.scan("disk")
        await engine.scanned("disk")
        found = await engine.decide("proactive", ["disk"])
        assert [item.address.key for item in found] == ["k40"]  # the other is read every day
        assert found[0].model_version == training.version
        (kept,) = await engine.decisions(found[0].address)
        assert kept.model_version == training.version
