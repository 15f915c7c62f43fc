"""The S3 operations of the scripted server, as functions of state and request."""

import hashlib
import re
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from uuid import uuid4
from xml.sax.saxutils import escape

import google_crc32c

from engine.migration.digest import digest_bytes
from tests.fake_s3_state import FakeObject, FakeState, FakeUpload, base64_of, multipart_etag
from tests.fake_s3_state import plain_etag as md5_of
from tests.fake_s3_wire import Answer, Quirks, Request, error, iso, xml

_KEPT = ("content-type", "content-encoding", "content-language", "content-disposition")
_SPECIAL = ("expires", "x-amz-website-redirect-location", "x-amz-server-side-encryption")
_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")


def handle(state: FakeState, quirks: Quirks, request: Request) -> Answer:
    """Carry one request out."""
    with state.lock:
        if quirks.read_only and request.method not in ("GET", "HEAD"):
            return error(403, "AccessDenied")
        if not request.bucket:
            return _list_buckets(state)
        if not request.key:
            return _bucket(state, quirks, request)
        if request.bucket not in state.buckets:
            return error(404, "NoSuchBucket")
        operation = _OPERATIONS[request.method]
        try:
            return operation(state, quirks, request)
        finally:
            state.ignoring = False


def _list_buckets(state: FakeState) -> Answer:
    names = "".join(f"<Bucket><Name>{name}</Name></Bucket>" for name in sorted(state.buckets))
    return xml(f"<ListAllMyBucketsResult><Buckets>{names}</Buckets></ListAllMyBucketsResult>")


def _bucket(state: FakeState, quirks: Quirks, request: Request) -> Answer:
    if request.method == "PUT":
        state.buckets.setdefault(request.bucket, {})
        return Answer(200)
    if request.bucket not in state.buckets:
        return error(404, "NoSuchBucket")
    if request.method == "HEAD":
        return Answer(200)
    if "uploads" in request.query:
        return _list_uploads(state, request)
    if "versioning" in request.query:
        return xml("<VersioningConfiguration/>")
    return _list_objects(state, quirks, request)


def _list_objects(state: FakeState, quirks: Quirks, request: Request) -> Answer:
    prefix = request.query.get("prefix", "")
    after = bytes.fromhex(request.query.get("continuation-token", ""))
    limit = min(int(request.query.get("max-keys", "1000")), quirks.page)
    objects = state.buckets[request.bucket]
    keys = sorted((key for key in objects if key.startswith(prefix)), key=_bytes)
    keys = [key for key in keys if _bytes(key) > after]
    rows = []
    for key in keys[:limit]:
        item = objects[key]
        rows.append(
            f"<Contents><Key>{_listed(request, key)}</Key><Size>{len(item.body)}</Size>"
            f"<LastModified>{iso(item.modified)}</LastModified>"
            f"<ETag>&quot;{item.etag}&quot;</ETag>"
            f"<StorageClass>{item.storage_class}</StorageClass></Contents>"
        )
    more = len(keys) > limit
    token = _bytes(keys[limit - 1]).hex() if more else ""
    return xml(
        f"<ListBucketResult>{_encoding(request)}<IsTruncated>{str(more).lower()}</IsTruncated>{''.join(rows)}"
        f"<NextContinuationToken>{token}</NextContinuationToken></ListBucketResult>"
    )


def _list_uploads(state: FakeState, request: Request) -> Answer:
    prefix = request.query.get("prefix", "")
    rows = [
        f"<Upload><Key>{_listed(request, upload.key)}</Key><UploadId>{upload_id}</UploadId>"
        f"<Initiated>{iso(upload.initiated)}</Initiated></Upload>"
        for upload_id, upload in state.uploads.items()
        if upload.bucket == request.bucket and upload.key.startswith(prefix)
    ]
    return xml(
        f"<ListMultipartUploadsResult>{_encoding(request)}<IsTruncated>false</IsTruncated>"
        f"{''.join(rows)}</ListMultipartUploadsResult>"
    )


