"""The one TinyDB file: plans, policies, bookmarks, datasets that the operator keeps.

Every change writes a new file beside the old one, syncs it and puts it in place in one step:
whatever happens, the file is the old one or the new one, whole. What cannot be read as a
workspace is set aside under another name, never overwritten.
"""

import asyncio
import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engine.codec import decode, encode
from engine.errors import StateError, UsageError
from engine.model import (
    Address,
    Bookmark,
    ConsolePlaces,
    Notice,
    NoticeLevel,
    PanelLayout,
    Plan,
)

if TYPE_CHECKING:
    from tinydb import TinyDB
    from tinydb.table import Table

T = TypeVar("T")
Value = TypeVar("Value")

_PIECE = 200  # entries of a list that are written in one go


class Workspace:
    """An open workspace file. All methods work off the event loop and may raise StateError.

    `notices` holds what the operator must be told, such as a damaged file set aside.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notices: list[Notice] = []
        self._lock = threading.Lock()  # a cancelled caller's thread may still be writing
        self._database: TinyDB | None = None

    async def open(self) -> None:
        """Read the file, or note that there is none yet; it is made by the first save."""

        def work() -> None:
            from tinydb import TinyDB

            with self._lock:
                if self._database is None:
                    file = _File(self.path, self.notices)
                    file.read()
                    self._database = TinyDB(storage=lambda: file)

        await asyncio.to_thread(work)

    async def close(self) -> None:
        """Nothing is left to write. Safe to call twice."""
        with self._lock:
            self._database = None

    # -- plans --------------------------------------------------------------------------

    async def save_plan(self, plan: Plan) -> None:
        """Keep a plan under its id; one saved before under that id is replaced."""
        await self._put("plans", plan.plan_id, await asyncio.to_thread(encode, plan))

    async def plans(self) -> list[Plan]:
        """All plans, oldest first. One that cannot be read is left out, with a notice."""
        plans = await self._all("plans", lambda data: decode(Plan, data))
        return sorted(plans.values(), key=lambda plan: plan.created)

    async def plan(self, plan_id: str) -> Plan:
        """One plan. Raises UsageError if there is none."""
        return await self._one("plans", plan_id, lambda data: decode(Plan, data))

    async def delete_plan(self, plan_id: str) -> bool:
        """Forget a plan; whether there was one."""
        return await self._remove("plans", plan_id)

    # -- bookmarks ----------------------------------------------------------------------

    async def save_bookmark(self, bookmark: Bookmark) -> None:
        await self._put("bookmarks", bookmark.name, encode(bookmark))

    async def bookmarks(self) -> list[Bookmark]:
        """All bookmarks, by name."""
        found = await self._all("bookmarks", lambda data: decode(Bookmark, data))
        return [found[name] for name in sorted(found)]

    async def delete_bookmark(self, name: str) -> bool:
        return await self._remove("bookmarks", name)

    # -- the console's panels -----------------------------------------------------------

    async def save_layout(self, layout: PanelLayout) -> None:
        """Keep how the console's panels stand."""
        await self._put("layout", "console", encode(layout))

    async def layout(self) -> PanelLayout:
        """How the panels stood last; the usual way if nobody moved one."""
        found = await self._all("layout", lambda data: decode(PanelLayout, data))
        return found.get("console", PanelLayout())

    # -- policies -----------------------------------------------------------------------

    async def save_policy(self, name: str, parameters: Mapping[str, Any]) -> None:
        """Keep a policy's parameters (plain JSON values) under its name."""
        await self._put("policies", name, _plain(dict(parameters)))

    async def policies(self) -> dict[str, dict[str, Any]]:
        """Parameters by policy name."""
        return await self._all("policies", lambda data: dict(_plain(data)))

    async def delete_policy(self, name: str) -> bool:
        return await self._remove("policies", name)

    # -- where the console was left -----------------------------------------------------

    async def save_places(self, places: ConsolePlaces) -> None:
        """Keep where the console is, for its next start."""
        await self._put("console", "places", encode(places))

    async def places(self) -> ConsolePlaces | None:
        """Where the console was left; None if that is not known."""
        found = await self._all("console", lambda data: decode(ConsolePlaces, data))
        return found.get("places")

    # -- the policy that decides --------------------------------------------------------

    async def adopt_policy(self, name: str, when: float) -> None:
        """Keep which policy decides, adopted at `when`; "" leaves that to the configuration."""
        if name:
            await self._put("choices", "policy", {"name": name, "when": when})
        else:
            await self._remove("choices", "policy")

    async def adopted_policy(self) -> tuple[str, float] | None:
        """The policy that was adopted, and when; None if none is."""

        def read(data: Any) -> tuple[str, float]:
            if not isinstance(data, dict) or not isinstance(data.get("name"), str):
                raise ValueError("it names no policy")
            return data["name"], float(data.get("when", 0.0))

        return (await self._all("choices", read)).get("policy")

    # -- datasets -----------------------------------------------------------------------

    async def save_dataset(self, name: str, addresses: Sequence[Address]) -> None:
        """Keep keys and prefixes that belong together under one name."""
        await self._put("datasets", name, [encode(address) for address in addresses])

    async def datasets(self) -> dict[str, tuple[Address, ...]]:
        """Addresses by dataset name."""
        return await self._all(
            "datasets", lambda data: tuple(decode(Address, item) for item in data)
        )

    async def delete_dataset(self, name: str) -> bool:
        return await self._remove("datasets", name)

    # -- documents ----------------------------------------------------------------------

    async def _put(self, table: str, name: str, value: Any) -> None:
        from tinydb import where

        def work(database: "TinyDB") -> None:
            document = {"name": name, "value": value}
            _table(database, table).upsert(document, where("name") == name)

        await self._run(work)

    async def _remove(self, table: str, name: str) -> bool:
        from tinydb import where

        def work(database: "TinyDB") -> bool:
            documents = _table(database, table)
            # Removing what is not there would still write the file anew.
            found = documents.contains(where("name") == name)
            if found:
                documents.remove(where("name") == name)
            return found

        return await self._run(work)

    async def _all(self, table: str, read: Callable[[Any], Value]) -> dict[str, Value]:
        def work(database: "TinyDB") -> dict[str, Value]:
            result: dict[str, Value] = {}
            for document in _table(database, table).all():
                name = str(document.get("name", ""))
                try:
                    result[name] = read(document.get("value"))
                except (ValueError, TypeError) as error:
                    self._tell_unreadable(table, name, error)
            return result

        return await self._run(work)

    async def _one(self, table: str, name: str, read: Callable[[Any], Value]) -> Value:
        from tinydb import where

        def work(database: "TinyDB") -> Value:
            documents = _table(database, table).search(where("name") == name)
            if not documents:
                raise UsageError(
                    f"There is no {name!r} among the saved {table}.", subject=str(self.path)
                )
            try:
                return read(documents[0].get("value"))
            except (ValueError, TypeError) as error:
                raise StateError(
                    f"{name!r} of the saved {table} cannot be read: {error}.",
                    subject=str(self.path),
                    safe="It is left as it is.",
                    todo="Use the version of Astra that wrote it, or delete it.",
                ) from error

        return await self._run(work)

    async def _run(self, work: "Callable[[TinyDB], T]") -> T:
        def locked() -> T:
            with self._lock:
                if self._database is None:
                    raise StateError("The workspace is closed.", subject=str(self.path))
                return work(self._database)

        return await asyncio.to_thread(locked)

    def _tell_unreadable(self, table: str, name: str, error: Exception) -> None:
        text = f"{name!r} of the saved {table} cannot be read ({error}) and is left out."
        if all(notice.text != text for notice in self.notices):
            self.notices.append(
                Notice(
                    NoticeLevel.WARNING,
                    text,
                    todo="It stays in the file; the version of Astra that wrote it can read it.",
                    time=time.time(),
                )
            )


