"""Addresses, version pins, checksums and what a store tells of an object."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class StoreKind(StrEnum):
    """How to talk to a cloud."""

    S3 = "s3"
    GCS = "gcs"
    AZURE = "azure"
    LOCAL = "local"


class Provider(StrEnum):
    """Whose prices and storage classes apply."""

    AWS = "aws"
    GCP = "gcp"
    AZURE = "azure"
    ONPREM = "onprem"


class RestoreState(StrEnum):
    """Where an archived object is on its way back."""

    NONE = "none"
    ONGOING = "ongoing"
    AVAILABLE = "available"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """`cloud:bucket/key`; an empty key, or one ending in `/`, may stand for a prefix.

    The key is kept exactly as the store spells it, hostile characters and all.
    """

    cloud: str
    bucket: str
    key: str = ""

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read `cloud:bucket/key`. Raises ValueError with the reason if it does not fit."""
        cloud, colon, rest = text.partition(":")
        if not colon or not cloud:
            raise ValueError(f"{text!r} is no address; write cloud:bucket/key")
        bucket, _, key = rest.partition("/")
        if not bucket:
            raise ValueError(f"{text!r} names no bucket; write cloud:bucket/key")
        return cls(cloud, bucket, key)

    @property
    def is_prefix(self) -> bool:
        """True for a whole bucket or a key ending in `/`."""
        return not self.key or self.key.endswith("/")

    def __str__(self) -> str:
        return f"{self.cloud}:{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class VersionPin:
    """What proves that two requests meet the same object.

    `etag` without quotes ("" if the store gives none), `modified` in epoch seconds (UTC; the
    stores differ in resolution), `version_id` an S3 version id or GCS generation.
    """

    etag: str = ""
    modified: float = 0.0
    size: int = -1
    version_id: str = ""

    def matches(self, other: "VersionPin") -> bool:
        """Whether both name the same version, as far as both can tell.

        Times are compared by whole seconds: an S3 listing gives milliseconds and a HEAD of
        the same object gives seconds. A field unknown on either side is not compared, but an
        ETag (or version id) known on both must be there and equal.
        """
        if not (self.etag and other.etag) and not (self.version_id and other.version_id):
            return False
        return (
            (not self.etag or not other.etag or self.etag == other.etag)
            and (self.size < 0 or other.size < 0 or self.size == other.size)
            and (not self.version_id or not other.version_id or self.version_id == other.version_id)
            and (
                not self.modified or not other.modified or int(self.modified) == int(other.modified)
            )
        )

    def untimed(self) -> "VersionPin":
        """Without the time, where an ETag or version id names the version: some servers list
        another time than they give with the object itself."""
        if not self.modified or not (self.etag or self.version_id):
            return self
        return VersionPin(self.etag, 0.0, self.size, self.version_id)


@dataclass(frozen=True, slots=True)
class Checksum:
    """A digest in lower-case hex.

    `parts` is 0 for a digest over the whole object, else the number of parts of a composite
    one (a multipart ETag). `computed_by_provider` is False for values that a client wrote as
    metadata and nobody checked: such a value is never evidence.
    """

    algorithm: str
    value: str
    parts: int = 0
    computed_by_provider: bool = True


@dataclass(frozen=True, slots=True)
class ObjectMeta:
    """What travels with the bytes. Names of user metadata are lower-case.

    `special` are facts that only stores of the same kind understand, by the name of their
    header (S3: Expires, website redirect, KMS key, object lock): kept where they can be.
    """

    content_type: str = ""
    content_encoding: str = ""
    content_language: str = ""
    content_disposition: str = ""
    cache_control: str = ""
    user: tuple[tuple[str, str], ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    modified: float = 0.0  # the original modification time, epoch seconds; 0 unknown
    special: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ObjectHead:
    """One object as its store describes it now."""

    key: str
    size: int
    pin: VersionPin
    storage_class: str
    meta: ObjectMeta = field(default_factory=ObjectMeta)
    checksums: tuple[Checksum, ...] = ()
    archived: bool = False  # cannot be read without a restore
    restore: RestoreState = RestoreState.NONE
    restored_until: float = 0.0
    part_count: int = 0  # parts of a multipart upload, 0 unknown or not multipart

    def checksum(self, algorithm: str) -> Checksum | None:
        """The store's own whole-object checksum of that algorithm, if it has one."""
        for item in self.checksums:
            if item.algorithm == algorithm and not item.parts and item.computed_by_provider:
                return item
        return None


class ListEntry(NamedTuple):
    """One row of a listing. `modified` in epoch seconds."""

    key: str
    size: int
    modified: float
    etag: str
    storage_class: str


class ListPage(NamedTuple):
    """One page of a listing, in key order within the listing."""

    entries: list[ListEntry]
