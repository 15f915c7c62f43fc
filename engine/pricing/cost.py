"""Honest arithmetic: what an object costs a month, and what it costs once to move it.

A GB here is 1024**3 bytes: the providers write "GB" and bill gibibytes. A month has
365.25 / 12 days. Amounts are USD; None means that a figure is unknown, never that it is
free. What is multiplied by nothing costs nothing even at an unknown price.

What is left out, and said where it matters: egress of ordinary reads (Astra does not know
where the readers are), taxes, negotiated discounts, free tiers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.model import MoveKind
from engine.pricing.classes import ClassPrice

GB = 1024**3
DAYS_PER_MONTH = 365.25 / 12
RESTORE_DAYS = 7.0  # how long a restored copy is asked for
_TIER_ORDER = ("HOT", "WARM", "COLD", "ARCHIVE")


def gigabytes(size: int) -> float:
    """Bytes as billed GB (1024**3)."""
    return size / GB


def storage_month(price: ClassPrice, size: int, *, idle_days: float = 0.0) -> float | None:
    """Storing one object of `size` bytes for a month: minimum size, overheads and monitoring.

    `idle_days` matters only to a class that tiers by itself.
    """
    rate, monitoring = price.storage, price.monitoring
    if price.automatic:
        if size < price.automatic_size:
            monitoring = 0.0
        else:
            for days, cooler in price.automatic:
                if idle_days >= days:
                    rate = cooler
    return _known(
        _times(rate, gigabytes(max(size, price.min_size) + price.overhead))
        + _times(price.default_storage, gigabytes(price.overhead_default))
        + _times(monitoring, 1 / 1000)
    )


def read_cost(price: ClassPrice, size: int) -> float | None:
    """Reading the whole object once; with the standard restore where one is needed."""
    return _known(
        _times(price.get, 1 / 1000)
        + _times(price.retrieval, gigabytes(size))
        + _restore_request(price)
    )


def month_cost(
    price: ClassPrice, size: int, reads: float = 0.0, *, idle_days: float = 0.0
) -> float | None:
    """A month of storage and of `reads` whole reads, without egress."""
    stored = storage_month(price, size, idle_days=idle_days)
    if stored is None or reads <= 0:
        return stored
    once = read_cost(price, size)
    return None if once is None else stored + reads * once


def early_deletion(price: ClassPrice, size: int, days_in_class: float) -> float | None:
    """The fee for leaving a class before its minimum days are served."""
    left = max(price.min_days - max(days_in_class, 0.0), 0.0)
    if not left:
        return 0.0
    billed = gigabytes(max(size, price.min_size) + price.overhead)
    return _known(_times(price.storage, billed * left / DAYS_PER_MONTH))


@dataclass(frozen=True, slots=True)
class MoveCost:
    """What a move costs once. `total` None if any needed figure is unknown (`unknown` names
    them); `lines` has what is known, as (what, USD)."""

    lines: tuple[tuple[str, float], ...]
    unknown: tuple[str, ...] = ()

    @property
    def total(self) -> float | None:
        return None if self.unknown else sum([amount for _, amount in self.lines])

    def line(self, start: str) -> float:
        """The sum of the known lines whose text starts so."""
        return sum([amount for text, amount in self.lines if text.startswith(start)])


def move_cost(
    source: ClassPrice,
    target: ClassPrice,
    size: int,
    *,
    kind: MoveKind = MoveKind.MOVE,
    days_in_class: float = 0.0,
    egress: float | None = 0.0,
    puts: int = 1,
    source_reads: int | None = None,
    reread: bool = True,
    restored: bool = False,
    restore_speed: str = "standard",
    restore_days: float = RESTORE_DAYS,
) -> MoveCost:
    """The one-time cost of moving, copying or re-classing one object of `size` bytes.

    `egress` is what the bytes pay to leave the source's cloud (None unknown). `puts` counts
    the write requests (the parts of a multipart upload and the two around them).
    `source_reads` is how often Astra reads the source: once by default, or not at all for a
    change of class in place, which happens inside the store. `reread`: the result is read back
    for verification, where its class can be read. `restored`: an archived source was restored
    already; else it is asked for at that speed, for so many days.
    """
    bill = _Bill()
    gb = gigabytes(size)
    in_place = kind is MoveKind.TIER
    reads = (0 if in_place else 1) if source_reads is None else source_reads
    # Changing a class reads the object inside the store, cooler classes of some providers aside.
    copied = in_place and (source.cooling_retrieval or not _cooler(target, source))
    much, there, here = _gb(gb), _name(source), _name(target)
    if not source.readable and not restored:
        _restore(bill, source, gb, restore_speed, restore_days)
    if source.readable and reads + copied:
        each = f"{reads + copied} × " if reads + copied > 1 else ""
        text = f"retrieval: {each}{much} from {there}"
        bill.add(text, source.retrieval, (reads + copied) * gb)
    if reads:
        text = f"GET and HEAD: {reads + 1} requests to {there}"
        bill.add(text, source.get, (reads + 1) / 1000)
    if in_place:
        bill.add(f"class change: 1 request into {here}", target.transition, 1 / 1000)
    else:
        if egress is None:
            bill.unknown.append(f"egress from {source.provider}")
        elif egress:
            bill.lines.append((f"egress: {much} out of {source.provider}", egress))
        many = f"{puts} request{'s' if puts > 1 else ''}"
        bill.add(f"PUT: {many} to {here}", target.put, puts / 1000)
    if reread and target.readable:
        bill.add(f"re-read: 2 requests to {here}", target.get, 2 / 1000)
        bill.add(f"re-read: {much} from {here}", target.retrieval, gb)
    if kind is not MoveKind.COPY:
        left = max(source.min_days - max(days_in_class, 0.0), 0.0)
        fee = early_deletion(source, size, days_in_class)
        if fee is None:
            bill.unknown.append(f"storage of {_name(source)}")
        elif fee:
            text = f"early deletion: {left:.0f} of {source.min_days:g} days not served in"
            bill.lines.append((f"{text} {_name(source)}", fee))
    return MoveCost(tuple(bill.lines), tuple(bill.unknown))


def restore_cost(price: ClassPrice, size: int, *, speed: str = "standard") -> MoveCost:
    """Asking once for an archived object back, for the usual days."""
    bill = _Bill()
    _restore(bill, price, gigabytes(size), speed, RESTORE_DAYS)
    return MoveCost(tuple(bill.lines), tuple(bill.unknown))


def saving_per_month(before: float | None, after: float | None) -> float | None:
    """Before less after, None if either is unknown."""
    return None if before is None or after is None else before - after


def payback_months(once: float | None, saving: float | None) -> float | None:
    """Months until a move has paid for itself; None if it never does, or if unknown."""
    if once is None or saving is None or saving <= 0:
        return None
    return once / saving


def write_requests(size: int, *, threshold: int, part_size: int) -> int:
    """PUTs of one upload: 1, or begin + parts + complete for a multipart one."""
    if size < threshold or part_size <= 0:
        return 1
    return math.ceil(size / part_size) + 2


class _Bill:
    """Collects lines; an unknown price makes the total unknown."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, float]] = []
        self.unknown: list[str] = []

    def add(self, text: str, price: float | None, quantity: float) -> None:
        if not quantity:
            return
        if price is None:
            name = text.partition(":")[0]
            self.unknown.append(f"{name} ({text.rpartition(' ')[2]})")
        elif price:
            self.lines.append((text, price * quantity))


