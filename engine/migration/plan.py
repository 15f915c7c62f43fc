"""Plans: every move with its saving, its cost, what it loses and what it risks.

Pure computation on values: the objects come from a listing or a store (`plan_sources`), the
clouds are `Place`s. Under 100 µs an object: run it in a thread for many.

Egress is that of the source's provider to the internet wherever provider or region differ,
counted along the plan through the volume bands, without the monthly free allowance. Savings are
storage and reads as in the last 30 days; egress of those reads is not in them. A decision's saving
is the same arithmetic as of when it was decided, and is taken over, so that what was told of the
decisions and what is told of their plan is one figure.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from engine.errors import UsageError
from engine.migration.plan_checks import (
    Crossings,
    Route,
    losses,
    refusal,
    restore_hours,
    risks,
)
from engine.migration.plan_costs import Meter, assumed, monthly, once, warnings
from engine.migration.plan_sources import Place, SourceObject
from engine.migration.watch import Watch
from engine.model import (
    COMPRESSED,
    Address,
    Decision,
    ListEntry,
    Move,
    MoveKind,
    MoveOptions,
    Plan,
    RiskKind,
    StoreKind,
    Tier,
    VersionPin,
)
from engine.pricing.book import PriceBook
from engine.pricing.classes import ClassPrice
from engine.pricing.cost import MoveCost

_NOTHING: Mapping[str, ListEntry] = {}


@dataclass(frozen=True, slots=True)
class Ground:
    """What a move that was decided rests on. USD a month: `saving` as it was told (None: to be
    computed), `expected` what the policy expects instead, as `assumption` says."""

    reason: str = ""
    saving: float | None = None
    expected: float | None = None
    assumption: str = ""

    @classmethod
    def of(cls, decision: Decision, size: int) -> "Ground":
        """A decision's, of which the money holds only for the size that it was made for."""
        if decision.size not in (-1, size):
            return cls(decision.reason)
        saving = decision.saving_per_month
        return cls(decision.reason, saving, decision.expected_saving, decision.assumption)


_NO_GROUND = Ground()


def plan_migration(
    sources: Sequence[Address],
    objects: Sequence[SourceObject],
    destination: Address,
    places: Mapping[str, Place],
    book: PriceBook,
    *,
    kind: MoveKind = MoveKind.MOVE,
    tier: Tier | None = None,
    storage_class: str = "",
    options: MoveOptions | None = None,
    existing: Mapping[str, ListEntry] = _NOTHING,
    now: float | None = None,
) -> Plan:
    """Move or copy `objects`, which are what `sources` name, to a key or below a prefix.

    Several sources, or a prefix, need a destination that is a prefix; each object keeps its
    `relative` path there. Without `tier` or `storage_class` it keeps its tier, or takes the
    default class where the destination has no such tier. `existing` is what is known to be at
    the destination, by key. `places` has every cloud named. Raises UsageError.
    """
    if kind is MoveKind.TIER:
        raise UsageError("A change of class in place is planned with plan_tier.")
    if not destination.is_prefix and (len(sources) > 1 or any(s.is_prefix for s in sources)):
        raise UsageError(
            "Several objects cannot become one key.",
            subject=str(destination),
            todo="Give a destination that ends in /, or a bucket.",
        )
    target_place = place_of(places, destination)
    wanted = wanted_class(target_place, book, tier, storage_class)
    routes, price = [], Prices(book)
    for item in _once(objects):
        key = target_key(destination, item.relative, options)
        source_place = place_of(places, item.address)
        to_class = wanted or same_tier(item, source_place, target_place, book)
        routes.append(
            Route.of(
                item,
                Address(destination.cloud, destination.bucket, key),
                kind,
                (source_place, target_place),
                (
                    price(source_place, item.entry.storage_class),
                    price(target_place, to_class),
                ),
                to_class,
            )
        )
    title = f"{kind.value.capitalize()} {_count(len(routes))} to {destination}"
    return assemble(title, routes, book, options, existing=existing, now=now)


def target_key(destination: Address, relative: str, options: MoveOptions | None) -> str:
    """The key that an object gets; that of a compressed copy tells so."""
    ending = COMPRESSED if options is not None and options.compress else ""
    if not destination.is_prefix:
        return destination.key.removesuffix(ending) + ending
    key = destination.key + relative
    return key + ending if key else key


