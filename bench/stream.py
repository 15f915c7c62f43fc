"""A stream of events through broker, engine, socket and a console's feed, for as long as wanted.

    python -m bench.stream [--rate 50000] [--seconds 600]

A producer in a process of its own sends numbered reads of 5,000 objects, a few of them broken, to
the embedded broker of an engine in this process. The engine counts them; a console's end, attached
over the Unix socket, follows the feed four times a second as the screen does, and holds it for
ten seconds in each minute. The producer packs its messages, for this broker keeps only 5 MiB of a
partition. At the end every read must have been counted, object by object, and
every broken one rejected; memory is told each minute.
"""

import argparse
import asyncio
import collections
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from engine.engine import Engine
from engine.model import Address, KafkaState, Provider, StoreKind
from engine.service.remote import RemoteEngine
from engine.service.server import Server
from engine.settings import CloudSettings, EngineSettings, KafkaSettings

OBJECTS = 5000
BROKEN_EVERY = 1000
ROOM = 40  # rows of the feed's pane
TICK = 0.25
HELD, HELD_FROM = 10, 40  # seconds of each minute

PRODUCER = """
import json, sys, time
from confluent_kafka import Producer
bootstrap, total, rate, objects, broken = sys.argv[1], *map(int, sys.argv[2:6])
producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "log_level": 0,
                     "compression.type": "gzip", "batch.num.messages": 1000,
                     "queue.buffering.max.messages": 200000})
value = [json.dumps({"address": f"here:data/reports/2026/object-{n}.parquet", "operation": "GET",
                     "bytes": 1000 + n}).encode() for n in range(objects)]
start = time.perf_counter()
late = 0.0
for number in range(total):
    payload = b"{broken" if number % broken == broken - 1 else value[number % objects]
    while True:
        try:
            producer.produce("access_events", payload, partition=number % 4)
            break
        except BufferError:
            producer.poll(0.05)
    if number % 250 == 249:
        producer.poll(0)
        ahead = (number + 1) / rate - (time.perf_counter() - start)
        late = max(late, -ahead)
        if ahead > 0.002:
            time.sleep(ahead)
producer.flush()
sys.stderr.write(json.dumps({"seconds": time.perf_counter() - start, "late": late}))
"""


@dataclass
class Looked:
    """What the console's end saw."""

    windows: int = 0
    drawn: int = 0  # rows that showed at some time
    undrawn: int = 0
    wrong: int = 0  # rows that were not in their place
    most_pending: int = 0
    slowest: float = 0.0  # seconds between two looks, beyond the pace


def memory(pid: str = "self") -> float:
    """Resident MiB of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def child_memory() -> float:
    """Resident MiB of the larger of the broker's and the producer's process."""
    own = os.getpid()
    found = 0.0
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            if f"PPid:\t{own}\n" in status.read_text():
                found = max(found, memory(status.parent.name))
    return found


async def follow(door: RemoteEngine, looked: Looked, began: float) -> None:
    """What a console's feed does: look at the newest rows, hold from time to time."""
    feed, newest = door.feed, -1
    while True:
        before = time.monotonic()
        await asyncio.sleep(TICK)
        looked.slowest = max(looked.slowest, time.monotonic() - before - TICK)
        if (before - began) % 60 // 1 in range(HELD_FROM, HELD_FROM + HELD) and newest > 0:
            looked.most_pending = max(looked.most_pending, feed.newer("", newest))
            continue
        last = feed.last
        rows = [row for row in feed.window(ROOM, end=last) if row.topic]
        if newest >= 0:
            new = last - newest
            looked.drawn += min(new, ROOM)
            looked.undrawn += max(new - ROOM, 0)
        numbers = [row.number for row in rows]
        looked.wrong += numbers != list(range(last - len(rows) + 1, last + 1))
        looked.windows += 1
        newest = last


async def run(rate: int, total: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "here" / "data").mkdir(parents=True)
        here = CloudSettings(
            "here", StoreKind.LOCAL, Provider.ONPREM, bucket="data", root=root / "here"
        )
        settings = EngineSettings(
            (here,), root / "state", KafkaSettings(bootstrap="embedded", group="")
        )
        async with Engine(settings) as engine:
            server = Server(engine)
            path = root / "engine.sock"
            async with server.listening(path), RemoteEngine(settings, path) as door:
                return await stream(engine, door, rate, total)


