"""`astra access`: accesses simulated through Kafka, and the history of earlier ones imported."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli.context import DONE, Command, verb
from astra_tui.cli.events import send_events, sending_options
from astra_tui.cli.exits import Exit
from astra_tui.cli.output import counted

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.imports.records import ImportSummary

_FORMATS = ("auto", "s3-log", "cloudtrail", "csv")


class SimulateFirst(click.RichGroup):
    """`astra access ADDRESS` is `astra access simulate ADDRESS`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["simulate", *args]
        return super().parse_args(ctx, args)


@click.group("access", cls=SimulateFirst)
def access() -> None:
    """Simulate accesses (`astra access ADDRESS`), or import the history of earlier ones."""


@verb("simulate", group=access)
@sending_options
def simulate(command: Command, addresses: Sequence[str], **values: Any) -> int:
    """Simulate accesses to objects: they come back through Kafka and are counted."""
    return send_events(command, addresses, there=True, **values)


@verb("import", group=access)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    *("--format", "form"),
    type=click.Choice(_FORMATS),
    default="auto",
    show_default=True,
    help="Of all these files; auto looks at each.",
)
@click.option("--cloud", default="", help="Whose logs they are, where buckets do not tell.")
@click.option("--under", metavar="ADDRESS", help="What the objects of a table lie below.")
def import_(
    command: Command, paths: Sequence[Path], form: str, cloud: str, under: str | None
) -> int:
    """Import access logs into the history: files, or folders of them, gzipped or not.

    S3 server access logs, CloudTrail data events, or tables `object,date,reads,bytes_read` and
    `timestamp,address,op,bytes`. What was imported before is not counted again.
    """
    if cloud:
        command.check_cloud(cloud)
    base = command.address(under) if under else None

    def progress(summary: "ImportSummary") -> None:
        command.out.say(f"{summary.records:,} records, {summary.reads + summary.days:,} of reads …")

    async def work(engine: "Engine") -> int:
        summary = await engine.import_logs(
            [path.absolute() for path in paths],
            format=form,
            cloud=cloud,
            base=base,
            progress=progress,
        )
        _tell(command, summary)
        return Exit.FAILED if summary.bad or summary.failed else DONE

    return command.run(work)


def _tell(command: Command, summary: "ImportSummary") -> None:
    from widgets.text import visible

    for bad in summary.worst:
        command.out.emit({"bad": {"file": bad.file, "line": bad.line, "reason": bad.reason}})
        command.out.say(f"{visible(bad.file)}:{bad.line}: {visible(bad.reason)}")
    if summary.bad > len(summary.worst):
        command.out.say(f"… and {summary.bad - len(summary.worst):,} records more that do not fit.")
    for name, reason in summary.failed:
        command.out.emit({"failed": {"file": name, "reason": reason}})
        command.out.say(f"{visible(name)} could not be read to its end: {visible(reason)}")
    rate = summary.records / summary.seconds if summary.seconds else 0.0
    command.out.emit(
        {
            "summary": {
                "files": summary.files,
                "records": summary.records,
                "reads": summary.reads,
                "days": summary.days,
                "known": summary.known,
                "others": summary.others,
                "bad": summary.bad,
                "failed_files": len(summary.failed),
                "objects": summary.objects,
                "bytes": summary.nbytes,
                "first_day": _date(summary.first),
                "last_day": _date(summary.last),
                "seconds": round(summary.seconds, 3),
                "records_per_second": round(rate),
            }
        }
    )
    span = f", {_date(summary.first)} to {_date(summary.last)}" if summary.first else ""
    what = f"{counted(summary.days, 'day')} of reads" if summary.days else ""
    what = what or counted(summary.reads, "read")
    command.out.line(
        f"{what} of {counted(summary.objects, 'object')} imported{span}, from "
        f"{counted(summary.records, 'record')} of {counted(summary.files, 'file')}: "
        f"{summary.known:,} known already, {summary.others:,} no reads, "
        f"{summary.bad:,} that do not fit ({rate:,.0f} a second)."
    )


def _date(day: int | None) -> str | None:
    return dt.date.fromordinal(day + 719163).isoformat() if day is not None else None
