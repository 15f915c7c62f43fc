"""The one door of the engine.

The console and the commands call nothing else. Commands and answers are plain values
(`engine.model`), so that the engine can live in a process of its own.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from types import TracebackType
from typing import Self

from engine.model import (
    Address,
    Check,
    CloudStatus,
    Decision,
    FeedSource,
    JobState,
    JobView,
    ListingQuery,
    ListingView,
    MigrationStatistics,
    MoveKind,
    MoveOptions,
    Notice,
    ObjectDetail,
    Plan,
    Snapshot,
    Tier,
)
from engine.settings import EngineSettings
from engine.workspace import Workspace


class Engine:
    """Stores, catalog, events, tiers and migrations behind plain commands.

    Use as an async context manager, or `start()` and `stop()`. Every command may raise
    `engine.errors.AstraError`. Nothing here blocks the event loop.
    """

    workspace: Workspace
    feed: FeedSource

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings

    async def start(self, *, events: bool = True, runner: bool = True) -> None:
        """Take the state directory, open the ledger, start events and the runner.

        Raises StateBusy if another process has the directory. An unreachable broker or cloud
        is no error here: it shows in the snapshot. Jobs of an earlier run wait, paused, until
        `resume`. Commands that need no Kafka pass `events=False`; ones that move nothing pass
        `runner=False`.
        """
        raise NotImplementedError

    async def stop(self) -> None:
        """Let running requests end or roll back, close everything. Safe to call twice."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    # -- seeing -------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Everything the console draws. Cheap: call it four times a second."""
        raise NotImplementedError

    def notices(self, after: int = 0) -> Sequence[tuple[int, Notice]]:
        """Notices with a number greater than `after`, oldest first."""
        raise NotImplementedError

    def scan(self, cloud: str, *, bucket: str | None = None, prefix: str | None = None) -> None:
        """List a cloud in the background; rows show while they arrive. Restarts a running scan."""
        raise NotImplementedError

    async def scanned(self, cloud: str) -> CloudStatus:
        """Wait until the cloud's scan ended (ready, empty or failed)."""
        raise NotImplementedError

    async def view(self, cloud: str, query: ListingQuery) -> ListingView:
        """The cloud's listing, sorted and filtered, as rows on demand."""
        raise NotImplementedError

    async def inspect(self, address: Address) -> ObjectDetail:
        """One object: its metadata, history, cost in each class, decisions and jobs."""
        raise NotImplementedError

    def doctor(self) -> AsyncIterator[Check]:
        """Check each cloud, Kafka and the state files; canaries are removed again."""
        raise NotImplementedError

    # -- deciding and planning ----------------------------------------------------------

    async def decide(self, policy: str = "", clouds: Sequence[str] = ()) -> list[Decision]:
        """Run a policy over the listed objects of the clouds (none named: all).

        Returns the decisions that change something; they are stored, shown in the listings
        as targets, and published as recommendations.
        """
        raise NotImplementedError

    async def plan_decisions(
        self, clouds: Sequence[str] = (), options: MoveOptions | None = None
    ) -> Plan:
        """A plan that carries out the last decisions."""
        raise NotImplementedError

    async def plan_tier(
        self,
        addresses: Sequence[Address],
        *,
        tier: Tier | None = None,
        storage_class: str = "",
        options: MoveOptions | None = None,
    ) -> Plan:
        """A plan that changes the class of these objects (or prefixes) in place."""
        raise NotImplementedError

    async def plan_migration(
        self,
        sources: Sequence[Address],
        destination: Address,
        *,
        kind: MoveKind = MoveKind.MOVE,
        tier: Tier | None = None,
        storage_class: str = "",
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        options: MoveOptions | None = None,
    ) -> Plan:
        """A plan that moves keys or prefixes to a key or prefix of another place.

        Several sources, or a prefix, need a destination that is a prefix; each object keeps
        its path below its source prefix (a single key keeps its last segment).
        """
        raise NotImplementedError

    # -- carrying out -------------------------------------------------------------------

    async def submit(self, plan: Plan) -> str:
        """Put the accepted moves into the ledger and start them; returns the job set's id.

        Raises Refused in read-only mode. The same plan submitted twice makes no second job.
        """
        raise NotImplementedError

    async def wait(self, jobset: str = "") -> None:
        """Wait until every job of the set (none named: all) ended or is paused."""
        raise NotImplementedError

    async def pause(self, job_ids: Sequence[str] = ()) -> int:
        """Pause these jobs (none named: all); returns how many. Loses no finished part."""
        raise NotImplementedError

    async def resume(self, job_ids: Sequence[str] = ()) -> int:
        """Go on with paused and interrupted jobs (none named: all); returns how many."""
        raise NotImplementedError

    async def cancel(self, job_ids: Sequence[str] = ()) -> int:
        """Cancel unfinished jobs: roll back what they wrote, keep every source."""
        raise NotImplementedError

    async def retry(self, job_ids: Sequence[str] = ()) -> int:
        """Queue failed and cancelled jobs again (none named: all failed ones)."""
        raise NotImplementedError

    async def jobs(
        self, *, jobset: str = "", states: Sequence[JobState] = (), text: str = "", limit: int = 0
    ) -> list[JobView]:
        """Jobs from the ledger, oldest first; `limit` 0 means all."""
        raise NotImplementedError

    async def job(self, job_id: str) -> JobView:
        """One job. Raises UsageError if there is none."""
        raise NotImplementedError

    async def statistics(self) -> MigrationStatistics:
        """Sums over all jobs of the ledger."""
        raise NotImplementedError

    def set_limits(self, *, jobs: int | None = None, bwlimit: int | None = None) -> None:
        """Change how many jobs run at once and the bytes a second, while they run."""
        raise NotImplementedError

    # -- events -------------------------------------------------------------------------

    async def send_access(
        self, address: Address, *, operation: str = "GET", count: int = 1, when: float = 0.0
    ) -> None:
        """Publish access events for an object; they come back like anybody else's."""
        raise NotImplementedError

    async def age(self, address: Address, days: float) -> None:
        """Let an object look older by so many days, for demonstrations (shown as simulated)."""
        raise NotImplementedError

    async def import_access(self, rows: Iterable[tuple[Address, int, int, int]]) -> None:
        """Take (address, day, reads, bytes) into the access history; days in epoch days (UTC).

        A day that is known already is replaced, so importing twice is importing once.
        """
        raise NotImplementedError
