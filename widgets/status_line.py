"""The top line: clouds, Kafka, cost, work. Shortened step by step where there is no room."""

from collections.abc import Sequence

from rich.segment import Segment
from textual.strip import Strip

from engine.model import CloudStatus, KafkaState, KafkaStatus, ListingState, Snapshot
from widgets.cells import Name, Part, draw_cell
from widgets.glyphs import current
from widgets.line_view import LineView
from widgets.text import count_text, money_text, rate_text, visible

Group = list[Part]

# Groups are Astra 0, clouds 1, Kafka 2, cost 3, policy 4, work 5, read-only 6, doctor 7: the
# order in which they lose a form where the line is too short.
_SHORTEN = (4, 5, 0, 4, 3, 2, 2, 1, 5)


class StatusLine(LineView, can_focus=False):
    """One line over everything."""

    DEFAULT_CSS = """
    StatusLine { height: 1; overflow-y: hidden; padding: 0 1; background: $foreground 6%; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._groups: tuple[list[Group], ...] = ()

    def show(self, snapshot: Snapshot, trouble: tuple[int, int] = (0, 0)) -> None:
        """Show this snapshot; a line that reads the same is not sent again.

        `trouble`: checks of the doctor that failed, and that are to be looked at.
        """
        groups: tuple[list[Group], ...] = (
            [[("Astra", "strong")], []],
            _clouds(snapshot.clouds),
            _kafka(snapshot.kafka),
            _cost(snapshot),
            _policy(snapshot.policy),
            _work(snapshot),
            [[("READ-ONLY", "warn")]] if snapshot.read_only else [[]],
            _trouble(*trouble),
        )
        if groups != self._groups:
            self._groups = groups
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.line_width
        if y or not self._groups:
            return Strip.blank(width, self.style_of())
        segments: list[Segment] = []
        for number, group in enumerate(self._fitting(width)):
            if number:
                segments.append(Segment("   ", self.style_of()))
            segments += draw_cell(group, _cells(group), self.style_of)
        return Strip(segments).crop_extend(0, width, self.style_of())

    def _fitting(self, width: int) -> list[Group]:
        """Every group in the longest form that lets all of them fit."""
        form = [0] * len(self._groups)
        for at in (None, *_SHORTEN):
            if at is not None:
                form[at] = min(form[at] + 1, len(self._groups[at]) - 1)
            chosen = [forms[n] for forms, n in zip(self._groups, form, strict=True)]
            shown = [group for group in chosen if group]
            if sum(map(_cells, shown)) + 3 * (len(shown) - 1) <= width:
                break
        return shown


def _cells(group: Group) -> int:
    texts = (
        part.raw if isinstance(part, Name) else part if isinstance(part, str) else part[0]
        for part in group
    )
    return sum(Segment(visible(text) if text.strip() else text).cell_length for text in texts)


def _clouds(clouds: Sequence[CloudStatus]) -> list[Group]:
    full: Group = []
    short: Group = []
    for cloud in clouds:
        sign = _cloud_sign(cloud)
        name = visible(cloud.name, width=10)
        full += [*([" "] if full else []), name, " ", sign]
        short += [*([" "] if short else []), name[:3], sign]
    return [full, short] if len(clouds) > 1 else [full]


def _cloud_sign(cloud: CloudStatus) -> tuple[str, str]:
    glyphs = current()
    match cloud.state:
        case ListingState.READY:
            return (glyphs.on, "good")
        case ListingState.EMPTY:
            return (glyphs.off, "good")
        case ListingState.LOADING:
            return (glyphs.wait, "active")
        case ListingState.FAILED:
            return (glyphs.bad, "bad")
        case ListingState.IDLE:
            return (glyphs.off, "dim")


def _kafka(kafka: KafkaStatus) -> list[Group]:
    glyphs = current()
    outbox: Group = [(f" {count_text(kafka.outbox)} unsent", "warn")] if kafka.outbox else []
    match kafka.state:
        case KafkaState.CONNECTED:
            rate = f" {count_text(round(kafka.events_per_second))} ev/s"
            sign = (glyphs.on, "good")
            return [["kafka ", sign, rate, *outbox], ["kafka ", sign, rate], ["kafka ", sign]]
        case KafkaState.CONNECTING:
            sign = (glyphs.wait, "active")
            return [["kafka ", sign, " connecting", *outbox], ["kafka ", sign]]
        case KafkaState.AWAY:
            sign = (glyphs.bad, "bad")
            return [["kafka ", sign, (" away", "bad"), *outbox], ["kafka ", sign, " away"]]
        case KafkaState.OFF:
            return [[("kafka off", "dim")], []]


def _cost(snapshot: Snapshot) -> list[Group]:
    now, later = snapshot.cost_month, snapshot.projected_month
    if now is None and later is None:
        return [[]]
    glyphs = current()
    before = money_text(now, currency=True)
    if later is None or now is None or later == now:
        return [[f"{before}/mo"]]
    after = (f"{money_text(later, currency=True)}/mo", "good" if later < now else "warn")
    arrow = (f" {glyphs.arrow} ", "dim")
    short: Group = [before, arrow, after]
    if now <= 0:
        return [short]
    percent = round((later - now) / now * 100)
    sign = glyphs.minus if percent < 0 else "+" if percent > 0 else ""
    return [[*short, (f" {sign}{abs(percent)} %", after[1])], short]


def _policy(name: str) -> list[Group]:
    """The active policy: with its word, without, or not at all."""
    if not name:
        return [[]]
    shown = Name(name, "accent", "right")
    return [[("policy ", "dim"), shown], [shown], []]


def _trouble(failed: int, warned: int) -> list[Group]:
    """What the doctor found; the state of clouds and Kafka has signs of its own."""
    if not failed and not warned:
        return [[]]
    glyphs = current()
    number, mark = (failed, glyphs.bad) if failed else (warned, glyphs.warn)
    style = "bad" if failed else "warn"
    return [[(f"doctor {mark} {number}", style)]]


def _work(snapshot: Snapshot) -> list[Group]:
    running = sum(
        snapshot.count(state) for state in ("restoring", "copying", "verifying", "switching")
    )
    queued, failed = snapshot.count("queued"), snapshot.count("failed")
    paused = snapshot.count("paused")
    parts: list[Part] = []
    if snapshot.paused or paused:
        parts.append((f"{count_text(paused)} paused", "warn"))
    if running:
        parts.append((f"{count_text(running)} running", "active"))
    if queued:
        parts.append(f"{count_text(queued)} queued")
    if failed:
        parts.append((f"{count_text(failed)} failed", "bad"))
    if not parts:
        return [[("idle", "dim")], []]
    joined: Group = []
    for part in parts:
        joined += [*([" "] if joined else []), part]
    forms = [joined, joined[:1]] if len(parts) > 1 else [joined]
    if snapshot.rate >= 1:
        forms.insert(0, [*joined, "  ", rate_text(snapshot.rate)])
    return forms
