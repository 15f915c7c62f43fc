"""What the door does with the lab: finds the history, and runs it in a thread that can be ended."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import UsageError
from engine.model import Address, LabRequest, LabResult, LabStep

if TYPE_CHECKING:
    from engine.frame import Frame
    from engine.lab.history import AccessHistory, Inventory
    from engine.parts import Parts

Tell = Callable[[str, float], None]
_EPOCH = 719_163  # 1970-01-01 as an ordinal
_DAY = 86_400


async def lab_files(request: LabRequest, prices: Path | None, tell: Tell) -> LabResult:
    """Replay a request's CSV files; needs no engine. `tell` is called on the loop.

    Raises UsageError and ConfigError.
    """

    # The imports take a while the first time: they are the thread's, too.
    def work(told: Tell, cancelled: Callable[[], bool]) -> LabResult:
        from engine.lab.run import run_files
        from engine.pricing.book import PriceBook

        book = PriceBook.load(Path(request.prices) if request.prices else prices)
        return run_files(request, book, told, cancelled)

    return await _in_thread(work, tell)


async def lab_cloud(parts: "Parts", request: LabRequest, tell: Tell) -> LabResult:
    """Replay the kept access history of a cloud over its listing, which must be complete.

    Raises UsageError where there is nothing to replay.
    """
    parts.clouds.ready(request.cloud)
    frame = parts.catalog[request.cloud].frame()
    rows = await parts.access.history()

    def work(told: Tell, cancelled: Callable[[], bool]) -> LabResult:
        from engine.lab.run import run
        from engine.pricing.book import PriceBook

        told("reading", 0.0)
        inventory, history = of_listing(frame, rows)
        book = PriceBook.load(Path(request.prices)) if request.prices else parts.book
        known = request
        if not request.provider:
            known = replace(request, provider=frame.provider.value, region=frame.region)
        return run(known, inventory, history, book, told, cancelled)

    return await _in_thread(work, tell)


def of_listing(
    frame: "Frame", rows: list[tuple[Address, int, int, int]]
) -> "tuple[Inventory, AccessHistory]":
    """A listing and (address, epoch day, reads, bytes) as the lab's own. Heavy: for a thread.

    An object that was read before it was last written is taken to be as old as that. Reads
    without known bytes are whole ones. Raises UsageError where nothing was read.
    """
    import numpy as np

    from engine.lab.history import AccessHistory, Inventory, check_cells

    index = {key: row for row, key in enumerate(frame.keys[: frame.count])}
    found = [
        (index[address.key], day, reads, nbytes)
        for address, day, reads, nbytes in rows
        if (address.cloud, address.bucket) == (frame.cloud, frame.bucket)
        and address.key in index
        and reads
    ]
    if not found:
        raise UsageError(
            "No accesses are known of what is listed there, so there is nothing to replay.",
            subject=f"{frame.cloud}:{frame.bucket}",
            todo="Import an access log, or name --inventory and --history.",
        )
    at, days, reads, nbytes = (np.array(column, np.int64) for column in zip(*found, strict=True))
    first, today = int(days.min()), max(int(days.max()), int(frame.now // _DAY) - 1)
    check_cells(frame.count, today - first + 1, f"{frame.cloud}:{frame.bucket}")
    sizes = frame.sizes.astype(np.float64)
    created = np.floor(frame.modified / _DAY).astype(np.int64)
    np.minimum.at(created, at, days)
    shape = (frame.count, today - first + 1)
    history = AccessHistory(first + _EPOCH, np.zeros(shape, np.float32), np.zeros(shape))
    np.add.at(history.reads, (at, days - first), reads.astype(np.float32))
    whole = np.where(nbytes > 0, nbytes, reads * sizes[at])
    np.add.at(history.bytes_read, (at, days - first), whole)
    names = tuple(frame.keys[: frame.count])
    return Inventory(names, sizes, np.ones(frame.count), created + _EPOCH), history


async def lab_steps(start: Callable[[Tell], Awaitable[LabResult]]) -> AsyncGenerator[LabStep, None]:
    """A run as a stream: the newest progress whenever it is asked for, the result at the end.

    Closing the stream ends the run.
    """
    news, newest = asyncio.Event(), LabStep("", 0.0)

    def tell(what: str, share: float) -> None:
        nonlocal newest
        newest = LabStep(what, share)
        news.set()

    task = asyncio.ensure_future(start(tell))
    task.add_done_callback(lambda _: news.set())
    try:
        while True:
            await news.wait()
            news.clear()
            if task.done():
                break
            yield newest
        yield LabStep("", 1.0, task.result())
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _in_thread(
    work: Callable[[Tell, Callable[[], bool]], LabResult], tell: Tell
) -> LabResult:
    """Run it beside the loop; a caller that is cancelled ends it at the next day."""
    loop = asyncio.get_running_loop()
    ended = threading.Event()

    def told(what: str, share: float) -> None:
        if not ended.is_set():
            loop.call_soon_threadsafe(tell, what, share)

    try:
        return await asyncio.to_thread(work, told, ended.is_set)
    finally:
        ended.set()
