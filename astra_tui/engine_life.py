"""The engine as the console meets it: started, in the way, gone; one key goes on from each."""

import logging
from typing import TYPE_CHECKING

from astra_tui.report import describe
from astra_tui.screens.dialogs import Tell
from engine.errors import AstraError
from engine.service.link import EngineGone, OtherConfig, WrongVersion, gone
from engine.service.place import socket_path
from engine.service.replace import end_engine
from widgets.glyphs import current
from widgets.text import visible

if TYPE_CHECKING:
    from astra_tui.app import AstraApp

log = logging.getLogger("astra.console")


async def start(app: "AstraApp") -> None:
    """Start the engine or attach to it; where that fails, say why and offer what can be done."""
    try:
        await app.engine.start()
    except AstraError as error:
        await _not_started(app, error)
    else:
        await app.engine_started()


async def _not_started(app: "AstraApp", error: AstraError) -> None:
    log.warning("engine not started: %s", error)
    text = describe(error)
    lines = text.lines()
    answers: tuple[tuple[str, str], ...] = (("Try again", "again"), ("Quit", ""))
    keys: dict[str, str] = {}
    if isinstance(error, (WrongVersion, OtherConfig)):
        answers, keys = (*answers, ("End it, start this one", "end")), {"s": "end"}
        lines += ["", "s: end it and start this one; its jobs wait until you resume."]
    question = Tell("Astra cannot start", lines, answers=answers, keys=keys, bad=True)
    answer = await app.push_screen_wait(question)
    if not answer:
        app.exit(return_code=2, message=visible(text.sentence))
        return
    if answer == "end":
        await _end_other(app)
    app.begin()


async def _end_other(app: "AstraApp") -> None:
    """End the engine that is in the way; what goes wrong is told."""
    app.caption(f"Ending the other engine: running requests end or roll back {current().ellipsis}")
    try:
        await end_engine(socket_path(app.engine.settings.state_dir))
    except EngineGone:
        log.info("the other engine is gone already")
    except AstraError as error:
        log.warning("the other engine was not ended: %s", error)
        lines = describe(error).lines()
        await app.push_screen_wait(Tell("The other engine goes on", lines, bad=True))
    finally:
        app.caption(None)


async def ended(app: "AstraApp") -> None:
    """The engine's process is gone: say so, and start it again or leave."""
    log.warning("the engine ended")
    text = describe(gone(), app.log_file.path)
    answers = (("Start it again", "again"), ("Quit", ""))
    question = Tell("The engine has ended", text.lines(), answers=answers, bad=True)
    if await app.push_screen_wait(question):
        app.begin()
    else:
        await app.stop_and_exit(return_code=1, message=visible(text.sentence))
