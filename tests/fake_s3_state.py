"""What the scripted S3 server holds: immutable objects and the uploads under way."""

import base64
import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from uuid import uuid4


@dataclass(frozen=True, slots=True)
class FakeObject:
    """One version of one object; a change is always a new value.

    `headers` are those that come back with it (content type, x-amz-meta-…), lower-case names.
    `modified` in epoch seconds. `part_sizes` is empty unless it was uploaded in parts.
    """

    body: bytes
    etag: str
    modified: float
    headers: tuple[tuple[str, str], ...] = ()
    tags: str = ""  # url-encoded, as the x-amz-tagging header writes them
    storage_class: str = "STANDARD"
    part_sizes: tuple[int, ...] = ()
    restore: str = ""  # the x-amz-restore header
    version_id: str = ""

    @property
    def md5(self) -> str:
        """Of the bytes, in hex."""
        return hashlib.md5(self.body, usedforsecurity=False).hexdigest()


@dataclass(slots=True)
class FakeUpload:
    """A multipart upload under way; parts are (bytes, md5 hex) by number."""

    bucket: str
    key: str
    headers: tuple[tuple[str, str], ...]
    tags: str
    storage_class: str
    initiated: float
    parts: dict[int, tuple[bytes, str]] = field(default_factory=dict)


Watch = Callable[[str, str, FakeObject | None, FakeObject | None], None]


class FakeState:
    """Buckets, uploads and the history of everything ever written. Safe to use from tests.

    `history` lists (bucket, key, object) for each write in order; the object is None for a
    delete. `watch` hears of each change at once, under the lock, with what was there before and
    what is there now. `ignoring` is True while a request is carried out whose condition does
    not hold, because of a quirk.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.buckets: dict[str, dict[str, FakeObject]] = {}
        self.uploads: dict[str, FakeUpload] = {}
        self.history: list[tuple[str, str, FakeObject | None]] = []
        self.watch: Watch | None = None
        self.ignoring = False
        self._last_modified = 0.0

    def put(
        self,
        bucket: str,
        key: str,
        body: bytes,
        *,
        headers: dict[str, str] | None = None,
        tags: str = "",
        storage_class: str = "STANDARD",
        part_size: int = 0,
        restore: str = "",
    ) -> FakeObject:
        """Write an object behind everybody's back; `part_size` gives it a multipart ETag."""
        with self.lock:
            parts = list[bytes]()
            if part_size:
                parts = [body[at : at + part_size] for at in range(0, len(body), part_size)]
            made = FakeObject(
                body=body,
                etag=multipart_etag(parts) if part_size else plain_etag(body),
                modified=self.now(),
                headers=tuple((headers or {}).items()),
                tags=tags,
                storage_class=storage_class,
                part_sizes=tuple(len(part) for part in parts),
                restore=restore,
                version_id=uuid4().hex,
            )
            self.set(bucket, key, made)
            return made

    def get(self, bucket: str, key: str) -> FakeObject | None:
        """The object as it is now."""
        with self.lock:
            return self.buckets.get(bucket, {}).get(key)

    def set(self, bucket: str, key: str, value: FakeObject | None) -> None:
        """Make `value` the object; None deletes it. Makes the bucket if need be."""
        with self.lock:
            objects = self.buckets.setdefault(bucket, {})
            before = objects.pop(key, None)
            if value is not None:
                objects[key] = value
            self.history.append((bucket, key, value))
            if self.watch is not None:
                self.watch(bucket, key, before, value)

    def change(self, bucket: str, key: str, **fields: object) -> FakeObject:
        """Replace some fields of an object, such as `restore` or `modified`."""
        with self.lock:
            made = replace(self.buckets[bucket][key], **fields)  # type: ignore[arg-type]
            self.set(bucket, key, made)
            return made

    def twin(self) -> "FakeState":
        """Another state that holds the same now, and that nobody watches."""
        with self.lock:
            made = FakeState()
            made.buckets = {name: dict(objects) for name, objects in self.buckets.items()}
            made.uploads = {
                name: replace(upload, parts=dict(upload.parts))
                for name, upload in self.uploads.items()
            }
            made._last_modified = self._last_modified
            return made

    def now(self) -> float:
        """A time later than every one given before, at least by a millisecond."""
        self._last_modified = max(time.time(), self._last_modified + 0.001)
        return self._last_modified


def plain_etag(body: bytes) -> str:
    """The ETag of an object written in one request."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def multipart_etag(parts: list[bytes]) -> str:
    """The ETag of an object written in these parts."""
    digests = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in parts)
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"


def base64_of(hexadecimal: str) -> str:
    """Hex as S3 writes digests in headers."""
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()
