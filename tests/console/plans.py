"""Plans for pictures of the plan screen."""

from dataclasses import replace

from engine.model import MoveKind, Plan, RiskKind
from tests.console import world

CLEAN = "Move 6 objects to gcp:gcp-data/"


def risky() -> Plan:
    """Every kind of risk, some refused, two routes."""
    first, second, third, refused, in_place, archive = world.plan().moves
    return replace(
        world.plan(),
        title="Carry out 8 decisions",
        moves=(
            replace(
                first,
                kinds=(RiskKind.UNGUARDED, RiskKind.UNATTESTED, RiskKind.EGRESS),
                cost_lines=(("egress: 1 GB out of aws", 0.08), ("PUT: 1 request", 0.0001)),
                risks=("unguarded delete: aws cannot delete on condition",),
            ),
            replace(
                second,
                kinds=(RiskKind.RESTORE, RiskKind.EARLY, RiskKind.PROBED),
                cost_lines=(("bulk restore: 5 GB", 0.0125), ("early deletion: 20 of 90", 0.04)),
                risks=("must be restored first: about 48 hours (bulk)",),
                restore_hours=48.0,
            ),
            third,
            replace(third, source=replace(third.source, key="orders/2024.csv")),
            replace(refused, source=replace(refused.source, key="orders/2025.csv")),
            refused,
            in_place,
            archive,
        ),
    )


def all_refused() -> Plan:
    moves = tuple(
        replace(move, refused="gcp is read-only", kinds=(), risks=(), losses=())
        for move in world.plan().moves
    )
    return replace(world.plan(), moves=moves, warnings=("6 of 6 are refused; each says why.",))


def copies() -> Plan:
    """Moves of one route, which have one place to go to."""
    moves = tuple(world.move(f"photos/{row[0]}", size=row[1]) for row in world.CALM)
    return replace(world.plan(), title=CLEAN, policy="", moves=moves, warnings=())


def hostile() -> Plan:
    evil = "\x1b[31m[red]rtl \u202egnp.exe"
    moves = tuple(
        world.move(
            name, reason=evil, risks=(evil,), losses=(evil,), from_class=evil, to_class=evil,
            kinds=(RiskKind.LOSSES, RiskKind.UNGUARDED), refused=evil if number % 3 == 2 else "",
            kind=MoveKind.MOVE,
        )
        for number, name in enumerate(world.HOSTILE)
    )  # fmt: skip
    return replace(world.plan(), title=evil, policy=evil, moves=moves, warnings=(evil,))
