"""The operations of the scripted GCS server, as functions of state and request.

Conditions are honoured and checksums compared as Google does, unless a quirk says otherwise.
"""

import gzip
import json
import re
import urllib.parse
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.fake_gcs_state import Fields, GCSBucket, GCSObject, GCSState
from tests.fake_s3_wire import Answer, Request

_KEPT = ("contentType", "contentEncoding", "contentLanguage", "contentDisposition")
_FIELDS = (*_KEPT, "cacheControl", "metadata", "customTime")


@dataclass(frozen=True, slots=True)
class GCSQuirks:
    """In what the server differs from Google Cloud Storage."""

    ignores_conditions: frozenset[str] = frozenset()  # of upload, delete, compose, rewrite
    accepts_wrong_checksums: bool = False
    read_only: bool = False
    keeps_sources: bool = False  # composing deletes none, whatever it is asked
    keeps_class: bool = False  # a rewrite leaves the class as it was
    composes_standard: bool = False  # a composed object is in STANDARD, whatever was asked
    own_class: bool = False  # every object is in STANDARD, as with Autoclass
    no_generation_header: bool = False
    transcodes: bool = False  # decompresses gzip, whatever the client accepts
    page: int = 1000
    rewrite_step: int = 0  # bytes that one rewrite call copies, 0 all
    tokens: frozenset[str] = frozenset()  # the only access tokens that are taken


@dataclass(slots=True)
class GCSRequest(Request):
    """`action` is what follows the object's name; `resource` the JSON of the body, `media` the
    bytes of an upload."""

    segments: list[str] = field(default_factory=list)
    action: str = ""
    resource: Fields = field(default_factory=dict)
    media: bytes = b""

    @classmethod
    def read(cls, method: str, target: str, headers: dict[str, str], body: bytes) -> "GCSRequest":
        """Parse; names are one segment of the path, as the API wants them."""
        path, _, query = target.partition("?")
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        values = {_text(name): _text(value) for name, _, value in pairs}
        segments = [_text(part) for part in path.split("/")[1:]]
        made = cls(method, target, "", "", values, headers, body, segments)
        upload = segments[:1] == ["upload"]
        rest = segments[1:] if upload else segments
        if rest[:3] != ["storage", "v1", "b"]:
            return made
        made.bucket = rest[3] if len(rest) > 3 else ""
        made.key = rest[5] if len(rest) > 5 else ""
        made.action = rest[6] if len(rest) > 6 else ""
        if upload:
            made.action = "upload"
            made.resource, made.media = _related(headers.get("content-type", ""), body)
            made.key = str(made.resource.get("name", ""))
        elif body:
            made.resource = json.loads(body)
        return made


def handle(state: GCSState, quirks: GCSQuirks, request: GCSRequest) -> Answer:
    """Carry one request out."""
    with state.lock:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if quirks.tokens and token not in quirks.tokens:
            return error(401, "authError", "Invalid Credentials")
        if quirks.read_only and request.method not in ("GET", "HEAD"):
            return error(403, "forbidden")
        if not request.bucket:
            return _buckets(state, request)
        if request.bucket not in state.buckets:
            return error(404, "notFound", "The specified bucket does not exist.")
        if request.action == "upload":
            return _upload(state, quirks, request)
        if not request.key:
            return _bucket(state, quirks, request)
        if request.action == "compose":
            return _compose(state, quirks, request)
        if request.action == "rewriteTo":
            return _rewrite(state, quirks, request)
        if request.action or len(request.segments) > 6:
            return error(404, "notFound", "Not Found")
        return (
            _delete(state, quirks, request)
            if request.method == "DELETE"
            else _get(state, quirks, request)
        )


def error(status: int, reason: str, message: str = "said so by the script") -> Answer:
    """An error answer as the JSON API gives it."""
    item = {"domain": "global", "reason": reason, "message": message}
    return reply({"error": {"code": status, "message": message, "errors": [item]}}, status)


def reply(value: Any, status: int = 200) -> Answer:
    headers = {"content-type": "application/json; charset=UTF-8"}
    return Answer(status, json.dumps(value).encode(), headers)


def _buckets(state: GCSState, request: GCSRequest) -> Answer:
    if request.method == "POST":
        name = request.resource["name"]
        if name in state.buckets:
            return error(409, "conflict", "You already own this bucket.")
        state.buckets[name] = GCSBucket()
        return reply({"kind": "storage#bucket", "name": name})
    items = [{"kind": "storage#bucket", "name": name} for name in sorted(state.buckets)]
    return reply({"kind": "storage#buckets", "items": items})


