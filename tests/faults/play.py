"""Play one scene with one trouble at its n-th request, and check what must hold afterwards."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from engine.migration.runner import Runner
from engine.model import Evidence, JobState, JobView, MoveKind, Provider, SourceProof, StoreKind
from engine.settings import CloudSettings
from engine.stores import open_store
from engine.stores.base import ObjectStore
from engine.stores.local import LocalStore
from tests.fake_s3 import FakeObject, FakeS3, FakeState, Fault, Quirks, Seen
from tests.faults.recorder import Recorder
from tests.faults.scenes import Scene
from tests.faults.sides import Ask, LocalSide, S3Side, tap
from tests.faults.tally import TALLY
from tests.faults.troubles import DESTINATION, SOURCE, Trouble
from tests.migration.world import World, pattern, small_parts

BUCKETS = {SOURCE: "a", DESTINATION: "b"}
BOUND = 30.0  # seconds for one run: a guard against hanging, not a claim about speed
_CANARY = ".astra-canary-"


@dataclass(slots=True)
class Outcome:
    """How a run went. `fired`: the trouble really happened; `requests` Astra sent until the
    job had ended the first time; `view` is the job at the very end."""

    fired: bool
    requests: int
    first: JobView | None
    view: JobView
    resumed: int = 0


class Arena:
    """Servers and stores that many runs of scenes use one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fakes = (FakeS3(), FakeS3())
        self.blind: dict[str, Quirks] = {}
        self._numbers = count(1)
        self.stores: dict[tuple[object, ...], ObjectStore] = {}

    def __enter__(self) -> "Arena":
        for fake in self.fakes:
            fake.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        for fake in self.fakes:
            fake.__exit__(None, None, None)

    async def close(self) -> None:
        """Close the stores; on the loop that used them."""
        for store in self.stores.values():
            await store.close()
        self.stores.clear()

    async def play(self, scene: Scene, *troubles: tuple[Trouble, int], seed: int = 0) -> Outcome:
        """Run the scene; each trouble strikes at its n-th fitting request (from 1)."""
        run = Run(self, scene, troubles, self.folder / f"run-{next(self._numbers)}", seed)
        outcome = await run.play()
        shutil.rmtree(run.folder, ignore_errors=True)
        return outcome