def _table(database: "TinyDB", name: str) -> "Table":
    return database.table(name, cache_size=0)  # every question asks the file


def _plain(value: Any) -> Any:
    """A copy as JSON would give it back. Raises UsageError for what JSON cannot hold."""
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"Only plain JSON values can be saved: {error}.") from error


class _File:
    """TinyDB's view of the file: `read` and `write` of the whole, in the caller's thread."""

    def __init__(self, path: Path, notices: list[Notice]) -> None:
        self._path = path
        self._notices = notices
        self._known: tuple[tuple[int, ...], dict[str, dict[str, Any]]] | None = None

    def read(self) -> dict[str, dict[str, Any]] | None:
        known, self._known = self._known, None  # TinyDB may change it and then fail to write
        try:
            signature = _signature(self._path)
            if known is not None and known[0] == signature:
                self._known = known
                return known[1]
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._explain(error, "read") from error
        try:
            data = json.loads(raw)
            if not _is_workspace(data):
                raise ValueError("it is no workspace")
        except (ValueError, RecursionError) as error:
            self._set_aside(error)
            return None
        found: dict[str, dict[str, Any]] = data
        self._known = (signature, found)
        return found

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        self._known = None
        text = "".join(_pieces(data))
        target = Path(os.path.realpath(self._path))
        beside = target.with_name(f"{target.name}.new")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_synced(beside, text.encode())
            os.replace(beside, target)
            _sync_folder(target.parent)
            self._known = (_signature(self._path), data)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise self._explain(error, "written") from error

    def close(self) -> None:
        """Nothing is held open between calls."""

    def _set_aside(self, error: Exception) -> None:
        now = time.time()
        aside = self._path.with_name(f"{self._path.name}.damaged-{int(now)}")
        number = 1
        while aside.exists():
            number += 1
            aside = self._path.with_name(f"{self._path.name}.damaged-{int(now)}-{number}")
        try:
            os.rename(self._path, aside)
        except OSError as failure:
            raise self._explain(failure, "set aside") from failure
        self._notices.append(
            Notice(
                NoticeLevel.ERROR,
                f"{self._path} was damaged ({error}) and is kept as {aside.name}. Saved plans, "
                "policies, bookmarks and datasets start empty.",
                todo=f"Repair {aside.name} and put it back while Astra is not running.",
                time=now,
            )
        )

    def _explain(self, error: OSError, verb: str) -> StateError:
        return StateError(
            f"The workspace cannot be {verb}: {error.strerror}.",
            subject=str(self._path),
            safe="What was saved before is unharmed.",
            todo="Free disk space or make the directory writable, then try again.",
        )


def _is_workspace(data: Any) -> bool:
    return isinstance(data, dict) and all(
        isinstance(table, dict)
        and all(key.isdecimal() and isinstance(entry, dict) for key, entry in table.items())
        for table in data.values()
    )


def _signature(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _pieces(value: Any) -> Iterator[str]:
    """JSON in pieces: one call for a big plan would hold the interpreter, and so the event
    loop, for more than a second."""
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        before = "{"
        for key, item in value.items():
            yield f"{before}{json.dumps(key)}:"
            yield from _pieces(item)
            before = ","
        yield "}" if value else "{}"
    elif isinstance(value, list) and len(value) > _PIECE:
        before = "["
        for start in range(0, len(value), _PIECE):
            yield before + json.dumps(value[start : start + _PIECE], separators=(",", ":"))[1:-1]
            before = ","
        yield "]"
    else:
        yield json.dumps(value, separators=(",", ":"))


def _write_synced(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    with open(os.open(path, flags, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