def plan_tier(
    objects: Sequence[SourceObject],
    places: Mapping[str, Place],
    book: PriceBook,
    *,
    tier: Tier | None = None,
    storage_class: str = "",
    options: MoveOptions | None = None,
    now: float | None = None,
) -> Plan:
    """Change the class of these objects in place, to a tier or to a class by its name.

    What is there already is left out. Raises UsageError if neither or both are given.
    """
    if (tier is None) == (not storage_class):
        raise UsageError("Name either a tier or a storage class.")
    routes, price = [], Prices(book)
    for item in _once(objects):
        place = place_of(places, item.address)
        provider = place.store.provider
        name = book.canonical(provider, storage_class) if tier is None else ""
        name = name if tier is None else book.class_for(provider, tier)
        trouble = "" if name else f"{provider} has no class for {tier}"
        if name and name == book.canonical(provider, item.entry.storage_class):
            continue
        routes.append(_tier_route(item, place, price, name, trouble))
    title = f"Change {_count(len(routes))} to {tier or storage_class}"
    return assemble(title, routes, book, options, now=now)


def plan_decisions(
    decisions: Sequence[Decision],
    objects: Mapping[Address, SourceObject],
    places: Mapping[str, Place],
    book: PriceBook,
    *,
    options: MoveOptions | None = None,
    existing: Mapping[str, ListEntry] = _NOTHING,
    now: float | None = None,
) -> Plan:
    """Carry out decisions; `objects` holds their objects as they are listed now.

    A decision whose object is gone, or in another class than it was decided for, is refused. One
    for another cloud becomes a move to where `placed` says; `existing` is what is known there.
    """
    routes, grounds, price = [], {}, Prices(book)
    for decision in decisions:
        place = place_of(places, decision.address)
        item, trouble = objects.get(decision.address), ""
        if item is None:
            key = decision.address.key
            entry = ListEntry(key, 0, 0.0, "", decision.from_class)
            item = SourceObject(decision.address, entry, key, 0.0)
            trouble = "it is no longer listed"
        elif book.canonical(place.store.provider, item.entry.storage_class) != decision.from_class:
            trouble = f"its class has changed since: it is in {item.entry.storage_class}"
        grounds[decision.address] = Ground.of(decision, item.entry.size)
        if decision.to_cloud:
            routes.append(_cloud_route(item, place, places, price, decision, trouble))
        else:
            routes.append(_tier_route(item, place, price, decision.to_class, trouble))
    policy = decisions[0].policy if decisions else ""
    title = f"Carry out {len(routes)} decisions of {policy}" if policy else "No decisions"
    return assemble(
        title, routes, book, options, existing=existing, grounds=grounds, policy=policy, now=now
    )


# -- routes ---------------------------------------------------------------------------------


def _count(number: int) -> str:
    return f"{number:,} object{'' if number == 1 else 's'}"


def _once(objects: Sequence[SourceObject]) -> Sequence[SourceObject]:
    """Each address once: a prefix and a key below it may both have been named."""
    return list({item.address: item for item in objects}.values())


def place_of(places: Mapping[str, Place], address: Address) -> Place:
    place = places.get(address.cloud)
    if place is None:
        raise UsageError(
            f"There is no cloud named {address.cloud!r}.",
            subject=str(address),
            todo=f"The configuration has: {', '.join(places) or 'none'}.",
        )
    return place


class Prices:
    """Looks each class of each place up once."""

    def __init__(self, book: PriceBook) -> None:
        self._book = book
        self._known: dict[tuple[str, str], ClassPrice | None] = {}

    def __call__(self, place: Place, storage_class: str) -> ClassPrice | None:
        store, key = place.store, (place.store.name, storage_class)
        if key not in self._known:
            self._known[key] = self._book.get(store.provider, store.region, storage_class)
        return self._known[key]


def wanted_class(place: Place, book: PriceBook, tier: Tier | None, name: str) -> str:
    """The class asked for, "" if none was. Raises UsageError if the destination has none such."""
    provider = place.store.provider
    if tier is not None and name:
        raise UsageError("Name a tier or a storage class, not both.")
    found = (
        book.class_for(provider, tier)
        if tier is not None
        else name and book.canonical(provider, name)
    )
    if (tier is not None or name) and not (found and book.get(provider, place.store.region, found)):
        names = ", ".join(price.name for price in book.classes(provider, place.store.region))
        raise UsageError(
            f"{place.store.name} ({provider}) has no class {tier or name}.",
            todo=f"It has: {names}.",
        )
    return found


