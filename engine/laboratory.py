"""What the door does with the lab: finds the history, and runs it in a thread that can be ended."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.model import LabChoices, LabRequest, LabResult, LabStep
from engine.settings import EngineSettings

if TYPE_CHECKING:
    from engine.parts import Parts

Tell = Callable[[str, float], None]


async def lab_choices(request: LabRequest, settings: EngineSettings) -> LabChoices:
    """What a run of that request can be made of. Raises UsageError and ConfigError."""

    def work() -> LabChoices:
        from engine.lab.choices import choices
        from engine.pricing.book import PriceBook

        known, cloud = request, settings.cloud(request.cloud)
        if cloud is not None and not request.provider:
            known = replace(request, provider=cloud.provider.value, region=cloud.region)
        path = Path(request.prices) if request.prices else settings.prices_file
        return choices(known, PriceBook.load(path))

    return await asyncio.to_thread(work)


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
        from engine.lab.listing import of_listing
        from engine.lab.run import run
        from engine.pricing.book import PriceBook

        told("reading", 0.0)
        inventory, history, note = of_listing(frame, rows)
        book = PriceBook.load(Path(request.prices)) if request.prices else parts.book
        known = request
        if not request.provider:
            known = replace(request, provider=frame.provider.value, region=frame.region)
        result = run(known, inventory, history, book, told, cancelled)
        return replace(result, notes=(*result.notes, note)) if note else result

    return await _in_thread(work, tell)


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
