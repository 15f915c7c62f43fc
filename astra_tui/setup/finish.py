"""Writing what was chosen: where to, what becomes of keys, and a last look before it is there."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from astra_tui.config import user_config
from astra_tui.screens.dialogs import Choice, Choosable, Line, Tell, bullet, field
from astra_tui.setup.config_text import add_to_dotenv, config_text, secrets_of, write_new
from astra_tui.setup.rows import Entry, Tried
from astra_tui.setup.tester import read_back
from engine.errors import AstraError
from widgets.text import counted, visible

if TYPE_CHECKING:
    from astra_tui.setup.app import SetupApp

_SERVERS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]\"']+):[0-9]{1,5}")


def read_servers(text: str) -> str:
    """`host:port,host:port`. Raises ValueError."""
    servers = [part.strip() for part in text.split(",") if part.strip()]
    if not servers or not all(_SERVERS.fullmatch(server) for server in servers):
        raise ValueError("Write host:port, with commas between several.")
    return ",".join(servers)


async def write(app: "SetupApp", entries: Sequence[Entry], kafka: str) -> None:
    """Ask where to, write, tell, and go on to the console."""
    lines = _summary(entries, kafka)
    places = [
        Choosable(path, visible(str(path)), about, _taken(path))
        for path, about in (
            (user_config(), "yours, for every folder"),
            (app.here / "astra.toml", "for this folder only"),
        )
    ]
    if all(place.why_not for place in places):
        app.say(f"Neither {places[0].value} nor {places[1].value} can be written.")
        return
    place = await app.push_screen_wait(Choice("Write astra.toml", places, lines=lines))
    if place is None:
        return
    clouds = [entry.candidate for entry in entries]
    secrets = secrets_of(clouds)
    dotenv = place.value.parent / ".env"
    keep = bool(secrets)
    if secrets:
        keys = await app.push_screen_wait(_about_keys(secrets, dotenv))
        if keys is None:
            return
        keep = keys.value
    try:
        text = config_text(clouds, kafka=kafka)
        warnings = read_back(text, {**app.environ, **secrets})
        if keep:
            add_to_dotenv(dotenv, secrets)
        write_new(place.value, text)
    except (AstraError, ValueError) as error:
        app.tell_error(error)
        return
    told: list[Line] = [field("file", str(place.value))]
    if keep:
        told.append(field("keys", f"{dotenv}, which you alone can read"))
    elif secrets:
        told.append(field("set", f"{', '.join(secrets)} before you start astra"))
    told += [bullet(warning) for warning in warnings]
    told += ["", "Change it with any editor; `astra doctor` checks it."]
    answers = (("Open the console", "open"), ("Leave", ""))
    answer = await app.push_screen_wait(Tell("Written", told, answers=answers))
    app.finish(written=place.value, opens=bool(answer))


def _taken(path: Path) -> str:
    """Why nothing can be written there, "" if nothing is known against it."""
    try:
        return "there is one already" if path.exists() else ""
    except OSError as error:
        return error.strerror or "it cannot be looked at"


def _summary(entries: Sequence[Entry], kafka: str) -> list[Line]:
    names = ", ".join(entry.candidate.name for entry in entries)
    lines: list[Line] = [field("clouds", names), field("kafka", kafka)]
    failed = [entry.candidate.name for entry in entries if entry.tried is Tried.FAILED]
    untested = sum(entry.tried in (Tried.NOT, Tried.RUNNING) for entry in entries)
    if failed:
        lines.append(field("failed", f"{', '.join(failed)}: it is written all the same"))
    if untested:
        lines.append(field("untested", f"{counted(untested, 'cloud')} (esc, then t tests)"))
    return [*lines, ""]


def _about_keys(secrets: dict[str, str], dotenv: Path) -> Choice[bool]:
    lines: list[Line] = [
        "The config refers to keys that only another tool's file holds.",
        *(bullet(name) for name in secrets),
        "",
    ]
    choices = [
        Choosable(True, "write them into .env", visible(str(dotenv), width=40)),
        Choosable(False, "I set these variables myself"),
    ]
    return Choice("Where do the keys go?", choices, lines=lines)


def home() -> Path:
    """The home directory, or the working directory where there is none."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(os.getcwd())
