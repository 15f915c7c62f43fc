"""The Blob operations of the scripted service, as functions of state and request."""

import base64
import re
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.utils import formatdate
from xml.sax.saxutils import escape

from tests.fake_azure_state import AzureContainer, AzureState, FakeBlob, md5_base64
from tests.fake_s3_wire import Answer, Request

_CONTENT = ("type", "encoding", "language", "disposition")
_HEAD = '<?xml version="1.0" encoding="utf-8"?>'


@dataclass(frozen=True, slots=True)
class AzureQuirks:
    """In what the account differs from a plain one, or the server from Azure."""

    page: int = 5000
    versions: bool = False
    hierarchical: bool | None = False  # None: does not tell
    no_tags: bool = False  # a credential that may not use them
    slow_rehydrate: bool = False
    ignores_delete_if_match: bool = False
    ignores_put_conditions: bool = False
    read_only: bool = False
    no_copy: bool = False


@dataclass(slots=True)
class AzureRequest(Request):
    """A request to `/account/container/name`."""

    @classmethod
    def read(cls, method: str, target: str, headers: dict[str, str], body: bytes) -> "AzureRequest":
        path, _, query = target.partition("?")
        _, _, rest = path.removeprefix("/").partition("/")
        container, _, name = rest.partition("/")
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        values = {urllib.parse.unquote(key): urllib.parse.unquote(value) for key, _, value in pairs}
        key = urllib.parse.unquote(name)
        return cls(method, target, urllib.parse.unquote(container), key, values, headers, body)


def handle(state: AzureState, quirks: AzureQuirks, request: AzureRequest) -> Answer:
    """Carry one request out."""
    with state.lock:
        if quirks.read_only and request.method not in ("GET", "HEAD"):
            return error(403, "AuthorizationPermissionMismatch")
        if not request.bucket:
            return _account(state, quirks, request)
        if not request.key:
            return _container(state, quirks, request)
        if request.bucket not in state.containers:
            return error(404, "ContainerNotFound")
        return _OPERATIONS[request.method, request.query.get("comp", "")](state, quirks, request)


def error(status: int, code: str, message: str = "said so by the script") -> Answer:
    """An error answer."""
    said = f"<Code>{escape(code)}</Code><Message>{escape(message)}\nRequestId:0</Message>"
    text = f"{_HEAD}<Error>{said}</Error>"
    return Answer(
        status, text.encode(), {"content-type": "application/xml", "x-ms-error-code": code}
    )


def _account(state: AzureState, quirks: AzureQuirks, request: AzureRequest) -> Answer:
    if request.query.get("restype") == "account":
        if quirks.hierarchical is None:
            return error(403, "AuthorizationFailure")
        return Answer(200, b"", {"x-ms-is-hns-enabled": str(quirks.hierarchical).lower()})
    names = "".join(f"<Container><Name>{name}</Name></Container>" for name in state.containers)
    return _xml(
        f"<EnumerationResults><Containers>{names}</Containers><NextMarker/></EnumerationResults>"
    )


def _container(state: AzureState, quirks: AzureQuirks, request: AzureRequest) -> Answer:
    if request.method == "PUT":
        if request.bucket in state.containers:
            return error(409, "ContainerAlreadyExists")
        state.containers[request.bucket] = AzureContainer()
        return Answer(201)
    if request.bucket not in state.containers:
        return error(404, "ContainerNotFound")
    return _list(state, quirks, request)


def _list(state: AzureState, quirks: AzureQuirks, request: AzureRequest) -> Answer:
    held, prefix = state.containers[request.bucket], request.query.get("prefix", "")
    if "versions" in request.query.get("include", ""):
        return _list_versions(held, quirks, prefix)
    names = set(held.blobs)
    if "uncommittedblobs" in request.query.get("include", ""):
        names |= {name for name, blocks in held.blocks.items() if blocks}
    after = bytes.fromhex(request.query.get("marker", ""))
    wanted = sorted(
        (n for n in names if n.startswith(prefix) and n.encode() > after), key=str.encode
    )
    limit = min(int(request.query.get("maxresults", "5000")), quirks.page)
    rows = "".join(_row(name, held.blobs.get(name)) for name in wanted[:limit])
    marker = wanted[limit - 1].encode().hex() if len(wanted) > limit else ""
    return _xml(
        f"<EnumerationResults><Blobs>{rows}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"
    )


