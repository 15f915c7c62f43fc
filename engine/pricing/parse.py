"""Reads a price file into checked entries. Every complaint names the file and the entry."""

import datetime as dt
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from engine.errors import ConfigError
from engine.model import Provider, Tier

FORMAT = 1
ALWAYS = ("storage", "put", "get", "retrieval", "transition")  # shown even where unknown
MONEY = (*ALWAYS, "monitoring", "listing", "delete")
_BYTES = ("min_size", "overhead", "overhead_default", "automatic_size")
_TODO = "Correct the entry; docs/configuration.md has the form of a price file."


@dataclass(frozen=True, slots=True)
class Figure:
    """One price in USD and where it comes from. `remembered`: nobody re-read the source.
    `own`: the operator's file states it."""

    usd: float
    source: str
    as_of: dt.date
    remembered: bool = False
    own: bool = False


@dataclass(frozen=True, slots=True)
class RestoreEntry:
    """One restore speed: hours until the bytes can be read, and what it costs."""

    hours: float
    per_gb: Figure | None
    per_1k: Figure | None


@dataclass(frozen=True, slots=True)
class ClassEntry:
    """One storage class as one file states it; only what the file names is there."""

    provider: Provider
    region: str
    name: str
    facts: dict[str, Any]
    money: dict[str, Figure]
    restore: dict[str, RestoreEntry] = field(default_factory=dict)
    automatic: tuple[tuple[float, Figure], ...] | None = None
    opt_in: tuple[tuple[float, float, Figure], ...] | None = None  # idle days, hours, a GB-month

    @property
    def key(self) -> tuple[Provider, str, str]:
        return (self.provider, self.region, self.name)


@dataclass(frozen=True, slots=True)
class ProviderEntry:
    """What holds for all classes of a provider; None or empty where the file is silent."""

    reference_region: str | None
    default_class: str | None
    cooling_retrieval: bool | None
    restore_moves: bool | None
    tiers: dict[Tier, str]


@dataclass(frozen=True, slots=True)
class EgressEntry:
    """Internet egress: bands as (up to GB a month, price a GB), the last one open."""

    provider: Provider
    region: str
    free_gb: float | None
    bands: tuple[tuple[float, Figure], ...]


@dataclass(frozen=True, slots=True)
class FeeEntry:
    """A fee of USD per 1,000 objects a month that belongs to no class."""

    provider: Provider
    name: str
    per_1k_month: Figure


@dataclass(frozen=True, slots=True)
class PriceFile:
    """Everything one file states."""

    sources: dict[str, str]
    providers: dict[Provider, ProviderEntry]
    classes: list[ClassEntry]
    egress: list[EgressEntry]
    fees: list[FeeEntry]


