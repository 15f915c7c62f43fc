"""Checking a cloud: reachable, allowed, honest about conditions; each with what to do.

What is written is one small object under a name of its own, `.astra-doctor-<random>`, and it is
removed again, also when the checks are stopped in between. Read-only clouds are not written to.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from uuid import uuid4

from engine.errors import (
    AccessDenied,
    AstraError,
    ClockSkew,
    ConfigError,
    NotFound,
    StoreError,
    Unavailable,
)
from engine.model import (
    Check,
    CheckState,
    ListEntry,
    ObjectMeta,
    StoreKind,
    VersionPin,
)
from engine.parts import Parts
from engine.pricing.book import PriceBook
from engine.settings import CloudSettings, EngineSettings
from engine.stores.base import DeleteGuard, ObjectStore

CANARY = ".astra-doctor-"
_BYTES = b"astra doctor"
# What says that the keys themselves are not taken, rather than that they may not do something.
_NO_LOGIN = frozenset(
    [
        *("SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidToken", "ExpiredToken"),
        *("AuthenticationFailed", "InvalidAuthenticationInfo", "TokenRefreshRequired"),
    ]
)
_SKEW_FAILED = 14 * 60.0  # seconds; signatures that are a quarter of an hour off are refused
_SKEW_WARNING = 30.0


LOCAL = ("kafka", "state", "prices")  # what is looked at beside the clouds


async def examine(
    parts: Parts,
    settings: EngineSettings,
    *,
    write: bool = True,
    together: bool = False,
    subjects: Sequence[str] = (),
) -> AsyncGenerator[Check, None]:
    """Each cloud, then Kafka and the state files; `subjects` names the ones to look at.

    Without `write` no canary is written. `together`: all at once, checks as they come, so that a
    cloud that does not answer holds up no other; else one subject after the other.
    """
    from engine.doctor_local import check_kafka, check_prices, check_state

    write = write and not settings.read_only

    async def local(check: Check) -> AsyncGenerator[Check, None]:
        yield check

    async def state() -> AsyncGenerator[Check, None]:
        yield await check_state(settings.state_dir)
        if (error := parts.runner.error) is not None:
            yield Check("state", "ledger", CheckState.FAILED, error.what, error.todo)

    looks: dict[str, AsyncGenerator[Check, None]] = {
        cloud.name: check_cloud(parts.stores[cloud.name], cloud, write=write)
        for cloud in settings.shown
    }
    looks |= {
        "kafka": check_kafka(parts.bus),
        "state": state(),
        "prices": local(check_prices(parts.book)),
    }
    wanted = [look for name, look in looks.items() if not subjects or name in subjects]
    if together:
        async with contextlib.aclosing(_merged(wanted)) as checks:
            async for check in checks:
                yield check
        return
    for look in wanted:
        async with contextlib.aclosing(look):
            async for check in look:
                yield check


async def _merged(looks: Sequence[AsyncGenerator[Check, None]]) -> AsyncGenerator[Check, None]:
    """What all of them give, as it comes. Closed early, each ends and clears up."""
    found: asyncio.Queue[Check | None] = asyncio.Queue()

    async def run(look: AsyncGenerator[Check, None]) -> None:
        try:
            async with contextlib.aclosing(look):
                async for check in look:
                    found.put_nowait(check)
        finally:
            found.put_nowait(None)

    tasks = [asyncio.create_task(run(look)) for look in looks]
    try:
        left = len(tasks)
        while left:
            check = await found.get()
            if check is None:
                left -= 1
            else:
                yield check
        await asyncio.gather(*tasks)  # what went wrong in one is told, not swallowed
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


async def check_cloud(
    store: ObjectStore, settings: CloudSettings, *, write: bool = True
) -> AsyncGenerator[Check, None]:
    """All checks of one cloud, each as soon as it is known. Raises nothing of the store's."""
    doctor = _Doctor(store, settings, write=write)
    async with contextlib.aclosing(doctor.checks()) as checks:
        async for check in checks:
            yield check


