"""How the state file changed from version to version.

The file keeps its version in SQLite's `user_version`. A step brings a file of the version that
is its place in `STEPS` to the next one; it meets only files that were made before it. New files
are made by the schemas of the modules that own tables, and begin with the newest version.
"""

import json
import sqlite3
from collections.abc import Callable, Sequence

Step = Callable[[sqlite3.Connection], None]


def _priorities(connection: sqlite3.Connection) -> None:
    """Jobs have a priority, and tries that a store spoilt are counted apart; the queue is read by
    route, the most urgent first; each job set may delete as many sources as it has moves."""
    if not _has_table(connection, "jobs"):
        return
    connection.execute("ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0")
    connection.execute("ALTER TABLE jobs ADD COLUMN excused INTEGER NOT NULL DEFAULT 0")
    connection.execute("DROP INDEX IF EXISTS jobs_unfinished")
    connection.execute(
        "CREATE TABLE allowances (jobset TEXT PRIMARY KEY, deletes INTEGER NOT NULL) WITHOUT ROWID"
    )
    connection.execute(
        "INSERT INTO allowances SELECT jobset, count(*) FROM jobs"
        " WHERE json_extract(spec, '$[2]') = 'move' GROUP BY jobset"
    )
    # Five tries were the only choice. None named means five now too, but a store that is away
    # does not use them up.
    rows = connection.execute(
        "SELECT seq, spec FROM jobs WHERE state NOT IN ('completed', 'failed', 'cancelled')"
    ).fetchall()
    for seq, text in rows:
        spec = json.loads(text)
        if spec[7][4] == 5:
            spec[7][4] = 0
            connection.execute("UPDATE jobs SET spec = ? WHERE seq = ?", (json.dumps(spec), seq))


def _unpriced(connection: sqlite3.Connection) -> None:
    """Jobs remember that nobody knew what they save. Of those before it is not known any more."""
    if _has_table(connection, "jobs"):
        connection.execute("ALTER TABLE jobs ADD COLUMN unpriced INTEGER NOT NULL DEFAULT 0")


STEPS: Sequence[Step] = (_priorities, _unpriced)


def version_of(connection: sqlite3.Connection) -> int:
    """The version of an open file; 0 for those made before versions were counted."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def is_new(connection: sqlite3.Connection) -> bool:
    """Whether nothing was ever put into the file."""
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def bring_up(connection: sqlite3.Connection, steps: Sequence[Step]) -> None:
    """Take all steps that the file lacks, or none if one fails. Raises sqlite3.Error then."""
    version = version_of(connection)
    if version >= len(steps):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in steps[version:]:
            step(connection)
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _has_table(connection: sqlite3.Connection, name: str) -> bool:
    found = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)
    )
    return found.fetchone() is not None
