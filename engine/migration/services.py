"""What the steps of every job share."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.errors import ConfigError, NotFound
from engine.migration.allowance import DeleteAllowance
from engine.migration.bandwidth import Bandwidth
from engine.migration.lanes import Lanes
from engine.migration.limits import Buffers
from engine.model import Address, ObjectHead
from engine.stores.base import ObjectStore

SMALL = 1024**2  # up to here an object is read whole before anything is sent
MEMORY = 112 * 1024**2  # bytes of objects in memory over all jobs
PASS = 8 * 1024**2  # at most, of one object streaming by: in sockets, being hashed, kept back


@dataclass(slots=True)
class Services:
    """Stores by cloud name, and the shared limits."""

    stores: Mapping[str, ObjectStore]
    bandwidth: Bandwidth
    lanes: Lanes
    deletes: DeleteAllowance
    buffers: Buffers = field(default_factory=lambda: Buffers(MEMORY))
    restore_poll: float = 30.0  # seconds between two looks at a restore, at least
    restore_speed: str = "standard"  # where a job names none
    restore_days: int = 7
    restores: bool = True  # False: nothing is asked back, the job fails
    read_only: frozenset[str] = frozenset()  # clouds where nothing may be written or deleted

    def store(self, address: Address) -> ObjectStore:
        """The store of an address. Raises ConfigError if its cloud is not configured."""
        store = self.stores.get(address.cloud)
        if store is None:
            raise ConfigError(
                f"There is no cloud {address.cloud!r}.",
                subject=str(address),
                safe="The source is kept.",
                todo="Add it to astra.toml, then retry the job.",
            )
        return store


async def peek(store: ObjectStore, address: Address) -> ObjectHead | None:
    """The object as it is now, None if the store gives none.

    Enough where create-only writes follow; `answers.look` proves what it says.
    """
    try:
        return await store.head(address.bucket, address.key)
    except NotFound:
        return None
