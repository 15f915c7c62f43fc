"""`astra place`: where a new object costs least over its life."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli import options
from astra_tui.cli.context import DONE, Command, verb
from astra_tui.cli.output import usd
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.placement import Offer


@verb("place")
@click.argument("size", type=options.Size())
@click.option(
    "--reads-month",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="Whole reads a month that are expected.",
)
@click.option(
    "--life-months",
    type=click.FloatRange(0, min_open=True),
    default=12.0,
    show_default=True,
    help="Months until it will be deleted.",
)
@click.option(
    "--readers",
    default="internet",
    show_default=True,
    metavar="CLOUD|internet",
    help="Where the readers are: reads pay egress unless they run in the cloud itself.",
)
@click.option("--may-wait", is_flag=True, help="Readers can wait hours for a restore.")
@click.option("--name", default="", help="Its name; monthly_report_* must open at once.")
@click.option("--all", "every", is_flag=True, help="Every class, not only each cloud's best.")
def place(
    command: Command,
    size: int,
    reads_month: float,
    life_months: float,
    readers: str,
    may_wait: bool,
    name: str,
    every: bool,
) -> int:
    """Show where a new object of SIZE (such as 20GiB) costs least over its life.

    All classes of the configured clouds are compared: upload, storage with minimum days, reads
    with retrieval, and egress to the readers.
    """
    from engine.placement import NewObject, offers
    from engine.pricing.book import PriceBook

    settings = command.settings
    regions = [(cloud.provider, cloud.region) for cloud in settings.clouds]
    book = PriceBook.load(settings.prices_file, regions)
    new = NewObject(size, reads_month, life_months, readers, may_wait, name)
    found = offers(new, settings.clouds, book)
    if not found:
        raise UsageError(
            "No configured cloud has a class whose prices are all known.",
            todo="Give the missing figures in a price file of your own (`astra prices`).",
        )
    left_out = {cloud.name for cloud in settings.clouds} - {offer.cloud for offer in found}
    shown = found if every else _best_of_each(found)
    for rank, offer in enumerate(shown, 1):
        command.out.emit(_json(offer, rank))
    heads = (">USD/mo", ">over life", ">storage", ">reads", ">egress", "opens", "cloud and class")
    command.out.table(heads, [_row(offer) for offer in shown])
    for cloud in settings.clouds:
        note = book.note(cloud.provider, cloud.region)
        if note and cloud.name not in left_out:
            command.out.say(note)
    if left_out:
        names = ", ".join(sorted(left_out))
        command.out.say(f"Left out, read-only or without known prices: {names}.")
    return DONE


def _best_of_each(found: "list[Offer]") -> "list[Offer]":
    best: dict[str, Offer] = {}
    for offer in found:
        best.setdefault(offer.cloud, offer)
    return list(best.values())


def _json(offer: "Offer", rank: int) -> dict[str, Any]:
    return {
        "rank": rank,
        "cloud": offer.cloud,
        "provider": offer.provider,
        "region": offer.region or None,
        "storage_class": offer.storage_class,
        "tier": offer.tier,
        "month_usd": offer.month,
        "life_usd": offer.life,
        "upload_usd": offer.upload,
        "storage_usd": offer.storage,
        "reads_usd": offer.reads,
        "egress_usd": offer.egress,
        "first_byte": offer.first_byte,
    }


def _row(offer: "Offer") -> tuple[str, ...]:
    costs = (offer.month, offer.life, offer.storage, offer.reads, offer.egress)
    where = f"{offer.cloud} {offer.storage_class} ({offer.provider} {offer.region})"
    return (*(usd(cost) for cost in costs), offer.first_byte, where)
