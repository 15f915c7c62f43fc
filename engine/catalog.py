"""The catalog: one listing per cloud, and views of them sorted and filtered off the loop.

Rows arrive in key order, so sorting by name costs nothing; the other orders are numpy sorts of
one column. A view holds row numbers only and makes its rows when they are looked at.
"""

import asyncio
from collections.abc import Iterable, Mapping

from engine.access import AccessColumns
from engine.errors import UsageError
from engine.folders import FolderIndex
from engine.frame import Frame, Totals
from engine.listing import Listing
from engine.model import ListingQuery, Provider, SortKey
from engine.pricing.book import PriceBook
from engine.views import FolderView, Names, View, build, build_folder, searchable

_FIXED_ORDERS = frozenset({SortKey.NAME, SortKey.SIZE, SortKey.TIER, SortKey.CLASS})


class Catalog:
    """The listings of all clouds. Use from the event loop; heavy work goes to threads."""

    def __init__(self, book: PriceBook) -> None:
        self.book = book
        self._listings: dict[str, Listing] = {}
        self._views: dict[str, View | FolderView] = {}
        self._names: dict[str, Names] = {}  # of the folder that was filtered last
        self._preparing: dict[str, asyncio.Future[None]] = {}

    def add(self, cloud: str, provider: Provider, region: str) -> Listing:
        """Know a cloud; its listing is IDLE."""
        self._listings[cloud] = Listing(cloud, provider, region, self.book)
        return self._listings[cloud]

    def __getitem__(self, cloud: str) -> Listing:
        try:
            return self._listings[cloud]
        except KeyError:
            raise UsageError(
                f"There is no cloud named {cloud!r}.",
                todo=f"The configuration has: {', '.join(self._listings) or 'none'}.",
            ) from None

    def listings(self) -> Iterable[Listing]:
        """All listings, in the order of the configuration."""
        return self._listings.values()

    async def view(
        self, cloud: str, query: ListingQuery, *, now: float | None = None
    ) -> View | FolderView:
        """The cloud's listing, sorted and filtered. Rows are made when they are looked at.

        Cheap when only targets or busy marks changed since the last view of the same query, or
        accesses that its order does not depend on. Cancelling is safe.
        """
        listing = self[cloud]
        frame = listing.frame(now)
        last = self._views.get(cloud)
        view: View | FolderView
        if query.folder is not None:
            view = await self._folder(listing, frame, query, last)
        elif (
            isinstance(last, View)
            and last.query == query
            and last.frame.revision == frame.revision
            and (query.sort in _FIXED_ORDERS or frame.alike(last.frame, last.made))
        ):
            totals = frame.totals if not query.text else last.totals
            view = View(frame, query, last.ranks, totals, last.made)
        else:
            if query.text and (preparing := self._preparing.get(cloud)) is not None:
                await asyncio.wait([preparing])
            view, text = await asyncio.to_thread(build, frame, query, listing.text)
            if text is not None and frame.keys is listing.keys:
                listing.text = text
        self._views[cloud] = view
        return view

    async def prepare(self, cloud: str) -> None:
        """Get the keys of a cloud ready to be searched, before anybody knows for what."""
        listing = self[cloud]
        frame, text = listing.frame(), listing.text
        if cloud in self._preparing or (text is not None and text.count == frame.count):
            return
        done = self._preparing[cloud] = asyncio.get_running_loop().create_future()
        try:
            text = await asyncio.to_thread(searchable, frame, text)
            if frame.keys is listing.keys:
                listing.text = text
        finally:
            del self._preparing[cloud]
            done.set_result(None)

    async def _folder(
        self, listing: Listing, frame: Frame, query: ListingQuery, last: View | FolderView | None
    ) -> FolderView:
        if isinstance(last, FolderView) and last.query == query and last.frame.state == frame.state:
            return FolderView(frame, query, last.sums, last.order)
        view, index, names = await asyncio.to_thread(
            build_folder, frame, query, listing.folders, self._names.get(listing.cloud)
        )
        if frame.keys is listing.keys:
            listing.folders = index
            if names is not None:
                self._names[listing.cloud] = names
        return view

    async def folders(self, cloud: str) -> tuple[Frame, FolderIndex]:
        """The cloud's listing as it is, with the index of its folders."""
        listing = self[cloud]
        frame, index = listing.frame(), listing.folders
        if index is None or index.count != frame.count:
            index = await asyncio.to_thread(
                FolderIndex.of, frame.keys, frame.count, frame.ordered, index
            )
            if frame.keys is listing.keys:
                listing.folders = index
        return frame, index

    async def set_access(self, cloud: str, scan: int, columns: AccessColumns) -> None:
        """Take over access statistics of a scan's rows and count the totals anew."""
        listing = self[cloud]
        listing.set_access(scan, columns)
        frame = listing.frame()
        listing.set_totals(frame, await asyncio.to_thread(Totals.of, frame))

    def set_busy(self, keys: Mapping[tuple[str, str], frozenset[str]]) -> None:
        """Mark the objects that jobs are at work on, by (cloud, bucket)."""
        for listing in self._listings.values():
            listing.set_busy(keys.get((listing.cloud, listing.bucket), frozenset()))


__all__ = ["Catalog", "Frame", "Listing", "Totals", "View"]
