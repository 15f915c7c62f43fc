"""What `astra demo` does: the console on the demo world, the script, or the tour.

Nothing heavy is imported before the storage's process has been started, so that its start and
the console's happen side by side.
"""

import asyncio
import gc
import shlex
import sys
from pathlib import Path
from typing import TextIO

from astra_tui.config import ConsoleSettings
from astra_tui.demo import DemoWorld


def run_demo_console(
    keep: Path | None = None,
    *,
    console: ConsoleSettings | None = None,
    mouse: bool = True,
    rate: float = 5.0,
) -> int:
    """Open the console on the demo world; returns its exit code. `rate` in events a second."""
    return asyncio.run(_console(keep, console or ConsoleSettings(), mouse, rate))


def run_demo_script(keep: Path | None = None, *, out: TextIO | None = None) -> int:
    """Print the ten-phase demonstration to `out` (stdout); 0 only if every check held, else 1."""
    from astra_tui.cli.running import run_async
    from astra_tui.demo_script import play

    return run_async(play(keep, out or sys.stdout))


def run_demo_tour(
    keep: Path | None = None,
    *,
    console: ConsoleSettings | None = None,
    mouse: bool = True,
    speed: float = 1.0,
) -> int:
    """Play the tour in the console; returns its exit code. `speed` 2.0 is twice as fast."""
    from astra_tui.demo_tour import tour

    return asyncio.run(tour(keep, console or ConsoleSettings(), mouse=mouse, speed=speed))


async def _console(keep: Path | None, console: ConsoleSettings, mouse: bool, rate: float) -> int:
    async with DemoWorld(keep) as world:
        from astra_tui.app import AstraApp
        from astra_tui.demo_remote import DemoRemote

        engine = DemoRemote(world, rate=rate)
        again = shlex.join(["astra", "demo", "--keep", str(keep)]) if keep else ""
        app = AstraApp(engine, console, resume_command=again, demo=True)
        app.on_started = gc.freeze
        try:
            result = await app.run_async(mouse=mouse and console.mouse)
        finally:
            await engine.stop()
        return int(result or app.return_code or 0)
