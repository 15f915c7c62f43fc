"""Where new objects cost least over their life: every class of every configured cloud.

Counted are the upload, storage for the expected life (at least the class's minimum days), whole
reads with retrieval, and what those reads pay to leave the cloud for their readers. A class of
which a figure is not known is not offered.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import UsageError
from engine.globs import name_fits
from engine.pricing.book import PriceBook
from engine.pricing.classes import ClassPrice
from engine.pricing.cost import (
    DAYS_PER_MONTH,
    early_deletion,
    gigabytes,
    read_cost,
    storage_month,
    total,
)
from engine.settings import CloudSettings

INTERNET = "internet"


@dataclass(frozen=True, slots=True)
class NewObject:
    """What is expected of a new object: bytes, whole reads a month, months until it is deleted.

    `readers` is the cloud they run in (its name in the config) or `internet`; `may_wait`: they
    can wait for a restore.
    """

    size: int
    reads_month: float = 1.0
    life_months: float = 12.0
    readers: str = INTERNET
    may_wait: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """One class of one cloud for a new object. `life` is USD over the whole life, and the sum of
    the lines; `month` that a month. `first_byte` is how long a reader waits."""

    cloud: str
    provider: str
    region: str
    storage_class: str
    tier: str
    month: float
    life: float
    upload: float
    storage: float
    reads: float
    egress: float
    first_byte: str


# What a name tells of an object, where nothing else is said (the names of the policy `rules`).
_MUST_OPEN = ("monthly_report_*",)


def offers(new: NewObject, clouds: Sequence[CloudSettings], book: PriceBook) -> list[Offer]:
    """Every class that fits, cheapest over the life first (of equal ones, the warmer).

    Raises UsageError for expectations that make no sense.
    """
    if new.size < 0 or new.reads_month < 0 or new.life_months <= 0:
        raise UsageError("Size and reads cannot be negative, and the life must be more than 0.")
    readers = next((cloud for cloud in clouds if cloud.name == new.readers), None)
    if readers is None and new.readers != INTERNET:
        raise UsageError(
            f"No cloud is named {new.readers!r} to have the readers in.",
            todo=f"Use internet, {', '.join(cloud.name for cloud in clouds)}.",
        )
    waits = new.may_wait and not any(name_fits(new.name, glob) for glob in _MUST_OPEN)
    found: list[tuple[float, int, Offer]] = []
    for cloud in clouds:
        if cloud.read_only:
            continue
        for rank, price in enumerate(book.classes(cloud.provider, cloud.region)):
            if not (price.choose and (price.readable or waits)):
                continue
            offer = _offer(new, cloud, readers, price, book)
            if offer is not None:
                found.append((offer.life, rank, offer))
    return [offer for _, _, offer in sorted(found, key=lambda item: item[:2])]


def _offer(
    new: NewObject,
    cloud: CloudSettings,
    readers: CloudSettings | None,
    price: ClassPrice,
    book: PriceBook,
) -> Offer | None:
    reads = new.reads_month * new.life_months
    once = read_cost(price, new.size) if reads else 0.0
    near = readers is not None and (readers.provider, readers.region) == (
        cloud.provider,
        cloud.region,
    )
    out = gigabytes(new.size) * new.reads_month
    leaving = 0.0 if near or not out else book.egress(cloud.provider, cloud.region, out)
    parts = (
        None if price.put is None else price.put / 1000,
        _stored(price, new),
        None if once is None else reads * once,
        None if leaving is None else leaving * new.life_months,
    )
    life = total(parts)
    if life is None:
        return None
    upload, storage, read, egress = (part or 0.0 for part in parts)
    return Offer(
        cloud.name,
        cloud.provider.value,
        cloud.region or book.reference_region(cloud.provider),
        price.name,
        price.tier.value,
        life / new.life_months,
        life,
        upload,
        storage,
        read,
        egress,
        price.first_byte,
    )


def _stored(price: ClassPrice, new: NewObject) -> float | None:
    """USD of storage over the life, minimum days included."""
    days = new.life_months * DAYS_PER_MONTH
    early = early_deletion(price, new.size, days)
    if not price.automatic:
        return total([_times(storage_month(price, new.size), new.life_months), early])
    gap = min(DAYS_PER_MONTH / new.reads_month, days) if new.reads_month else days
    starts = [0.0, *(start for start, _ in price.automatic if start < gap)]
    ends = [*starts[1:], gap]
    parts = [
        _times(storage_month(price, new.size, idle_days=start), (end - start) / gap)
        for start, end in zip(starts, ends, strict=True)
    ]
    return _times(total(parts), new.life_months)


def _times(amount: float | None, by: float) -> float | None:
    return None if amount is None else amount * by