def _list_versions(held: AzureContainer, quirks: AzureQuirks, prefix: str) -> Answer:
    """Every version on one page, the current ones marked; refused without versions."""
    if not quirks.versions:
        return error(400, "InvalidQueryParameterValue")
    every = [(name, blob, True) for name, blob in held.blobs.items()]
    every += [(name, blob, False) for (name, _), blob in held.versions.items()]
    every = sorted((i for i in every if i[0].startswith(prefix)), key=lambda i: i[0])
    rows = ""
    for name, blob, current in every:
        more = f"<VersionId>{blob.version_id}</VersionId>"
        more += "<IsCurrentVersion>true</IsCurrentVersion>" if current else ""
        rows += _row(name, blob).replace("<Properties>", more + "<Properties>", 1)
    return _xml(f"<EnumerationResults><Blobs>{rows}</Blobs><NextMarker/></EnumerationResults>")


def _row(name: str, blob: FakeBlob | None) -> str:
    shown = f"<Name>{escape(name)}</Name>"
    if re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", name):
        shown = f'<Name Encoded="true">{urllib.parse.quote(name, safe="")}</Name>'
    if blob is None:
        return f"<Blob>{shown}<Properties><Content-Length>0</Content-Length></Properties></Blob>"
    md5 = dict(blob.headers).get("content-md5", "")
    return (
        f"<Blob>{shown}<Properties><Last-Modified>{_date(blob.modified)}</Last-Modified>"
        f"<Etag>{blob.etag}</Etag><Content-Length>{len(blob.body)}</Content-Length>"
        f"<Content-MD5>{md5}</Content-MD5><AccessTier>{blob.tier or 'Hot'}</AccessTier>"
        "</Properties></Blob>"
    )


def _find(state: AzureState, request: AzureRequest) -> FakeBlob | None:
    held = state.containers[request.bucket]
    current = held.blobs.get(request.key)
    wanted = request.query.get("versionid", "")
    if not wanted or (current is not None and current.version_id == wanted):
        return current
    return held.versions.get((request.key, wanted))


def _get(state: AzureState, quirks: AzureQuirks, request: AzureRequest) -> Answer:
    blob = _find(state, request)
    if blob is None:
        return error(404, "BlobNotFound")
    match = request.headers.get("if-match", "")
    if match and match.strip('"') != blob.etag:
        return error(412, "ConditionNotMet")
    headers = _headers(blob)
    if request.method == "HEAD":
        headers["content-length"] = str(len(blob.body))
        return Answer(200, b"", headers)
    if blob.tier == "Archive":
        return error(409, "BlobBeingRehydrated" if blob.archive_status else "BlobArchived")
    span = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("x-ms-range", ""))
    if span is None:
        return Answer(200, blob.body, headers)
    start, stop = int(span[1]), int(span[2]) + 1 if span[2] else len(blob.body)
    body = blob.body[start:stop]
    headers["x-ms-blob-content-md5"] = headers.pop("content-md5", "")
    headers["content-range"] = f"bytes {start}-{start + len(body) - 1}/{len(blob.body)}"
    return Answer(206, body, headers)


def _headers(blob: FakeBlob) -> dict[str, str]:
    headers = dict(blob.headers)
    headers |= {"etag": f'"{blob.etag}"', "last-modified": _date(blob.modified)}
    headers |= {"x-ms-blob-type": blob.kind, "x-ms-access-tier": blob.tier or "Hot"}
    if blob.archive_status:
        headers["x-ms-archive-status"] = blob.archive_status
    if blob.version_id:
        headers["x-ms-version-id"] = blob.version_id
    if blob.tags:
        headers["x-ms-tag-count"] = str(len(blob.tags.split("&")))
    return headers


def _refusal(state: AzureState, quirks: AzureQuirks, request: AzureRequest) -> Answer | None:
    """Why a write must not happen: conditions, leases, policies, tags."""
    blob = state.containers[request.bucket].blobs.get(request.key)
    match, none = request.headers.get("if-match", ""), request.headers.get("if-none-match", "")
    if not quirks.ignores_put_conditions:
        if none == "*" and blob is not None:
            return error(409, "BlobAlreadyExists")
        if match and (blob is None or match.strip('"') != blob.etag):
            return error(412, "ConditionNotMet")
    if blob is not None and blob.leased:
        return error(412, "LeaseIdMissing")
    if blob is not None and blob.immutable:
        return error(409, "BlobImmutableDueToPolicy")
    if request.headers.get("x-ms-tags") and quirks.no_tags:
        return error(403, "AuthorizationPermissionMismatch")
    return None


