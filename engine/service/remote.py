"""The door of an engine in another process: the same commands, snapshots that are sent."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.engine import Engine
from engine.model import (
    FINAL_STATES,
    Approved,
    FeedSource,
    JobChange,
    ListingQuery,
    Notice,
    NoticeLevel,
    Plan,
    Snapshot,
)
from engine.model.events import LIVE, REJECTED
from engine.refusals import refuse_read_only
from engine.service.desk import State
from engine.service.job_news import JobReceiver
from engine.service.link import EngineGone, Link, OtherConfig, connect, gone
from engine.service.methods import DOOR, WORKSPACE
from engine.service.remote_view import RemoteFeed, RemoteView
from engine.service.wire import fingerprint
from engine.settings import EngineSettings
from engine.workspace import Workspace

log = logging.getLogger(__name__)

_KEPT = 500  # notices
_FIRST_SECONDS = 20.0
_SYNC = frozenset({"scan", "set_limits"})  # sent without waiting for an answer
_LOCAL = frozenset({"check_deletes"})  # the settings alone decide
_CHANGES = frozenset({"preflight"})
_OWN = frozenset({"submit", "approve_plan", "resume", "retry", "change_jobs"})
_STREAMED = frozenset(
    {"doctor", "report", "check", "check_jobset", "lab_steps", "usage", "plan_moves", "replay"}
)
Launch = Callable[[], Awaitable[None]]


class RemoteWorkspace(Workspace):
    """The workspace of the engine's process; nothing is read or written here."""

    def __init__(self, path: Path, door: "RemoteEngine") -> None:
        super().__init__(path)
        self.door = door

    async def open(self) -> None:
        """Nothing to do: the engine has it open."""

    async def close(self) -> None:
        """Nothing to do: the engine closes it."""


