"""The embedded broker: real protocol, a child of its own, nothing left behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from engine.errors import BrokerUnavailable
from engine.events import embedded
from engine.events.embedded import EmbeddedBroker
from tests.events.conftest import until


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


async def test_it_speaks_kafka() -> None:
    with EmbeddedBroker() as broker:
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
        await producer.start()
        try:
            await producer.send_and_wait("topic", b"hello", key=b"k")
        finally:
            await producer.stop()
        consumer = AIOKafkaConsumer(
            "topic", bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            record = await consumer.getone()
        finally:
            await consumer.stop()
        assert (record.key, record.value) == (b"k", b"hello")


def test_starting_twice_is_starting_once_and_stopping_twice_is_fine() -> None:
    broker = EmbeddedBroker()
    first = broker.start()
    assert broker.running
    assert broker.start() == first == broker.bootstrap
    broker.stop()
    broker.stop()
    assert not broker.running
    assert broker.bootstrap == ""
    assert broker.start() != ""
    broker.stop()


def test_it_starts_again_after_a_crash() -> None:
    with EmbeddedBroker() as broker:
        child = broker._child
        assert child is not None
        child.kill()
        child.wait()
        assert not broker.running
        assert broker.start()
        assert broker.running


def test_why_it_did_not_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text("raise SystemExit('librdkafka is not here')")
    monkeypatch.setattr(embedded, "_SCRIPT", script)
    broker = EmbeddedBroker()
    with pytest.raises(BrokerUnavailable, match="librdkafka is not here"):
        broker.start()
    assert not broker.running


async def test_it_ends_with_its_parent_even_by_kill_9() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from engine.events.embedded import EmbeddedBroker\n"
            "broker = EmbeddedBroker()\n"
            "broker.start()\n"
            "print(broker._child.pid, flush=True)\n"
            "input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    with parent.stdin, parent.stdout:
        child = int(parent.stdout.readline())
        assert exists(child)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        await until(lambda: not exists(child))
