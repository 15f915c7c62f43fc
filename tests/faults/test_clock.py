"""The clock of the wall jumps by days while Astra works. Nothing waits for ever, nothing is
deleted early."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from engine.migration.limits import Backoff
from engine.model import JobState
from tests.fake_s3 import Fault, Seen
from tests.faults.play import Arena
from tests.faults.scenes import SCENES
from tests.faults.sides import Ask
from tests.faults.troubles import Place, Trouble
from tests.migration.world import fake_stores, pattern, two_clouds, world

DAYS = 3 * 86_400.0


class Clock:
    """What `time` is for the engine: the real one, but for a wall clock that may jump."""

    def __init__(self) -> None:
        self.offset = 0.0

    def jump(self, seconds: float) -> None:
        self.offset += seconds


@contextmanager
def jumping_clock() -> Iterator[Clock]:
    """Only modules of the engine see it; servers and tests keep the right time."""
    clock = Clock()
    names = {name: getattr(time, name) for name in dir(time) if not name.startswith("__")}
    fake = SimpleNamespace(**{**names, "time": lambda: time.time() + clock.offset})
    engines = [module for name, module in sys.modules.items() if name.startswith("engine.")]
    mine = [module for module in engines if getattr(module, "time", None) is time]
    assert mine
    for module in mine:
        module.time = fake  # type: ignore[attr-defined]
    try:
        yield clock
    finally:
        for module in mine:
            assert isinstance(module, ModuleType)
            module.time = time  # type: ignore[attr-defined]


@pytest.mark.parametrize("days", [DAYS, -DAYS], ids=["forward", "back"])
async def test_a_job_that_waits_for_its_next_try_goes_on(tmp_path: Path, days: float) -> None:
    with two_clouds() as fakes, jumping_clock() as clock:
        fakes[0].state.put("b", "k", pattern(1000))
        async with world(tmp_path, fake_stores(*fakes), backoff=Backoff(0.2, 0.4)) as there:
            refused = 0

            def hook(seen: Seen) -> Fault | None:
                nonlocal refused
                if seen.key == "k" and seen.method == "PUT" and refused < 2:
                    refused += 1
                    return Fault(status=503, code="SlowDown")
                return None

            fakes[1].on_request = hook
            job_id = await there.submit("src:b/k", "dst:b/k")
            await there.until(lambda: any(view.retry_at for view in there.changes), "a wait")
            clock.jump(days)
            assert (await there.done(job_id)).state is JobState.COMPLETED


@pytest.mark.parametrize("name", ["attested", "parts", "to-disk-parts"])
@pytest.mark.parametrize("days", [DAYS, -DAYS], ids=["forward", "back"])
async def test_the_clock_jumps_at_every_request(stage: Arena, name: str, days: float) -> None:
    struck = 0
    with jumping_clock() as clock:

        def jump(place: Place, ask: Ask) -> Fault:
            return Fault(before=lambda: clock.jump(days))

        trouble = Trouble("clock", "clock", lambda ask: True, jump)
        while (await stage.play(SCENES[name], (trouble, struck + 1))).fired:
            struck += 1
            clock.offset = 0.0
    assert struck >= 3