def _bucket(state: GCSState, quirks: GCSQuirks, request: GCSRequest) -> Answer:
    here = state.buckets[request.bucket]
    if len(request.segments) == 4:
        found: Fields = {"kind": "storage#bucket", "name": request.bucket}
        if here.retained:
            found["retentionPolicy"] = {"retentionPeriod": "60"}
        return reply(found)
    prefix, after = request.query.get("prefix", ""), request.query.get("pageToken", "")
    objects = list(here.live.values())
    if request.query.get("versions") == "true":
        objects += here.noncurrent
    found_at = [item for item in objects if item.name.startswith(prefix)]
    found_at.sort(key=_order)
    if after:
        found_at = [item for item in found_at if _token(item) > after]
    limit = min(int(request.query.get("maxResults", "1000")), quirks.page)
    page: Fields = {"kind": "storage#objects"}
    if found_at[:limit]:
        page["items"] = [_listed(here, request.bucket, item) for item in found_at[:limit]]
    if len(found_at) > limit:
        page["nextPageToken"] = _token(found_at[limit - 1])
    return reply(page)


def _listed(here: GCSBucket, bucket: str, item: GCSObject) -> Fields:
    gone = {"timeDeleted": "2026-01-01T00:00:00Z"} if item in here.noncurrent else {}
    return {**item.resource(bucket), **gone}


def _get(state: GCSState, quirks: GCSQuirks, request: GCSRequest) -> Answer:
    item = state.find(request.bucket, request.key, request.query.get("generation", ""))
    if item is None:
        return _no_object(request)
    if not _holds(request.query, item):
        return _unmet()
    if request.query.get("alt") != "media":
        return reply(item.resource(request.bucket))
    return _media(quirks, request, item)


def _media(quirks: GCSQuirks, request: GCSRequest, item: GCSObject) -> Answer:
    resource = item.resource(request.bucket)
    stored = str(resource.get("contentEncoding") or "identity")
    answer = Answer(200, item.body)
    answer.headers = {
        "x-goog-generation": str(item.generation),
        "x-goog-metageneration": str(item.metageneration),
        "x-goog-stored-content-encoding": stored,
        "x-goog-stored-content-length": str(len(item.body)),
        "x-goog-hash": f"crc32c={resource['crc32c']}",
        "x-goog-storage-class": item.storage_class,
    }
    if quirks.no_generation_header:
        del answer.headers["x-goog-generation"]
    accepts = "gzip" in request.headers.get("accept-encoding", "") and not quirks.transcodes
    if stored == "gzip" and not accepts:
        answer.body = gzip.decompress(item.body)
        answer.headers["warning"] = "214 UploadServer gunzipped"
        return answer  # Google then ignores ranges, too
    if stored != "identity":
        answer.headers["content-encoding"] = stored
    span = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if span:
        start, end = int(span[1]), int(span[2] or len(item.body) - 1)
        if start >= len(item.body):
            return error(416, "requestedRangeNotSatisfiable")
        end = min(end, len(item.body) - 1)
        answer.status, answer.body = 206, item.body[start : end + 1]
        answer.headers["content-range"] = f"bytes {start}-{end}/{len(item.body)}"
    return answer


def _upload(state: GCSState, quirks: GCSQuirks, request: GCSRequest) -> Answer:
    current = state.get(request.bucket, request.key)
    if "upload" not in quirks.ignores_conditions and not _holds(request.query, current):
        return _unmet()
    if current is not None and current.held:
        return error(403, "objectUnderActiveHold", "Object is under active Temporary hold.")
    probe = GCSObject(request.key, request.media, 0, 0.0, 0.0).resource(request.bucket)
    for name, shown in (("crc32c", "CRC32C"), ("md5Hash", "MD5 hash")):
        told = request.resource.get(name)
        if told and told != probe[name] and not quirks.accepts_wrong_checksums:
            right = probe[name]
            message = f'Provided {shown} "{told}" doesn\'t match calculated {shown} "{right}".'
            return error(400, "invalid", message)
    wanted = dict(request.resource)
    if quirks.own_class:
        wanted.pop("storageClass", None)
    return reply(_made(state, request.bucket, request.key, request.media, wanted))


