"""The messages on Kafka: what is understood, and what Astra says.

Values are JSON in UTF-8. `parse_access` and `parse_job` raise BadMessage with a one-line
reason, and nothing else, whatever the bytes are. Keys are the address (access_events,
recommendations) or the job key (migration_status), so one object's messages stay in order.
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from engine.events import fields
from engine.events.fields import MAX_BYTES, MAX_COUNT, MAX_KEY, AccessEvent, reject, shown
from engine.events.foreign import cloud_event, s3_notification
from engine.events.places import Places
from engine.model import (
    CHECKSUMS,
    RESTORE_SPEEDS,
    Address,
    Decision,
    Evidence,
    JobView,
    MoveKind,
    MoveOptions,
    Tier,
    parse_compress,
)

__all__ = [
    "AccessEvent",
    "JobRequest",
    "access_message",
    "job_request_message",
    "parse_access",
    "parse_job",
    "recommendation_message",
    "status_message",
]

T = TypeVar("T")

# The field's name in our own schema first, then what the prototypes and others call it.
_KEYS = ("key", "object", "object_key", "object_name", "file_id", "file", "file_name",
         "filename", "file_path", "path", "dataset", "dataset_id", "name")  # fmt: skip
_CLOUDS = ("cloud", "provider", "cloud_provider", "location")
_BUCKETS = ("bucket", "bucket_name", "container")
_OPERATIONS = ("operation", "event", "event_type", "access_type", "action", "type", "op")
_TIMES = ("time", "timestamp", "event_time", "eventTime", "ts")
_COUNTS = ("count", "access_count", "accesses")
_BYTES = ("bytes", "bytes_read", "bytes_sent")
_ACTORS = ("actor", "user", "user_id")
_OURS = frozenset({"address", "operation", "time", "count", "bytes", "actor"})


def parse_access(
    value: bytes | None, *, stamp: float, now: float, places: Places
) -> list[AccessEvent]:
    """The accesses that a message on `access_events` tells of, at least one.

    `stamp` is Kafka's time of the message (epoch seconds), used where it carries none, and
    `now` the time against which the future is judged.
    """
    data = fields.decode(value)
    if "address" in data:
        return [_direct(data, stamp, now, places)]
    if "Records" in data:
        return s3_notification(data, stamp, now, places)
    if "specversion" in data:
        return cloud_event(data, stamp, now, places, partial(_inside, now=now, places=places))
    return [_direct(data, stamp, now, places)]


def _inside(data: dict[str, Any], stamp: float, now: float, places: Places) -> list[AccessEvent]:
    if "Records" in data:
        return s3_notification(data, stamp, now, places)
    return [_direct(data, stamp, now, places)]


def _direct(data: dict[str, Any], stamp: float, now: float, places: Places) -> AccessEvent:
    """One access in our own schema, or in the loose one of the prototypes."""
    get = data.get
    address = get("address")
    if address is not None:
        cloud, bucket, key = places.address(address)
    else:
        cloud, bucket, key = _place(data, places)
    if data.keys() <= _OURS:  # by far the most, and looking for other names takes time
        word, given, count = get("operation"), get("time"), get("count")
        nbytes, actor = get("bytes"), get("actor")
    else:
        word, given, count = _first(data, _OPERATIONS), _first(data, _TIMES), _first(data, _COUNTS)
        nbytes, actor = _first(data, _BYTES), _first(data, _ACTORS)
    operation = fields.operation(word)
    when = fields.moment(stamp if given is None else given, now)
    return AccessEvent(
        cloud,
        bucket,
        key,
        operation,
        when,
        1 if count is None else fields.number(count, "count", 1, MAX_COUNT),
        0 if nbytes is None else fields.number(nbytes, "bytes", 0, MAX_BYTES),
        "" if actor is None else fields.text(actor, "actor", 256),
    )


def _place(data: dict[str, Any], places: Places) -> tuple[str, str, str]:
    named = _first(data, _KEYS)
    if named is None:
        reject("it names no object (address, or cloud, bucket and key)")
    key = fields.text(named, "the key", MAX_KEY)
    given = _first(data, _CLOUDS)
    bucket = _first(data, _BUCKETS)
    if given is None and bucket is None:
        return places.address(key)
    if given is None:
        bucket = fields.text(bucket, "the bucket", 255)
        return places.of_bucket(bucket), bucket, key
    cloud = places.named(given)
    if bucket is None:
        return cloud, places.default_bucket(cloud), key
    return cloud, fields.text(bucket, "the bucket", 255), key


def _first(data: dict[str, Any], names: Iterable[str]) -> object:
    """The first of these fields that is there."""
    for name in names:
        value: object = data.get(name)
        if value is not None:
            return value
    return None


def access_message(
    address: Address,
    *,
    operation: str = "GET",
    count: int = 1,
    when: float,
    nbytes: int = 0,
    actor: str = "",
) -> dict[str, Any]:
    """An access event in our own schema; `when` in epoch seconds."""
    message: dict[str, Any] = {"address": str(address), "operation": operation, "time": when}
    if count != 1:
        message["count"] = count
    if nbytes:
        message["bytes"] = nbytes
    if actor:
        message["actor"] = actor
    return message


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A migration that another program asks for on `migration_jobs`.

    Source and destination may be keys or prefixes. The same request always has the same
    `request_key`, so that a message delivered twice starts nothing twice.
    """

    source: Address
    destination: Address
    kind: MoveKind = MoveKind.MOVE
    tier: Tier | None = None
    storage_class: str = ""
    options: MoveOptions = field(default_factory=MoveOptions)
    request_key: str = ""
    actor: str = ""


