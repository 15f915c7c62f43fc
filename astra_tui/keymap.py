"""Every action of the console, once: its id, keys, words and where it is valid.

The footer, the help screen, the command palette, the key tables of the documentation and the
overrides of the config are all made from `ACTIONS`. Nothing here imports Textual, so the
commands can read it too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from astra_tui.flavours import COUNTS, DEFAULT, FLAVOURS


class Context(StrEnum):
    """Where an action is valid. The value is its heading in help and README."""

    GLOBAL = "everywhere"
    LIST = "in every list"
    CONSOLE = "console"
    PANE = "cloud pane"
    FEED = "event feed"
    BOARD = "migrations"
    PLAN = "plan"
    JOBS = "jobs"
    JOBSET = "job set"
    JOB = "job"
    OBJECT = "object"
    USAGE = "usage"
    PREVIEW = "preview"
    VERSIONS = "versions"
    LAB = "lab"
    MESSAGE = "message"
    EVENT = "Kafka message"
    DOCTOR = "doctor"
    LOG = "log"
    TOPICS = "topics"
    EVENTS = "rejected, replay"
    READER = "pages to read"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that an operator can ask for.

    `keys` are Textual's names of keys, single characters as themselves; two with a blank between
    are struck one after the other. `label` is the word of
    the footer, `help` a sentence. `footer` ranks it there (1 first, 0 not shown). `changes`
    marks what read-only mode forbids; `dangerous` what never happens without a confirmation.
    Those with `palette` are in the command palette.
    """

    id: str
    keys: tuple[str, ...]
    label: str
    help: str
    contexts: tuple[Context, ...]
    footer: int = 0
    changes: bool = False
    dangerous: bool = False
    palette: bool = True
    offline: bool = False  # needs no running engine


G, LI, CO, PA, FE, BO, PL, JL, JS, JO, OB, US, PV, VE, LA, ME, ET, DO, LG, TO, EV, RE = Context

# Contexts whose keys work at the same time, because they meet on one screen.
SCOPES: Mapping[str, tuple[Context, ...]] = {
    "console": (G, CO, PA, FE, BO, LI),
    "plan": (G, PL, LI),
    "jobs": (G, JL, LI),
    "jobset": (G, JS, RE),
    "job": (G, JO, RE),
    "object": (G, OB, RE),
    "usage": (G, US, LI),
    "preview": (G, PV, RE),
    "versions": (G, VE, LI),
    "lab": (G, LA, LI),
    "message": (G, ME, RE),
    "event": (G, ME, ET, RE),
    "doctor": (G, DO, LI),
    "log": (G, LG, LI),
    "topics": (G, TO, LI),
    "events": (G, EV, LI),
    "reader": (G, RE),
}


# Panels of the console: one of them has the focus, so they may share keys.
PANELS = frozenset({PA, FE, BO})


def meeting() -> Iterator[tuple[Context, ...]]:
    """Contexts whose keys work at the same time: no two actions in them may share a key."""
    for contexts in SCOPES.values():
        panels = [context for context in contexts if context in PANELS]
        others = tuple(context for context in contexts if context not in PANELS)
        yield from ((*others, panel) for panel in panels) if panels else (others,)


def _jump(number: int) -> Action:
    return Action(
        id=f"panel-{number}",
        keys=(str(number),),
        label=f"panel {number}",
        help=f"Jump to panel {number}: the clouds in their order, then events, then migrations.",
        contexts=(CO,),
        palette=False,
        offline=True,
    )


