"""Looking before leaping: what would stop a plan, found out before anything is moved.

The cheap way asks each store for one object and each disk for its room. With `write` one byte of
a source is read, too, and a small object of a name of its own is written to each destination
bucket and removed again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

from engine.errors import AstraError, NotFound
from engine.migration.plan_sources import Place
from engine.migration.reports import Sum
from engine.model import Address, Check, CheckState, Move, MoveKind, ObjectMeta, Plan
from engine.stores.base import HasRoom, ObjectStore

SKEW_FAILED = 14 * 60.0  # seconds; signatures that are a quarter of an hour off are refused
SKEW_WARNING = 30.0
_CANARY = ".astra-doctor-"  # what `astra doctor` writes and knows how to explain
_BYTES = b"astra preflight"
_PATIENCE = 15.0  # seconds for one question
_SPARE = 64 * 1024**2  # bytes that shall be left on a disk
_MOST = 8  # buckets that are asked, of each end


async def preflight(
    plan: Plan,
    places: Mapping[str, Place],
    sums: Sequence[Sum],
    jobs: int,
    *,
    write: bool = False,
) -> Plan:
    """The plan with what was found (`checks`, and as warnings) and how long it may take.

    `sums` are those of earlier jobs, `jobs` how many run at once. Raises nothing of the stores'.
    """
    moves = [move for move in plan.moves if not move.refused]
    checks: list[Check] = []
    for move in _one_each(moves, lambda move: move.source):
        checks.append(await _source(places[move.source.cloud].store, move, read=write))
    into = [move for move in moves if move.kind is not MoveKind.TIER]
    for move in _one_each(into, lambda move: move.destination):
        store = places[move.destination.cloud].store
        if write:
            checks.append(await _destination(store, move.destination))
    for cloud in dict.fromkeys(move.destination.cloud for move in into):
        store = places[cloud].store
        if isinstance(store, HasRoom):
            mine = [move for move in into if move.destination.cloud == cloud]
            checks.append(await _room(store, mine))
    clouds = dict.fromkeys(c for move in moves for c in (move.source.cloud, move.destination.cloud))
    for cloud in clouds:
        checks += clock(places[cloud].store)
    old = {_text(check) for check in plan.checks}
    kept = [text for text in plan.warnings if text not in old]
    told = [_text(c) for c in checks if c.state in (CheckState.WARNING, CheckState.FAILED)]
    return replace(
        plan,
        checks=tuple(checks),
        warnings=(*kept, *told),
        seconds=expected_seconds(moves, sums, jobs),
    )


def expected_seconds(moves: Sequence[Move], sums: Sequence[Sum], jobs: int) -> float | None:
    """How long the moves take at the pace of completed jobs of their routes, None unknown.

    Small objects cost time by number, large ones by bytes: the longer of both counts. The waiting
    for a restore is not in it.
    """
    done = {item.route: item for item in sums if item.bucket == "completed" and item.jobs}
    total = 0.0
    for route in {move.route for move in moves}:
        some = [move for move in moves if move.route == route]
        pace = done.get(route)
        if pace is None:
            return None
        size = sum(move.size for move in some)
        by_bytes = size * pace.seconds / pace.bytes if pace.bytes else 0.0
        total += max(by_bytes, len(some) * pace.seconds / pace.jobs if _small(pace, some) else 0.0)
    return total / max(min(jobs, len(moves)), 1)


def _small(pace: Sum, moves: Sequence[Move]) -> bool:
    """Whether these objects are no larger than those that set the pace."""
    return sum(move.size for move in moves) / len(moves) <= pace.bytes / pace.jobs


def _one_each(moves: Sequence[Move], end: Callable[[Move], Address]) -> list[Move]:
    """One move for each bucket, the smallest, so that asking costs little."""
    found: dict[tuple[str, str], Move] = {}
    for move in sorted(moves, key=lambda move: move.size):
        found.setdefault((end(move).cloud, end(move).bucket), move)
    return list(found.values())[:_MOST]


async def _source(store: ObjectStore, move: Move, *, read: bool) -> Check:
    address, name = move.source, "source"
    subject = f"{address.cloud}:{address.bucket}"
    try:
        async with asyncio.timeout(_PATIENCE):
            head = await store.head(address.bucket, address.key)
            if read and head.size and not head.archived:
                async with store.read(address.bucket, address.key, pin=head.pin, stop=1) as reader:
                    async for _ in reader:
                        pass
    except NotFound as error:
        return Check(subject, name, CheckState.WARNING, f"{address}: {error.what}", "Plan again.")
    except AstraError as error:
        return Check(subject, name, CheckState.FAILED, error.what, error.todo)
    except TimeoutError:
        return _silent(subject, name)
    what = "can be read" if read and head.size and not head.archived else "answers"
    return Check(subject, name, CheckState.OK, f"The source {what}.")


async def _destination(store: ObjectStore, address: Address) -> Check:
    """Write a small object beside where the copies go, and remove it."""
    subject, name = f"{address.cloud}:{address.bucket}", "destination"
    folder = address.key.rpartition("/")[0]
    key = f"{folder}/{_CANARY}{uuid4().hex}" if folder else f"{_CANARY}{uuid4().hex}"

    async def body() -> AsyncIterator[bytes]:
        yield _BYTES

    try:
        async with asyncio.timeout(_PATIENCE):
            written = await store.write(
                address.bucket, key, body(), size=len(_BYTES), meta=ObjectMeta()
            )
    except AstraError as error:
        return Check(subject, name, CheckState.FAILED, error.what, error.todo)
    except TimeoutError:
        return _silent(subject, name)
    try:
        with suppress(NotFound):
            await store.delete(address.bucket, key, pin=written.pin)
    except AstraError as error:
        detail = f"It can be written to but not deleted from ({error.what})"
        todo = f"Delete {key} by hand; without that right a bad copy cannot be rolled back."
        return Check(subject, name, CheckState.WARNING, detail, todo)
    return Check(subject, name, CheckState.OK, "A small object was written and removed.")


async def _room(store: HasRoom, moves: Sequence[Move]) -> Check:
    address, name = moves[0].destination, "space"
    needed = sum(move.size for move in moves)
    try:
        free = await store.free_bytes(address.bucket)
    except AstraError as error:
        return Check(address.cloud, name, CheckState.WARNING, error.what, error.todo)
    detail = f"{needed:,} bytes are to be written and {free:,} are free."
    if needed + _SPARE > free:
        todo = "Free some space, or move fewer objects."
        return Check(address.cloud, name, CheckState.FAILED, detail, todo)
    return Check(address.cloud, name, CheckState.OK, detail)


def clock(store: ObjectStore) -> list[Check]:
    """How far the store's clock is from ours, where it told; [] where it has none."""
    offset = getattr(store, "clock_offset", None)
    if offset is None:
        return []
    detail = f"Its clock differs from this machine's by {abs(offset):.0f} s."
    state = CheckState.OK
    if abs(offset) > SKEW_WARNING:
        state = CheckState.FAILED if abs(offset) > SKEW_FAILED else CheckState.WARNING
    todo = "" if state is CheckState.OK else "Set this machine's clock (NTP)."
    return [Check(store.name, "clock", state, detail, todo)]


def _silent(subject: str, name: str) -> Check:
    detail = f"There was no answer within {_PATIENCE:.0f} s."
    return Check(subject, name, CheckState.WARNING, detail, "Check the network and the endpoint.")


def _text(check: Check) -> str:
    parts = (f"{check.subject}: {check.name}: {check.detail}", check.todo)
    return " ".join(part for part in parts if part)
