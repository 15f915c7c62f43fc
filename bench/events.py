"""Access events absorbed, beside a bare `aiokafka getmany + json.loads` loop in the same run.

    python -m bench.events [--events 100000] [--rate 10000 50000] [--seconds 5]

1. A backlog: how long each takes to take it in, and its CPU seconds.
2. A stream at each rate: CPU of the process, and how late the event loop's timers were.

Both read from the same embedded broker; a third process produces. Figures are of this machine;
the ratios are what to compare. The bus does more than its peer: it checks every field, counts
into hours and days, keeps the feed, and writes counts and offsets to SQLite.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

from engine import access, database
from engine.events import bus
from engine.events.embedded import EmbeddedBroker
from engine.settings import KafkaSettings

OBJECTS = 5000
TOPIC = "access_events"

PRODUCER = """
import sys, time
from confluent_kafka import Producer
bootstrap, total, rate = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
values = [line.rstrip(b"\\n") for line in sys.stdin.buffer]
producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "log_level": 0,
                     "queue.buffering.max.messages": 1000000})
start = time.perf_counter()
for number in range(total):
    producer.produce("access_events", values[number % len(values)], partition=number % 4)
    if number % 200 == 199:
        producer.poll(0)
        ahead = (number + 1) / rate - (time.perf_counter() - start) if rate else 0
        if ahead > 0:
            time.sleep(ahead)
producer.flush()
"""


@dataclass
class Result:
    """Of one contender, from its first event to its last; lags in milliseconds."""

    events: int
    seconds: float
    cpu: float
    worst: float
    p99: float


async def produce(bootstrap: str, total: int, rate: float) -> asyncio.subprocess.Process:
    """Start producing `total` events at `rate` a second (0: as fast as it goes)."""
    random.seed(1)
    values = b"".join(
        json.dumps(
            {
                "address": f"aws:prod-data/reports/2024/object-{random.randrange(OBJECTS)}.parquet",
                "operation": "GET",
                "time": time.time() - 60,
                "bytes": random.randrange(1_000_000),
            }
        ).encode()
        + b"\n"
        for _ in range(20_000)
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PRODUCER, bootstrap, str(total), str(rate),
        stdin=subprocess.PIPE,
    )  # fmt: skip
    assert child.stdin is not None
    child.stdin.write(values)
    await child.stdin.drain()
    child.stdin.close()
    return child


async def measured(seen: Callable[[], int], total: int) -> Result:
    """From the first event until all are there, or none came for three seconds (the broker
    keeps 5 MiB of a partition: who is too slow loses some)."""
    while not seen():
        await asyncio.sleep(0.001)
    lags: list[float] = []
    first, latest = seen(), seen()
    started = moved = time.perf_counter()
    cpu, used = time.process_time(), 0.0
    while latest < total and time.perf_counter() - moved < 3:
        before = time.perf_counter()
        await asyncio.sleep(0.005)
        lags.append(time.perf_counter() - before - 0.005)
        if seen() > latest:
            latest, moved, used = seen(), time.perf_counter(), time.process_time() - cpu
    lags.sort()
    return Result(
        latest - first,
        moved - started,
        used,
        lags[-1] * 1000,
        lags[int(len(lags) * 0.99)] * 1000,
    )


async def peer(bootstrap: str, total: int) -> Result:
    """The bare loop: fetch, parse, count messages."""
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    seen = 0

    async def run() -> None:
        nonlocal seen
        while True:
            for records in (await consumer.getmany(timeout_ms=500, max_records=4096)).values():
                for record in records:
                    json.loads(record.value)
                seen += len(records)
            await asyncio.sleep(0)

    task = asyncio.create_task(run())
    try:
        return await measured(lambda: seen, total)
    finally:
        task.cancel()
        await asyncio.wait([task])
        await consumer.stop()


async def astra(bootstrap: str, total: int) -> Result:
    """The event bus as the console runs it."""
    with tempfile.TemporaryDirectory() as folder:
        state = database.Database(Path(folder) / "astra.db", (access.SCHEMA, bus.SCHEMA))
        await state.open()
        statistics = access.AccessStatistics(state)
        await statistics.load()
        events = bus.EventBus(KafkaSettings(bootstrap=bootstrap, group=""), state, statistics)

        async def look() -> None:
            while True:
                await asyncio.sleep(0.25)
                events.status()
                events.feed.window(40)

        await events.start()
        task = asyncio.create_task(look())
        try:
            return await measured(lambda: events.status().events_total, total)
        finally:
            task.cancel()
            await asyncio.wait([task])
            await events.stop()
            await state.close()


CONTENDERS = {"getmany + json.loads": peer, "astra event bus": astra}


def show(name: str, result: Result, base: Result | None) -> None:
    """One line; the ratio is of CPU for an event."""
    each = 1e6 * result.cpu / result.events
    ratio = each / (1e6 * base.cpu / base.events) if base else 1.0
    print(
        f"  {name:22} {result.events:>8,} events, {result.events / result.seconds:>9,.0f}/s  "
        f"CPU {each:5.1f} µs each ({100 * result.cpu / result.seconds:3.0f} %)  {ratio:5.2f}×  "
        f"loop late p99 {result.p99:5.1f} ms, worst {result.worst:5.1f} ms"
    )


async def one(name: str, bootstrap: str, total: int) -> None:
    """Measure one contender in this process and print the result for the parent."""
    result = await CONTENDERS[name](bootstrap, total)
    print(json.dumps(astuple(result)))


async def contender(name: str, bootstrap: str, total: int) -> "asyncio.Task[Result]":
    """Start a contender in a process of its own."""

    async def run() -> Result:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.events", "--one", name, bootstrap, str(total),
            stdout=subprocess.PIPE,
        )  # fmt: skip
        output, _ = await child.communicate()
        return Result(*json.loads(output))

    return asyncio.create_task(run())


async def main(options: argparse.Namespace) -> None:
    print(f"backlog of {options.events:,} events")
    base = None
    for name in CONTENDERS:
        with EmbeddedBroker() as broker:
            await (await produce(broker.bootstrap, options.events, 0)).wait()
            result = await (await contender(name, broker.bootstrap, options.events))
        show(name, result, base)
        base = base or result
    for rate in options.rate:
        total = rate * options.seconds
        print(f"stream of {rate:,} events/s for {options.seconds} s")
        base = None
        for name in CONTENDERS:
            with EmbeddedBroker() as broker:
                task = await contender(name, broker.bootstrap, total)
                await asyncio.sleep(2)  # imports and connections are not what is measured
                producer = await produce(broker.bootstrap, total, rate)
                result = await task
                await producer.wait()
            show(name, result, base)
            base = base or result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--rate", type=int, nargs="*", default=[10_000, 50_000])
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        asyncio.run(one(given.one[0], given.one[1], int(given.one[2])))
    else:
        asyncio.run(main(given))
