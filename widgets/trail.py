"""Places visited in a pane: back and forward as in a browser."""

from dataclasses import dataclass

_KEPT = 100


@dataclass(frozen=True, slots=True)
class Spot:
    """A place of a cloud, a folder there (None: all objects in one list), and the line that the
    cursor was on."""

    bucket: str
    prefix: str
    folder: str | None
    key: str = ""


class Trail:
    """What was left behind, in both directions."""

    def __init__(self) -> None:
        self._before: list[Spot] = []
        self._after: list[Spot] = []

    @property
    def can_go_back(self) -> bool:
        return bool(self._before)

    @property
    def can_go_forward(self) -> bool:
        return bool(self._after)

    def leave(self, spot: Spot) -> None:
        """A place is left for another; what was ahead is forgotten."""
        self._before.append(spot)
        del self._before[:-_KEPT]
        self._after.clear()

    def back(self, here: Spot) -> Spot | None:
        """The place before this one, None if there is none."""
        if not self._before:
            return None
        self._after.append(here)
        return self._before.pop()

    def forward(self, here: Spot) -> Spot | None:
        """The place that `back` came from, None if there is none."""
        if not self._after:
            return None
        self._before.append(here)
        return self._after.pop()
