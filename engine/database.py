"""The one SQLite file (WAL): ledger, access history, decisions, outbox.

One thread owns the connection, so that no statement ever runs on the event loop. Calls that
wait together are committed together: under load one fsync serves many jobs, and still each
caller resumes only after its own change is on disk.
"""

import asyncio
import contextlib
import fcntl
import functools
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

from engine.errors import StateBusy, StateError
from engine.state_versions import STEPS, Step, bring_up, is_new, version_of

T = TypeVar("T")
Row = Sequence[str | int | float | None]
Work = Callable[[sqlite3.Connection], Any]
_GROUP = 256  # calls committed together at most
_WAL_PAGES = 4000  # of 4 KiB in the log before they go to the file: most are written again
_LATER = 0.005  # seconds that what is in no hurry waits for company


class Database:
    """An open state file; `schemas` are idempotent scripts of the modules that own tables.

    A file of an earlier version is brought up to date in one transaction, by those of `steps`
    that it lacks; one of a later version is refused and left as it is.
    """

    def __init__(
        self,
        path: Path,
        schemas: Sequence[str],
        *,
        guest: bool = False,
        steps: Sequence[Step] = STEPS,
    ) -> None:
        """`guest`: another process owns the file; a damaged or an older one is left to it."""
        self.path = path
        self._guest = guest
        self.notices: list[str] = []  # what the operator must be told about opening the file
        self._schemas = tuple(schemas)
        self._steps = tuple(steps)
        self._queue: queue.SimpleQueue[list[_Call] | None] = queue.SimpleQueue()
        self._calls: list[_Call] = []  # of this turn of the loop; they go to the thread together
        self._thread: threading.Thread | None = None

    async def open(self) -> None:
        """Open or create the file. A damaged one is set aside, never overwritten."""
        call = _Call(lambda connection: None, asyncio.get_running_loop())
        self._thread = threading.Thread(
            target=self._serve, args=(call,), name="astra-db", daemon=True
        )
        self._thread.start()
        await call.future

    async def close(self) -> None:
        """Finish what waits, then close. Safe to call twice."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._hand_over()
            self._queue.put(None)
            await asyncio.to_thread(thread.join)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the database thread; when this returns its changes are on disk.

        If `work` raises, its own changes are undone and the exception comes back here. A
        cancelled caller does not undo work that has begun. Raises StateError if the file
        cannot be written (full or read-only disk).
        """
        return await self.start(work)

    def start(self, work: Callable[[sqlite3.Connection], T]) -> "asyncio.Future[T]":
        """As `run`, for a caller who has something else to do meanwhile."""
        call = _Call(work, asyncio.get_running_loop())
        self._add(call)
        return call.future

    def insert(self, into: str, row: Row, *, hurry: bool = True) -> "asyncio.Future[None]":
        """Put a row into a table or view; when the future is done it is on disk.

        Rows that wait together go by one statement: each is a chance for the event loop to
        take the interpreter's lock away. Without `hurry` a row may wait a few milliseconds, to
        be committed with something else. Raises, and fails, as `run` does.
        """
        call = _Insert(into, row, asyncio.get_running_loop(), hurry=hurry)
        self._add(call)
        return call.future

    def _add(self, call: "_Call") -> None:
        if self._thread is None:
            raise StateError("The state database is closed.", subject=str(self.path))
        if not self._calls:
            call.loop.call_soon(self._hand_over)
        self._calls.append(call)

    def _hand_over(self) -> None:
        """Let the thread have the calls of this turn of the loop."""
        if self._calls:
            self._queue.put(self._calls)
            self._calls = []

    # -- in the database thread ---------------------------------------------------------

    def _serve(self, opening: "_Call") -> None:
        try:
            connection = self._connect()
        except (sqlite3.Error, OSError, StateError) as error:
            opening.error = error if isinstance(error, StateError) else self._explain(error)
            _tell([opening])
            return
        _tell([opening])
        with contextlib.closing(connection):
            running = True
            while running:
                calls, running = self._gather()
                if calls:
                    self._commit_group(connection, calls)

    def _gather(self) -> "tuple[list[_Call], bool]":
        """What is to be committed together, and whether more may follow."""
        calls: list[_Call] = []
        hurry, until = False, 0.0
        some = self._queue.get()
        while some is not None:
            calls += some
            hurry = hurry or any(call.hurry for call in some)
            if len(calls) >= _GROUP:
                return calls, True
            until = until or time.monotonic() + _LATER
            wait = 0.0 if hurry else max(until - time.monotonic(), 0.0)
            try:
                some = self._queue.get(block=wait > 0, timeout=wait)
            except queue.Empty:
                return calls, True
        return calls, False

    def _commit_group(self, connection: sqlite3.Connection, calls: "list[_Call]") -> None:
        try:
            if not _inserted(connection, calls):
                connection.execute("BEGIN IMMEDIATE")
                for call in calls:
                    _do(connection, call)
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            for call in calls:
                call.error = self._explain(error)
        _tell(calls)

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._prepare()
        except sqlite3.DatabaseError as error:
            if self._guest or isinstance(error, sqlite3.OperationalError):
                raise
            aside = self.path.with_name(f"{self.path.name}.damaged-{int(time.time())}")
            for suffix in ("", "-wal", "-shm"):
                part = Path(f"{self.path}{suffix}")
                if part.exists():
                    os.replace(part, f"{aside}{suffix}")
            self.notices.append(
                f"{self.path} was damaged ({error}) and is kept as {aside.name}. Astra goes on "
                "with a new one; unfinished jobs of the old file are not known to it."
            )
            return self._prepare()

    def _prepare(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=5)
        try:
            connection.row_factory = sqlite3.Row
            self._check_version(version_of(connection))
            os.chmod(self.path, 0o600)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint={_WAL_PAGES}")
            if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("quick_check failed")
            self._make_tables(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        if is_new(connection):
            newest = f"PRAGMA user_version = {len(self._steps)}"
            script = ("BEGIN IMMEDIATE", *self._schemas, newest, "COMMIT")
            connection.executescript(";\n".join(script))
        elif self._guest and version_of(connection) < len(self._steps):
            raise StateError(
                "The state database was made by an earlier version of Astra, which works on it.",
                subject=str(self.path),
                safe="Nothing was changed.",
                todo="End the other Astra, then start this one on its own once.",
            )
        else:
            bring_up(connection, self._steps)
            for schema in self._schemas:
                connection.executescript(schema)

    def _check_version(self, version: int) -> None:
        if version > len(self._steps):
            raise StateError(
                f"The state database was made by a later version of Astra (its version is"
                f" {version}, this Astra knows {len(self._steps)}).",
                subject=str(self.path),
                safe="Nothing was changed.",
                todo="Use the later Astra, or choose another directory with --state DIR.",
            )

    def _explain(self, error: Exception) -> StateError:
        return StateError(
            f"The state database cannot be used: {error}.",
            subject=str(self.path),
            safe="No source is deleted without it.",
            todo="Free disk space or make the directory writable, then run `astra resume`.",
        )


class _Call:
    """One piece of work, what came of it, and the future of whoever waits for it."""

    __slots__ = ("error", "future", "hurry", "loop", "result", "work")

    def __init__(self, work: Work, loop: asyncio.AbstractEventLoop, *, hurry: bool = True) -> None:
        self.work = work
        self.hurry = hurry
        self.loop = loop
        self.result: Any = None
        self.error: Exception | None = None
        self.future: asyncio.Future[Any] = loop.create_future()

    def settle(self) -> None:
        """Wake the caller; on its loop. One that was cancelled meanwhile is gone."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class _Insert(_Call):
    """A row to be inserted."""

    __slots__ = ("into", "row")

    def __init__(
        self, into: str, row: Row, loop: asyncio.AbstractEventLoop, *, hurry: bool
    ) -> None:
        super().__init__(self._alone, loop, hurry=hurry)
        self.into = into
        self.row = row

    def _alone(self, connection: sqlite3.Connection) -> None:
        connection.execute(_insertion(self.into, len(self.row), 1), self.row)


def _inserted(connection: sqlite3.Connection, calls: "Sequence[_Call]") -> bool:
    """Do it all by one statement, a transaction of its own, if these are rows of one table.

    False, with nothing done, if they are not, or if one of them cannot be inserted.
    """
    into, values = "", list[Any]()
    for call in calls:
        if not isinstance(call, _Insert) or into not in ("", call.into):
            return False
        into = call.into
        values += call.row
    try:
        connection.execute(_insertion(into, len(values) // len(calls), len(calls)), values)
    except sqlite3.OperationalError:
        raise
    except Exception:  # noqa: BLE001 - it is raised again, and told, when each is done apart
        return False
    return True


@functools.lru_cache(maxsize=_GROUP)
def _insertion(into: str, width: int, rows: int) -> str:
    row = f"({', '.join('?' * width)})"
    return f"INSERT INTO {into} VALUES {', '.join([row] * rows)}"


def _do(connection: sqlite3.Connection, call: "_Call") -> None:
    connection.execute("SAVEPOINT call")
    try:
        call.result = call.work(connection)
    except sqlite3.OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 - handed to the caller who sent the work
        connection.execute("ROLLBACK TO call")
        call.error = error
    connection.execute("RELEASE call")


def _tell(calls: Sequence[_Call]) -> None:
    """Wake the callers of a group together: one wake-up for each loop, not for each call."""

    def settle(mine: Sequence[_Call]) -> None:
        for call in mine:
            call.settle()

    for loop in {id(call.loop): call.loop for call in calls}.values():
        # A loop that has been closed meanwhile has nobody left to tell.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, [call for call in calls if call.loop is loop])


class StateLock:
    """Holds a state directory for one process; the lock ends with the process."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "lock"
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Raises StateBusy with the holder's process id, StateError if it cannot be made."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle = open(self._path, "a+", encoding="utf-8")  # noqa: SIM115 - kept open
        except OSError as error:
            raise StateError(
                f"The state directory cannot be written: {error.strerror}.",
                subject=str(self._path.parent),
                todo="Choose another with --state DIR.",
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.seek(0)
            holder = handle.read(20).strip() or "unknown"
            handle.close()
            raise StateBusy(
                f"Another Astra (process {holder}) works on this state directory.",
                subject=str(self._path.parent),
                safe="Nothing was changed.",
                todo="Use that one, end it (`astra engine stop` if no console shows it), or choose"
                " another directory with --state DIR.",
            ) from error
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        self._file = handle

    def release(self) -> None:
        """Give the directory back. Safe to call twice."""
        if self._file is not None:
            self._file.close()
            self._file = None