class _Doctor:
    def __init__(self, store: ObjectStore, settings: CloudSettings, *, write: bool) -> None:
        self._store = store
        self._write_too = write
        self._settings = settings
        self._bucket = settings.bucket
        self._sample: ListEntry | None = None
        self._key = f"{settings.prefix}{CANARY}{uuid4().hex}"
        self._pin: VersionPin | None = None

    async def checks(self) -> AsyncGenerator[Check, None]:
        reachable = await self._reachable()
        yield reachable
        if reachable.state is CheckState.FAILED:
            return
        if not self._bucket:
            yield self._check(
                "bucket",
                CheckState.WARNING,
                "No default bucket is configured, so nothing more can be checked.",
                f'Add bucket = "..." to [clouds.{self._store.name}].',
            )
            return
        listing = await self._listing()
        yield listing
        yield self._clock()
        if listing.state is not CheckState.OK:
            return
        yield await self._classes()
        if self._settings.read_only or not self._write_too:
            yield await self._reading_sample()
            forbidden = self._settings.read_only
            why = "The cloud is configured read-only." if forbidden else "Not tried: it writes."
            for name in ("write", "conditions", "delete"):
                yield self._check(name, CheckState.SKIPPED, why)
            return
        try:
            async for check in self._writing():
                yield check
        finally:
            await self._tidy()

    async def _reachable(self) -> Check:
        try:
            await self._store.buckets()
        except (Unavailable, ConfigError, ClockSkew) as error:
            return self._failed("reachable", error)
        except StoreError as error:
            if isinstance(error, AccessDenied) and (error.status == 401 or error.code in _NO_LOGIN):
                todo = "Correct the keys of this cloud, or log in again; check the clock, too."
                return self._failed("login", error, todo)
            if self._settings.kind is StoreKind.LOCAL:
                what = f"{self._settings.root}: {error.what}"
                if isinstance(error, NotFound):
                    what = f"There is no folder {self._settings.root}."
                todo = "Mount it, make it, or name another root in astra.toml."
                return self._check("reachable", CheckState.FAILED, what, error.todo or todo)
            # It answers; whether it lets us list all buckets does not matter yet.
            what = error.what.rstrip(".")
            return self._check("reachable", CheckState.OK, f"It answers: {what}.")
        return self._check("reachable", CheckState.OK, self._where())

    def _where(self) -> str:
        if self._settings.kind is StoreKind.LOCAL:
            return f"{self._settings.root}"
        return self._settings.endpoint or f"{self._settings.provider} {self._store.region}".strip()

    async def _listing(self) -> Check:
        count = 0
        pages = self._store.list_pages(self._bucket, self._settings.prefix)
        try:
            async for page in pages:
                count = len(page.entries)
                self._sample = page.entries[0]
                break
        except AstraError as error:
            todo = f"Name another bucket in [clouds.{self._store.name}], or allow it to be listed."
            return self._failed("list", error, todo)
        finally:
            if isinstance(pages, AsyncGenerator):
                await pages.aclose()
        seen = "no object yet" if self._sample is None else f"{count} or more objects"
        return self._check("list", CheckState.OK, f"{self._bucket}: {seen}.")

    def _clock(self) -> Check:
        offset = getattr(self._store, "clock_offset", None)
        if offset is None:
            return self._check("clock", CheckState.SKIPPED, "It has no clock of its own.")
        detail = f"It differs from this machine's by {abs(offset):.0f} s."
        todo = "Set this machine's clock (NTP)."
        if abs(offset) > _SKEW_FAILED:
            return self._check("clock", CheckState.FAILED, detail, todo)
        if abs(offset) > _SKEW_WARNING:
            return self._check("clock", CheckState.WARNING, detail, todo)
        return self._check("clock", CheckState.OK, detail)

    async def _classes(self) -> Check:
        try:
            book = await asyncio.to_thread(PriceBook.load)
        except ConfigError as error:
            return self._failed("classes", error)
        known = {item.name for item in book.classes(self._settings.provider, self._store.region)}
        found = self._sample.storage_class if self._sample is not None else ""
        if found and book.canonical(self._settings.provider, found) not in known:
            return self._check(
                "classes",
                CheckState.WARNING,
                f"Class {found} is none of {self._settings.provider}'s: its cost is unknown.",
                f"Check provider of [clouds.{self._store.name}], or add the class to the prices.",
            )
        return self._check("classes", CheckState.OK, ", ".join(sorted(known)) + ".")

    async def _reading_sample(self) -> Check:
        sample = self._sample
        if sample is None:
            return self._check("read", CheckState.SKIPPED, "There is no object to read.")
        try:
            head = await self._store.head(self._bucket, sample.key)
            if head.archived:
                return self._check("read", CheckState.SKIPPED, "The first object is archived.")
            stop = min(head.size, 1) or None
            async with self._store.read(
                self._bucket, sample.key, pin=head.pin, stop=stop
            ) as reader:
                async for _ in reader:
                    pass
        except AstraError as error:
            return self._failed("read", error)
        return self._check("read", CheckState.OK, "The first object can be read.")

    async def _writing(self) -> AsyncGenerator[Check, None]:
        wrote = await self._write()
        yield wrote
        if wrote.state is not CheckState.OK:
            yield await self._reading_sample()
            for name in ("conditions", "delete"):
                yield self._check(name, CheckState.SKIPPED, "Nothing may be written.")
            return
        yield await self._read_back()
        yield await self._conditions()
        yield self._kept_tags()
        yield await self._delete()

    async def _write(self) -> Check:
        async def body() -> AsyncIterator[bytes]:
            yield _BYTES

        try:
            written = await self._store.write(
                self._bucket, self._key, body(), size=len(_BYTES), meta=ObjectMeta()
            )
        except AstraError as error:
            return self._failed("write", error)
        self._pin = written.pin
        return self._check("write", CheckState.OK, "A small object was written.")

    async def _read_back(self) -> Check:
        pin = self._pin
        assert pin is not None
        try:
            async with self._store.read(self._bucket, self._key, pin=pin) as reader:
                same = b"".join([chunk async for chunk in reader]) == _BYTES
        except AstraError as error:
            return self._failed("read", error)
        if not same:
            return self._check(
                "read",
                CheckState.FAILED,
                "Other bytes came back than were written.",
                "Do not trust this cloud with anything before that is understood.",
            )
        return self._check("read", CheckState.OK, "The same bytes came back.")

    async def _conditions(self) -> Check:
        try:
            guarded = await self._store.guards_deletes(self._bucket)
            ask = getattr(self._store, "conditions", None)  # whether tags work is known after it
            if ask is not None:
                await ask(self._bucket)
        except AstraError as error:
            return self._failed("conditions", error)
        can = self._store.capabilities
        ignored = [] if can.create_only else ["create-only writes"]
        ignored += [] if guarded else ["conditional deletes"]
        if ignored:
            return self._check(
                "conditions",
                CheckState.WARNING,
                f"This server ignores {' and '.join(ignored)}: another writer in the same moment "
                "would go unnoticed. Astra looks again just before, and such jobs say `unguarded`.",
                "Let nobody else write there during migrations; --strict refuses such jobs.",
            )
        known = " (known of this provider)" if can.delete_guard is DeleteGuard.KNOWN else ""
        detail = f"Create-only writes and conditional deletes are honoured{known}."
        return self._check("conditions", CheckState.OK, detail)

    def _kept_tags(self) -> Check:
        can = self._store.capabilities
        lost = [
            name
            for name, kept in (
                ("user metadata", can.user_metadata),
                ("content headers", can.content_headers),
                ("tags", can.tags),
            )
            if not kept
        ]
        if lost:
            return self._check(
                "metadata",
                CheckState.WARNING,
                f"This store keeps no {', no '.join(lost)}.",
                "Plans list what would be lost; move objects that need it elsewhere.",
            )
        return self._check("metadata", CheckState.OK, "Metadata and tags are kept.")

    async def _delete(self) -> Check:
        try:
            await self._remove()
            with contextlib.suppress(NotFound):
                await self._store.head(self._bucket, self._key)
                return self._check(
                    "delete",
                    CheckState.FAILED,
                    "The deleted object is still there.",
                    f"Delete {self._key} by hand.",
                )
        except AstraError as error:
            return self._failed("delete", error, f"Delete {self._key} by hand.")
        return self._check("delete", CheckState.OK, "The small object was deleted again.")

    async def _remove(self) -> None:
        pin, self._pin = self._pin, None
        if pin is not None:
            await self._store.delete(self._bucket, self._key, pin=pin)

    async def _tidy(self) -> None:
        # Whoever stopped the checks is not to be stopped by what is left to clear up.
        with contextlib.suppress(AstraError):
            await self._remove()

    def _failed(self, name: str, error: AstraError, todo: str = "") -> Check:
        detail = " ".join(part for part in (error.what, error.safe) if part)
        return self._check(name, CheckState.FAILED, detail, error.todo or todo)

    def _check(self, name: str, state: CheckState, detail: str = "", todo: str = "") -> Check:
        return Check(self._store.name, name, state, detail, todo)
