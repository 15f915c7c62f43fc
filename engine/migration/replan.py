"""A plan's moves planned again, from what is where now: after an edit, or when a plan is opened
that was saved before. Pure computation on values, as `plan` is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.errors import UsageError
from engine.migration.plan import Ground, Prices, assemble, place_of, same_tier, wanted_class
from engine.migration.plan_checks import Crossings, Route
from engine.migration.plan_sources import Place, SourceObject
from engine.migration.review import common_place
from engine.migration.watch import Watch
from engine.model import (
    COMPRESSED,
    Address,
    ListEntry,
    Move,
    MoveKind,
    MoveOptions,
    Plan,
    PlanEdit,
    VersionPin,
)
from engine.pricing.book import PriceBook

GONE = "it is gone: there is no such object any more"
CHANGED = "it is another version than was planned: plan it anew"
_NO_CLOUD = "there is no cloud of that name any more"


def edited(
    plan: Plan,
    edit: PlanEdit,
    objects: Mapping[Address, SourceObject],
    places: Mapping[str, Place],
    book: PriceBook,
) -> Plan:
    """The plan with other destinations, kinds, classes and options; its figures are still the
    old ones. Raises UsageError for what the plan cannot become."""
    options = edit.options or plan.options
    found = plan.moves
    if edit.kind is not None:
        found = _of_kind(found, edit.kind)
    if edit.destination is not None or options.compress != plan.options.compress:
        found = _placed(found, edit.destination, plan.options, options)
    if edit.tier is not None or edit.storage_class:
        found = _classed(found, edit, places, book)
    elif edit.destination is not None:
        found = _same_tiers(found, objects, places, book)
    priority = plan.priority if edit.priority is None else edit.priority
    told = tuple(_told(old, new) for old, new in zip(plan.moves, found, strict=True))
    return replace(plan, moves=told, options=options, priority=priority)


def keeps_moves(plan: Plan, edit: PlanEdit) -> bool:
    """Whether no move becomes another one by this edit: only how soon, or by whom, it is made."""
    if edit.destination or edit.kind or edit.tier or edit.storage_class:
        return False
    options = edit.options or plan.options
    return replace(options, server_copy=plan.options.server_copy) == plan.options


def replan(
    plan: Plan,
    objects: Mapping[Address, SourceObject],
    places: Mapping[str, Place],
    book: PriceBook,
    *,
    existing: Mapping[str, ListEntry],
    told: bool = False,
    now: float | None = None,
    watch: Watch | None = None,
) -> "Replanned":
    """The same moves at today's prices, ages and places; `objects` are what is there now.

    What is gone, or another version than was planned, is refused. A pin that was planned stays.
    With `told` a saving stays what it was where nothing of it was edited: it was told already.
    `watch` is told twice as many steps as there are moves. Raises Stopped if it says so.
    """
    watch = watch or Watch()
    routes: list[Route] = []
    old: list[Move] = []  # those of the routes
    grounds: dict[Address, Ground] = {}
    hopeless: list[Move] = []
    counts = _Counts()
    price = Prices(book)
    for number, move in enumerate(plan.moves):
        watch.tick(number)
        if move.source.cloud not in places or move.destination.cloud not in places:
            counts.gone += 1
            hopeless.append(_refused(move, _NO_CLOUD))
            continue
        if move.refused and _never_there(move):
            hopeless.append(move)  # it says so
            continue
        item = objects.get(move.source)
        trouble = ""
        if item is None:
            trouble, item = GONE, _remembered(move)
            counts.gone += 1
        elif not _same(item, move.pin):
            trouble = CHANGED
            counts.changed += 1
        elif move.kind is MoveKind.TIER and _class_of(item, places, book) != move.from_class:
            trouble = f"its class has changed since: it is in {item.entry.storage_class}"
            counts.reclassed += 1
        source_place = place_of(places, move.source)
        target_place = place_of(places, move.destination)
        prices = (
            price(source_place, item.entry.storage_class),
            price(target_place, move.to_class) if move.to_class else None,
        )
        ways = source_place, target_place
        routes.append(
            Route.of(item, move.destination, move.kind, ways, prices, move.to_class, trouble)
        )
        old.append(move)
        grounds[move.source] = _ground(move, item, told=told)
    made = assemble(
        plan.title,
        routes,
        book,
        plan.options,
        existing=existing,
        grounds=grounds,
        policy=plan.policy,
        now=now,
        watch=watch,
    )
    moves = [_with_pin(move, was) for move, was in zip(made.moves, old, strict=True)]
    again = replace(
        made,
        plan_id=plan.plan_id,
        created=plan.created,
        moves=(*moves, *hopeless),
        checks=plan.checks,
        seconds=plan.seconds,
        priority=plan.priority,
    )
    return Replanned(again, counts.told(plan, again, [*old, *hopeless]))


def uncrossed(plan: Plan, places: Mapping[str, Place]) -> Plan:
    """The plan, whose moves were planned in groups, without those that get in another's way."""
    routes = [
        Route.of(
            _remembered(move),
            move.destination,
            move.kind,
            (place_of(places, move.source), place_of(places, move.destination)),
            (None, None),
            move.to_class,
            move.refused,
        )
        for move in plan.moves
    ]
    crossings = Crossings(routes)
    moves = []
    for route, move in zip(routes, plan.moves, strict=True):
        why = "" if move.refused else crossings.problem(route)
        moves.append(_refused(move, why) if why else move)
    return replace(plan, moves=tuple(moves))


