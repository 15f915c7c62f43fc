"""The ledger's tables. What changes here needs a step in `engine/state_versions.py` as well.

`jobs` has a row a job (`records.py` says what the columns mean; `unpriced` that `saving` is 0
because nobody knows it), `intents` everything that was
ever meant to be done, `tries` those that failed and why, `parts` the finished parts of unfinished
uploads, `places` where the ends of a job are, `allowances` how many sources the jobs of a set may
delete.

A row that is inserted into the view `ledger_saves` changes one job: its columns (NULL leaves one
as it is), the outcome of an intent, then a new intent, its places. So the changes of many jobs go
by one statement. The view is of the connection and not in the file.
"""

_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL UNIQUE,
    job_key TEXT NOT NULL,
    jobset TEXT NOT NULL,
    spec TEXT NOT NULL,
    source TEXT NOT NULL,
    destination TEXT NOT NULL,
    route TEXT NOT NULL,
    size INTEGER NOT NULL,
    saving REAL NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'queued',
    step INTEGER NOT NULL DEFAULT 0,
    paused INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    error_todo TEXT NOT NULL DEFAULT '',
    retry_at REAL NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    started REAL NOT NULL DEFAULT 0,
    finished REAL NOT NULL DEFAULT 0,
    checksum_source TEXT NOT NULL DEFAULT '',
    checksum_destination TEXT NOT NULL DEFAULT '',
    evidence TEXT NOT NULL DEFAULT '',
    source_proof TEXT NOT NULL DEFAULT '',
    guarded INTEGER,
    source_pin TEXT NOT NULL DEFAULT '',
    destination_pin TEXT NOT NULL DEFAULT '',
    wrote INTEGER NOT NULL DEFAULT 0,
    upload_id TEXT NOT NULL DEFAULT '',
    part_size INTEGER NOT NULL DEFAULT 0,
    digests TEXT NOT NULL DEFAULT '{}',
    verified INTEGER NOT NULL DEFAULT 0,
    step_seconds TEXT NOT NULL DEFAULT '[0,0,0,0,0]',
    notes TEXT NOT NULL DEFAULT '[]',
    priority INTEGER NOT NULL DEFAULT 0,
    excused INTEGER NOT NULL DEFAULT 0,
    unpriced INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS jobs_by_key ON jobs (job_key);
CREATE INDEX IF NOT EXISTS jobs_by_set ON jobs (jobset, seq);
CREATE INDEX IF NOT EXISTS jobs_by_destination ON jobs (destination);
CREATE INDEX IF NOT EXISTS jobs_queue ON jobs (route, priority DESC, seq)
    WHERE state NOT IN ('completed', 'failed', 'cancelled');
CREATE INDEX IF NOT EXISTS jobs_finished ON jobs (finished) WHERE finished > 0;
CREATE TABLE IF NOT EXISTS intents (
    id INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL,
    effect TEXT NOT NULL,
    details TEXT NOT NULL,
    at REAL NOT NULL,
    outcome TEXT NOT NULL DEFAULT '',
    done REAL NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS intents_by_job ON intents (job_id);
CREATE TABLE IF NOT EXISTS parts (
    job_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    etag TEXT NOT NULL,
    size INTEGER NOT NULL,
    md5 TEXT NOT NULL,
    crc32c TEXT NOT NULL,
    PRIMARY KEY (job_id, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tries (
    job_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    at REAL NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS tries_by_job ON tries (job_id);
CREATE TABLE IF NOT EXISTS places (
    job_id TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    destination TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS places_by_destination ON places (destination);
CREATE TABLE IF NOT EXISTS allowances (
    jobset TEXT PRIMARY KEY,
    deletes INTEGER NOT NULL
) WITHOUT ROWID;
"""
UNFINISHED = "state NOT IN ('completed', 'failed', 'cancelled')"
SAVED = (
    "state",
    "step",
    "paused",
    "attempt",
    "size",
    "error",
    "error_todo",
    "retry_at",
    "started",
    "finished",
    "checksum_source",
    "checksum_destination",
    "evidence",
    "source_proof",
    "guarded",
    "source_pin",
    "destination_pin",
    "wrote",
    "upload_id",
    "part_size",
    "digests",
    "verified",
    "step_seconds",
    "notes",
    "excused",
)
_VIEW = ("job_id", *SAVED, "settled", "outcome", "effect", "details", "source", "destination", "at")
_SAVES = f"""
CREATE TEMP VIEW IF NOT EXISTS ledger_saves AS SELECT {", ".join(f"NULL AS {n}" for n in _VIEW)};
CREATE TEMP TRIGGER IF NOT EXISTS ledger_save INSTEAD OF INSERT ON ledger_saves BEGIN
    UPDATE jobs SET {", ".join(f"{n} = coalesce(new.{n}, {n})" for n in SAVED if n != "finished")}
        WHERE job_id = new.job_id;
    UPDATE jobs SET finished = new.finished
        WHERE new.finished IS NOT NULL AND job_id = new.job_id;
    UPDATE intents SET outcome = new.outcome, done = new.at
        WHERE new.settled IS NOT NULL AND job_id = new.job_id AND effect = new.settled
            AND outcome = '';
    INSERT INTO intents (job_id, effect, details, at)
        SELECT new.job_id, new.effect, new.details, new.at WHERE new.effect IS NOT NULL;
    INSERT OR REPLACE INTO places
        SELECT new.job_id, new.source, new.destination WHERE new.source IS NOT NULL;
END;
"""
SCHEMA = f"{_TABLES}{_SAVES}"
