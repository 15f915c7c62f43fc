"""What the lab screen asks: the setting of a run, a policy to adopt, a file to write."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from dataclasses import field as default
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from astra_tui import lab_report
from astra_tui.screens.dialogs import Choice, Choosable, Confirm, Line, Prompt, field
from engine.model import LabChoices, LabRequest, LabResult
from widgets.glyphs import current
from widgets.text import count_text, counted, date_text, visible

if TYPE_CHECKING:
    from astra_tui.app import AstraApp

DEMO = "demo history"
_Ask = Callable[["AstraApp", "Setting", LabChoices], Awaitable["Setting | None"]]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run is about: a request without its policies, its name, policies that were added."""

    name: str = ""
    request: LabRequest = default(default_factory=LabRequest)
    added: tuple[str, ...] = ()


def demo_setting() -> Setting:
    """The history that Astra brings along."""
    from demo_data.lab_history import DAILY, OBJECTS

    return Setting(DEMO, LabRequest(str(OBJECTS), str(DAILY)))


def cloud_setting(name: str) -> Setting:
    """The history that was kept of a cloud, over its listing."""
    return Setting(f"accesses of {name}", LabRequest(cloud=name))


def first_setting(app: "AstraApp") -> Setting:
    """The operator's own history, of the first cloud; in the demo world the lab's."""
    clouds = app.snapshot.clouds
    return demo_setting() if app.is_demo or not clouds else cloud_setting(clouds[0].name)


# -- setting up ---------------------------------------------------------------------------


async def set_up(app: "AstraApp", setting: Setting, choices: LabChoices) -> Setting | None:
    """Ask what shall be different, then for that; None if nothing."""
    request = setting.request
    days = f"{request.first or 'second half'} to {request.last or 'its end'}"
    settings: list[Choosable[_Ask]] = [
        Choosable(_history, _bold("history"), setting.name),
        Choosable(_prices, _bold("prices"), f"{choices.provider} {choices.region}"),
        Choosable(_classes, _bold("classes"), ", ".join(choices.allowed)),
        Choosable(_start, _bold("start"), choices.start_class),
        Choosable(_days, _bold("days"), days),
        Choosable(_policy, _bold("policy"), "add one more to the list"),
    ]
    chosen = await app.ask(Choice("Set up the lab", settings))
    return None if chosen is None else await chosen.value(app, setting, choices)


def _bold(word: str) -> Text:
    return Text(f"{word:<9}", "bold")


async def _history(app: "AstraApp", setting: Setting, _: LabChoices) -> Setting | None:
    places: list[Choosable[Setting | None]] = [
        Choosable(
            cloud_setting(cloud.name),
            _bold(visible(cloud.name, width=9)),
            f"its accesses as they are known here, {count_text(cloud.objects)} objects",
            "" if cloud.objects else "nothing is listed there",
        )
        for cloud in app.snapshot.clouds
    ]
    places.append(Choosable(demo_setting(), _bold("demo"), "a made-up company, a year and a half"))
    places.append(Choosable(None, _bold("files"), "objects.csv and daily.csv, by their paths"))
    chosen = await app.ask(Choice("Which history?", places))
    if chosen is None:
        return None
    found = chosen.value or await _files(app, setting.request)
    return None if found is None else replace(found, added=setting.added)


async def _files(app: "AstraApp", request: LabRequest) -> Setting | None:
    inventory = await app.ask(
        Prompt(
            "Inventory",
            _existing,
            lines=["A CSV file with the columns object, size_bytes, count, created:"],
            value=request.inventory,
        )
    )
    if inventory is None:
        return None
    history = await app.ask(
        Prompt(
            "History",
            _existing,
            lines=["A CSV file (also .gz) with the columns object, date, reads, bytes_read:"],
            value=request.history,
        )
    )
    if history is None:
        return None
    return Setting(history, LabRequest(inventory, history))


def _existing(text: str) -> str:
    if not text.strip():
        raise ValueError("Write the path of a file.")
    # The engine may run elsewhere on this machine, so the path must not depend on where we are.
    try:
        path = Path(text.strip()).expanduser().absolute()
        found = path.is_file()
    except (RuntimeError, OSError, ValueError) as error:  # no such home, too long, a NUL
        raise ValueError(f"This is no path: {error}.") from error
    if not found:
        raise ValueError(f"There is no file {path}.")
    return str(path)


async def _prices(app: "AstraApp", setting: Setting, choices: LabChoices) -> Setting | None:
    names = [name for name, _ in choices.providers]
    chosen = await app.ask(
        Choice(
            "Whose prices?",
            [
                Choosable((name, regions), _bold(name), counted(len(regions), "region"))
                for name, regions in choices.providers
            ],
            start=names.index(choices.provider),
        )
    )
    if chosen is None:
        return None
    provider, regions = chosen.value
    region = ""
    if len(regions) > 1:
        start = regions.index(choices.region) if choices.region in regions else 0
        place = await app.ask(
            Choice("Which region?", [Choosable(name, name) for name in regions], start=start)
        )
        if place is None:
            return None
        region = place.value
    request = replace(setting.request, provider=provider, region=region)
    if provider != choices.provider:  # its classes are others
        return replace(setting, request=replace(request, classes=(), start_class=""), added=())
    return replace(setting, request=request)


