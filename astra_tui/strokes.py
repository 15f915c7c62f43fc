"""Keys of two strokes, such as `g g`: the first one waits for the second."""

from collections.abc import Iterable

from textual.events import Key

from astra_tui.keymap import Action


class Strokes:
    """Tells which actions two strokes mean. Escape, or any other key, forgets the first."""

    def __init__(self, actions: Iterable[Action]) -> None:
        self._ids: dict[tuple[str, str], list[str]] = {}
        for action in actions:
            for key in action.keys:
                if " " in key:
                    first, _, second = key.partition(" ")
                    self._ids.setdefault((first, second), []).append(action.id)
        self._firsts = {first for first, _ in self._ids}
        self._waiting = ""

    def forget(self) -> None:
        """The next key stands for itself."""
        self._waiting = ""

    def take(self, key: Key) -> list[str] | None:
        """The actions that this key completes, [] if it is taken for a first stroke or ends
        one, None if it stands for itself."""
        names = {key.key, key.character or key.key}
        first, self._waiting = self._waiting, ""
        if first:
            for name in names:
                if (first, name) in self._ids:
                    return self._ids[first, name]
            return [] if key.key == "escape" else None
        self._waiting = next((name for name in names if name in self._firsts), "")
        return [] if self._waiting else None
