"""One figure for one thing: what a decision saves is what its plan, its object's card, the totals
of the listing, the ledger and every file say; what the policy expects instead stands beside it."""

import asyncio
import math
from pathlib import Path

import pytest

from astra_tui.cli.decisions import decision_json
from astra_tui.cli.planview import plan_json
from astra_tui.decision_words import decision_lines
from astra_tui.plan_flows import approval_money
from astra_tui.plan_report import lines
from engine.engine import Engine
from engine.migration.review import Review
from engine.model import Decision, MoveOptions, Plan, PlanEdit, PlanRequest
from tests import money
from tests.servers import S3Server
from widgets.plan_words import expected_text, saving_words
from widgets.text import money_text


def near(value: float | None) -> object:
    assert value is not None
    return pytest.approx(value, rel=1e-6)


def total(made: list[Decision]) -> float:
    return math.fsum(item.saving_per_month or 0.0 for item in made)


@pytest.mark.parametrize("policy", ["rules", "cost"])
async def test_a_saving_is_one_figure(
    policy: str, moto_s3: S3Server, bucket_name: str, tmp_path: Path
) -> None:
    found = money.settings(moto_s3, bucket_name, tmp_path, policy)
    async with Engine(found) as engine:
        engine.scan("aws")
        await engine.scanned("aws")
        await money.grow_old(engine, bucket_name)
        made = await engine.decide()
        assert len(made) >= 2
        assert all(item.policy == policy and item.saving_per_month for item in made)
        whole = total(made)
        # The totals of the listing, which the dashboard and the status line show.
        status = engine.snapshot().clouds[0]
        assert status.cost_month is not None
        assert status.projected_month is not None
        assert status.cost_month - status.projected_month == near(whole)
        # The plan: each move, each group, the total; as an object, as JSON, as files.
        view = await engine.open_plan(PlanRequest())
        plan = await engine.plan_decisions()
        assert view.totals.saving_per_month == near(whole)
        assert math.fsum(group.saving_per_month or 0.0 for group in view.groups) == near(whole)
        by_address = {move.source: move for move in plan.moves}
        for item in made:
            move = by_address[item.address]
            assert move.saving_per_month == item.saving_per_month
            assert move.expected_saving == item.expected_saving
            assert move.assumption == item.assumption
            # The object's card: the decision, and the row of the class that it asks for.
            detail = await engine.inspect(item.address)
            assert detail.decisions[0] == item
            (change,) = (one for one in detail.changes if one.storage_class == item.to_class)
            assert change.saving == near(item.saving_per_month)
            assert change.once == near(move.one_time_cost)
            assert detail.cost_month is not None
            assert change.cost_month is not None
            assert detail.cost_month - change.cost_month == near(item.saving_per_month)
            assert decision_json(item)["saving_per_month"] == item.saving_per_month
        *moves, end = plan_json(plan)
        assert sum(move["saving_per_month"] for move in moves) == near(whole)
        assert end["plan"]["saving_per_month"] == near(whole)
        assert sum(group["saving_per_month"] for group in end["plan"]["groups"]) == near(whole)
        # What is stored for audit is what was decided, and is decided anew with new figures.
        assert total(await engine.decisions()) == near(whole)
        # By hand the same move saves the same.
        first = made[0]
        by_hand = await engine.plan_tier([first.address], storage_class=first.to_class)
        assert by_hand.totals().saving_per_month == near(first.saving_per_month)
        assert by_hand.totals().expected_saving is None
        # In words: the answer to `e`, the approval, the exported text.
        text = money_text(whole, currency=True, signed=True)
        said = [str(line) for line in decision_lines(made)]
        assert said[0].endswith(f": {text}/mo")
        assert approval_money(view.totals).endswith(saving_words(whole))
        exported = await _text(plan)
        assert saving_words(whole) in exported
        expected = plan.totals().expected_saving
        assert expected == near(math.fsum(item.expected_saving or 0.0 for item in made))
        beside = expected_text(whole, expected, policy)
        if policy == "rules":  # which goes by the reads of the last 30 days itself
            assert expected == near(whole)
            assert not beside
            assert not any("expects" in text for text in (*plan.warnings, *said))
        else:
            assert beside
            assert beside in exported
            assert any(beside in line for line in said)
            assert any("expects of the next ones" in text for text in plan.warnings)
        # An edit leaves what was told; it is approved with it, and the ledger keeps it.
        edited = await engine.edit_plan(view.review, PlanEdit(priority=5))
        assert edited.totals.saving_per_month == near(whole)
        assert edited.totals.expected_saving == near(expected)
        approved = await engine.approve_plan(edited.review, edited.revision)
        await engine.wait(approved.jobset)
        assert engine.snapshot().statistics.saving_per_month == near(whole)
        then = near(status.projected_month)
        async with asyncio.timeout(20):
            while engine.snapshot().clouds[0].cost_month != then:
                await asyncio.sleep(0.01)
        assert engine.snapshot().clouds[0].projected_month == then


async def _text(plan: Plan) -> str:
    async def pages():  # type: ignore[no-untyped-def]
        yield plan.moves

    return "".join([piece async for piece in lines(plan, Review(plan).view(), pages(), "text")])


async def test_new_reads_change_a_decision_that_stays(
    moto_s3: S3Server, bucket_name: str, tmp_path: Path
) -> None:
    """The same decision once more is stored with the figures of now, not with those of then."""
    found = money.settings(moto_s3, bucket_name, tmp_path, "rules")
    async with Engine(found) as engine:
        engine.scan("aws")
        await engine.scanned("aws")
        await money.grow_old(engine, bucket_name)
        before = {item.address: item for item in await engine.decide()}
        target = next(address for address in before if address.key == "photos/b.jpg")
        await engine.import_access([(target, money.today() - 9, 1, 512_000)])
        after = {item.address: item for item in await engine.decide()}
        assert after[target].to_class == before[target].to_class
        assert after[target].reads_30d == 2
        assert after[target].saving_per_month != before[target].saving_per_month
        stored = await engine.decisions(target)
        assert stored == [after[target]]
        plan = await engine.plan_decisions(options=MoveOptions(strict=True))
        (move,) = (one for one in plan.moves if one.source == target)
        assert move.saving_per_month == after[target].saving_per_month
        # Its page tells of reads as far back as they are known.
        await engine.import_access([(target, money.today() - 200, 5, 0)])
        reads = (await engine.inspect(target)).daily_reads
        assert (len(reads), reads[0], sum(reads)) == (201, 5, 7)
