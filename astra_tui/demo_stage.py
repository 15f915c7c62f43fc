"""What the phases of the script share."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from astra_tui.demo import DemoWorld
from astra_tui.demo_proxy import FaultProxy
from astra_tui.demo_report import Report
from astra_tui.demo_witness import Seen, Witness
from engine.engine import Engine
from engine.model import Address, Decision, JobView, ListingQuery, ObjectRow, Plan

PATIENCE = 120.0  # seconds; everything awaited here takes a few at most


@dataclass
class Stage:
    """The world, the engine on it, the witness, and what earlier phases found."""

    world: DemoWorld
    engine: Engine
    proxy: FaultProxy
    witness: Witness
    report: Report
    decisions: list[Decision] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    jobs: list[JobView] = field(default_factory=list)
    cost_before: float | None = None
    moved: dict[Address, Address] = field(default_factory=dict)  # source → destination

    @property
    def clouds(self) -> list[str]:
        return [cloud.name for cloud in self.engine.settings.clouds]

    def bucket(self, cloud: str) -> str:
        settings = self.engine.settings.cloud(cloud)
        assert settings is not None
        return settings.bucket

    def address(self, cloud: str, key: str) -> Address:
        return Address(cloud, self.bucket(cloud), key)

    async def seen(self, cloud: str) -> dict[str, Seen]:
        """What the witness sees in a cloud."""
        return await asyncio.to_thread(self.witness.objects, cloud)

    async def read(self, address: Address) -> bytes | None:
        """What the witness reads there."""
        return await asyncio.to_thread(self.witness.read, address)

    async def row(self, address: Address) -> ObjectRow | None:
        """The object's row in Astra's listing, None if it has none."""
        view = await self.engine.view(address.cloud, ListingQuery())
        (position,) = await view.find([address.key])
        return None if position is None else (await view.load(position, position + 1))[0]

    async def rows(self, cloud: str) -> list[ObjectRow]:
        """Every row of a cloud."""
        view = await self.engine.view(cloud, ListingQuery())
        return list(await view.load(0, len(view)))

    async def rescan(self) -> None:
        """List all clouds again and wait for the end."""
        for cloud in self.clouds:
            self.engine.scan(cloud)
        for cloud in self.clouds:
            await self.engine.scanned(cloud)

    async def wait_for(self, condition: Callable[[], bool]) -> bool:
        """Wait until `condition` holds; False if it did not in good time."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.05)
        return True
