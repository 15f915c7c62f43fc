"""What changes while jobs run, told on stderr: the limit by the clock, stores in trouble,
restores that are waited for."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.model import FlowState, JobState, Snapshot

if TYPE_CHECKING:
    from engine.model import Limits, StoreFlow

_RESTORING = (
    "Archived sources were asked back; their jobs wait for the restore, which takes minutes to"
    " days. To stop meanwhile loses nothing: `astra resume` goes on."
)
_AWAY = (FlowState.AWAY, FlowState.TRYING)


class Narrator:
    """Tells each change once."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._limit: tuple[int, bool] | None = None
        self._states: dict[str, FlowState] = {}
        self._restoring = False

    def tell(self, snapshot: Snapshot) -> None:
        """Look at a snapshot and tell what is new in it."""
        limits = snapshot.limits
        if limits.timetable and (limits.bwlimit, limits.by_hand) != self._limit:
            self._limit = limits.bwlimit, limits.by_hand
            self._say(limits_text(limits))
        for store in snapshot.stores:
            before = self._states.get(store.cloud, FlowState.OPEN)
            if text := _flow_text(store, before):
                self._say(text)
            self._states[store.cloud] = store.state
        if not self._restoring and snapshot.count(JobState.RESTORING):
            self._restoring = True
            self._say(_RESTORING)


def limits_text(limits: "Limits") -> str:
    """`Bandwidth: 5.0 MiB/s until 19:00, then unlimited.`"""
    from widgets.text import clock_text

    until = clock_text(limits.until, seconds=False)
    now, then = _rate(limits.bwlimit), _rate(limits.next_bwlimit)
    return f"Bandwidth: {now}{' by hand' if limits.by_hand else ''} until {until}, then {then}."


def flow_json(snapshot: Snapshot) -> dict[str, Any]:
    """The limits as they are, for the summary: bytes a second (0 unlimited), and each store that
    does not take all jobs."""
    return {
        "bwlimit": snapshot.limits.bwlimit,
        "stores": {
            store.cloud: {
                "state": store.state.value,
                "allowed": store.allowed,
                "jobs": store.jobs,
                "reason": store.reason or None,
            }
            for store in snapshot.stores
            if store.state is not FlowState.OPEN
        },
    }


def _rate(limit: int) -> str:
    from widgets.text import rate_text

    return rate_text(limit) if limit else "unlimited"


def _flow_text(store: "StoreFlow", before: FlowState) -> str:
    """What to say of a store that was in state `before`, "" if there is nothing new."""
    from widgets.text import clock_text, visible

    if store.state in _AWAY and before not in _AWAY:
        again = f" Next try at {clock_text(store.until)}." if store.until else ""
        return f"{store.text}.{again} {visible(f'{store.reason} {store.todo}'.strip())}"
    if before in _AWAY and store.state not in _AWAY:
        return f"{store.cloud}: back; its jobs go on."
    if store.state is FlowState.THROTTLED and before is FlowState.OPEN:
        return f"{store.text} jobs at once. {visible(store.reason)}"
    if store.state is FlowState.OPEN and before is FlowState.THROTTLED:
        return f"{store.cloud}: takes {store.jobs} jobs at once again."
    return ""
