"""What the scripted GCS server holds: immutable objects in all their generations."""

import base64
import hashlib
import json
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

import google_crc32c

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class GCSObject:
    """One generation of one object; a change is always a new value.

    `fields` is JSON of what its writer gave (content type, metadata, customTime…). `composed`
    objects have no MD5. Times in epoch seconds.
    """

    name: str
    body: bytes
    generation: int
    created: float
    updated: float
    fields: str = "{}"
    metageneration: int = 1
    storage_class: str = "STANDARD"
    composed: bool = False
    held: bool = False

    @property
    def given(self) -> Fields:
        found: Fields = json.loads(self.fields)
        return found

    def resource(self, bucket: str) -> Fields:
        """The object as the API describes it."""
        made: Fields = {
            "kind": "storage#object",
            "name": self.name,
            "bucket": bucket,
            "size": str(len(self.body)),
            "generation": str(self.generation),
            "metageneration": str(self.metageneration),
            "crc32c": b64(google_crc32c.value(self.body).to_bytes(4, "big")),
            "timeCreated": rfc3339(self.created),
            "updated": rfc3339(self.updated),
            "etag": b64(f"{self.generation}/{self.metageneration}".encode()),
            **self.given,
            "storageClass": self.storage_class,
        }
        if self.composed:
            made["componentCount"] = 1
        else:
            made["md5Hash"] = b64(hashlib.md5(self.body, usedforsecurity=False).digest())
        if self.held:
            made["temporaryHold"] = True
        return made


@dataclass(slots=True)
class GCSBucket:
    """Live objects by name, and (where `versioned`) the generations before them."""

    live: dict[str, GCSObject] = field(default_factory=dict)
    noncurrent: list[GCSObject] = field(default_factory=list)
    versioned: bool = False
    retained: bool = False  # has a retention policy


class GCSState:
    """Buckets and the history of everything ever written. Safe to use from tests.

    `history` lists (bucket, name, object) for each write in order; None for a delete.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.buckets: dict[str, GCSBucket] = {}
        self.rewrites: dict[str, int] = {}  # bytes done so far by token
        self.history: list[tuple[str, str, GCSObject | None]] = []
        self._last = 0

    def put(
        self,
        bucket: str,
        name: str,
        body: bytes,
        *,
        storage_class: str = "STANDARD",
        composed: bool = False,
        held: bool = False,
        **fields: Any,
    ) -> GCSObject:
        """Write an object, behind everybody's back when a test does it."""
        with self.lock:
            now, generation = time.time(), self.next_generation()
            made = GCSObject(
                name,
                body,
                generation,
                now,
                now,
                json.dumps(fields),
                storage_class=storage_class,
                composed=composed,
                held=held,
            )
            self._retire(bucket, name)
            self.buckets[bucket].live[name] = made
            self.history.append((bucket, name, made))
            return made

    def get(self, bucket: str, name: str) -> GCSObject | None:
        """The live object."""
        with self.lock:
            return self.buckets[bucket].live.get(name)

    def find(self, bucket: str, name: str, generation: str) -> GCSObject | None:
        """That generation, live or not; the live one for ""."""
        with self.lock:
            here = self.buckets[bucket]
            live = here.live.get(name)
            if not generation:
                return live
            known = [live] if live is not None else []
            known += [item for item in here.noncurrent if item.name == name]
            return next((item for item in known if str(item.generation) == generation), None)

    def change(self, bucket: str, name: str, **fields: object) -> GCSObject:
        """New metadata for the same bytes: the metageneration goes up."""
        with self.lock:
            old = self.buckets[bucket].live[name]
            more = {"metageneration": old.metageneration + 1, "updated": time.time(), **fields}
            made = replace(old, **more)  # type: ignore[arg-type]
            self.buckets[bucket].live[name] = made
            return made

    def delete(self, bucket: str, name: str, generation: str = "") -> None:
        """Delete as the API does: a generation for good, else the live one."""
        with self.lock:
            here = self.buckets[bucket]
            live = here.live.get(name)
            if generation and (live is None or str(live.generation) != generation):
                here.noncurrent = [
                    item
                    for item in here.noncurrent
                    if (item.name, str(item.generation)) != (name, generation)
                ]
            elif generation:
                del here.live[name]
            else:
                self._retire(bucket, name)
            self.history.append((bucket, name, None))

    def next_generation(self) -> int:
        """Microseconds since the epoch, always later than every one before."""
        self._last = max(int(time.time() * 1e6), self._last + 1)
        return self._last

    def _retire(self, bucket: str, name: str) -> None:
        here = self.buckets[bucket]
        old = here.live.pop(name, None)
        if old is not None and here.versioned:
            here.noncurrent.append(old)


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def rfc3339(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds * 1000) % 1000:03d}Z"
