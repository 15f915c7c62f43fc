"""The stores that the suite runs against, and what each server is known to get wrong.

A gap is a fact about a server, not about Astra: the test that meets one is skipped with it as
the recorded reason. The tests themselves know no server by name.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.model import ListEntry, ObjectHead, ObjectMeta, Provider, StoreKind, VersionPin
from engine.settings import CloudSettings
from engine.stores import open_store
from engine.stores.base import ObjectStore, Written
from engine.stores.s3_client import S3Client
from tests.fake_s3 import FakeS3
from tests.servers import AzureServer, GCSServer, S3Server

GAPS: Mapping[str, Mapping[str, str]] = {
    "local": {
        "classes": "a disk has one storage class",
        "restore": "a disk has no archive",
        "checksums": "a file system computes none",
        "part-sizes": "a file remembers no parts",
    },
    "moto": {
        "md5": "moto takes a body whose Content-MD5 is wrong",
        "newline": "moto's routes match no newline in a key",
        "part-sizes": "moto answers HEAD ?partNumber without the number of parts",
        "gone-uploads": "moto answers 500 for a part of an upload that is gone",
    },
    "seaweed": {
        "restore": "SeaweedFS has no restore (405)",
        "order": "SeaweedFS lists folder by folder, b/c/ before b/c-",
        "versions": "not probed: versions are tested on moto",
    },
    "rclone": {
        "conditions": "rclone serve s3 ignores every condition",
        "classes": "rclone serve s3 knows STANDARD only",
        "restore": "rclone serve s3 has no restore",
        "tags": "rclone serve s3 drops tags",
        "control-keys": "rclone serve s3 lists control characters as other characters",
        "normal-keys": "rclone serve s3 makes one object of NFC and NFD spellings",
        "slow-list": "rclone serve s3 lists 10,000 files too slowly for a test",
        "honest-classes": "rclone serve s3 repeats any class it was told, and changes nothing",
        "parts-twice": "rclone serve s3 has written a part away before it could be replaced",
        "uploads": "rclone serve s3 lists no unfinished uploads",
        "multipart-etag": "rclone serve s3 gives the plain MD5 for a multipart object",
        "part-sizes": "rclone serve s3 remembers no parts",
        "versions": "rclone serve s3 has no versions",
    },
    "azurite": {
        "multipart-etag": "no ETag of Azure is made of blocks",
        "part-sizes": "no digest of a blob is made of its blocks",
        "versions": "Azurite has no versions",
    },
    "fakegcs": {
        "delete-conditions": "fake-gcs-server ignores conditions on deletes",
        "class-change": "fake-gcs-server keeps the class in a rewrite",
        "composed-metadata": "fake-gcs-server composes with content type and metadata alone",
        "restore": "every class of Google Cloud Storage can be read at once",
        "tags": "objects in Google Cloud Storage have no tags",
        "multipart-etag": "no ETag of Google Cloud Storage is made of parts",
        "part-sizes": "an object in Google Cloud Storage remembers no parts",
        "versions": "fake-gcs-server fails with versioning",
    },
    "gcs": {
        "restore": "every class of Google Cloud Storage can be read at once",
        "tags": "objects in Google Cloud Storage have no tags",
        "multipart-etag": "no ETag of Google Cloud Storage is made of parts",
        "part-sizes": "an object in Google Cloud Storage remembers no parts",
    },
    "fakeazure": {
        "multipart-etag": "no ETag of Azure is made of blocks",
        "part-sizes": "no digest of a blob is made of its blocks",
        "versions": "versions are tested on the scripted service by themselves",
    },
    "fake": {"versions": "the scripted server has no versions"},
}

# Amazon allows letters, digits, spaces and + - = . _ : / @ in tags; Azure no @, and ASCII alone.
TAGS = (("cost centre", "42 +/é"), ("empty", ""), ("owner", "a=b:c@d"))
WORDS: Mapping[StoreKind, Mapping[str, Any]] = {
    StoreKind.GCS: {"cool": "NEARLINE", "tags": ()},
    StoreKind.AZURE: {
        "default": "Hot",
        "cool": "Cool",
        "archive": "Archive",
        "tags": (("cost centre", "42 +/-"), ("empty", ""), ("owner", "a=b:c_d")),
    },
}


@dataclass(frozen=True, slots=True)
class Place:
    """A store, an empty bucket of its own, and what its server cannot do."""

    server: str
    store: ObjectStore
    bucket: str
    gaps: Mapping[str, str] = field(default_factory=dict)
    default: str = "STANDARD"
    cool: str = "STANDARD_IA"  # a class that can be read at once and is not the default
    archive: str = "GLACIER"
    tags: tuple[tuple[str, str], ...] = TAGS

    def needs(self, *features: str) -> None:
        """Skip, with the recorded reason, where the server lacks one of these."""
        for feature in features:
            if feature in self.gaps:
                pytest.skip(self.gaps[feature])

    async def put(
        self,
        key: str,
        data: bytes = b"",
        *,
        meta: ObjectMeta | None = None,
        storage_class: str = "",
        replace: VersionPin | None = None,
        md5: str = "",
    ) -> Written:
        """Write `data` in pieces of 1 MiB."""
        return await self.store.write(
            self.bucket,
            key,
            pieces(data),
            size=len(data),
            meta=meta or ObjectMeta(),
            storage_class=storage_class,
            replace=replace,
            md5=md5,
        )

    async def head(self, key: str, pin: VersionPin | None = None) -> ObjectHead:
        return await self.store.head(self.bucket, key, pin=pin)

    async def get(
        self, key: str, pin: VersionPin | None = None, start: int = 0, stop: int | None = None
    ) -> bytes:
        """Read bytes start ≤ i < stop of the pinned (or present) version."""
        pin = pin or (await self.head(key)).pin
        async with self.store.read(self.bucket, key, pin=pin, start=start, stop=stop) as reader:
            data = b"".join([chunk async for chunk in reader])
            assert len(data) == reader.size
            return data

    async def entries(self, prefix: str = "") -> list[ListEntry]:
        pages = [page async for page in self.store.list_pages(self.bucket, prefix)]
        return [entry for page in pages for entry in page.entries]

    async def keys(self, prefix: str = "") -> list[str]:
        return [entry.key for entry in await self.entries(prefix)]


async def pieces(data: bytes, size: int = 1024**2) -> AsyncIterator[bytes]:
    """An object's bytes as a stream."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


