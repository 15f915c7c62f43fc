"""Plans as they are asked for, and asked for again: from wishes, from saved plans, after edits."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from engine.errors import NotFound, UsageError
from engine.frame import Frame
from engine.memory import without_collecting
from engine.migration import replan as again
from engine.migration.plan_sources import SourceObject, from_rows, look_at, look_up
from engine.migration.review import common_place
from engine.migration.watch import Watch
from engine.model import (
    Address,
    Filters,
    ListEntry,
    ListingState,
    Move,
    MoveKind,
    MoveOptions,
    Plan,
    PlanEdit,
    PlanRequest,
)
from engine.planner import Planner

_HEADS = 64  # up to so many objects are asked for one by one; of more the listing tells
_AT_ONCE = 16
_USUAL = (ListingState.READY, ListingState.EMPTY)


ALONE = Filters(keys=frozenset({""}))
"""Of what an address with a slash at its end names, only the object of that very name."""


async def planned(planner: Planner, request: PlanRequest) -> Plan:
    """The plan of a wish; each object keeps its whole key below the destination."""
    options = MoveOptions()
    if not request.sources and not request.folders:
        return await planner.plan_decisions((), options, Filters())
    if request.destination is None:
        wish = (request.tier, request.storage_class, options)
        plans = [
            await planner.plan_tier(group, *wish, filters)
            for group, filters in _in_place(request.sources, request.folders)
        ]
        return await _whole(planner, _joined(plans, "Change", "objects' class"), len(plans))
    to = request.destination
    plans = [
        await planner.plan_migration(
            group,
            replace(to, key=to.key + folder),
            kind=request.kind,
            tier=request.tier,
            storage_class=request.storage_class,
            options=options,
            filters=filters,
        )
        for group, folder, filters in by_folder(request, to)
    ]
    verb = "Copy" if request.kind is MoveKind.COPY else "Move"
    return await _whole(planner, _joined(plans, verb, f"objects to {to}"), len(plans))


def _in_place(
    sources: Sequence[Address], folders: Sequence[Address]
) -> list[tuple[list[Address], Filters]]:
    alone, rest = _apart(sources)
    asked = [([*rest, *folders], Filters())] if rest or folders else []
    return asked + [([source], ALONE) for source in alone]


def by_folder(request: PlanRequest, to: Address) -> list[tuple[list[Address], str, Filters]]:
    """The engine keeps what follows a key's last slash, or the folder named; so each folder is
    planned to a folder."""
    groups: dict[str, list[Address]] = {}
    alone, rest = _apart(request.sources)
    for source in rest:
        folder, slash, _ = source.key.rpartition("/")
        groups.setdefault(folder + slash if to.is_prefix else "", []).append(source)
    asked = [(group, folder, Filters()) for folder, group in groups.items()]
    below = to.is_prefix
    asked += [([folder], folder.key if below else "", Filters()) for folder in request.folders]
    return asked + [([source], source.key if below else "", ALONE) for source in alone]


def _apart(sources: Sequence[Address]) -> tuple[list[Address], list[Address]]:
    """Objects whose names end in a slash, and the others: the engine takes the first for all
    that lies below them."""
    alone = [source for source in sources if source.key.endswith("/")]
    return alone, [source for source in sources if not source.key.endswith("/")]


async def _whole(planner: Planner, plan: Plan, groups: int) -> Plan:
    if groups > 1:  # each group knows its own moves only
        plan = await asyncio.to_thread(again.uncrossed, plan, planner.places)
    return await planner.preflight(plan)


def _joined(plans: Sequence[Plan], verb: str, rest: str) -> Plan:
    if len(plans) == 1:
        return plans[0]
    warnings = dict.fromkeys(text for plan in plans for text in plan.warnings)
    moves = {move.source: move for plan in plans for move in plan.moves}
    title = f"{verb} {len(moves):,} {rest}"
    return replace(plans[0], title=title, moves=tuple(moves.values()), warnings=tuple(warnings))


# -- again ------------------------------------------------------------------------------------


async def checked_again(planner: Planner, plan: Plan) -> again.Replanned:
    """A plan that was made before, as it would be now. Its id stays."""
    objects = await _now(planner, plan, fresh=True)
    existing = await _existing(planner, plan)
    found = await asyncio.to_thread(
        again.replan, plan, objects, planner.places, planner.book, existing=existing
    )
    return replace(found, plan=await planner.preflight(found.plan))


async def edited(planner: Planner, plan: Plan, edit: PlanEdit, watch: Watch | None = None) -> Plan:
    """The plan with other wishes, and an id of its own: what was approved or saved under the old
    one stays what it was. `watch` tells how far it is. Raises UsageError for what it cannot
    become."""
    if again.keeps_moves(plan, edit):
        options, priority = edit.options or plan.options, edit.priority
        if priority is None:
            priority = plan.priority
        return replace(plan, plan_id=uuid4().hex[:12], options=options, priority=priority)
    watch = watch or Watch()
    watch.total = 2 * len(plan.moves)
    objects = await _now(planner, plan, fresh=False)
    if edit.options is not None:
        edit = replace(edit, options=planner.settled(edit.options))
    if edit.destination is not None:
        _known(planner, edit.destination)
    wanted = await asyncio.to_thread(
        again.edited, plan, edit, objects, planner.places, planner.book
    )
    existing = await _existing(planner, wanted)
    values = wanted, objects, planner.places, planner.book
    more = {"existing": existing, "told": True, "watch": watch}
    found = await watch.run(_replanned, *values, **more)
    made = replace(found.plan, plan_id=uuid4().hex[:12], title=_title(found.plan, edit))
    return await planner.preflight(made)


def _replanned(*values: Any, **more: Any) -> again.Replanned:
    with without_collecting():
        return again.replan(*values, **more)


def _title(plan: Plan, edit: PlanEdit) -> str:
    if edit.destination is None and edit.kind is None:
        return plan.title
    verbs = {move.kind for move in plan.moves}
    place = common_place(plan.moves)
    if len(verbs) != 1 or place is None:
        return plan.title
    many = len(plan.moves)
    word = verbs.pop().value.capitalize()
    return f"{word} {many:,} object{'' if many == 1 else 's'} to {place}"


def _known(planner: Planner, place: Address) -> None:
    if place.cloud not in planner.places:
        raise UsageError(
            f"There is no cloud named {place.cloud!r}.",
            subject=str(place),
            safe="Nothing was changed.",
            todo=f"The configuration has: {', '.join(planner.places) or 'none'}.",
        )


async def _now(planner: Planner, plan: Plan, *, fresh: bool) -> dict[Address, SourceObject]:
    """The plan's objects as they are: asked for one by one if there are few and it must be
    `fresh`, else as they are listed. What is not there is left out."""
    buckets: dict[tuple[str, str], list[Address]] = {}
    for move in plan.moves:
        if move.source.cloud in planner.places:
            buckets.setdefault((move.source.cloud, move.source.bucket), []).append(move.source)
    found: dict[Address, SourceObject] = {}

    def add(objects: Sequence[SourceObject]) -> None:
        found.update((item.address, item) for item in objects)

    for (cloud, bucket), addresses in buckets.items():
        listing = planner.catalog[cloud]
        listed = listing.state in _USUAL and listing.bucket == bucket
        listed = listed and all(a.key.startswith(listing.prefix) for a in addresses)
        if listed and not (fresh and len(addresses) <= _HEADS):
            frame = listing.frame()
            objects = await asyncio.to_thread(_listed, frame, addresses)
        elif len(addresses) <= _HEADS:
            objects = await _asked(planner, addresses)
        else:
            objects = await _scanned(planner, cloud, bucket, addresses)
        await asyncio.to_thread(add, objects)
    return found


def _listed(frame: Frame, wanted: Sequence[Address]) -> list[SourceObject]:
    rows = frame.find_all([item.key for item in wanted])
    return from_rows(frame, (row for row in rows if row is not None))


async def _asked(planner: Planner, addresses: Sequence[Address]) -> list[SourceObject]:
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(address: Address) -> SourceObject | None:
        async with room:
            try:
                return await look_at(planner.places[address.cloud].store, address, address.key)
            except NotFound:
                return None

    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(one(address)) for address in addresses]
    objects = [item for task in asked if (item := task.result()) is not None]
    return planner.with_accesses(addresses[0], objects)


async def _scanned(
    planner: Planner, cloud: str, bucket: str, addresses: Sequence[Address]
) -> list[SourceObject]:
    wanted = {address.key for address in addresses}
    prefix = _common([address.key for address in addresses])
    place = Address(cloud, bucket, prefix)
    objects = []
    for item in await look_up(planner.places[cloud].store, place):
        if item.address.key in wanted:
            objects.append(item)
    return planner.with_accesses(place, objects)


def _common(keys: Sequence[str]) -> str:
    """The folder that all keys are below, "" or ending in a slash."""
    first, last = min(keys), max(keys)
    end = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[: first.rfind("/", 0, end) + 1]


async def _existing(planner: Planner, plan: Plan) -> Mapping[str, ListEntry]:
    places: dict[tuple[str, str], list[Move]] = {}
    for move in plan.moves:
        if move.kind is not MoveKind.TIER and move.destination.cloud in planner.places:
            to = move.destination
            places.setdefault((to.cloud, to.bucket), []).append(move)
    found: dict[str, ListEntry] = {}
    for (cloud, bucket), moves in places.items():
        keys = [move.destination.key for move in moves]
        found |= await planner.existing(Address(cloud, bucket, _common(keys)), keys)
    return found