def _get(state: FakeState, quirks: Quirks, request: Request) -> Answer:
    if "uploadId" in request.query:
        return _list_parts(state, request)
    item = state.get(request.bucket, request.key)
    if item is None:
        return error(404, "NoSuchKey")
    if "tagging" in request.query:
        pairs = urllib.parse.parse_qsl(item.tags, keep_blank_values=True)
        tags = "".join(
            f"<Tag><Key>{escape(key)}</Key><Value>{escape(value)}</Value></Tag>"
            for key, value in pairs
        )
        return xml(f"<Tagging><TagSet>{tags}</TagSet></Tagging>")
    wanted = request.headers.get("if-match", "")
    if wanted and wanted.strip('"') != item.etag and not quirks.ignores_get_if_match:
        return error(412, "PreconditionFailed")
    if request.method == "GET" and item.storage_class in _ARCHIVES and "expiry" not in item.restore:
        return error(403, "InvalidObjectState")
    answer = Answer(200, item.body, _headers(item, quirks))
    if "partNumber" in request.query:
        return _part_head(item, quirks, answer, int(request.query["partNumber"]))
    span = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if span:
        start, end = int(span[1]), int(span[2] or len(item.body) - 1)
        if start >= len(item.body):
            return error(416, "InvalidRange")
        end = min(end, len(item.body) - 1)
        answer.status = 206
        answer.body = item.body[start : end + 1]
        answer.headers["content-range"] = f"bytes {start}-{end}/{len(item.body)}"
    return answer


def _part_head(item: FakeObject, quirks: Quirks, answer: Answer, number: int) -> Answer:
    if quirks.no_part_head or not item.part_sizes:
        return answer
    if not 1 <= number <= len(item.part_sizes):
        return error(416, "InvalidPartNumber")
    start = sum(item.part_sizes[: number - 1])
    end = start + item.part_sizes[number - 1]
    answer.status = 206
    answer.body = item.body[start:end]
    answer.headers["content-range"] = f"bytes {start}-{end - 1}/{len(item.body)}"
    answer.headers["x-amz-mp-parts-count"] = str(len(item.part_sizes))
    return answer


def _headers(item: FakeObject, quirks: Quirks) -> dict[str, str]:
    headers = dict(item.headers)
    headers |= {"etag": f'"{item.etag}"', "last-modified": formatdate(item.modified, usegmt=True)}
    headers["accept-ranges"] = "bytes"
    if item.storage_class != "STANDARD":
        headers["x-amz-storage-class"] = item.storage_class
    if item.restore:
        headers["x-amz-restore"] = item.restore
    if item.tags:
        headers["x-amz-tagging-count"] = str(item.tags.count("&") + 1)
    if quirks.crc32c:
        value = google_crc32c.value(item.body)
        headers["x-amz-checksum-crc32c"] = base64_of(f"{value:08x}")
        headers["x-amz-checksum-type"] = "FULL_OBJECT"
    if quirks.checksum:
        value = digest_bytes(item.body, quirks.checksum)
        headers[f"x-amz-checksum-{quirks.checksum}"] = base64_of(value)
        headers["x-amz-checksum-type"] = "FULL_OBJECT"
    if quirks.kms:
        headers["x-amz-server-side-encryption"] = "aws:kms"
    return headers


def _put(state: FakeState, quirks: Quirks, request: Request) -> Answer:
    if "partNumber" in request.query:
        return _put_part(state, quirks, request)
    current = state.get(request.bucket, request.key)
    if "tagging" in request.query:
        return _put_tags(state, request, current)
    source = request.headers.get("x-amz-copy-source", "")
    if source and quirks.copy_ignores_target:
        quirks = replace(quirks, ignores_if_none_match=True, ignores_put_if_match=True)
    refused = _refuse_write(state, quirks, request, current)
    if refused is not None:
        return refused
    if source:
        return _copy(state, quirks, request, source)
    if _wrong_md5(request):
        return error(400, "BadDigest")
    made = FakeObject(
        body=request.body,
        etag=md5_of(request.body),
        modified=state.now(),
        headers=_kept_headers(request),
        tags=request.headers.get("x-amz-tagging", ""),
        storage_class=request.headers.get("x-amz-storage-class", "STANDARD"),
        version_id=uuid4().hex,
    )
    state.set(request.bucket, request.key, made)
    return Answer(200, b"", {"etag": f'"{made.etag}"'})


