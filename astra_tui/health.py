"""What is wrong, from all sides: the engine's own checks, its process, terminal, config."""

import sys
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from engine.errors import AstraError
from engine.model import Check, CheckState, FlowState
from engine.service.remote import RemoteEngine
from widgets.text import duration_text

if TYPE_CHECKING:
    from astra_tui.app import AstraApp

_ADVICE = ("terminal", "prices")
_SURE = ("state",)  # asked at every start: quick, and no cloud is spoken to


async def look(app: "AstraApp", *, write: bool = False) -> AsyncGenerator[Check, None]:
    """Every check as it comes; no cloud is written to unless `write`.

    Raises nothing of the engine's: an engine that is gone is a check that failed.
    """
    for check in (*config_checks(app), *terminal()):
        yield check
    try:
        yield await engine_check(app)
        for check in stores(app):
            yield check
        async with aclosing(app.engine.doctor(write=write, together=True)) as checks:
            async for check in checks:
                yield check
    except AstraError as error:
        yield Check("engine", "answers", CheckState.FAILED, error.what, error.todo)


async def at_start(app: "AstraApp") -> list[Check]:
    """What is told by a sign without being asked for: config, state directory."""
    checks = [*config_checks(app)]
    async with aclosing(app.engine.doctor(write=False, together=True, subjects=_SURE)) as found:
        checks += [check async for check in found]
    return checks


def config_checks(app: "AstraApp") -> Iterator[Check]:
    """The warnings of configuration, keys and theme."""
    for warning in app.config_warnings:
        todo = "Correct astra.toml (or the variable); it is read at the next start."
        yield Check("config", "warning", CheckState.WARNING, warning, todo)
    if not app.config_warnings:
        yield Check("config", "read", CheckState.OK, "Nothing odd was found in it.")


def terminal() -> Iterator[Check]:
    """What this terminal can show."""
    from astra_tui.cli.terminal import terminal_checks

    yield from terminal_checks(sys.__stdout__, sys.__stderr__)


async def engine_check(app: "AstraApp") -> Check:
    """Which process works, since when, of which version. Raises AstraError if none answers."""
    engine = app.engine
    if not isinstance(engine, RemoteEngine):
        return Check("engine", "process", CheckState.OK, "It works inside this console.")
    from importlib.metadata import version

    status = await engine.link.call("desk.status")
    own = version("astra-tui")
    up = duration_text(max(time.time() - status.since, 0.0))
    detail = f"Process {status.pid}, Astra {status.version}, up {up}, consoles {status.consoles}."
    if status.version != own:
        todo = f"This console is {own}: let the engine end with `astra engine stop`, start again."
        return Check("engine", "version", CheckState.WARNING, detail, todo)
    return Check("engine", "process", CheckState.OK, detail)


def stores(app: "AstraApp") -> Iterator[Check]:
    """Clouds that jobs wait for now."""
    for store in app.snapshot.stores:
        if store.state in (FlowState.AWAY, FlowState.TRYING):
            yield Check(store.cloud, "jobs", CheckState.WARNING,
                        f"It is away, its jobs wait: {store.reason}",
                        store.todo or "They go on by themselves when it is back.")  # fmt: skip


def sign(checks: Sequence[Check]) -> tuple[int, int]:
    """How many failed, and how many are to be looked at; what is only advice calls nobody."""
    states = [check.state for check in checks if check.subject not in _ADVICE]
    return states.count(CheckState.FAILED), states.count(CheckState.WARNING)
