"""The operator's own listing and access history as what the lab replays."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import UsageError
from engine.lab.history import AccessHistory, Floats, Ints, Inventory, check_cells
from engine.model import Address

if TYPE_CHECKING:
    from engine.frame import Frame

LARGE = 10_000_000  # object days; from there on unread objects are grouped
_EPOCH = 719_163  # 1970-01-01 as an ordinal
_DAY = 86_400


def of_listing(
    frame: "Frame", rows: Iterable[tuple[Address, int, int, int]]
) -> tuple[Inventory, AccessHistory, str]:
    """A listing with (address, epoch day, reads, bytes), and what to tell the operator or "".

    An object that was read before it was last written is taken to be as old as that. Reads without
    known bytes are whole ones. In a large listing the objects that were never read are grouped by
    the day they were written and by size (to a factor of two), with the group's mean size.
    Raises UsageError where nothing was read.
    """
    index = {key: row for row, key in enumerate(frame.keys[: frame.count])}
    found = [
        (index[address.key], day, reads, nbytes)
        for address, day, reads, nbytes in rows
        if (address.cloud, address.bucket) == (frame.cloud, frame.bucket)
        and address.key in index
        and reads > 0
    ]
    place = f"{frame.cloud}:{frame.bucket}"
    if not found:
        raise UsageError(
            "No accesses are known of what is listed there, so there is nothing to replay.",
            subject=place,
            todo="Import an access log, or name --inventory and --history.",
        )
    at, days, reads, nbytes = (np.array(column, np.int64) for column in zip(*found, strict=True))
    first, last = int(days.min()), max(int(days.max()), int(frame.now // _DAY) - 1)
    sizes = frame.sizes.astype(np.float64)
    created = np.floor(frame.modified / _DAY).astype(np.int64)
    np.minimum.at(created, at, days)
    read = np.where(nbytes > 0, nbytes, reads * sizes[at])
    names: tuple[str, ...] = tuple(frame.keys[: frame.count])
    counts, note = np.ones(len(sizes)), ""
    if len(sizes) * (last - first + 1) > LARGE:
        kept, rows_of = np.unique(at, return_inverse=True)
        quiet = np.setdiff1d(np.arange(len(sizes)), kept)
        groups = _groups(sizes[quiet], created[quiet])
        note = f"{len(quiet):,} objects that were never read are {len(groups[0]):,} groups here."
        names = (*(names[row] for row in kept.tolist()), *_group_names(len(groups[0])))
        sizes = np.concatenate([sizes[kept], groups[0]])
        counts = np.concatenate([counts[kept], groups[1]])
        created, at = np.concatenate([created[kept], groups[2]]), rows_of
    shape = (len(sizes), last - first + 1)
    check_cells(*shape, place)
    history = AccessHistory(first + _EPOCH, np.zeros(shape, np.float32), np.zeros(shape))
    np.add.at(history.reads, (at, days - first), reads.astype(np.float32))
    np.add.at(history.bytes_read, (at, days - first), read)
    return Inventory(names, sizes, counts, created + _EPOCH), history, note


def _groups(sizes: Floats, created: Ints) -> tuple[Floats, Floats, Ints]:
    """Mean size, count and day of the groups."""
    scale = np.floor(np.log2(np.maximum(sizes, 1.0)))
    keys, group = np.unique(np.stack([created, scale], axis=1), axis=0, return_inverse=True)
    group = group.reshape(-1)
    counts = np.bincount(group, minlength=len(keys)).astype(np.float64)
    totals = np.bincount(group, sizes, minlength=len(keys))
    return totals / counts, counts, keys[:, 0].astype(np.int64)


def _group_names(count: int) -> list[str]:
    return [f"unread {number}" for number in range(1, count + 1)]
