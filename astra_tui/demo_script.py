"""The demonstration without a screen: ten phases, each checked by itself and by a witness."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TextIO

from astra_tui import demo_phases_move as move
from astra_tui import demo_phases_see as see
from astra_tui.demo import DemoWorld
from astra_tui.demo_proxy import FaultProxy
from astra_tui.demo_report import Report
from astra_tui.demo_stage import Stage
from astra_tui.demo_witness import Witness
from astra_tui.logfile import LogFile
from engine.engine import Engine
from engine.errors import UsageError
from widgets.text import visible

log = logging.getLogger(__name__)
Phase = Callable[[Stage], Awaitable[None]]

PHASES: tuple[tuple[str, str, Phase], ...] = (
    ("Set-up", "Three clouds are listed and a Kafka broker answers.", see.set_up),
    ("Ingestion", "Half a year of accesses is taken in, then live events.", see.ingest),
    ("Aging", "One object is made to look older, for the demonstration only.", see.age),
    ("Engine run", "The policy says what should be where, and why.", see.decide),
    ("Dashboard", "Where the data is and what it costs.", see.dashboard),
    ("Migration plan", "What will move, what it costs, what may go wrong.", move.plan),
    ("Five-step migrations", "Download, checksum, upload, verify, delete.", move.migrate),
    ("A corrupted upload", "One bit is flipped on the way to gcp.", move.corrupt),
    ("Final state", "Every object is looked for, and its digest compared.", move.final),
    ("Statistics and cost", "What was done, and what the month costs now.", move.statistics),
)


async def play(keep: Path | None, out: TextIO) -> int:
    """Play all phases in a demo world of their own; 0 only if every check held."""
    report = Report(out)
    out.write("Astra, demonstrated without a screen: three clouds, ten phases.\n")
    out.write("Every line with ok was checked; the witness is boto3, not Astra's own client.\n")
    complete = False
    async with DemoWorld(keep) as world:
        if not world.first_time:
            raise UsageError(
                "The script needs a fresh world; an earlier demo left this one.",
                subject=str(keep),
                safe="Nothing in it was changed.",
                todo="Name another folder with --keep, or leave it out.",
            )
        ports = {
            cloud.name: int(cloud.endpoint.rpartition(":")[2]) for cloud in world.settings.clouds
        }
        async with FaultProxy(ports["gcp"]) as proxy:
            settings = world.settings_through("gcp", proxy.port)
            witness = Witness(world.settings.clouds)
            log_file = LogFile(world.folder).open()
            try:
                async with Engine(settings) as engine:
                    stage = Stage(world, engine, proxy, witness, report)
                    complete = await _play_all(stage)
            finally:
                log_file.close()
    if keep is None:
        report.check(not world.folder.exists(), "nothing of it is left on disk")
    return report.finish(complete)


async def _play_all(stage: Stage) -> bool:
    """Play the phases in their order; False if one of them could not be played to its end."""
    for number, (title, words, phase) in enumerate(PHASES, 1):
        stage.report.begin(number, len(PHASES), title, words)
        try:
            await phase(stage)
        except Exception as error:
            # Whatever it was, a demonstration that breaks must say so and fail.
            log.exception("phase %s", number)
            stage.report.check(False, f"stopped: {visible(str(error) or repr(error))}")
            stage.report.end()
            return False
        stage.report.end()
    return True
