"""The two ends of a migration, as the harness sees and changes them behind Astra's back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from engine.stores.base import ObjectStore
from engine.stores.local import LocalStore
from tests.fake_s3 import FakeObject, FakeS3, Fault, Seen
from tests.faults.recorder import ASTRA, OTHER, Recorder

_EFFECTS = frozenset({"POST", "PUT", "DELETE", "write", "begin_upload", "upload_part"}) | {
    "complete_upload",
    "abort_upload",
    "delete",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of Astra: of HTTP (`seen`), or a call of a local store."""

    side: str
    method: str
    key: str
    seen: Seen | None = None

    @property
    def looks(self) -> bool:
        """Whether it reads or describes an object."""
        return self.method in ("GET", "HEAD", "head", "read") and bool(self.key)

    @property
    def has_effect(self) -> bool:
        return self.method in _EFFECTS


Hook = Callable[[Ask], Fault | None]


class Side(Protocol):
    """One end. `put` and `remove` are another client's acts."""

    name: str

    def put(self, key: str, body: bytes) -> None: ...
    def remove(self, key: str) -> None: ...
    def held(self) -> list[str]: ...
    def uploads(self) -> list[str]: ...


class S3Side:
    """A bucket of a scripted server."""

    def __init__(self, name: str, fake: FakeS3, bucket: str, recorder: Recorder) -> None:
        self.name = name
        self.fake = fake
        self.bucket = bucket
        self.recorder = recorder

    def watch(self, key: str, value: FakeObject | None) -> None:
        ignoring = self.fake.state.ignoring
        self.recorder.changed(
            self.name, key, None if value is None else value.body, ignoring=ignoring
        )

    def put(self, key: str, body: bytes, *, part_size: int = 0) -> None:
        with self.recorder.lock:
            self.recorder.author = OTHER
            self.fake.state.put(self.bucket, key, body, part_size=part_size)
            self.recorder.author = ASTRA

    def remove(self, key: str) -> None:
        with self.recorder.lock:
            self.recorder.author = OTHER
            self.fake.state.set(self.bucket, key, None)
            self.recorder.author = ASTRA

    def held(self) -> list[str]:
        return sorted(self.fake.state.buckets.get(self.bucket, {}))

    def uploads(self) -> list[str]:
        uploads = self.fake.state.uploads.items()
        return [name for name, upload in uploads if upload.bucket == self.bucket]


class LocalSide:
    """A folder. Astra's changes are seen after each of its calls, and before ours."""

    def __init__(self, name: str, root: Path, bucket: str, recorder: Recorder) -> None:
        self.name = name
        self.folder = root / bucket
        self.recorder = recorder
        self.folder.mkdir(parents=True)

    def sync(self) -> None:
        """What changed since the last look was Astra."""
        with self.recorder.lock:
            for key in {*self.held(), *(k for s, k in self.recorder.now if s == self.name)}:
                path = self.folder / key
                body = path.read_bytes() if path.exists() else None
                if body != self.recorder.now.get((self.name, key)):
                    self.recorder.changed(self.name, key, body)

    def put(self, key: str, body: bytes) -> None:
        """In place, as most programs write."""
        with self.recorder.lock:
            self.sync()
            path = self.folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
            self.recorder.author = OTHER
            self.recorder.changed(self.name, key, body)
            self.recorder.author = ASTRA

    def remove(self, key: str) -> None:
        with self.recorder.lock:
            self.sync()
            (self.folder / key).unlink(missing_ok=True)
            self.recorder.author = OTHER
            self.recorder.changed(self.name, key, None)
            self.recorder.author = ASTRA

    def held(self) -> list[str]:
        files = (path for path in self.folder.rglob("*") if path.is_file())
        names = (str(path.relative_to(self.folder)) for path in files)
        return sorted(name for name in names if not name.startswith(".astra/"))

    def uploads(self) -> list[str]:
        """Everything under way or left over."""
        staging = self.folder / ".astra"
        return sorted(
            str(path.relative_to(staging)) for path in staging.rglob("*") if path != staging
        )


_CALLS = ("head", "write", "begin_upload", "upload_part", "parts", "complete_upload")
_CALLS += ("abort_upload", "uploads", "delete")


def tap(store: LocalStore, side: LocalSide, hook: Hook, grave: asyncio.Event) -> ObjectStore:
    """Let the hook hear of every call of a local store. One that is reset comes back only when
    the process, dead by then, is buried."""

    async def rest() -> None:
        await grave.wait()
        raise asyncio.CancelledError

    async def around(method: str, key: str, work: Callable[[], Awaitable[Any]]) -> Any:
        fault = hook(Ask(side.name, method, key)) or Fault()
        if fault.before is not None:
            await asyncio.to_thread(fault.before)
        if fault.reset and not fault.after:
            await rest()
        try:
            result = await work()
        finally:
            await asyncio.to_thread(side.sync)
        if fault.then is not None:
            await asyncio.to_thread(fault.then)
        if fault.reset:
            await rest()
        return result

    def wrap(name: str) -> None:
        original = getattr(store, name)

        async def call(bucket: str, key: str = "", *rest: Any, **more: Any) -> Any:
            return await around(name, key, lambda: original(bucket, key, *rest, **more))

        setattr(store, name, call)

    for name in _CALLS:
        wrap(name)
    read, list_pages = store.read, store.list_pages

    @asynccontextmanager
    async def tapped_read(bucket: str, key: str, **more: Any) -> AsyncIterator[Any]:
        context = read(bucket, key, **more)
        reader = await around("read", key, context.__aenter__)
        try:
            yield reader
        finally:
            await context.__aexit__(None, None, None)

    async def tapped_pages(bucket: str, prefix: str = "") -> AsyncIterator[Any]:
        async def nothing() -> None:
            return None

        await around("list", "", nothing)
        async for page in list_pages(bucket, prefix):
            yield page

    store.read = tapped_read  # type: ignore[method-assign, assignment]
    store.list_pages = tapped_pages  # type: ignore[method-assign, assignment]
    return store
