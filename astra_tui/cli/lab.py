"""`astra lab`: what policies would have cost on a history of accesses."""

import asyncio
import datetime as dt
import string
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli.context import DONE, Command, verb
from astra_tui.cli.exits import Exit, Interrupted
from engine.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import LabRequest, LabResult

_POLICY = "Policy to replay (repeatable; default: all that suit the classes)."
_DAY = "%Y-%m-%d"


@verb("lab")
@click.option("--inventory", type=click.Path(path_type=Path), help="objects.csv")
@click.option("--history", type=click.Path(path_type=Path), help="daily.csv, also .gz")
@click.option("--cloud", default="", help="Replay the history kept of this cloud instead.")
@click.option("--demo", is_flag=True, help="Replay the demo history instead.")
@click.option("--prices", default="", metavar="PROVIDER[/REGION]", help="Whose prices.")
@click.option("--price-file", type=click.Path(path_type=Path), help="Instead of the configured.")
@click.option("--classes", default="", metavar="A,B,…", help="Allowed (default: all read at once).")
@click.option("--start-class", default="", help="Where objects are at first, and are created.")
@click.option("--from", "first", type=click.DateTime([_DAY]), help="First day replayed.")
@click.option("--to", "last", type=click.DateTime([_DAY]), help="Last day replayed.")
@click.option("--policy", "policies", multiple=True, help=_POLICY)
def lab(command: Command, **values: Any) -> int:
    """Replay tiering policies over an access history, beside the offline optimum.

    What is before --from (default: the first half) is history that policies may learn from; the
    decisions of a day see only the days before it. Without --inventory and --history the history
    that Astra keeps is replayed over a listing; where there is none, the demo history.
    Policies: ours by name, always:CLASS, age:30/90/180, last-access, s3-intelligent-tiering,
    gcs-autoclass, azure-lifecycle, ski-rental, optimum. Nothing is changed.
    """
    own = bool(values["inventory"] or values["history"])
    demo, cloud = values.pop("demo"), values.pop("cloud")
    if own + demo + bool(cloud) > 1:
        raise UsageError("Name one history: files, --cloud, or --demo.")
    request = _request(**values)
    try:
        if own:
            return _tell(command, _of_files(command, request))
        if demo:
            return _of_demo(command, request)
        return _of_state(command, request, cloud)
    except Interrupted:
        command.out.say("Interrupted. The lab changes nothing; run it again when you like.")
        return Exit.INTERRUPTED


def _request(
    *,
    prices: str,
    price_file: Path | None,
    classes: str,
    first: dt.datetime | None,
    last: dt.datetime | None,
    inventory: Path | None,
    history: Path | None,
    **rest: Any,
) -> "LabRequest":
    from engine.model import LabRequest

    provider, _, region = prices.partition("/")
    return LabRequest(
        provider=provider,
        region=region,
        inventory=str(inventory or ""),
        history=str(history or ""),
        prices=str(price_file or ""),
        classes=tuple(name.strip() for name in classes.split(",") if name.strip()),
        first=first.date() if first else None,
        last=last.date() if last else None,
        **rest,
    )


# -- the three histories ------------------------------------------------------------------


def _of_files(command: Command, request: "LabRequest") -> "LabResult":
    """Files need neither a state directory nor a cloud, so there is no engine to start."""
    from engine.laboratory import lab_files

    try:
        prices = command.settings.prices_file
    except ConfigError:
        if command.options.config is not None:
            raise
        prices = None
    return _run(_with_bar(lambda tell: lab_files(request, prices, tell)))


def _of_demo(command: Command, request: "LabRequest") -> int:
    from demo_data.lab_history import DAILY, OBJECTS

    request = replace(request, inventory=str(OBJECTS), history=str(DAILY))
    return _tell(command, _of_files(command, request))


