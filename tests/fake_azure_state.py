"""What the scripted Blob service holds: immutable blobs, and blocks that wait for a commit."""

import base64
import hashlib
import itertools
import threading
import time
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class FakeBlob:
    """One version of one blob; a change is always a new value.

    `headers` are those that come back with it, by lower-case name (content-type, x-ms-meta-…,
    content-md5). `tags` as the x-ms-tags header writes them. `tier` is empty where the account's
    default holds.
    """

    body: bytes
    etag: str
    modified: float
    headers: tuple[tuple[str, str], ...] = ()
    tags: str = ""
    tier: str = ""
    archive_status: str = ""
    version_id: str = ""
    kind: str = "BlockBlob"
    blocks: tuple[tuple[str, int], ...] = ()
    snapshots: int = 0
    leased: bool = False
    immutable: bool = False


@dataclass(slots=True)
class AzureContainer:
    """Blobs by name, earlier versions by name and id, and uncommitted blocks by name and id."""

    blobs: dict[str, FakeBlob] = field(default_factory=dict)
    versions: dict[tuple[str, str], FakeBlob] = field(default_factory=dict)
    blocks: dict[str, dict[str, bytes]] = field(default_factory=dict)


class AzureState:
    """The account. Safe to use from tests. `history` lists (container, name, blob) of each
    write in order; the blob is None for a delete."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.containers: dict[str, AzureContainer] = {}
        self.history: list[tuple[str, str, FakeBlob | None]] = []
        self._numbers = itertools.count(0x8DC000000000001)

    def put(self, container: str, name: str, body: bytes, **fields: object) -> FakeBlob:
        """Write a blob behind everybody's back. MD5 as the service computes it, unless given."""
        with self.lock:
            headers = fields.pop("headers", None) or (("content-md5", md5_base64(body)),)
            made = FakeBlob(
                body,
                self.next_etag(),
                float(int(time.time())),
                headers=headers,  # type: ignore[arg-type]
                **fields,  # type: ignore[arg-type]
            )
            self.set(container, name, made)
            return made

    def get(self, container: str, name: str) -> FakeBlob | None:
        """The blob as it is now."""
        with self.lock:
            return self.containers[container].blobs.get(name)

    def set(self, container: str, name: str, value: FakeBlob | None) -> None:
        """Make `value` the blob, which drops all uncommitted blocks; None deletes it."""
        with self.lock:
            held = self.containers.setdefault(container, AzureContainer())
            held.blocks.pop(name, None)
            if value is None:
                held.blobs.pop(name, None)
            else:
                held.blobs[name] = value
            self.history.append((container, name, value))

    def change(self, container: str, name: str, **fields: object) -> FakeBlob:
        """Replace some fields, such as `tier` or `leased`; the ETag stays unless it is given."""
        with self.lock:
            held = self.containers[container].blobs
            held[name] = replace(held[name], **fields)  # type: ignore[arg-type]
            return held[name]

    def next_etag(self) -> str:
        """An ETag that was never given before."""
        return f"0x{next(self._numbers):X}"


def md5_base64(body: bytes) -> str:
    """A Content-MD5."""
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