@dataclass(frozen=True, slots=True)
class Replanned:
    """A plan as it is now, and what became otherwise, a sentence each."""

    plan: Plan
    changes: tuple[str, ...]


@dataclass(slots=True)
class _Counts:
    gone: int = 0
    changed: int = 0
    reclassed: int = 0

    def told(self, before: Plan, after: Plan, old: Sequence[Move]) -> tuple[str, ...]:
        """`old` has what each move of `after` was before."""
        many = len(before.moves)
        counted = (
            (self.gone, "gone"),
            (self.changed, "another version now"),
            (self.reclassed, "in another class now"),
        )
        found = [f"{number:,} of {many:,} are {what}." for number, what in counted if number]
        refused = sum(bool(m.refused) for m in after.moves) - sum(
            bool(move.refused) for move in before.moves
        )
        others = refused - self.gone - self.changed - self.reclassed
        if others > 0:
            found.append(f"{others:,} more cannot be moved any more; each says why.")
        dearer = 0.0
        for move, was in zip(after.moves, old, strict=True):
            if not move.refused and move.one_time_cost is not None and was.one_time_cost:
                dearer += move.one_time_cost - was.one_time_cost
        if abs(dearer) >= 0.01:
            more = "more" if dearer > 0 else "less"
            found.append(f"It costs ${abs(dearer):,.2f} {more} once than when it was saved.")
        return tuple(found)


# -- edits ------------------------------------------------------------------------------------


def _of_kind(moves: Sequence[Move], kind: MoveKind) -> tuple[Move, ...]:
    if kind is MoveKind.TIER or any(move.kind is MoveKind.TIER for move in moves):
        raise UsageError(
            "A change of class in place has no source to keep or delete.",
            safe="Nothing was changed.",
            todo="Only plans that copy from place to place can keep or delete their sources.",
        )
    return tuple(replace(move, kind=kind) for move in moves)


def _placed(
    moves: Sequence[Move], wanted: Address | None, before: MoveOptions, after: MoveOptions
) -> tuple[Move, ...]:
    """The moves to another folder, and with the ending that a compressed copy has."""
    copies = [move for move in moves if move.kind is not MoveKind.TIER]
    place = common_place(moves)
    if wanted is not None and (not copies or place is None):
        raise UsageError(
            "This plan has no one place that its copies go to.",
            safe="Nothing was changed.",
            todo="Plan the routes apart to send one of them elsewhere.",
        )
    if wanted is not None and not wanted.is_prefix:
        raise UsageError(
            "Name a bucket or a folder that ends in /.",
            subject=str(wanted),
            safe="Nothing was changed.",
        )
    found = []
    for move in moves:
        to = move.destination
        if move.kind is not MoveKind.TIER:
            key = to.key
            if before.compress and not after.compress:
                key = key.removesuffix(COMPRESSED)
            elif after.compress and not before.compress:
                key += COMPRESSED
            if wanted is not None and place is not None:
                to = Address(wanted.cloud, wanted.bucket, wanted.key + key[len(place.key) :])
            else:
                to = Address(to.cloud, to.bucket, key)
        found.append(replace(move, destination=to))
    return tuple(found)


