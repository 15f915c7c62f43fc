"""`astra ls` and `astra dashboard`: what lies where, and what it costs."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli.context import Command, verb
from astra_tui.cli.exits import Exit
from astra_tui.cli.output import usd
from engine.errors import AstraError, NotFound, StoreError

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import Address, CloudStatus, ListingView, MigrationStatistics, ObjectRow

_WINDOW = 1000
_JSON_WINDOW = 5000  # rows of one write
_SORTS = ("name", "size", "age", "tier", "cost", "accesses", "idle", "class")


@verb("ls")
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@click.option("--sort", type=click.Choice(_SORTS), default="name", help="Sort by this column.")
@click.option("--reverse", "-r", is_flag=True, help="Turn the order around.")
@click.option("--filter", "text", default="", help="Only keys with this text, or of this glob.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many of each address.")
def ls(
    command: Command,
    addresses: Sequence[str],
    sort: str,
    reverse: bool,
    text: str,
    limit: int | None,
) -> int:
    """List objects with tier, size, cost and age.

    An address is `cloud:` (its default bucket, or its first one), `cloud:bucket`, a prefix that
    ends in `/`, or one key. Without an address every cloud is listed so.
    """
    from engine.model import ListingQuery, SortKey

    settings = command.settings
    wanted = [place(command, address) for address in addresses] or [
        place(command, f"{cloud.name}:") for cloud in settings.clouds
    ]
    query = ListingQuery(SortKey(sort), reverse, text)

    async def work(engine: "Engine") -> int:
        code = Exit.DONE
        for address in wanted:
            try:
                found, view = await listing(engine, address, query)
                _print_rows(command, found, view, limit)
            except StoreError as error:
                from astra_tui.cli.exits import explain

                command.out.say(explain(error))
                code = Exit.FAILED
        return code

    return command.run(work, look=True, spare=lambda error: _without_state(command, error))


def _without_state(command: Command, error: AstraError) -> None:
    from astra_tui.cli.exits import explain

    command.out.say(explain(error).replace("Error", "Warning", 1))
    command.out.say("  The list goes on without it: no access history, no simulated ages.")


def place(command: Command, text: str) -> "Address":
    """An address, or `cloud` or `cloud:` for the cloud's default bucket and prefix.

    A cloud without a default bucket shows its first one, as in the console: the bucket of the
    address is empty then.
    """
    from engine.model import Address

    name = text.removesuffix(":")
    cloud = command.settings.cloud(name)
    if cloud is not None and not cloud.bucket:
        return Address(name, "", cloud.prefix)
    return command.default_place(name) if cloud is not None else command.address(text)


async def listing(
    engine: "Engine", address: "Address", query: Any
) -> "tuple[Address, ListingView]":
    """List a place and see it through a query; also its address, with the bucket that was
    found where none was named. Raises StoreError if the listing failed."""
    from dataclasses import replace

    from engine.model import ListingState

    engine.scan(address.cloud, bucket=address.bucket or None, prefix=address.key)
    status = await engine.scanned(address.cloud)
    if status.state is ListingState.FAILED:
        where = f"{address.cloud}:{status.bucket}" if status.bucket else address.cloud
        raise StoreError(status.error, subject=where, todo=status.error_todo)
    found = replace(address, bucket=address.bucket or status.bucket)
    return found, await engine.view(address.cloud, query)


def rows_of(view: "ListingView", address: "Address") -> "Iterator[ObjectRow]":
    """The rows of the address: all below a prefix, else that key alone."""
    for start in range(0, len(view), _WINDOW):
        for row in view.rows(start, start + _WINDOW):
            if row is not None and (address.is_prefix or row.key == address.key):
                yield row


def _print_rows(
    command: Command, address: "Address", view: "ListingView", limit: int | None
) -> None:
    from itertools import islice

    rows = rows_of(view, address)
    first = next(rows, None)
    if first is None and not address.is_prefix:
        raise NotFound(
            "There is no such object.",
            subject=str(address),
            todo=f"For everything below it, end the address with a slash: {address}/",
        )
    if first is None:
        command.out.say(f"{address} is empty.")
        return

    def every() -> "Iterator[ObjectRow]":
        yield first
        yield from rows

    chosen = islice(every(), limit)
    if command.out.json:
        if address.is_prefix:
            command.out.emit_lines(json_lines(address, view, limit))
        else:
            command.out.emit_all(row_json(address, row) for row in chosen)
        return
    from widgets.text import age_text, bytes_text, visible

    where = f"{address.cloud}:{address.bucket}/"
    columns = ("tier", "class", ">size", ">$/month")
    more = (">age", ">reads 30d", "object")
    lines = (
        (
            row.tier.value,
            row.storage_class or "-",
            bytes_text(row.size),
            usd(row.cost_month),
            age_text(row.age_days),
            str(row.reads_30d),
            visible(where) + visible(row.key),
        )
        for row in chosen
    )
    command.out.table((*columns, *more), lines)


def json_lines(
    address: "Address", view: "ListingView", limit: int | None
) -> "Iterator[Sequence[str]]":
    """Every row as `row_json` has it, encoded: windows of lines, at a third of the cost."""
    from functools import lru_cache
    from json.encoder import encode_basestring_ascii

    quoted = lru_cache(1000)(encode_basestring_ascii)  # for the few texts that come again
    count = len(view) if limit is None else min(limit, len(view))
    place = encode_basestring_ascii(f"{address.cloud}:{address.bucket}/").removesuffix('"')
    where = f'"cloud": {quoted(address.cloud)}, "bucket": {quoted(address.bucket)}'
    for start in range(0, count, _JSON_WINDOW):
        columns = view.columns(start, min(start + _JSON_WINDOW, count))
        names = list(map(encode_basestring_ascii, columns.key))
        rows = zip(names, *columns[1:], strict=True)
        yield [
            f'{{"address": {place}{name[1:]}, {where}, "key": {name}, "size": {size}'
            f', "modified": {modified!r}, "age_days": {age!r}, "storage_class": {quoted(held)}'
            f', "tier": {quoted(tier.value)}'
            f', "cost_month": {"null" if cost is None else repr(cost)}'
            f', "reads_30d": {reads}, "idle_days": {idle!r}'
            f', "target_class": {quoted(target) if target else "null"}}}'
            for name, size, modified, age, held, tier, cost, reads, idle, target in rows
        ]


def row_json(address: "Address", row: "ObjectRow") -> dict[str, Any]:
    """One object of a listing as `--json` prints it. Money in USD a month, null unknown."""
    return {
        "address": f"{address.cloud}:{address.bucket}/{row.key}",
        "cloud": address.cloud,
        "bucket": address.bucket,
        "key": row.key,
        "size": row.size,
        "modified": row.modified,
        "age_days": row.age_days,
        "storage_class": row.storage_class,
        "tier": row.tier.value,
        "cost_month": row.cost_month,
        "reads_30d": row.reads_30d,
        "idle_days": row.idle_days,
        "target_class": row.target_class or None,
    }


@verb("dashboard")
@click.option("--policy", default="", help="Let a policy decide first, to show what it saves.")
def dashboard(command: Command, policy: str) -> int:
    """Show every cloud: objects, bytes, tiers, cost; and the migrations so far."""
    names = [cloud.name for cloud in command.settings.clouds]

    async def work(engine: "Engine") -> int:
        statuses = await scan_all(engine, names)
        if policy:
            await engine.decide(policy, [s.name for s in statuses if s.state != "failed"])
        snapshot = engine.snapshot()
        clouds = [status for status in snapshot.clouds if status.name in names]
        asked = bool(snapshot.decided_by or snapshot.decisions)
        if not asked:  # what should be where is not known, nor what that would cost
            snapshot = replace(snapshot, projected_month=None)
            clouds = [replace(status, projected_month=None) for status in clouds]
        for status in clouds:
            command.out.emit(_cloud_json(status))
        statistics = await engine.statistics()
        command.out.emit(
            {
                "total": {
                    "objects": sum(status.objects for status in clouds),
                    "bytes": sum(status.bytes for status in clouds),
                    "cost_month": snapshot.cost_month,
                    "projected_month": snapshot.projected_month,
                    "decisions": snapshot.decisions,
                },
                "migrations": statistics_json(statistics),
            }
        )
        if not command.out.json:
            _print_dashboard(command, clouds, statistics, asked=asked)
        failed = [status for status in clouds if status.state == "failed"]
        for status in failed:
            command.out.say(f"{status.name}: {status.error} {status.error_todo}".rstrip())
        return Exit.FAILED if failed else Exit.DONE

    return command.run(work, look=True)


async def scan_all(engine: "Engine", names: Sequence[str]) -> "list[CloudStatus]":
    """List these clouds' default places side by side; returns how each ended."""
    for name in names:
        engine.scan(name)
    return list(await asyncio.gather(*(engine.scanned(name) for name in names)))