def _restore(bill: _Bill, source: ClassPrice, gb: float, speed_name: str, days: float) -> None:
    speed = source.speed(speed_name)
    if speed is None:
        bill.unknown.append(f"{speed_name} restore from {_name(source)}")
        return
    label = f"{speed.name} restore"
    request = total([speed.per_1k, source.get]) if source.restore_moves else speed.per_1k
    bill.add(f"{label}: 1 request to {_name(source)}", request, 1 / 1000)
    bill.add(f"{label}: {_gb(gb)} from {_name(source)}", speed.per_gb, gb)
    if source.restore_moves:
        return  # it is in its new tier, and no second copy is kept
    kept = gb * days / DAYS_PER_MONTH
    bill.add(
        f"restored copy: {days:g} day{'' if days == 1 else 's'} at the price of the default class"
        f" of {source.provider}",
        source.default_storage,
        kept,
    )


def _restore_request(price: ClassPrice) -> float:
    if price.readable:
        return 0.0
    speed = price.speed("standard")
    return _times(speed.per_1k if speed is not None else None, 1 / 1000)


def _cooler(target: ClassPrice, source: ClassPrice) -> bool:
    return _TIER_ORDER.index(target.tier) > _TIER_ORDER.index(source.tier)


def _times(price: float | None, quantity: float) -> float:
    """NaN stands for unknown between here and `_known`."""
    if not quantity:
        return 0.0
    return math.nan if price is None else price * quantity


def _known(amount: float) -> float | None:
    return None if math.isnan(amount) else amount


def _name(price: ClassPrice) -> str:
    return f"{price.provider} {price.name}"


def _gb(amount: float) -> str:
    return f"{amount:.2f} GB" if amount >= 0.005 else f"{amount * 1024:.3g} MB"


def usd(amount: float | None) -> str:
    """An amount for people: more digits the smaller it is; `unknown` for None."""
    if amount is None:
        return "unknown"
    sign, size = ("−" if amount < 0 else ""), abs(amount)
    if size == 0:
        return "$0"
    if size >= 0.995:
        return f"{sign}${size:,.2f}"
    digits = min(2 - math.floor(math.log10(size)), 9) if size >= 1e-9 else 9
    text = f"{size:.{digits}f}".rstrip("0")
    if not text.strip("0."):
        return f"{sign}<$0.000000001"
    whole, _, part = text.partition(".")
    return f"{sign}${whole}.{part:0<2}"


def total(amounts: Sequence[float | None]) -> float | None:
    """The sum, None if any part is unknown."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None
