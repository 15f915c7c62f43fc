"""Filters applied: globs compiled, ages and sizes compared, classes looked up.

Globs are read as rclone reads them, relative to the prefix that was named:

    *.log           at any depth: a glob fits from the start of any segment to the end
    /a.log          only directly below the prefix
    2024/*.log      `*` and `?` stay within a segment; case counts
    2024/**         `**` crosses them
    tmp/            everything in a folder of that name
    [a-c] [^x]      one character of a set, or outside of it (`[!x]` is the same)
    {a,b}.csv       either
    \\*             the next character as it is
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from engine.errors import NotFound, UsageError
from engine.migration.plan_sources import Place, SourceObject, look_at
from engine.model import Address, Filters, Move, MoveKind, Plan, Provider, Tier, VersionPin
from engine.pricing.book import PriceBook
from engine.stores.base import ObjectStore


class Sieve:
    """Filters made ready to be asked about many objects. Raises UsageError for a bad glob."""

    def __init__(self, filters: Filters, book: PriceBook) -> None:
        self._filters = filters
        self._include = [compile_glob(glob) for glob in filters.include]
        self._exclude = [compile_glob(glob) for glob in filters.exclude]
        self._tiers = frozenset(filters.tiers)
        self._book = book
        self._classes: dict[tuple[Provider, str], bool] = {}

    def name(self, relative: str) -> bool:
        """Whether this path below the prefix is meant: listed, included and not excluded."""
        keys = self._filters.keys
        if keys is not None and relative not in keys:
            return False
        if self._include and not any(fits(relative) for fits in self._include):
            return False
        return not any(fits(relative) for fits in self._exclude)

    def object(self, size: int, age_days: float, provider: Provider, storage_class: str) -> bool:
        """Whether an object of that size (bytes), age and class is meant."""
        want = self._filters
        if size < want.min_size or (want.max_size is not None and size > want.max_size):
            return False
        if age_days < want.min_age or (want.max_age is not None and age_days > want.max_age):
            return False
        return not (self._tiers or want.classes) or self._class(provider, storage_class)

    def _class(self, provider: Provider, name: str) -> bool:
        known = self._classes.get((provider, name))
        if known is None:
            book = self._book
            wanted = {book.canonical(provider, item).casefold() for item in self._filters.classes}
            known = (not self._tiers or book.tier_of(provider, name) in self._tiers) and (
                not wanted or book.canonical(provider, name).casefold() in wanted
            )
            self._classes[provider, name] = known
        return known


def passing(
    objects: Iterable[SourceObject],
    filters: Filters,
    places: Mapping[str, Place],
    book: PriceBook,
) -> Iterator[SourceObject]:
    """The objects that pass, in their order. `places` has the cloud of each. Raises UsageError."""
    sieve = Sieve(filters, book)
    for item in objects:
        entry, provider = item.entry, places[item.address.cloud].store.provider
        if sieve.name(item.relative) and sieve.object(
            entry.size, item.age_days, provider, entry.storage_class
        ):
            yield item


def missing(objects: Iterable[SourceObject], filters: Filters) -> Sequence[str]:
    """Keys that were listed to be taken and are not among the objects, sorted."""
    if filters.keys is None:
        return ()
    return sorted(filters.keys.difference(item.relative for item in objects))


async def look_up_named(
    store: ObjectStore, source: Address, keys: Iterable[str]
) -> list[SourceObject]:
    """The objects below a prefix that have these paths, asked for one by one, in key order.

    Those that are not there, or that the store cannot hold, are left out. Raises StoreError.
    """
    found: list[SourceObject] = []
    for relative in sorted(keys):
        address = Address(source.cloud, source.bucket, source.key + relative)
        if store.check_key(address.key):
            continue
        try:
            found.append(await look_at(store, address, relative))
        except NotFound:
            continue
    return found


def with_missing(
    plan: Plan,
    keys: Sequence[str],
    sources: Sequence[Address],
    destination: Address | None,
    kind: MoveKind,
) -> Plan:
    """The plan, and a refused move for each listed key that is not there: none is lost silently.

    Without a destination the object was to stay where it is.
    """
    if not keys:
        return plan
    base = next((source for source in sources if source.is_prefix), sources[0])
    folder = base.key[: base.key.rfind("/") + 1]
    moves = list(plan.moves)
    for relative in keys:
        source = Address(base.cloud, base.bucket, folder + relative)
        target = source
        if destination is not None:
            key = destination.key + relative if destination.is_prefix else destination.key
            target = Address(destination.cloud, destination.bucket, key)
        moves.append(
            Move(
                source,
                target,
                kind,
                size=0,
                pin=VersionPin(),
                from_class="",
                to_class="",
                from_tier=Tier.HOT,
                to_tier=Tier.HOT,
                saving_per_month=None,
                one_time_cost=None,
                refused="the list of keys names it, but it is not there",
            )
        )
    return replace(plan, moves=tuple(moves))


@lru_cache(maxsize=256)
def compile_glob(glob: str) -> Callable[[str], re.Match[str] | None]:
    """What tells whether a relative path fits. Raises UsageError if the glob makes no sense."""
    body = f"{glob}**" if glob.endswith("/") else glob
    start = "" if body.startswith("/") else "(?:.*/)?"
    try:
        return re.compile(start + _translate(body.removeprefix("/")), re.DOTALL).fullmatch
    except (ValueError, re.error) as error:
        raise UsageError(
            f"The glob {glob!r} cannot be read: {error}.",
            todo=r"Write * ** ? [abc] {a,b}, and \ before a sign that shall mean itself.",
        ) from error


def _translate(glob: str) -> str:
    """A glob as a regular expression. Raises ValueError for brackets that do not close."""
    if not glob:
        raise ValueError("it is empty")
    result, depth, position = "", 0, 0
    while position < len(glob):
        char = glob[position]
        position += 1
        if char == "\\":
            if position == len(glob):
                raise ValueError(r"nothing follows the last \ ".strip())
            result += re.escape(glob[position])
            position += 1
        elif char == "*":
            stars = len(glob[position - 1 :]) - len(glob[position - 1 :].lstrip("*"))
            if stars > 2:
                raise ValueError("three stars mean nothing")
            result += ".*" if stars == 2 else "[^/]*"
            position += stars - 1
        elif char == "?":
            result += "[^/]"
        elif char == "[":
            text, position = _set(glob, position)
            result += text
        elif char == "{":
            depth += 1
            result += "(?:"
        elif char == "}" and depth:
            depth -= 1
            result += ")"
        elif char == "," and depth:
            result += "|"
        else:
            result += re.escape(char)
    if depth:
        raise ValueError("a { is not closed")
    return result


def _set(glob: str, position: int) -> tuple[str, int]:
    """The set that begins after `[` at `position`, and where the glob goes on."""
    negated = glob[position : position + 1] in ("!", "^")
    position += negated
    inside, first = "", True
    while True:
        if position >= len(glob):
            raise ValueError("a [ is not closed")
        char = glob[position]
        position += 1
        if char == "]" and not first:
            return f"[{'^' if negated else ''}{inside}]", position
        first = False
        if char == "\\":
            char = glob[position : position + 1]
            position += 1
            inside += re.escape(char)
        else:
            inside += char if char == "-" else re.escape(char)
