"""The words: addresses, pins, plans' sums and honest progress."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import (
    Address,
    Evidence,
    JobSpec,
    JobState,
    JobView,
    Move,
    MoveKind,
    Plan,
    Tier,
    VersionPin,
)
from engine.settings import CloudSettings, Secret

SOURCE = Address("aws", "b", "k")
TARGET = Address("gcp", "b", "k")


@given(st.text().filter(lambda key: True))
def test_any_key_survives_writing_and_reading_an_address(key: str) -> None:
    address = Address("aws", "bucket", key)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize("text", ["", "aws", "aws:", ":b/k", "aws:/k"])
def test_what_is_no_address_says_so(text: str) -> None:
    with pytest.raises(ValueError, match="cloud:bucket/key"):
        Address.parse(text)


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (VersionPin("e", 10.0, 5), VersionPin("e", 10.7, 5), True),
        (VersionPin("e", 10.0, 5), VersionPin("e", 11.0, 5), False),  # same bytes written anew
        (VersionPin("e", 0.0, 5), VersionPin("e", 11.0, 5), True),
        (VersionPin("e", 10.0, 5), VersionPin("f", 10.0, 5), False),
        (VersionPin("", 10.0, 5), VersionPin("", 10.0, 5), False),  # proves nothing
        (VersionPin("e", 10.0, 5, "1"), VersionPin("e", 10.0, 5, "2"), False),
        (VersionPin("e", 10.0, 5), VersionPin("e", 10.0, 6), False),
    ],
)
def test_pins(left: VersionPin, right: VersionPin, equal: bool) -> None:
    assert left.matches(right) is equal
    assert right.matches(left) is equal


def test_evidence_never_is_size() -> None:
    assert {item.value for item in Evidence} == {"", "reread", "attested"}


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.COMPLETED])
def test_progress_is_full_only_when_completed(state: JobState) -> None:
    spec = JobSpec(SOURCE, TARGET, MoveKind.MOVE, 10, VersionPin("e"))
    view = JobView("1", "k", "s", spec, state, bytes_done=10_000)
    assert view.progress < 1
    assert JobView("1", "k", "s", spec, JobState.COMPLETED).progress == 1


def move(saving: float | None, once: float | None, refused: str = "") -> Move:
    return Move(
        SOURCE, TARGET, MoveKind.MOVE, 100, VersionPin("e"), "STANDARD", "COLDLINE", Tier.HOT,
        Tier.COLD, saving_per_month=saving, one_time_cost=once, refused=refused,
    )  # fmt: skip


def test_totals_leave_out_the_refused_and_never_take_unknown_for_zero() -> None:
    plan = Plan("p", "t", 0.0, "rules", (move(2.0, 1.0), move(9.0, 9.0, refused="why")))
    totals = plan.totals()
    assert (totals.moves, totals.refused, totals.size) == (1, 1, 100)
    assert totals.payback_months == 0.5
    unknown = Plan("p", "t", 0.0, "rules", (move(2.0, None), move(1.0, 1.0))).totals()
    assert unknown.saving_per_month == 3.0
    assert unknown.one_time_cost is None
    assert unknown.payback_months is None


def test_secrets_do_not_show() -> None:
    cloud = CloudSettings("a", "s3", "aws", secret_key=Secret("hunter2"))  # type: ignore[arg-type]
    for shown in (repr(cloud), str(cloud), f"{cloud.secret_key}", f"{cloud.secret_key!r}"):
        assert "hunter2" not in shown
    assert cloud.secret_key.reveal() == "hunter2"