def _store(
    state: AzureState, quirks: AzureQuirks, request: AzureRequest, body: bytes, **fields: object
) -> Answer:
    """Make the blob of a request's headers; a version remains of what was there."""
    held, sent = state.containers[request.bucket], request.headers
    kept = {f"content-{n}": sent.get(f"x-ms-blob-content-{n}", "") for n in _CONTENT}
    kept["content-type"] = kept["content-type"] or "application/octet-stream"
    kept["cache-control"] = sent.get("x-ms-blob-cache-control", "")
    kept["content-md5"] = sent.get("x-ms-blob-content-md5", "")
    kept |= {name: value for name, value in sent.items() if name.startswith("x-ms-meta-")}
    kept |= dict(fields.pop("headers", ()))  # type: ignore[call-overload]
    etag = state.next_etag()
    blob = FakeBlob(
        body,
        etag,
        float(int(time.time())),
        headers=tuple((name, value) for name, value in kept.items() if value),
        tags=sent.get("x-ms-tags", ""),
        tier=sent.get("x-ms-access-tier", ""),
        version_id=f"2026-{etag}" if quirks.versions else "",
        **fields,  # type: ignore[arg-type]
    )
    _keep_version(held, request.key, quirks)
    state.set(request.bucket, request.key, blob)
    headers = {"etag": f'"{etag}"', "last-modified": _date(blob.modified)}
    if blob.version_id:
        headers["x-ms-version-id"] = blob.version_id
    return Answer(201, b"", headers)


def _keep_version(held: AzureContainer, name: str, quirks: AzureQuirks) -> None:
    old = held.blobs.get(name)
    if quirks.versions and old is not None:
        held.versions[name, old.version_id] = old


def _put(state: AzureState, quirks: AzureQuirks, request: AzureRequest) -> Answer:
    refusal = _refusal(state, quirks, request) or _wrong_md5(request)
    if refusal is not None:
        return refusal
    if "x-ms-copy-source" in request.headers:
        return _copy(state, quirks, request)
    md5 = md5_base64(request.body)
    answer = _store(state, quirks, request, request.body, headers=(("content-md5", md5),))
    answer.headers["content-md5"] = md5
    return answer


def _wrong_md5(request: AzureRequest) -> Answer | None:
    sent = request.headers.get("content-md5", "")
    return error(400, "Md5Mismatch") if sent and sent != md5_base64(request.body) else None


def _source(
    state: AzureState, quirks: AzureQuirks, request: AzureRequest
) -> tuple[FakeBlob | None, Answer | None]:
    """The blob that a copy reads, or why it may not. It must come with a grant."""
    target = request.headers["x-ms-copy-source"].partition("://")[2]
    whence = AzureRequest.read("GET", "/" + target.partition("/")[2], {}, b"")
    if quirks.no_copy or "sig" not in whence.query:
        return None, error(403, "CannotVerifyCopySource")
    found = _find(state, whence)
    if found is None:
        return None, error(404, "CannotVerifyCopySource")
    if request.headers.get("x-ms-source-if-match", "").strip('"') != found.etag:
        return None, error(412, "SourceConditionNotMet")
    return found, None


def _copy(state: AzureState, quirks: AzureQuirks, request: AzureRequest) -> Answer:
    found, refusal = _source(state, quirks, request)
    if found is None:
        assert refusal is not None
        return refusal
    theirs = dict(found.headers)
    own = any(name.startswith("x-ms-meta-") for name in request.headers)
    kept = {n: v for n, v in theirs.items() if not (own and n.startswith("x-ms-meta-"))}
    answer = _store(state, quirks, request, found.body, headers=tuple(kept.items()))
    answer.status = 202
    answer.headers["x-ms-copy-status"] = "success"
    return answer


def _put_block(state: AzureState, quirks: AzureQuirks, request: AzureRequest) -> Answer:
    held, data = state.containers[request.bucket], request.body
    refusal = _wrong_md5(request)
    if refusal is not None:
        return refusal
    if "x-ms-copy-source" in request.headers:
        found, refusal = _source(state, quirks, request)
        if found is None:
            assert refusal is not None
            return refusal
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers["x-ms-source-range"])
        assert span is not None
        data = found.body[int(span[1]) : int(span[2]) + 1]
    if not data:
        return error(400, "InvalidHeaderValue")
    name, blocks = request.query["blockid"], held.blocks.setdefault(request.key, {})
    if any(len(base64.b64decode(other)) != len(base64.b64decode(name)) for other in blocks):
        return error(400, "InvalidBlobOrBlock")
    blocks[name] = data
    return Answer(201, b"", {"content-md5": md5_base64(data)})


def _put_block_list(state: AzureState, quirks: AzureQuirks, request: AzureRequest) -> Answer:
    refusal = _refusal(state, quirks, request)
    if refusal is not None:
        return refusal
    blocks = state.containers[request.bucket].blocks.get(request.key, {})
    names = [item.text or "" for item in ElementTree.fromstring(request.body)]
    if any(name not in blocks for name in names):
        return error(400, "InvalidBlockList")
    body = b"".join(blocks[name] for name in names)
    made = tuple((name, len(blocks[name])) for name in names)
    return _store(state, quirks, request, body, blocks=made)


