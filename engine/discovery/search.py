"""The whole search: files and folders in a thread, ports beside it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.discovery.candidate import Candidate, distinct
from engine.discovery.files import Reader
from engine.discovery.others import from_azure, from_folders, from_google
from engine.discovery.ports import KAFKA_PORT, PORTS, from_ports, kafka_answers
from engine.discovery.s3 import from_aws, from_tools

_VARIABLES = ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_BOOTSTRAP", "KAFKA_BROKERS")


@dataclass(frozen=True, slots=True)
class Found:
    """What was found so far. `kafka` is `host:port` of a broker that seems to be there, or ""."""

    candidates: tuple[Candidate, ...] = ()
    troubles: tuple[str, ...] = ()
    kafka: str = ""
    done: bool = False


async def search(
    environ: Mapping[str, str], home: Path, here: Path, *, ports: Sequence[int] = PORTS
) -> AsyncGenerator[Found, None]:
    """What is found, first of files, then with the ports; the last one is `done`."""
    asked = asyncio.create_task(from_ports(environ, ports))
    broker = asyncio.create_task(kafka_answers()) if ports else None
    try:
        reader = Reader(environ, home)
        by_files = await asyncio.to_thread(_look, reader, here)
        clouds = [item for item in by_files if item.kind != "local"]
        folders = [item for item in by_files if item.kind == "local"]
        kafka = next((environ[name] for name in _VARIABLES if environ.get(name)), "")
        troubles = tuple(reader.troubles)
        yield Found(tuple(distinct([*clouds, *folders])), troubles, kafka)
        served = await asked
        if not kafka and broker is not None and await broker:
            kafka = f"127.0.0.1:{KAFKA_PORT}"
        yield Found(tuple(distinct([*clouds, *served, *folders])), troubles, kafka, done=True)
    finally:
        for task in (asked, broker):
            if task is not None:
                task.cancel()


def _look(reader: Reader, here: Path) -> list[Candidate]:
    return [
        *from_aws(reader),
        *from_google(reader),
        *from_azure(reader),
        *from_tools(reader),
        *from_folders(reader, here),
    ]
