"""`astra prices`: every figure with its age and origin."""

import datetime as dt
from typing import TYPE_CHECKING

import rich_click as click

from astra_tui.cli.context import DONE, Command, verb
from engine.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from engine.pricing.book import PriceLine

_PROVIDERS = ("aws", "gcp", "azure", "onprem")


@verb("prices")
@click.argument("provider", required=False, type=click.Choice(_PROVIDERS))
@click.option("--region", default="", help="Only this region.")
@click.option("--class", "storage_class", default="", help="Only this storage class.")
def prices(command: Command, provider: str | None, region: str, storage_class: str) -> int:
    """Show prices in USD, how old each is and where it comes from."""
    from engine.pricing.book import PriceBook

    try:
        path = command.settings.prices_file
    except ConfigError:
        if command.options.config is not None:
            raise
        path = None  # the built-in prices need no configuration
    book = PriceBook.load(path)
    found = [
        line
        for line in book.lines()
        if (not provider or line.provider == provider)
        and (not region or line.region == region)
        and (not storage_class or line.storage_class.upper() == storage_class.upper())
    ]
    if not found:
        regions = {
            line.region for line in book.lines() if not provider or line.provider == provider
        }
        raise UsageError("No price fits.", todo=f"Regions: {', '.join(sorted(regions - {''}))}.")
    today = dt.date.today()
    for line in found:
        command.out.emit(
            {
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
            }
        )
    columns = ("provider", "region", "class", "price", ">USD")
    more = ("per", ">age", "source")
    command.out.table((*columns, *more), [_row(line, today) for line in found])
    sources = {line.source for line in found if line.source in book.sources}
    for name in sorted(sources):
        command.out.line(f"{name}: {book.sources[name]}")
    if any(line.remembered for line in found):
        command.out.say("Figures marked ? are remembered, not read in a source: check them.")
    return DONE


def _row(line: "PriceLine", today: dt.date) -> tuple[str, ...]:
    return (
        line.provider.value,
        line.region or "-",
        line.storage_class or "-",
        line.name,
        "unknown" if line.usd is None else f"{line.usd:g}",
        line.unit,
        f"{(today - line.as_of).days} days" if line.as_of else "-",
        line.source + (" ?" if line.remembered else ""),
    )
