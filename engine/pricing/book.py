"""The price book: what every storage class costs, where the figure comes from, how sure it is.

Unknown is None, never 0. Prices are those of a region; a region that is not listed gets its
provider's reference region, and `PriceBook.note` says so.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ConfigError
from engine.model import Provider, Tier
from engine.pricing.classes import ClassPrice, RestoreSpeed, class_price
from engine.pricing.parse import (
    ALWAYS,
    ClassEntry,
    EgressEntry,
    FeeEntry,
    Figure,
    PriceFile,
    ProviderEntry,
    read_prices,
)

BUILT_IN = Path(__file__).with_name("prices.toml")
REGIONS = Path(__file__).with_name("regions.toml")
__all__ = ["ClassPrice", "PriceBook", "PriceLine", "RestoreSpeed"]

_TIERS = tuple(Tier)
_UNITS = {
    "storage": "GB-month",
    "put": "1,000 requests",
    "get": "1,000 requests",
    "retrieval": "GB",
    "transition": "1,000 objects",
    "monitoring": "1,000 objects a month",
    "listing": "1,000 requests",
    "delete": "1,000 requests",
}


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One figure as `astra prices` lists it. `usd` None: unknown. `own`: from the operator."""

    provider: Provider
    region: str
    storage_class: str
    name: str
    unit: str
    usd: float | None
    source: str = ""
    as_of: dt.date | None = None
    remembered: bool = False
    own: bool = False