def _refuse_write(
    state: FakeState, quirks: Quirks, request: Request, current: FakeObject | None
) -> Answer | None:
    if request.headers.get("if-none-match") == "*":
        if current is None:
            return None
        return _unmet(state, 412, "PreconditionFailed", ignored=quirks.ignores_if_none_match)
    wanted = request.headers.get("if-match", "").strip('"')
    if wanted and (current is None or current.etag != wanted):
        status, code = (404, "NoSuchKey") if current is None else (412, "PreconditionFailed")
        return _unmet(state, status, code, ignored=quirks.ignores_put_if_match)
    return None


def _unmet(state: FakeState, status: int, code: str, *, ignored: bool) -> Answer | None:
    """A condition that does not hold: refused, or (None) carried out all the same."""
    state.ignoring = ignored
    return None if ignored else error(status, code)


def _copy(state: FakeState, quirks: Quirks, request: Request, source: str) -> Answer:
    item = _copied(state, source)
    if item is None:
        return error(404, "NoSuchKey")
    wanted = request.headers.get("x-amz-copy-source-if-match", "").strip('"')
    if wanted and wanted != item.etag and not quirks.copy_ignores_source:
        return error(412, "PreconditionFailed")
    if quirks.copy_refuses_if_match and "if-match" in request.headers:
        return error(501, "NotImplemented")
    replaces = request.headers.get("x-amz-metadata-directive") == "REPLACE"
    same = item is state.get(request.bucket, request.key)
    if same and quirks.copy_needs_replace and not replaces:
        return error(400, "InvalidRequest")
    made = FakeObject(
        body=item.body,
        etag=md5_of(item.body),
        modified=state.now(),
        headers=_kept_headers(request) if replaces else item.headers,
        tags=request.headers.get("x-amz-tagging", "")
        if request.headers.get("x-amz-tagging-directive") == "REPLACE"
        else item.tags,
        storage_class=request.headers.get("x-amz-storage-class", "STANDARD"),
        version_id=uuid4().hex,
    )
    state.set(request.bucket, request.key, made)
    return xml(
        f"<CopyObjectResult><ETag>&quot;{made.etag}&quot;</ETag>"
        f"<LastModified>{iso(made.modified)}</LastModified></CopyObjectResult>"
    )


def _put_part(state: FakeState, quirks: Quirks, request: Request) -> Answer:
    upload = state.uploads.get(request.query["uploadId"])
    if upload is None:
        return error(404, "NoSuchUpload")
    if _wrong_md5(request):
        return error(400, "BadDigest")
    body, source = request.body, request.headers.get("x-amz-copy-source", "")
    if source:
        item = _copied(state, source)
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers["x-amz-copy-source-range"])
        if item is None or span is None:
            return error(404, "NoSuchKey")
        wanted = request.headers.get("x-amz-copy-source-if-match", "").strip('"')
        if wanted and wanted != item.etag and not quirks.copy_ignores_source:
            return error(412, "PreconditionFailed")
        body = item.body[int(span[1]) : int(span[2]) + 1]
    etag = md5_of(body)
    upload.parts[int(request.query["partNumber"])] = (body, etag)
    if source:
        return xml(f"<CopyPartResult><ETag>&quot;{etag}&quot;</ETag></CopyPartResult>")
    return Answer(200, b"", {"etag": f'"{etag}"'})


def _copied(state: FakeState, source: str) -> FakeObject | None:
    path = source.removeprefix("/").partition("?")[0]
    bucket, _, key = path.partition("/")
    return state.get(bucket, urllib.parse.unquote(key))


def _put_tags(state: FakeState, request: Request, current: FakeObject | None) -> Answer:
    if current is None:
        return error(404, "NoSuchKey")
    root = ElementTree.fromstring(request.body)
    pairs = [
        (tag.findtext("{*}Key") or "", tag.findtext("{*}Value") or "")
        for tag in root.iterfind(".//{*}Tag")
    ]
    state.change(request.bucket, request.key, tags=urllib.parse.urlencode(pairs))
    return Answer(200)


def _post(state: FakeState, quirks: Quirks, request: Request) -> Answer:
    if "uploads" in request.query:
        upload_id = uuid4().hex
        state.uploads[upload_id] = FakeUpload(
            request.bucket,
            request.key,
            _kept_headers(request),
            request.headers.get("x-amz-tagging", ""),
            request.headers.get("x-amz-storage-class", "STANDARD"),
            time.time(),
        )
        return xml(
            "<InitiateMultipartUploadResult>"
            f"<UploadId>{upload_id}</UploadId></InitiateMultipartUploadResult>"
        )
    if "restore" in request.query:
        return _restore(state, request)
    return _complete(state, quirks, request)


