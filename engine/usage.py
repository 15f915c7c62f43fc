"""How much lies in each folder and what it costs a month: `du` with money, of a whole tree."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from engine.errors import UsageError
from engine.folders import FolderIndex
from engine.frame import Frame
from engine.model import FolderUsage

if TYPE_CHECKING:
    from engine.parts import Parts

_PAGE = 2000  # folders of one page


async def usage(
    parts: "Parts", cloud: str, folder: str, depth: int
) -> AsyncGenerator[Sequence[FolderUsage], None]:
    """The folder itself, then all below it down to `depth`, each before what lies in it.

    Raises UsageError unless the cloud's listing is complete and reaches that folder.
    """
    parts.clouds.ready(cloud)
    listing = parts.catalog[cloud]
    if not folder.startswith(listing.prefix):
        raise UsageError(
            "The listing does not reach there.",
            subject=f"{cloud}:{listing.bucket}/{folder}",
            todo="List that place first.",
        )
    frame, index = await parts.catalog.folders(cloud)
    for page in await asyncio.to_thread(levels, frame, index, folder, depth):
        yield page
        await asyncio.sleep(0)


def levels(
    frame: Frame, index: FolderIndex, folder: str, depth: int
) -> list[Sequence[FolderUsage]]:
    """A folder and those below it down to `depth`, in pages; runs in a thread."""
    low, high = index.span(folder)
    rows = slice(low, high) if index.order is None else index.order[low:high]
    sizes, costs = frame.sizes[rows], frame.costs(rows)
    above = folder.count("/")
    one = np.zeros(1, np.intp)
    first, level = [one], [one]  # where each folder begins in the span, how deep it is
    count, size, cost = [one + high - low], [sizes.sum(keepdims=True)], [costs.sum(keepdims=True)]
    deepest = int(index.depth[low:high].max(initial=0)) - above
    for under in range(1, min(depth, deepest) + 1):
        inside = np.flatnonzero(index.depth[low:high] >= above + under)
        cuts = np.flatnonzero(index.starts(low, high, above + under)[inside])
        first.append(inside[cuts])
        level.append(np.full(len(cuts), under, np.intp))
        count.append(np.diff(cuts, append=len(inside)))
        size.append(np.add.reduceat(sizes[inside], cuts))
        cost.append(np.add.reduceat(costs[inside], cuts))
    begins, under_ = np.concatenate(first), np.concatenate(level)
    order: npt.NDArray[np.intp] = np.lexsort((under_, begins))
    found = zip(
        (begins[order] + low).tolist(),
        under_[order].tolist(),
        np.concatenate(count)[order].tolist(),
        np.concatenate(size)[order].tolist(),
        np.concatenate(cost)[order].tolist(),
        strict=True,
    )
    lines = [
        FolderUsage(
            _cut(index.keys[row], above + under) if under else folder,
            under,
            objects,
            size,
            None if cost != cost else cost,  # NaN: a price is unknown
        )
        for row, under, objects, size, cost in found
    ]
    return [lines[start : start + _PAGE] for start in range(0, len(lines), _PAGE)]


def _cut(key: str, slashes: int) -> str:
    """What a key begins with, up to its slash of that number."""
    at = -1
    for _ in range(slashes):
        at = key.index("/", at + 1)
    return key[: at + 1]
