"""The tour: the demo world shown inside the console, with captions, hands off.

It presses the console's own keys, so it shows nothing that an operator could not do. Esc ends
it, and any other key ends it and does what it always does; the console stays open.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual import events
from textual.keys import _character_to_key
from textual.screen import Screen
from textual.widgets import Input

from astra_tui.app import AstraApp
from astra_tui.config import ConsoleSettings
from astra_tui.demo import DemoWorld
from astra_tui.demo_life import DemoEngine, DemoLife
from astra_tui.demo_proxy import FaultProxy
from astra_tui.screens.console import ConsoleScreen
from astra_tui.screens.dashboard import DashboardScreen
from astra_tui.screens.dialogs import Choice, Confirm, Tell
from astra_tui.screens.job import JobScreen
from astra_tui.screens.plan import PlanScreen
from engine.engine import Engine
from engine.model import FINAL_STATES, JobState, JobView, KafkaState, ListingState

_LOOK = 0.02  # seconds between looks at a console that is about to change
_PATIENCE = 60.0  # seconds; what is waited for takes a few
_VICTIM = "monthly_report_october.pdf"


class Lost(Exception):
    """The console did not come to where the tour was going."""


class TourApp(AstraApp):
    """The console, which can tell the tour's keys from the operator's."""

    CSS = "ToastRack { margin-bottom: 3; }"  # above the captions

    def __init__(self, engine: Engine, console: ConsoleSettings) -> None:
        # The tour's world is removed at its end: there is nothing to resume.
        super().__init__(engine, console, resume_command="", demo=True)
        self.tour: Tour | None = None

    async def on_event(self, event: events.Event) -> None:
        tour = self.tour
        ours = tour is None or not tour.playing or tour.sent(event)
        if tour is not None and isinstance(event, events.Key) and not ours:
            tour.stop("The tour has ended; the console is yours.")
            if event.key == "escape":
                return
        await super().on_event(event)


class Tour:
    """Plays the tour in a running app. `speed` 2.0 is twice as fast.

    `shown` collects the captions, `seconds` the time that was given to the spectator.
    """

    def __init__(self, app: TourApp, proxy: FaultProxy, life: DemoLife, speed: float) -> None:
        self.playing = True
        self.complete = False
        self.shown: list[str] = []
        self.seconds = 0.0
        self._app = app
        self._proxy = proxy
        self._life = life
        self._speed = speed
        self._sent: list[events.Key] = []
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="demo-tour")

    async def finished(self) -> None:
        """Wait until it has played, lost its way or was stopped."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def cancel(self) -> None:
        """End it where it is."""
        self.playing = False
        if self._task is not None:
            self._task.cancel()

    def stop(self, caption: str) -> None:
        """End it where it is and say so."""
        self.cancel()
        self._app.call_later(self._app.caption, caption)

    def sent(self, event: events.Event) -> bool:
        """Whether the tour itself pressed that key."""
        return any(event is key for key in self._sent)

    async def _run(self) -> None:
        try:
            await self._play()
            self.complete = True
        except Lost as lost:
            await self._say(f"The tour lost its way ({lost}); the console is yours.", 0.0)
        finally:
            self.playing = False

    # -- what a spectator sees ----------------------------------------------------------

    async def _play(self) -> None:
        await self._until(self._all_listed, "all clouds are listed")
        await self._say("Three clouds on one screen: where your data is, and what it costs.", 3.0)
        for _ in range(3):
            await self._key("down", 0.3)
        await self._action("next-panel", 0.7)
        await self._action("next-panel", 0.7)
        await self._watch_events()
        await self._ask_policy()
        await self._migrate()
        await self._corrupt()
        await self._action("dashboard")
        await self._until_screen(DashboardScreen)
        await self._say("The bill, before and after. Every price has a date and a source.", 3.5)
        await self._back()
        await self._say("That was Astra. The console is yours: ? shows the keys, q leaves.", 0.5)

    async def _watch_events(self) -> None:
        await self._until(self._events_flow, "events arrive")
        await self._panel(4, 0.5)
        await self._say("Kafka tells who reads what, live. Broken messages say why they are.", 1.0)
        if self._life.traffic is not None:
            self._life.traffic.burst(120)
        await self._beat(3.0)

    async def _ask_policy(self) -> None:
        await self._panel(1, 0.3)
        await self._say("e asks the tier policy: what should be where?", 1.0)
        await self._action("engine")
        await self._until_screen(Tell)
        await self._beat(3.0)
        await self._action("plan")
        await self._until_screen(PlanScreen)
        await self._say("A plan: savings, one-time cost, payback, risks. Nothing moves yet.", 1.5)
        for _ in range(4):
            await self._key("down", 0.5)
        await self._back()

    async def _migrate(self) -> None:
        await self._say("Now a migration: the database backups, from aws to gcp.", 1.0)
        await self._filter("backup_database")
        await self._action("mark-all", 1.0)
        jobs = await self._move_to_gcp()
        await self._say("Download, checksum, upload, verify by reading back, delete.", 0.5)
        await self._panel(5, 0.5)
        await self._until(lambda: self._ended() >= jobs, "the jobs end")
        await self._beat(1.5)
        await self._key("enter")
        await self._until_screen(JobScreen)
        await self._say("Equal digests, proved by re-reading; only then the source went.", 3.5)
        await self._back()

    async def _corrupt(self) -> None:
        await self._say("Now a bad line: one bit of one upload will be flipped.", 1.5)
        await self._panel(1, 0.3)
        await self._filter(_VICTIM.removesuffix(".pdf"))
        self._proxy.arm(_VICTIM)
        jobs = await self._move_to_gcp()
        await self._until(lambda: self._ended() >= jobs, "the damaged job ends")
        await self._panel(5, 0.0)
        await self._action("first", 0.3)
        await self._key("enter")
        await self._until_screen(JobScreen)
        await self._until(lambda: self._latest() is JobState.FAILED, "the damaged job shows")
        await self._say("Caught: the digests differ. The copy is gone, the source is kept.", 3.5)
        await self._action("retry")
        await self._until(lambda: self._latest() is JobState.COMPLETED, "the retry completes")
        await self._say("Retried over a sound line: verified and done.", 2.0)
        await self._back()

    # -- how it gets there --------------------------------------------------------------

    async def _move_to_gcp(self) -> int:
        """Plan, approve and start a move of what is chosen; returns how many jobs will be."""
        before = sum(number for _, number in self._app.snapshot.job_counts)
        await self._action("migrate")
        await self._until_screen(Choice)
        question = self._app.screen
        await self._beat(0.8)
        await self._key("2")  # the second cloud
        await self._until_screen(Choice, other_than=question)
        await self._beat(0.5)
        await self._key("1")  # move
        await self._until_screen(PlanScreen)
        screen = self._app.screen
        assert isinstance(screen, PlanScreen)
        moves = screen.view.totals.moves
        await self._beat(1.2)
        await self._action("approve")
        await self._until_screen(Confirm)
        await self._beat(1.0)
        await self._key("y")
        await self._until(lambda: len(self._app.screen_stack) == 1, "the plan is started")
        return before + moves

    async def _panel(self, number: int, seconds: float) -> None:
        """Go to a panel of the console."""
        await self._action(f"panel-{number}")
        await self._until(lambda: self._focused(number), f"panel {number}")
        await self._beat(seconds)

    async def _back(self) -> None:
        """Leave the screen over the console."""
        await self._action("back")
        await self._until_screen(ConsoleScreen)
        await self._beat(0.3)

    async def _filter(self, text: str) -> None:
        console = self._app.screen
        if isinstance(console, ConsoleScreen) and console.panel.filter_text:
            await self._action("back", 0.3)
        await self._action("filter", 0.2)
        for letter in text:
            await self._key(letter, 0.03)
        await self._key("enter")
        await self._until(lambda: self._all_chosen(text), f"the filter {text}")
        await self._beat(0.5)

    async def _say(self, text: str, seconds: float) -> None:
        self.shown.append(text)
        # What the console had to say so far would cover what the caption is about.
        self._app.call_later(self._app.clear_notifications)
        self._app.call_later(self._app.caption, text)
        await self._beat(seconds)

    async def _action(self, action: str, seconds: float = 0.0) -> None:
        """Press the key that an action really has."""
        await self._key(self._app.keymap[action].keys[0], seconds)

    async def _key(self, name: str, seconds: float = 0.0) -> None:
        known = _character_to_key(name) if len(name) == 1 and not name.isalnum() else name
        event = events.Key(known, name if len(name) == 1 else None)
        self._sent = [*self._sent[-9:], event]
        self._app.post_message(event)
        await self._beat(seconds)

    async def _beat(self, seconds: float) -> None:
        self.seconds += seconds
        await asyncio.sleep(max(seconds / self._speed, _LOOK))

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + _PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise Lost(f"waited for: {what}")
            await asyncio.sleep(_LOOK)

    async def _until_screen(
        self, kind: type[Screen[Any]], other_than: Screen[Any] | None = None
    ) -> None:
        def there() -> bool:
            screen = self._app.screen
            return isinstance(screen, kind) and screen is not other_than and screen.is_running

        await self._until(there, kind.__name__)
        await asyncio.sleep(_LOOK)

    # -- what it looks at ---------------------------------------------------------------

    def _all_chosen(self, text: str) -> bool:
        """Whether the keys are about what the filter asked for, and the list has the focus."""
        console = self._app.screen
        if not isinstance(console, ConsoleScreen) or isinstance(self._app.focused, Input):
            return False
        chosen = console.selection()
        return bool(chosen) and all(text in address.key for address in chosen)

    def _focused(self, number: int) -> bool:
        console, focused = self._app.screen, self._app.focused
        if not isinstance(console, ConsoleScreen) or focused is None:
            return False
        return console.panels.panels[number - 1] in focused.ancestors_with_self

    def _all_listed(self) -> bool:
        clouds = self._app.snapshot.clouds
        return self._app.started and all(one.state is ListingState.READY for one in clouds)

    def _events_flow(self) -> bool:
        kafka = self._app.snapshot.kafka
        return kafka.state is KafkaState.CONNECTED and kafka.events_total > 0

    def _ended(self) -> int:
        counts = dict(self._app.snapshot.job_counts)
        return sum(counts.get(state, 0) for state in FINAL_STATES)

    def _latest(self) -> JobState | None:
        """The state of the job whose screen is open."""
        screen = self._app.screen
        job: JobView | None = screen.job if isinstance(screen, JobScreen) else None
        return job.state if job is not None else None


async def tour(
    keep: Path | None,
    console: ConsoleSettings,
    *,
    mouse: bool = True,
    speed: float = 1.0,
    headless: bool = False,
    size: tuple[int, int] | None = None,
) -> int:
    """Play the tour; returns the console's exit code.

    With a screen the console stays open at the end. Without one (`headless`) it is left, and
    the exit code is 1 unless the tour came to its end.
    """
    async with DemoWorld(keep) as world, FaultProxy(world.port("gcp")) as proxy:
        engine = DemoEngine(world.settings_through("gcp", proxy.port))
        app = TourApp(engine, console)
        async with DemoLife(world, engine) as life:
            app.tour = playing = Tour(app, proxy, life, speed)
            playing.start()
            leaving = asyncio.create_task(_leave(app, playing)) if headless else None
            try:
                result = await app.run_async(
                    mouse=mouse and console.mouse, headless=headless, size=size
                )
            finally:
                playing.cancel()
                await playing.finished()
                if leaving is not None:
                    leaving.cancel()
        if headless and not playing.complete:
            return 1
        return int(result or app.return_code or 0)


async def _leave(app: TourApp, playing: Tour) -> None:
    await playing.finished()
    await app.stop_and_exit()