class RemoteEngine(Engine):
    """The same door as `Engine`, with the engine behind a socket.

    `launch` starts the engine's process if none answers; it returns once one does. `on_end` is
    called when the engine is gone; `start` may be called again then. `quiet`: what the engine
    had to say before is left out.
    """

    def __init__(
        self,
        settings: EngineSettings,
        path: Path,
        launch: Launch | None = None,
        *,
        quiet: bool = False,
    ) -> None:
        super().__init__(settings)
        self.workspace: Workspace = RemoteWorkspace(self.workspace.path, self)
        self.remote_feed = RemoteFeed()
        self.feed = self.remote_feed
        self._feeds = {REJECTED: RemoteFeed(REJECTED)}
        self.on_end: Callable[[], None] = lambda: None
        self._path = path
        self._launch = launch
        self._quiet = quiet
        self._begun: set[str] = set()  # job sets that were submitted from here
        self._woken: set[str] = set()  # jobs that were resumed or retried from here
        self._link: Link | None = None
        self._jobs = JobReceiver()
        self._told: deque[tuple[int, Notice]] = deque(maxlen=_KEPT)
        self._number = 0
        self._first = asyncio.Event()  # the state came, or never will

    async def start(self, *, events: bool = True, runner: bool = True, look: bool = False) -> None:
        """Reach the engine, starting it if there is none. Raises StateError if it cannot be."""
        async with self._changing:
            if self._link is not None and self._link.open:
                return
            self._link = None
            try:
                link = await self._connect()
            except EngineGone:
                if self._launch is None:
                    raise
                await self._launch()
                link = await self._connect()
            self._link = link
            for feed in (self.remote_feed, *self._feeds.values()):
                feed.attach(link)
            self._first.clear()
            self._jobs = JobReceiver()
            link.watch()
            try:
                async with asyncio.timeout(_FIRST_SECONDS):
                    await self._first.wait()
            except TimeoutError:
                await link.close()
                raise gone() from None

    async def _connect(self) -> Link:
        """Raises OtherConfig: a cloud of the same name could be another place there."""
        link = await connect(self._path, self._take, self._ended)
        if link.peer.config in ("", fingerprint(self.settings)):
            return link
        await link.close()
        raise OtherConfig(
            f"The engine that runs (process {link.peer.pid}) was started with other clouds than"
            " this configuration names.",
            safe="Nothing was changed.",
            todo="End it with `astra engine stop` and try again, or use its configuration.",
        )

    async def stop(self) -> None:
        """Detach; the engine and its jobs go on. Safe to call twice."""
        async with self._changing:
            link, self._link = self._link, None
            if link is not None:
                await link.close()

    async def end(self) -> None:
        """Let the engine's process end, and wait for it."""
        link = self.link
        await link.call("desk.stop")
        await link.ended.wait()

    @property
    def link(self) -> Link:
        """The connection. Raises EngineGone if there is none."""
        if self._link is None or not self._link.open:
            raise gone()
        return self._link

    @property
    def attached(self) -> bool:
        """Whether the engine is there."""
        return self._link is not None and self._link.open

    # -- seeing -------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The newest that was sent."""
        return self._last

    def notices(self, after: int = 0) -> Sequence[tuple[int, Notice]]:
        """Notices with a number greater than `after`, oldest first, numbered here."""
        return [item for item in self._told if item[0] > after]

    async def view(self, cloud: str, query: ListingQuery) -> RemoteView:
        """The cloud's listing, sorted and filtered in the engine."""
        link = self.link
        return RemoteView(link, query, await link.call("desk.view", cloud, query))

    def feed_named(self, name: str) -> FeedSource:
        """As the engine's own; its ends come with the state."""
        return self.remote_feed if name == LIVE else self._named(name)

    def _named(self, name: str) -> RemoteFeed:
        feed = self._feeds.get(name)
        if feed is None:
            feed = self._feeds[name] = RemoteFeed(name)
            if self._link is not None:
                feed.attach(self._link)
        return feed

    async def submit(self, plan: Plan, *, priority: int = 0) -> str:
        """As the engine's own."""
        refuse_read_only(self.settings)  # this console's wish; the engine may allow it
        jobset: str = await self.link.call("submit", plan, priority=priority)
        self._begun.add(jobset)
        return jobset

    async def approve_plan(self, review: str, revision: int) -> Approved:
        """As the engine's own."""
        refuse_read_only(self.settings)
        done: Approved = await self.link.call("approve_plan", review, revision)
        self._begun.add(done.jobset)
        return done

    async def resume(self, job_ids: Sequence[str] = ()) -> int:
        """As the engine's own."""
        return await self._wake("resume", job_ids)

    async def retry(self, job_ids: Sequence[str] = ()) -> int:
        """As the engine's own."""
        return await self._wake("retry", job_ids)

    async def change_jobs(
        self,
        change: JobChange,
        text: str = "",
        *,
        priority: int = 0,
        but: Sequence[str] = (),
    ) -> int:
        """As the engine's own."""
        if change in (JobChange.RESUME, JobChange.RETRY):
            refuse_read_only(self.settings)
        count: int = await self.link.call("change_jobs", change, text, priority=priority, but=but)
        return count

    async def _wake(self, name: str, job_ids: Sequence[str]) -> int:
        refuse_read_only(self.settings)
        count: int = await self.link.call(name, job_ids)
        self._woken.update(job_ids)
        return count

    async def pause_begun(self) -> None:
        """Pause what was begun from here: its caller was interrupted."""
        begun = [job for jobset in self._begun for job in await self.jobs(jobset=jobset)]
        unfinished = {job.job_id for job in begun if job.state not in FINAL_STATES}
        if ids := sorted(unfinished | self._woken):
            await self.pause(ids)

    def tell(self, level: NoticeLevel, text: str, todo: str = "") -> None:
        """A notice of this end."""
        self._number += 1
        self._told.append((self._number, Notice(level, text, todo, time.time())))

    def _take(self, state: State) -> None:
        read_only = self.settings.read_only or state.snapshot.read_only
        jobs = self._jobs.take(state.jobs)
        self._last = replace(state.snapshot, jobs=jobs, read_only=read_only)
        self.remote_feed.take(state.feed_first, state.feed_last, state.fresh)
        for name, first, last in state.feeds:
            self._named(name).take(first, last)
        ended = self._feeds.keys() - {name for name, _, _ in state.feeds} - {REJECTED}
        for name in ended:
            del self._feeds[name]
        old = self._quiet and not self._first.is_set()
        for _, notice in () if old else state.notices:
            self._number += 1
            self._told.append((self._number, notice))
        self._first.set()

    def _ended(self) -> None:
        self._first.set()
        if self._link is not None:
            self.on_end()


def _forward(name: str) -> Callable[..., Any]:
    async def call(self: RemoteEngine, *args: Any, **kwargs: Any) -> Any:
        if name in _CHANGES:
            refuse_read_only(self.settings)  # this console's wish; the engine may allow it
        return await self.link.call(name, *args, **kwargs)

    def stream(self: RemoteEngine, *args: Any, **kwargs: Any) -> Any:
        return self.link.stream(name, *args, **kwargs)

    def send(self: RemoteEngine, *args: Any, **kwargs: Any) -> None:
        self.link.post(name, *args, **kwargs)

    return stream if name in _STREAMED else send if name in _SYNC else call


def _forward_saved(name: str) -> Callable[..., Any]:
    async def call(self: RemoteWorkspace, *args: Any, **kwargs: Any) -> Any:
        return await self.door.link.call(f"workspace.{name}", *args, **kwargs)

    return call


# The signatures stay those of the door, which the type checker sees; the work is elsewhere.
for _name in DOOR:
    if _name not in _LOCAL | _OWN:
        setattr(RemoteEngine, _name, _forward(_name))
for _name in WORKSPACE:
    setattr(RemoteWorkspace, _name, _forward_saved(_name))