class PriceBook:
    """All prices, the built-in ones under the operator's.

    They never change after `load`; but those of further regions, which few need, are read from
    their file when one of them is asked for first.
    """

    def __init__(self, core: PriceFile, own: PriceFile | None, path: Path) -> None:
        self._core, self._own, self._path = core, own, path
        self._whole = False
        self.sources: dict[str, str] = {}
        self._providers: dict[Provider, ProviderEntry] = {}
        self._entries: dict[tuple[Provider, str, str], ClassEntry] = {}
        self._egress: dict[tuple[Provider, str], EgressEntry] = {}
        self._fees: dict[tuple[Provider, str], FeeEntry] = {}
        self._classes: dict[tuple[Provider, str], dict[str, ClassPrice]] = {}
        self._names: dict[Provider, dict[str, str]] = {}

    @classmethod
    def load(
        cls, path: Path | None = None, places: Iterable[tuple[Provider, str]] = ()
    ) -> "PriceBook":
        """The built-in prices, with the operator's file laid over them if one is named.

        Reads up to three small files; the one of further regions at once if one of `places`
        (provider, region) is such. Raises ConfigError naming the file and the entry.
        """
        own = read_prices(path, own=True) if path is not None else None
        book = cls(read_prices(BUILT_IN), own, path or BUILT_IN)
        asked = [*places, *((item.provider, item.region) for item in (own.classes if own else ()))]
        if any(book._is_further(provider, region) for provider, region in asked):
            book._read_regions()
        else:
            book._fill([book._core])
        return book

    def _is_further(self, provider: Provider, region: str) -> bool:
        entry = self._core.providers[provider]
        return bool(entry.reference_region) and region not in ("", entry.reference_region)

    def _read_regions(self) -> None:
        """Take in the further regions, with the operator's file above them as before."""
        whole = PriceBook(self._core, self._own, self._path)
        whole._fill([self._core, read_prices(REGIONS)])
        self.sources, self._providers = whole.sources, whole._providers
        self._entries, self._egress, self._fees = whole._entries, whole._egress, whole._fees
        self._names, self._classes = whole._names, whole._classes
        self._whole = True

    def _fill(self, files: list[PriceFile]) -> None:
        for prices in (*files, *([self._own] if self._own is not None else [])):
            self._lay(prices)
        self._build(self._path)

    # -- classes ------------------------------------------------------------------------

    def regions(self, provider: Provider) -> tuple[str, ...]:
        """Regions with prices of their own, the reference region first."""
        if not self._whole:
            self._read_regions()
        return tuple(region for owner, region in self._classes if owner is provider)

    def reference_region(self, provider: Provider) -> str:
        return self._providers[provider].reference_region or ""

    def note(self, provider: Provider, region: str) -> str:
        """What to tell the operator if that region has no prices of its own, else ""."""
        reference = self.reference_region(provider)
        if region == reference or not reference or (region and region in self.regions(provider)):
            return ""
        place = f"{provider} {region}" if region else f"{provider} without a region"
        return f"No prices for {place}; those of {reference} are used."

    def classes(self, provider: Provider, region: str) -> tuple[ClassPrice, ...]:
        """Every class of that provider, hottest tier first."""
        return tuple(self._table(provider, region).values())

    def get(self, provider: Provider, region: str, storage_class: str) -> ClassPrice | None:
        """That class's prices, None if the provider has no such class. "" is its default."""
        return self._table(provider, region).get(self.canonical(provider, storage_class))

    def canonical(self, provider: Provider, storage_class: str) -> str:
        """The provider's own spelling of a class: "" is the default class, and case
        does not matter. Unknown names stay as they are."""
        if not storage_class:
            return self.default_class(provider)
        return self._names[provider].get(storage_class.upper(), storage_class)

    def tier_of(self, provider: Provider, storage_class: str) -> Tier:
        """The tier of a class; HOT for one that is not known (its price is unknown)."""
        price = self.get(provider, self.reference_region(provider), storage_class)
        return price.tier if price is not None else Tier.HOT

    def class_for(self, provider: Provider, tier: Tier) -> str:
        """The class that stands for a tier, "" if the provider has none."""
        return self._providers[provider].tiers.get(tier, "")

    def default_class(self, provider: Provider) -> str:
        return self._providers[provider].default_class or ""

    # -- egress and fees ----------------------------------------------------------------

    def egress(
        self,
        provider: Provider,
        region: str,
        gigabytes: float,
        *,
        used_gb: float = 0.0,
        free: bool = False,
    ) -> float | None:
        """USD for so many GB out to the internet, None if unknown.

        `used_gb` went out this month before; only with `free` is the monthly allowance taken
        off, since Astra cannot know what else has used it up.
        """
        entry = self._egress.get((provider, region)) or self._egress.get((provider, ""))
        if gigabytes <= 0:
            return 0.0
        if entry is None:
            return None
        start, end = used_gb, used_gb + gigabytes
        if free and entry.free_gb:
            start, end = max(start - entry.free_gb, 0.0), max(end - entry.free_gb, 0.0)
        total, floor = 0.0, 0.0
        for top, figure in entry.bands:
            total += max(min(end, top) - max(start, floor), 0.0) * figure.usd
            floor = top
        return total

    def egress_free_gb(self, provider: Provider, region: str) -> float | None:
        """GB a month that leave without a fee, None if unknown."""
        entry = self._egress.get((provider, region)) or self._egress.get((provider, ""))
        return entry.free_gb if entry is not None else None

    def fee(self, provider: Provider, name: str) -> float | None:
        """USD per 1,000 objects a month of a fee beside the classes, None if unknown."""
        entry = self._fees.get((provider, name))
        return entry.per_1k_month.usd if entry is not None else None

    # -- showing ------------------------------------------------------------------------

    def lines(self) -> Iterator[PriceLine]:
        """Every figure with its origin, unknown ones too, as `astra prices` shows them."""
        if not self._whole:
            self._read_regions()
        for (provider, region), table in self._classes.items():
            for price in table.values():
                known = dict(price.figures)
                names = [*ALWAYS, *(name for name in known if name not in ALWAYS)]
                for name in names:
                    yield _line(provider, region, price.name, name, known.get(name))
        for egress in self._egress.values():
            floor = 0.0
            for top, figure in egress.bands:
                span = f"from {floor:g} GB" if top == float("inf") else f"{floor:g}–{top:g} GB"
                name = f"egress {span}"
                yield _line(egress.provider, egress.region, "", name, figure, unit="GB")
                floor = top
        for fee in self._fees.values():
            unit = "1,000 objects a month"
            yield _line(fee.provider, "", "", fee.name, fee.per_1k_month, unit=unit)

    # -- building -----------------------------------------------------------------------

    def _lay(self, prices: PriceFile) -> None:
        self.sources |= prices.sources
        for provider, entry in prices.providers.items():
            below = self._providers.get(provider)
            self._providers[provider] = entry if below is None else _over(below, entry)
        for item in prices.classes:
            under = self._entries.get(item.key)
            self._entries[item.key] = item if under is None else _over_class(under, item)
        self._egress |= {(item.provider, item.region): item for item in prices.egress}
        self._fees |= {(item.provider, item.name): item for item in prices.fees}

    def _build(self, path: Path) -> None:
        for provider in Provider:
            reference = self.reference_region(provider)
            own = [entry for entry in self._entries.values() if entry.provider is provider]
            regions = [reference, *(e.region for e in own if e.region != reference)]
            for region in dict.fromkeys(regions):
                self._classes[(provider, region)] = self._build_region(
                    path, provider, region, [entry for entry in own if entry.region == region]
                )
            table = self._classes[(provider, reference)]
            self._names[provider] = {name.upper(): name for name in table}
            wanted = [*self._providers[provider].tiers.values(), self.default_class(provider)]
            for name in wanted:
                if name not in table:
                    raise ConfigError(
                        f"Class {name!r} is named by the provider but has no entry in its "
                        f"reference region {reference!r}.",
                        subject=f"{path.name}: providers.{provider}",
                        todo="Add the class to the price file.",
                    )

    def _build_region(
        self, path: Path, provider: Provider, region: str, entries: list[ClassEntry]
    ) -> dict[str, ClassPrice]:
        reference = self._classes.get((provider, self.reference_region(provider)), {})
        table = dict(reference)
        facts_of = self._providers[provider]
        default = next((e for e in entries if e.name == facts_of.default_class), None)
        if default is not None and "storage" in default.money:
            default_storage: float | None = default.money["storage"].usd
        else:
            default_storage = None
        for entry in entries:
            known = reference.get(entry.name)
            if "tier" not in entry.facts and known is None:
                raise ConfigError(
                    "Tier is missing: this class is not among the built-in ones.",
                    subject=f"{path.name}: class {provider} {region} {entry.name}",
                    todo="Add tier = HOT, WARM, COLD or ARCHIVE.",
                )
            table[entry.name] = class_price(
                entry,
                known,
                default_storage,
                default=entry.name == facts_of.default_class,
                cooling=facts_of.cooling_retrieval is not False,
                restore_moves=facts_of.restore_moves is True,
            )
        return dict(sorted(table.items(), key=lambda item: _TIERS.index(item[1].tier)))

    def _table(self, provider: Provider, region: str) -> dict[str, ClassPrice]:
        if not self._whole and self._is_further(provider, region):
            self._read_regions()
        own = self._classes.get((provider, region))
        return (
            own if own is not None else self._classes[(provider, self.reference_region(provider))]
        )