async def stream(engine: Engine, door: RemoteEngine, rate: int, total: int) -> int:
    """Send, follow, count; returns the exit code."""
    while engine.snapshot().kafka.state is not KafkaState.CONNECTED:
        await asyncio.sleep(0.05)
    bootstrap = engine.snapshot().kafka.bootstrap
    looked, began = Looked(), time.monotonic()
    lags: list[float] = []
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PRODUCER, bootstrap,
        *map(str, (total, rate, OBJECTS, BROKEN_EVERY)), stderr=subprocess.PIPE,
    )  # fmt: skip
    tasks = [
        asyncio.create_task(follow(door, looked, began)),
        asyncio.create_task(lateness(lags)),
    ]
    cpu = time.process_time()
    print(f"{total:,} events at {rate:,}/s, 1 in {BROKEN_EVERY:,} of them broken")
    try:
        seen = await until_all(engine, total, began)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    seconds, used = time.monotonic() - began, time.process_time() - cpu
    _, words = await child.communicate()
    sent = json.loads(words)
    kafka = engine.snapshot().kafka
    lags.sort()
    print(f"  producer: {sent['seconds']:.1f} s, at most {sent['late']:.2f} s behind its pace")
    print(
        f"  engine: {seen:,} of {total:,} in {seconds:.1f} s ({seen / seconds:,.0f}/s), "
        f"CPU {100 * used / seconds:.0f} %, "
        f"loop late p99 {1000 * lags[int(len(lags) * 0.99)]:.1f} ms, worst {1000 * lags[-1]:.0f} ms"
    )
    print(
        f"  feed: looked {looked.windows:,} times, drew {looked.drawn:,}, says it did not draw "
        f"{looked.undrawn:,}; {looked.wrong} windows out of order; held with up to "
        f"{looked.most_pending:,} pending; slowest look {1000 * looked.slowest:.0f} ms late"
    )
    wrong = await miscounted(engine, total)
    broken = total // BROKEN_EVERY
    statistics = await engine.event_statistics()
    print(
        f"  counted: {kafka.events_total:,} events, {kafka.rejected_total:,} rejected "
        f"(sent {total - broken:,} and {broken:,}); objects with a wrong count: {wrong}; "
        f"reasons {dict(statistics.reasons)}"
    )
    whole = (kafka.events_total, kafka.rejected_total) == (total - broken, broken)
    good = whole and not wrong and not looked.wrong
    print("  nothing was dropped" if good else "  NOT WHOLE")
    return 0 if good else 1


async def until_all(engine: Engine, total: int, began: float) -> int:
    """Wait until all came, or none for ten seconds; memory is told each minute."""
    seen, moved, told = 0, time.monotonic(), 0
    while seen < total and time.monotonic() - moved < 10:
        await asyncio.sleep(0.5)
        kafka = engine.snapshot().kafka
        if (now := kafka.events_total + kafka.rejected_total) > seen:
            seen, moved = now, time.monotonic()
        minute = int((time.monotonic() - began) // 60)
        if minute > told:
            told = minute
            tell(minute, seen, kafka.lag)
    tell(told + 1, seen, 0)
    return seen


def tell(minute: int, seen: int, lag: int) -> None:
    print(
        f"  minute {minute:>2}: {seen:>12,} events, lag {lag:>6,}, RSS {memory():.0f} MiB, "
        f"broker and producer at most {child_memory():.0f} MiB",
        flush=True,
    )


async def lateness(lags: list[float]) -> None:
    """How late timers of the loop are."""
    recent: collections.deque[float] = collections.deque(maxlen=200_000)
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.01)
            recent.append(time.perf_counter() - before - 0.01)
    lags.extend(recent)


async def miscounted(engine: Engine, total: int) -> int:
    """Objects whose reads of today and yesterday are not what was sent."""
    sent = [0] * OBJECTS
    for number in range(OBJECTS):
        sent[number] = (total - number + OBJECTS - 1) // OBJECTS
    for number in range(BROKEN_EVERY - 1, total, BROKEN_EVERY):
        sent[number % OBJECTS] -= 1
    access = engine._parts.access
    return sum(
        sum(access.daily(Address("here", "data", f"reports/2026/object-{n}.parquet"), 2)) != sent[n]
        for n in range(OBJECTS)
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--seconds", type=int, default=600)
    given = parser.parse_args()
    sys.exit(asyncio.run(run(given.rate, given.rate * given.seconds)))