def statistics_json(statistics: "MigrationStatistics") -> dict[str, Any]:
    """The ledger's sums. `success_rate` from 0 to 1, null while nothing was attempted."""
    return {
        "attempted": statistics.attempted,
        "successful": statistics.successful,
        "failed": statistics.failed,
        "cancelled": statistics.cancelled,
        "success_rate": statistics.success_rate,
        "bytes": statistics.bytes,
        "seconds": statistics.seconds,
        "saving_per_month": statistics.saving_per_month,
        "routes": [
            {
                "route": route.route,
                "attempted": route.attempted,
                "successful": route.successful,
                "failed": route.failed,
                "bytes": route.bytes,
            }
            for route in statistics.routes
        ],
    }


def _cloud_json(status: "CloudStatus") -> dict[str, Any]:
    return {
        "cloud": status.name,
        "kind": status.kind.value,
        "provider": status.provider.value,
        "region": status.region,
        "bucket": status.bucket,
        "prefix": status.prefix,
        "state": status.state.value,
        "error": status.error or None,
        "objects": status.objects,
        "bytes": status.bytes,
        "cost_month": status.cost_month,
        "projected_month": status.projected_month,
        "tiers": {
            tier.value: {"objects": objects, "bytes": size}
            for tier, objects, size in status.by_tier
        },
    }


