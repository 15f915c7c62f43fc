"""Finding text in many object keys at once.

The keys are kept as one lower-cased UTF-8 text with a byte between them that UTF-8 never uses,
and searched with numpy, which leaves the interpreter free for the event loop. What was found is
kept for a while: a text that grows letter by letter is searched among what fitted before, and one
that loses letters again is known already.
"""

import re
import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.globs import pattern

Bools = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]

_END = 0xFF  # closes every key; never part of UTF-8
_ANY = ord("?")
_CHUNK = 20_000  # keys encoded in one go: the interpreter is held for milliseconds only
_SAMPLE = 1 << 16
_PART = 1 << 20  # bytes looked at in one go
_FEW = 20_000  # keys that are tried one by one
_MASKS = 32  # answers that are kept, a bit a key
_HITS = 2_000_000  # places that are kept, of all that was looked for; 8 bytes each
_INT32 = np.iinfo(np.int32).max


class KeyText:
    """The keys of a listing, ready to be searched; row i is key i. For any thread: but for what
    it remembers of former searches it never changes."""

    def __init__(self, keys: Sequence[str], before: "KeyText | None" = None) -> None:
        """`before` holds the first keys already: only the later ones are encoded."""
        done = before.count if before is not None else 0
        self.text: bytearray = bytearray(before.text if before is not None else b"")
        for start in range(done, len(keys), _CHUNK):
            self.text += _encode(keys[start : start + _CHUNK])
        self.count: int = len(keys)
        self._bytes = np.frombuffer(self.text, np.uint8)
        self._ends = self._all_of(_END)
        parts = (self._bytes[start : start + _PART] for start in range(0, len(self.text), _PART))
        beyond = sum(int(np.count_nonzero(part >= 0x80)) for part in parts)
        self._ascii = beyond == len(self._ends)  # then a character is a byte
        sample = self._bytes[:: max(len(self._bytes) // _SAMPLE, 1)]
        self._frequency = np.bincount(sample, minlength=256)
        self._names: Positions | None = None
        self._lock = threading.Lock()  # of these two
        self._masks: dict[str, npt.NDArray[np.uint8]] = {}  # by query, packed
        self._known: dict[bytes, tuple[Small, Small | None]] = {}  # places by needle, and rows

    @property
    def _starts(self) -> Positions:
        return np.concatenate([[0], self._ends[:-1] + 1])[: self.count]

    def match(self, query: str) -> Bools:
        """Which keys a filter text means: a part of the key, or a glob if it has `*` or `?`.

        Case does not matter. A glob must fit the whole key, or its last segment if the glob
        has no `/`; `*` also crosses `/`.
        """
        known = self._masks.get(query)
        if known is not None:
            return np.unpackbits(known, count=self.count).view(np.bool_)
        found = self._match(query)
        packed = np.packbits(found)
        with self._lock:
            self._masks[query] = packed
            while len(self._masks) > _MASKS:
                del self._masks[next(iter(self._masks))]
        return found

    def _match(self, query: str) -> Bools:
        needle = _fold(query)
        if "?" in query and not self._ascii:
            return self._slow_glob(needle, whole=True, name="/" not in query)
        if "?" in query or "*" in query:
            return self._glob(needle)
        return self._contains(needle)

    def match_name(self, glob: str) -> Bools:
        """Which keys have a last segment that fits the glob, regardless of case."""
        if "?" in glob and not self._ascii:
            return self._slow_glob(_fold(glob), whole=False, name=True)
        return self._glob_from(_fold(glob), self._name_starts())

    def _contains(self, needle: bytes) -> Bools:
        if not needle:
            return np.ones(self.count, np.bool_)
        hits, rows = self._hits_and_rows(needle)
        if rows is None and len(hits) > self.count // 2:  # fewer searches the other way round
            before = np.searchsorted(hits, self._ends)
            found = np.empty(self.count, np.bool_)
            found[:1] = before[:1] > 0
            np.greater(before[1:], before[:-1], out=found[1:])
            return found
        found = np.zeros(self.count, np.bool_)
        found[self._rows(hits) if rows is None else rows] = True
        return found

    def _glob(self, glob: bytes) -> Bools:
        found = self._glob_from(glob, self._starts)
        if b"/" not in glob and not glob.startswith(b"*"):  # that one means the folders, too
            found |= self._glob_from(glob, self._name_starts())
        return found

    def _glob_from(self, glob: bytes, anchors: Positions) -> Bools:
        """Keys whose text from their anchor to their end fits the whole glob; `?` is one byte."""
        if not glob.strip(b"*") and glob:
            return np.ones(self.count, np.bool_)
        found = np.zeros(self.count, np.bool_)
        first, *rest = glob.split(b"*")
        last = rest.pop() if rest else b""
        room = self._ends - anchors - len(first) - len(last)
        rows = np.flatnonzero(room >= 0 if b"*" in glob else room == 0)
        rows = rows[self._at(anchors[rows], first)]
        tails = self._ends[rows] - len(last)
        keep = self._at(tails, last)
        rows, tails = rows[keep], tails[keep]
        position = anchors[rows] + len(first)
        for piece in filter(None, rest):
            position, left = self._after(piece, position, tails)
            rows, tails, position = rows[left], tails[left], position[left]
        found[rows] = True
        return found

    def _after(
        self, piece: bytes, positions: Positions, ends: Positions
    ) -> tuple[Positions, Positions]:
        """Where the first such piece at or after each position ends, and which of them end
        before the end."""
        if not piece.strip(b"?"):
            following = positions + len(piece)
        else:
            hits = self._places(piece)
            index = np.searchsorted(hits, positions)
            beyond = np.append(hits, len(self._bytes))
            following = beyond[index] + len(piece)
        return following, np.flatnonzero(following <= ends)

    def _places(self, piece: bytes) -> Positions:
        """Where a piece of a glob, which is not of `?` alone, begins."""
        longest = max(piece.split(b"?"), key=len)
        hits = self._hits(longest)
        if longest == piece:
            return hits
        hits = hits - piece.index(longest)
        hits = hits[(hits >= 0) & (hits <= len(self._bytes) - len(piece))]
        return hits[self._at(hits, piece)]

    def _slow_glob(self, glob: bytes, *, whole: bool, name: bool) -> Bools:
        """`?` means one character, not one byte: the candidates are tried one by one, from the
        beginning of the key, of its last segment, or both."""
        fits = pattern(glob.decode("utf-8", "surrogatepass")).fullmatch
        found = np.ones(self.count, np.bool_)
        # The rarest first; what few it leaves are tried without looking for the others.
        for literal in sorted(set(re.split(rb"[*?]", glob)) - {b""}, key=self.text[:_PART].count):
            found &= self._contains(literal)
            if np.count_nonzero(found) < _FEW:
                break
        rows = np.flatnonzero(found)
        ends = self._ends[rows].tolist()
        starts = [int(self._ends[row - 1]) + 1 if row else 0 for row in rows.tolist()]
        for row, start, end in zip(rows.tolist(), starts, ends, strict=True):
            key = self.text[start:end].decode("utf-8", "surrogatepass")
            found[row] = (whole and fits(key) is not None) or (
                name and fits(key.rpartition("/")[2]) is not None
            )
        return found

    def _hits(self, needle: bytes) -> Positions:
        """Where the needle begins, in order."""
        return self._hits_and_rows(needle)[0]

    def _hits_and_rows(self, needle: bytes) -> tuple[Positions, Small | None]:
        """The same, and the keys that these are in, where those are known."""
        part, places, rows = self._nearest(needle)
        if part == needle:
            return places, rows
        order = sorted(range(len(needle)), key=lambda i: self._frequency[needle[i]])
        size = len(self._bytes) - len(needle) + 1
        if part:  # it is where a part of it was found before, and the rest fits
            at = needle.index(part)
            rest = [i - at for i in order if not at <= i < at + len(part)]
            low, high = np.searchsorted(places, (at, size + at)).tolist()
            hits = places[low:high]
            rows = None if rows is None else rows[low:high]
            for index in rest:
                left = np.flatnonzero(self._bytes[hits + index] == needle[at + index])
                hits = hits[left]
                rows = None if rows is None else rows[left]
            hits = hits - at
        else:
            found = [self._hits_in(needle, order, start, min(start + _PART, size))
                     for start in range(0, size, _PART)]  # fmt: skip
            hits = np.concatenate(found) if found else np.empty(0, np.int64)
        if rows is None and len(hits) <= self.count // 2:
            rows = self._rows(hits).astype(np.int32)
        self._remember(needle, hits, rows)
        return hits, rows

    def _nearest(self, needle: bytes) -> tuple[bytes, Positions, Small | None]:
        """The rarest part of the needle whose places are known, b"" if none is."""
        with self._lock:
            known = [part for part in self._known if part in needle]
            if not known:
                return b"", np.empty(0, np.int64), None
            part = min(known, key=lambda part: (len(self._known[part][0]), -len(part)))
            places, rows = self._known[part]
        return part, places.astype(np.int64), rows

    def _remember(self, needle: bytes, hits: Positions, rows: Small | None) -> None:
        if len(hits) > _HITS or len(self._bytes) > _INT32:
            return
        with self._lock:
            self._known[needle] = hits.astype(np.int32), rows
            room = _HITS - sum(len(hits) for hits, _ in self._known.values())
            while room < 0:
                room += len(self._known.pop(next(iter(self._known)))[0])

    def _hits_in(self, needle: bytes, order: Sequence[int], start: int, stop: int) -> Positions:
        """Those from start to stop: a part that stays in the processor's cache."""
        rarest = order[0]
        hits = np.flatnonzero(self._bytes[start + rarest : stop + rarest] == needle[rarest])
        hits += start
        for index in order[1:]:
            if not len(hits):
                break
            hits = hits[self._bytes[hits + index] == needle[index]]
        return hits

    def _at(self, positions: Positions, piece: bytes) -> Bools:
        """Whether a piece of a glob stands at each of these places, which have room for it."""
        ok = np.zeros(len(positions), np.bool_)
        left = np.arange(len(positions))
        for offset in sorted(range(len(piece)), key=lambda i: self._frequency[piece[i]]):
            bytes_ = self._bytes[positions[left] + offset]
            left = left[bytes_ != _END if piece[offset] == _ANY else bytes_ == piece[offset]]
        ok[left] = True
        return ok

    def _all_of(self, byte: int) -> Positions:
        """Where this byte stands."""
        found = [np.flatnonzero(self._bytes[start : start + _PART] == byte) + start
                 for start in range(0, len(self._bytes), _PART)]  # fmt: skip
        return np.concatenate(found) if found else np.empty(0, np.int64)

    def _rows(self, positions: Positions) -> Positions:
        return np.searchsorted(self._ends, positions)

    def _name_starts(self) -> Positions:
        if self._names is None:
            names = self._starts
            slashes = self._all_of(ord("/"))
            names[self._rows(slashes)] = slashes + 1  # the last one of a key stays
            self._names = names
        return self._names


def _fold(text: str) -> bytes:
    return text.lower().encode("utf-8", "surrogatepass")


def _encode(keys: Sequence[str]) -> bytes:
    joined = "\0".join(keys)
    if joined.count("\0") == len(keys) - 1:
        return _fold(joined).replace(b"\0", b"\xff") + b"\xff"
    return b"".join(_fold(key) + b"\xff" for key in keys)
