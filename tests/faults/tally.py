"""How much was killed, raced and lied, and what was lost."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Tally:
    """What was played, for the report at the end."""

    runs: Counter[str] = field(default_factory=Counter)
    excused: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    lost: int = 0

    def plain(self) -> dict[str, Any]:
        """As values that one process can send another."""
        counters = (dict(self.runs), dict(self.excused), dict(self.states))
        return dict(zip(("runs", "excused", "states"), counters, strict=True)) | {"lost": self.lost}

    def add(self, other: Mapping[str, Any]) -> None:
        """Count what another process played, too: its `plain()`."""
        self.runs.update(other["runs"])
        self.excused.update(other["excused"])
        self.states.update(other["states"])
        self.lost += other["lost"]

    def lines(self) -> list[str]:
        """The report."""
        lines = [
            f"requests killed {self.runs['kill']:,}, races {self.runs['race']:,},"
            f" lies {self.runs['lie']:,}; versions lost: {self.lost}"
        ]
        states = ", ".join(f"{name} {number:,}" for name, number in sorted(self.states.items()))
        lines.append(f"jobs ended: {states}")
        for name, number in sorted(self.excused.items()):
            lines.append(f"no client could have kept ({name}): {number:,}")
        return lines


TALLY = Tally()
