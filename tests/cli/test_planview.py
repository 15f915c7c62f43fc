"""What a plan says of many moves at once: few lines, whatever the number of objects."""

import io
import sys
from dataclasses import replace

import pytest

from astra_tui.cli.output import Output, hanging
from astra_tui.cli.planview import grouped, plan_json, show_plan
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
        (1.0, 2.0, "saves $40.00 a month, costs $80.00 once, payback 61 d."),
        (1.0, 2000.0, "payback >10 yr."),
        (-1.0, 2.0, "costs $40.00 more a month, costs $80.00 once."),
        (None, None, "saves unknown a month, cost of moving unknown."),
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


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_what_is_wrapped_keeps_its_indent(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "  Warning: " + "word " * 12 + "end"
    assert hanging(line, 11) == [line]
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "40")
    first, *rest = hanging(line, 11)
    assert first.startswith("  Warning: word")
    assert rest
    assert all(part.startswith(" " * 11 + "word") for part in rest[:-1])
    assert " ".join(part.strip() for part in (first, *rest)) == line.strip()
    assert all(len(part) < 40 for part in (first, *rest))
    assert hanging("", 4) == [""]


def test_what_the_policy_expects_stands_beside_the_saving(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = _plan(1.0, 2.0)
    moves = tuple(replace(move, expected_saving=0.25) for move in plan.moves)
    show_plan(Output(), replace(plan, policy="cost", moves=moves), err=False)
    told = capsys.readouterr().out
    said = "saves $40.00 a month, costs $80.00 once, payback 61 d; policy cost expects +$10.00/mo."
    assert said in told
    *_, last = plan_json(replace(plan, moves=moves))
    assert last["plan"]["saving_per_month"] == 40.0
    assert last["plan"]["expected_saving_per_month"] == 10.0