class Run:
    """One run of a scene."""

    def __init__(
        self,
        arena: Arena,
        scene: Scene,
        troubles: Sequence[tuple[Trouble, int]],
        folder: Path,
        seed: int,
    ) -> None:
        self.arena = arena
        self.scene = scene
        self.folder = folder
        self.recorder = Recorder(
            key=scene.key,
            overwrites=scene.overwrite and scene.kind is not MoveKind.TIER,
            known_blind=scene.blind,
        )
        self.waiting = [_Waiting(trouble, number) for trouble, number in troubles]
        self.armed = False
        self.dead = False
        self.requests = 0
        self.effects = 0
        self.bodies = _bodies(scene.size, seed)
        self.original = next(self.bodies)
        self.blind = {SOURCE: scene.source_quirks, DESTINATION: scene.destination_quirks}
        self.sides: dict[str, S3Side | LocalSide] = {}
        self.state = folder / "state"
        self.ghost = folder / "as-killed"
        self.died = asyncio.Event()
        self.grave = asyncio.Event()
        self.alone = len(troubles) < 2  # one trouble: more must hold then
        self.mine: list[ObjectStore] = []
        self.world: World
        self._loop = asyncio.get_running_loop()

    @property
    def title(self) -> str:
        """For messages: what is played."""
        what = ", ".join(f"{item.trouble.name} at {item.number}" for item in self.waiting)
        return f"{self.scene.name}: {what or 'nothing wrong'}"

    # -- the run ------------------------------------------------------------------------

    async def play(self) -> Outcome:
        self._set_up()
        stores = self._stores()
        try:
            async with asyncio.timeout(BOUND):
                return await self._play(stores)
        except TimeoutError:
            raise AssertionError(f"{self.title}: did not end in {BOUND:.0f} s") from None
        finally:
            for fake in self.arena.fakes:
                fake.on_request = None
                fake.state.watch = None
            for store in self.mine:
                await store.close()

    async def _play(self, stores: dict[str, ObjectStore]) -> Outcome:
        scene = self.scene
        self.world = World(self.state, stores)
        await self.world.open(grace=0.0)
        where = BUCKETS[SOURCE if scene.kind is MoveKind.TIER else DESTINATION]
        end = f"{'src' if scene.kind is MoveKind.TIER else 'dst'}:{where}/{scene.key}"
        spec = await self.world.spec(
            f"src:{BUCKETS[SOURCE]}/{scene.key}",
            end,
            scene.kind,
            to_class=scene.to_class,
            checksum=scene.checksum,
            compress=scene.compress,
            verify=scene.verify,
            overwrite=scene.overwrite,
            strict=scene.strict,
        )
        self.armed = True
        (job_id,) = await self.world.runner.submit("set", [spec])
        await self._ended(self.world.runner)
        self.armed = False
        requests, first = self.requests, None
        fired = all(item.fired for item in self.waiting)
        if self.dead:
            await self._bury()
            async with self._opened(self.ghost):
                await self.world.runner.resume()
                await self.world.runner.wait()
                first = await self.world.job(job_id)
                return await self._finish(job_id, first, requests, fired=fired)
        try:
            first = await self.world.job(job_id)
            return await self._finish(job_id, first, requests, fired=fired)
        finally:
            await self.world.close()

    async def _finish(self, job_id: str, first: JobView, requests: int, *, fired: bool) -> Outcome:
        self._check(first)
        view = first
        if first.state is JobState.FAILED:
            await self.world.runner.retry([job_id])
            await self.world.runner.wait()
            view = await self.world.job(job_id)
            self._check(view)
        await self._check_end(view)
        if any(item.fired for item in self.waiting):
            TALLY.runs.update(item.trouble.group for item in self.waiting if item.fired)
            TALLY.excused += self.recorder.excused
            TALLY.states[str(view.state)] += 1
        return Outcome(fired, requests, first, view)

    async def _ended(self, runner: Runner) -> None:
        """Wait until all is done, or the process died."""
        waits = [asyncio.create_task(runner.wait()), asyncio.create_task(self.died.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if not self.dead:
                waits[0].result()
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _bury(self) -> None:
        """Drop everything that the dead process had in memory."""
        main, self.world.runner._main = self.world.runner._main, None
        assert main is not None
        self.grave.set()
        main.cancel()
        await asyncio.gather(main, return_exceptions=True)
        await self.world.database.close()
        self.dead = False

    @asynccontextmanager
    async def _opened(self, state: Path) -> AsyncIterator[None]:
        self.world = World(state, self.world.stores)
        await self.world.open(grace=0.0)
        try:
            yield
        finally:
            await self.world.close()

    # -- what the troubles do -----------------------------------------------------------

    def meddle(self, side: str, what: str) -> None:
        """Another client overwrites (or makes) or deletes the object."""
        if self.scene.kind is MoveKind.TIER:
            side = SOURCE
        if what == "overwrite":
            self.sides[side].put(self.scene.key, next(self.bodies))
        else:
            self.sides[side].remove(self.scene.key)

    def die(self) -> None:
        """The files of the state directory as another process would find them now.

        The copy is made by the thread that owns the database, between two of its statements:
        so it is what write calls have left there, never half of one.
        """
        with self.recorder.lock:
            if self.dead:
                return  # nobody dies twice
            self.dead = True

        def keep(_: object) -> None:
            shutil.copytree(self.state, self.ghost)
            (self.ghost / "astra.db-shm").unlink(missing_ok=True)

        asyncio.run_coroutine_threadsafe(self.world.database.run(keep), self._loop).result(BOUND)
        self._loop.call_soon_threadsafe(self.died.set)

    def _ask(self, ask: Ask) -> Fault | None:
        with self.recorder.lock:
            if self.dead:
                return Fault(reset=True)
            self.effects += ask.has_effect
            fault = self._struck(ask) if self.armed else None
            if ask.key != self.scene.key or not ask.looks:
                return fault
            if fault is None or fault.before is None:
                self.recorder.looked(ask.side)
                return fault
        before = fault.before

        def first() -> None:
            before()
            self.recorder.looked(ask.side)

        return _with(fault, before=first)

    def _struck(self, ask: Ask) -> Fault | None:
        self.requests += 1
        for item in self.waiting:
            fault = item.meets(self, ask)
            if fault is not None:
                return fault
        return None

    # -- the scene ----------------------------------------------------------------------

    def _set_up(self) -> None:
        scene, fakes = self.scene, self.arena.fakes
        for fake in fakes:
            fake.state = FakeState()
            fake.state.lock = self.recorder.lock
            fake.seen.clear()
            fake.quirks = Quirks()
        fakes[0].quirks = scene.source_quirks
        if not scene.same_server:
            fakes[1].quirks = scene.destination_quirks
        kinds = {SOURCE: scene.source, DESTINATION: scene.destination}
        for number, (name, kind) in enumerate(kinds.items()):
            bucket = BUCKETS[name]
            if kind == "local":
                self.sides[name] = LocalSide(name, self.folder / name, bucket, self.recorder)
            else:
                fake = fakes[0 if scene.same_server else number]
                fake.state.buckets[bucket] = {}
                self.sides[name] = S3Side(name, fake, bucket, self.recorder)
        for fake in fakes:
            self._connect(fake)
        source = self.sides[SOURCE]
        if isinstance(source, S3Side):
            source.put(self.scene.key, self.original, part_size=scene.source_part)
        else:
            source.put(self.scene.key, self.original)
        if scene.there:
            body = self.original if scene.there == "same" else next(self.bodies)
            self.sides[DESTINATION].put(self.scene.key, body)

    def _connect(self, fake: FakeS3) -> None:
        mine = {
            side.bucket: side
            for side in self.sides.values()
            if isinstance(side, S3Side) and side.fake is fake
        }

        def watch(bucket: str, key: str, _: FakeObject | None, now: FakeObject | None) -> None:
            if bucket in mine:
                mine[bucket].watch(key, now)

        def hook(seen: Seen) -> Fault | None:
            name = mine[seen.bucket].name if seen.bucket in mine else SOURCE
            return self._ask(Ask(name, seen.method, seen.key, seen))

        fake.state.watch = watch
        fake.on_request = hook

    def _stores(self) -> dict[str, ObjectStore]:
        """Those of S3 are shared with earlier runs, unless the scene wants new ones."""
        stores = {name: self._store(name, side) for name, side in self.sides.items()}
        if self.scene.part:
            small_parts(stores[DESTINATION], self.scene.part)
        return stores

    def _store(self, name: str, side: S3Side | LocalSide) -> ObjectStore:
        if isinstance(side, LocalSide):
            root = self.folder / name
            settings = CloudSettings(name, StoreKind.LOCAL, Provider.ONPREM, root=root)
            store = LocalStore(settings)
            self.mine.append(store)
            return tap(store, side, self._ask, self.grave)
        if self.scene.cold:
            self.mine.append(open_store(side.fake.cloud(name)))
            return self.mine[-1]
        shape = (name, side.fake.endpoint, side.fake.quirks, self.scene.part)
        if shape not in self.arena.stores:
            self.arena.stores[shape] = open_store(side.fake.cloud(name))
        return self.arena.stores[shape]

    # -- what must hold -----------------------------------------------------------------

    def _sync(self) -> None:
        for side in self.sides.values():
            if isinstance(side, LocalSide):
                side.sync()

    def _check(self, view: JobView) -> None:
        """After the job ended, whatever happened."""
        self._sync()
        TALLY.lost += len(self.recorder.lost)
        assert not self.recorder.lost, f"{self.title}: lost {self.recorder.lost}; {_short(view)}"
        assert view.state in (JobState.COMPLETED, JobState.FAILED), f"{self.title}: {_short(view)}"
        assert not view.paused, self.title
        if view.state is JobState.COMPLETED:
            self._check_evidence(view)
        else:
            assert view.error, self.title
            assert view.error_todo, self.title

    def _check_evidence(self, view: JobView) -> None:
        assert view.evidence is not Evidence.NONE or self._was_there(view), (
            f"{self.title}: completed without evidence"
        )
        if view.evidence is Evidence.NONE:
            return
        assert view.checksum_source, f"{self.title}: {_short(view)}"
        if not self.scene.compress:
            assert view.checksum_source == view.checksum_destination, (
                f"{self.title}: {_short(view)}"
            )
        assert view.source_proof is not SourceProof.NONE, f"{self.title}: {_short(view)}"
        if self.scene.kind is MoveKind.MOVE:
            assert view.guarded is not None, f"{self.title}: {_short(view)}"

    def _was_there(self, view: JobView) -> bool:
        """A change of class that found the object in its class already did nothing."""
        return view.spec.kind is MoveKind.TIER and any("nothing was done" in n for n in view.notes)

    async def _check_end(self, view: JobView) -> None:
        title = f"{self.title}: {_short(view)}"
        # No bytes that nobody wrote: torn, damaged, or half.
        # (A damaged write whose answer was lost cannot be told from another client's.)
        written = [body for bodies in self.recorder.written.values() for body in bodies]
        for (side, key), body in self.recorder.now.items():
            assert body in written or not self.alone, f"{title}; torn bytes at {side} {key!r}"
        for side in self.sides.values():
            assert not side.uploads() or not self.alone, (
                f"{title}; left over at {side.name}: {side.uploads()}"
            )
            strange = [
                key for key in side.held() if key != self.scene.key and not key.startswith(_CANARY)
            ]
            assert not strange or not self.alone, f"{title}; left over at {side.name}: {strange}"
        # A second resume finds nothing to do.
        effects, now = self.effects, dict(self.recorder.now)
        assert await self.world.runner.resume() == 0, title
        await self.world.runner.wait()
        self._sync()
        assert self.effects == effects, f"{title}; a second resume sent something"
        assert self.recorder.now == now, title
        if view.state is JobState.FAILED:
            assert self._may_fail() or not self.alone, f"{title}; a retry did not complete it"

    def _may_fail(self) -> bool:
        """Whether another client's doing leaves a retry nothing that it may do."""
        now, scene = self.recorder.now, self.scene
        if (SOURCE, self.scene.key) not in now:
            return True
        if scene.strict and now[SOURCE, self.scene.key] != self.original:
            return True  # not the version that was planned
        if scene.kind is MoveKind.TIER or scene.overwrite:
            return False
        there = now.get((DESTINATION, self.scene.key))
        return there is not None and there != now[SOURCE, self.scene.key]


@dataclass(slots=True)
class _Waiting:
    """A trouble and the requests that it counts."""

    trouble: Trouble
    number: int
    seen: int = 0
    left: int = 0
    fired: bool = False
    follows: bool = False

    def meets(self, run: Run, ask: Ask) -> Fault | None:
        trouble = self.trouble
        if self.follows and trouble.then_fits is not None and trouble.then_fits(ask):
            self.follows = False
            assert trouble.then is not None
            return trouble.then(run, ask)
        if not trouble.fits(ask):
            return None
        self.seen += 1
        if self.seen < self.number or self.seen >= self.number + trouble.burst:
            return None
        self.fired = True
        self.follows = trouble.then is not None
        return trouble.act(run, ask)


def _with(fault: Fault, **changes: object) -> Fault:
    return replace(fault, **changes)  # type: ignore[arg-type]


def _bodies(size: int, seed: int):
    """Different bytes of that length, without end; never none where there is a choice."""
    first = pattern(size)
    yield first
    for number in count(seed + 1):
        mark = b"version %d " % number
        yield (mark + first[len(mark) :])[: max(size, 1)] if size > len(mark) else mark


def _short(view: JobView) -> str:
    notes = " / ".join(view.notes)
    return f"{view.state} step {int(view.step)} attempt {view.attempt} {view.error!r} [{notes}]"


@asynccontextmanager
async def arena() -> AsyncIterator[Arena]:
    """An arena in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="astra-faults-") as folder:
        with Arena(Path(folder)) as made:
            try:
                yield made
            finally:
                await made.close()


async def exhaust(
    made: Arena, scene: Scene, trouble: Trouble, *, first: int = 1, step: int = 1
) -> int:
    """Play the trouble at every fitting request until there are no more; how many struck."""
    struck = 0
    number = first
    while True:
        outcome = await made.play(scene, (trouble, number))
        if not outcome.fired:
            return struck
        struck += 1
        number += step
        assert struck < 200, f"{scene.name}: {trouble.name}: a run takes far too many requests"