def _print_dashboard(
    command: Command,
    clouds: "Sequence[CloudStatus]",
    statistics: "MigrationStatistics",
    *,
    asked: bool,
) -> None:
    from engine.model import ListingState, Tier
    from widgets.text import bytes_text, count_text, duration_text, visible

    rows = []
    for status in clouds:
        tiers = {tier: objects for tier, objects, _ in status.by_tier}
        unlisted = status.state is ListingState.FAILED  # what was not seen costs no $0.00
        rows.append(
            (
                status.name,
                status.region or "-",
                status.state.value,
                count_text(status.objects),
                bytes_text(status.bytes),
                *(count_text(tiers.get(tier, 0)) for tier in Tier),
                usd(None if unlisted else status.cost_month),
                usd(None if unlisted else status.projected_month) if asked else "-",
                visible(f"{status.bucket}/{status.prefix}" if status.bucket else "-"),
            )
        )
    command.out.table(
        (
            *("cloud", "region", "state", ">objects", ">size"),
            *(f">{tier.value}" for tier in Tier),
            *(">$/month", ">planned", "bucket"),
        ),
        rows,
    )
    rate = statistics.success_rate
    saves = statistics.saving_per_month  # 0 also where a price is unknown
    word = "saving" if saves > 0 else "adding"
    command.out.line()
    command.out.line(
        f"Migrations: {count_text(statistics.attempted)} attempted, "
        f"{count_text(statistics.successful)} successful, {count_text(statistics.failed)} failed"
        + (f" ({rate:.1%} successful)" if rate is not None else "")
        + f"; {bytes_text(statistics.bytes)} in {duration_text(statistics.seconds)}"
        " of work" + (f", {word} {usd(abs(saves), currency=True)} a month." if saves else ".")
    )
