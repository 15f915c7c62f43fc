"""Draw docs/screenshot.svg, docs/plan.svg and docs/lab.svg: the console on the demo world while a
migration runs, a plan, and the lab. With words of `console`, `plan`, `lab` only those.

Nothing in the pictures is made up: it is what `astra demo` shows after a few keys.
"""

import asyncio
import re
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from astra_tui.app import AstraApp
from astra_tui.config import ConsoleSettings
from astra_tui.demo import DemoWorld
from astra_tui.demo_life import DemoEngine, DemoLife
from astra_tui.screens.plan import PlanScreen
from engine.model import Address, JobState, KafkaState, ListingState, Tier

TARGET = Path(__file__).resolve().parent.parent / "docs" / "screenshot.svg"
LAB = TARGET.with_name("lab.svg")
PLAN = TARGET.with_name("plan.svg")
SIZE, LAB_SIZE, PLAN_SIZE = (132, 38), (120, 36), (120, 34)
MOVED = ("archived_logs_2022.log", "backup_database_Q2.zip", "ml/checkpoint_0100.bin")
SLOW = 1_500_000  # bytes a second, so that the picture catches a job at work


async def main() -> int:
    wanted = sys.argv[1:] or ["console", "plan", "lab"]
    if "console" in wanted:
        await draw(TARGET, SIZE, pose)
    if "plan" in wanted:
        await draw(PLAN, PLAN_SIZE, pose_plan)
    if "lab" in wanted:
        await draw(LAB, LAB_SIZE, pose_lab)
    return 0


async def draw(
    target: Path,
    size: tuple[int, int],
    posing: Callable[[AstraApp, DemoEngine], Awaitable[str]],
) -> None:
    """Let a demo of its own pose, and write its picture."""
    async with DemoWorld() as world:
        engine = DemoEngine(world.settings)
        app = AstraApp(engine, ConsoleSettings(mouse=False), demo=True)
        async with DemoLife(world, engine, rate=12.0):
            showing = asyncio.create_task(app.run_async(headless=True, size=size))
            try:
                picture = await posing(app, engine)
            finally:
                app.call_later(app.stop_and_exit)
                await showing
    await asyncio.to_thread(target.write_text, picture, encoding="utf-8")
    print(f"{target}: {len(picture):,} bytes")


async def pose(app: AstraApp, engine: DemoEngine) -> str:
    """Bring the console to where the picture is taken, and take it."""

    await until(lambda: app.started, "the engine runs")
    await until(lambda: all_ready(app), "all clouds are listed")
    await until(lambda: app.snapshot.kafka.state is KafkaState.CONNECTED, "Kafka is there")
    await until(lambda: app.snapshot.kafka.events_total > 60, "events arrive")
    await engine.decide()
    engine.set_limits(bwlimit=SLOW, jobs=2)
    sources = [Address("aws", "prod-data", key) for key in MOVED]
    plan = await engine.plan_migration(
        sources, Address("gcp", "cold-data", "from-aws/"), tier=Tier.COLD
    )
    await engine.submit(plan)
    await until(lambda: halfway(app), "one job is done and another at work")
    done = asyncio.get_running_loop().create_future()
    app.call_later(lambda: done.set_result(app.export_screenshot(title="astra demo")))
    return plain(await done)


async def pose_plan(app: AstraApp, engine: DemoEngine) -> str:
    """Plan what the policy decided, look at its risks, take the picture."""
    await until(lambda: app.started and all_ready(app), "all clouds are listed")
    await engine.decide()
    await until(lambda: bool(app.snapshot.decided_by), "the policy has decided")
    app.call_later(app.action_perform, "plan")
    await until(lambda: isinstance(app.screen, PlanScreen), "the plan is made")
    await until(lambda: "payback" in app.export_screenshot(), "the plan shows")
    done = asyncio.get_running_loop().create_future()

    def take() -> None:
        app.clear_notifications()
        app.call_after_refresh(
            lambda: done.set_result(app.export_screenshot(title="astra demo: a plan"))
        )

    app.call_later(take)
    return plain(await done)


async def pose_lab(app: AstraApp, _: DemoEngine) -> str:
    """Open the lab, wait until all policies were replayed, take the picture."""
    await until(lambda: app.started and all_ready(app), "all clouds are listed")
    app.call_later(app.action_perform, "lab")

    def replayed() -> bool:
        screen: Any = app.screen
        result = getattr(screen, "result", None)
        return result is not None and result.cost("cost") is not None and not screen.running

    await until(replayed, "all policies are replayed", seconds=300)
    screen: Any = app.screen
    app.call_later(screen.table.go_to, "cost")
    await until(lambda: screen.table.policy == "cost", "the cursor is on cost")
    done = asyncio.get_running_loop().create_future()

    def take() -> None:
        app.clear_notifications()
        app.call_after_refresh(
            lambda: done.set_result(app.export_screenshot(title="astra demo: the lab"))
        )

    app.call_later(take)
    return plain(await done)


def plain(svg: str) -> str:
    """A picture as it is kept in the repository."""
    # A picture in a repository fetches no fonts; and a steady name keeps the diffs small.
    svg = re.sub(r"\s*@font-face \{.*?\n    \}", "", svg, flags=re.DOTALL)
    return re.sub(r"terminal-\d+", "astra", svg)


def all_ready(app: AstraApp) -> bool:
    return all(cloud.state is ListingState.READY for cloud in app.snapshot.clouds)


def halfway(app: AstraApp) -> bool:
    jobs = app.snapshot.jobs
    at_work = [job for job in jobs if job.progress > 0.3 and job.state is JobState.COPYING]
    return bool(at_work) and any(job.state is JobState.COMPLETED for job in jobs)


async def until(condition: Callable[[], bool], what: str, *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited in vain: {what}")
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
