"""The screen of the first run: what was found, check boxes, a test, and the way out."""

from collections.abc import Coroutine, Mapping
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.worker import Worker

from astra_tui.screens.dialogs import Choice, Choosable, Confirm, Prompt, Tell
from astra_tui.screens.title import TitleLine
from astra_tui.setup import finish
from astra_tui.setup.form import KINDS, Form, blank
from astra_tui.setup.rows import Details, Entry, EntryList, Tried
from astra_tui.setup.tester import try_clouds
from engine.discovery.candidate import free_name
from engine.discovery.search import Found, search
from widgets.key_help import KeyHint, KeyLine
from widgets.text import visible
from widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from astra_tui.setup.app import SetupApp

KEYS = (
    ("space", "take", "take"),
    ("t", "test", "test"),
    ("w", "write", "write"),
    ("e", "edit", "edit"),
    ("a", "add", "add"),
    ("d", "demo", "demo"),
    ("q", "leave", "leave"),
    ("?", "keys", "keys"),
    ("b", "kafka", "kafka"),
    ("r", "read-only", "read_only"),
    ("T", "test writing", "test_writing"),
    ("R", "look again", "search"),
    ("*", "all", "take_all"),
)

HELP = (
    "space  take this cloud into the config, or not; * all of them",
    "e      edit it: bucket, endpoint, region, profile (enter, too)",
    "a      add one by hand",
    "r      never write or delete there (read_only)",
    "t      test the marked ones: reach, list, read. Nothing is written",
    "T      test writing too: one small object each, removed again",
    "b      Kafka, the broker: embedded, off, or a cluster",
    "R      look for clouds once more",
    "w      write astra.toml and open the console",
    "d      see the demo world instead; writes nothing",
    "tab    scroll the lines below the list",
    "q      leave; nothing is written (esc, ctrl+c, too)",
)


