"""What a policy's decisions come to, in the words of the console."""

from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from astra_tui.screens.dialogs import Line
from engine.model import CloudStatus, Decision, ListingState, Tier
from widgets.glyphs import current
from widgets.plan_words import expected_text
from widgets.text import count_text, counted, money_text, visible

_ROUTES_AT_MOST = 40  # lines that one may want to scroll through


def left_out(clouds: Sequence[CloudStatus]) -> str:
    """The clouds that a policy could not judge, or not wholly: `azure (not listed)`."""
    reasons = []
    for cloud in clouds:
        if cloud.state not in (ListingState.READY, ListingState.EMPTY):
            reasons.append(f"{cloud.name} (not listed)")
        elif cloud.objects and cloud.cost_month is None:
            reasons.append(f"{cloud.name} (prices unknown)")
    return ", ".join(reasons)


def nothing_to_do(policy: str, clouds: Sequence[CloudStatus]) -> str:
    """That nothing should move, of how many objects that is known, and what was left out."""
    judged = [
        cloud
        for cloud in clouds
        if cloud.state is ListingState.READY and cloud.cost_month is not None
    ]
    number, rest = sum(cloud.objects for cloud in judged), left_out(clouds)
    if number:
        text = f"Policy {policy}: {counted(number, 'object')} looked at, none should move."
    else:
        text = f"Policy {policy}: nothing could be judged."
    return f"{text} Left out: {rest}." if rest else text


def decision_lines(decisions: Sequence[Decision], missing: str = "") -> list[Line]:
    """How many objects should go from which tier to which, and what that saves, most first, by
    the figures that their plan has.

    `missing` names what the policy could not judge.
    """
    counts: Counter[tuple[str, Tier, Tier]] = Counter()
    savings: dict[tuple[str, Tier, Tier], float | None] = {}
    whole = _sum([decision.saving_per_month for decision in decisions])
    for decision in decisions:
        route = (decision.address.cloud, decision.from_tier, decision.to_tier)
        counts[route] += 1
        savings[route] = _sum([savings.get(route, 0.0), decision.saving_per_month])
    total = money_text(whole, currency=True, signed=True)
    tiers = all(before is not after for _, before, after in counts)
    number = counted(len(decisions), "object")
    lines: list[Line] = [
        Text(f"{number} should be in another {'tier' if tiers else 'class'}: {total}/mo", "bold"),
        Text("Nothing moves before you approve a plan.", "dim"),
    ]
    hoped = _sum([decision.expected_saving for decision in decisions])
    if expected := expected_text(whole, hoped, decisions[0].policy if decisions else ""):
        lines.append(Text(f"Money is at the last 30 days' reads; {expected}."))
    if missing:
        lines.append(Text(f"Left out: {visible(missing, width=200)}."))
    lines.append("")
    arrow = current().arrow
    routes = sorted(counts.items(), key=lambda item: (-(savings[item[0]] or 0.0), -item[1]))
    for (cloud, before, after), number_of in routes[:_ROUTES_AT_MOST]:
        saving = money_text(savings[cloud, before, after], currency=True, signed=True)
        lines.append(
            Text.assemble(
                f"{count_text(number_of):>7}  ",
                f"{visible(cloud, width=10):<10} ",
                f"{before.value} {arrow} {after.value}".ljust(20),
                f"{saving}/mo",
            )
        )
    if rest := routes[_ROUTES_AT_MOST:]:
        more = _sum([savings[route] for route, _ in rest])
        saving = money_text(more, currency=True, signed=True)
        lines.append(Text(f"and {count_text(len(rest))} more: {saving}/mo"))
    return lines


def _sum(amounts: Sequence[float | None]) -> float | None:
    """None, which is unknown, if any part is."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None