_JOB_FIELDS = frozenset(
    {"source", "destination", "kind", "tier", "storage_class", "options", "request_key", "actor"}
)
_FLAGS = ("overwrite", "strict", "server_copy")
_OPTION_FIELDS = frozenset(
    {"checksum", "verify", "max_attempts", "restore_speed", "restore_days", "compress", *_FLAGS}
)


def parse_job(value: bytes | None, *, places: Places) -> JobRequest:
    """The request that a message on `migration_jobs` makes.

    A field that is not known rejects the message: a misspelt `kind` must not move what should
    have been copied.
    """
    data = fields.decode(value)
    _only(data, _JOB_FIELDS, "field")
    source = _job_address(data.get("source"), "source", places)
    kind = _one_of(MoveKind, data.get("kind", MoveKind.MOVE), "kind")
    if "destination" in data:
        destination = _job_address(data["destination"], "destination", places)
    elif kind is MoveKind.TIER:
        destination = source
    else:
        reject("it names no destination")
    tier = _one_of(Tier, data["tier"], "tier") if "tier" in data else None
    storage_class = ""
    if "storage_class" in data:
        storage_class = fields.text(data["storage_class"], "storage_class", 255)
    if kind is MoveKind.TIER and not tier and not storage_class:
        reject("a change of tier needs tier or storage_class")
    options = _options(fields.mapping(data.get("options", {}), "options"))
    if kind is MoveKind.TIER and options.compress:
        reject("a change of tier compresses nothing")
    actor = fields.text(data["actor"], "actor", 256) if "actor" in data else ""
    parts = (source, destination, kind, tier or "", storage_class, options)
    request_key = (
        fields.text(data["request_key"], "request_key", 200)
        if "request_key" in data
        else hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]
    )
    return JobRequest(source, destination, kind, tier, storage_class, options, request_key, actor)


