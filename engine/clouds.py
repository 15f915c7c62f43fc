"""The clouds' listings kept up to date: scans, access columns, and what jobs changed."""

import asyncio
import contextlib
import logging
import math
from collections.abc import Mapping, Sequence
from functools import partial

from engine.access import AccessStatistics, Followed
from engine.catalog import Catalog
from engine.errors import AstraError, ConfigError, NotFound, UsageError
from engine.model import (
    CloudStatus,
    JobState,
    JobView,
    ListEntry,
    ListingState,
    MoveKind,
)
from engine.settings import CloudSettings
from engine.stores.base import ObjectStore
from engine.stores.hints import name_buckets

log = logging.getLogger(__name__)
_REFRESH = 1.0  # seconds between looks at what changed
_SMALL = 20_000  # rows; more are looked up in a thread


class Clouds:
    """Scans run in tasks of their own; everything else happens on the loop, in short pieces."""

    def __init__(
        self,
        settings: Sequence[CloudSettings],
        stores: Mapping[str, ObjectStore],
        catalog: Catalog,
        access: AccessStatistics,
    ) -> None:
        self._settings = {cloud.name: cloud for cloud in settings}
        self._stores = stores
        self._catalog = catalog
        self._access = access
        self._scans: dict[str, asyncio.Task[None]] = {}
        self._seen_access: dict[str, tuple[int, int]] = {}
        self._followed: dict[str, Followed] = {}
        self._done: list[JobView] = []
        self._refresher: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to refresh the listings once a second where something changed."""
        self._refresher = asyncio.create_task(self._refresh_forever(), name="astra-refresh")

    async def stop(self) -> None:
        """End all scans. Safe to call twice."""
        tasks = [*self._scans.values()]
        if self._refresher is not None:
            tasks.append(self._refresher)
            self._refresher = None
        self._scans.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- scans --------------------------------------------------------------------------

    def scan(self, cloud: str, bucket: str | None, prefix: str | None) -> None:
        """List a place of a cloud anew; nothing named means where its pane is now."""
        settings = self._known(cloud)
        listing = self._catalog[cloud]
        if bucket is None:
            bucket = listing.bucket or settings.bucket
            prefix = (listing.prefix or settings.prefix) if prefix is None else prefix
        running = self._scans.pop(cloud, None)
        if running is not None:
            running.cancel()
        number = listing.begin(bucket, prefix or "")
        self._scans[cloud] = asyncio.create_task(
            self._scan(cloud, number, bucket, prefix or ""), name=f"astra-scan-{cloud}"
        )

    async def scanned(self, cloud: str) -> None:
        """Wait for the end of the cloud's scan, if one runs."""
        self._known(cloud)
        # Shielded: whoever waits may give up without ending the scan for the others.
        while (task := self._scans.get(cloud)) is not None and not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(asyncio.wait([task]))
            if (current := asyncio.current_task()) is not None and current.cancelling():
                raise asyncio.CancelledError

    async def _scan(self, cloud: str, number: int, bucket: str, prefix: str) -> None:
        listing, store = self._catalog[cloud], self._stores[cloud]
        try:
            if not bucket:
                bucket = await self._first_bucket(cloud, store)
                listing.bucket = bucket
            async for page in store.list_pages(bucket, prefix):
                listing.append(number, page.entries)
                await asyncio.sleep(0)
        except AstraError as error:
            if isinstance(error, NotFound):
                await name_buckets(store, bucket, error)
            listing.fail(number, error)
            log.warning("listing %s:%s failed: %s", cloud, bucket, error)
        else:
            listing.finish(number)
            await self._refresh_access(cloud)
            await self._catalog.folders(cloud)  # found now, for whoever asks for them later

    async def _first_bucket(self, cloud: str, store: ObjectStore) -> str:
        buckets = await store.buckets()
        if not buckets:
            raise ConfigError(
                "This cloud has no bucket.",
                subject=cloud,
                todo=f"Create one, or name it in astra.toml under [clouds.{cloud}].",
            )
        return buckets[0]

    # -- what lies over the rows ----------------------------------------------------------

    def note_job(self, job: JobView) -> None:
        """A job changed: once it ended well its objects show in the listings at the next look."""
        if job.state is JobState.COMPLETED:
            self._done.append(job)

    def note_active(self, jobs: Sequence[JobView]) -> None:
        """These jobs are at work now: their objects are marked."""
        busy: dict[tuple[str, str], set[str]] = {}
        for job in jobs:
            for address in (job.spec.source, job.spec.destination):
                busy.setdefault((address.cloud, address.bucket), set()).add(address.key)
        self._catalog.set_busy({place: frozenset(keys) for place, keys in busy.items()})

    async def refresh(self) -> None:
        """Bring into the listings what jobs and events changed."""
        done, self._done = self._done, []
        self._apply(done)
        for name in self._stores:
            await self._refresh_access(name)

    async def _refresh_forever(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH)
            await self.refresh()

    async def _refresh_access(self, cloud: str) -> None:
        listing = self._catalog[cloud]
        now = (self._access.revision, listing.revision)
        if self._seen_access.get(cloud) == now or not listing.keys:
            return
        self._seen_access[cloud] = now
        if listing.access is None and not self._access.knows(cloud, listing.bucket):
            return  # nothing over nothing: no sum changes
        scan, bucket, keys, ordered = listing.scan, listing.bucket, listing.keys, listing.ordered
        followed = self._followed.get(cloud)
        if followed is None or followed.keys is not keys:  # a change makes a new list
            followed = self._followed[cloud] = Followed(keys)
        asked = partial(
            self._access.columns_of, cloud, bucket, followed, len(keys), ordered=ordered
        )
        if len(keys) <= _SMALL:
            columns = asked()
        else:
            self._access.fold()
            columns = await asyncio.to_thread(asked)
        if listing.revision == now[1]:
            await self._catalog.set_access(cloud, scan, columns)

    def _apply(self, done: Sequence[JobView]) -> None:
        removed: dict[tuple[str, str], list[str]] = {}
        changed: dict[tuple[str, str], list[ListEntry]] = {}
        for job in done:
            spec, pin = job.spec, job.destination_pin
            if spec.kind is MoveKind.MOVE:
                removed.setdefault((spec.source.cloud, spec.source.bucket), []).append(
                    spec.source.key
                )
            if pin is not None:
                entry = ListEntry(
                    spec.destination.key, spec.size, pin.modified, pin.etag, spec.to_class
                )
                place = (spec.destination.cloud, spec.destination.bucket)
                changed.setdefault(place, []).append(entry)
        for listing in self._catalog.listings():
            where = (listing.cloud, listing.bucket)
            listing.apply(changed.get(where, ()), removed.get(where, ()))

    # -- seeing -------------------------------------------------------------------------

    def status(self, name: str) -> CloudStatus:
        """One cloud for the snapshot."""
        listing, settings, store = self._catalog[name], self._settings[name], self._stores[name]
        totals = listing.totals
        cost = totals.cost_month
        return CloudStatus(
            name=name,
            kind=store.kind,
            provider=store.provider,
            region=store.region,
            bucket=listing.bucket or settings.bucket,
            prefix=listing.prefix,
            state=listing.state,
            error=listing.error,
            error_todo=listing.error_todo,
            objects=totals.objects,
            bytes=totals.size,
            cost_month=cost,
            projected_month=_less(cost, listing.saving),
            by_tier=totals.by_tier,
            generation=listing.generation,
            gone=listing.gone,
            read_only=settings.read_only,
        )

    def ready(self, name: str) -> None:
        """Raises UsageError unless the whole of this cloud's listing is there."""
        listing = self._catalog[name]
        if listing.state not in (ListingState.READY, ListingState.EMPTY):
            raise UsageError(
                "Its listing is not complete, so nothing can be decided on it.",
                subject=name,
                safe="Nothing was changed.",
                todo=listing.error_todo or "Wait for the listing, or load it again.",
            )

    def _known(self, cloud: str) -> CloudSettings:
        settings = self._settings.get(cloud)
        if settings is None:
            names = ", ".join(self._settings) or "none"
            raise UsageError(f"There is no cloud named {cloud!r}.", todo=f"Known clouds: {names}.")
        return settings


def _less(cost: float | None, saving: float) -> float | None:
    """The cost once the decisions were carried out, None where a part is unknown."""
    return None if cost is None or math.isnan(saving) else max(cost - saving, 0.0)
