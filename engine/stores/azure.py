"""Azure Blob Storage: an account is a cloud, a container a bucket, a blob an object."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import replace as replace_fields

from engine.errors import (
    BadResponse,
    KeyNotSupported,
    NotSupported,
    PreconditionFailed,
    StoreError,
)
from engine.model import (
    Checksum,
    ListPage,
    ObjectHead,
    ObjectMeta,
    StoreKind,
    VersionPin,
)
from engine.settings import CloudSettings
from engine.stores import azure_versions
from engine.stores import azure_xml as xml
from engine.stores.azure_blocks import Blocks, written_pin
from engine.stores.azure_client import AzureClient
from engine.stores.azure_conditions import WriteConditions
from engine.stores.azure_copy import COPY_LIMIT, ServerCopy
from engine.stores.azure_errors import ROOT_VERSION
from engine.stores.azure_headers import md5_of, read_head, write_headers
from engine.stores.azure_keys import is_risky, key_problem
from engine.stores.azure_md5 import KnownMd5s
from engine.stores.azure_reader import AzureReader, match_header, open_reader, version_query
from engine.stores.azure_sign import md5_header, md5_hex
from engine.stores.azure_tiers import Tiers
from engine.stores.base import (
    Capabilities,
    DeleteGuard,
    Fetched,
    Fetcher,
    ObjectStore,
    Part,
    Written,
)
from engine.stores.body import CHUNK, Body
from engine.stores.http_answer import Reply
from engine.stores.parts_store import PartsStore
from engine.stores.s3_probe import Conditions
from engine.stores.s3_reader import check_pin
from engine.stores.versions import Kept

_SMALL = 128 * 1024  # bytes; up to here an MD5 costs next to nothing
_PAGE = 1000
# Of Azure itself, and of an emulator on this machine: another server may only repeat our MD5.
_ATTESTED = frozenset({"md5"})


class AzureStore(PartsStore[Blocks], Fetcher):
    """One storage account with one credential."""

    kind = StoreKind.AZURE

    def __init__(self, settings: CloudSettings) -> None:
        self._client = AzureClient(settings)
        trusted = self._client.endpoint.is_azure
        self.name = settings.name
        self.provider = settings.provider
        self.region = settings.region
        self.capabilities = Capabilities(
            set_class=True,
            restore=True,
            tags=True,
            user_metadata=True,
            content_headers=True,
            versions=True,
            server_copy=True,
            delete_guard=DeleteGuard.KNOWN if trusted else DeleteGuard.PROBE,
            attested=_ATTESTED if trusted or self._client.endpoint.loopback else frozenset(),
            readable=frozenset({"Hot", "Cool", "Cold"}),
            max_key_bytes=4096,
            max_object=50_000 * 4000 * 1024**2,
            max_parts=50_000,
            min_part=1,
            copy_limit=COPY_LIMIT,
        )
        self._read_only = settings.read_only
        self._trusted = trusted
        self._parts = Blocks(self._client)
        self._server_copy = ServerCopy(self._client, self._parts)
        self._tiers = Tiers(self._client, self.head)
        self._conditions = WriteConditions(
            self._client, self.head, trusted=trusted, read_only=settings.read_only
        )
        self._md5s = KnownMd5s()
        self._directories: bool | None = False  # a hierarchical namespace; None: cannot be known
        self._asked = False

    @property
    def clock_offset(self) -> float:
        """Seconds that the server's clock was ahead of ours in its last answer, 0 unknown."""
        return self._client.clock_offset

    async def close(self) -> None:
        """Close connections. Safe to call twice."""
        await self._client.close()

    # -- containers and listing ---------------------------------------------------------

    async def buckets(self) -> list[str]:
        """Names of all containers of the account."""
        names, marker, seen = list[str](), "", set[str]()
        while True:
            query = [("comp", "list"), *([("marker", marker)] if marker else [])]
            reply = await self._client.call("GET", "", query=query)
            found, marker = xml.containers(reply.body, self.name)
            names += found
            if not marker:
                return sorted(names)
            if marker in seen:
                raise BadResponse("The listing goes in a circle.", subject=self.name)
            seen.add(marker)

    async def create_bucket(self, bucket: str) -> None:
        """Make the container if it is not there."""
        try:
            await self._client.call("PUT", bucket, query=[("restype", "container")])
        except StoreError as error:
            if error.code != "ContainerAlreadyExists":
                raise

    async def list_pages(self, bucket: str, prefix: str = "") -> AsyncGenerator[ListPage, None]:
        """List Blobs, at most 1,000 keys a page here; raises rather than end early."""
        async with aclosing(self._parts.pages(bucket, prefix)) as pages:
            async for rows in pages:
                for start in range(0, len(rows), _PAGE):
                    yield ListPage([row.entry for row in rows[start : start + _PAGE]])

    # -- reading ------------------------------------------------------------------------

    async def head(self, bucket: str, key: str, *, pin: VersionPin | None = None) -> ObjectHead:
        """Describe the blob, its tags included where they may be read."""
        at, query, headers = self._client.at(bucket, key), list[tuple[str, str]](), {}
        if pin is not None:
            headers, query = match_header(pin, at), version_query(pin)
        try:
            reply = await self._client.call("HEAD", bucket, key, query=query, headers=headers)
        except PreconditionFailed:
            await self._conditions.must_exist(bucket, key)
            raise
        length = reply.headers.get("content-length", "")
        if not length.isdigit():
            raise BadResponse("The server does not say how long the blob is.", subject=at)
        return await self._described(bucket, key, int(length), reply, pin)

    async def _described(
        self, bucket: str, key: str, size: int, reply: Reply, pin: VersionPin | None
    ) -> ObjectHead:
        """The blob of an answer, its tags asked for where it has any."""
        at, query = self._client.at(bucket, key), version_query(pin) if pin is not None else []
        tags: tuple[tuple[str, str], ...] = ()
        if reply.headers.get("x-ms-tag-count", "0") != "0":
            tagging = await self._client.call("GET", bucket, key, query=[("comp", "tags"), *query])
            tags = xml.tags(tagging.body, at)
        found = read_head(key, size, reply.headers, tags=tags)
        if pin is not None:
            check_pin(found.pin, pin, at)
        return self._md5s.attest(bucket, found)

    @asynccontextmanager
    async def read(
        self, bucket: str, key: str, *, pin: VersionPin, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[AzureReader]:
        """Open bytes start ≤ i < stop of exactly that version."""
        entered = False
        try:
            async with open_reader(self._client, bucket, key, pin, start, stop) as reader:
                entered = True
                yield reader
        except PreconditionFailed:
            if not entered:
                await self._conditions.must_exist(bucket, key)
            raise

    async def fetch(
        self, bucket: str, key: str, *, pin: VersionPin, describe: bool = True
    ) -> Fetched:
        """A small blob: its head and its bytes by one request (and one for tags, if any)."""
        at = self._client.at(bucket, key)
        headers = match_header(pin, at)
        try:
            reply = await self._client.call(
                "GET", bucket, key, query=version_query(pin), headers=headers, size=pin.size
            )
        except PreconditionFailed:
            await self._conditions.must_exist(bucket, key)
            raise
        if reply.status != 200:
            raise BadResponse("The answer does not hold the whole blob.", subject=at)
        if describe:
            head = await self._described(bucket, key, len(reply.body), reply, pin)
        else:
            head = read_head(key, len(reply.body), reply.headers)
            check_pin(head.pin, pin, at)
        return Fetched(head, reply.body)

    # -- what was there before ----------------------------------------------------------

    async def versions(self, bucket: str, key: str) -> Kept:
        """Versions and snapshots of the blob. See `Versioned`."""
        return await azure_versions.list_versions(self._client, bucket, key)

    async def head_version(self, bucket: str, key: str, *, pin: VersionPin) -> ObjectHead:
        """Describe exactly that version or snapshot."""
        return await azure_versions.describe(self._client, bucket, key, pin)

    def read_version(
        self, bucket: str, key: str, *, pin: VersionPin, stop: int | None = None
    ) -> AbstractAsyncContextManager[AzureReader]:
        """Open the bytes before `stop` of exactly that version or snapshot."""
        return azure_versions.read_version(self._client, bucket, key, pin, stop)

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
        """One Put Blob, create-only unless `replace` is given. See `ObjectStore.write`.

        The MD5 that the answer tells is the service's own, of what it stored.
        """
        at = await self._checked(bucket, key, meta)
        headers = write_headers(meta, storage_class, at)
        sized = Body(body, size, at=at)
        payload: bytes | Body = sized
        if size <= CHUNK:
            payload = await sized.whole()
            md5 = md5 or (md5_hex(payload) if size <= _SMALL else "")
        headers |= md5_header(md5) | {"x-ms-blob-type": "BlockBlob"}
        headers |= await self._conditions.header(bucket, key, replace)
        reply = await self._client.call("PUT", bucket, key, headers=headers, body=payload)
        pin = written_pin(reply.headers, size, at)
        stored = md5_of(reply.headers.get("content-md5", ""))
        if not stored or not self.capabilities.attested:
            return Written(pin)
        self._md5s.wrote(bucket, key, pin.etag, stored)
        return Written(pin, (Checksum("md5", stored),))

    async def begin_upload(
        self, bucket: str, key: str, *, meta: ObjectMeta, storage_class: str = ""
    ) -> str:
        """Begin an upload in blocks."""
        await self._checked(bucket, key, meta)
        return await self._parts.begin(bucket, key, meta, storage_class)

    async def complete_upload(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        parts: Sequence[Part],
        *,
        replace: VersionPin | None = None,
    ) -> Written:
        """Commit the blocks, create-only unless `replace` is given. Attests nothing."""
        condition = await self._conditions.header(bucket, key, replace)
        return await self._parts.complete(bucket, key, upload_id, parts, condition)

    # -- copying on the server ----------------------------------------------------------

    def can_copy_from(self, other: ObjectStore) -> bool:
        """Whether the service itself can copy from there: the same account."""
        if not isinstance(other, AzureStore) or self._read_only:
            return False
        return self.locate("b", "k") == other.locate("b", "k")

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
        """Copy Blob From URL of exactly that version, up to 256 MiB. See `ObjectStore.copy`."""
        await self._checked(bucket, key, meta)
        return await self._server_copy.copy(
            (source_bucket, source_key),
            (bucket, key),
            pin=pin,
            size=size,
            meta=meta,
            storage_class=storage_class,
            condition=await self._conditions.header(bucket, key, replace),
        )

    async def copies_parts(self, bucket: str) -> bool:
        """Whether parts can be copied with the source pinned: known of Azure itself alone."""
        return self._trusted

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
        """Put Block From URL of bytes start ≤ i < stop of exactly that version."""
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
        """Delete exactly that version, on If-Match; its snapshots are never deleted with it.

        Where the account keeps versions, deleting the current blob leaves it behind as an
        earlier version, which is then deleted by its id: that never means another one. The id is
        tried first, so that a permission that is lacking is met before anything is deleted.
        """
        headers = match_header(pin, self._client.at(bucket, key))
        if pin.version_id:
            try:
                await self._delete(bucket, key, version_query(pin), headers)
            except NotSupported as error:
                if error.code != ROOT_VERSION:
                    raise
            else:
                return
        try:
            await self._delete(bucket, key, [], headers)
        except PreconditionFailed:
            await self._conditions.must_exist(bucket, key)
            raise
        if pin.version_id:
            await self._delete(bucket, key, version_query(pin), headers)

    async def _delete(
        self, bucket: str, key: str, query: list[tuple[str, str]], headers: dict[str, str]
    ) -> None:
        reply = await self._client.call("DELETE", bucket, key, query=query, headers=headers)
        if reply.status != 202:  # whatever stands in front of it said so
            raise BadResponse(
                "The answer is not the service's own to a delete.",
                subject=self._client.at(bucket, key),
                safe="It is not known whether it was deleted.",
                status=reply.status,
            )

    async def guards_deletes(self, bucket: str) -> bool:
        """Known for Azure itself; elsewhere a canary is asked to survive, once a container."""
        return self._trusted or (await self.conditions(bucket)).delete

    async def conditions(self, bucket: str) -> Conditions:
        """Which conditions the container honours; `capabilities` then says so, too."""
        found = await self._conditions.honoured(bucket)
        if found.known:
            self.capabilities = replace_fields(
                self.capabilities, create_only=found.create, tags=found.tags
            )
        return found

    # -- tiers, restore, keys -----------------------------------------------------------

    async def set_class(
        self, bucket: str, key: str, *, pin: VersionPin, storage_class: str
    ) -> ObjectHead:
        """Set Blob Tier. Bytes, ETag and metadata stay as they are.

        The request itself takes no condition, so the version is looked at before and after.
        Raises PreconditionFailed if another one took its place meanwhile.
        """
        return await self._tiers.change(bucket, key, pin, storage_class)

    async def restore(
        self, bucket: str, key: str, *, pin: VersionPin, days: int, speed: str
    ) -> None:
        """Bring an archived blob back to Hot, for good: Azure knows no number of days.

        `speed` expedited asks for High priority, anything else for Standard.
        """
        await self._tiers.restore(bucket, key, pin, speed)

    def check_key(self, key: str) -> str:
        """Why the service cannot hold the key exactly, as far as is known of the account."""
        return key_problem(key, directories=self._directories)

    def locate(self, bucket: str, key: str) -> str:
        """Account, container and key."""
        return self._client.endpoint.locate(bucket, key)

    async def part_sizes(
        self, bucket: str, key: str, *, pin: VersionPin, count: int
    ) -> tuple[int, ...]:
        """None: no digest of a blob is made of its blocks."""
        return ()

    async def _checked(self, bucket: str, key: str, meta: ObjectMeta) -> str:
        at = self._client.at(bucket, key)
        if is_risky(key) and not self._asked:
            self._directories = await self._has_directories()
            self._asked = True
        problem = self.check_key(key)
        if problem:
            raise KeyNotSupported(
                f"This store cannot hold the key: {problem}.", subject=at, safe="Nothing was sent."
            )
        if meta.tags and not (await self.conditions(bucket)).tags:
            raise NotSupported(
                "Blob index tags cannot be set here: they need a permission of their own (`t`, or"
                " the role Storage Blob Data Owner), and an account without folders.",
                subject=at,
                safe="Nothing was written.",
                todo="Allow it, or retry the job: the tags are then left behind, and it says so.",
            )
        return at

    async def _has_directories(self) -> bool | None:
        query = [("restype", "account"), ("comp", "properties")]
        try:
            reply = await self._client.call("GET", "", query=query)
        except StoreError as error:
            if error.retryable:
                raise
            return None
        value = reply.headers.get("x-ms-is-hns-enabled", "").lower()
        return {"true": True, "false": False}.get(value)