def _of_state(command: Command, request: "LabRequest", cloud: str) -> int:
    """The kept history of a cloud, of the first one that has any; else the demo history."""
    try:
        names = [cloud] if cloud else [item.name for item in command.settings.clouds]
    except ConfigError as error:
        if cloud or command.options.config is not None:
            raise
        command.out.say(f"{error.what} The demo history is replayed instead.")
        return _of_demo(command, request)
    command.check_cloud(names[0])
    found: list[LabResult] = []

    async def work(engine: "Engine") -> int:
        for name in names:
            engine.scan(name)
            status = await engine.scanned(name)
            if status.state == "failed":
                command.out.say(f"{name}: {status.error} {status.error_todo}".rstrip())
                continue
            asked = replace(request, cloud=name)

            def go(tell: Callable[[str, float], None], asked: "LabRequest" = asked) -> Any:
                return engine.lab(asked, tell)

            try:
                found.append(await _with_bar(go))
            except UsageError as error:
                if cloud or "No accesses" not in error.what:
                    raise
                continue
            command.out.say(f"The history kept of {name} is replayed.")
            return DONE
        return Exit.FAILED

    code = command.run(work, look=True)
    if found:
        return _tell(command, found[0])
    if cloud:
        return code
    command.out.say("No accesses are known yet, so the demo history is replayed instead.")
    return _of_demo(command, request)


def _run(work: "Coroutine[Any, Any, LabResult]") -> "LabResult":
    from astra_tui.cli.running import run_async

    return run_async(work)


async def _with_bar(
    start: "Callable[[Callable[[str, float], None]], Coroutine[Any, Any, LabResult]]",
) -> "LabResult":
    """Run the lab under a bar on stderr, where that is a terminal."""
    if not sys.stderr.isatty():
        return await start(lambda what, share: None)
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    with Progress(
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[what]}", markup=False),
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
    ) as bar:
        task = bar.add_task("", total=1.0, what="")
        drawn = 0.0

        def tell(what: str, share: float) -> None:
            nonlocal drawn
            now = asyncio.get_running_loop().time()
            if now - drawn >= 0.1:
                drawn = now
                bar.update(task, completed=min(share, 0.999), what=what)
                bar.refresh()

        return await start(tell)


# -- the answer ---------------------------------------------------------------------------


def _tell(command: Command, result: "LabResult") -> int:
    from astra_tui.lab_report import record
    from widgets.text import visible

    for note in result.notes:
        command.out.say(note)
    for cost in result.policies:
        command.out.emit(record(cost))
    if command.out.json:
        return DONE
    place = f"{result.provider} {result.region}".rstrip()
    command.out.line(
        visible(
            f"{result.first} to {result.last}, {result.objects:,} objects, "
            f"{result.size / 1024**3:,.1f} GB, prices of {place}, "
            f"from {result.start_class} among {', '.join(result.classes)}"
        )
    )
    command.out.line()
    _table(command, result)
    command.out.line()
    for line in _chart(result):
        command.out.line(line)
    command.out.line()
    shown = next((cost.policy for cost in result.policies), "")
    command.out.line(visible(result.regret(shown)))
    return DONE


def _signs(result: "LabResult") -> dict[str, str]:
    letters = iter(string.ascii_letters + "?" * len(result.policies))
    return {
        cost.policy: "*" if cost.policy == "optimum" else next(letters)
        for cost in sorted(result.policies, key=lambda cost: cost.total)
    }


def _table(command: Command, result: "LabResult") -> None:
    from widgets.text import visible

    signs = _signs(result)
    small = min((cost.total for cost in result.policies), default=0.0) < 10

    def money(amount: float) -> str:
        return f"{amount:.4f}" if small else f"{amount:,.2f}"

    columns = (">cost", ">× opt", ">storage", ">requests", ">retrieval", ">moving", ">early")
    rows = []
    for cost in sorted(result.policies, key=lambda cost: cost.total):
        amounts = (cost.storage, cost.requests, cost.retrieval, cost.transitions)
        rows.append(
            (
                signs[cost.policy],
                money(cost.total),
                "-" if cost.ratio is None else f"{cost.ratio:.3f}",
                *(money(amount) for amount in (*amounts, cost.early_deletion)),
                f"{cost.moves:,}",
                f"{cost.reads_delayed:,}",
                visible(cost.policy),
            )
        )
    command.out.table(("", *columns, ">moves", ">waiting", "policy"), rows)


def _chart(result: "LabResult") -> list[str]:
    """Cumulative cost over the days, the cheapest drawn on top."""
    import shutil

    from astra_tui.cli.linechart import line_chart

    signs = _signs(result)
    ordered = sorted(result.policies, key=lambda cost: cost.total)
    return line_chart(
        [(signs[cost.policy], cost.cumulative) for cost in ordered],
        (str(result.first), str(result.last)),
        width=min(shutil.get_terminal_size((100, 24)).columns, 120),
    )