def _get_block_list(state: AzureState, quirks: AzureQuirks, request: AzureRequest) -> Answer:
    held = state.containers[request.bucket]
    blob, blocks = held.blobs.get(request.key), held.blocks.get(request.key, {})
    if blob is None and not blocks:
        return error(404, "BlobNotFound")
    rows = "".join(
        f"<Block><Name>{name}</Name><Size>{len(data)}</Size></Block>"
        for name, data in blocks.items()
    )
    return _xml(f"<BlockList><UncommittedBlocks>{rows}</UncommittedBlocks></BlockList>")


def _delete(state: AzureState, quirks: AzureQuirks, request: AzureRequest) -> Answer:
    held, wanted = state.containers[request.bucket], request.query.get("versionid", "")
    blob = _find(state, request)
    if blob is None:
        return error(404, "BlobNotFound")
    match = request.headers.get("if-match", "").strip('"')
    if wanted:
        if match and match != blob.etag:
            return error(412, "ConditionNotMet")
        if held.blobs.get(request.key) is blob:
            return error(403, "OperationNotAllowedOnRootBlob")
        del held.versions[request.key, wanted]
        return Answer(202)
    if match and match != blob.etag and not quirks.ignores_delete_if_match:
        return error(412, "ConditionNotMet")
    if blob.leased:
        return error(412, "LeaseIdMissing")
    if blob.immutable:
        return error(409, "BlobImmutableDueToPolicy")
    if blob.snapshots:
        return error(409, "SnapshotsPresent")
    _keep_version(held, request.key, quirks)
    state.set(request.bucket, request.key, None)
    return Answer(202)


def _set_tier(state: AzureState, quirks: AzureQuirks, request: AzureRequest) -> Answer:
    blob = _find(state, request)
    if blob is None:
        return error(404, "BlobNotFound")
    if request.query.get("versionid") and state.get(request.bucket, request.key) is blob:
        return error(403, "OperationNotAllowedOnRootBlob")
    tier = request.headers["x-ms-access-tier"]
    if tier not in ("Hot", "Cool", "Cold", "Archive"):
        return error(400, "InvalidHeaderValue")
    if blob.archive_status:
        return error(409, "BlobBeingRehydrated")
    if blob.tier == "Archive" and quirks.slow_rehydrate:
        status = f"rehydrate-pending-to-{tier.lower()}"
        state.change(request.bucket, request.key, archive_status=status)
        return Answer(202)
    state.change(request.bucket, request.key, tier=tier)
    return Answer(200)


def _get_tags(state: AzureState, quirks: AzureQuirks, request: AzureRequest) -> Answer:
    blob = _find(state, request)
    if blob is None:
        return error(404, "BlobNotFound")
    if quirks.no_tags:
        return error(403, "AuthorizationPermissionMismatch")
    rows = "".join(
        f"<Tag><Key>{escape(name)}</Key><Value>{escape(value)}</Value></Tag>"
        for name, value in urllib.parse.parse_qsl(blob.tags, keep_blank_values=True)
    )
    return _xml(f"<Tags><TagSet>{rows}</TagSet></Tags>")


def _put_tags(state: AzureState, quirks: AzureQuirks, request: AzureRequest) -> Answer:
    if quirks.no_tags:
        return error(403, "AuthorizationPermissionMismatch")
    pairs = [
        (tag.findtext("Key") or "", tag.findtext("Value") or "")
        for tag in ElementTree.fromstring(request.body).iter("Tag")
    ]
    state.change(request.bucket, request.key, tags=urllib.parse.urlencode(pairs))
    return Answer(204)


def rewritten(blob: FakeBlob, state: AzureState, **headers: str) -> FakeBlob:
    """The blob as Set Blob Properties leaves it: other headers, another ETag, the same bytes."""
    kept = dict(blob.headers) | headers
    return replace(blob, etag=state.next_etag(), headers=tuple(kept.items()))


def _date(seconds: float) -> str:
    return formatdate(seconds, usegmt=True)


def _xml(text: str) -> Answer:
    return Answer(200, f"\ufeff{_HEAD}{text}".encode(), {"content-type": "application/xml"})


Operation = Callable[[AzureState, AzureQuirks, AzureRequest], Answer]
_OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", ""): _get,
    ("HEAD", ""): _get,
    ("PUT", ""): _put,
    ("DELETE", ""): _delete,
    ("PUT", "block"): _put_block,
    ("PUT", "blocklist"): _put_block_list,
    ("GET", "blocklist"): _get_block_list,
    ("PUT", "tier"): _set_tier,
    ("GET", "tags"): _get_tags,
    ("PUT", "tags"): _put_tags,
}
