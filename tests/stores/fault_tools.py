"""What the tests on the scripted server share."""

import asyncio
import time
from collections.abc import Callable

from engine.model import ObjectMeta, VersionPin
from engine.stores.s3 import S3Store
from tests.conformance.conftest import pieces
from tests.fake_s3 import Fault, Seen

BUCKET = "bucket"


async def get(store: S3Store, key: str, start: int = 0, stop: int | None = None) -> bytes:
    pin = (await store.head(BUCKET, key)).pin
    async with store.read(BUCKET, key, pin=pin, start=start, stop=stop) as reader:
        return b"".join([chunk async for chunk in reader])


async def put(store: S3Store, key: str, data: bytes) -> VersionPin:
    written = await store.write(BUCKET, key, pieces(data), size=len(data), meta=ObjectMeta())
    return written.pin


def on(method: str, fault: Fault, when: Callable[[Seen], bool] = lambda seen: True):
    """A script: this fault for every such request."""
    return lambda seen: fault if seen.method == method and when(seen) else None


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something another thread does."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        await asyncio.sleep(0.01)
