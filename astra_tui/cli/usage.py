"""`astra du`: what each folder holds and what it costs a month."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli.context import Command, verb
from astra_tui.cli.exits import Exit
from astra_tui.cli.output import usd
from engine.errors import StoreError, UsageError

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import Address, FolderUsage

_SORTS = ("name", "size", "cost", "objects")


@verb("du")
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@click.option("--depth", "-d", type=click.IntRange(min=0), default=1, show_default=True,
              help="Folders down to so many levels below the address.")  # fmt: skip
@click.option("--sort", type=click.Choice(_SORTS), default="name",
              help="Order of the lines; by anything but the name the largest first.")  # fmt: skip
@click.option("--reverse", "-r", is_flag=True, help="Turn the order around.")
@click.option(
    "--limit", type=click.IntRange(min=1), help="At most so many folders of each address."
)
def du(
    command: Command,
    addresses: Sequence[str],
    depth: int,
    sort: str,
    reverse: bool,
    limit: int | None,
) -> int:
    """Sum up folders: objects, bytes, cost a month, share of the whole.

    An address is `cloud:`, `cloud:bucket` or a prefix that ends in `/`; without one every cloud
    is summed up. The last line is the whole. A cost that is not known for all objects of a folder
    is unknown.
    """
    from astra_tui.cli.listing import place

    wanted = [place(command, address) for address in addresses] or [
        place(command, f"{cloud.name}:") for cloud in command.settings.clouds
    ]
    for address in wanted:
        if not address.is_prefix:
            raise UsageError(
                "This is one object, no folder.",
                subject=str(address),
                todo=f"For everything below it, end the address with a slash: {address}/",
            )

    async def work(engine: "Engine") -> int:
        from astra_tui.cli.exits import explain

        code = Exit.DONE
        for address in wanted:
            try:
                found, lines = await _sums(engine, address, depth)
            except StoreError as error:
                command.out.say(explain(error))
                code = Exit.FAILED
                continue
            whole = lines.pop(0)
            _sort(lines, sort, reverse)
            _print(command, found, [*lines[:limit], whole], whole)
        return code

    return command.run(work, look=True)


async def _sums(
    engine: "Engine", address: "Address", depth: int
) -> "tuple[Address, list[FolderUsage]]":
    """List a place and sum it up; the place itself comes first."""
    from astra_tui.cli.listing import listing
    from engine.model import ListingQuery

    found, _ = await listing(engine, address, ListingQuery())
    pages = engine.usage(found.cloud, found.key, depth)
    return found, [line async for page in pages for line in page]


def _sort(lines: "list[FolderUsage]", by: str, reverse: bool) -> None:
    """By name as they come, each folder before what lies in it; else the largest first, what is
    not known last."""
    if by == "name":
        if reverse:
            lines.reverse()
        return
    known = [line for line in lines if by != "cost" or line.cost_month is not None]
    rest = [line for line in lines if by == "cost" and line.cost_month is None]
    values = {
        "size": lambda line: line.size,
        "cost": lambda line: line.cost_month,
        "objects": lambda line: line.objects,
    }
    known.sort(key=values[by], reverse=not reverse)
    lines[:] = [*known, *rest]


def _print(
    command: Command, place: "Address", lines: "Sequence[FolderUsage]", whole: "FolderUsage"
) -> None:
    if command.out.json:
        command.out.emit_all(_json(place, line, whole) for line in lines)
        return
    from widgets.text import bytes_text, count_text, visible

    where = visible(f"{place.cloud}:{place.bucket}/")
    command.out.table(
        (">objects", ">size", ">$/month", ">share", "folder"),
        (
            (
                count_text(line.objects),
                bytes_text(line.size),
                usd(line.cost_month),
                f"{_share(line.size, whole.size):.1%}",
                where + visible(line.folder),
            )
            for line in lines
        ),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _json(place: "Address", line: "FolderUsage", whole: "FolderUsage") -> dict[str, Any]:
    """One folder as `--json` prints it; shares from 0 to 1, null where a cost is unknown."""
    known = line.cost_month is not None and whole.cost_month is not None
    share = _share(line.cost_month or 0.0, whole.cost_month or 0.0) if known else None
    return {
        "address": f"{place.cloud}:{place.bucket}/{line.folder}",
        "cloud": place.cloud,
        "bucket": place.bucket,
        "prefix": line.folder,
        "depth": line.depth,
        "objects": line.objects,
        "bytes": line.size,
        "bytes_share": _share(line.size, whole.size),
        "cost_month": line.cost_month,
        "cost_share": share,
    }