def _compose(state: GCSState, quirks: GCSQuirks, request: GCSRequest) -> Answer:
    if "compose" not in quirks.ignores_conditions and not _holds(
        request.query, state.get(request.bucket, request.key)
    ):
        return _unmet()
    sources = request.resource["sourceObjects"]
    if not 1 <= len(sources) <= 32:
        return error(400, "invalid", "The number of source components must be 1 to 32.")
    items = []
    for source in sources:
        item = state.find(request.bucket, source["name"], str(source.get("generation", "")))
        if item is None:
            return error(404, "notFound", f"No such object: {request.bucket}/{source['name']}")
        if not _holds(source.get("objectPreconditions", {}), item):
            return _unmet()
        items.append(item)
    body = b"".join(item.body for item in items)
    wanted = dict(request.resource.get("destination", {}))
    if quirks.composes_standard or quirks.own_class:
        wanted.pop("storageClass", None)
    made = _made(state, request.bucket, request.key, body, wanted, composed=True)
    if request.resource.get("deleteSourceObjects") and not quirks.keeps_sources:
        for item in items:
            if item.name != request.key:
                state.delete(request.bucket, item.name, str(item.generation))
    return reply(made)


def _rewrite(state: GCSState, quirks: GCSQuirks, request: GCSRequest) -> Answer:
    bucket, key = request.segments[8], request.segments[10]
    item = state.find(request.bucket, request.key, request.query.get("sourceGeneration", ""))
    if item is None:
        return _no_object(request)
    if bucket not in state.buckets:
        return error(404, "notFound", "The specified bucket does not exist.")
    if "rewrite" not in quirks.ignores_conditions:
        source = {
            name.replace("ifSource", "if"): value
            for name, value in request.query.items()
            if name.startswith("ifSource")
        }
        if not _holds(source, item) or not _holds(request.query, state.get(bucket, key)):
            return _unmet()
    size, step = len(item.body), quirks.rewrite_step or len(item.body)
    done = state.rewrites.pop(request.query.get("rewriteToken", ""), 0) + step
    if done < size:
        token = uuid4().hex
        state.rewrites[token] = done
        return reply(
            {
                "kind": "storage#rewriteResponse",
                "done": False,
                "totalBytesRewritten": str(done),
                "objectSize": str(size),
                "rewriteToken": token,
            }
        )
    wanted = dict(request.resource) or {**item.given, "storageClass": item.storage_class}
    if quirks.keeps_class or quirks.own_class:
        wanted["storageClass"] = item.storage_class
    made = _made(state, bucket, key, item.body, wanted, composed=item.composed)
    return reply({"kind": "storage#rewriteResponse", "done": True, "resource": made})


def _delete(state: GCSState, quirks: GCSQuirks, request: GCSRequest) -> Answer:
    generation = request.query.get("generation", "")
    ignores = "delete" in quirks.ignores_conditions
    item = state.find(request.bucket, request.key, "" if ignores else generation)
    if item is None:
        return _no_object(request)
    if not ignores and not _holds(request.query, item):
        return _unmet()
    if item.held:
        return error(403, "objectUnderActiveHold", "Object is under active Temporary hold.")
    state.delete(request.bucket, request.key, str(item.generation) if generation else "")
    return Answer(204)


def _made(
    state: GCSState, bucket: str, key: str, body: bytes, wanted: Fields, *, composed: bool = False
) -> Fields:
    fields = {name: wanted[name] for name in _FIELDS if wanted.get(name)}
    storage_class = str(wanted.get("storageClass") or "STANDARD")
    made = state.put(bucket, key, body, storage_class=storage_class, composed=composed, **fields)
    return made.resource(bucket)


def _holds(conditions: Fields, item: GCSObject | None) -> bool:
    wanted = str(conditions.get("ifGenerationMatch", ""))
    if wanted and wanted != str(item.generation if item else 0):
        return False
    wanted = str(conditions.get("ifMetagenerationMatch", ""))
    return not wanted or (item is not None and wanted == str(item.metageneration))


def _unmet() -> Answer:
    return error(
        412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold."
    )


def _no_object(request: GCSRequest) -> Answer:
    return error(404, "notFound", f"No such object: {request.bucket}/{request.key}")


def _related(kind: str, body: bytes) -> tuple[Fields, bytes]:
    """Resource and bytes of a multipart/related body."""
    match = re.search(r"boundary=([0-9A-Za-z]+)", kind)
    if not match:
        raise ValueError("an upload of one kind only is understood")
    mark = b"--" + match[1].encode()
    _, first, rest = body.split(mark, 2)
    media, _, end = rest.rpartition(b"\r\n" + mark)
    if end.strip() != b"--":
        raise ValueError("the upload does not end")
    found: Fields = json.loads(first.partition(b"\r\n\r\n")[2])
    return found, media.partition(b"\r\n\r\n")[2]


def _order(item: GCSObject) -> tuple[bytes, int]:
    return item.name.encode(), item.generation


def _token(item: GCSObject) -> str:
    return f"{item.name.encode().hex()}.{item.generation:020d}"


def _text(raw: str) -> str:
    return urllib.parse.unquote(raw, errors="strict")