ACTIONS: tuple[Action, ...] = (
    # -- objects ------------------------------------------------------------------------
    Action("inspect", ("enter",), "inspect", "Show the object, message, job or version at the "
           "cursor; open the folder.", (PA, FE, BO, JL, OB, US, VE, EV), footer=6),
    Action("preview", ("v",), "preview", "Read the beginning of the object, and no more. Where "
           "reading is billed by the byte, the price is told first.", (PA, OB, PV, VE), footer=6),
    Action("weeks", ("w",), "weeks", "Show the reads by week, by month where the history is long, "
           "or by day.", (OB,), footer=7, offline=True),
    Action("next-job", ("tab",), "next job", "Put the cursor on the next job of the object.", (OB,),
           palette=False, offline=True),
    Action("previous-job", ("shift+tab",), "previous job", "Put the cursor on the job before.",
           (OB,), palette=False, offline=True),
    Action("unfold", ("f",), "unfold", "Show all decisions and jobs of the object and what changes "
           "of class are made of, or the latest only.", (OB,), footer=5, offline=True),
    Action("versions", ("h",), "versions", "List the versions of the object that its store keeps.",
           (OB,), footer=4),
    Action("bytes", ("x",), "bytes", "Show a preview as a hex dump, or as text again.", (PV,),
           footer=2, offline=True),
    Action("pan-left", ("left",), "left", "Show the columns of a table further to the left.",
           (PV,), palette=False, offline=True),
    Action("pan-right", ("right",), "right", "Show the columns of a table further to the right.",
           (PV,), palette=False, offline=True),
    Action("mark", ("space",), "mark", "Mark or unmark the line at the cursor. In a plan: take "
           "the move out, or in again. In the lab: take the policy out, or in again.",
           (PA, BO, PL, JL, LA), footer=1, offline=True),
    Action("mark-all", ("*",), "mark all", "Mark every line that is not marked, and unmark the "
           "others. In a plan or the lab: take every line in, or out. In the list of jobs: mark "
           "all that fit the filter, or none.", (PA, BO, PL, JL, LA), offline=True),
    Action("marks-back", ("M",), "marks back", "Mark again what was marked before the marks were "
           "dropped.", (PA, BO, JL), offline=True),
    Action("mark-range", ("V",), "mark range", "Mark all lines that the cursor goes over, back "
           "unmarks them; again, or leaving, ends it.", (PA,), offline=True),
    Action("mark-down", ("shift+down",), "mark down", "Mark this line and the next one.", (PA,),
           palette=False, offline=True),
    Action("mark-up", ("shift+up",), "mark up", "Mark this line and the one before.", (PA,),
           palette=False, offline=True),
    Action("mark-pattern", ("+",), "mark by", "Mark all that is shown and fits a text or a pattern "
           "such as *.csv. In a plan: take those moves in.", (PA, PL)),
    Action("unmark-pattern", ("-",), "unmark by", "Unmark what fits a text or pattern. In a plan: "
           "leave those moves out.", (PA, PL)),
    Action("migrate", ("m",), "migrate", "Plan to move or copy the marked objects to another "
           "place. Nothing moves before the plan is approved.", (PA, OB), footer=2),
    Action("tier", ("t",), "tier", "Plan another tier or storage class for the marked objects.",
           (PA, OB), footer=3),
    Action("engine", ("e",), "engine", "Ask the tier policy what should be where.", (CO,),
           footer=4),
    Action("policy", ("E",), "policy", "Choose a tier policy, then ask it.", (CO,)),
    Action("plan", ("P",), "plan", "Plan what the tier policy decided.", (CO,), footer=9),
    Action("saved-plans", ("K",), "saved plans", "List the saved plans: open one, which is checked "
           "again, or delete it; or open one in a file.", (CO,)),
    Action("filter", ("/",), "filter", "Show only names with this text, or that fit a glob like "
           "*.csv. In the feed: messages with this text, or topic:access key:logs/* since:10m. For "
           "jobs: state:failed route:aws>gcp size:>10MiB text.", (PA, FE, BO, PL, JL, LG, EV),
           footer=5, offline=True),
    Action("search", ("ctrl+f",), "search", "Go to the lines with this text, or that fit a glob; "
           "all others stay. Messages, plans and the page of jobs are filtered instead.",
           (PA, FE, BO, PL, JL, LG, EV), offline=True),
    Action("next-match", ("n",), "next match", "To the next line with the text searched for, or "
           "that fits the filter.", (PA, FE, BO, LG), palette=False, offline=True),
    Action("previous-match", ("N",), "previous match", "To the line before with that text.",
           (PA, FE, BO, LG), palette=False, offline=True),
    Action("folders", ("F",), "folders", "Show folders as a file manager does, or all objects in "
           "one list.", (PA,)),
    Action("open-folder", ("right",), "open", "Open the folder at the cursor.", (PA, US)),
    Action("up-folder", ("left", "backspace"), "up", "Go up one folder.", (PA, US)),
    Action("place-back", ("[",), "go back", "Go to the folder or place where this pane was before.",
           (PA,)),
    Action("place-forward", ("]",), "go forward", "Go forward again to where back came from.",
           (PA,)),
    Action("sort", ("s",), "sort", "Sort by the next column.", (PA, PL, JL, US, LA),
           offline=True),
    Action("reverse", ("S",), "reverse", "Turn the order around.", (PA, PL, JL, US, LA),
           offline=True),
    Action("open", ("o",), "open", "Show another bucket or prefix in this pane.", (PA,)),
    Action("reload", ("r", "ctrl+r"), "reload", "List the cloud again; ask the store again for a "
           "preview or the versions.", (PA, US, PV, VE)),
    Action("age", ("a",), "age", "Let the objects look older by some days (for demonstrations; "
           "shown as simulated).", (PA, OB), changes=True),
    Action("access", ("x",), "access", "Send a simulated access event for the objects to Kafka.",
           (PA, OB), changes=True),
    Action("copy", ("y",), "copy", "Copy the address to the clipboard (OSC 52), and show it.",
           (PA, FE, BO, JL, JS, JO, OB, PV, VE, ME, DO, LG, EV), offline=True),
    Action("copy-url", ("Y",), "copy URL", "Copy the URL (s3://, gs://, https://, file://) to the "
           "clipboard, and show it.", (PA, OB), offline=True),
    # -- events and migrations ----------------------------------------------------------
    Action("follow", ("f",), "follow", "Let the feed follow new events, or hold it still.",
           (CO, LG, EV), footer=7, offline=True),
    Action("topics", ("i",), "topics", "Show the topics: how much comes, how far behind reading "
           "is; choose which of them the feed shows.", (FE,), footer=4),
    Action("rejected", ("!",), "rejected", "Show the rejected messages apart, and why they were.",
           (FE, TO), footer=8),
    Action("replay", ("R",), "replay", "Look at messages again, from an offset or a time on. "
           "Nothing is counted again.", (FE, TO), footer=8),
    Action("show-topic", ("space",), "show", "Let the feed show this topic, or leave it out.",
           (TO,), footer=1, offline=True),
    Action("show-all-topics", ("*",), "show all", "Let the feed show all topics again.", (TO,),
           footer=2, offline=True),
    Action("next-message", ("n",), "next", "Go to the next message with this key.", (ET,),
           footer=2),
    Action("previous-message", ("N",), "previous", "Go to the previous message with this key.",
           (ET,), footer=3),
    Action("to-object", ("o",), "object", "Show the object that the message is about.", (ET,),
           footer=4),
    Action("pause", ("p",), "pause", "Pause the jobs, or let them go on. No finished part is "
           "lost. In the list of jobs: those that are marked, or all that fit the filter.",
           (CO, JL, JS, JO), footer=7),
    Action("retry", ("R",), "retry", "Queue the failed jobs again.", (BO, JL, JS, JO), footer=3,
           changes=True),
    Action("cancel", ("c",), "cancel", "Cancel the jobs: what they wrote is removed, every source "
           "is kept.", (BO, JL, JS, JO), footer=4, changes=True, dangerous=True),
    Action("report", ("w",), "report", "Write the report of the job's whole set to a file: every "
           "object with digests, evidence and times, failures first.", (BO, JL, JS, JO)),
    Action("priority", ("u",), "priority", "Let the jobs run sooner or later than others: low, "
           "normal, high or a number.", (BO, JL, JO), changes=True),
    Action("limits", ("b",), "limits", "Change how many objects move at once, and the bytes a "
           "second: a size, off, or a timetable like 08:00,5MiB 19:00,off.", (CO, JL)),
    Action("jobs", ("J",), "jobs", "Show all jobs of all runs: filter, sort, retry, speed.", (CO,)),
    Action("sets", ("tab",), "sets", "Show the job sets instead of the jobs, and back.", (JL,),
           footer=2, offline=True),
    Action("failed", ("f",), "failed", "Show only the failed jobs, or all again.", (JL, JS),
           footer=8, offline=True),
    Action("last-run", ("O",), "last run", "Show how the last job set ended: done, failed, kept, "
           "bytes, time, saving.", (CO, JL)),
    Action("open-jobs", ("enter",), "jobs", "List the jobs of this set.", (JS,), footer=1),
    Action("open-object", ("o",), "object", "Show the object: the copy once the move is done, the "
           "source before.", (JO,), footer=5),
    # -- plan ---------------------------------------------------------------------------
    Action("approve", ("A",), "approve", "Approve the plan and start its jobs, after one more "
           "question.", (PL,), footer=2, changes=True, dangerous=True),
    Action("risks", ("r",), "risks", "Go to the risks, and back. There enter shows only the moves "
           "concerned, and space takes them out, or in again.", (PL,), footer=3, offline=True),
    Action("edit", ("e",), "edit", "Change the destination, class, proof and other options of the "
           "plan; it is planned anew, with new totals.", (PL,), footer=4),
    Action("fold", ("f", "enter"), "fold", "Fold the moves of a group into one line, or unfold.",
           (PL,), footer=6, offline=True),
    Action("group-by", ("b",), "group by", "Group the moves by route, route and class, class, "
           "folder, or not at all.", (PL,), footer=8, offline=True),
    Action("save", ("w",), "save", "Save the plan in the workspace.", (PL,), footer=7),
    Action("export-plan", ("W",), "export", "Write the plan to a file: text, CSV, or JSON that "
           "`astra plan run` carries out.", (PL,), footer=9),
    # -- usage --------------------------------------------------------------------------
    Action("show-there", ("o",), "show in pane", "Leave, and show this folder in its cloud's pane.",
           (US,), footer=7),
    Action("next-cloud", ("tab",), "next cloud", "Look at the next cloud.", (US,), footer=8,
           palette=False),
    Action("previous-cloud", ("shift+tab",), "cloud before", "Look at the cloud before.", (US,),
           palette=False),
    # -- lab ----------------------------------------------------------------------------
    Action("run", ("r",), "run", "Replay the marked policies over the history. Nothing is changed.",
           (LA,), footer=2),
    Action("set-up", ("o",), "set up", "Choose the history, prices, classes, days, or one more "
           "policy.", (LA,), footer=3),
    Action("adopt", ("a",), "adopt", "Let the policy at the cursor decide from now on, after one "
           "more question.", (LA,), footer=4),
    Action("export", ("w",), "write", "Write the result to a file, as JSON or CSV.", (LA,),
           footer=5),
    # -- doctor and log -----------------------------------------------------------------
    Action("check", ("r",), "run again", "Look at everything again. Nothing is written.", (DO,),
           footer=1, offline=True),
    Action("check-writing", ("w",), "check writing", "Check writing, conditions and deleting, too: "
           "one small object in each cloud, removed again. Asks first.", (DO,), footer=2,
           changes=True),
    Action("details", ("enter",), "details", "Show the whole of the line at the cursor.",
           (DO, LG), footer=3, offline=True),
    Action("log-level", ("v",), "level", "Show only warnings and errors, only errors, or all.",
           (LG,), footer=1, offline=True),
    # -- moving about -------------------------------------------------------------------
    Action("next-panel", ("tab",), "next", "Go to the next panel.", (CO,), palette=False,
           offline=True),
    Action("previous-panel", ("shift+tab",), "previous", "Go to the panel before.", (CO,),
           palette=False, offline=True),
    *(_jump(number) for number in range(1, 10)),
    Action("zoom", ("z",), "zoom", "Give this panel the whole screen, and back.", (CO,),
           offline=True),
    Action("move-left", ("<",), "move left", "Let this panel change places with the one before "
           "it; the places are remembered.", (CO,), offline=True),
    Action("move-right", (">",), "move right", "Let this panel change places with the one after "
           "it.", (CO,), offline=True),
    Action("smaller", ("{",), "smaller", "Make this panel smaller: a cloud or the events narrower, "
           "the migrations lower; the sizes are remembered.", (CO,), offline=True),
    Action("larger", ("}",), "larger", "Make this panel larger: a cloud or the events wider, the "
           "migrations higher.", (CO,), offline=True),
    Action("hide-panel", ("H",), "hide", "Hide this panel; its number shows it again.", (CO,),
           offline=True),
    Action("show-panels", ("0",), "show all", "Show all hidden panels again.", (CO,),
           offline=True),
    Action("bookmarks", ("B",), "bookmarks", "Keep this place with its filter and order, and go to "
           "places that were kept.", (CO,)),
    Action("jump", ("'",), "jump", "Show signs over the panels; the next key jumps to a panel, or "
           "to the bookmark of that letter.", (CO,)),
    Action("usage", ("U",), "usage", "Show what each folder holds and costs a month, the dearest "
           "first.", (CO,)),
    Action("dashboard", ("d",), "dashboard", "Show totals: clouds, tiers, migrations, policy.",
           (CO,)),
    Action("lab", ("l",), "lab", "Open the lab: what policies would have cost on a history of "
           "accesses.", (CO,), footer=8),
    Action("up", ("up", "k"), "up", "One line up.", (LI, RE), palette=False),
    Action("down", ("down", "j"), "down", "One line down.", (LI, RE), palette=False),
    Action("page-up", ("pageup",), "page up", "One page up.", (LI, RE), palette=False),
    Action("page-down", ("pagedown",), "page down", "One page down.", (LI, RE), palette=False),
    Action("half-up", ("ctrl+u",), "half up", "Half a page up.", (LI, RE), palette=False),
    Action("half-down", ("ctrl+d",), "half down", "Half a page down.", (LI, RE), palette=False),
    Action("first", ("home", "g"), "first", "To the first line.", (LI, RE), palette=False),
    Action("last", ("end", "G"), "last", "To the last line.", (LI, RE), palette=False),
    # -- everywhere ---------------------------------------------------------------------
    Action("back", ("escape",), "back", "Leave this page. What is open on it goes first: a zoom, "
           "a filter, marking, then the marks.", (G,), footer=19, palette=False, offline=True),
    Action("doctor", ("D",), "doctor", "Show what is wrong, and the one thing to do: engine, "
           "state, clouds, Kafka, config, terminal.", (G,), offline=True),
    Action("notices", ("L",), "log", "Show what Astra had to say so far, and the log.", (G,),
           offline=True),
    Action("theme", ("T",), "theme", "Next theme: dark, light, high contrast, the terminal's own "
           "on dark, on light.", (G,), offline=True),
    Action("redraw", ("ctrl+l",), "redraw", "Draw the whole screen anew, should anything else have "
           "written on it.", (G,), offline=True),
    Action("suspend", ("ctrl+z",), "suspend", "Back to the shell for a while; `fg` returns.", (G,),
           offline=True),
    Action("palette", (":", "ctrl+p"), "command", "Search for a command by its name.", (G,),
           footer=20, palette=False, offline=True),
    Action("help", ("?", "f1"), "help", "Show the keys.", (G,), footer=21, offline=True),
    Action("close", ("q",), "close", "Close this page or question. In the console: leave Astra.",
           (G,), footer=22, palette=False, offline=True),
    Action("quit", ("ctrl+q", "ctrl+c"), "quit", "Leave Astra from any page. Asks first while jobs "
           "run.", (G,), offline=True),
)  # fmt: skip

BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}

# Keys that no override takes away: there is always a way out.
FIXED: Mapping[str, tuple[str, ...]] = {"quit": ("ctrl+q", "ctrl+c")}

_NAMED = frozenset(
    ["up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete"]
    + ["backspace", "enter", "escape", "space", "tab"]
    + [f"f{number}" for number in range(1, 25)]
)
_SPELLED = {"comma": ",", "plus": "+"}  # where the sign itself has a meaning in a list of keys
_MODIFIERS = frozenset({"ctrl", "shift", "alt"})
_DISPLAY = {"escape": "esc", "pageup": "pgup", "pagedown": "pgdn"}


def display(key: str, *, short: bool = False) -> str:
    """How a key is written: `^p`, `esc`, `gg`; `short`: a sign for enter, as in the footer."""
    if " " in key:
        strokes = key.split(" ")
        return ("" if all(len(s) == 1 for s in strokes) else " ").join(map(display, strokes))
    if short and key == "enter":
        return "↵"
    if key in _DISPLAY:
        return _DISPLAY[key]
    if key.startswith("ctrl+"):
        return "^" + key.removeprefix("ctrl+")
    return key


def is_key(name: str) -> bool:
    """Whether a terminal can send such a key, as far as its name tells; or two of them."""
    strokes = name.split(" ")
    if len(strokes) == 2:
        return all(map(is_key, strokes))
    *modifiers, key = name.split("+") if len(name) > 1 else [name]
    if any(modifier not in _MODIFIERS for modifier in modifiers):
        return False
    if len(key) == 1:
        return key.isprintable() and not key.isspace()
    return key in _NAMED


