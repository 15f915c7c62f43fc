"""What the keys set in motion: ask the operator, ask the engine, show the answer.

Each flow runs in a worker and may raise `AstraError`; the app tells the operator.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text

from astra_tui import plan_flows
from astra_tui.decision_words import decision_lines, left_out, nothing_to_do
from astra_tui.screens.dialogs import Choice, Choosable, Line, Prompt, Tell, field
from astra_tui.screens.plan import PlanScreen
from engine.errors import AstraError, Refused
from engine.model import (
    Address,
    CloudStatus,
    ListingQuery,
    MoveKind,
    PlanRequest,
    Snapshot,
    Tier,
)
from widgets.glyphs import current
from widgets.text import count_text, counted, money_text, name_text, visible

if TYPE_CHECKING:
    from astra_tui.app import AstraApp

POLICIES = (
    ("rules", "age, names and recent reads"),
    ("recency", "seconds to minutes since the last access, for streams"),
    ("reactive", "promotes what is suddenly read much more"),
    ("cost", "the least expected cost, by a model of the next read"),
    ("proactive", "acts on the forecast before the reads come"),
)
_NAMED_AT_MOST = 5


def objects_text(
    addresses: Sequence[Address], folders: Sequence[Address] = (), count: int = 0
) -> str:
    """`report.csv`, `12 objects` or `3,104 objects of 2 folders`."""
    if folders:
        number = counted(count, "object")
        if len(folders) == 1 and not addresses:
            return f"{number} in {visible(folders[0].key, width=40)}"
        return f"{number} ({counted(len(folders), 'folder')})"
    if len(addresses) == 1:
        return visible(addresses[0].key, width=40)
    return f"{count_text(len(addresses))} objects"


def named(addresses: Sequence[Address]) -> list[Line]:
    """The first few objects of a selection, for a dialog."""
    lines: list[Line] = [
        field("" if number else "objects", name_text(str(address), width=60))
        for number, address in enumerate(addresses[:_NAMED_AT_MOST])
    ]
    rest = len(addresses) - _NAMED_AT_MOST
    if rest > 0:
        lines.append(field("", f"and {count_text(rest)} more"))
    return lines


# -- plans ------------------------------------------------------------------------------


async def migrate(
    app: "AstraApp", sources: Sequence[Address], folders: Sequence[Address] = (), count: int = 0
) -> bool:
    """Ask where to, and whether to move or copy; then show the plan. True if it was started.

    `folders` mean all below them, `count` objects in all as far as is known.
    """
    every = [*sources, *folders]
    here = every[0].cloud
    title = f"Migrate {objects_text(sources, folders, count)} from {here}"
    place = await app.ask(
        Choice(title, _places(app.snapshot, here), lines=[*named(every), "", "To which place?"])
    )
    if place is None:
        return False
    destination = place.value
    if destination is None:
        destination = await app.ask(
            Prompt(
                title,
                _place_reader(app.snapshot),
                lines=["To which place? Write cloud:bucket/ or cloud:bucket/prefix/"],
                value=f"{here}:{every[0].bucket}/",
            )
        )
        if destination is None:
            return False
    fixed = any(cloud.read_only for cloud in app.snapshot.clouds if cloud.name == here)
    kind = await app.ask(
        Choice(
            title,
            [
                Choosable(
                    MoveKind.MOVE,
                    "move",
                    "the source is deleted once the copy is proved equal",
                    f"{here} is read-only" if fixed else "",
                ),
                Choosable(MoveKind.COPY, "copy", "the source is kept"),
            ],
            lines=[field("to", name_text(str(destination), width=60)), ""],
        )
    )
    if kind is None:
        return False
    request = PlanRequest(tuple(sources), destination, kind.value, folders=tuple(folders))
    return await show_plan(app, request)


def _places(snapshot: Snapshot, here: str) -> list[Choosable[Address | None]]:
    places: list[Choosable[Address | None]] = []
    for cloud in snapshot.clouds:
        place = Address(cloud.name, cloud.bucket, cloud.prefix)
        why = ""
        if cloud.name == here:
            why = "they are there already"
        elif cloud.read_only:
            why = "read-only"
        elif not cloud.bucket:
            why = "it has no bucket configured; name a place"
        label = Text.assemble((f"{visible(cloud.name):<10} ", "bold"), visible(str(place)))
        places.append(Choosable(place, label, cloud.region, why))
    places.append(Choosable(None, f"another place {current().ellipsis}"))
    return places


def _place_reader(snapshot: Snapshot) -> Callable[[str], Address]:
    clouds = {cloud.name: cloud for cloud in snapshot.clouds}

    def read(text: str) -> Address:
        address = Address.parse(text.strip())
        cloud = clouds.get(address.cloud)
        if cloud is None:
            raise ValueError(f"There is no cloud {address.cloud!r}; known: {', '.join(clouds)}.")
        if cloud.read_only:
            raise ValueError(f"{address.cloud} is read-only.")
        return address

    return read


async def change_tier(
    app: "AstraApp", addresses: Sequence[Address], folders: Sequence[Address] = (), count: int = 0
) -> bool:
    """Ask for a tier or a class, then show the plan. True if it was started."""
    title = f"Tier of {objects_text(addresses, folders, count)}"
    first = addresses[0] if addresses else await _first_below(app, folders[0])
    if first is None:
        app.say("Nothing lies in that folder any more.", "warning")
        return False
    detail = await app.engine.inspect(first)
    by_tier: dict[Tier, str] = {}
    for storage_class, tier, _ in detail.class_costs:
        by_tier.setdefault(tier, storage_class)
    tiers: list[Choosable[Tier | None]] = [
        Choosable(
            tier,
            Text(f"{tier.value:<8}", "bold"),
            by_tier.get(tier, ""),
            "" if by_tier.get(tier) or not by_tier else "this provider has no such class",
        )
        for tier in Tier
    ]
    if detail.class_costs:
        tiers.append(Choosable(None, f"a storage class {current().ellipsis}"))
    lines = [*named([*addresses, *folders]), "", "Which tier shall they have?"]
    wanted = await app.ask(Choice(title, tiers, lines=lines))
    if wanted is None:
        return False
    request = PlanRequest(tuple(addresses), folders=tuple(folders))
    if wanted.value is not None:
        return await show_plan(app, replace(request, tier=wanted.value))
    one = len(addresses) == 1 and not folders
    classes = [
        Choosable(
            name,
            Text.assemble((f"{visible(name):<22}", "bold"), f"{of.value:<8}"),
            f"{money_text(cost, currency=True)}/mo for this object" if one else "",
        )
        for name, of, cost in detail.class_costs
    ]
    chosen = await app.ask(Choice(title, classes, lines=["Which storage class shall they have?"]))
    if chosen is None:
        return False
    return await show_plan(app, replace(request, storage_class=chosen.value))


async def _first_below(app: "AstraApp", folder: Address) -> Address | None:
    """Some object of a folder, None if there is none."""
    key = folder.key
    while True:
        view = await app.engine.view(folder.cloud, ListingQuery(folder=key))
        rows = await view.load(0, 1)
        if not rows:
            return None
        key = rows[0].key
        if rows[0].objects is None:
            return Address(folder.cloud, folder.bucket, key)


async def plan_decisions(app: "AstraApp") -> None:
    """Show a plan that carries out the last decisions."""
    await show_plan(app, PlanRequest())


async def saved_plans(app: "AstraApp") -> None:
    """Open a saved plan, or delete one."""

    async def show(request: PlanRequest) -> bool:
        return await show_plan(app, request)

    await plan_flows.saved_plans(app, show)


async def show_plan(app: "AstraApp", request: PlanRequest) -> bool:
    """Make a plan and open it; one without moves is only told of. True once it was started."""
    view = await app.engine.open_plan(request)
    try:
        if not view.moves:
            app.say(" ".join(view.warnings) or "There is nothing to move.", "warning")
            return False
        started: bool | None = await app.ask(PlanScreen(view))
        return started is True
    finally:
        with contextlib.suppress(AstraError):  # the engine may be gone, and the plan with it
            await app.engine.close_plan(view.review)


# -- the tier engine --------------------------------------------------------------------


async def run_engine(app: "AstraApp", policy: str = "") -> None:
    """Ask a policy what should be where, tell what it says, and offer the plan."""
    decisions = await app.engine.decide(policy)
    policy = decisions[0].policy if decisions else policy or app.snapshot.policy
    if not decisions:
        app.say(nothing_to_do(policy, app.snapshot.clouds))
        return
    answer = await app.ask(
        Tell(
            f"Policy {policy}",
            decision_lines(decisions, left_out(app.snapshot.clouds)),
            answers=(("Plan it", "plan"), ("Leave", "")),
            keys={app.keymap["plan"].keys[0]: "plan"},
        )
    )
    if answer:
        await plan_decisions(app)


async def choose_policy(app: "AstraApp") -> None:
    """Choose a policy, then ask it."""
    usual = app.snapshot.policy
    names = [name for name, _ in POLICIES]
    chosen = await app.ask(
        Choice(
            "Which policy shall decide?",
            [Choosable(name, Text(f"{name:<9}", "bold"), about) for name, about in POLICIES],
            start=names.index(usual) if usual in names else 0,
        )
    )
    if chosen is not None:
        await run_engine(app, chosen.value)


# -- objects ----------------------------------------------------------------------------


async def open_place(app: "AstraApp", status: CloudStatus) -> None:
    """Let a pane show another bucket or prefix of its cloud."""

    def read(text: str) -> tuple[str, str]:
        bucket, _, prefix = text.strip().partition("/")
        if not bucket:
            raise ValueError("Write bucket or bucket/prefix/")
        return bucket, prefix

    place = await app.ask(
        Prompt(
            f"Open a place of {status.name}",
            read,
            lines=["Which bucket, or bucket/prefix/ ?"],
            value=f"{status.bucket}/{status.prefix}" if status.prefix else status.bucket,
        )
    )
    if place is not None:
        app.engine.scan(status.name, bucket=place[0], prefix=place[1])


async def age(app: "AstraApp", addresses: Sequence[Address]) -> None:
    """Let objects look older (simulated)."""

    def read(text: str) -> float:
        try:
            days = float(text)
        except ValueError:
            raise ValueError("Write a number of days.") from None
        if not 0 < days <= 36_500:
            raise ValueError("Write a number of days from 1 to 36500.")
        return days

    days = await app.ask(
        Prompt(
            f"Age {objects_text(addresses)}",
            read,
            lines=[*named(addresses), "", "By how many days? (simulated, nothing is written)"],
            value="30",
        )
    )
    if days is None:
        return
    for address in addresses:
        await app.engine.age(address, days)
    app.say(
        f"{objects_text(addresses)}: {days:g} {'day' if days == 1 else 'days'} older (simulated)."
    )


async def access(app: "AstraApp", addresses: Sequence[Address]) -> None:
    """Send simulated access events."""

    def read(text: str) -> int:
        if not text.strip().isdecimal() or not 1 <= int(text) <= 10_000:
            raise ValueError("Write a number from 1 to 10000.")
        return int(text)

    count = await app.ask(
        Prompt(
            f"Access {objects_text(addresses)}",
            read,
            lines=[*named(addresses), "", "How many reads of each? They go through Kafka."],
            value="10",
        )
    )
    if count is None:
        return
    for address in addresses:
        await app.engine.send_access(address, count=count)
    app.say(f"{objects_text(addresses)}: {counted(count, 'read')} sent.")


def copy_text(app: "AstraApp", text: str) -> None:
    """Put a text on the clipboard and show it."""
    if not text:
        raise Refused("There is nothing here to copy.")
    app.copy_to_clipboard(text.encode("utf-8", "replace").decode())
    first, *rest = text.split("\n") if text.count("\n") < 1000 else [text[:200]]
    more = f" and {count_text(len(rest))} more" if rest else ""
    app.say(f"Copied: {first}{more}")


def copy_urls(app: "AstraApp", addresses: Sequence[Address]) -> None:
    """Put the objects' URLs on the clipboard, one a line, and show them."""
    from engine.urls import url_of

    clouds = {cloud.name: cloud for cloud in app.engine.settings.clouds}
    copy_text(app, "\n".join(url_of(clouds[a.cloud], a) for a in addresses))
