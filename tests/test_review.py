"""A plan under review: what is taken, in which groups and order, what it sums up to."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.migration.review import Review, common_place
from engine.model import Address, Grouping, Move, MoveKind, MoveOrder, MovePick, RiskKind
from engine.model import PlanQuery as Query
from tests.widgets.samples import CALM, HOSTILE, move, plan


def keys(review: Review) -> list[str]:
    lines = review.lines(0, review.view().lines)
    return [line.move.source.key for line in lines if line.move is not None]


def test_all_but_the_refused_are_taken_at_first() -> None:
    view = Review(plan()).view()
    assert view.totals == plan().totals()
    assert (view.moves, view.possible, view.lines) == (8, 7, 10)
    assert view.deletes == 4
    assert [(group.title, group.taken, group.refused) for group in view.groups] == [
        ("aws → gcp  move", 4, 1),
        ("aws  change class", 3, 0),
    ]


def test_moves_groups_and_all_are_left_out_and_taken() -> None:
    review = Review(plan())
    review.take(MovePick(number=3))  # the move whose price is unknown
    assert review.totals().saving_per_month == pytest.approx(0.0123 * 4 + 1.42 - 0.02)
    assert review.totals().one_time_cost == pytest.approx(0.0009 * 4 + 0.61)
    review.take(MovePick(number=4))
    assert review.totals().moves == 6  # refused: stays out
    review.take(MovePick(group=0))
    assert review.totals().moves == 7  # not all were taken: now they are
    review.take(MovePick(group=0))
    assert review.totals().moves == 3
    review.take(MovePick(), False)
    assert (review.totals().moves, review.totals().saving_per_month) == (0, 0.0)
    review.take(MovePick())
    assert review.totals() == plan().totals()
    assert review.selected().moves == tuple(move for move in plan().moves if not move.refused)


def test_risks_are_counted_shown_and_taken_out() -> None:
    review = Review(plan(), max_deletes=3)
    found = {risk.kind: risk for risk in review.risks()}
    assert list(found) == [
        *(RiskKind.REFUSED, RiskKind.DELETES, RiskKind.UNGUARDED, RiskKind.LOSSES),
        *(RiskKind.UNPRICED, RiskKind.MINIMUM),
    ]
    assert found[RiskKind.DELETES].over
    review.show(Query(risk=RiskKind.LOSSES))
    assert keys(review) == [CALM[2]]
    review.take(MovePick(risk=RiskKind.UNGUARDED), False)
    found = {risk.kind: risk for risk in review.risks()}
    assert (found[RiskKind.UNGUARDED].moves, found[RiskKind.UNGUARDED].all) == (0, 1)
    assert found[RiskKind.DELETES].moves == 3
    assert not found[RiskKind.DELETES].over
    review.take(MovePick(risk=RiskKind.REFUSED), True)
    assert review.totals().moves == 6


def test_amounts_and_hours_of_risks() -> None:
    lines = (("egress: 1 GB", 0.5), ("early deletion: 3 of 30", 0.25), ("bulk restore: 1", 2.0))
    kinds = (RiskKind.EGRESS, RiskKind.EARLY, RiskKind.RESTORE)
    paid = move("a", cost_lines=lines, kinds=kinds, restore_hours=12.0)
    review = Review(replace(plan(), moves=(paid, replace(paid, restore_hours=48.0), move("b"))))
    found = {risk.kind: risk for risk in review.risks()}
    assert found[RiskKind.EGRESS].amount == 1.0
    assert found[RiskKind.EARLY].amount == 0.5
    assert (found[RiskKind.RESTORE].amount, found[RiskKind.RESTORE].hours) == (4.0, 48.0)
    review.take(MovePick(number=1))
    found = {risk.kind: risk for risk in review.risks()}
    assert (found[RiskKind.RESTORE].amount, found[RiskKind.RESTORE].hours) == (2.0, 12.0)


def test_what_a_filter_hides_stays_as_it_is() -> None:
    review = Review(plan())
    review.show(Query(text="photos/"))
    assert keys(review) == [CALM[5], CALM[6]]
    assert review.view().shown == 2
    review.take(MovePick())
    assert review.totals().moves == 5
    review.take(MovePick(text="*.zip"), False)  # none of them shows
    assert (review.picked, review.totals().moves) == (0, 5)
    review.show(Query(text="*.zip"))
    assert keys(review) == [CALM[1]]
    review.show(Query(text="there is no such"))
    assert (keys(review), review.view().lines) == ([], 0)


@pytest.mark.parametrize("grouping", list(Grouping))
def test_every_grouping_shows_every_move_once(grouping: Grouping) -> None:
    review = Review(replace(plan(), moves=tuple(move(name) for name in HOSTILE)))
    review.show(Query(grouping=grouping))
    assert sorted(keys(review)) == sorted(HOSTILE)
    view = review.view()
    assert sum(group.taken for group in view.groups) == len(HOSTILE)
    if grouping is not Grouping.NONE:
        assert view.lines == len(HOSTILE) + view.group_count


def test_folded_groups_and_where_a_line_is() -> None:
    review = Review(plan())
    review.fold(0)
    assert review.view().lines == 5
    assert review.place_of(number=0) == 0  # its head
    assert review.place_of(number=5) == 2
    review.fold(-1)
    assert review.view().lines == 2
    review.fold(-1)
    assert review.view().lines == 10
    assert review.place_of(number=5) == 7


@pytest.mark.parametrize("order", list(MoveOrder))
def test_orders(order: MoveOrder) -> None:
    review = Review(plan())
    review.show(Query(grouping=Grouping.NONE, order=order))
    up = keys(review)
    review.show(Query(grouping=Grouping.NONE, order=order, descending=True))
    assert keys(review) == up[::-1]
    first = {
        MoveOrder.PLAN: CALM[0], MoveOrder.NAME: min(CALM[:7] + CALM[9:]), MoveOrder.SIZE: CALM[0],
        MoveOrder.SAVING: CALM[3], MoveOrder.ONCE: CALM[3], MoveOrder.PAYBACK: CALM[5],
        MoveOrder.RISK: CALM[4],
    }[order]  # fmt: skip
    if order is not MoveOrder.PAYBACK:
        assert up[0] == first


def test_the_folder_that_all_copies_go_below() -> None:
    def to(key: str, bucket: str = "b") -> Move:
        return move("k", destination=Address("gcp", bucket, key))

    assert common_place([to("a/b/1"), to("a/b/2")]) == Address("gcp", "b", "a/b/")
    assert common_place([to("a/b/1"), to("a/c/2")]) == Address("gcp", "b", "a/")
    assert common_place([to("ab/1"), to("a/2")]) == Address("gcp", "b", "")
    assert common_place([to("a"), to("a", "c")]) is None
    assert common_place([move("k", kind=MoveKind.TIER)]) is None


@given(st.lists(st.tuples(st.sampled_from(["number", "group", "all", "risk"]), st.integers(0, 7))))
def test_sums_are_always_those_of_what_is_taken(picks: list[tuple[str, int]]) -> None:
    review = Review(plan())
    for what, number in picks:
        kinds = (RiskKind.LOSSES, RiskKind.UNPRICED)
        review.take(
            {
                "number": MovePick(number=number),
                "group": MovePick(group=number % 2),
                "all": MovePick(),
                "risk": MovePick(risk=kinds[number % 2]),
            }[what]
        )
    selected, totals = review.selected().totals(), review.totals()
    assert (totals.moves, totals.size) == (selected.moves, selected.size)
    assert totals.saving_per_month == (
        None
        if selected.saving_per_month is None
        else pytest.approx(selected.saving_per_month, abs=1e-9)
    )
    groups = review.view().groups
    assert sum(group.taken for group in groups) == totals.moves
    assert sum(group.size for group in groups) == totals.size


QUERIES = st.lists(
    st.builds(
        Query,
        st.sampled_from(Grouping),
        st.sampled_from(MoveOrder),
        st.booleans(),
        st.sampled_from(["", "a", "a*", "?"]),
    ),
    min_size=1,
    max_size=6,
)


@given(QUERIES)
def test_a_view_after_others_is_the_one_of_a_new_review(queries: list[Query]) -> None:
    review = Review(plan())
    for query in queries:
        anew = Review(plan()).show(query)
        shown = review.show(query)
        assert shown.lines(0, 99) == anew.lines(0, 99)
        assert shown.groups() == anew.groups()