def read_prices(path: Path, *, own: bool = False) -> PriceFile:
    """Read and check a price file, `own` if it is the operator's. Raises ConfigError naming
    file and entry."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        default = dt.date.fromtimestamp(path.stat().st_mtime)
    except OSError as error:
        raise ConfigError(
            f"The price file cannot be read: {error.strerror}.",
            subject=str(path),
            todo="Check the name after --file, or `prices` in the configuration.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The price file is no TOML: {error}.", subject=str(path), todo=_TODO
        ) from error
    return _Parser(path.name, default, own=own).file(raw)


class _Entry:
    """Takes the fields of one table and complains under its name, also of what is left over."""

    def __init__(self, raw: Any, where: str) -> None:
        self.where = where
        if not isinstance(raw, dict):
            self.complain("must be a table")
        self.raw = dict(raw)

    def complain(self, what: str) -> NoReturn:
        raise ConfigError(f"{what[:1].upper()}{what[1:]}.", subject=self.where, todo=_TODO)

    def take(self, name: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
        value = self.raw.pop(name, None)
        if value is None:
            return default
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.complain(f"{name} = {value!r} has the wrong type")
        return value

    def need(self, name: str, kind: type | tuple[type, ...]) -> Any:
        value = self.take(name, kind)
        if value is None:
            self.complain(f"{name} is missing")
        return value

    def amount(self, name: str, default: float | None = None) -> float | None:
        value = self.take(name, (int, float))
        if value is None:
            return default
        if not math.isfinite(value) or value < 0:
            self.complain(f"{name} = {value!r} must be a number from 0 on")
        return float(value)

    def provider(self) -> Provider:
        value = self.need("provider", str)
        if value not in set(Provider):
            self.complain(f"provider {value!r} is none of {', '.join(Provider)}")
        return Provider(value)

    def end(self) -> None:
        if self.raw:
            self.complain(f"unknown field {', '.join(sorted(map(repr, self.raw)))}")


class _Parser:
    """Holds what the entries of one file share: its name, its sources, its date."""

    def __init__(self, name: str, default_date: dt.date, *, own: bool) -> None:
        self.name = name
        self.default_date = default_date
        self.own = own
        self.sources: dict[str, str] = {}

    def file(self, raw: Mapping[str, Any]) -> PriceFile:
        top = _Entry(raw, self.name)
        version = top.take("format", int, FORMAT)
        if version != FORMAT:
            top.complain(f"format {version} is not known (this version reads {FORMAT})")
        for key, value in top.take("sources", dict, {}).items():
            entry = _Entry(value, f"{self.name}: sources.{key}")
            self.sources[key] = entry.need("title", str)
            entry.end()
        self.sources.setdefault(self.name, f"price file {self.name}")
        providers = {}
        for key, value in top.take("providers", dict, {}).items():
            entry = _Entry(value, f"{self.name}: providers.{key}")
            if key not in set(Provider):
                entry.complain(f"provider {key!r} is none of {', '.join(Provider)}")
            providers[Provider(key)] = self._provider(entry)
        classes = [self._class(item, i) for i, item in enumerate(top.take("classes", list, []), 1)]
        for i, item in enumerate(top.take("regions", list, []), 1):
            classes += self._region(item, i)
        self._once(classes)
        result = PriceFile(
            self.sources,
            providers,
            classes,
            [self._egress(item, i) for i, item in enumerate(top.take("egress", list, []), 1)],
            [self._fee(item, i) for i, item in enumerate(top.take("fees", list, []), 1)],
        )
        top.end()
        return result

    def _provider(self, entry: _Entry) -> ProviderEntry:
        tiers = {}
        for name, value in entry.take("tiers", dict, {}).items():
            if name not in set(Tier) or not isinstance(value, str):
                entry.complain(f"tiers.{name} = {value!r} is no tier and class")
            tiers[Tier(name)] = value
        result = ProviderEntry(
            entry.take("reference_region", str),
            entry.take("default_class", str),
            entry.take("cooling_retrieval", bool),
            entry.take("restore_moves", bool),
            tiers,
        )
        entry.end()
        return result

    def _region(self, raw: Any, number: int) -> list[ClassEntry]:
        """The classes of one region in short; its provider, source and date are theirs."""
        entry = _Entry(raw, f"{self.name}: regions entry {number}")
        shared = {"provider": entry.provider(), "region": entry.need("region", str)}
        entry.where = f"{self.name}: region {shared['provider']} {shared['region']}"
        classes = entry.need("classes", dict)
        for name in ("source", "as_of", "remembered"):
            if name in entry.raw:
                shared[name] = entry.raw.pop(name)
        entry.end()
        found = []
        for name, fields in classes.items():
            inner = _Entry(fields, f"{entry.where}: {name}")
            if strange := sorted({"provider", "region", "name"} & fields.keys()):
                inner.complain(f"{', '.join(strange)} belongs to the region, not to its class")
            found.append(self._class({**shared, **fields, "name": name}, number))
        return found

    def _once(self, classes: list[ClassEntry]) -> None:
        """Complain of a class that the file states twice: one would hide the other."""
        seen = set()
        for entry in classes:
            if entry.key in seen:
                where = f"{self.name}: class {entry.provider} {entry.region} {entry.name}"
                _Entry({}, where.replace("  ", " ")).complain("this class is there twice")
            seen.add(entry.key)

    def _class(self, raw: Any, number: int) -> ClassEntry:
        entry = _Entry(raw, f"{self.name}: classes entry {number}")
        provider = entry.provider()
        region = entry.take("region", str, "")
        name = entry.need("name", str)
        entry.where = f"{self.name}: class {provider} {region} {name}".replace("  ", " ")
        if not name:
            entry.complain("name is empty")
        origin = self._origin(entry)
        facts: dict[str, Any] = {}
        tier = entry.take("tier", str)
        if tier is not None:
            if tier not in set(Tier):
                entry.complain(f"tier {tier!r} is none of {', '.join(Tier)}")
            facts["tier"] = Tier(tier)
        for flag in ("readable", "choose"):
            if (value := entry.take(flag, bool)) is not None:
                facts[flag] = value
        for whole in _BYTES:
            if (size := entry.take(whole, int)) is not None:
                if size < 0:
                    entry.complain(f"{whole} = {size} must be a number of bytes from 0 on")
                facts[whole] = size
        if (days := entry.amount("min_days")) is not None:
            facts["min_days"] = days
        money = {
            field: figure
            for field in MONEY
            if (figure := self._figure(entry, field, origin)) is not None
        }
        restore = {
            speed: self._restore(value, f"{entry.where}: restore.{speed}", origin)
            for speed, value in entry.take("restore", dict, {}).items()
        }
        steps = entry.take("automatic", list)
        automatic = None if steps is None else self._automatic(steps, entry, origin)
        asked = entry.take("opt_in", list)
        opt_in = None if asked is None else self._opt_in(asked, entry, origin)
        entry.end()
        return ClassEntry(provider, region, name, facts, money, restore, automatic, opt_in)

    def _restore(self, raw: Any, where: str, origin: Figure) -> RestoreEntry:
        entry = _Entry(raw, where)
        hours = entry.amount("hours")
        if hours is None:
            entry.complain("hours is missing")
        result = RestoreEntry(
            hours,
            self._figure(entry, "per_gb", origin),
            self._figure(entry, "per_1k", origin),
        )
        entry.end()
        return result

    def _automatic(
        self, steps: list[Any], parent: _Entry, origin: Figure
    ) -> tuple[tuple[float, Figure], ...]:
        result: list[tuple[float, Figure]] = []
        for raw in steps:
            entry = _Entry(raw, f"{parent.where}: automatic")
            days = entry.amount("idle_days")
            figure = self._figure(entry, "storage", origin)
            if days is None or figure is None:
                entry.complain("idle_days and storage are needed")
            if result and days <= result[-1][0]:
                entry.complain("idle_days must grow from step to step")
            result.append((days, figure))
            entry.end()
        return tuple(result)

    def _opt_in(
        self, steps: list[Any], parent: _Entry, origin: Figure
    ) -> tuple[tuple[float, float, Figure], ...]:
        """Sub-tiers that a bucket asks for: like `automatic`, and the hours of a restore."""
        hours = []
        plain = []
        for raw in steps:
            entry = _Entry(raw, f"{parent.where}: opt_in")
            wait = entry.amount("hours")
            if wait is None:
                entry.complain("hours is missing")
            hours.append(wait)
            plain.append(entry.raw)
        found = self._automatic(plain, parent, origin)
        return tuple(
            (days, wait, figure) for wait, (days, figure) in zip(hours, found, strict=True)
        )

    def _egress(self, raw: Any, number: int) -> EgressEntry:
        entry = _Entry(raw, f"{self.name}: egress entry {number}")
        provider = entry.provider()
        entry.where = f"{self.name}: egress {provider}"
        region = entry.take("region", str, "")
        origin = self._origin(entry)
        free = entry.amount("free_gb")
        bands: list[tuple[float, Figure]] = []
        for raw_band in entry.need("bands", list):
            band = _Entry(raw_band, f"{entry.where}: band {len(bands) + 1}")
            top = band.amount("to_gb", math.inf) or 0.0
            if top <= (bands[-1][0] if bands else 0.0):
                band.complain("to_gb must grow from band to band")
            bands.append((top, self._origin_of(band, "usd", origin)))
            band.end()
        if not bands or bands[-1][0] != math.inf:
            entry.complain("the last band must be open (no to_gb)")
        entry.end()
        return EgressEntry(provider, region, free, tuple(bands))

    def _fee(self, raw: Any, number: int) -> FeeEntry:
        entry = _Entry(raw, f"{self.name}: fees entry {number}")
        provider, name = entry.provider(), entry.need("name", str)
        origin = self._origin(entry)
        figure = self._figure(entry, "per_1k_month", origin)
        if figure is None:
            entry.complain("per_1k_month is missing")
        entry.end()
        return FeeEntry(provider, name, figure)

    def _origin(self, entry: _Entry) -> Figure:
        """The entry's own source and date, which its plain numbers inherit."""
        return self._sourced(entry, 0.0, self.name, self.default_date, remembered=False)

    def _figure(self, entry: _Entry, name: str, origin: Figure) -> Figure | None:
        raw = entry.raw.get(name)
        if isinstance(raw, dict):
            del entry.raw[name]
            inner = _Entry(raw, f"{entry.where}: {name}")
            figure = self._origin_of(inner, "usd", origin)
            inner.end()
            return figure
        value = entry.amount(name)
        if value is None:
            return None
        return Figure(value, origin.source, origin.as_of, origin.remembered, self.own)

    def _origin_of(self, entry: _Entry, name: str, origin: Figure) -> Figure:
        value = entry.amount(name)
        if value is None:
            entry.complain(f"{name} is missing")
        return self._sourced(
            entry, value, origin.source, origin.as_of, remembered=origin.remembered
        )

    def _sourced(
        self, entry: _Entry, usd: float, source: str, as_of: dt.date, *, remembered: bool
    ) -> Figure:
        source = entry.take("source", str, source)
        if source not in self.sources:
            entry.complain(f"source {source!r} is not among the file's sources")
        return Figure(
            usd,
            source,
            entry.take("as_of", dt.date, as_of),
            entry.take("remembered", bool, remembered),
            self.own,
        )