class SetupScreen(Screen[None], inherit_bindings=False):
    """Everything of the first run; dialogs come over it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding("question_mark,f1" if key == "?" else "asterisk" if key == "*" else key,
                    name, show=False)
            for key, _, name in KEYS
        ),
        Binding("enter", "edit", show=False),
        Binding("escape", "leave", show=False),
        Binding("tab,shift+tab", "app.focus_next", show=False),
    ]  # fmt: skip

    DEFAULT_CSS = """
    SetupScreen { layout: vertical; overflow: hidden hidden; background: $background; }
    SetupScreen EntryList { padding: 0 1; }
    """

    def __init__(self, environ: Mapping[str, str], home: Path, here: Path) -> None:
        super().__init__()
        self.environ, self.home, self.here = environ, home, here
        self.entries: list[Entry] = []
        self.found = Found()
        self.kafka = "embedded"
        self.touched = False  # by hand
        self._testing: Worker[None] | None = None

    @property
    def setup(self) -> "SetupApp":
        """The app, as what it is."""
        return cast("SetupApp", self.app)

    def compose(self) -> ComposeResult:
        yield TitleLine("Astra", self._headline())
        yield EntryList()
        yield Details()
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        hints = [KeyHint(key, label, action=name) for key, label, name in KEYS]
        self.query_one(KeyLine).show(hints)
        self.query_one(EntryList).focus()
        self.action_search()

    def _headline(self) -> str:
        if not self.found.done:
            return "first run: looking for clouds on this machine"
        return "first run: choose clouds, test them, write astra.toml"

    # -- what is shown ------------------------------------------------------------------

    @property
    def entry(self) -> Entry | None:
        """The entry at the cursor."""
        listed = self.query_one(EntryList)
        return self.entries[listed.cursor] if listed.cursor < len(self.entries) else None

    @property
    def taken(self) -> list[Entry]:
        """The entries that are marked."""
        return [entry for entry in self.entries if entry.taken]

    def show_all(self) -> None:
        """Draw the list and what is at its cursor."""
        self.query_one(EntryList).show(self.entries, looking=not self.found.done)
        self.query_one(TitleLine).show(self._headline(), f"kafka {visible(self.kafka, width=24)} ")
        self._show_details()

    @on(VirtualList.CursorMoved)
    def _show_details(self) -> None:
        self.query_one(Details).show(self.entry, self.found.troubles)

    @on(VirtualList.MarkClicked)
    def _mark_clicked(self) -> None:
        self.action_take()

    @on(VirtualList.Chosen)
    def _row_chosen(self) -> None:
        self.action_edit()

    @on(KeyLine.Pressed)
    async def _key_clicked(self, event: KeyLine.Pressed) -> None:
        event.stop()
        await self.run_action(event.hint.action)

    def _put(self, name: str, entry: Entry) -> None:
        for number, old in enumerate(self.entries):
            if old.candidate.name == name:
                self.entries[number] = entry
        self.show_all()

    def _named(self, name: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.candidate.name == name), None)

    # -- looking ------------------------------------------------------------------------

    def action_search(self) -> None:
        """Look for clouds; what was edited or tested stays."""
        work = self._guarded(self._search())
        self.run_worker(work, exclusive=True, group="search", exit_on_error=False)

    async def _search(self) -> None:
        self.found = replace(self.found, done=False)
        self.show_all()
        looking = search(self.environ, self.home, self.here, ports=self.setup.ports)
        async with aclosing(looking) as steps:
            async for found in steps:
                self._merge(found)

    def _merge(self, found: Found) -> None:
        known = {entry.candidate.name: entry for entry in self.entries}
        fresh = []
        for item in found.candidates:
            old = known.pop(item.name, None)
            touched = old is not None and (old.tried is not Tried.NOT or old.candidate != item)
            fresh.append(old if old is not None and touched else Entry(item, item.likely))
            if old is not None and not touched:
                fresh[-1] = replace(fresh[-1], taken=old.taken)
        self.entries = [*fresh, *known.values()]
        if found.kafka and self.kafka == "embedded":
            self.kafka = found.kafka
        self.found = found
        self.show_all()

    # -- keys ---------------------------------------------------------------------------

    def action_take(self) -> None:
        """Take the cloud at the cursor, or leave it out."""
        if (entry := self.entry) is not None:
            self.touched = True
            self._put(entry.candidate.name, replace(entry, taken=not entry.taken))

    def action_take_all(self) -> None:
        """Take all, or none if all are taken."""
        every = all(entry.taken for entry in self.entries)
        self.entries = [replace(entry, taken=not every) for entry in self.entries]
        self.show_all()

    def action_read_only(self) -> None:
        """Let nothing be written to the cloud at the cursor, or allow it."""
        if (entry := self.entry) is not None:
            item = replace(entry.candidate, read_only=not entry.candidate.read_only)
            self._put(item.name, replace(entry, candidate=item))
            word = "is only read" if item.read_only else "may be written to"
            self.setup.say(f"{item.name} {word}.")

    def action_keys(self) -> None:
        """Tell all keys."""
        self.app.push_screen(Tell("Keys", HELP))

    def action_edit(self) -> None:
        """Change the cloud at the cursor."""
        if self.entry is None:
            self.setup.say("There is nothing to edit; add a cloud with a.")
        else:
            self._work(self._edit(self.entry))

    def action_add(self) -> None:
        """Add a cloud by hand."""
        self._work(self._add())

    def action_kafka(self) -> None:
        """Choose the broker."""
        self._work(self._kafka())

    def action_test(self) -> None:
        """Test the marked clouds without writing anything."""
        self._test(write=False)

    def action_test_writing(self) -> None:
        """Test them by writing a small object, after a question."""
        self._work(self._ask_writing())

    def action_write(self) -> None:
        """Write the config and go on to the console."""
        if not self.taken:
            self.setup.say("No cloud is marked; mark one with space, or add one with a.")
            return
        self._work(finish.write(self.setup, self.taken, self.kafka))

    async def _ask_leaving(self) -> None:
        lines = ["What was chosen here is lost; no config is written."]
        if await self.app.push_screen_wait(Confirm("Leave?", lines, yes="Leave")):
            self.setup.finish()

    def action_demo(self) -> None:
        """Leave for the demo world."""
        self.setup.finish(demo=True)

    def action_leave(self) -> None:
        """Leave; nothing is written. Asks first where something was changed by hand."""
        if self.touched:
            self._work(self._ask_leaving())
        else:
            self.setup.finish()

    # -- work ---------------------------------------------------------------------------

    def _work(self, work: Coroutine[Any, Any, None]) -> None:
        self.run_worker(self._guarded(work), exclusive=True, group="dialog", exit_on_error=False)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - told, and the screen lives on
            self.setup.tell_error(error)

    async def _edit(self, entry: Entry) -> None:
        name = entry.candidate.name
        names = [other.candidate.name for other in self.entries]
        made = await self.app.push_screen_wait(Form(entry.candidate, names, entry.buckets))
        current = self._named(name)
        if made is not None and current is not None and made != current.candidate:
            self.touched = True
            self._put(name, replace(current.untried(made), taken=True))

    async def _add(self) -> None:
        choices = [
            Choosable(kind, Text(f"{kind.value:<6}", "bold"), about) for kind, about in KINDS
        ]
        chosen = await self.app.push_screen_wait(Choice("What kind of cloud?", choices))
        if chosen is None:
            return
        names = [entry.candidate.name for entry in self.entries]
        item = blank(chosen.value, free_name(chosen.value.value, names))
        made = await self.app.push_screen_wait(Form(item, names, ()))
        if made is not None:
            self.touched = True
            self.entries.append(Entry(made, taken=True))
            self.show_all()
            self.query_one(EntryList).move_cursor(len(self.entries) - 1)

    async def _kafka(self) -> None:
        choices = [
            Choosable(
                "embedded", Text("embedded ", "bold"), "a small broker inside Astra, for a start"
            ),
            Choosable("off", Text("off      ", "bold"), "no events"),
            *(
                [
                    Choosable(
                        self.found.kafka, Text(visible(self.found.kafka, width=40), "bold"), "found"
                    )
                ]
                if self.found.kafka
                else []
            ),
            Choosable("", Text("a cluster", "bold"), "host:9092,host:9092"),
        ]
        chosen = await self.app.push_screen_wait(Choice("Where do events come from?", choices))
        if chosen is None:
            return
        value = chosen.value
        if not value:
            lines = ["host:port, with commas between"]
            asked: Prompt[str] = Prompt("Kafka", finish.read_servers, lines=lines)
            value = cast("str | None", await self.app.push_screen_wait(asked)) or ""
        if value:
            self.kafka = value
            self.show_all()

    async def _ask_writing(self) -> None:
        if not self.taken:
            self.setup.say("No cloud is marked; mark one with space.")
            return
        names = ", ".join(entry.candidate.name for entry in self.taken)
        lines = [visible(names), "", "One small object is written to each that names a bucket and"]
        lines.append("is not read-only; it is removed again at once.")
        if await self.app.push_screen_wait(Confirm("Test writing?", lines, yes="Write and remove")):
            self._test(write=True)

    def _test(self, *, write: bool) -> None:
        if not self.taken:
            self.setup.say("No cloud is marked; mark one with space.")
            return
        if self._testing is not None:
            self._testing.cancel()
        work = self._guarded(self._run_test(self.taken, write=write))
        self._testing = self.run_worker(work, group="test", exit_on_error=False)

    async def _run_test(self, entries: list[Entry], *, write: bool) -> None:
        names = {entry.candidate.name for entry in entries}
        for entry in entries:
            again = entry.untried(entry.candidate)
            again = replace(again, tried=Tried.RUNNING, buckets=entry.buckets)
            self._put(entry.candidate.name, again)
        try:
            items = [entry.candidate for entry in entries]
            async with aclosing(try_clouds(items, self.environ, write=write)) as steps:
                async for step in steps:
                    entry_now = self._named(step.cloud)
                    # One that was edited meanwhile is another cloud now.
                    if entry_now is None or entry_now.tried is not Tried.RUNNING:
                        continue
                    if step.check is not None:
                        entry_now = entry_now.learnt(step.check)
                    if step.buckets:
                        entry_now = replace(entry_now, buckets=step.buckets)
                    if step.done:
                        names.discard(step.cloud)
                        entry_now = entry_now.ended()
                    self._put(step.cloud, entry_now)
        finally:
            for name in names:
                left = self._named(name)
                if left is not None and left.tried is Tried.RUNNING and self.is_running:
                    self._put(name, replace(left, tried=Tried.NOT))