async def _classes(app: "AstraApp", setting: Setting, choices: LabChoices) -> Setting | None:
    known = {each.name.casefold(): each.name for each in choices.classes}

    def read(text: str) -> tuple[str, ...]:
        names = [name.strip() for name in text.replace(",", " ").split() if name.strip()]
        strange = [name for name in names if name.casefold() not in known]
        if strange:
            raise ValueError(f"{choices.provider} has no class {strange[0]!r} with known prices.")
        return tuple(known[name.casefold()] for name in names)

    lines: list[Line] = [
        field(
            each.tier.value,
            f"{each.name}{'' if each.opens else ', must be restored before it is read'}",
        )
        for each in choices.classes
    ]
    names = await app.ask(
        Prompt(
            "Classes",
            read,
            lines=[*lines, "", "Which may be used? None: all that open at once."],
            value=" ".join(setting.request.classes or choices.allowed),
        )
    )
    if names is None:
        return None
    start = setting.request.start_class
    request = replace(
        setting.request, classes=names, start_class=start if not names or start in names else ""
    )
    return replace(setting, request=request)


async def _start(app: "AstraApp", setting: Setting, choices: LabChoices) -> Setting | None:
    chosen = await app.ask(
        Choice(
            "In which class do objects start?",
            [Choosable(name, name) for name in choices.allowed],
            start=choices.allowed.index(choices.start_class),
        )
    )
    if chosen is None:
        return None
    return replace(setting, request=replace(setting.request, start_class=chosen.value))


async def _days(app: "AstraApp", setting: Setting, _: LabChoices) -> Setting | None:
    request = setting.request
    found = await app.ask(
        Prompt(
            "Days",
            days,
            lines=["First and last day of the replay, like 2025-10-01 2026-06-30.",
                   "What is before them may be learnt from. Nothing: the second half."],
            value=" ".join(str(day) for day in (request.first, request.last) if day is not None),
        )
    )  # fmt: skip
    if found is None:
        return None
    return replace(setting, request=replace(request, first=found[0], last=found[1]))


def days(text: str) -> tuple[dt.date | None, dt.date | None]:
    """Two dates, one, or none. Raises ValueError with what is wrong."""
    words = text.replace(",", " ").split()
    try:
        dates = [dt.date.fromisoformat(word) for word in words]
    except ValueError:
        raise ValueError("Write dates as 2025-10-01.") from None
    if len(dates) > 2:
        raise ValueError("Write a first and a last day.")
    if len(dates) == 2 and dates[1] < dates[0]:
        raise ValueError("The last day is before the first.")
    first, last = (*dates, None, None)[:2]
    return first, last


async def _policy(app: "AstraApp", setting: Setting, choices: LabChoices) -> Setting | None:
    name = await app.ask(
        Prompt(
            "One more policy",
            _filled,
            lines=["A policy by its name: always:CLASS, age:30/90/180, last-access:30/90,",
                   "s3-intelligent-tiering:warm, gcs-autoclass, azure-lifecycle, ski-rental"],
            value=f"always:{choices.start_class}",
        )
    )  # fmt: skip
    return None if name is None else replace(setting, added=(*setting.added, name))


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("Write the name of a policy.")
    return text.strip()


# -- what becomes of a result -------------------------------------------------------------


async def adopt(app: "AstraApp", policy: str) -> None:
    """Ask, then let that policy decide from now on; say where that is kept."""
    active = await app.engine.active_policy()
    configured = policy == active.configured
    if policy == active.name:
        app.say(f"{policy} is the active policy already ({_why(active.adopted, active.since)}).")
        return
    lines: list[Line] = [
        f"From now on {policy} decides where no policy is named: e in the console,",
        "astra tier plan and apply, and every later start.",
        "",
        field("now", f"{active.name}, {_why(active.adopted, active.since)}"),
        field("config", f"{active.configured}; the configuration stays as it is"),
    ]
    if configured:
        lines.append(field("so", "nothing needs to be kept: the adopted policy is forgotten"))
    else:
        lines.append(field("wins", "what is adopted, until you adopt the configured one again"))
        lines.append(field("kept in", visible(active.path, width=64)))
    lines += ["", "Nothing moves by that: every plan is still reviewed."]
    if await app.ask(Confirm(f"Adopt {policy}?", lines, yes="Adopt it")):
        now = await app.engine.adopt_policy("" if configured else policy)
        kept = "" if not now.adopted else f" {current().dot} kept in {now.path}"
        app.say(f"{now.name} is the active policy now{kept}")


def _why(adopted: bool, since: float) -> str:
    return f"adopted {date_text(since)}" if adopted else "as configured"


async def write_result(app: "AstraApp", result: LabResult) -> None:
    """Ask for the form, write the file, say where it is."""
    about: dict[str, str] = {
        "json": "everything, with the cost up to each day",
        "csv": "one row a policy, for spreadsheets",
    }
    forms = [Choosable(form, form.upper(), about[form]) for form in lab_report.FORMATS]
    chosen = await app.ask(Choice("Write the result of the lab", forms))
    if chosen is None:
        return
    folder = app.engine.settings.state_dir / "reports"
    write: Callable[..., Path] = lab_report.write_result
    path = await asyncio.to_thread(write, result, chosen.value, folder)
    app.say(f"Result of {count_text(len(result.policies))} policies: {path}")
