"""Deciding across clouds: which listed objects should move to another one."""

import asyncio
import time
from collections.abc import Sequence

import numpy as np

from engine.errors import UsageError
from engine.frame import Frame
from engine.model import Decision, ListingState
from engine.parts import Parts
from engine.tiering.clouds import NAME, Target, best_moves, decisions_of

_COMPLETE = (ListingState.READY, ListingState.EMPTY)


async def decide_clouds(
    parts: Parts, clouds: Sequence[str], horizon_months: float
) -> list[Decision]:
    """The moves that pay for themselves within the horizon, stored as decisions.

    Targets are all clouds that are listed completely, have a bucket in the configuration and may
    be written. Raises UsageError if there is none, or a cloud to look at is not complete.
    """
    if not 0 < horizon_months <= 120:
        raise UsageError("The horizon must be more than 0 and at most 120 months.")
    listed = [item.cloud for item in parts.catalog.listings() if item.state in _COMPLETE]
    chosen = list(clouds) or listed
    for cloud in chosen:
        parts.clouds.ready(cloud)
    await parts.clouds.refresh()
    frames = {name: parts.catalog[name].frame() for name in dict.fromkeys([*chosen, *listed])}
    targets = {name: Target.of(name, frame.table, parts.book) for name, frame in frames.items()}
    places = parts.planner.places
    found: list[Decision] = []
    for cloud in chosen:
        others = [
            target
            for name, target in targets.items()
            if name != cloud and places[name].bucket and not places[name].read_only
        ]
        if not others:
            raise UsageError(
                "There is no other cloud to move to.",
                subject=cloud,
                safe="Nothing was changed.",
                todo="It must be listed, have a bucket in the configuration, and be writable.",
            )
        frame, own = frames[cloud], targets[cloud]
        made = await asyncio.to_thread(_decide, frame, own, others, horizon_months)
        # What another policy wished for in place is no longer what is decided.
        nothing = np.full(frame.count, -1, np.int16)
        parts.catalog[cloud].set_targets(frame, nothing, np.zeros(frame.count))
        await parts.decisions.replace(cloud, made)
        found += made
    parts.planner.policy = NAME
    return found


def _decide(
    frame: Frame, own: Target, others: Sequence[Target], horizon_months: float
) -> list[Decision]:
    best = best_moves(frame, own, others, horizon_months)
    return decisions_of(frame, own, others, best, horizon_months, time.time())
