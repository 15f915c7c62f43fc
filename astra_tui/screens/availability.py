"""Why a key of the console cannot be used now: one sentence for each case."""

from typing import TYPE_CHECKING

from astra_tui import job_flows
from astra_tui.keymap import Action, Context, Keymap
from engine.model import FINAL_STATES, JobState, KafkaState, ListingState, Snapshot
from widgets.board import MigrationBoard
from widgets.cloud_pane import CloudPane

if TYPE_CHECKING:
    from astra_tui.screens.console import ConsoleScreen

PANELS = (Context.PANE, Context.FEED, Context.BOARD)


def console_reason(screen: "ConsoleScreen", action: Action) -> str:
    """Why not, in a sentence; "" if the action can be taken."""
    number = action.id.removeprefix("panel-")
    if number.isdigit() and int(number) > len(screen.panels.panels):
        return f"There are only {len(screen.panels.panels)} panels."
    panels = [context for context in PANELS if context in action.contexts]
    anywhere = {Context.CONSOLE, Context.GLOBAL}.intersection(action.contexts)
    if panels and not anywhere and screen.panel_context not in panels:
        return f"{action.label}: go to {_where(screen, panels)} first."
    if panels and screen.panel.pane_list().count() == 0 and action.id not in _EVEN_EMPTY:
        return f"{action.label}: nothing is listed here."
    return _reason(screen, action)


ROWLESS = frozenset(  # mean no row of a pane
    {"filter", "search", "sort", "reverse", "open", "reload", "topics", "rejected", "replay"}
)
_EVEN_EMPTY = ROWLESS | {"folders", "up-folder", "place-back", "place-forward"}


_PLACES = {Context.PANE: "a cloud", Context.FEED: "the events", Context.BOARD: "the migrations"}


def _where(screen: "ConsoleScreen", panels: list[Context]) -> str:
    keys = screen.astra.keymap
    kinds: dict[Context, list[int]] = {}
    for number in range(1, len(screen.panels.panels) + 1):
        kinds.setdefault(screen.context_of(number - 1), []).append(number)
    places = []
    for context in panels:
        numbers = [f"panel-{n}" for n in kinds.get(context, ()) if n <= 9]
        shown = [keys.key_of(name) for name in (numbers[:1] + numbers[1:][-1:])]
        key = f" ({' to '.join(shown)})" if shown else ""
        places.append(_PLACES[context] + key)
    return " or ".join(places)


def _reason(screen: "ConsoleScreen", action: Action) -> str:
    snapshot = screen.astra.snapshot
    panel = screen.panel
    match action.id:
        case "preview" if isinstance(panel, CloudPane) and panel.cursor_folder is not None:
            return f"{action.label}: a folder has no bytes; open it first."
        case "age" | "access" if isinstance(panel, CloudPane) and panel.chosen().folders:
            return f"{action.label}: goes object by object; open the folder and mark some there."
        case "migrate" | "tier" if isinstance(panel, CloudPane) and panel.hides_part:
            return f"{action.label}: a folder means all that is in it; clear the filter first."
        case "tier" | "access" if isinstance(panel, CloudPane):
            return cloud_reason(snapshot, action, panel.cloud)
        case "open-folder" | "up-folder" | "place-back" | "place-forward" if isinstance(
            panel, CloudPane
        ):
            return _folder_reason(screen, action, panel)
        case "follow":
            if snapshot.kafka.state is KafkaState.OFF:
                return "Kafka is off (kafka.bootstrap); there are no events to follow."
        case "next-match" | "previous-match":
            if not panel.filter_text and not panel.search_text:
                return nothing_sought(screen.astra.keymap)
        case "marks-back" if isinstance(panel, CloudPane | MigrationBoard) and not panel.dropped:
            return "No marks were dropped here."
        case "usage":
            if not any(cloud.objects for cloud in snapshot.clouds):
                return "No object is listed."
        case "move-left" | "move-right":
            by = -1 if action.id == "move-left" else 1
            if screen.panels.beside(by) is None:
                return f"This panel is the {'first' if by < 0 else 'last'} one."
        case "smaller" | "larger" if not screen.panels.grown_to(1 if action.id == "larger" else -1):
            if len(screen.panels.shown) < 2:
                return "Only one panel shows; there is nothing to take room from."
            return f"This panel cannot be {action.label} here."
        case "hide-panel":
            if len(screen.panels.panels) - len(screen.panels.hidden) < 2:
                return "The last panel stays."
        case "show-panels":
            if not screen.panels.hidden:
                return "No panel is hidden."
        case "replay":
            return why_no_replay(snapshot)
        case "engine" | "policy":
            if not any(cloud.objects for cloud in snapshot.clouds):
                loading = any(cloud.state is ListingState.LOADING for cloud in snapshot.clouds)
                return "The clouds are still being listed." if loading else "No object is listed."
        case "plan":
            if not snapshot.decisions:
                return f"Nothing is decided yet; press {screen.astra.keymap.key_of('engine')}."
        case "last-run" if not snapshot.ended:
            return "No job set ended since the engine began."
        case "pause":
            if not job_flows.unfinished(snapshot):
                return "No job is running or waiting."
        case "retry" | "cancel" | "priority" if isinstance(panel, MigrationBoard):
            chosen = set(panel.selected_ids())
            states = {job.state for job in snapshot.jobs if job.job_id in chosen}
            if action.id == "retry" and not states & {JobState.FAILED, JobState.CANCELLED}:
                return "Only failed and cancelled jobs can be tried again."
            if action.id == "cancel" and states and states <= FINAL_STATES:
                return "Only unfinished jobs can be cancelled."
            if action.id == "priority" and states and states <= FINAL_STATES:
                return "Only unfinished jobs have an order."
    return ""


def _folder_reason(screen: "ConsoleScreen", action: Action, pane: CloudPane) -> str:
    keys = screen.astra.keymap
    if action.id == "place-back":
        return "" if pane.trail.can_go_back else "This pane was nowhere else yet."
    if action.id == "place-forward":
        return "" if pane.trail.can_go_forward else "There is nothing to go forward to."
    if pane.folder is None:
        return f"All objects are one list here; {keys.key_of('folders')} shows folders."
    if action.id == "up-folder" and pane.folder == pane.top:
        return f"This is the top of what is listed; {keys.key_of('open')} opens another place."
    if action.id == "open-folder" and pane.cursor_folder is None:
        return f"This is an object; {keys.key_of('inspect')} shows it."
    return ""


def nothing_sought(keys: Keymap) -> str:
    """Why there is no next match."""
    search, narrow = keys.key_of("search"), keys.key_of("filter")
    return f"Nothing is searched for; {search} searches, {narrow} filters."


def why_no_replay(snapshot: Snapshot) -> str:
    """Why no message can be read again now, "" if one can."""
    match snapshot.kafka.state:
        case KafkaState.OFF:
            return "Kafka is off (kafka.bootstrap); there is nothing to read again."
        case KafkaState.CONNECTED:
            return ""
    return f"The broker does not answer: {snapshot.kafka.error or 'still connecting'}"


def cloud_reason(snapshot: Snapshot, action: Action, cloud: str) -> str:
    """Why not, for what depends on the cloud or on Kafka alone."""
    if action.id == "access" and snapshot.kafka.state is KafkaState.OFF:
        return "Kafka is off (kafka.bootstrap); access events go through it."
    if action.id == "tier" and any(c.read_only for c in snapshot.clouds if c.name == cloud):
        return f"{cloud} is read-only; its classes stay as they are."
    return ""
