"""What the tests of Google Cloud Storage on the scripted server share."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from engine.model import ObjectMeta, VersionPin
from engine.stores.gcs import GCSStore
from tests.conformance.conftest import pieces
from tests.fake_gcs import FakeGCS, GCSQuirks

BUCKET = "bucket"


@contextmanager
def fake_gcs(quirks: GCSQuirks | None = None) -> Iterator[FakeGCS]:
    """A scripted server with one bucket."""
    with FakeGCS(quirks, BUCKET) as fake:
        yield fake


@asynccontextmanager
async def opened(fake: FakeGCS, *, asked: bool = True) -> AsyncIterator[GCSStore]:
    """A store on it, its canary already asked; `seen` is empty."""
    store = GCSStore(fake.cloud())
    try:
        if asked:
            await store.guards_deletes(BUCKET)
            fake.seen.clear()
        yield store
    finally:
        await store.close()


async def get(
    store: GCSStore,
    key: str,
    pin: VersionPin | None = None,
    start: int = 0,
    stop: int | None = None,
) -> bytes:
    pin = pin or (await store.head(BUCKET, key)).pin
    async with store.read(BUCKET, key, pin=pin, start=start, stop=stop) as reader:
        return b"".join([chunk async for chunk in reader])


async def put(
    store: GCSStore, key: str, data: bytes, replace: VersionPin | None = None
) -> VersionPin:
    written = await store.write(
        BUCKET, key, pieces(data), size=len(data), meta=ObjectMeta(), replace=replace
    )
    return written.pin
