"""Topics as a list: what is each for, how much comes, how far behind reading is."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from engine.model import TopicStatus
from widgets.cells import Cell, Name
from widgets.columns import Column
from widgets.text import clock_text, count_text
from widgets.virtual_list import VirtualList


class TopicTable(VirtualList[TopicStatus]):
    """The mark says that a topic shows in the feed."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("topic", "topic", 14, flex=2, comfort=20),
        Column("role", "what", 12, priority=2),
        Column("rate", "msg/s", 7, right=True),
        Column("messages", "since start", 11, priority=1, right=True),
        Column("rejected", "rejected", 8, right=True),
        Column("lag", "lag", 7, right=True),
        Column("parts", "parts", 5, priority=3, right=True),
        Column("last", "last", 8),
    )

    def __init__(
        self, placeholder: Callable[[int], Sequence[Cell]], *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.topics: tuple[TopicStatus, ...] = ()
        self.hidden: frozenset[str] = frozenset()
        self._placeholder = placeholder

    def show(self, topics: Sequence[TopicStatus], hidden: frozenset[str]) -> None:
        """Show these; the hidden ones carry no mark."""
        others = hidden != self.hidden
        self.topics, self.hidden = tuple(topics), hidden
        self.rows_changed()
        if others:
            self.rows_marked(0, len(self.topics))

    def count(self) -> int:
        return len(self.topics)

    def fetch(self, start: int, stop: int) -> Sequence[TopicStatus]:
        return self.topics[start:stop]

    def is_marked(self, row: TopicStatus) -> bool:
        return row.name not in self.hidden

    def row_style(self, row: TopicStatus) -> str:
        return "dim" if row.name in self.hidden else ""

    def placeholder(self, width: int) -> Sequence[Cell]:
        return self._placeholder(width)

    def cell(self, row: TopicStatus, key: str, width: int) -> Cell:
        match key:
            case "topic":
                return Name(row.name)
            case "role":
                return (row.role, "dim")
            case "rate":
                return f"{row.rate:.1f}" if 0 < row.rate < 10 else count_text(round(row.rate))
            case "messages":
                return count_text(row.messages)
            case "rejected":
                return (count_text(row.rejected), "bad" if row.rejected else "dim")
            case "lag":
                if not row.partitions:
                    return ("-", "dim")
                return (count_text(row.lag), "warn" if row.lag else "")
            case "parts":
                return (str(len(row.partitions)) if row.partitions else "-", "dim")
            case _:
                return (clock_text(row.last) if row.last else "-", "dim")
