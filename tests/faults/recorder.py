"""Who wrote which bytes, who removed them, and whether Astra lost any.

A version is *owed* from the moment that somebody other than Astra wrote it: it must be
readable, byte for byte, at the source or at the destination. Only these end that:

* its owner (the other client) overwrites or deletes it in the place where it was written;
* the other client removes the last place where it can be read, after Astra moved it there;

* Astra replaces it, was asked to (`--overwrite`), and has looked at that very version;

and there are three moments in which no client of two stores can help, each told apart and
counted in `excused`:

* `window`: the copy was removed by the other client after Astra's last look at the
  destination, and Astra's delete of the source follows. No store offers a delete that depends
  on an object in another one;
* `unguarded`: a server that is known to ignore conditions, and a version that was written
  there after Astra's last look at it;
* `broken promise`: a server that honoured conditions before destroyed a version by a request
  whose condition did not hold.
"""

import threading
from collections import Counter
from dataclasses import dataclass, field

import zstandard

ASTRA = "astra"
OTHER = "other"


def content(body: bytes) -> bytes:
    """What the bytes say: those in a whole zstd frame, or they themselves."""
    if not body.startswith(zstandard.FRAME_HEADER):
        return body
    frame = zstandard.ZstdDecompressor().decompressobj()
    try:
        found = frame.decompress(body)
    except zstandard.ZstdError:
        return body
    return found if frame.eof and not frame.unused_data else body


@dataclass(slots=True)
class Version:
    """Bytes that are owed. `looks` is how often Astra had looked there when it was written;
    `copy_gone` the same at the other end when its copy was removed by the other client."""

    body: bytes
    side: str
    key: str
    looks: int
    copy_gone: int = -1


@dataclass(slots=True)
class Recorder:
    """Told of every change on both sides under one lock, which the servers share."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    author: str = ASTRA
    key: str = ""  # the object that is moved; canaries and probes are no versions
    overwrites: bool = False  # Astra may replace what it has seen at the destination
    known_blind: frozenset[str] = frozenset()  # sides whose server is known to ignore conditions
    owed: list[Version] = field(default_factory=list)
    written: dict[str, list[bytes]] = field(default_factory=dict)  # by others, by side
    lost: list[str] = field(default_factory=list)
    excused: Counter[str] = field(default_factory=Counter)
    now: dict[tuple[str, str], bytes] = field(default_factory=dict)
    looks: Counter[str] = field(default_factory=Counter)

    def looked(self, side: str) -> None:
        """Astra reads or describes the object at that side, from now on as it is now."""
        with self.lock:
            self.looks[side] += 1

    def changed(self, side: str, key: str, after: bytes | None, *, ignoring: bool = False) -> None:
        """There are other bytes at that place now (None: nothing)."""
        after = after if after is None else content(after)
        with self.lock:
            if key != self.key:
                return
            before = self.now.pop((side, key), None)
            if after is not None:
                self.now[side, key] = after
            if self.author == OTHER:
                self._other(side, key, before, after)
            self._settle(side, ignoring=ignoring)

    def readable(self, body: bytes) -> bool:
        """Whether these bytes are at the source or at the destination."""
        return body in self.now.values()

    def _other(self, side: str, key: str, before: bytes | None, after: bytes | None) -> None:
        kept = []
        for version in self.owed:
            if version.body == before:
                if (version.side, version.key) == (side, key) or not self.readable(version.body):
                    continue  # thrown away by its owner
                version.copy_gone = self.looks[side]
            kept.append(version)
        self.owed = kept
        if after is not None:
            self.owed.append(Version(after, side, key, self.looks[side]))
            self.written.setdefault(side, []).append(after)

    def _settle(self, side: str, *, ignoring: bool) -> None:
        kept = []
        for version in self.owed:
            if self.readable(version.body):
                kept.append(version)
                continue
            if (
                self.overwrites
                and version.side == side == "dst"
                and version.looks < self.looks[side]
            ):
                continue  # as it was asked to
            excuse = self._excuse(version, side, ignoring=ignoring)
            if excuse:
                self.excused[excuse] += 1
            else:
                self.lost.append(f"{version.side} {version.key!r} ({len(version.body)} bytes)")
        self.owed = kept

    def _replaced(self, version: Version, side: str) -> bool:
        """Whether Astra put something else in its place, as it was asked to."""
        seen = version.looks < self.looks[side]
        put = (side, version.key) in self.now
        return self.overwrites and version.side == side == "dst" and seen and put

    def _excuse(self, version: Version, side: str, *, ignoring: bool) -> str:
        if ignoring and side not in self.known_blind:
            return "broken promise"
        if side in self.known_blind and version.side == side and version.looks >= self.looks[side]:
            return "unguarded"
        others = [count for name, count in self.looks.items() if name != version.side]
        if version.copy_gone >= 0 and others and version.copy_gone >= others[0]:
            return "window"
        return ""
