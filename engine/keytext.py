"""Finding text in many object keys at once.

The keys are kept as one lower-cased UTF-8 text with a byte between them that UTF-8 never uses,
and searched with numpy, which leaves the interpreter free for the event loop.
"""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.globs import pattern

Bools = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]

_END = 0xFF  # closes every key; never part of UTF-8
_CHUNK = 20_000  # keys encoded in one go: the interpreter is held for milliseconds only
_SAMPLE = 1 << 16
_PART = 1 << 20  # bytes looked at in one go
_FEW = 20_000  # keys that are tried one by one


class KeyText:
    """The keys of a listing, ready to be searched. Immutable; row i is key i."""

    def __init__(self, keys: Sequence[str], before: "KeyText | None" = None) -> None:
        """`before` holds the first keys already: only the later ones are encoded."""
        done = before.count if before is not None else 0
        parts: list[bytes] = [before.text] if before is not None else []
        for start in range(done, len(keys), _CHUNK):
            parts.append(_encode(keys[start : start + _CHUNK]))
        self.count: int = len(keys)
        self.text: bytes = b"".join(parts)
        self._bytes = np.frombuffer(self.text, np.uint8)
        self._ends: Positions = np.flatnonzero(self._bytes == _END)
        self._starts: Positions = np.concatenate([[0], self._ends[:-1] + 1])[: self.count]
        sample = self._bytes[:: max(len(self._bytes) // _SAMPLE, 1)]
        self._frequency = np.bincount(sample, minlength=256)
        self._names: Positions | None = None

    def match(self, query: str) -> Bools:
        """Which keys a filter text means: a part of the key, or a glob if it has `*` or `?`.

        Case does not matter. A glob must fit the whole key, or its last segment if the glob
        has no `/`; `*` also crosses `/`.
        """
        needle = _fold(query)
        if "?" in query:
            return self._slow_glob(needle, whole=True, name="/" not in query)
        if "*" in query:
            return self._glob(needle)
        return self._contains(needle)

    def match_name(self, glob: str) -> Bools:
        """Which keys have a last segment that fits the glob, regardless of case."""
        if "?" in glob:
            return self._slow_glob(_fold(glob), whole=False, name=True)
        return self._glob_from(_fold(glob), self._name_starts())

    def _contains(self, needle: bytes) -> Bools:
        if not needle:
            return np.ones(self.count, np.bool_)
        hits = self._hits(needle)
        if len(hits) > self.count // 2:  # fewer searches the other way round
            before = np.searchsorted(hits, self._ends)
            found = np.empty(self.count, np.bool_)
            found[:1] = before[:1] > 0
            np.greater(before[1:], before[:-1], out=found[1:])
            return found
        found = np.zeros(self.count, np.bool_)
        found[self._rows(hits)] = True
        return found

    def _glob(self, glob: bytes) -> Bools:
        found = self._glob_from(glob, self._starts)
        if b"/" not in glob:
            found |= self._glob_from(glob, self._name_starts())
        return found

    def _glob_from(self, glob: bytes, anchors: Positions) -> Bools:
        """Keys whose text from their anchor to their end fits the whole glob."""
        first, *rest = glob.split(b"*")
        ok = self._at(anchors, first)
        position = anchors + len(first)
        if not rest:
            ok &= position == self._ends
            return ok
        for piece in rest[:-1]:
            if piece:
                hits = self._hits(piece)
                if not len(hits):
                    return np.zeros(self.count, np.bool_)
                index = np.searchsorted(hits, position)
                start = hits[np.minimum(index, len(hits) - 1)]
                ok &= (index < len(hits)) & (start + len(piece) <= self._ends)
                position = np.where(ok, start + len(piece), position)
        tail = self._ends - len(rest[-1])
        fits: Bools = ok & (tail >= position) & self._at(tail, rest[-1])
        return fits

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
        starts, ends = self._starts[rows].tolist(), self._ends[rows].tolist()
        for row, start, end in zip(rows.tolist(), starts, ends, strict=True):
            key = self.text[start:end].decode("utf-8", "surrogatepass")
            found[row] = (whole and fits(key) is not None) or (
                name and fits(key.rpartition("/")[2]) is not None
            )
        return found

    def _hits(self, needle: bytes) -> Positions:
        """Where the needle begins, in order. Looks for its rarest byte first."""
        order = sorted(range(len(needle)), key=lambda i: self._frequency[needle[i]])
        size = len(self._bytes) - len(needle) + 1
        found = [self._hits_in(needle, order, start, min(start + _PART, size))
                 for start in range(0, size, _PART)]  # fmt: skip
        return np.concatenate(found) if found else np.empty(0, np.int64)

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

    def _at(self, positions: Positions, needle: bytes) -> Bools:
        """Whether the needle stands at each position (positions before 0 do not count)."""
        ok: Bools = positions >= 0
        last = len(self._bytes) - 1
        for offset, byte in enumerate(needle):
            ok &= self._bytes[np.clip(positions + offset, 0, last)] == byte
        return ok

    def _rows(self, positions: Positions) -> Positions:
        return np.searchsorted(self._ends, positions)

    def _name_starts(self) -> Positions:
        if self._names is None:
            names = self._starts.copy()
            slashes = np.flatnonzero(self._bytes == ord("/"))
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
