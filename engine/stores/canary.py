"""Objects of our own by which a server is asked what it honours."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar
from uuid import uuid4

from engine.errors import NotFound, PreconditionFailed, StoreError

CANARY = ".astra-canary-"
BODY = b"astra"
_OWN = re.compile(re.escape(CANARY) + "[0-9a-f]{32}")
_LEFT_BEHIND = 600.0  # seconds: an older canary belongs to a process that was killed
Found = TypeVar("Found")


def new_canary() -> str:
    """A key that nobody else has."""
    return CANARY + uuid4().hex


def left_behind(key: str, size: int, modified: float, now: float) -> bool:
    """Whether this is a canary of a process that was killed; times in the server's seconds."""
    return bool(_OWN.fullmatch(key)) and size == len(BODY) and now - modified > _LEFT_BEHIND


class AskedOnce(Generic[Found]):
    """Asks each bucket once; an answer that could not be had is asked for again."""

    def __init__(self, ask: Callable[[str], Awaitable[Found]]) -> None:
        self._ask = ask
        self._found: dict[str, Found] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def of(self, bucket: str) -> Found:
        """What was found out. Raises retryable StoreErrors."""
        if bucket not in self._found:
            async with self._locks.setdefault(bucket, asyncio.Lock()):
                if bucket not in self._found:
                    self._found[bucket] = await self._ask(bucket)
        return self._found[bucket]


async def refuses(change: Callable[[], Awaitable[object]], *, broken: int = 0) -> bool:
    """Whether the server refuses the change for its condition, which does not hold.

    False if it made it all the same, or knows no such request: a status of `broken` is taken for
    that, too. Raises retryable StoreErrors.
    """
    try:
        await change()
    except PreconditionFailed:
        return True
    except StoreError as error:
        if error.retryable and not (broken and error.status == broken):
            raise
    return False


async def refuses_delete(
    delete: Callable[[], Awaitable[object]],
    look: Callable[[], Awaitable[object]],
    *,
    broken: int = 0,
) -> bool:
    """As `refuses`, and the object must still be there afterwards (`look` raises NotFound)."""
    if not await refuses(delete, broken=broken):
        return False
    try:
        await look()
    except NotFound:
        return False
    return True
