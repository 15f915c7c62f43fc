"""The state file: group commits, undone failures, damage set aside, one process at a time."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from engine.database import Database, StateLock
from engine.errors import StateBusy, StateError

SCHEMA = "CREATE TABLE IF NOT EXISTS t (a INTEGER)"


async def count(database: Database) -> int:
    return await database.run(lambda c: c.execute("SELECT count(*) FROM t").fetchone()[0])


async def test_what_was_run_is_there_after_reopening(tmp_path: Path) -> None:
    database = Database(tmp_path / "state" / "astra.db", [SCHEMA])
    await database.open()
    await asyncio.gather(
        *(
            database.run(lambda c, n=n: c.execute("INSERT INTO t VALUES (?)", (n,)))
            for n in range(99)
        )
    )
    await database.close()
    await database.close()
    again = Database(tmp_path / "state" / "astra.db", [SCHEMA])
    await again.open()
    assert await count(again) == 99
    await again.close()


async def test_a_failing_call_undoes_itself_and_nothing_else(tmp_path: Path) -> None:
    database = Database(tmp_path / "astra.db", [SCHEMA])
    await database.open()

    def fails(connection):  # type: ignore[no-untyped-def]
        connection.execute("INSERT INTO t VALUES (1)")
        raise ValueError("no")

    good = [database.run(lambda c: c.execute("INSERT INTO t VALUES (2)")) for _ in range(5)]
    results = await asyncio.gather(*good, database.run(fails), *[], return_exceptions=True)
    assert isinstance(results[-1], ValueError)
    assert await count(database) == 5
    await database.close()


async def test_a_damaged_file_is_set_aside_and_told(tmp_path: Path) -> None:
    path = tmp_path / "astra.db"
    path.write_bytes(b"this is no database" * 500)
    database = Database(path, [SCHEMA])
    await database.open()
    assert await count(database) == 0
    kept = [item for item in tmp_path.iterdir() if "damaged" in item.name]
    assert len(kept) == 1
    assert kept[0].read_bytes().startswith(b"this is no database")
    assert kept[0].name in database.notices[0]
    await database.close()


async def test_a_file_that_cannot_be_made_is_a_state_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    database = Database(tmp_path / "file" / "astra.db", [SCHEMA])
    with pytest.raises(StateError):
        await database.open()
    await database.close()


async def test_a_full_disk_is_a_state_error_and_keeps_what_was_there(tmp_path: Path) -> None:
    database = Database(tmp_path / "astra.db", [SCHEMA])
    await database.open()
    await database.run(lambda c: c.execute("INSERT INTO t VALUES (1)"))
    await database.run(lambda c: c.execute("PRAGMA max_page_count = 1").fetchone())
    with pytest.raises(StateError, match="No source is deleted"):
        await database.run(
            lambda c: c.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(5000)])
        )
    assert await count(database) == 1
    await database.close()


def test_the_lock_is_held_by_one_process_and_ends_with_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from engine.database import StateLock\n"
        f"lock = StateLock(Path({str(tmp_path)!r})); lock.acquire(); print('held', flush=True)\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        lock = StateLock(tmp_path)
        with pytest.raises(StateBusy, match=str(holder.pid)):
            lock.acquire()
        holder.kill()
        holder.wait()
    lock.acquire()
    assert (tmp_path / "lock").read_text() == str(os.getpid())
    lock.release()
    lock.release()


async def test_a_failing_row_among_others_is_undone_alone(tmp_path: Path) -> None:
    schema = f"{SCHEMA}; CREATE TABLE IF NOT EXISTS u (a INTEGER UNIQUE)"
    database = Database(tmp_path / "astra.db", [schema])
    await database.open()
    rows = [(1,), (2,), (2,), (3,)]
    results = await asyncio.gather(
        *(database.insert("u", row, hurry=row == (3,)) for row in rows), return_exceptions=True
    )
    assert isinstance(results[2], sqlite3.IntegrityError)
    assert [results[i] for i in (0, 1, 3)] == [None] * 3
    found = await database.run(lambda c: [row[0] for row in c.execute("SELECT a FROM u")])
    assert found == [1, 2, 3]
    await database.close()


async def test_rows_and_other_work_keep_their_order(tmp_path: Path) -> None:
    database = Database(tmp_path / "astra.db", [SCHEMA])
    await database.open()
    first = [database.insert("t", (n,)) for n in range(300)]  # more than one group
    seen = asyncio.ensure_future(count(database))
    await asyncio.sleep(0)
    last = database.insert("t", (0,))
    assert await seen == 300
    await asyncio.gather(*first, last)
    assert await count(database) == 301
    await database.close()


async def test_rows_that_do_not_fit_the_disk_are_a_state_error_each(tmp_path: Path) -> None:
    database = Database(tmp_path / "astra.db", [SCHEMA])
    await database.open()
    await database.run(lambda c: c.execute("PRAGMA max_page_count = 1").fetchone())
    rows = [database.insert("t", ("x" * 9000,)) for _ in range(3)]
    results = await asyncio.gather(*rows, return_exceptions=True)
    assert [type(result) for result in results] == [StateError] * 3
    assert await count(database) == 0
    await database.close()


async def test_what_is_in_no_hurry_is_done_without_company(tmp_path: Path) -> None:
    database = Database(tmp_path / "astra.db", [SCHEMA])
    await database.open()
    async with asyncio.timeout(10):
        await database.insert("t", (1,), hurry=False)
    assert await count(database) == 1
    await database.close()
