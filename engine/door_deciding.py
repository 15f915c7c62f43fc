"""The door: policies, decisions and plans."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.door import Door
from engine.model import (
    ActivePolicy,
    Address,
    Decision,
    Filters,
    MoveKind,
    MoveOptions,
    Plan,
    Tier,
)
from engine.refusals import refuse_read_only

if TYPE_CHECKING:
    from engine.lifecycle.derive import Wanted
    from engine.lifecycle.model import Lifecycle


class Deciding(Door):
    """What should be where, and how it would get there. Nothing is moved."""

    async def decide(self, policy: str = "", clouds: Sequence[str] = ()) -> list[Decision]:
        """Run a policy over the listed objects of the clouds (none named: all).

        Returns the decisions that change something; they are stored, shown in the listings
        as targets, and published as recommendations.
        """
        parts = self._parts
        name = policy or (await self._policy.load()).name
        parameters = await self._parameters(name)
        found = await parts.planner.decide(name, parameters, clouds)
        await parts.announcer.decisions(found)
        return found

    async def lifecycle(self, wanted: "Wanted", policy: str = "") -> "Lifecycle":
        """A policy (default: the active one) as rules that a provider runs by itself, and
        what those cannot say. Raises UsageError, also where they can say nothing of it."""
        from engine.lifecycle.derive import derive
        from engine.pricing.columns import ClassTable
        from engine.tiering.policy import policy_named

        name = policy or (await self._policy.load()).name
        chosen = policy_named(name, await self._parameters(name))
        book = self._parts.book
        table = ClassTable.of(book, wanted.provider, wanted.region)
        found = await asyncio.to_thread(derive, chosen, table, wanted)
        note = book.note(wanted.provider, wanted.region)
        return replace(found, notes=(note,)) if note else found

    async def _parameters(self, policy: str) -> dict[str, object]:
        """The config's for this policy, and over them what the operator kept."""
        kept = (await self.workspace.policies()).get(policy, {})
        return {**self.settings.policies.get(policy, {}), **kept}

    async def decide_clouds(
        self, clouds: Sequence[str] = (), *, horizon_months: float = 0.0
    ) -> list[Decision]:
        """Which objects of these clouds (none named: all) should move to another cloud: those
        whose saving pays for the way within the horizon (0: the config's). Stored and published
        like other decisions."""
        from engine.across import decide_clouds

        parts = self._parts
        months = horizon_months or self.settings.horizon_months
        found = await decide_clouds(parts, clouds, months)
        await parts.announcer.decisions(found)
        return found

    async def active_policy(self) -> ActivePolicy:
        """The policy that decides where none is named, and why that one."""
        return await self._policy.load()

    async def adopt_policy(self, name: str) -> ActivePolicy:
        """Let that policy decide from now on, here and in every later start; "" leaves it to the
        configuration again. Raises UsageError for one that Astra cannot decide by."""
        return await self._policy.adopt(name)

    async def decisions(
        self, place: Address | None = None, *, policy: str = "", limit: int = 100
    ) -> list[Decision]:
        """Stored decisions for audit, latest first: of an object, of all below a prefix, of a
        cloud (an address without a bucket), or all."""
        return await self._parts.decisions.audit(place, policy=policy, limit=limit)

    async def plan_decisions(
        self,
        clouds: Sequence[str] = (),
        options: MoveOptions | None = None,
        filters: Filters = Filters(),
    ) -> Plan:
        """A plan that carries out the last decisions."""
        return await self._parts.planner.plan_decisions(clouds, options or MoveOptions(), filters)

    async def plan_tier(
        self,
        addresses: Sequence[Address],
        *,
        tier: Tier | None = None,
        storage_class: str = "",
        options: MoveOptions | None = None,
        filters: Filters = Filters(),
    ) -> Plan:
        """A plan that changes the class of these objects (or prefixes) in place."""
        planner = self._parts.planner
        options = options or MoveOptions()
        plan = await planner.plan_tier(addresses, tier, storage_class, options, filters)
        return await planner.preflight(plan)

    async def plan_migration(
        self,
        sources: Sequence[Address],
        destination: Address,
        *,
        kind: MoveKind = MoveKind.MOVE,
        tier: Tier | None = None,
        storage_class: str = "",
        options: MoveOptions | None = None,
        filters: Filters = Filters(),
    ) -> Plan:
        """A plan that moves keys or prefixes to a key or prefix of another place.

        Several sources, or a prefix, need a destination that is a prefix; each object keeps
        its path below its source prefix (a single key keeps its last segment).
        """
        planner = self._parts.planner
        plan = await planner.plan_migration(
            sources,
            destination,
            kind=kind,
            tier=tier,
            storage_class=storage_class,
            options=options or MoveOptions(),
            filters=filters,
        )
        return await planner.preflight(plan)

    async def preflight(self, plan: Plan) -> Plan:
        """The plan, looked at more closely: one byte of a source is read, and a small object is
        written to each destination and removed. Raises Refused in read-only mode."""
        refuse_read_only(self.settings)
        return await self._parts.planner.preflight(plan, write=True)
