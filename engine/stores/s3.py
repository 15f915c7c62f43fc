"""Amazon S3 and everything that speaks its protocol."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace as replace_fields

from engine.errors import (
    BadResponse,
    KeyNotSupported,
    NotSupported,
    PreconditionFailed,
    StoreError,
)
from engine.model import (
    ListPage,
    ObjectHead,
    ObjectMeta,
    Provider,
    RestoreState,
    StoreKind,
    VersionPin,
)
from engine.settings import CloudSettings
from engine.stores import s3_versions
from engine.stores import s3_xml as xml
from engine.stores.base import (
    Capabilities,
    DeleteGuard,
    Fetched,
    Fetcher,
    ObjectStore,
    Part,
    Written,
)
from engine.stores.body import CHUNK, Body, whole_of
from engine.stores.parts_store import PartsStore
from engine.stores.s3_classes import StorageClasses
from engine.stores.s3_client import S3Client, md5_header
from engine.stores.s3_conditions import WriteConditions
from engine.stores.s3_copy import COPY_LIMIT, copy_onto_itself, pin_after
from engine.stores.s3_errors import raise_hidden_error
from engine.stores.s3_headers import http_time, read_checksums, read_head, read_pin, write_headers
from engine.stores.s3_keys import FILE_SERVER, MAX_KEY, key_problem
from engine.stores.s3_listing import list_objects
from engine.stores.s3_multipart import Multipart
from engine.stores.s3_probe import Conditions
from engine.stores.s3_reader import (
    S3Reader,
    check_pin,
    fetch,
    match_header,
    open_reader,
    version_query,
)
from engine.stores.s3_server_copy import ServerCopy
from engine.stores.versions import Kept

_SMALL = 128 * 1024  # bytes; up to here an MD5 costs next to nothing
_AWS_ATTESTED = frozenset({"md5", "crc32", "crc32c", "crc64nvme", "sha1", "sha256"})


class S3Store(PartsStore[Multipart], Fetcher):
    """One endpoint with one set of credentials."""

    kind = StoreKind.S3

    def __init__(self, settings: CloudSettings) -> None:
        self._client = S3Client(settings)
        endpoint = self._client.endpoint
        self.name = settings.name
        self.provider = settings.provider
        self.region = self._client.region
        self._classes = StorageClasses(settings.provider, native=endpoint.is_aws or endpoint.is_gcs)
        self.capabilities = Capabilities(
            set_class=True,
            restore=settings.provider is not Provider.GCP,
            tags=not endpoint.is_gcs,
            user_metadata=True,
            content_headers=True,
            versions=True,
            server_copy=True,
            copy_limit=COPY_LIMIT,
            class_by_copy=True,
            delete_guard=DeleteGuard.KNOWN if endpoint.is_aws else DeleteGuard.PROBE,
            attested=_attested(is_aws=endpoint.is_aws, is_gcs=endpoint.is_gcs),
            readable=self._classes.readable,
        )
        self._trusted = endpoint.is_aws
        self._account = (settings.profile, settings.access_key.reveal())
        self._parts = Multipart(self._client, trusted=self._trusted)
        self._server_copy = ServerCopy(self._client, trusted=self._trusted)
        self._read_only = settings.read_only
        self._conditions = WriteConditions(
            self._client, self.head, trusted=self._trusted, read_only=settings.read_only
        )

    @property
    def clock_offset(self) -> float:
        """Seconds that the server's clock was ahead of ours in its last answer, 0 unknown."""
        return self._client.clock_offset

    async def close(self) -> None:
        """Close connections. Safe to call twice."""
        await self._client.close()

    # -- buckets and listing ------------------------------------------------------------

    async def buckets(self) -> list[str]:
        """Names of all buckets of the account."""
        reply = await self._client.call("GET", "")
        return xml.buckets(reply.body, self.name)

    async def create_bucket(self, bucket: str) -> None:
        """Make it if it is not there. Raises StoreError if it is somebody else's."""
        try:
            await self._make_bucket(bucket)
        except StoreError as error:
            if error.status != 409 or error.code == "OperationAborted":
                raise
            await self._client.call("HEAD", bucket)

    async def _make_bucket(self, bucket: str) -> None:
        place = xml.location(self.region)
        try:
            await self._client.call("PUT", bucket, body=place)
        except StoreError as error:
            if not place or error.status not in (400, 501):
                raise
            try:
                await self._client.call("PUT", bucket)  # some servers know no regions
            except StoreError as second:
                raise (error if second.status == 400 else second) from second

    def list_pages(self, bucket: str, prefix: str = "") -> AsyncGenerator[ListPage, None]:
        """ListObjectsV2, 1,000 keys a page; raises rather than end early."""
        return list_objects(self._client, self._classes, bucket, prefix)

    # -- reading ------------------------------------------------------------------------

    async def head(self, bucket: str, key: str, *, pin: VersionPin | None = None) -> ObjectHead:
        """Describe the object, its tags included."""
        at, query = self._client.at(bucket, key), list[tuple[str, str]]()
        headers = {"x-amz-checksum-mode": "ENABLED"}
        if pin is not None:
            headers |= match_header(pin, at)
            query = version_query(pin)
        reply = await self._client.call("HEAD", bucket, key, query=query, headers=headers)
        length = reply.headers.get("content-length", "")
        if not length.isdigit():
            raise BadResponse("The server does not say how long the object is.", subject=at)
        tags: tuple[tuple[str, str], ...] = ()
        if reply.headers.get("x-amz-tagging-count", "0") != "0":
            tagging = await self._client.call("GET", bucket, key, query=[("tagging", ""), *query])
            tags = xml.tags(tagging.body, at)
        found = read_head(
            key, int(length), reply.headers, self._classes, trusted=self._trusted, tags=tags
        )
        if pin is not None:
            check_pin(found.pin, pin, at)
        return found

    async def still(self, bucket: str, key: str, *, pin: VersionPin) -> None:
        """Look whether the object is that version; its tags are not asked for."""
        at = self._client.at(bucket, key)
        reply = await self._client.call(
            "HEAD", bucket, key, query=version_query(pin), headers=match_header(pin, at)
        )
        length = reply.headers.get("content-length", "")
        if not length.isdigit():
            raise BadResponse("The server does not say how long the object is.", subject=at)
        check_pin(read_pin(int(length), reply.headers), pin, at)

    @asynccontextmanager
    async def read(
        self, bucket: str, key: str, *, pin: VersionPin, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[S3Reader]:
        """Open bytes start ≤ i < stop of exactly that version."""
        async with open_reader(
            self._client, self._classes, bucket, key, pin, start, stop, trusted=self._trusted
        ) as reader:
            yield reader

    async def fetch(
        self, bucket: str, key: str, *, pin: VersionPin, describe: bool = True
    ) -> Fetched:
        """A small object: its head and its bytes by one request."""
        return await fetch(
            self._client,
            self._classes,
            bucket,
            key,
            pin,
            trusted=self._trusted,
            describe=describe,
        )

    # -- what was there before ----------------------------------------------------------

    async def versions(self, bucket: str, key: str) -> Kept:
        """Versions and delete markers of the key. See `Versioned`."""
        return await s3_versions.list_versions(self._client, self._classes, bucket, key)

    async def head_version(self, bucket: str, key: str, *, pin: VersionPin) -> ObjectHead:
        """Describe exactly that version, also the `null` one."""
        place = (self._client, self._classes, bucket, key, pin)
        return await s3_versions.describe(*place, trusted=self._trusted)

    def read_version(
        self, bucket: str, key: str, *, pin: VersionPin, stop: int | None = None
    ) -> AbstractAsyncContextManager[S3Reader]:
        """Open the bytes before `stop` of exactly that version."""
        place = (self._client, self._classes, bucket, key, pin, stop)
        return s3_versions.read_version(*place, trusted=self._trusted)

    # -- writing ------------------------------------------------------------------------

    async def write(
        self,
        bucket: str,
        key: str,
        body: AsyncIterator[bytes],
        *,
        size: int,
        meta: ObjectMeta,
        storage_class: str = "",
        replace: VersionPin | None = None,
        md5: str = "",
    ) -> Written:
        """One PUT, create-only unless `replace` is given. See `ObjectStore.write`."""
        at = await self._checked(bucket, key)
        headers = write_headers(meta, self._classes.to_wire(storage_class), at)
        payload: bytes | Body
        if size > CHUNK:
            payload = Body(body, size, at=at)
        else:
            payload = await whole_of(body, size, at=at)
            if size <= _SMALL and not md5:
                md5 = hashlib.md5(payload, usedforsecurity=False).hexdigest()
        headers |= md5_header(md5)
        headers |= await self._conditions.header(bucket, key, replace)
        reply = await self._client.call("PUT", bucket, key, headers=headers, body=payload)
        etag = xml.bare_etag(reply.headers.get("etag", ""))
        if not etag:
            raise BadResponse("The server gave no ETag for the object.", subject=at)
        modified = http_time(reply.headers.get("last-modified", ""))
        pin = VersionPin(etag, modified, size, reply.headers.get("x-amz-version-id", ""))
        return Written(pin, read_checksums(reply.headers, trusted=self._trusted))

    async def begin_upload(
        self, bucket: str, key: str, *, meta: ObjectMeta, storage_class: str = ""
    ) -> str:
        """Begin a multipart upload."""
        await self._checked(bucket, key)
        return await self._parts.begin(bucket, key, meta, self._classes.to_wire(storage_class))

    async def complete_upload(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        parts: Sequence[Part],
        *,
        replace: VersionPin | None = None,
    ) -> Written:
        """Make the object of its parts, create-only unless `replace` is given."""
        condition = await self._conditions.header(bucket, key, replace, completing=True)
        written = await self._parts.complete(bucket, key, upload_id, parts, condition)
        return await self._conditions.settled(bucket, key, written)

    # -- copying on the server ----------------------------------------------------------

    def can_copy_from(self, other: ObjectStore) -> bool:
        """One endpoint (Amazon is one, whatever the region) and one set of credentials: two
        accounts may each have a bucket of one name, and keys of their own."""
        if not isinstance(other, S3Store) or self._read_only:
            return False
        here, there = self._client.endpoint, other._client.endpoint
        return here.locate("b", "k") == there.locate("b", "k") and self._account == other._account

    async def copy(
        self,
        source_bucket: str,
        source_key: str,
        bucket: str,
        key: str,
        *,
        pin: VersionPin,
        size: int,
        meta: ObjectMeta,
        storage_class: str = "",
        replace: VersionPin | None = None,
    ) -> Written:
        """CopyObject of exactly that version, up to 5 GiB. See `ObjectStore.copy`."""
        await self._checked(bucket, key)
        return await self._server_copy.copy(
            (source_bucket, source_key),
            (bucket, key),
            pin=pin,
            size=size,
            meta=meta,
            wire_class=self._classes.to_wire(storage_class),
            replace=replace,
        )

    async def copies_parts(self, bucket: str) -> bool:
        """Whether parts can be copied into that bucket with the source pinned."""
        await self.conditions(bucket)
        return await self._server_copy.pins_source(bucket)

    async def copy_part(
        self,
        source_bucket: str,
        source_key: str,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        *,
        pin: VersionPin,
        start: int,
        stop: int,
    ) -> Part:
        """UploadPartCopy of bytes start ≤ i < stop of exactly that version."""
        return await self._server_copy.copy_part(
            (source_bucket, source_key),
            (bucket, key),
            upload_id,
            number,
            pin=pin,
            start=start,
            stop=stop,
        )

    # -- deleting -----------------------------------------------------------------------

    async def delete(self, bucket: str, key: str, *, pin: VersionPin) -> None:
        """Delete exactly that version: by its version id, else on If-Match.

        A version id never means anything else, and Amazon refuses the two together.
        """
        query = version_query(pin)
        headers = {} if query else match_header(pin, self._client.at(bucket, key))
        if query:
            await self.still(bucket, key, pin=pin)
        try:
            reply = await self._client.call("DELETE", bucket, key, query=query, headers=headers)
        except PreconditionFailed:
            await self.head(bucket, key)  # some servers say so of an absent object, too
            raise
        if b"<Error" in reply.body[:1024]:
            raise_hidden_error(reply, "DeleteResult", "DELETE", self._client.at(bucket, key))

    async def guards_deletes(self, bucket: str) -> bool:
        """Known for Amazon; elsewhere a canary is asked to survive, once for each bucket."""
        return (await self.conditions(bucket)).delete

    async def conditions(self, bucket: str) -> Conditions:
        """Which conditions the bucket really honours; `capabilities` then says so, too."""
        found = await self._conditions.honoured(bucket)
        can = self.capabilities
        if found.known and (can.create_only, can.tags) != (found.create, found.tags):
            self.capabilities = replace_fields(can, create_only=found.create, tags=found.tags)
        return found

    # -- classes, restore, keys ---------------------------------------------------------

    async def set_class(
        self, bucket: str, key: str, *, pin: VersionPin, storage_class: str
    ) -> ObjectHead:
        """Copy the object onto itself in another class.

        Raises NotSupported if the server answers well but keeps the class as it was.
        """
        before = await self.head(bucket, key, pin=pin)
        if before.storage_class == storage_class:
            return before
        wire = self._classes.to_wire(storage_class)
        etag = await copy_onto_itself(self._client, self._parts, bucket, before, wire)
        after = await self.head(bucket, key, pin=pin_after(before.pin, etag))
        if after.storage_class != storage_class:
            raise NotSupported(
                f"The server accepted the change and keeps the object in {after.storage_class}.",
                subject=self._client.at(bucket, key),
                safe="The object's bytes are unchanged.",
            )
        return after

    async def restore(
        self, bucket: str, key: str, *, pin: VersionPin, days: int, speed: str
    ) -> None:
        """Ask for an archived object back; `speed` is standard, bulk or expedited."""
        found = await self.head(bucket, key, pin=pin)
        if not found.archived and found.restore is RestoreState.NONE:
            raise NotSupported(
                f"The object is in {found.storage_class} and can be read as it is.",
                subject=self._client.at(bucket, key),
            )
        body = xml.restore_request(days, speed.capitalize() or "Standard")
        query = [("restore", ""), *version_query(pin)]
        try:
            await self._client.call("POST", bucket, key, query=query, body=body)
        except StoreError as error:
            if error.code != "RestoreAlreadyInProgress":
                raise

    def check_key(self, key: str) -> str:
        """Why this server cannot hold the key; what it is shows in its first answer."""
        return key_problem(
            key,
            MAX_KEY,
            server=self._client.server,
            gcs=self._client.endpoint.is_gcs,
        )

    def locate(self, bucket: str, key: str) -> str:
        """Endpoint, bucket and key; for Amazon the bucket alone, whose name is the world's."""
        return self._client.endpoint.locate(bucket, key)

    async def part_sizes(
        self, bucket: str, key: str, *, pin: VersionPin, count: int
    ) -> tuple[int, ...]:
        """By HEAD with a part number; empty where the server ignores that."""
        return await self._parts.part_sizes(bucket, key, pin, count)

    async def _checked(self, bucket: str, key: str) -> str:
        at = self._client.at(bucket, key)
        if not self._client.server and key_problem(key, MAX_KEY, server=FILE_SERVER):
            # What a server of files would do to this key is not to be found out by trying.
            await self._client.call("HEAD", bucket)
        problem = self.check_key(key)
        if problem:
            raise KeyNotSupported(
                f"This store cannot hold the key: {problem}.", subject=at, safe="Nothing was sent."
            )
        await self.conditions(bucket)
        return at


def _attested(*, is_aws: bool, is_gcs: bool) -> frozenset[str]:
    """Checksums that the provider computes over the whole object itself.

    Others that speak S3 are only trusted with the MD5 of the ETag, as the protocol has it.
    """
    if is_aws:
        return _AWS_ATTESTED
    return frozenset({"md5", "crc32c"} if is_gcs else {"md5"})
