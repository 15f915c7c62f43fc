"""The event loop of a command: uvloop where there is one, and signals that end it cleanly."""

import asyncio
import os
import signal
import sys
import termios
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from astra_tui.cli.exits import Interrupted
from engine.errors import Refused

T = TypeVar("T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, or None for asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end. SIGINT, SIGTERM and SIGHUP cancel the work and raise Interrupted after
    it has cleaned up; a signal that is ignored (`nohup`) stays so."""
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(_guarded(work))
    finally:
        work.close()  # if a signal came before it began


async def _guarded(work: Coroutine[Any, Any, T]) -> T:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        task.cancel()

    caught = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in caught:
        loop.add_signal_handler(number, stop, number)
    try:
        return await work
    except asyncio.CancelledError:
        if not received:
            raise
        raise Interrupted(signal.Signals(received[0]).name) from None
    finally:
        for number in caught:
            loop.remove_signal_handler(number)


async def confirm(question: str, *, yes: bool) -> None:
    """Ask on the terminal; anything but a clear yes, or no terminal, raises Refused.

    What was typed before the question does not answer it. The event loop goes on meanwhile,
    and a signal ends the question.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused(
            "This needs a confirmation, and there is no terminal to ask on.",
            safe="Nothing was changed.",
            todo="Review it with --dry-run, then run it again with --yes.",
        )
    termios.tcflush(sys.stdin, termios.TCIFLUSH)
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    answer = await _line_of(sys.stdin.fileno())
    if answer.strip().lower() not in ("y", "yes"):
        raise Refused("Not confirmed.", safe="Nothing was changed.")


async def _line_of(handle: int) -> str:
    """One line from a terminal, without a thread that would block the exit."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def readable() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(handle, readable)
    try:
        await ready
    finally:
        loop.remove_reader(handle)
    return os.read(handle, 4096).decode(errors="replace")