def same_tier(item: SourceObject, source: Place, target: Place, book: PriceBook) -> str:
    """The class an object takes where none was asked for."""
    there, provider = target.store.provider, source.store.provider
    local = target.store.kind is StoreKind.LOCAL
    if (
        not local
        and there is provider
        and book.get(provider, target.store.region, item.entry.storage_class)
    ):
        return book.canonical(provider, item.entry.storage_class)
    tier = book.tier_of(provider, item.entry.storage_class)
    return (not local and book.class_for(there, tier)) or book.default_class(there)


def placed(decision: Decision, relative: str, places: Mapping[str, Place]) -> Address:
    """Where a decision for another cloud puts its object: below that cloud's default place."""
    place = place_of(places, Address(decision.to_cloud, ""))
    return Address(decision.to_cloud, place.bucket, place.prefix + relative)


def _cloud_route(
    item: SourceObject,
    place: Place,
    places: Mapping[str, Place],
    price: "Prices",
    decision: Decision,
    trouble: str,
) -> Route:
    there = place_of(places, Address(decision.to_cloud, ""))
    if not there.bucket:
        trouble = trouble or f"{decision.to_cloud} has no default bucket in the configuration"
    prices = price(place, item.entry.storage_class), price(there, decision.to_class)
    destination = placed(decision, item.relative, places)
    ways = (place, there)
    return Route.of(item, destination, MoveKind.MOVE, ways, prices, decision.to_class, trouble)


def _tier_route(
    item: SourceObject, place: Place, price: "Prices", name: str, trouble: str
) -> Route:
    source = price(place, item.entry.storage_class)
    target = price(place, name) if name else None
    return Route.of(
        item, item.address, MoveKind.TIER, (place, place), (source, target), name, trouble
    )


# -- moves ----------------------------------------------------------------------------------


def assemble(
    title: str,
    routes: Sequence[Route],
    book: PriceBook,
    options: MoveOptions | None,
    *,
    existing: Mapping[str, ListEntry] = _NOTHING,
    grounds: Mapping[Address, Ground] | None = None,
    policy: str = "",
    now: float | None = None,
    watch: Watch | None = None,
) -> Plan:
    options, watch = options or MoveOptions(), watch or Watch()
    crossings, meter, moves, accepted = Crossings(routes), Meter(book), [], []
    for number, route in enumerate(routes):
        watch.tick(number)
        refused = refusal(route, options) or crossings.problem(route)
        ground = grounds.get(route.item.address, _NO_GROUND) if grounds else _NO_GROUND
        moves.append(_move(route, options, book, meter, existing, ground, refused))
        if not refused:
            accepted.append(route)
    return Plan(
        plan_id=uuid4().hex[:12],
        title=title,
        created=time.time() if now is None else now,
        policy=policy,
        moves=tuple(moves),
        options=options,
        warnings=(
            *warnings(accepted, len(moves) - len(accepted), book, options, meter),
            *assumed(accepted, moves, policy),
        ),
    )


def _move(
    route: Route,
    options: MoveOptions,
    book: PriceBook,
    meter: Meter,
    existing: Mapping[str, ListEntry],
    ground: Ground,
    refused: str,
) -> Move:
    item, source, target = route.item, route.source, route.target
    entry, provider = item.entry, route.source_place.store.provider
    cost: MoveCost | None = None
    saving: float | None = None
    expected: float | None = None
    if source is not None and target is not None and not refused:
        cost = once(route, source, target, options, meter)
        # How small a compressed copy gets is not known; the cost is that of the original's size.
        if not options.compress:
            told = ground.saving
            saving = monthly(route, source, target) if told is None else told
            expected = ground.expected
    lost = () if refused else losses(route)
    found = [] if refused else risks(route, options, cost, saving, existing)
    kinds = [kind for kind, _ in found if kind is not None]
    if lost:
        kinds.append(RiskKind.LOSSES)
    return Move(
        source=item.address,
        destination=route.destination,
        kind=route.kind,
        size=entry.size,
        pin=item.head.pin if item.head else VersionPin(entry.etag, entry.modified, entry.size),
        from_class=source.name if source else book.canonical(provider, entry.storage_class),
        to_class=route.to_class,
        from_tier=source.tier if source else Tier.HOT,
        to_tier=target.tier if target else Tier.HOT,
        reason=ground.reason,
        saving_per_month=saving,
        one_time_cost=cost.total if cost is not None else None,
        cost_lines=cost.lines if cost is not None else (),
        losses=lost,
        risks=tuple(text for _, text in found if text),
        refused=refused,
        kinds=tuple(dict.fromkeys(kinds)),
        restore_hours=0.0 if refused else restore_hours(route, options),
        expected_saving=expected,
        assumption=ground.assumption,
    )
