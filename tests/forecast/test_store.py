"""The model on disk, the state's own history, and `astra train` and `predict` for real."""

import datetime as dt
import json
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from engine import access
from engine.access import AccessStatistics
from engine.database import Database
from engine.engine import Engine
from engine.errors import StateError, UsageError
from engine.forecast.live import ask, history_of, own_history, train
from engine.forecast.store import NAME, Stored, load, save
from engine.imports.records import BadRecord, ImportSummary
from engine.learning import Prediction
from engine.model import Address, Provider, StoreKind
from engine.service.methods import method
from engine.settings import CloudSettings, EngineSettings, KafkaSettings
from tests.cli.conftest import Astra
from tests.cli.conftest import astra as astra
from tests.forecast.worlds import EPOCH, FIRST, mixed


@pytest.fixture(scope="module")
def stored() -> Stored:
    _, found = train(mixed(days=120))
    assert found is not None
    return found


def test_a_model_comes_back_as_it_was(stored: Stored, tmp_path: Path) -> None:
    path = tmp_path / NAME
    assert load(path) == (None, "")
    save(path, stored)
    found, problem = load(path)
    assert problem == ""
    assert found is not None
    assert found.model.version == stored.model.version
    assert found.model.version.startswith("glm1-2025-04-30-")
    assert [row.method for row in found.skill] == [row.method for row in stored.skill]
    world = mixed(days=120)
    before, after = (ask(item.model, world, world.end_day) for item in (stored, found))
    assert np.array_equal(before.chances, after.chances)
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_model_is_not_used(stored: Stored, tmp_path: Path) -> None:
    path = tmp_path / NAME
    save(path, stored)
    whole = path.read_text()
    data = json.loads(whole)
    data["model"]["horizons"]["7"]["smear"] += 0.5
    for text in (whole[:-100], "", "[]", json.dumps(data), whole.replace("weights", "heights")):
        path.write_text(text)
        found, problem = load(path)
        assert found is None
        assert "damaged" in problem
    path.write_text(whole.replace('"format": 1', '"format": 2'))
    assert load(path)[0] is None
    assert "another version" in load(path)[1]
    with pytest.raises(StateError):
        save(tmp_path / "gone" / NAME, stored)


async def test_the_states_own_history_is_what_was_counted(tmp_path: Path) -> None:
    world = mixed(days=60, each=3)
    database = Database(tmp_path / "astra.db", [access.SCHEMA])
    await database.open()
    try:
        statistics = AccessStatistics(database)
        await statistics.load()
        await statistics.import_daily(
            (Address("aws", "b", f"k{one}"), int(day), int(reads), 0)
            for one, day, reads in zip(world.objects, world.days, world.reads, strict=True)
        )
        own = await own_history(database, today=FIRST + 400)
        assert (own.first_day, own.end_day) == (world.first_day, int(world.days[-1]) + 1)
        assert own.reads.sum() == world.reads.sum()
        keys = ["k2", "unknown", "k0"]
        rows = statistics.database_rows("aws", "b", keys)
        assert rows[1] == 0
        whole = world.total(FIRST, FIRST + 60)
        more = np.concatenate([rows, np.zeros(900, np.int64)])
        for few in (rows, more):  # asked for by name, and picked out of all
            some = await history_of(database, few, np.full(len(few), FIRST), today=FIRST + 59)
            total = some.total(FIRST, FIRST + 60)
            assert total[:3].tolist() == [whole[2], 0.0, whole[0]]
            assert total[3:].sum() == 0
    finally:
        await database.close()


def settings(tmp_path: Path) -> EngineSettings:
    (tmp_path / "objects" / "box").mkdir(parents=True, exist_ok=True)
    disk = CloudSettings("disk", StoreKind.LOCAL, Provider.AWS, "box", root=tmp_path / "objects")
    return EngineSettings((disk,), tmp_path / "state", KafkaSettings(bootstrap="off"))


async def test_the_engine_trains_on_its_history_and_predicts(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    world = mixed(days=100)
    shift = int(time.time() // 86_400) - world.end_day
    where = Address("disk", "box", "k0")
    async with Engine(chosen) as engine:
        (tmp_path / "objects" / "box" / "k0").write_bytes(b"x")
        (fallen,) = await engine.predict([where])
        assert fallen.version == "tsb"
        assert "no model" in fallen.problem
        await engine.import_access(
            (Address("disk", "box", f"k{one}"), int(day) + shift, int(reads), 0)
            for one, day, reads in zip(world.objects, world.days, world.reads, strict=True)
        )
        training = await engine.train()
        assert training.version
        (found,) = await engine.predict([where])
        assert found.version == training.version
        assert found.problem == ""
        assert dict(found.chances)[7] > 0.9
        assert found.idle_days <= 3
        assert found.reads_30d > 30
        (chosen.state_dir / NAME).write_text("{")
        (fallen,) = await engine.predict([where])
        assert fallen.version == "tsb"
        assert "damaged" in fallen.problem
        with pytest.raises(UsageError, match="inventory"):
            await engine.train(inventory=tmp_path / "objects.csv")


def test_train_and_predict_for_real(astra: Astra) -> None:
    astra.config()
    astra.file("k0")
    world = mixed(days=100)
    lines = ["object,date,reads,bytes_read"]
    lines += [
        f"k{one},{dt.date.fromordinal(int(day) + EPOCH)},{int(reads)},0"
        for one, day, reads in zip(world.objects, world.days, world.reads, strict=True)
    ]
    (astra.folder / "daily.csv").write_text("\n".join(lines) + "\n")
    (astra.folder / "objects.csv").write_text(
        "object,size_bytes,count,created\n"
        + "".join(f"k{n},1000,1,2025-01-01\n" for n in range(len(world)))
    )
    short = astra("train")
    assert "Nothing was fitted" in short.out
    told = astra("train", "--history", "daily.csv", "--inventory", "objects.csv", "--json")
    *skill, model = told.lines
    assert {line["skill"]["method"] for line in skill} == {"model", "naive", "ewma", "tsb"}
    version = model["model"]["version"]
    assert version.startswith("glm1-2025-04-10-")
    (found,) = astra("predict-access", "disk:box/k0", "--json").lines
    assert found["model"] == version
    assert set(found["next_read_within"]) == {"1", "7", "30", "90"}
    assert "reads expected" in astra("predict", "disk:box/k0").out
    assert "no such object" in astra("predict", "disk:box/none", code=1).err
    (astra.folder / "daily.csv").write_text("object,date,reads\nk0,soon,1\n")
    assert "Line 2" in astra("train-model", "--history", "daily.csv", code=2).err


def test_what_training_and_predicting_tell_can_be_sent_to_another_process() -> None:
    training, _ = train(mixed(days=120))
    prediction = Prediction(Address("a", "b", "k"), "tsb", ((7, 1.0),), (), ((1, 0.5),), 1, 2, 3)
    bad = BadRecord("f", 1, "why")
    summary = ImportSummary(files=1, worst=(bad,), failed=(("x", "y"),))
    for name, value in (
        ("train", training),
        ("predict", [prediction]),
        ("import_logs", summary),
        ("decide_clouds", []),
    ):
        found = msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=method(name).result)
        assert repr(found) == repr(value)  # NaN is not equal to itself
