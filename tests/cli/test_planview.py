"""What a plan says of many moves at once: few lines, whatever the number of objects."""

from dataclasses import replace

import pytest

from astra_tui.cli.output import Output
from astra_tui.cli.planview import grouped, show_plan
from engine.model import Address, Move, MoveKind, Plan, Tier, VersionPin


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], []),
        (["a", "b", "b"], [("b", 2), ("a", 1)]),
        (
            [
                "egress of <$0.000000001: the move pays back in 1,640 months",
                "egress of $1,200.50: the move pays back in 20 months",
                "egress of $0.50: the move pays back in 20 months",
            ],
            [("egress of <$0.000000001 to $1,200.50: the move pays back in 20 to 1,640 months", 3)],
        ),
        (["early: 90 of 90 days: $1", "early: 90 of 90 days: $2"],
         [("early: 90 of 90 days: $1 to $2", 2)]),
        # Figures that belong to a name are no figures.
        (["cloud s3-1 says no", "cloud s3-2 says no"],
         [("cloud s3-1 says no", 1), ("cloud s3-2 says no", 1)]),
    ],
)  # fmt: skip
def test_texts_that_differ_in_figures_are_one(
    texts: list[str], expected: list[tuple[str, int]]
) -> None:
    assert grouped(texts) == expected


def _plan(saving: float | None, once: float | None) -> Plan:
    moves = tuple(
        Move(
            source=Address("a", "b", f"k{number}"),
            destination=Address("c", "d", f"k{number}"),
            kind=MoveKind.MOVE,
            size=number,
            pin=VersionPin(size=number),
            from_class="X",
            to_class="Y",
            from_tier=Tier.HOT,
            to_tier=Tier.COLD,
            saving_per_month=saving,
            one_time_cost=once,
            risks=(f"egress of ${number + 1}: the move never pays back",),
        )
        for number in range(40)
    )
    return Plan("id", "Move", 0.0, "", moves)


def test_forty_moves_have_one_line_of_risk(capsys: pytest.CaptureFixture[str]) -> None:
    show_plan(Output(), _plan(0.1, 0.2), err=False)
    text = capsys.readouterr().out
    assert text.count("Risk:") == 1
    assert "Risk: egress of $1 to $40: the move never pays back (40 objects)" in text


@pytest.mark.parametrize(
    ("saving", "once", "said"),
    [
        (1.0, 2.0, "saves $40.00 a month, costs $80.00 once, paid back in 2.0 months."),
        (1.0, 2000.0, "paid back in 2,000 months."),
        (-1.0, 2.0, "costs $40.00 more a month, costs $80.00 once."),
        (None, None, "saving a month unknown, cost of moving unknown."),
    ],
)
def test_the_money_reads_as_a_sentence(
    saving: float | None, once: float | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show_plan(Output(), _plan(saving, once), err=False)
    assert said in capsys.readouterr().out


def test_the_time_of_a_restore_is_not_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    plan = replace(_plan(0.1, 0.2), seconds=3.0)
    show_plan(Output(), plan, err=False)
    assert "Time: about 3s by earlier jobs and your limits.\n" in capsys.readouterr().out
    move = replace(plan.moves[0], risks=("must be restored first: about 12 hours",))
    show_plan(Output(), replace(plan, moves=(move,)), err=False)
    assert "by earlier jobs and your limits, after the restores.\n" in capsys.readouterr().out
