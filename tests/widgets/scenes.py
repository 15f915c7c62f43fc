"""Every widget in every state, calm and hostile: what the snapshots and the checks look at."""

import string
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from textual.containers import Horizontal, Vertical

from engine.migration.review import Review
from engine.model import (
    Address,
    Checksum,
    JobState,
    JobView,
    KafkaState,
    LabResult,
    ListingQuery,
    ListingState,
    ObjectDetail,
    Plan,
    RiskKind,
    Step,
)
from tests.lab_samples import lab_result
from tests.widgets.samples import (
    CALM,
    HOSTILE,
    NOW,
    FakeFeed,
    FakeView,
    cloud_status,
    detail,
    job,
    jobs,
    kafka_status,
    move,
    plan,
    reviewed,
    snapshot,
)
from tests.widgets.stage import Stage
from widgets.board import MigrationBoard
from widgets.caption import Caption
from widgets.cloud_pane import CloudPane
from widgets.event_feed import EventFeed
from widgets.job_steps import JobSteps
from widgets.key_help import KeyHelp, KeyHint, KeyLine
from widgets.lab_note import LabNote, LabSetting
from widgets.lab_table import STYLES, LabLine, LabTable
from widgets.line_chart import LineChart, Series
from widgets.move_card import MoveCard
from widgets.object_card import ObjectCard
from widgets.pane import FilterPane
from widgets.plan_risks import RiskList
from widgets.plan_table import PlanTable
from widgets.status_line import StatusLine

KEYS = tuple(
    KeyHint(key, label, enabled, "" if enabled else "this console is read-only", group)
    for key, label, enabled, group in (
        ("space", "mark", True, "cloud"),
        ("m", "migrate", False, "cloud"),
        ("t", "tier", False, "cloud"),
        ("/", "filter", True, "lists"),
        ("enter", "inspect", True, "lists"),
        ("p", "pause", True, "events"),
        ("?", "help", True, "everywhere"),
        ("ctrl+q", "quit", True, "everywhere"),
    )
)
EVIL = "x\x1b]52;c;cm0=\x07[red]\u202e\u200b漢\n"


def _one(make: Callable[[], Any], show: Callable[[Any], object]) -> Callable[..., Stage]:
    def build(**options: Any) -> Stage:
        widget = make()

        def prepare(_: Stage) -> None:
            show(widget)
            focusable = widget.can_focus or isinstance(widget, FilterPane)
            if focusable and not widget.has_focus:
                widget.focus()

        return Stage(lambda: [widget], prepare, **options)

    return build


def _pane(show: Callable[[CloudPane], object]) -> Callable[..., Stage]:
    return _one(lambda: CloudPane("aws"), show)


def _listed(pane: CloudPane, names: Any = CALM) -> None:
    pane.show_status(cloud_status())
    pane.show_view(FakeView(names))


def _marked(pane: CloudPane) -> None:
    _listed(pane)
    pane.action_mark()
    pane.objects.action_cursor_down()
    pane.action_mark()


def _filtered(pane: CloudPane) -> None:
    _listed(pane)
    pane.set_filter("zzz")
    pane.show_view(FakeView((), ListingQuery(text="zzz")))


def _failed(rows: bool) -> Callable[[CloudPane], None]:
    def show(pane: CloudPane) -> None:
        status = cloud_status(
            state=ListingState.FAILED,
            objects=len(CALM) if rows else 0,
            error=f"403 Forbidden: these credentials may not list the bucket {EVIL}.",
            error_todo="Grant s3:ListBucket to them, or name another bucket in astra.toml.",
        )
        pane.show_status(status)
        pane.show_view(FakeView(CALM if rows else ()))

    return show


def _state(state: ListingState, **changes: Any) -> Callable[[CloudPane], None]:
    return lambda pane: pane.show_status(cloud_status(state=state, **changes))


def _feed(last: int, hostile: bool = False, **changes: Any) -> Callable[[EventFeed], None]:
    return lambda feed: feed.show(kafka_status(**changes), FakeFeed(1, last, hostile=hostile))


def _held(feed: EventFeed) -> None:
    source = FakeFeed(1, 200)
    feed.show(kafka_status(), source)
    feed.action_pause()
    source.last += 312
    feed.show(kafka_status(), source)


