"""`astra prices`: every figure with its age and origin, the operator's own file included."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from astra_tui.cli.context import DONE, Command, verb
from engine.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from engine.pricing.book import PriceBook, PriceLine
    from engine.pricing.classes import ClassPrice

_PROVIDERS = ("aws", "gcp", "azure", "onprem")
_ALL = "all"
_OLD_DAYS = 365


@verb("prices")
@click.argument("provider", required=False, type=click.Choice(_PROVIDERS))
@click.option(
    "--region",
    default="",
    help="Only this region; `all` for every one (default: each provider's reference region and "
    "those that your own file names).",
)
@click.option("--class", "storage_class", default="", help="Only this storage class.")
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path),
    help="Lay this price file over the built-in prices, instead of the configured one.",
)
@click.option("--own", is_flag=True, help="Only the figures that your own file states.")
def prices(
    command: Command,
    provider: str | None,
    region: str,
    storage_class: str,
    path: Path | None,
    own: bool,
) -> int:
    """Show prices in USD, how old each is and where it comes from; check a file of your own."""
    from engine.pricing.book import PriceBook
    from widgets.text import visible

    path = path or _configured(command)
    if own and path is None:
        raise UsageError(
            "There is no price file of your own.",
            todo="Name one with --file, or set prices in [engine] of the configuration.",
        )
    book = PriceBook.load(path)
    every = [line for line in book.lines() if not provider or line.provider == provider]
    shown = _regions(book, every, region)
    found = [
        line
        for line in every
        if (not line.region or line.region in shown)
        and (not region or region == _ALL or line.region == region)
        and (not storage_class or line.storage_class.upper() == storage_class.upper())
        and (not own or line.own)
    ]
    if not found:
        regions = sorted({line.region for line in every} - {""})
        raise UsageError("No price fits.", todo=f"Regions: {', '.join(regions)}.")
    today = dt.date.today()
    for line in found:
        command.out.emit(_json(line, today))
    columns = ("provider", "region", "class", "price", ">USD")
    more = ("per", ">age", "source")
    command.out.table((*columns, *more), [_row(line, today) for line in found])
    if not own:
        _tell_rules(command, book, found)
    sources = {line.source for line in found if line.source in book.sources}
    for name in sorted(sources):
        command.out.line(visible(f"{name}: {book.sources[name]}"))
    hidden = {line.region for line in every} - shown - {""}
    _tell_doubts(command, found, today, len(hidden) if not region and not own else 0)
    return DONE


def _configured(command: Command) -> Path | None:
    try:
        return command.settings.prices_file
    except ConfigError:
        if command.options.config is not None:
            raise
        return None  # the built-in prices need no configuration


def _regions(book: "PriceBook", lines: Sequence["PriceLine"], region: str) -> set[str]:
    if region == _ALL:
        return {line.region for line in lines}
    if region:
        return {region}
    reference = {book.reference_region(line.provider) for line in lines}
    return reference | {line.region for line in lines if line.own}


def _tell_rules(command: Command, book: "PriceBook", found: Sequence["PriceLine"]) -> None:
    """What a class demands beside its prices: minimum days and sizes, overheads, waiting."""
    from widgets.text import visible

    places = dict.fromkeys((x.provider, x.region, x.storage_class) for x in found)
    rows = []
    for provider, region, name in places:
        price = book.get(provider, region, name) if name else None
        if price is None:
            continue
        command.out.emit({"rules": _rules(price, region)})
        rows.append(
            (
                provider.value,
                visible(region) or "-",
                visible(name),
                price.tier.value,
                price.first_byte,
                f"{price.min_days:g}" if price.min_days else "-",
                _size(price.min_size),
                _size(price.overhead + price.overhead_default),
            )
        )
    heads = ("provider", "region", "class", "tier", "opens in", ">min days", ">min size", ">extra")
    if rows:
        command.out.line()
        command.out.table(heads, rows)
        command.out.line()


def _rules(price: "ClassPrice", region: str) -> dict[str, object]:
    return {
        "provider": price.provider.value,
        "region": region or None,
        "storage_class": price.name,
        "tier": price.tier.value,
        "min_days": price.min_days,
        "min_size": price.min_size,
        "overhead": price.overhead,
        "overhead_default": price.overhead_default,
        "readable": price.readable,
        "restore_hours": {speed.name: speed.hours for speed in price.restore},
    }


def _tell_doubts(
    command: Command, found: Sequence["PriceLine"], today: dt.date, hidden: int
) -> None:
    if any(line.remembered for line in found):
        command.out.say("Figures marked ? are remembered, not read in a source: check them.")
    old = sum(line.as_of is not None and (today - line.as_of).days > _OLD_DAYS for line in found)
    if old:
        some = "1 figure is" if old == 1 else f"{old} figures are"
        command.out.say(f"{some} more than a year old: check before you rely on it.")
    if hidden:
        command.out.say(f"{hidden} regions more: --region NAME, or --region {_ALL}.")


def _json(line: "PriceLine", today: dt.date) -> dict[str, object]:
    return {
        "provider": line.provider.value,
        "region": line.region or None,
        "storage_class": line.storage_class or None,
        "name": line.name,
        "unit": line.unit,
        "usd": line.usd,
        "as_of": line.as_of.isoformat() if line.as_of else None,
        "age_days": (today - line.as_of).days if line.as_of else None,
        "source": line.source or None,
        "remembered": line.remembered,
        "own": line.own,
    }


def _row(line: "PriceLine", today: dt.date) -> tuple[str, ...]:
    from widgets.text import visible

    return (
        line.provider.value,
        visible(line.region) or "-",
        visible(line.storage_class) or "-",
        visible(line.name),
        "unknown" if line.usd is None else f"{line.usd:g}",
        line.unit,
        f"{(today - line.as_of).days} days" if line.as_of else "-",
        visible(line.source) + (" ?" if line.remembered else ""),
    )


def _size(size: int) -> str:
    return f"{size / 1024:g} KiB" if size else "-"
