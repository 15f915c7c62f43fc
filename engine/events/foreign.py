"""Access events in the words of others: S3 notifications and CloudEvents.

Sources: the "Event message structure" page of the S3 user guide; MinIO's and Ceph's bucket
notification pages; CloudEvents 1.0 (JSON format, structured mode); the event types of Google
Cloud Storage and of Azure Event Grid.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

from engine.events.fields import (
    MAX_BYTES,
    MAX_KEY,
    AccessEvent,
    mapping,
    moment,
    reject,
    shown,
    text,
)
from engine.events.places import Places
from engine.model import StoreKind

_MAX_RECORDS = 10_000

# The first part of an S3 event name. What is no access is told apart from what is unknown.
_S3_EVENTS = {
    "ObjectAccessed": "GET",
    "ObjectCreated": "PUT",
    "ObjectRemoved": "DELETE",
    "ObjectSynced": "PUT",
    "LifecycleExpiration": "DELETE",
    "ObjectLifecycle": "DELETE",
    "ObjectRestore": "HEAD",
    "ObjectTagging": "HEAD",
    "ObjectAcl": "HEAD",
    "LifecycleTransition": "HEAD",
    "Replication": "HEAD",
    "IntelligentTiering": "HEAD",
    "Scanner": "HEAD",
}
_GCS_PREFIX = "google.cloud.storage.object.v1."
_GCS_EVENTS = {
    "finalized": "PUT",
    "deleted": "DELETE",
    "archived": "DELETE",
    "metadataUpdated": "HEAD",
}
_AZURE_PREFIX = "Microsoft.Storage."
_AZURE_EVENTS = {
    "BlobCreated": "PUT",
    "BlobDeleted": "DELETE",
    "BlobTierChanged": "HEAD",
    "BlobRenamed": "PUT",
}


def s3_notification(
    data: dict[str, Any], stamp: float, now: float, places: Places
) -> list[AccessEvent]:
    """Every record of an S3 event notification, as AWS, MinIO, Ceph and others publish it.

    One record that cannot be read rejects the whole message: half of it would be a lie.
    """
    records = data["Records"]
    if type(records) is not list or not records:
        reject("Records is no list, or an empty one")
    if len(records) > _MAX_RECORDS:
        reject(f"too many records in one message ({len(records):,})")
    return [_s3_record(record, stamp, now, places) for record in records]


def _s3_record(value: object, stamp: float, now: float, places: Places) -> AccessEvent:
    record = mapping(value, "a record")
    operation = _s3_operation(record.get("eventName"))
    s3 = mapping(record.get("s3"), "s3")
    bucket = text(mapping(s3.get("bucket"), "s3.bucket").get("name"), "s3.bucket.name", 255)
    item = mapping(s3.get("object"), "s3.object")
    key = text(item.get("key"), "s3.object.key", 3 * MAX_KEY)
    # Ceph sends keys as they are; AWS, MinIO and the others encode them like a query string.
    if record.get("eventSource") != "ceph:s3":
        try:
            key = unquote_plus(key, errors="strict")
        except UnicodeDecodeError:
            reject("s3.object.key is not UTF-8 once decoded")
    key = text(key, "s3.object.key", MAX_KEY)
    cloud = places.of_bucket(
        bucket,
        StoreKind.S3,
        region=_optional(record.get("awsRegion")),
        endpoint=_optional(_get(record, "responseElements", "x-minio-origin-endpoint")),
    )
    given = record.get("eventTime")
    when = moment(stamp if given is None else given, now)
    actor = _optional(_get(record, "userIdentity", "principalId"))
    nbytes = _size(item.get("size")) if operation == "GET" else 0
    return AccessEvent(cloud, bucket, key, operation, when, 1, nbytes, actor)


def _s3_operation(name: object) -> str:
    if type(name) is not str:
        reject("a record has no eventName")
    kind, _, detail = name.removeprefix("s3:").partition(":")
    if kind == "ObjectAccessed" and detail == "Head":
        return "HEAD"
    operation = _S3_EVENTS.get(kind)
    if operation is None:
        reject(f"the S3 event {shown(name)} is not known")
    return operation


def cloud_event(
    data: dict[str, Any],
    stamp: float,
    now: float,
    places: Places,
    inner: Callable[[dict[str, Any], float], list[AccessEvent]],
) -> list[AccessEvent]:
    """A CloudEvent in structured mode: of Google Cloud Storage, of Azure Event Grid, or around
    a message that `inner` understands (called with the content and its time)."""
    kind = text(data.get("type"), "the CloudEvent's type")
    given = data.get("time")
    when = moment(stamp if given is None else given, now)
    if kind.startswith(_GCS_PREFIX):
        operation = _GCS_EVENTS.get(kind.removeprefix(_GCS_PREFIX))
        bucket = _after(data.get("source"), "/buckets/", "source").partition("/")[0]
        key = _after(data.get("subject"), "objects/", "subject")
        cloud = places.of_bucket(text(bucket, "the bucket", 255), StoreKind.GCS)
    elif kind.startswith(_AZURE_PREFIX):
        operation = _AZURE_EVENTS.get(kind.removeprefix(_AZURE_PREFIX))
        bucket, _, key = _after(data.get("subject"), "/containers/", "subject").partition("/blobs/")
        cloud = places.of_bucket(text(bucket, "the container", 255), StoreKind.AZURE)
    else:
        if "data" not in data:
            reject("the CloudEvent has no data that can be read")
        content = dict(mapping(data["data"], "the CloudEvent's data"))
        if "specversion" in content:
            reject("a CloudEvent inside a CloudEvent")
        if "s3" in content:  # Ceph and Knative put a single S3 record into data
            return inner({"Records": [content]}, when)
        if "operation" not in content and "event" not in content:
            content["operation"] = kind.rpartition(".")[2]
        return inner(content, when)
    if operation is None:
        reject(f"the event type {shown(kind)} is not known")
    return [AccessEvent(cloud, bucket, text(key, "the key", MAX_KEY), operation, when)]


def _after(value: object, mark: str, name: str) -> str:
    whole = text(value, f"the CloudEvent's {name}", 2 * MAX_KEY)
    _, found, rest = whole.partition(mark)
    if not found:
        reject(f"the CloudEvent's {name} {shown(whole)} does not contain {mark}")
    return rest


def _get(record: dict[str, Any], outer: str, name: str) -> object:
    inside = record.get(outer)
    return inside.get(name) if type(inside) is dict else None


def _optional(value: object) -> str:
    """What may be left out or be anything; only a short text counts."""
    return value if type(value) is str and len(value) <= 255 else ""


def _size(value: object) -> int:
    if type(value) is str and value.isascii() and value.isdigit() and len(value) < 16:
        value = int(value)
    return value if type(value) is int and 0 <= value <= MAX_BYTES else 0
