"""Keys of two strokes, such as `g g`: the first one waits for the second. And counts: `5 j`."""

from collections.abc import Iterable

from textual.events import Key

from astra_tui.keymap import Action

_DIGITS = 7  # of a count: no list is longer


class Strokes:
    """Tells which actions two strokes mean. Escape, or any other key, forgets the first.

    With `counts`, digits wait for the key that they are a count for: `count` tells it, 0 if
    there was none. A digit that is a key of its own is none.
    """

    def __init__(self, actions: Iterable[Action], *, counts: bool = False) -> None:
        self._ids: dict[tuple[str, str], list[str]] = {}
        own: set[str] = set()
        for action in actions:
            for key in action.keys:
                own.add(key)
                if " " in key:
                    first, _, second = key.partition(" ")
                    self._ids.setdefault((first, second), []).append(action.id)
        self._firsts = {first for first, _ in self._ids}
        self._countable = frozenset("0123456789" if counts else "") - own
        self._waiting = ""
        self._digits = ""
        self.count = 0

    @property
    def pending(self) -> str:
        """What was struck and waits: `5g`."""
        return self._digits + self._waiting

    def forget(self) -> None:
        """The next key stands for itself."""
        self._waiting = self._digits = ""
        self.count = 0

    def take(self, key: Key) -> list[str] | None:
        """The actions that this key completes, [] if it is taken for a first stroke or ends
        one, None if it stands for itself."""
        names = {key.key, key.character or key.key}
        first, self._waiting = self._waiting, ""
        digits, self._digits = self._digits, ""
        self.count = int(digits or 0)
        if first:
            for name in names:
                if (first, name) in self._ids:
                    return self._ids[first, name]
            return [] if key.key == "escape" else None
        if key.key in self._countable and (digits or key.key != "0"):
            self._digits = (digits + key.key)[-_DIGITS:]
            return []
        self._waiting = next((name for name in names if name in self._firsts), "")
        if self._waiting:
            self._digits = digits
            return []
        return [] if digits and key.key == "escape" else None
