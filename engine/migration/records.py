"""One job as the ledger keeps it: a mutable record, its columns, and the job's identity."""

import functools
import hashlib
import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from engine.model import (
    FINAL_STATES,
    Address,
    Evidence,
    JobSpec,
    JobState,
    JobView,
    MoveKind,
    MoveOptions,
    SourceProof,
    Step,
    VersionPin,
)

_quoted = json.encoder.encode_basestring_ascii  # a text as JSON
_NO_SECONDS = "[0,0,0,0,0]"

Details = dict[str, Any]
Seconds = tuple[float, float, float, float, float]


class Effect(StrEnum):
    """What a job may do to a store: written down as an intent before it is sent."""

    WRITE = "write"
    BEGIN_UPLOAD = "begin_upload"
    COMPLETE = "complete"
    DELETE = "delete"
    SET_CLASS = "set_class"
    RESTORE = "restore"
    PROBE = "probe"
    ROLLBACK = "rollback"


class Outcome(StrEnum):
    """How an intent ended. An intent without an outcome may or may not have had its effect."""

    DONE = "done"
    REFUSED = "refused"  # the store said no: there was no effect
    UNMATCHED = "unmatched"  # the condition did not hold, or nothing was sent
    SUPERSEDED = "superseded"  # found out later, by looking at the stores


class PartRecord(NamedTuple):
    """A finished part of an upload; `crc32c` of the bytes that were sent, hex."""

    number: int
    etag: str
    size: int
    md5: str
    crc32c: str


@dataclass(slots=True)
class JobRecord:
    """A row of the ledger. `source_pin` is the version being moved, `wrote` whether the
    object under `destination_pin` is ours, `digests` those of the first pass."""

    seq: int
    job_id: str
    job_key: str
    jobset: str
    spec: JobSpec
    saving: float = 0.0
    state: JobState = JobState.QUEUED
    step: Step = Step.NONE
    paused: bool = False
    attempt: int = 0
    size: int = 0  # of the version being moved; the spec's until that is known
    error: str = ""
    error_todo: str = ""
    retry_at: float = 0.0
    created: float = 0.0
    started: float = 0.0
    finished: float = 0.0
    checksum_source: str = ""
    checksum_destination: str = ""
    evidence: Evidence = Evidence.NONE
    source_proof: SourceProof = SourceProof.NONE
    guarded: bool | None = None
    source_pin: VersionPin | None = None
    destination_pin: VersionPin | None = None
    wrote: bool = False
    upload_id: str = ""
    part_size: int = 0
    digests: dict[str, str] = field(default_factory=dict)
    verified: bool = False
    step_seconds: Seconds = (0.0, 0.0, 0.0, 0.0, 0.0)
    notes: tuple[str, ...] = ()
    priority: int = 0  # higher first
    excused: int = 0  # tries that a store spoilt which was away or asked to slow down
    intents: dict[Effect, Details] = field(default_factory=dict)  # open ones; not a column
    places: tuple[str, str] = ("", "")  # of source and destination; not columns

    @property
    def bucket(self) -> str:
        """Where the job is counted: its state, or `paused`."""
        return bucket_of(self.state, self.paused) if self.paused else str(self.state)

    def view(self, *, bytes_done: int = 0, rate: float = 0.0, eta: float = 0.0) -> JobView:
        """The job as the console shows it."""
        spec = self.spec
        if self.size != spec.size:
            spec = replace(spec, size=self.size)
        return JobView(
            self.job_id,
            self.job_key,
            self.jobset,
            spec,
            self.state,
            self.step,
            self.paused,
            self.attempt,
            bytes_done,
            rate,
            eta,
            self.checksum_source,
            self.checksum_destination,
            self.evidence,
            self.source_proof,
            self.guarded,
            self.destination_pin,
            self.error,
            self.error_todo,
            self.retry_at,
            self.created,
            self.started,
            self.finished,
            self.step_seconds,
            self.notes,
            self.priority,
        )


def bucket_of(state: str, paused: bool) -> str:
    """`paused` for an unfinished job that waits for `resume`, else the state."""
    return "paused" if paused and state not in FINAL_STATES else str(state)


def route_of(spec: JobSpec) -> str:
    """`aws → gcp`, or `aws` within one cloud."""
    return _route(spec.source.cloud, spec.destination.cloud)


@functools.lru_cache(maxsize=256)
def _route(source: str, destination: str) -> str:
    return source if source == destination else f"{source} → {destination}"


def job_key(spec: JobSpec) -> str:
    """A stable name for what the spec would do: 32 hex digits.

    The size, how often to try, who copies and how fast it is restored do not change the
    outcome and do not count.
    """
    options = spec.options
    identity = [
        _address(spec.source),
        _pin(spec.pin),
        _address(spec.destination),
        spec.kind.value,
        spec.to_class,
        [options.checksum, options.verify.value, options.overwrite, options.strict],
    ]
    if options.compress:  # apart, so that the keys of earlier releases stay
        identity.append(options.compress)
    return hashlib.sha256(json.dumps(identity).encode("ascii")).hexdigest()[:32]


def searchable(address: Address) -> str:
    """The address as text that any database takes, lone surrogates spelled out."""
    return spelled(str(address))