SERVERS = ("local", "moto", "seaweed", "rclone", "fake", "azurite", "fakeazure", "fakegcs", "gcs")


@pytest.fixture(params=SERVERS)
async def place(
    request: pytest.FixtureRequest, tmp_path: Path, bucket_name: str
) -> AsyncIterator[Place]:
    """An empty bucket on each kind of server in turn."""
    server = str(request.param)
    settings = settings_for(request, server, tmp_path)
    store = open_store(settings)
    try:
        await store.create_bucket(bucket_name)
        yield Place(server, store, bucket_name, GAPS[server], **WORDS.get(store.kind, {}))
    finally:
        await store.close()
        if server == "seaweed":
            await drop_bucket(settings, bucket_name)


async def drop_bucket(settings: CloudSettings, bucket: str) -> None:
    """Remove a bucket with all that is in it, as SeaweedFS does: each takes volumes of its own."""
    client = S3Client(settings)
    try:
        await client.call("DELETE", bucket)
    finally:
        await client.close()


def settings_for(request: pytest.FixtureRequest, server: str, folder: Path) -> CloudSettings:
    """A cloud on that server, started for the session if need be."""
    if server == "local":
        return CloudSettings("disk", StoreKind.LOCAL, Provider.ONPREM, root=folder / "root")
    found = request.getfixturevalue("moto_s3" if server == "moto" else server)
    assert isinstance(found, S3Server | GCSServer | FakeS3 | AzureServer)
    return found.cloud(server)
