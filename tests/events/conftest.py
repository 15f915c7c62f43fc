"""A state database, statistics in it, and brokers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from engine import access, database
from engine.events import bus
from tests.kafka_servers import Tansu, tansu_broker

SCHEMAS = (access.SCHEMA, bus.SCHEMA)


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[database.Database]:
    opened = database.Database(tmp_path / "astra.db", SCHEMAS)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def statistics(state: database.Database) -> access.AccessStatistics:
    loaded = access.AccessStatistics(state)
    await loaded.load()
    return loaded


@pytest.fixture
def tansu() -> Iterator[Tansu]:
    with tansu_broker() as broker:
        yield broker


@pytest.fixture(autouse=True)
async def tidy(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    """No test may leave a task behind, or an exception that nobody looked at."""
    before = asyncio.all_tasks()
    caplog.set_level(logging.INFO)
    yield
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left, left
    lost = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.name == "asyncio" and record.levelno >= logging.ERROR
    ]
    assert not lost, lost


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until the condition holds; fail after so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail("it did not happen in time")
