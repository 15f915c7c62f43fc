"""Google Cloud Storage, by its JSON API."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace as replace_fields

from engine.errors import (
    ConfigError,
    KeyNotSupported,
    NotFound,
    NotSupported,
    PreconditionFailed,
    StoreError,
)
from engine.model import ListPage, ObjectHead, ObjectMeta, StoreKind, VersionPin
from engine.settings import CloudSettings
from engine.stores.base import Capabilities, DeleteGuard, ObjectStore, Part, Written
from engine.stores.gcs_client import GCSClient, Resource
from engine.stores.gcs_endpoint import Query
from engine.stores.gcs_keys import MAX_KEY, is_ours, key_problem
from engine.stores.gcs_listing import BUCKETS, OBJECTS, list_pages, listing_query
from engine.stores.gcs_parts import MAX_PARTS, Parts
from engine.stores.gcs_probe import ALL, ConditionProbe, Conditions
from engine.stores.gcs_reader import (
    GCSReader,
    another_version,
    describe,
    gone_or_changed,
    open_reader,
    version_query,
)
from engine.stores.gcs_resource import (
    ROW,
    condition,
    generations,
    pin_of,
    read_head,
    row,
    write_resource,
)
from engine.stores.gcs_rewrite import check_class, rewrite, rewrite_class
from engine.stores.gcs_upload import put_stream, written
from engine.stores.gcs_versions import list_versions
from engine.stores.parts_store import PartsStore
from engine.stores.versions import Kept


class GCSStore(PartsStore[Parts]):
    """One endpoint with one account."""

    kind = StoreKind.GCS

    def __init__(self, settings: CloudSettings) -> None:
        self._client = GCSClient(settings)
        self.name = settings.name
        self.provider = settings.provider
        self.region = settings.region
        self._settings = settings
        self._trusted = self._client.endpoint.is_google
        self.capabilities = Capabilities(
            set_class=True,
            user_metadata=True,
            content_headers=True,
            versions=True,
            server_copy=True,
            delete_guard=DeleteGuard.KNOWN if self._trusted else DeleteGuard.PROBE,
            attested=frozenset({"crc32c", "md5"}),
            readable=frozenset({"STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"}),
            max_key_bytes=MAX_KEY,
            max_parts=MAX_PARTS,
            min_part=1,
        )
        self._parts = Parts(self._client)
        self._probe = ConditionProbe(self._client)

    @property
    def clock_offset(self) -> float:
        """Seconds that the server's clock was ahead of ours in its last answer, 0 unknown."""
        return self._client.clock_offset

    async def close(self) -> None:
        """Close connections. Safe to call twice."""
        await self._client.close()

    # -- buckets and listing ------------------------------------------------------------

    async def buckets(self) -> list[str]:
        """Names of all buckets of the project; without one, the configured bucket alone."""
        project, at = await self._client.project(), self._client.at("")
        if not project and self._settings.bucket:
            url = self._client.endpoint.objects(self._settings.bucket, [("maxResults", "1")])
            await self._client.ask("GET", url, at=self._client.at(self._settings.bucket))
            return [self._settings.bucket]
        if not project:
            raise ConfigError(
                "The credentials name no project, so its buckets cannot be listed.",
                subject=f"clouds.{self.name}",
                todo="Add project or bucket to the cloud in astra.toml.",
            )
        query = [("project", project), ("fields", "kind,nextPageToken,items(name)")]
        names: list[str] = []
        pages = list_pages(
            self._client, lambda asked: self._client.endpoint.bucket("", asked), query, BUCKETS, at
        )
        async for page in pages:
            names += [str(item["name"]) for item in page]
        return names

    async def create_bucket(self, bucket: str) -> None:
        """Make it if it is not there. Raises StoreError if it is somebody else's."""
        at = self._client.at(bucket)
        there = self._client.endpoint.bucket(bucket, [])
        url = self._client.endpoint.bucket("", [("project", await self._client.project())])
        send: Resource = {"name": bucket}
        if self.region:
            send["location"] = self.region
        try:
            await self._client.ask("POST", url, at=at, send=send)
        except StoreError as error:
            if error.status != 409:
                raise
            await self._client.ask("GET", there, at=at)

    async def list_pages(self, bucket: str, prefix: str = "") -> AsyncGenerator[ListPage, None]:
        """A thousand objects a page; raises rather than end early."""
        at = self._client.at(bucket, prefix)
        pages = list_pages(
            self._client,
            lambda asked: self._client.endpoint.objects(bucket, asked),
            listing_query(prefix, ROW),
            OBJECTS,
            at,
        )
        async for page in pages:
            rows = [row(item, at) for item in page]
            entries = [
                entry for entry in rows if entry.key.startswith(prefix) and not is_ours(entry.key)
            ]
            if entries:
                yield ListPage(entries)

    # -- reading ------------------------------------------------------------------------

    async def head(self, bucket: str, key: str, *, pin: VersionPin | None = None) -> ObjectHead:
        """Describe the object."""
        return read_head(await describe(self._client, bucket, key, pin))

    @asynccontextmanager
    async def read(
        self, bucket: str, key: str, *, pin: VersionPin, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[GCSReader]:
        """Open bytes start ≤ i < stop of exactly that version, as they are stored."""
        async with open_reader(self._client, bucket, key, pin, start, stop) as reader:
            yield reader

    # -- what was there before ----------------------------------------------------------

    async def versions(self, bucket: str, key: str) -> Kept:
        """The generations of the object. See `Versioned`."""
        return await list_versions(self._client, bucket, key)

    async def head_version(self, bucket: str, key: str, *, pin: VersionPin) -> ObjectHead:
        """Describe exactly that generation."""
        return await self.head(bucket, key, pin=pin)

    def read_version(
        self, bucket: str, key: str, *, pin: VersionPin, stop: int | None = None
    ) -> AbstractAsyncContextManager[GCSReader]:
        """Open the bytes before `stop` of exactly that generation."""
        return self.read(bucket, key, pin=pin, stop=stop)

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
        """One upload, create-only unless `replace` is given. See `ObjectStore.write`."""
        at = self._checked(bucket, key)
        found = await self.conditions(bucket)
        resource = {"name": key, **write_resource(meta, storage_class, at)}
        honoured = found.create if replace is None else found.replace
        query = await self._condition(bucket, key, replace, honoured=honoured)
        made = await put_stream(self._client, bucket, resource, body, size, query=query, md5=md5)
        return written(made)

    async def begin_upload(
        self, bucket: str, key: str, *, meta: ObjectMeta, storage_class: str = ""
    ) -> str:
        """Begin an upload in parts."""
        self._checked(bucket, key)
        await self.conditions(bucket)
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
        """Make the object of its parts, create-only unless `replace` is given."""
        found = await self.conditions(bucket)
        query = await self._condition(bucket, key, replace, honoured=found.compose)
        return await self._parts.complete(bucket, key, upload_id, parts, query)

    # -- copying ------------------------------------------------------------------------

    def can_copy_from(self, other: ObjectStore) -> bool:
        """Whether one account at one endpoint reaches both ends."""
        return (
            isinstance(other, GCSStore)
            and other._client.endpoint == self._client.endpoint
            and other._settings.credentials_file == self._settings.credentials_file
        )

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
        """Let the store copy exactly version `pin`, create-only unless `replace` is given.

        Raises NotSupported, and writes nothing, where the server ignores the conditions.
        """
        at = self._checked(bucket, key)
        if not (await self.conditions(bucket)).rewrite:
            raise NotSupported(
                "This server ignores the conditions on copies that it makes itself.",
                subject=at,
                safe="Nothing was written.",
            )
        before = pin_of(await describe(self._client, source_bucket, source_key, pin))
        if replace is not None:
            replace = pin_of(await describe(self._client, bucket, key, replace))
        made = await rewrite(
            self._client,
            (source_bucket, source_key),
            (bucket, key),
            pin=before,
            replace=replace,
            resource=write_resource(meta, storage_class, at),
        )
        if made["size"] != str(size):
            raise another_version(at)
        return written(made)

    # -- deleting -----------------------------------------------------------------------

    async def delete(self, bucket: str, key: str, *, pin: VersionPin) -> None:
        """Delete exactly that generation, if its metadata is still the same, too.

        In a versioned bucket it is gone for good, and others stay. Where the server is not
        known to honour conditions, the version is looked at just before.
        """
        at = self._client.at(bucket, key)
        generation, metageneration = generations(pin, at)
        if not self._trusted or not generation:
            found = pin_of(await describe(self._client, bucket, key, pin))
            generation, metageneration = generations(found, at)
        query = [*version_query(generation, metageneration), *condition(generation, "")]
        url = self._client.endpoint.object(bucket, key, query, at)
        try:
            await self._client.call("DELETE", url, at=at)
        except NotFound as error:
            raise await gone_or_changed(self._client, bucket, key, error) from error

    async def guards_deletes(self, bucket: str) -> bool:
        """Known for Google; elsewhere a canary is asked to survive, once for each bucket."""
        return (await self.conditions(bucket)).delete

    async def conditions(self, bucket: str) -> Conditions:
        """Which conditions the bucket really honours; `capabilities` then says so, too."""
        if self._trusted:
            return ALL
        if self._settings.read_only:
            return Conditions()
        found = await self._probe.conditions(bucket)
        if found.known:
            self.capabilities = replace_fields(self.capabilities, create_only=found.create)
        return found

    # -- classes, restore, keys ---------------------------------------------------------

    async def set_class(
        self, bucket: str, key: str, *, pin: VersionPin, storage_class: str
    ) -> ObjectHead:
        """Rewrite the object onto itself in another class.

        Raises NotSupported if the server answers well but keeps the class as it was.
        """
        before = await describe(self._client, bucket, key, pin)
        if read_head(before).storage_class == storage_class:
            return read_head(before)
        made = await rewrite_class(self._client, bucket, before, storage_class)
        after = await self.head(bucket, key, pin=pin_of(made))
        return check_class(after, storage_class, self._client.at(bucket, key))

    async def restore(
        self, bucket: str, key: str, *, pin: VersionPin, days: int, speed: str
    ) -> None:
        """Nothing is ever to be restored here: every class can be read at once."""
        found = await self.head(bucket, key, pin=pin)
        raise NotSupported(
            f"The object is in {found.storage_class} and can be read as it is.",
            subject=self._client.at(bucket, key),
        )

    def check_key(self, key: str) -> str:
        """Why the name cannot be held exactly, "" if it can."""
        return key_problem(key)

    def locate(self, bucket: str, key: str) -> str:
        """Endpoint, bucket and key; Google's bucket names are the world's."""
        return self._client.endpoint.locate(bucket, key)

    async def part_sizes(
        self, bucket: str, key: str, *, pin: VersionPin, count: int
    ) -> tuple[int, ...]:
        """Empty: an object remembers no parts, and its crc32c needs none."""
        return ()

    async def _condition(
        self, bucket: str, key: str, replace: VersionPin | None, *, honoured: bool
    ) -> Query:
        """The condition of a write; where it is not known to be honoured, looked at before."""
        at = self._client.at(bucket, key)
        if replace is not None:
            generation, metageneration = generations(replace, at)
            if not honoured or not generation:
                found = pin_of(await describe(self._client, bucket, key, replace))
                generation, metageneration = generations(found, at)
            return condition(generation, metageneration)
        if not honoured and await self._exists(bucket, key):
            raise PreconditionFailed(
                "An object of this name is already there.",
                subject=at,
                safe="What is there is left alone.",
                code="Changed",
            )
        return condition("0", "")

    async def _exists(self, bucket: str, key: str) -> bool:
        try:
            await describe(self._client, bucket, key)
        except NotFound:
            return False
        return True

    def _checked(self, bucket: str, key: str) -> str:
        at, problem = self._client.at(bucket, key), key_problem(key)
        if problem:
            raise KeyNotSupported(
                f"This store cannot hold the key: {problem}.", subject=at, safe="Nothing was sent."
            )
        return at
