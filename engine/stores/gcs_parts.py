"""Uploads in parts: objects under names of our own, composed into the whole at the end.

Google's own multipart uploads (XML API) take no preconditions: completing one overwrites
whatever is there. A compose does take them, for the destination and for each part, and the
CRC-32C it answers with is computed from the parts' own. What is kept for an upload `id`:

    .astra-uploads/<id>        its key and metadata; the upload is there as long as this is
    .astra-parts/<id>/00001    the parts, in STANDARD: other classes bill early deletion
    .astra-parts/<id>/c1-00001 up to 32 of them composed, where there are more than 32

None of these is ever listed as an object. The last compose removes its sources with it, so
that neither soft delete nor versioning keeps (and bills) them.
"""

import asyncio
import json
import re
import urllib.parse
from collections.abc import Sequence
from contextlib import suppress
from uuid import uuid4

from engine.crc32c import joined
from engine.errors import (
    BadResponse,
    NotFound,
    NotSupported,
    PreconditionFailed,
    StoreError,
    Unavailable,
)
from engine.model import ObjectMeta
from engine.stores.base import Part, UploadInfo, Written
from engine.stores.body import Pieces
from engine.stores.gcs_client import SLOW, GCSClient, Resource, as_object
from engine.stores.gcs_endpoint import Query
from engine.stores.gcs_keys import PARTS, UPLOADS
from engine.stores.gcs_listing import list_items
from engine.stores.gcs_reader import describe
from engine.stores.gcs_resource import (
    check_resource,
    checksums,
    condition,
    from_base64,
    pin_of,
    write_resource,
)
from engine.stores.gcs_rewrite import rewrite_class
from engine.stores.gcs_upload import delete_version, is_in_class, put_bytes, wrong_class
from engine.stores.mtime import timestamp

MAX_PARTS = 32**3
_AT_MOST = 32  # sources of one compose
_AT_ONCE = 8
_ROUNDS = 3  # of removing what a listing shows
_ID = re.compile(r"[0-9a-f]{32}")
_NUMBER = re.compile(r"[0-9]{5}")
_KEY = "astra-key"
_FIELDS = "items(name,bucket,size,updated,timeCreated,generation,metageneration,crc32c,metadata)"