class Keymap:
    """The actions with the keys that are really in force.

    `overrides` maps action ids to keys: a list, or one string with commas between. What makes
    no sense is left out with a sentence in `warnings`; the default keys then stay.
    """

    def __init__(
        self,
        overrides: Mapping[str, str | Sequence[str]] | None = None,
        flavour: str = DEFAULT,
    ) -> None:
        self.warnings: list[str] = []
        if flavour not in FLAVOURS:
            known = ", ".join(FLAVOURS)
            self.warnings.append(f"keys: there is no flavour {flavour!r}; known are {known}.")
            flavour = DEFAULT
        self.flavour = flavour
        differs = FLAVOURS[flavour]
        self._usual = {action.id: differs.get(action.id, action.keys) for action in ACTIONS}
        wanted: dict[str, tuple[str, ...]] = {}
        for action_id, given in (overrides or {}).items():
            keys = self._read(action_id, given)
            if keys:
                wanted[action_id] = keys
        self.overrides = self._without_conflicts(wanted)
        in_force = self._usual | self.overrides
        self.actions = tuple(replace(action, keys=in_force[action.id]) for action in ACTIONS)
        self._by_id = {action.id: action for action in self.actions}

    @property
    def changed(self) -> frozenset[str]:
        """The actions whose keys are not those that `ACTIONS` gives them."""
        return frozenset(a.id for a in self.actions if a.keys != BY_ID[a.id].keys)

    def __getitem__(self, action_id: str) -> Action:
        return self._by_id[action_id]

    def valid_in(self, contexts: Iterable[Context]) -> list[Action]:
        """The actions of these contexts, in the order of `ACTIONS`."""
        wanted = frozenset(contexts)
        return [action for action in self.actions if wanted.intersection(action.contexts)]

    def key_of(self, action_id: str, *, short: bool = False) -> str:
        """The first key of an action as shown on the screen."""
        return display(self._by_id[action_id].keys[0], short=short)

    @property
    def counts(self) -> bool:
        """Whether digits are a count for the movement that follows."""
        return self.flavour in COUNTS

    @property
    def panel_keys(self) -> str:
        """The keys of all panels, `1-9` unless they were changed."""
        keys = [self.key_of(f"panel-{number}") for number in range(1, 10)]
        heads = {key[:-1] for key in keys}
        if len(heads) == 1 and [key[-1:] for key in keys] == list("123456789"):
            return f"{keys[0]}-9"
        return " ".join(keys)

    def keys_of(self, action_id: str) -> str:
        """All keys of an action as shown on the screen, `q ^q`."""
        return " ".join(display(key) for key in self._by_id[action_id].keys)

    def _read(self, action_id: str, given: str | Sequence[str]) -> tuple[str, ...]:
        if action_id not in BY_ID:
            near = _nearest(action_id)
            self.warnings.append(
                f"keys: there is no action {action_id!r}"
                + (f"; did you mean {near!r}?" if near else "; see the key table in the help.")
            )
            return ()
        parts = given.split(",") if isinstance(given, str) else given
        names = [_SPELLED.get(part.strip(), part.strip()) for part in parts]
        keys = tuple(dict.fromkeys(name for name in (*names, *FIXED.get(action_id, ())) if name))
        bad = [key for key in keys if not is_key(key)]
        if bad:
            self.warnings.append(
                f"keys: {action_id} = {', '.join(map(repr, bad))}: no such key; "
                f"{action_id} keeps {self._kept(action_id)}."
            )
            return ()
        if not keys:
            self.warnings.append(f"keys: {action_id} has no key; it keeps {self._kept(action_id)}.")
        return keys

    def _kept(self, action_id: str) -> str:
        return " ".join(display(key) for key in self._usual[action_id])

    def _without_conflicts(self, wanted: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        # Dropping one override gives its default keys back, which may collide with another:
        # so look again until nothing collides. Two defaults never do (a test holds them to it).
        wanted = dict(wanted)
        while True:
            clash = first_clash(self._usual | wanted)
            if clash is None:
                return wanted
            key, first, second = clash
            loser = second if second in wanted else first
            winner = first if loser == second else second
            self.warnings.append(
                f"keys: {loser} = {key!r} is the key of {winner}; "
                f"{loser} keeps {self._kept(loser)}."
            )
            del wanted[loser]


def first_clash(keys: Mapping[str, tuple[str, ...]]) -> tuple[str, str, str] | None:
    """A key that means two of these actions (by id) on one screen, and both; None if none does.

    The first of two strokes is a key of its own: nothing else may lie on it.
    """
    for contexts in meeting():
        owner: dict[str, str] = {}
        firsts: dict[str, str] = {}
        for action in ACTIONS:
            if not frozenset(contexts).intersection(action.contexts):
                continue
            for key in keys[action.id]:
                if owner.setdefault(key, action.id) != action.id:
                    return key, owner[key], action.id
                if " " in key:
                    firsts.setdefault(key.partition(" ")[0], action.id)
        for key, action_id in firsts.items():
            if key in owner:
                return key, owner[key], action_id
    return None


def _nearest(action_id: str) -> str:
    from difflib import get_close_matches

    return next(iter(get_close_matches(action_id, list(BY_ID), n=1)), "")


FIRST = ("help", "palette", "next-panel", "inspect", "back", "close", "mark", "filter", "migrate",
         "jobs")  # fmt: skip
"""The ten keys to begin with."""


def first_table() -> str:
    """The key table of the README: the first ten."""
    lines = ["| key | what |", "|---|---|"]
    keymap = Keymap()
    for action_id in FIRST:
        action = keymap[action_id]
        lines.append(f"| `{display(action.keys[0])}` | {action.help} |".replace("`|`", "`\\|`"))
    return "\n".join(lines) + "\n"


def markdown_table(keymap: Keymap | None = None) -> str:
    """The table of all keys."""
    lines = ["| where | keys | what | id |", "|---|---|---|---|"]
    keymap = keymap or Keymap()
    seen: set[str] = set()
    for context in (PA, FE, BO, CO, PL, JL, JS, JO, OB, PV, VE, US, LA, ME, ET, DO, LG,
                    TO, EV, LI, G):  # fmt: skip
        for action in keymap.valid_in([context]):
            if action.id in seen:
                continue
            seen.add(action.id)
            keys = " ".join(f"`{display(key)}`" for key in action.keys)
            text, action_id = action.help, f"`{action.id}`"
            if action.id.startswith("panel-"):
                if action.id != "panel-1":
                    continue
                keys, action_id = "`1` … `9`", "`panel-1` …"
                text = "Jump to a panel: clouds in order, events, migrations."
            where = ", ".join(item.value for item in action.contexts if item is not RE)
            cells = [where, keys, text, action_id]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


_NUMBERED = frozenset(f"panel-{number}" for number in range(2, 10))


def flavour_table() -> str:
    """The keys that differ between the flavours, for the documentation."""
    maps = {name: Keymap(flavour=name) for name in FLAVOURS}
    lines = ["| action | " + " | ".join(maps) + " |", "|---" * (len(maps) + 1) + "|"]
    differ = frozenset[str]().union(*(keymap.changed for keymap in maps.values()))
    for action in ACTIONS:
        if action.id in differ and action.id not in _NUMBERED:
            cells = [" ".join(f"`{display(k)}`" for k in m[action.id].keys) for m in maps.values()]
            name = f"`{action.id}`"
            if action.id == "panel-1":
                name, cells = f"{name} …", [f"`{keymap.panel_keys}`" for keymap in maps.values()]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