def _options(data: dict[str, Any]) -> MoveOptions:
    _only(data, _OPTION_FIELDS, "option")
    given: dict[str, Any] = {}
    if "checksum" in data:
        checksum = given["checksum"] = fields.text(data["checksum"], "checksum", 32)
        if checksum not in CHECKSUMS:
            reject(f"checksum is {shown(checksum)}, not one of {', '.join(CHECKSUMS)}")
    if "verify" in data:
        given["verify"] = _one_of(Evidence, data["verify"], "verify")
        if given["verify"] is Evidence.NONE:
            reject("verify cannot be left out; use reread or attested")
    for name in _FLAGS:
        if name in data:
            if type(data[name]) is not bool:
                reject(f"{name} is {shown(data[name])}, not true or false")
            given[name] = data[name]
    if "max_attempts" in data:
        given["max_attempts"] = fields.number(data["max_attempts"], "max_attempts", 1, 100)
    if "restore_days" in data:
        given["restore_days"] = fields.number(data["restore_days"], "restore_days", 1, 365)
    if "restore_speed" in data:
        speed = given["restore_speed"] = fields.text(data["restore_speed"], "restore_speed", 16)
        if speed not in RESTORE_SPEEDS:
            reject(f"restore_speed is {shown(speed)}, not one of {', '.join(RESTORE_SPEEDS)}")
    if "compress" in data:
        try:
            given["compress"] = parse_compress(fields.text(data["compress"], "compress", 16))
        except ValueError as error:
            reject(str(error))
    return MoveOptions(**given)


def _job_address(value: object, name: str, places: Places) -> Address:
    whole = fields.text(value, name, 64 + 256 + MAX_KEY)
    try:
        address = Address.parse(whole)
    except ValueError:
        reject(f"{name} {shown(whole)} is no address; write cloud:bucket/key")
    places.check(address.cloud)
    return address


def _only(data: dict[str, Any], known: frozenset[str], what: str) -> None:
    for name in data:
        if name not in known:
            reject(f"the {what} {shown(name)} is not known")


def _one_of(kind: type[T], value: object, name: str) -> T:
    try:
        return kind(value)  # type: ignore[call-arg]
    except ValueError:
        reject(f"{name} {shown(value)} is not known")


def job_request_message(request: JobRequest) -> dict[str, Any]:
    """The message that `parse_job` reads as this request."""
    options = request.options
    message: dict[str, Any] = {
        "source": str(request.source),
        "destination": str(request.destination),
        "kind": request.kind.value,
        "options": {
            "checksum": options.checksum,
            "verify": options.verify.value,
            "overwrite": options.overwrite,
            "strict": options.strict,
            **({"max_attempts": options.max_attempts} if options.max_attempts else {}),
            "server_copy": options.server_copy,
        },
    }
    for name in ("restore_speed", "restore_days", "compress"):
        if getattr(options, name):
            message["options"][name] = getattr(options, name)
    if request.tier is not None:
        message["tier"] = request.tier.value
    for name in ("storage_class", "request_key", "actor"):
        if getattr(request, name):
            message[name] = getattr(request, name)
    return message


def status_message(view: JobView, now: float) -> dict[str, Any]:
    """A job as `migration_status` tells of it, with key `view.job_key`."""
    return {
        "job_id": view.job_id,
        "job_key": view.job_key,
        "jobset": view.jobset,
        "source": str(view.spec.source),
        "destination": str(view.spec.destination),
        "kind": view.spec.kind.value,
        "state": view.state.value,
        "step": view.step.name.lower(),
        "paused": view.paused,
        "attempt": view.attempt,
        "size": view.spec.size,
        "bytes": view.bytes_done,
        "checksum": {
            "algorithm": view.spec.options.checksum,
            "source": view.checksum_source,
            "destination": view.checksum_destination,
        },
        "evidence": view.evidence.value,
        "guarded": view.guarded,
        "error": view.error,
        "time": _finite(now),
    }


def recommendation_message(decision: Decision) -> dict[str, Any]:
    """A decision as `recommendations` tells of it, with the address as key."""
    return {
        "address": str(decision.address),
        "from_class": decision.from_class,
        "to_class": decision.to_class,
        "to_cloud": decision.to_cloud or decision.address.cloud,
        "from_tier": decision.from_tier.value,
        "to_tier": decision.to_tier.value,
        "reason": decision.reason,
        "saving_per_month": _amount(decision.saving_per_month),
        "expected_saving_per_month": _amount(decision.expected_saving),
        "reads_30d": _amount(decision.reads_30d),
        "policy": decision.policy,
        "policy_version": decision.policy_version,
        "model_version": decision.model_version or None,
        "assumption": decision.assumption,
        "confidence": _finite(decision.confidence),
        "time": _finite(decision.decided_at),
    }


def _amount(value: float | None) -> float | None:
    return None if value is None else _finite(value)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
