"""What the keys around the feed set in motion: a replay, from where."""

import re
from functools import partial
from typing import TYPE_CHECKING

from astra_tui.screens.dialogs import Choice, Choosable, Prompt
from astra_tui.screens.replay import ReplayScreen
from engine.model import EventRow, ReplayRequest, parse_filter
from widgets.text import count_text

if TYPE_CHECKING:
    from astra_tui.app import AstraApp

_HINT = "oldest, an offset (1200), partition@offset (3@1200), how long ago (10m), a time (12:30)"


def read_start(text: str, topic: str) -> ReplayRequest:
    """Where a replay begins, as it is typed. Raises ValueError saying what is understood."""
    text = text.strip()
    if text.lower() == "oldest":
        return ReplayRequest(topic)
    if (found := re.fullmatch(r"(?:(\d{1,9})@)?(\d{1,18})", text)) is not None:
        partition = int(found[1]) if found[1] else None
        return ReplayRequest(topic, partition, int(found[2]))
    try:
        (term,) = parse_filter(f'since:"{text}"').terms
    except ValueError:
        raise ValueError(f"Write {_HINT}.") from None
    return ReplayRequest(topic, since=term.numbers[0])


async def replay(app: "AstraApp", topic: str = "", row: EventRow | None = None) -> None:
    """Ask which messages to look at again, and show them; from this row on, if there is one."""
    if not topic and row is not None:
        topic = row.topic
    if not topic:
        statistics = await app.engine.event_statistics()
        choices = [
            Choosable(each.name, each.name, f"{each.role}, {count_text(each.messages)} messages")
            for each in statistics.topics
        ]
        chosen = await app.ask(Choice("Look again at messages of which topic?", choices))
        if chosen is None:
            return
        topic = chosen.value
    start = f"{row.partition}@{row.offset}" if row is not None and row.offset >= 0 else "10m"
    request = await app.ask(
        Prompt(
            f"Look again at {topic}",
            partial(read_start, topic=topic),
            lines=[
                f"From where? {_HINT[0].upper()}{_HINT[1:]}.",
                "",
                "They are only looked at, by a reader of its own: nothing is counted again, no job "
                "is started, and the consumer group does not notice.",
            ],
            value=start,
        )
    )
    if request is not None:
        app.push_screen(ReplayScreen(request))
