"""A child process that migrates until it is killed.

    run(state, clouds, moves, part, kill)   in a forked process: submit (or resume) and wait

`kill` names a place in the process itself: the number of a call that has an effect on a store
or on the ledger, and whether the process dies before or after it.
"""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from engine.migration.ledger import Ledger
from engine.settings import CloudSettings
from engine.stores import open_store
from tests.migration.world import World, at, small_parts

PATIENCE = 60.0
_EFFECTS = (
    "write",
    "copy",
    "copy_part",
    "begin_upload",
    "upload_part",
    "complete_upload",
    "abort_upload",
    "delete",
)
_forks: list[ForkServerContext] = []


@dataclass(frozen=True, slots=True)
class Kill:
    """Die at call number `number` (from 1), before or after its effect."""

    number: int
    after: bool


@dataclass(frozen=True, slots=True)
class Errand:
    """What the child does: submit those `moves` whose source is there, and resume the rest."""

    state: Path
    clouds: tuple[CloudSettings, ...]
    moves: tuple[tuple[str, str], ...] = ()
    part: int = 64 * 1024
    jobs: int = 3
    kill: Kill | None = None
    cancel: bool = False
    compress: str = ""


def start(errand: Errand) -> BaseProcess:
    """Begin the errand in a process of its own; `pid` is there to be killed."""
    if not _forks:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.migration.victim", "engine.stores.s3", "aiohttp"])
        _forks.append(context)
    process = _forks[0].Process(target=_main, args=(errand,), daemon=True)
    process.start()
    return process


def ended(process: BaseProcess) -> int:
    """Wait for it; 0 if it did its errand, -9 if it was killed."""
    process.join(PATIENCE)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise TimeoutError("the child neither ended nor died")
    code = process.exitcode
    process.close()
    return code


def _main(errand: Errand) -> None:
    asyncio.run(_run(errand))


async def _run(errand: Errand) -> None:
    stores = {item.name: small_parts(open_store(item), errand.part) for item in errand.clouds}
    made = World(errand.state, stores)
    if errand.kill is not None:
        _arm(errand.kill, [(store, _EFFECTS) for store in stores.values()])
    await made.open(jobs=errand.jobs)
    if errand.cancel:
        await made.runner.cancel()
    else:
        there = [(a, b) for a, b in errand.moves if at(a).key in await made.keys(a)]
        await made.runner.submit(
            "set", [await made.spec(a, b, compress=errand.compress) for a, b in there]
        )
        await made.runner.resume()
    await made.runner.wait()
    await made.close()
    for store in stores.values():
        await store.close()


def _arm(kill: Kill, places: Sequence[tuple[Any, Sequence[str]]]) -> None:
    count = [0]

    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any, **options: Any) -> Any:
            count[0] += 1
            mine = count[0] == kill.number
            if mine and not kill.after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = await original(*args, **options)
            if mine:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    for owner, names in places:
        for name in names:
            if hasattr(owner, name):  # not every store copies parts
                setattr(owner, name, wrap(getattr(owner, name)))
    save = wrap(Ledger.save)
    Ledger.save = save  # type: ignore[method-assign]