def _over(below: ProviderEntry, above: ProviderEntry) -> ProviderEntry:
    return ProviderEntry(
        _first(above.reference_region, below.reference_region),
        _first(above.default_class, below.default_class),
        below.cooling_retrieval if above.cooling_retrieval is None else above.cooling_retrieval,
        below.restore_moves if above.restore_moves is None else above.restore_moves,
        below.tiers | above.tiers,
    )


def _over_class(below: ClassEntry, above: ClassEntry) -> ClassEntry:
    return ClassEntry(
        below.provider,
        below.region,
        below.name,
        below.facts | above.facts,
        below.money | above.money,
        below.restore | above.restore,
        below.automatic if above.automatic is None else above.automatic,
        below.opt_in if above.opt_in is None else above.opt_in,
    )


def _first(above: str | None, below: str | None) -> str | None:
    return below if above is None else above


def _line(
    provider: Provider,
    region: str,
    storage_class: str,
    name: str,
    figure: Figure | None,
    *,
    unit: str = "",
) -> PriceLine:
    if not unit:
        part = name.rpartition(".")[2]
        unit = _UNITS.get(name) or {"per_gb": "GB", "per_1k": "1,000 requests"}.get(part, "")
        unit = unit or "GB-month"
    if figure is None:
        return PriceLine(provider, region, storage_class, name, unit, None)
    return PriceLine(
        provider,
        region,
        storage_class,
        name,
        unit,
        figure.usd,
        figure.source,
        figure.as_of,
        figure.remembered,
        figure.own,
    )