def evil_job(number: int) -> JobView:
    name = HOSTILE[number % len(HOSTILE)]
    state = tuple(JobState)[number % len(JobState)]
    view = job(name, state, step=Step.VERIFY, error=f"{name} {EVIL}", error_todo=EVIL)
    return replace(
        view, job_id=f"{number}-{name}", job_key=EVIL, notes=(name, EVIL),
        checksum_source=EVIL, retry_at=NOW + 5,
        spec=replace(view.spec, from_class=EVIL, to_class=EVIL, source=Address(EVIL, EVIL, name)),
    )  # fmt: skip


def evil_plan() -> Plan:
    moves = tuple(
        replace(
            move(name), source=Address(EVIL, EVIL, name), from_class=EVIL, to_class=EVIL,
            risks=(EVIL, name), losses=(name,), reason=EVIL, cost_lines=((EVIL, 0.1),),
            refused=EVIL if number % 2 else "", kinds=(RiskKind.LOSSES, RiskKind.UNGUARDED),
        )
        for number, name in enumerate(HOSTILE)
    )  # fmt: skip
    return replace(plan(), title=EVIL, moves=moves)


def evil_detail() -> ObjectDetail:
    calm = detail()
    meta = replace(
        calm.head.meta, content_type=EVIL, cache_control=EVIL,
        user=tuple((name[:40], name) for name in HOSTILE), tags=((EVIL, EVIL),),
    )  # fmt: skip
    decision = replace(calm.decisions[0], reason=EVIL, assumption=EVIL, policy=EVIL)
    return replace(
        calm,
        address=Address(EVIL, EVIL, EVIL),
        head=replace(calm.head, meta=meta, storage_class=EVIL, checksums=(Checksum(EVIL, EVIL),)),
        class_costs=tuple((EVIL, tier, cost) for _, tier, cost in calm.class_costs),
        changes=tuple(
            replace(item, storage_class=EVIL, refused=EVIL if item.refused else "")
            for item in calm.changes
        ),
        decisions=(decision,),
        jobs=tuple(evil_job(number) for number in range(8)),
    )


def console(names: Any = CALM) -> Callable[..., Stage]:
    """All panes together, roughly as the console lays them out."""

    def build(**options: Any) -> Stage:
        panes = [CloudPane("aws", id="aws"), CloudPane("gcp", id="gcp")]
        status, board, feed, keys, caption = (
            StatusLine(), MigrationBoard(), EventFeed(), KeyLine(), Caption(),
        )  # fmt: skip

        def make() -> list[Any]:
            feed.styles.width = "30%"
            return [
                status,
                Horizontal(Vertical(Horizontal(*panes), board), feed),
                caption,
                keys,
            ]

        def prepare(_: Stage) -> None:
            shown = snapshot()
            status.show(shown)
            for pane, cloud in zip(panes, shown.clouds, strict=False):
                pane.show_status(cloud)
                pane.show_view(FakeView(names))
            board.show(jobs(), shown)
            feed.show(kafka_status(), FakeFeed(1, 200))
            keys.show(KEYS)
            caption.show("Step 4: the copy is read back and hashed anew")
            panes[0].focus()

        return Stage(make, prepare, **options)

    return build


def lab_lines(result: LabResult) -> list[LabLine]:
    """As the screen makes them, the first policy left out."""
    signs = string.ascii_lowercase
    lines = [
        LabLine(
            cost.policy, number > 0, cost.policy == "rules", signs[number], STYLES[number], cost
        )
        for number, cost in enumerate(result.policies)
    ]
    return [*lines, LabLine("recency")]


def _chart(front: str = "") -> Callable[[LineChart], None]:
    series = [
        Series(line.sign, line.cost.cumulative, line.style)
        for line in lab_lines(lab_result())
        if line.cost is not None
    ]
    return lambda chart: chart.show(series, ("2026-01-01", "2026-04-30"), front=front)


def evil_lab(table: LabTable) -> None:
    names = {name: (100.0 * (number + 1), 1.0) for number, name in enumerate(HOSTILE[:9])}
    table.show(lab_lines(lab_result(names)))


