"""From policies to decisions, from decisions and wishes to plans, from plans to jobs."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.access import AccessStatistics
from engine.catalog import Catalog
from engine.clouds import Clouds
from engine.decisions import DecisionLog
from engine.errors import AccessDenied, NotFound, UsageError
from engine.events.schema import JobRequest
from engine.frame import Frame
from engine.migration import plan as plans
from engine.migration.filters import Sieve, look_up_named, missing, passing, with_missing
from engine.migration.plan_sources import Place, SourceObject, from_listing, from_rows, look_up
from engine.migration.runner import Runner
from engine.model import (
    Address,
    Decision,
    Filters,
    JobSpec,
    JobView,
    ListEntry,
    ListingState,
    MoveKind,
    MoveOptions,
    Plan,
    Tier,
)
from engine.preflight import preflight
from engine.pricing.book import PriceBook
from engine.stores.base import ObjectStore

if TYPE_CHECKING:
    from engine.forecast.model import Forecast
    from engine.pricing.columns import Floats
    from engine.tiering.hazard import Hazard
    from engine.tiering.policy import DecisionColumns, Features, Policy

_DAY = 86_400.0
_TRIES = 5  # decisions on a listing that changes meanwhile
_SLICE = 256  # decisions worded at a stretch, about 5 ms
_HEADS = 64  # up to so many destinations are asked for one by one, more are listed


class Planner:
    """Reads listings, asks policies and prices; only `submit` makes anything happen."""

    def __init__(
        self,
        book: PriceBook,
        catalog: Catalog,
        clouds: Clouds,
        places: Mapping[str, Place],
        access: AccessStatistics,
        log: DecisionLog,
        runner: Runner,
        *,
        forecast: "Callable[[Frame], Awaitable[Forecast]]",
        hazard: "Callable[[Frame], Awaitable[Hazard]]",
        restore_speed: str = "standard",
        restore_days: int = 7,
    ) -> None:
        """`forecast` tells what accesses to expect of a listing's objects, `hazard` how likely
        each is read next."""
        self.policy = ""  # of the last run
        self.book = book
        self.catalog = catalog
        self._clouds = clouds
        self.places = places
        self._access = access
        self._log = log
        self._runner = runner
        self._forecast = forecast
        self._hazard = hazard
        self._restore = (restore_speed, restore_days)

    # -- decisions ----------------------------------------------------------------------

    async def decide(
        self, name: str, parameters: Mapping[str, object], clouds: Sequence[str]
    ) -> list[Decision]:
        """Run a policy over whole listings. Raises UsageError for one that is not complete.

        With no cloud named, those that are away do not keep the others from it.
        """
        from engine.tiering.policy import policy_named

        policy = policy_named(name, parameters)
        chosen = list(clouds) or [
            listing.cloud for listing in self.catalog.listings() if _complete(listing.state)
        ]
        if not chosen:
            raise UsageError(
                "No cloud is listed completely, so there is nothing to decide on.",
                safe="Nothing was changed.",
                todo="Wait for a listing, or load one again.",
            )
        for cloud in chosen:
            self._clouds.ready(cloud)
        await self._clouds.refresh()
        result: list[Decision] = []
        for cloud in chosen:
            result += await self._decide(cloud, policy)
        self.policy = policy.name
        return result

    async def _decide(self, cloud: str, policy: "Policy") -> list[Decision]:
        from engine.tiering.policy import asks_forecast, asks_hazard, decisions

        listing = self.catalog[cloud]
        for _ in range(_TRIES):
            frame = listing.frame()
            forecast = await self._forecast(frame) if asks_forecast(policy) else None
            hazard = await self._hazard(frame) if asks_hazard(policy) else None
            features, columns, savings = await asyncio.to_thread(
                _run, policy, frame, forecast, hazard
            )
            if listing.set_targets(frame, columns.shown(), savings):
                found: list[Decision] = []
                made = decisions(policy, features, columns, savings=savings, decided_at=time.time())
                for decision in made:
                    found.append(decision)
                    if not len(found) % _SLICE:
                        await asyncio.sleep(0)
                await self._log.replace(cloud, found)
                return found
        raise UsageError(
            "The listing changed again and again while it was decided on.",
            subject=cloud,
            safe="Nothing was changed.",
            todo="Try again when fewer jobs are running there.",
        )

    def carried_out(self, job: JobView) -> None:
        """A job is completed: what was decided for its object before is done with."""
        self._log.drop(job.spec.source)

    # -- plans --------------------------------------------------------------------------

    async def plan_decisions(
        self, clouds: Sequence[str], options: MoveOptions, filters: Filters
    ) -> Plan:
        """The current decisions as a plan. Filters are relative to what each cloud has listed;
        with some given, what is no longer listed is left out."""
        chosen = self._log.current(clouds)
        objects: dict[Address, SourceObject] = {}
        for cloud in dict.fromkeys(decision.address.cloud for decision in chosen):
            frame = self.catalog[cloud].frame()
            keys = [
                item.address.key
                for item in chosen
                if (item.address.cloud, item.address.bucket) == (cloud, frame.bucket)
            ]
            rows = [row for row in frame.find_all(keys) if row is not None]
            found = from_rows(frame, rows, len(self.catalog[cloud].prefix))
            objects |= {item.address: item for item in await self._passing(found, filters)}
        if filters:
            chosen = [item for item in chosen if item.address in objects]
        existing = await self._existing_elsewhere(chosen, objects)
        return await asyncio.to_thread(
            plans.plan_decisions,
            chosen,
            objects,
            self.places,
            self.book,
            options=self.settled(options),
            existing=existing,
        )

    async def plan_tier(
        self,
        addresses: Sequence[Address],
        tier: Tier | None,
        name: str,
        options: MoveOptions,
        filters: Filters,
    ) -> Plan:
        """A change of class in place."""
        found = await self._objects(addresses, filters)
        objects = await self._passing(found, filters)
        plan = await asyncio.to_thread(
            plans.plan_tier,
            objects,
            self.places,
            self.book,
            tier=tier,
            storage_class=name,
            options=self.settled(options),
        )
        return with_missing(plan, missing(found, filters), addresses, None, MoveKind.TIER)

    async def plan_migration(
        self,
        sources: Sequence[Address],
        destination: Address,
        *,
        kind: MoveKind,
        tier: Tier | None,
        storage_class: str,
        options: MoveOptions,
        filters: Filters,
    ) -> Plan:
        """A move or copy between places; looks at what the destination holds already."""
        self.catalog[destination.cloud]  # an unknown cloud ends here, with a clear error
        found = await self._objects(sources, filters)
        objects = await self._passing(found, filters)
        keys = [plans.target_key(destination, item.relative, options) for item in objects]
        plan = await asyncio.to_thread(
            plans.plan_migration,
            sources,
            objects,
            destination,
            self.places,
            self.book,
            kind=kind,
            tier=tier,
            storage_class=storage_class,
            options=self.settled(options),
            existing=await self.existing(destination, keys),
        )
        return with_missing(plan, missing(found, filters), sources, destination, kind)

    def settled(self, options: MoveOptions) -> MoveOptions:
        """What was left to the configuration is named: the plan shows it, and the jobs keep it."""
        speed, days = self._restore
        return replace(
            options,
            restore_speed=options.restore_speed or speed,
            restore_days=options.restore_days or days,
        )

    async def preflight(self, plan: Plan, *, write: bool = False) -> Plan:
        """The plan with what would stop it, as far as can be seen before; see `preflight`."""
        sums = await self._runner.ledger.sums()
        jobs, bandwidth = self._runner.limits().jobs, self._runner.bandwidth
        return await preflight(plan, self.places, sums, jobs, bandwidth, write=write)

    async def plan_request(self, request: JobRequest) -> Plan:
        """What a message on `migration_jobs` asks for; the same message gives the same jobs."""
        if request.kind is MoveKind.TIER:
            plan = await self.plan_tier(
                [request.source],
                request.tier,
                request.storage_class,
                request.options,
                Filters(),
            )
        else:
            plan = await self.plan_migration(
                [request.source],
                request.destination,
                kind=request.kind,
                tier=request.tier,
                storage_class=request.storage_class,
                options=request.options,
                filters=Filters(),
            )
        return replace(plan, plan_id=request.request_key)

    async def submit(self, plan: Plan, priority: int = 0) -> str:
        """The accepted moves as jobs; returns the job set's id, which is the plan's."""
        accepted = [move for move in plan.moves if not move.refused]
        specs = [
            JobSpec(
                move.source,
                move.destination,
                move.kind,
                move.size,
                move.pin,
                move.from_class,
                move.to_class,
                plan.options,
            )
            for move in accepted
        ]
        savings = [move.saving_per_month for move in accepted]
        await self._runner.submit(plan.plan_id, specs, savings, priority=priority or plan.priority)
        return plan.plan_id

    # -- what is where --------------------------------------------------------------------

    async def _passing(
        self, objects: Sequence[SourceObject], filters: Filters
    ) -> Sequence[SourceObject]:
        if not filters:
            return objects
        return await asyncio.to_thread(
            lambda: list(passing(objects, filters, self.places, self.book))
        )

    async def _objects(self, sources: Sequence[Address], filters: Filters) -> list[SourceObject]:
        """From a complete listing where there is one, else from the store as it is now."""
        Sieve(filters, self.book)  # a glob that makes no sense is told before anything is listed
        found: list[SourceObject] = []
        for source in sources:
            listing = self.catalog[source.cloud]
            if (
                _complete(listing.state)
                and listing.bucket == source.bucket
                and source.key.startswith(listing.prefix)
            ):
                frame = listing.frame()
                found += await asyncio.to_thread(from_listing, frame, [source])
            else:
                store, keys = self.places[source.cloud].store, filters.keys
                if source.is_prefix and keys is not None and len(keys) <= _HEADS:
                    objects = await look_up_named(store, source, keys)
                else:
                    objects = await look_up(store, source)
                found += self.with_accesses(source, objects)
        return found

    def with_accesses(self, source: Address, objects: Sequence[SourceObject]) -> list[SourceObject]:
        keys = [item.address.key for item in objects]
        known = self._access.columns(source.cloud, source.bucket, keys)
        now = time.time()
        result = []
        for i, item in enumerate(objects):
            last = float(known.last_access[i])
            age = item.age_days + float(known.shift_days[i])
            idle = min(max((now - last) / _DAY, 0.0), age) if last else age
            result.append(
                replace(item, age_days=age, idle_days=idle, reads_30d=float(known.reads_30d[i]))
            )
        return result

    async def _existing_elsewhere(
        self, chosen: Sequence[Decision], objects: Mapping[Address, SourceObject]
    ) -> dict[str, ListEntry]:
        """What is already where decisions for other clouds would put their objects."""
        keys: dict[Address, list[str]] = {}
        for item in chosen:
            source = objects.get(item.address)
            if item.to_cloud and source is not None:
                there = plans.placed(item, source.relative, self.places)
                place = Address(there.cloud, there.bucket, self.places[there.cloud].prefix)
                keys.setdefault(place, []).append(there.key)
        found: dict[str, ListEntry] = {}
        for place, wanted in keys.items():
            found |= await self.existing(place, wanted)
        return found

    async def existing(self, destination: Address, keys: Sequence[str]) -> dict[str, ListEntry]:
        listing = self.catalog[destination.cloud]
        if (
            _complete(listing.state)
            and listing.bucket == destination.bucket
            and destination.key.startswith(listing.prefix)
        ):
            frame = listing.frame()
            return await asyncio.to_thread(_listed, frame, keys)
        store = self.places[destination.cloud].store
        found: dict[str, ListEntry] = {}
        if len(keys) <= _HEADS:
            for key in keys:
                if store.check_key(key):
                    continue  # the plan refuses it
                try:
                    head = await store.head(destination.bucket, key)
                except NotFound:
                    continue
                pin = head.pin
                found[key] = ListEntry(key, head.size, pin.modified, pin.etag, head.storage_class)
            if keys and not found:
                await _need_bucket(store, destination)
            return found
        wanted = set(keys)
        try:
            async for page in store.list_pages(destination.bucket, destination.key):
                found |= {entry.key: entry for entry in page.entries if entry.key in wanted}
        except NotFound as error:
            raise _no_bucket(destination) from error
        return found


def _listed(frame: Frame, keys: Sequence[str]) -> dict[str, ListEntry]:
    rows = frame.find_all(keys)
    return {key: frame.entry(row) for key, row in zip(keys, rows, strict=True) if row is not None}


async def _need_bucket(store: ObjectStore, destination: Address) -> None:
    """A missing key and a missing bucket answer alike; a listing tells them apart.

    Raises UsageError if there is no bucket. Who may write there but not list is let through.
    """
    try:
        async for _ in store.list_pages(destination.bucket, destination.key):
            return
    except NotFound as error:
        raise _no_bucket(destination) from error
    except AccessDenied:
        return


def _no_bucket(destination: Address) -> UsageError:
    return UsageError(
        "There is no such bucket to put objects into.",
        subject=f"{destination.cloud}:{destination.bucket}",
        safe="Nothing was changed.",
        todo="Create it with the provider's tools, or name another one.",
    )


def _run(
    policy: "Policy", frame: Frame, forecast: "Forecast | None", hazard: "Hazard | None"
) -> "tuple[Features, DecisionColumns, Floats]":
    from engine.tiering.policy import Features, recent_savings

    features = replace(Features.of(frame), forecast=forecast, hazard=hazard)
    columns = policy.decide(features)
    return features, columns, recent_savings(features, columns)


def _complete(state: ListingState) -> bool:
    return state in (ListingState.READY, ListingState.EMPTY)
