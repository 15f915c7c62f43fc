"""Looking before leaping: what would stop a plan, found out before anything is moved.

The cheap way asks each store for one object and each disk for its room. With `write` one byte of
a source is read, too, and a small object of a name of its own is written to each destination
bucket and removed again.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import inf
from uuid import uuid4

from engine.errors import AstraError, NotFound
from engine.migration.bandwidth import Bandwidth
from engine.migration.plan_sources import Place
from engine.migration.reports import Sum
from engine.model import Address, Check, CheckState, Evidence, Move, MoveKind, ObjectMeta, Plan
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
    bandwidth: Bandwidth,
    *,
    write: bool = False,
) -> Plan:
    """The plan with what was found (`checks`, and as warnings) and how long it may take.

    `sums` are those of earlier jobs, `jobs` how many run at once, `bandwidth` what bounds them.
    Raises nothing of the stores'.
    """
    known = frozenset(places)
    seen = await asyncio.to_thread(_Overview.of, plan, known)  # it may have a million moves
    checks = [_unknown(cloud) for cloud in seen.clouds if cloud not in places]
    for move in list(seen.sources.values())[:_MOST]:
        checks.append(await _source(places[move.source.cloud].store, move, read=write))
    for move in list(seen.targets.values())[:_MOST] if write else ():
        checks.append(await _destination(places[move.destination.cloud].store, move.destination))
    for (cloud, bucket), size in seen.room(places).items():
        store = places[cloud].store
        assert isinstance(store, HasRoom)
        checks.append(await _room(store, cloud, bucket, size))
    for cloud in seen.clouds:
        if cloud in places:
            checks += clock(places[cloud].store)
    old = {_text(check) for check in plan.checks}
    kept = [text for text in plan.warnings if text not in old]
    told = [_text(c) for c in checks if c.state in (CheckState.WARNING, CheckState.FAILED)]
    return replace(
        plan,
        checks=tuple(checks),
        warnings=(*kept, *told),
        seconds=bounded(
            expected_seconds(seen.routes, sums, jobs),
            seen.through * (2 if plan.options.verify is Evidence.REREAD else 1),
            bandwidth,
        ),
    )


def expected_seconds(
    routes: Mapping[str, tuple[int, int]], sums: Sequence[Sum], jobs: int
) -> float | None:
    """How long the moves take at the pace of completed jobs of their routes, None unknown.

    `routes` has the number of objects and their bytes. Small objects cost time by number, large
    ones by bytes: the longer of both counts. The waiting for a restore is not in it.
    """
    done = {item.route: item for item in sums if item.bucket == "completed" and item.jobs}
    total, number = 0.0, 0
    for route, (count, size) in routes.items():
        pace = done.get(route)
        if pace is None:
            return None
        number += count
        by_bytes = size * pace.seconds / pace.bytes if pace.bytes else 0.0
        smaller = size / count <= pace.bytes / pace.jobs
        total += max(by_bytes, count * pace.seconds / pace.jobs if smaller else 0.0)
    return total / max(min(jobs, number), 1)


def bounded(seconds: float | None, count: int, bandwidth: Bandwidth) -> float | None:
    """The expected time under a limit, which `count` bytes will have to pass; None unknown.

    A limit alone tells how long it takes at least.
    """
    taken = bandwidth.seconds(count, seconds or 0.0)
    return seconds if taken == inf or (seconds is None and not taken) else taken


@dataclass(slots=True)
class _Overview:
    """The accepted moves of a plan: the smallest of each bucket, so that asking costs little,
    and sums. A plan that was saved may name clouds that are not `known` any more."""

    known: frozenset[str]
    sources: dict[tuple[str, str], Move] = field(default_factory=dict)
    targets: dict[tuple[str, str], Move] = field(default_factory=dict)
    bytes_into: dict[tuple[str, str], int] = field(default_factory=dict)
    routes: dict[str, tuple[int, int]] = field(default_factory=dict)
    through: int = 0  # bytes that come through this machine once
    clouds: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan, known: frozenset[str]) -> "_Overview":
        """Go through the plan once."""
        made = cls(known)
        for move in plan.moves:
            if not move.refused:
                made._add(move)
        return made

    def _add(self, move: Move) -> None:
        if move.source.cloud in self.known:
            _smaller(self.sources, move.source, move)
        if move.kind is not MoveKind.TIER and move.destination.cloud in self.known:
            place = _smaller(self.targets, move.destination, move)
            self.bytes_into[place] = self.bytes_into.get(place, 0) + move.size
            self.through += move.size
        count, size = self.routes.get(move.route, (0, 0))
        self.routes[move.route] = (count + 1, size + move.size)
        self.clouds[move.source.cloud] = self.clouds[move.destination.cloud] = None

    def room(self, places: Mapping[str, Place]) -> dict[tuple[str, str], int]:
        """Bytes for each disk, under its first bucket."""
        found: dict[str, tuple[str, int]] = {}
        for (cloud, bucket), size in self.bytes_into.items():
            if isinstance(places[cloud].store, HasRoom):
                first, so_far = found.get(cloud, (bucket, 0))
                found[cloud] = (first, so_far + size)
        return {(cloud, bucket): size for cloud, (bucket, size) in found.items()}


def _smaller(found: dict[tuple[str, str], Move], end: Address, move: Move) -> tuple[str, str]:
    place = (end.cloud, end.bucket)
    if place not in found or move.size < found[place].size:
        found[place] = move
    return place


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


async def _room(store: HasRoom, cloud: str, bucket: str, needed: int) -> Check:
    name = "space"
    try:
        free = await store.free_bytes(bucket)
    except AstraError as error:
        return Check(cloud, name, CheckState.WARNING, error.what, error.todo)
    detail = f"{needed:,} bytes are to be written and {free:,} are free."
    todo = "Free some space, or move fewer objects."
    if needed <= free < needed + _SPARE:
        detail += f" Less than {_SPARE // 1024**2} MiB would be left."
        return Check(cloud, name, CheckState.WARNING, detail, todo)
    if needed > free:
        return Check(cloud, name, CheckState.FAILED, detail, todo)
    return Check(cloud, name, CheckState.OK, detail)


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


def _unknown(cloud: str) -> Check:
    detail = "There is no cloud of this name any more."
    return Check(cloud, "cloud", CheckState.FAILED, detail, "Add it to astra.toml, or plan anew.")


def _silent(subject: str, name: str) -> Check:
    detail = f"There was no answer within {_PATIENCE:.0f} s."
    return Check(subject, name, CheckState.WARNING, detail, "Check the network and the endpoint.")


def _text(check: Check) -> str:
    parts = (f"{check.subject}: {check.name}: {check.detail}", check.todo)
    return " ".join(part for part in parts if part)