class Parts:
    """The uploads in parts of one endpoint."""

    def __init__(self, client: GCSClient) -> None:
        self._client = client
        self._known: dict[str, tuple[str, str]] = {}  # bucket and key by upload id
        self._removable: set[str] = set()

    async def begin(self, bucket: str, key: str, meta: ObjectMeta, storage_class: str) -> str:
        """Begin an upload: a small object remembers what it is to become."""
        await self._check_removable(bucket)
        upload_id = uuid4().hex
        wanted = write_resource(meta, storage_class, self._client.at(bucket, key))
        note = json.dumps({"key": key, "resource": wanted}).encode()
        resource: Resource = {
            "name": UPLOADS + upload_id,
            "contentType": "application/json",
            "storageClass": "STANDARD",
            "metadata": {_KEY: urllib.parse.quote(key, safe="")},
        }
        await put_bytes(self._client, bucket, resource, note, query=condition("0", ""))
        self._known[upload_id] = (bucket, key)
        return upload_id

    async def put(
        self, bucket: str, key: str, upload_id: str, number: int, data: bytes | Pieces, md5: str
    ) -> Part:
        """Send one part; sending it again replaces it."""
        if self._known.get(upload_id) != (bucket, key):
            await self._note(bucket, key, upload_id)
        resource: Resource = {
            "name": f"{PARTS}{upload_id}/{number:05d}",
            "contentType": "application/octet-stream",
            "storageClass": "STANDARD",
        }
        found: Resource | None = None
        try:
            found = await put_bytes(self._client, bucket, resource, data, query=[], md5=md5)
            # Somebody may have aborted the upload meanwhile, and not seen this part.
            await describe(self._client, bucket, UPLOADS + upload_id)
        except NotFound as error:
            await self._prove_gone(bucket, upload_id, error)
            if found is not None:
                await delete_version(self._client, bucket, found)
            raise self._gone(bucket, key) from error
        return Part(number, _etag(found), len(data), md5)

    async def parts(self, bucket: str, key: str, upload_id: str) -> list[Part]:
        """All parts that arrived, by number."""
        await self._note(bucket, key, upload_id)
        return [part for part, _ in await self._stored(bucket, upload_id)]

    async def complete(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        parts: Sequence[Part],
        query: Query,
    ) -> Written:
        """Make the object of its parts, on the condition of `query`, and remove them."""
        wanted = (await self._note(bucket, key, upload_id))["resource"]
        stored = await self._stored(bucket, upload_id)
        known = {(part.number, part.etag): resource for part, resource in stored}
        sources = [known.get((part.number, part.etag)) for part in parts]
        at = self._client.at(bucket, key)
        if not sources or None in sources:
            raise StoreError(
                "A part that belongs to the object is not there, or was replaced.",
                subject=at,
                safe="Nothing was written.",
                status=400,
                code="InvalidPart",
            )
        level = 0
        pieces = [piece for piece in sources if piece is not None]
        crc32c = joined((int(_crc32c(piece), 16), int(piece["size"])) for piece in pieces)
        size = sum(int(piece["size"]) for piece in pieces)
        while len(pieces) > _AT_MOST:
            level += 1
            pieces = await self._join(bucket, upload_id, level, pieces)
        try:
            made = await self._compose(bucket, key, pieces, wanted, query, last=True)
        except NotFound as error:
            # The upload itself is still there: that is for the next try to find out.
            raise Unavailable(
                "A part was removed while the object was made of them.",
                subject=at,
                safe="Nothing was written.",
                status=error.status,
                code="InvalidPart",
            ) from error
        if (made["size"], _crc32c(made)) != (str(size), f"{crc32c:08x}"):
            await delete_version(self._client, bucket, made)
            raise BadResponse(
                "The composed object is not made of the bytes that were sent.",
                subject=at,
                safe="It was removed again.",
                code="BadDigest",
            )
        if not is_in_class(made, wanted):
            made = await self._into_class(bucket, made, wanted)
        try:
            await self.abort(bucket, key, upload_id)
        except StoreError as error:
            # Not as if it had been refused: the object is there.
            raise Unavailable(
                f"The object was made, but its parts could not be removed: {error.what}",
                subject=at,
                safe="The object is whole.",
                todo=error.todo,
                code="PartsLeft",
            ) from error
        return Written(pin_of(made), checksums(made))

    async def abort(self, bucket: str, key: str, upload_id: str) -> None:
        """Remove all that is kept for an upload. Absent is fine.

        The note goes after the parts, so that an upload of which anything is left is still
        listed; what arrives in between is looked for once more (and by its sender).
        """
        if not _ID.fullmatch(upload_id):
            return  # no upload of ours: there is nothing
        self._known.pop(upload_id, None)
        await self._remove(bucket, f"{PARTS}{upload_id}/")
        if await self._remove(bucket, UPLOADS + upload_id):
            await self._remove(bucket, f"{PARTS}{upload_id}/")

    async def uploads(self, bucket: str, prefix: str) -> list[UploadInfo]:
        """Unfinished uploads of keys that start with `prefix`."""
        found = []
        async for item in list_items(self._client, bucket, UPLOADS, fields=_FIELDS):
            upload_id = str(item.get("name", "")).removeprefix(UPLOADS)
            noted = (item.get("metadata") or {}).get(_KEY)
            if _ID.fullmatch(upload_id) and noted is not None:
                key = urllib.parse.unquote(str(noted))
                begun = timestamp(str(item.get("timeCreated") or item.get("updated") or ""))
                found.append(UploadInfo(key, upload_id, begun))
        return [upload for upload in found if upload.key.startswith(prefix)]

    # -- what is kept -------------------------------------------------------------------

    async def _note(self, bucket: str, key: str, upload_id: str) -> Resource:
        """What `begin` wrote down. Raises NotFound if there is no such upload of this key."""
        if not _ID.fullmatch(upload_id):
            raise self._gone(bucket, key)
        name = UPLOADS + upload_id
        at = self._client.at(bucket, name)
        url = self._client.endpoint.object(bucket, name, [("alt", "media")], at)
        try:
            reply = await self._client.call("GET", url, at=at)
        except NotFound as error:
            if error.code == "NoSuchBucket":
                raise
            await self._prove_gone(bucket, upload_id, error)
            raise self._gone(bucket, key) from error
        note = as_object(reply.body, at)
        if not isinstance(note.get("resource"), dict) or not isinstance(note.get("key"), str):
            raise BadResponse("What was noted of this upload cannot be read.", subject=at)
        if note["key"] != key:
            raise self._gone(bucket, key)
        self._known[upload_id] = (bucket, key)
        return note

    async def _prove_gone(self, bucket: str, upload_id: str, error: NotFound) -> None:
        """Return if the bucket itself does not list the upload; a 404 alone is no proof.

        Whoever forgets an upload that is there leaves its parts behind.
        """
        name = UPLOADS + upload_id
        async for _ in list_items(self._client, bucket, name, fields="items(name)"):
            raise Unavailable(
                "It is not clear whether the unfinished upload is still there.",
                subject=self._client.at(bucket, name),
                safe="It was left alone.",
                status=error.status,
                code=error.code,
            )
        self._known.pop(upload_id, None)

    def _gone(self, bucket: str, key: str) -> NotFound:
        return NotFound(
            "There is no such unfinished upload.",
            subject=self._client.at(bucket, key),
            status=404,
            code="NoSuchUpload",
        )

    async def _stored(self, bucket: str, upload_id: str) -> list[tuple[Part, Resource]]:
        folder, found = f"{PARTS}{upload_id}/", list[tuple[Part, Resource]]()
        async for item in list_items(self._client, bucket, folder, fields=_FIELDS):
            number = str(item.get("name", "")).removeprefix(folder)
            if _NUMBER.fullmatch(number):
                at = self._client.at(bucket, folder + number)
                check_resource(item, bucket, folder + number, at)
                found.append((Part(int(number), _etag(item), int(item["size"])), item))
        return sorted(found, key=lambda pair: pair[0].number)

    # -- composing ----------------------------------------------------------------------

    async def _join(
        self, bucket: str, upload_id: str, level: int, pieces: list[Resource]
    ) -> list[Resource]:
        """Compose every 32 of them; the pieces themselves stay until all is done."""
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(index: int) -> Resource:
            async with slots:
                group = pieces[index * _AT_MOST : (index + 1) * _AT_MOST]
                name = f"{PARTS}{upload_id}/c{level}-{index:05d}"
                kept = {"contentType": "application/octet-stream", "storageClass": "STANDARD"}
                return await self._compose(bucket, name, group, kept, [], last=False)

        try:
            async with asyncio.TaskGroup() as tasks:
                made = [
                    tasks.create_task(one(index)) for index in range(-(-len(pieces) // _AT_MOST))
                ]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [task.result() for task in made]

    async def _compose(
        self,
        bucket: str,
        key: str,
        pieces: Sequence[Resource],
        wanted: Resource,
        query: Query,
        *,
        last: bool,
    ) -> Resource:
        at = self._client.at(bucket, key)
        send: Resource = {
            "sourceObjects": [
                {
                    "name": piece["name"],
                    "generation": piece["generation"],
                    "objectPreconditions": {"ifGenerationMatch": piece["generation"]},
                }
                for piece in pieces
            ],
            "destination": wanted,
        }
        if last:
            send["deleteSourceObjects"] = True
        url = self._client.endpoint.object(bucket, key, query, at, then="/compose")
        made = await self._client.ask("POST", url, at=at, send=send, patience=SLOW)
        return check_resource(made, bucket, key, at)

    async def _into_class(self, bucket: str, made: Resource, wanted: Resource) -> Resource:
        """Rewrite what was composed in another class than asked for."""
        changed = await rewrite_class(self._client, bucket, made, wanted["storageClass"])
        with suppress(NotFound, PreconditionFailed):
            # A versioned bucket still has what was composed first.
            await describe(self._client, bucket, made["name"], pin_of(made))
            await delete_version(self._client, bucket, made)
        if not is_in_class(changed, wanted):
            await delete_version(self._client, bucket, changed)
            raise wrong_class(changed, wanted, self._client.at(bucket, made["name"]))
        return changed

    # -- removing -----------------------------------------------------------------------

    async def _remove(self, bucket: str, prefix: str) -> int:
        """Remove every generation of what begins so; how many there were.

        Raises Unavailable if the bucket still lists some: an answer alone proves no removal.
        """
        removed = 0
        for _ in range(_ROUNDS):
            names = [
                (str(item["name"]), str(item["generation"]))
                async for item in list_items(
                    self._client, bucket, prefix, fields="items(name,generation)", versions=True
                )
            ]
            if not names:
                return removed
            removed += len(names)
            await self._remove_all(bucket, names)
        raise Unavailable(
            "What was kept for an upload in parts could not be removed.",
            subject=self._client.at(bucket, prefix),
            safe="Nothing else was changed.",
        )

    async def _remove_all(self, bucket: str, names: Sequence[tuple[str, str]]) -> None:
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(name: str, generation: str) -> None:
            at = self._client.at(bucket, name)
            url = self._client.endpoint.object(bucket, name, [("generation", generation)], at)
            async with slots:
                with suppress(NotFound):
                    await self._client.call("DELETE", url, at=at)

        try:
            async with asyncio.TaskGroup() as tasks:
                for name, generation in names:
                    tasks.create_task(one(name, generation))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _check_removable(self, bucket: str) -> None:
        """Raises NotSupported where parts could not be removed: nothing is begun there."""
        if bucket in self._removable:
            return
        at = self._client.at(bucket)
        fields = [("fields", "name,retentionPolicy,defaultEventBasedHold")]
        try:
            found = await self._client.ask(
                "GET", self._client.endpoint.bucket(bucket, fields), at=at
            )
        except NotFound:
            raise
        except StoreError as error:
            if error.retryable:
                raise
            found = {}  # who may write objects need not be allowed to see the bucket's settings
        if found.get("retentionPolicy") or found.get("defaultEventBasedHold"):
            raise NotSupported(
                "The bucket holds or retains every object, so the parts of an upload could not be"
                " removed.",
                subject=at,
                safe="Nothing was written.",
                todo="Move large objects into a bucket without a retention policy or default hold,"
                " then rewrite them into this one.",
            )
        self._removable.add(bucket)


def _crc32c(resource: Resource) -> str:
    value = from_base64(str(resource.get("crc32c") or ""))
    if len(value) != 8:
        raise BadResponse("The server gave no crc32c of an object.", subject=str(resource["name"]))
    return value


def _etag(resource: Resource) -> str:
    """What tells one sending of a part from another, and its bytes."""
    return f"{resource['generation']}-{_crc32c(resource)}"
