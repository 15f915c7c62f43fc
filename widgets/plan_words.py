"""What is said of a plan: payback, groups and risks, the same on the screen and by command."""

from engine.model import MONTH_DAYS, PlanRisk, RiskKind
from widgets.glyphs import current
from widgets.text import count_text, money_text, visible

_TITLES = {
    RiskKind.REFUSED: "refused",
    RiskKind.DELETES: "sources deleted",
    RiskKind.UNGUARDED: "unguarded deletes",
    RiskKind.PROBED: "guard to be probed",
    RiskKind.OVERWRITES: "overwrites",
    RiskKind.OCCUPIED: "there already",
    RiskKind.LOSSES: "metadata lost",
    RiskKind.UNATTESTED: "source unattested",
    RiskKind.RESTORE: "restores",
    RiskKind.EARLY: "early deletion",
    RiskKind.EGRESS: "egress",
    RiskKind.PAYBACK: "no payback in a year",
    RiskKind.UNPRICED: "price unknown",
    RiskKind.ARCHIVED: "archived there",
    RiskKind.MINIMUM: "least days or size",
}
_SAYS = {
    RiskKind.UNGUARDED: "a version that somebody writes just before the delete would be lost",
    RiskKind.PROBED: "unguarded if a probe finds that the store ignores conditions",
    RiskKind.UNATTESTED: "no checksum of its own proves the first read",
    RiskKind.UNPRICED: "what it costs or saves is not known",
    RiskKind.ARCHIVED: "the copy opens only after a restore",
    RiskKind.MINIMUM: "the new class bills at least so many days, or so many bytes",
    RiskKind.OVERWRITES: "what is at the destination is replaced",
    RiskKind.OCCUPIED: "equal content is kept, other content stops the job",
    RiskKind.PAYBACK: "costs more than it saves, or for longer than a year",
}
GRAVE = frozenset(
    {
        *(RiskKind.REFUSED, RiskKind.UNGUARDED, RiskKind.PROBED),
        *(RiskKind.OVERWRITES, RiskKind.RESTORE, RiskKind.LOSSES),
    }
)


def risk_title(kind: RiskKind) -> str:
    """A few words for a kind of risk."""
    return _TITLES[kind]


def risk_count(risk: PlanRisk) -> str:
    """`3`, or `3 of 5` where some with that risk are left out."""
    count = count_text(risk.moves)
    return count if risk.moves == risk.all else f"{count} of {count_text(risk.all)}"


def risk_detail(risk: PlanRisk) -> str:
    """What it means, in a line. May hold a store's own words: make it visible to show it."""
    match risk.kind:
        case RiskKind.DELETES:
            if risk.limit is None:
                return "each after its copy is proved; any number is allowed"
            if risk.over:
                return f"{risk.limit:,} are allowed (max_deletes): refused as it is"
            return f"each after its copy is proved; {risk.limit:,} are allowed"
        case RiskKind.RESTORE:
            wait = f"up to {risk.hours:g} hours before they begin" if risk.hours else "under way"
            return f"{wait}, {money_text(risk.amount, currency=True)}"
        case RiskKind.EARLY:
            return f"{money_text(risk.amount, currency=True)} for days not served in their class"
        case RiskKind.EGRESS:
            return f"{money_text(risk.amount, currency=True)} for bytes that leave the provider"
        case RiskKind.LOSSES:
            return (
                f"{risk.example} {current().ellipsis}" if risk.example else "not all of it arrives"
            )
        case RiskKind.REFUSED:
            return risk.example
        case _:
            return _SAYS[risk.kind]


def expected_text(saving: float | None, expected: float | None, policy: str = "") -> str:
    """`policy cost expects +$0.0016/mo`, where that reads otherwise than the saving at the reads of
    the last 30 days; "" where it does not, or where no policy expects anything."""
    if expected is None:
        return ""
    text = money_text(expected, currency=True, signed=True)
    if text == money_text(saving, currency=True, signed=True):
        return ""
    who = f"policy {visible(policy, width=20)}" if policy else "policy"
    return f"{who} expects {text}/mo"


def saving_words(saving: float | None) -> str:
    """`saves $0.0048 a month`, `costs $0.02 more a month`, `saves nothing`: no signs."""
    if saving is None:
        return "saves unknown a month"
    if saving == 0:
        return "saves nothing"
    word, more = ("saves", "") if saving > 0 else ("costs", " more")
    return f"{word} {money_text(abs(saving), currency=True)}{more} a month"


def payback_text(saving: float | None, once: float | None) -> str:
    """Days until the saving paid the move: `at once`, `97 d`, `>10 yr`, `never`, `?`."""
    if saving is None or once is None:
        return "?"
    if saving < 0 or (saving == 0 and once > 0):
        return "never"
    if once <= 0:
        return "at once"
    days = once / saving * MONTH_DAYS
    if days < 1:
        return "<1 d"
    return f"{days:,.0f} d" if days <= 3652.5 else ">10 yr"
