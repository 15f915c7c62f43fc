"""A job set as a report: text for people, JSON lines for programs, CSV for spreadsheets.

Every job of the set is in it, and none is kept in memory: pages of the ledger become lines.
Text tells failures first; names are made visible. JSON is ASCII and exact. CSV is safe to open
in a spreadsheet and to print on a terminal, and exact as well; see `cell`.
"""

import json
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from engine.errors import StateError, UsageError
from engine.model import STEPS, JobState, MoveKind

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import JobsetSummary, JobView

FORMATS = {"text": "txt", "csv": "csv", "json": "jsonl"}
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # also in full width
_TIMES = ("created", "started", "finished")
_SECONDS = tuple(f"{step.name.lower()}_seconds" for step in STEPS)
CSV_COLUMNS = (
    *("job_id", "job_key", "jobset", "kind", "state", "paused", "step", "attempts"),
    *("source", "destination", "bytes", "from_class", "to_class"),
    *("source_digest", "destination_digest", "evidence", "source_proof", "guard"),
    *("error", "todo", "notes", *_TIMES, *_SECONDS),
)


@dataclass(frozen=True, slots=True)
class Written:
    """A report that is on disk."""

    path: Path
    jobs: int
    failed: int


async def lines(
    engine: "Engine",
    summary: "JobsetSummary",
    form: str,
    *,
    hint: Callable[[str], str] = lambda text: text,
) -> AsyncIterator[str]:
    """The report in one of `FORMATS`, as pieces of text of some hundred lines each.

    `hint` completes command lines that the report names. CSV has no totals: it is one table.
    """
    if form == "text":
        from astra_tui.job_report_text import head_text, job_text, totals_text

        yield head_text(summary)
        for failed in (True, False):
            title = "Failed\n" if failed else "Others\n"
            async for page in engine.report(summary.jobset, failed=failed, until=summary.at):
                yield title + "".join(job_text(job) for job in page)
                title = ""
        yield hint(totals_text(summary))
        return
    if form == "csv":
        yield row(CSV_COLUMNS)
    write = _job_json if form == "json" else _job_row
    async for page in engine.report(summary.jobset):
        yield "".join(write(job) for job in page)
    if form == "json":
        yield json.dumps({"summary": summary_json(summary)}) + "\n"


async def write_file(
    engine: "Engine",
    summary: "JobsetSummary",
    form: str,
    path: Path,
    *,
    hint: Callable[[str], str] = lambda text: text,
) -> Written:
    """Write the report beside `path` and put it there once it is whole and on disk.

    What was there is replaced then, or stays as it was. Raises UsageError for a path that
    cannot be a file, StateError if it cannot be written.
    """
    path = await write_pieces(lines(engine, summary, form, hint=hint), path)
    return Written(path, summary.jobs, summary.count(JobState.FAILED))


async def write_pieces(pieces: AsyncIterator[str], path: Path) -> Path:
    """Write these pieces of text beside `path` and put them there once they are whole and on disk;
    returns the real path. Raises UsageError and StateError, as `write_file` does."""
    import asyncio

    path = await asyncio.to_thread(_target, path)
    beside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}")
    try:
        with await asyncio.to_thread(_open, beside) as file:
            async for piece in pieces:
                await asyncio.to_thread(file.write, piece)
            await asyncio.to_thread(_finish, file, beside, path)
    except OSError as error:
        raise StateError(
            f"The report cannot be written: {error.strerror or error}.",
            subject=str(path),
            safe="What was there before is unchanged.",
            todo="Free space or name another place, and ask for it again.",
        ) from error
    finally:
        beside.unlink(missing_ok=True)
    return path


async def write_report(engine: "Engine", summary: "JobsetSummary", form: str) -> Written:
    """Write the report into the folder `reports` of the state directory, under a name of its
    own. Raises StateError."""
    path = await report_path(engine, summary.jobset, FORMATS[form], summary.at)
    return await write_file(engine, summary, form, path)


async def report_path(engine: "Engine", name: str, ending: str, when: float) -> Path:
    """A name of its own in the folder `reports` of the state directory. Raises StateError."""
    import asyncio

    folder = engine.settings.state_dir / "reports"
    safe = "".join(char if char.isalnum() and char.isascii() else "_" for char in name)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(when))
    try:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"The folder for reports cannot be made: {error.strerror}.", subject=str(folder)
        ) from error
    return await asyncio.to_thread(_unused, folder / f"{safe[:40]}-{stamp}.{ending}")


def _unused(path: Path) -> Path:
    """That path, or where two reports were asked for in a second, one with a number."""
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_stem(f"{path.stem}-{number}")
    return found


def _target(path: Path) -> Path:
    real = Path(os.path.realpath(path))  # a link goes on leading to the file
    if real.exists() and not real.is_file():
        raise UsageError("This is no file, so a report cannot replace it.", subject=str(path))
    return real


def _open(path: Path) -> IO[str]:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    return os.fdopen(handle, "w", encoding="utf-8", newline="")


