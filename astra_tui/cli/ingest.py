"""`astra ingest`: this machine's files into a cloud, and access history from a table."""

import os
import stat
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli import options
from astra_tui.cli.context import Command, verb
from astra_tui.cli.exits import Exit
from astra_tui.cli.filters import filter_options, take_filters
from astra_tui.cli.migrate import review, run_moving
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import Address


@verb("ingest")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.argument("destination")
@click.option(
    "--history",
    type=click.Path(),
    metavar="CSV",
    help="Access history object,date,reads,bytes_read (also .gz) of objects below DESTINATION.",
)
@options.target_options
@options.proof_options
@options.compress_option
@filter_options
@options.run_options
@options.submit_options
@options.dry_run_option
@options.yes_option
def ingest(command: Command, paths: Sequence[str], destination: str, **values: Any) -> int:
    """Put files and folders into a cloud, each verified like a migration; files stay.

    What a folder holds goes below DESTINATION, which then ends in `/`. Nothing is replaced
    unless --overwrite says so.
    """
    from engine.model import MoveKind

    to_address = command.address(destination)
    sources = [file_address(path) for path in paths]
    tier = options.target(values["tier"], values["storage_class"])
    move_options = options.move_options(values)
    filters = take_filters(values)
    if not sources and not values["history"]:
        raise UsageError("Name files or folders, or --history.")
    history = _history(values["history"], to_address) if values["history"] else []
    if not values["dry_run"]:
        command.forbid_read_only("putting files into a cloud")
    # Creating what was not there destroys nothing; replacing does, and so it is asked about.
    values["yes"] = values["yes"] or not move_options.overwrite

    async def work(engine: "Engine") -> int:
        if history and not values["dry_run"]:
            await engine.import_access(history)
        if history:
            verb = "would be" if values["dry_run"] else "are"
            command.out.say(f"{len(history):,} days of access history {verb} imported.")
        if not sources:
            return Exit.DONE
        plan = await engine.plan_migration(
            sources,
            to_address,
            kind=MoveKind.COPY,
            tier=tier,
            storage_class=values["storage_class"],
            options=move_options,
            filters=filters,
        )
        return await review(command, engine, plan, values)

    return run_moving(command, work, values, files=True)


def file_address(path: str) -> "Address":
    """The address of a file, or of all that a folder holds. Raises UsageError.

    Symbolic links on the way are followed; a file that is itself one is not.
    """
    from astra_tui.config import RESERVED_CLOUD
    from engine.model import Address

    folder, name = os.path.split(os.path.abspath(path))
    full = os.path.join(os.path.realpath(folder), name)
    try:
        mode = os.lstat(full).st_mode
        if stat.S_ISLNK(mode) and os.path.isdir(full):
            full = os.path.realpath(full)
            mode = os.lstat(full).st_mode
    except OSError as error:
        raise UsageError(f"It cannot be read: {error.strerror}.", subject=path) from error
    if stat.S_ISLNK(mode):
        raise UsageError(
            "This is a symbolic link.", subject=path, todo=f"Name {os.path.realpath(full)}."
        )
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise UsageError("This is neither a file nor a folder.", subject=path)
    text = os.fsencode(full).decode("utf-8", "surrogateescape")
    bucket, _, key = text.lstrip("/").partition("/")
    if not bucket or (not key and not stat.S_ISDIR(mode)):
        raise UsageError(
            "Files directly in / cannot be named.", subject=path, todo="Move it into a folder."
        )
    if stat.S_ISDIR(mode) and key:
        key += "/"
    return Address(RESERVED_CLOUD, bucket, key)


def _history(path: str, base: "Address") -> "list[tuple[Address, int, int, int]]":
    """Rows of the table as (address, day, reads, bytes). Raises UsageError naming the line."""
    import csv
    import datetime as dt
    import gzip

    from engine.model import Address

    prefix = base.key
    opener: Any = gzip.open if path.endswith(".gz") else open
    rows: list[tuple[Address, int, int, int]] = []
    line = 1
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as stream:
            table = csv.DictReader(stream)
            missing = {"object", "date", "reads"} - set(table.fieldnames or ())
            if missing:
                raise ValueError(f"the heading lacks {', '.join(sorted(missing))}")
            for row in table:
                line = table.line_num
                day = dt.date.fromisoformat(row["date"]).toordinal() - 719163
                reads, size = int(row["reads"]), int(row.get("bytes_read") or 0)
                if reads < 0 or size < 0:
                    raise ValueError("a count is negative")
                if not row["object"]:
                    raise ValueError("the object has no name")
                address = Address(base.cloud, base.bucket, prefix + row["object"])
                rows.append((address, day, reads, size))
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"The history cannot be read: {reason}.", subject=path) from error
    except (ValueError, TypeError, csv.Error) as error:
        raise UsageError(
            f"Line {line} of the history does not fit: {error}.",
            subject=path,
            safe="Nothing was imported.",
            todo="It needs the columns object,date,reads and perhaps bytes_read.",
        ) from error
    return rows