def _evil_setting(setting: LabSetting) -> None:
    setting.show((("history", EVIL), ("prices", EVIL)), (("classes", EVIL * 9),))


CALM_SCENES: dict[str, Callable[..., Stage]] = {
    "console": console(),
    "pane": _pane(_listed),
    "pane-marked": _pane(_marked),
    "pane-idle": _pane(_state(ListingState.IDLE)),
    "pane-loading": _pane(_state(ListingState.LOADING, objects=0)),
    "pane-empty": _pane(_state(ListingState.EMPTY, objects=0)),
    "pane-filtered": _pane(_filtered),
    "pane-failed": _pane(_failed(rows=False)),
    "pane-failed-rows": _pane(_failed(rows=True)),
    "feed": _one(EventFeed, _feed(200)),
    "feed-held": _one(EventFeed, _held),
    "feed-off": _one(EventFeed, _feed(0, state=KafkaState.OFF)),
    "feed-connecting": _one(EventFeed, _feed(0, state=KafkaState.CONNECTING)),
    "feed-away": _one(EventFeed, _feed(0, state=KafkaState.AWAY, error=f"refused {EVIL}")),
    "feed-away-rows": _one(EventFeed, _feed(9, state=KafkaState.AWAY, error="refused")),
    "feed-waiting": _one(EventFeed, _feed(0)),
    "board": _one(MigrationBoard, lambda board: board.show(jobs(), snapshot())),
    "board-none": _one(MigrationBoard, lambda board: board.show((), snapshot(job_counts=()))),
    "plan": _one(PlanTable, lambda table: table.show(reviewed(plan()))),
    "plan-risks": _one(RiskList, lambda listed: listed.show(Review(plan()).risks())),
    "job-failed": _one(JobSteps, lambda card: card.show(jobs()[9], now=NOW)),
    "job-completed": _one(JobSteps, lambda card: card.show(jobs()[7], now=NOW)),
    "job-running": _one(JobSteps, lambda card: card.show(jobs()[0], now=NOW)),
    "object": _one(ObjectCard, lambda card: card.show(detail())),
    "move": _one(MoveCard, lambda card: card.show(plan().moves[2])),
    "lab-chart": _one(LineChart, _chart()),
    "lab-chart-front": _one(LineChart, _chart("d")),
    "lab-chart-none": _one(LineChart, lambda chart: chart.show_instead([("Nothing yet.", "dim")])),
    "lab-table": _one(LabTable, lambda table: table.show(lab_lines(lab_result()))),
    "lab-progress": _one(LabNote, lambda note: note.progress("cost", 0.426)),
    "help": _one(KeyHelp, lambda card: card.show(KEYS)),
}

HOSTILE_SCENES: dict[str, Callable[..., Stage]] = {
    "hostile-console": console(HOSTILE),
    "hostile-pane": _pane(lambda pane: _listed(pane, HOSTILE)),
    "hostile-feed": _one(EventFeed, _feed(60, hostile=True)),
    "hostile-board": _one(
        MigrationBoard,
        lambda board: board.show([evil_job(n) for n in range(len(HOSTILE))], snapshot()),
    ),
    "hostile-plan": _one(PlanTable, lambda table: table.show(reviewed(evil_plan()))),
    "hostile-job": _one(JobSteps, lambda card: card.show(evil_job(6), now=NOW)),
    "hostile-object": _one(ObjectCard, lambda card: card.show(evil_detail())),
    "hostile-risks": _one(RiskList, lambda listed: listed.show(Review(evil_plan()).risks())),
    "hostile-move": _one(MoveCard, lambda card: card.show(evil_plan().moves[1])),
    "hostile-status": _one(
        StatusLine,
        lambda line: line.show(snapshot(clouds=(cloud_status(name=EVIL),) * 2)),
    ),
    "hostile-lab": _one(LabTable, evil_lab),
    "hostile-lab-setting": _one(LabSetting, _evil_setting),
    "hostile-lab-progress": _one(LabNote, lambda note: note.progress(EVIL, 0.1)),
    "hostile-lab-note": _one(LabNote, lambda note: note.say(EVIL * 40)),
    "hostile-caption": _one(Caption, lambda caption: caption.show(EVIL * 3)),
}

SCENES = {**CALM_SCENES, **HOSTILE_SCENES}