def _finish(file: IO[str], beside: Path, path: Path) -> None:
    file.flush()
    os.fsync(file.fileno())
    os.replace(beside, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


# -- values -----------------------------------------------------------------------------------


def digests(job: "JobView") -> tuple[str, str, str]:
    """Algorithm, and the digests of source and destination by it, "" where not known."""
    algorithm = job.spec.options.checksum
    found = []
    for text in (job.checksum_source, job.checksum_destination):
        name, colon, value = text.partition(":")
        if colon:
            algorithm = name
        found.append(value if colon else text)
    return algorithm, found[0], found[1]


def guard(job: "JobView") -> str:
    """How the source was deleted: `guarded`, `unguarded`, `kept` (a copy), or "" not yet."""
    if job.guarded is not None:
        return "guarded" if job.guarded else "unguarded"
    return "kept" if job.spec.kind is MoveKind.COPY else ""


def job_json(job: "JobView") -> dict[str, Any]:
    """One job, as every verb with `--json` prints it. What is not known is null."""
    algorithm, source, destination = digests(job)
    return {
        "job_id": job.job_id,
        "job_key": job.job_key,
        "source": str(job.spec.source),
        "destination": str(job.spec.destination),
        "state": job.state.value,
        "step": int(job.step),
        "bytes": job.spec.size,
        "checksum": {
            "algorithm": algorithm,
            "source": source or None,
            "destination": destination or None,
        },
        "evidence": job.evidence.value or None,
        "guarded": job.guarded,
        "server_copy": job.server_copied,
        "compress": job.spec.options.compress or None,
        "error": job.error or None,
    }


def job_details(job: "JobView") -> dict[str, Any]:
    """Everything about a job as JSON; what is not known is null."""
    return {
        **job_json(job),
        "jobset": job.jobset,
        "kind": job.spec.kind.value,
        "paused": job.paused,
        "attempt": job.attempt,
        "priority": job.priority,
        "from_class": job.spec.from_class,
        "to_class": job.spec.to_class,
        "stored_bytes": _stored(job),
        "bytes_done": job.bytes_done,
        "source_proof": job.source_proof.value or None,
        "created": job.created or None,
        "started": job.started or None,
        "finished": job.finished or None,
        "step_seconds": {step.name.lower(): job.step_seconds[step - 1] for step in STEPS},
        "notes": list(job.notes),
        "todo": job.error_todo or None,
    }


def _stored(job: "JobView") -> int | None:
    """The size of the copy, where that is not the object's."""
    pin = job.destination_pin
    return pin.size if job.spec.options.compress and pin is not None and pin.size >= 0 else None


def summary_json(summary: "JobsetSummary") -> dict[str, Any]:
    """The totals of a job set as JSON."""
    sums = summary.statistics
    return {
        "jobset": summary.jobset,
        "jobs": summary.jobs,
        "states": dict(summary.states),
        "attempted": sums.attempted,
        "successful": sums.successful,
        "failed": sums.failed,
        "cancelled": sums.cancelled,
        "success_rate": sums.success_rate,
        "bytes": sums.bytes,
        "bytes_of_all": summary.size,
        "evidence": dict(summary.evidence),
        "source_proofs": dict(summary.source_proofs),
        "guards": dict(summary.guards),
        "saving_per_month": sums.saving_per_month,
        "unpriced": summary.unpriced,
        "step_seconds": {step.name.lower(): sums.step_seconds[step - 1] for step in STEPS},
        "routes": [
            {
                "route": route.route,
                "attempted": route.attempted,
                "successful": route.successful,
                "failed": route.failed,
                "bytes": route.bytes,
            }
            for route in sums.routes
        ],
        "created": summary.created or None,
        "started": summary.started or None,
        "finished": summary.finished or None,
        "at": summary.at,
    }


def _job_json(job: "JobView") -> str:
    return json.dumps(job_details(job)) + "\n"


# -- CSV --------------------------------------------------------------------------------------


def cell(text: str) -> str:
    r"""A string as the text of a CSV cell that no spreadsheet computes and no terminal obeys.

    Characters that do not print, and the backslash, are written as in JSON (`\u001b`, `\\`), so
    a row is one line. Then, what a spreadsheet would take for a formula (it begins with = + - @,
    in full width too) gets a `'` in front, and so does what begins with `'` itself. To read it
    back: drop one leading `'`, then undo the JSON escapes. Tabs and carriage returns, which
    spreadsheets drop to find a formula behind them, are escaped in any place.
    """
    if not (text.isascii() and text.isprintable() and "\\" not in text):
        text = "".join(_escaped(text))
    return f"'{text}" if text.startswith(("'", *_FORMULA)) else text


def _escaped(text: str) -> Iterator[str]:
    for char in text:
        if char == "\\":
            yield "\\\\"
        elif char.isprintable():
            yield char
        else:
            yield json.dumps(char)[1:-1] if ord(char) > 0x7F else f"\\u{ord(char):04x}"


def row(cells: Iterable[str | int | float]) -> str:
    quoted = (
        '"{}"'.format(cell(item).replace('"', '""')) if isinstance(item, str) else str(item)
        for item in cells
    )
    return ",".join(quoted) + "\r\n"


def _job_row(job: "JobView") -> str:
    spec = job.spec
    algorithm, source, destination = digests(job)
    return row(
        (
            job.job_id,
            job.job_key,
            job.jobset,
            spec.kind.value,
            job.state.value,
            "yes" if job.paused else "no",
            int(job.step),
            job.attempt,
            str(spec.source),
            str(spec.destination),
            spec.size,
            spec.from_class,
            spec.to_class,
            # With the algorithm in front no spreadsheet takes a digest for a number.
            f"{algorithm}:{source}" if source else "",
            f"{algorithm}:{destination}" if destination else "",
            job.evidence.value,
            job.source_proof.value,
            guard(job),
            job.error,
            job.error_todo,
            "\n".join(job.notes),
            *(_utc(getattr(job, name)) for name in _TIMES),
            *(round(seconds, 6) for seconds in job.step_seconds),
        )
    )


def _utc(when: float) -> str:
    """ISO 8601 in UTC with milliseconds, "" for not yet."""
    if not when:
        return ""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when))
    return f"{whole}.{int(when * 1000) % 1000:03d}Z"