def _classed(
    moves: Sequence[Move], edit: PlanEdit, places: Mapping[str, Place], book: PriceBook
) -> tuple[Move, ...]:
    known: dict[str, str] = {}
    for cloud in {move.destination.cloud for move in moves}:
        place = place_of(places, Address(cloud, ""))
        known[cloud] = wanted_class(place, book, edit.tier, edit.storage_class)
    return tuple(replace(move, to_class=known[move.destination.cloud]) for move in moves)


def _same_tiers(
    moves: Sequence[Move],
    objects: Mapping[Address, SourceObject],
    places: Mapping[str, Place],
    book: PriceBook,
) -> tuple[Move, ...]:
    """In another cloud an object takes the class that is nearest to its own."""
    found, price = [], Prices(book)
    for move in moves:
        item = objects.get(move.source)
        if item is not None and move.kind is not MoveKind.TIER:
            here, there = place_of(places, move.source), place_of(places, move.destination)
            if not move.to_class or price(there, move.to_class) is None:
                move = replace(move, to_class=same_tier(item, here, there, book))
        found.append(move)
    return tuple(found)


# -- one move ---------------------------------------------------------------------------------


def _same(item: SourceObject, pin: VersionPin) -> bool:
    entry = item.entry
    listed = (entry.etag, entry.size, entry.modified)
    if item.head is None and entry.etag and listed == (pin.etag, pin.size, pin.modified):
        return True  # by far the most
    now = (
        item.head.pin
        if item.head is not None
        else VersionPin(entry.etag, entry.modified, entry.size)
    )
    return now.matches(pin) or (not pin.etag and not pin.version_id and now.size == pin.size)


def _told(old: Move, new: Move) -> Move:
    """The edited move without the figures that do not hold for it any more."""
    where = (old.kind, old.to_class, old.destination.cloud)
    if where == (new.kind, new.to_class, new.destination.cloud):
        return new
    return replace(new, saving_per_month=None, expected_saving=None, assumption="")


def _ground(move: Move, item: SourceObject, *, told: bool) -> Ground:
    """What the move rested on, as far as that holds for an object of this size."""
    if item.entry.size != move.size:
        return Ground(move.reason)
    saving = move.saving_per_month if told else None
    return Ground(move.reason, saving, move.expected_saving, move.assumption)


def _never_there(move: Move) -> bool:
    return not move.pin.etag and not move.pin.version_id and not move.from_class


def _class_of(item: SourceObject, places: Mapping[str, Place], book: PriceBook) -> str:
    provider = place_of(places, item.address).store.provider
    return book.canonical(provider, item.entry.storage_class)


def _remembered(move: Move) -> SourceObject:
    pin = move.pin
    entry = ListEntry(move.source.key, move.size, pin.modified, pin.etag, move.from_class)
    return SourceObject(move.source, entry, move.source.key, 0.0)


def _with_pin(made: Move, old: Move) -> Move:
    """The move with the pin that was planned, which may say more than a listing does; one that
    names no version gets the one that was looked at now."""
    if made.pin == old.pin and made.size == old.size:
        return made  # by far the most
    if made.refused:
        return replace(made, pin=old.pin, size=old.size)
    return replace(made, pin=old.pin) if old.pin.etag or old.pin.version_id else made


def _refused(move: Move, why: str) -> Move:
    return replace(
        move,
        refused=why,
        saving_per_month=None,
        expected_saving=None,
        one_time_cost=None,
        cost_lines=(),
        risks=(),
        losses=(),
        kinds=(),
        restore_hours=0.0,
    )