def spelled(text: str) -> str:
    """Text that any database takes, lone surrogates spelled out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


# -- columns --------------------------------------------------------------------------------


def _address(address: Address) -> list[str]:
    return [address.cloud, address.bucket, address.key]


def _pin(pin: VersionPin) -> list[Any]:
    return [pin.etag, pin.modified, pin.size, pin.version_id]


def encode_spec(spec: JobSpec) -> str:
    """The spec as JSON (ASCII only, so that any key survives)."""
    options = spec.options
    return json.dumps(
        [
            _address(spec.source),
            _address(spec.destination),
            spec.kind.value,
            spec.size,
            _pin(spec.pin),
            spec.from_class,
            spec.to_class,
            [
                options.checksum,
                options.verify.value,
                options.overwrite,
                options.strict,
                options.max_attempts,
                options.server_copy,
                options.restore_speed,
                options.restore_days,
                options.compress,
            ],
        ]
    )


def decode_spec(text: str) -> JobSpec:
    """What `encode_spec` gave."""
    source, destination, kind, size, pin, from_class, to_class, options = json.loads(text)
    return JobSpec(
        Address(*source),
        Address(*destination),
        MoveKind(kind),
        size,
        VersionPin(*pin),
        from_class,
        to_class,
        _options(*options),
    )


@functools.lru_cache(maxsize=64)
def _options(checksum: str, verify: str, *others: Any) -> MoveOptions:
    """The jobs of a set share them. A ledger of an earlier release has fewer."""
    return MoveOptions(checksum, Evidence(verify), *others)


def encode_pin(pin: VersionPin | None) -> str:
    if pin is None:
        return ""
    etag, version_id = _quoted(pin.etag), _quoted(pin.version_id)
    return f"[{etag}, {pin.modified!r}, {pin.size}, {version_id}]"


def _encode_seconds(seconds: Seconds) -> str:
    return repr(list(seconds))  # JSON, too


def _encode_digests(digests: dict[str, str]) -> str:
    return f"{{{', '.join([f'{_quoted(n)}: {_quoted(v)}' for n, v in digests.items()])}}}"


def decode_pin(text: str) -> VersionPin | None:
    return VersionPin(*json.loads(text)) if text else None


def _encode_guarded(value: bool | None) -> int | None:
    return None if value is None else int(value)


_PLAIN = None  # numbers go as they are, texts spelled out; what the others give is ASCII
ENCODERS: dict[str, Callable[[Any], Any] | None] = {
    "state": str,
    "step": int,
    "paused": int,
    "attempt": _PLAIN,
    "size": _PLAIN,
    "error": _PLAIN,
    "error_todo": _PLAIN,
    "retry_at": _PLAIN,
    "started": _PLAIN,
    "finished": _PLAIN,
    "checksum_source": _PLAIN,
    "checksum_destination": _PLAIN,
    "evidence": str,
    "source_proof": str,
    "guarded": _encode_guarded,
    "source_pin": encode_pin,
    "destination_pin": encode_pin,
    "wrote": int,
    "upload_id": _PLAIN,
    "part_size": _PLAIN,
    "digests": _encode_digests,
    "verified": int,
    "step_seconds": _encode_seconds,
    "notes": json.dumps,
    "priority": _PLAIN,
    "excused": _PLAIN,
}


def encode_column(name: str, value: Any) -> Any:
    """A field as its column. Raises KeyError for a field that never changes."""
    encode = ENCODERS[name]
    if encode is not None:
        return encode(value)
    return spelled(value) if isinstance(value, str) else value


def decode_row(row: sqlite3.Row) -> JobRecord:
    """A row of `jobs`; its open intents are to be added."""
    guarded = row["guarded"]
    text = row["step_seconds"]
    seconds = (0.0,) * 5 if text == _NO_SECONDS else json.loads(text)
    digests, notes = row["digests"], row["notes"]
    return JobRecord(
        seq=row["seq"],
        job_id=row["job_id"],
        job_key=row["job_key"],
        jobset=row["jobset"],
        spec=decode_spec(row["spec"]),
        saving=row["saving"],
        state=JobState(row["state"]),
        step=Step(row["step"]),
        paused=bool(row["paused"]),
        attempt=row["attempt"],
        size=row["size"],
        error=row["error"],
        error_todo=row["error_todo"],
        retry_at=row["retry_at"],
        created=row["created"],
        started=row["started"],
        finished=row["finished"],
        checksum_source=row["checksum_source"],
        checksum_destination=row["checksum_destination"],
        evidence=Evidence(row["evidence"]),
        source_proof=SourceProof(row["source_proof"]),
        guarded=None if guarded is None else bool(guarded),
        source_pin=decode_pin(row["source_pin"]),
        destination_pin=decode_pin(row["destination_pin"]),
        wrote=bool(row["wrote"]),
        upload_id=row["upload_id"],
        part_size=row["part_size"],
        digests={} if digests == "{}" else json.loads(digests),
        verified=bool(row["verified"]),
        step_seconds=(seconds[0], seconds[1], seconds[2], seconds[3], seconds[4]),
        notes=() if notes == "[]" else tuple(json.loads(notes)),
        priority=row["priority"],
        excused=row["excused"],
    )