def _restore(state: FakeState, request: Request) -> Answer:
    item = state.get(request.bucket, request.key)
    if item is None:
        return error(404, "NoSuchKey")
    if item.restore == 'ongoing-request="true"':
        return error(409, "RestoreAlreadyInProgress")
    state.change(request.bucket, request.key, restore='ongoing-request="true"')
    return Answer(202)


def _complete(state: FakeState, quirks: Quirks, request: Request) -> Answer:
    upload = state.uploads.get(request.query.get("uploadId", ""))
    if upload is None or upload.key != request.key:
        return error(404, "NoSuchUpload")
    refused = _refuse_write(state, quirks, request, state.get(request.bucket, request.key))
    if refused is not None:
        return refused
    root = ElementTree.fromstring(request.body)
    wanted = [
        (int(part.findtext("{*}PartNumber") or 0), (part.findtext("{*}ETag") or "").strip('"'))
        for part in root.iterfind("{*}Part")
    ]
    if any(number not in upload.parts or upload.parts[number][1] != tag for number, tag in wanted):
        return error(400, "InvalidPart")
    bodies = [upload.parts[number][0] for number, _ in wanted]
    if quirks.reorders_parts:
        bodies.reverse()
    made = FakeObject(
        body=b"".join(bodies),
        etag=multipart_etag(bodies),
        modified=state.now(),
        headers=upload.headers,
        tags=upload.tags,
        storage_class=upload.storage_class,
        part_sizes=tuple(len(body) for body in bodies),
        version_id=uuid4().hex,
    )
    del state.uploads[request.query["uploadId"]]
    state.set(request.bucket, request.key, made)
    return xml(
        "<CompleteMultipartUploadResult>"
        f"<ETag>&quot;{made.etag}&quot;</ETag></CompleteMultipartUploadResult>"
    )


def _list_parts(state: FakeState, request: Request) -> Answer:
    upload = state.uploads.get(request.query["uploadId"])
    if upload is None:
        return error(404, "NoSuchUpload")
    rows = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{etag}&quot;</ETag>"
        f"<Size>{len(body)}</Size></Part>"
        for number, (body, etag) in sorted(upload.parts.items())
    )
    return xml(f"<ListPartsResult><IsTruncated>false</IsTruncated>{rows}</ListPartsResult>")


def _delete(state: FakeState, quirks: Quirks, request: Request) -> Answer:
    if "uploadId" in request.query:
        found = state.uploads.pop(request.query["uploadId"], None)
        return Answer(204) if found else error(404, "NoSuchUpload")
    item = state.get(request.bucket, request.key)
    wanted = request.headers.get("if-match", "").strip('"')
    if wanted and (item is None or item.etag != wanted):
        status, code = (404, "NoSuchKey") if item is None else (412, "PreconditionFailed")
        refused = _unmet(state, status, code, ignored=quirks.ignores_delete_if_match)
        if refused is not None:
            return refused
    if item is not None:
        state.set(request.bucket, request.key, None)
    return Answer(204)


def _wrong_md5(request: Request) -> bool:
    announced = request.headers.get("content-md5", "")
    digest = hashlib.md5(request.body, usedforsecurity=False).hexdigest()
    return bool(announced) and announced != base64_of(digest)


def _kept_headers(request: Request) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, value)
        for name, value in request.headers.items()
        if name in (*_KEPT, "cache-control")
        or name.startswith(_SPECIAL)
        or name.startswith("x-amz-meta-")
    )


def _listed(request: Request, key: str) -> str:
    if request.query.get("encoding-type") == "url":
        return urllib.parse.quote_plus(key, safe="/", errors="surrogateescape")
    return escape(key)


def _encoding(request: Request) -> str:
    asked = request.query.get("encoding-type", "")
    return f"<EncodingType>{asked}</EncodingType>" if asked else ""


def _bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")


_OPERATIONS: dict[str, Callable[[FakeState, Quirks, Request], Answer]] = {
    "GET": _get,
    "HEAD": _get,
    "PUT": _put,
    "POST": _post,
    "DELETE": _delete,
}
