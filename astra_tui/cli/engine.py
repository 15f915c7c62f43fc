"""`astra engine`: the process that works while no console looks."""

import asyncio
import gc
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import rich_click as click

from astra_tui.cli.context import DONE, Command, verb
from astra_tui.cli.exits import Exit
from engine.errors import Refused

if TYPE_CHECKING:
    from engine.model import Snapshot
    from engine.service.desk import EngineStatus
    from engine.service.link import Link

_NICE = 10
_STOP_SECONDS = 120.0


@click.group("engine")
def engine() -> None:
    """The engine's process: jobs go on in it when the console is left."""


@verb("start", group=engine)
def start(command: Command) -> int:
    """Start the engine if it does not run, and return; it goes on by itself."""
    from astra_tui.cli.running import run_async
    from astra_tui.engine_process import launch
    from engine.service.link import EngineGone

    async def work() -> int:
        try:
            link = await _reach(command)
        except EngineGone:
            words = command.options.process_words(command.settings)
            await launch(command.settings.state_dir, words)
            link = await _reach(command)
            told = "started"
        else:
            told = "runs already"
        status = await _status(link)
        command.out.emit({"pid": status.pid, "version": status.version, "state": "running"})
        command.out.say(f"The engine {told}: process {status.pid}.")
        return DONE

    return run_async(work())


@verb("status", group=engine)
def status(command: Command) -> int:
    """Say whether the engine runs, for how many consoles, and what it is doing. Exit 1 if not.

    Needs no configuration: the state directory is enough (--state, else the usual one).
    """
    from astra_tui.cli.running import run_async
    from engine.service.link import EngineGone, EngineSilent

    async def work() -> int:
        try:
            link = await _reach(command)
        except EngineSilent:
            command.out.emit({"state": "silent"})
            raise
        except EngineGone:
            command.out.emit({"state": "stopped"})
            command.out.line(f"No engine runs for {command.state_dir}.")
            return Exit.FAILED
        try:
            found: EngineStatus = await link.call("desk.status")
            snapshot: Snapshot = await link.call("desk.snapshot")
        finally:
            await link.close()
        up = time.time() - found.since
        jobs = {name: number for name, number in snapshot.job_counts if number}
        command.out.emit(
            {
                "state": "running",
                "pid": found.pid,
                "version": found.version,
                "seconds": round(up, 1),
                "consoles": found.consoles,
                "jobs": jobs,
                "rate": snapshot.rate,
                "kafka": snapshot.kafka.state.value,
            }
        )
        told = ", ".join(f"{number:,} {name}" for name, number in jobs.items()) or "no jobs"
        command.out.line(
            f"The engine runs: process {found.pid}, Astra {found.version}, up {_span(up)},"
            f" consoles {found.consoles}, {told}."
        )
        return DONE

    return run_async(work())


@verb("stop", group=engine)
@click.option("--force", is_flag=True, help="Stop it though jobs run; they wait in the ledger.")
def stop(command: Command, *, force: bool) -> int:
    """End the engine: running requests end or roll back, unfinished jobs wait in the ledger.

    Needs no configuration: the state directory is enough (--state, else the usual one).
    """
    from astra_tui.cli.running import run_async
    from engine.service.link import EngineGone, EngineSilent, WrongVersion
    from engine.service.place import socket_path
    from engine.service.process import at_work
    from engine.service.replace import end_engine

    async def work() -> int:
        try:
            link = await _reach(command)
        except (EngineSilent, WrongVersion) as error:
            if not force:
                raise
            pid = await end_engine(socket_path(command.state_dir))
            which = "of another version" if isinstance(error, WrongVersion) else "that was silent"
            command.out.emit({"state": "stopped"})
            command.out.say(f"The engine {which} ended (process {pid}).")
            return DONE
        except EngineGone:
            command.out.emit({"state": "stopped"})
            command.out.say(f"No engine runs for {command.state_dir}.")
            return DONE
        try:
            snapshot: Snapshot = await link.call("desk.snapshot")
            if (number := at_work(snapshot)) and not force:
                raise Refused(
                    f"The engine has {number:,} jobs at work.",
                    safe="It goes on with them.",
                    todo="Pause them, or stop it with --force: they wait for `astra resume`.",
                )
            await link.call("desk.stop")
            async with asyncio.timeout(_STOP_SECONDS):
                await link.ended.wait()
        finally:
            await link.close()
        command.out.emit({"state": "stopped"})
        command.out.say("The engine ended.")
        return DONE

    return run_async(work())


@verb("run", group=engine, json=False)
@click.option("--log-to-file", is_flag=True, hidden=True)
def run(command: Command, *, log_to_file: bool) -> int:
    """Be the engine, in the foreground, until SIGTERM or ctrl+c: for a service manager."""
    from astra_tui.cli.logs import open_log
    from astra_tui.cli.running import loop_factory
    from astra_tui.cli.state import check_state
    from astra_tui.config import with_files
    from astra_tui.redact import known_secrets
    from engine.service.process import serve

    settings, console = command.loaded
    settings = with_files(settings)  # for what `astra ingest` hands over
    check_state(settings.state_dir)
    secrets = known_secrets(settings)
    open_log(settings.state_dir, command.options.log_level, "engine.log", secrets=secrets)

    async def work() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, stopping.set)

        def ready() -> None:
            os.nice(_NICE)  # from here on the console, and whatever else runs here, comes first
            gc.freeze()  # a search through all that was imported would hold up every console
            if log_to_file:
                _let_go_of_stderr()
            else:
                command.out.say(f"The engine serves: process {os.getpid()}.")

        await serve(settings, idle_stop=console.engine.idle_stop, stopping=stopping, on_ready=ready)

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(work())
    return DONE


def _let_go_of_stderr() -> None:
    """From here on the log says it all; whoever started this waits for no more words."""
    sys.stderr.flush()
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)


async def _reach(command: Command) -> "Link":
    from engine.service.link import connect
    from engine.service.place import socket_path

    return await connect(socket_path(command.state_dir))


async def _status(link: "Link") -> "EngineStatus":
    try:
        found: EngineStatus = await link.call("desk.status")
        return found
    finally:
        await link.close()


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
