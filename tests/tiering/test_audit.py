"""Every decision is stored with all that it rests on, and told to the topic `recommendations`."""

import asyncio
import json
import sqlite3
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from engine import decisions as module
from engine.database import Database
from engine.decisions import DecisionLog
from engine.engine import Engine
from engine.events.embedded import EmbeddedBroker
from engine.model import Address, Decision, Provider, StoreKind, Tier
from engine.settings import CloudSettings, EngineSettings, KafkaSettings

NOW = 1.8e9


def decision(key: str, cloud: str = "aws", **changes: object) -> Decision:
    given: dict[str, object] = {
        "address": Address(cloud, "box", key),
        "from_class": "STANDARD",
        "to_class": "STANDARD_IA",
        "from_tier": Tier.HOT,
        "to_tier": Tier.WARM,
        "reason": "because",
        "saving_per_month": 1.5,
        "policy": "proactive",
        "policy_version": "1",
        "assumption": "reads stay",
        "confidence": 0.75,
        "decided_at": NOW,
        "model_version": "glm-1",
    } | changes
    return Decision(**given)  # type: ignore[arg-type]


async def test_a_decision_is_kept_whole_and_found_by_object_prefix_and_cloud(
    tmp_path: Path,
) -> None:
    database = Database(tmp_path / "astra.db", [module.SCHEMA])
    await database.open()
    log = DecisionLog(database)
    first = [decision("a/1"), decision("a/2", policy="rules"), decision("a%/3")]
    await log.replace("aws", first)
    await log.replace("gcp", [decision("a/1", "gcp")])
    assert await log.audit(Address("aws", "box", "a/1")) == [first[0]]
    assert await log.audit(Address("aws", "box", "a/")) == [first[1], first[0]]
    assert len(await log.audit(Address("aws", ""))) == 3
    assert len(await log.audit()) == 4
    assert await log.audit(policy="rules") == [first[1]]
    assert [item.address.cloud for item in await log.audit(limit=1)] == ["gcp"]
    # The same decision of another model is another decision; of the same one it is said once.
    await log.replace("aws", [decision("a/1", decided_at=NOW + 1)])
    assert len(await log.audit(Address("aws", "box", "a/1"))) == 1
    await log.replace("aws", [decision("a/1", model_version="glm-2")])
    found = await log.audit(Address("aws", "box", "a/1"))
    assert [item.model_version for item in found] == ["glm-2", "glm-1"]
    await database.close()


async def test_decisions_of_earlier_versions_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "astra.db"
    database = Database(path, [module.SCHEMA])
    await database.open()
    await DecisionLog(database).replace("aws", [decision("k")])
    await database.close()
    with sqlite3.connect(path) as connection:
        body = json.loads(connection.execute("SELECT body FROM decisions").fetchone()[0])
        del body["model_version"], body["to_cloud"]
        connection.execute("UPDATE decisions SET body = ?", (json.dumps(body),))
    connection.close()
    database = Database(path, [module.SCHEMA])
    await database.open()
    log = DecisionLog(database)
    assert (await log.audit())[0].model_version == ""
    await log.replace("aws", [decision("k", model_version="")])
    assert len(await log.audit()) == 1
    await database.close()


async def test_deciding_sends_recommendations(tmp_path: Path) -> None:
    (tmp_path / "objects" / "box").mkdir(parents=True)
    (tmp_path / "objects" / "box" / "backup_old.zip").write_bytes(b"x" * 300_000)
    with EmbeddedBroker() as broker:
        settings = EngineSettings(
            clouds=(
                CloudSettings(
                    "disk", StoreKind.LOCAL, Provider.AWS, "box", root=tmp_path / "objects"
                ),
            ),
            state_dir=tmp_path / "state",
            kafka=KafkaSettings(bootstrap=broker.bootstrap),
        )
        where = Address("disk", "box", "backup_old.zip")
        async with Engine(settings) as engine:
            engine.scan("disk")
            await engine.scanned("disk")
            await engine.age(where, 400)
            (decided,) = await engine.decide("rules", ["disk"])
            message = await first_message(broker.bootstrap, "recommendations")
            assert await engine.decisions(where) == [decided]
    assert message["address"] == "disk:box/backup_old.zip"
    assert message["to_class"] == decided.to_class
    assert message["policy"] == "rules"
    assert message["reason"] == decided.reason
    assert message["assumption"] == decided.assumption


async def first_message(bootstrap: str, topic: str) -> dict[str, object]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        async with asyncio.timeout(30):
            record = await consumer.getone()
    finally:
        await consumer.stop()
    found: dict[str, object] = json.loads(record.value)
    return found
