"""A ledger, a runner and stores for one test, and short words for what tests do with them."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.database import Database
from engine.migration.ledger import SCHEMA, Ledger
from engine.migration.limits import Backoff
from engine.migration.runner import Runner
from engine.model import (
    FINAL_STATES,
    Address,
    Evidence,
    JobSpec,
    JobView,
    MoveKind,
    MoveOptions,
    ObjectMeta,
    Provider,
    StoreKind,
    VersionPin,
)
from engine.settings import CloudSettings
from engine.stores import open_store
from engine.stores.base import ObjectStore
from engine.stores.local import LocalStore
from tests.fake_s3 import FakeS3, Quirks, Seen

DEADLINE = 30.0
QUICK = Backoff(base=0.001, cap=0.01)


def local_store(name: str, root: Path, *buckets: str) -> LocalStore:
    """A store of folders, with these buckets."""
    for bucket in buckets or ("bucket",):
        (root / bucket).mkdir(parents=True, exist_ok=True)
    settings = CloudSettings(name=name, kind=StoreKind.LOCAL, provider=Provider.ONPREM, root=root)
    return LocalStore(settings)


def small_parts(store: ObjectStore, part: int = 64 * 1024) -> ObjectStore:
    """Let the store use parts of so many bytes, from two parts on."""
    store.capabilities = replace(  # type: ignore[misc]
        store.capabilities, multipart_threshold=2 * part, part_size=part, min_part=1
    )
    return store


@contextmanager
def two_clouds(
    source: Quirks | None = None, destination: Quirks | None = None
) -> Iterator[tuple[FakeS3, FakeS3]]:
    """Two scripted servers; clouds `src` and `dst`, each with bucket `b`."""
    with FakeS3(source) as one, FakeS3(destination) as two:
        one.state.buckets["b"] = {}
        two.state.buckets["b"] = {}
        yield one, two


def fake_stores(source: FakeS3, destination: FakeS3) -> dict[str, ObjectStore]:
    return {
        "src": open_store(source.cloud("src")),
        "dst": open_store(destination.cloud("dst")),
    }


def at(text: str) -> Address:
    return Address.parse(text)


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def pattern(size: int) -> bytes:
    """Bytes of that length in which no two 64 KiB parts are the same."""
    block = b"".join(hashlib.sha256(number.to_bytes(8, "big")).digest() for number in range(64))
    return b"".join(
        index.to_bytes(8, "big") + block[8:] for index in range(-(-size // len(block)))
    )[:size]


class World:
    """Stores by cloud name with a ledger and a runner over them."""

    def __init__(self, state: Path, stores: dict[str, ObjectStore]) -> None:
        self.state = state
        self.stores = stores
        self.changes: list[JobView] = []
        self.database: Database
        self.ledger: Ledger
        self.runner: Runner

    async def open(
        self,
        *,
        jobs: int = 8,
        grace: float = 5.0,
        backoff: Backoff = QUICK,
        read_only: frozenset[str] = frozenset(),
        **more: Any,
    ) -> None:
        self.database = Database(self.state / "astra.db", [SCHEMA])
        await self.database.open()
        self.ledger = Ledger(self.database)
        self.runner = Runner(
            self.ledger,
            self.stores,
            jobs=jobs,
            on_change=self.changes.append,
            backoff=backoff,
            restore_poll=0.01,
            grace=grace,
            read_only=read_only,
            **more,
        )
        await self.runner.start()

    async def close(self) -> None:
        await self.runner.stop()
        await self.database.close()

    async def spec(
        self,
        source: str,
        destination: str,
        kind: MoveKind = MoveKind.MOVE,
        *,
        to_class: str = "",
        **options: object,
    ) -> JobSpec:
        """A job as a plan would make it: with the size and pin of a listing."""
        address = at(source)
        store = self.stores[address.cloud]
        async for page in store.list_pages(address.bucket, address.key):
            for entry in page.entries:
                if entry.key == address.key:
                    pin = VersionPin(entry.etag, entry.modified, entry.size)
                    return JobSpec(
                        address,
                        at(destination),
                        kind,
                        entry.size,
                        pin,
                        entry.storage_class,
                        to_class,
                        MoveOptions(**options),  # type: ignore[arg-type]
                    )
        raise AssertionError(f"{source} is not there")

    async def submit(
        self, source: str, destination: str, kind: MoveKind = MoveKind.MOVE, **more: object
    ) -> str:
        spec = await self.spec(source, destination, kind, **more)  # type: ignore[arg-type]
        return (await self.runner.submit("set", [spec]))[0]

    async def move(
        self, source: str, destination: str, kind: MoveKind = MoveKind.MOVE, **more: object
    ) -> JobView:
        """Plan, submit, and wait for the end."""
        job_id = await self.submit(source, destination, kind, **more)
        return await self.done(job_id)

    async def done(self, job_id: str) -> JobView:
        """Wait until the runner is idle; the job as the ledger has it."""
        async with asyncio.timeout(DEADLINE):
            await self.runner.wait()
        return await self.job(job_id)

    async def job(self, job_id: str) -> JobView:
        view = await self.ledger.view(job_id)
        assert view is not None
        return view

    async def until(self, met: Callable[[], object], what: str = "the condition") -> None:
        """Wait for something to become true, with a deadline."""
        deadline = time.monotonic() + DEADLINE
        while not met():
            assert time.monotonic() < deadline, f"{what} was not met"
            await asyncio.sleep(0.005)

    async def put(self, address: str, data: bytes, meta: ObjectMeta | None = None) -> None:
        where = at(address)

        async def body() -> AsyncIterator[bytes]:
            if data:
                yield data

        await self.stores[where.cloud].write(
            where.bucket, where.key, body(), size=len(data), meta=meta or ObjectMeta()
        )

    async def get(self, address: str) -> bytes | None:
        """The bytes of an object, None if there is none."""
        where = at(address)
        store = self.stores[where.cloud]
        if where.key not in await self.keys(f"{where.cloud}:{where.bucket}/"):
            return None
        head = await store.head(where.bucket, where.key)
        async with store.read(where.bucket, where.key, pin=head.pin) as reader:
            return b"".join([chunk async for chunk in reader])

    async def keys(self, bucket: str) -> list[str]:
        where = at(bucket)
        pages = self.stores[where.cloud].list_pages(where.bucket, "")
        return [entry.key async for page in pages for entry in page.entries]

    async def uploads(self, bucket: str) -> int:
        """How many unfinished uploads there are."""
        where = at(bucket)
        return len(await self.stores[where.cloud].uploads(where.bucket))


@asynccontextmanager
async def world(state: Path, stores: dict[str, ObjectStore], **how: object) -> AsyncIterator[World]:
    """An open `World`, whose stores are closed at the end as well."""
    made = World(state, stores)
    await made.open(**how)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.close()
        for store in stores.values():
            await store.close()


def is_final(view: JobView) -> bool:
    return view.state in FINAL_STATES


def canaries_aside(seen: list[Seen]) -> list[Seen]:
    """Requests that belong to a migration, not to a probe of the server."""
    return [item for item in seen if ".astra-canary" not in item.path and item.key]


__all__ = [
    "QUICK",
    "Evidence",
    "World",
    "at",
    "canaries_aside",
    "fake_stores",
    "is_final",
    "local_store",
    "md5",
    "pattern",
    "small_parts",
    "two_clouds",
    "world",
]
