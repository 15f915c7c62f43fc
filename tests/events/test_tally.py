"""Counting by topic, second and reason."""

from engine.events.tally import SECONDS, Tallies, kind_of


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_rates_follow_the_clock_and_totals_stay() -> None:
    clock = Clock()
    tallies = Tallies(clock)
    for _ in range(10):
        tallies.add("a", 100, 5.0, ["x"])
        clock.now += 1
    tally = tallies.topics["a"]
    assert (tally.messages, tally.rejected, tally.last) == (1000, 10, 5.0)
    assert tally.rate(tallies.second) == 100
    assert tally.past(tallies.second, 12)[0] == [0, 0, *[100] * 10]
    assert tally.past(tallies.second, 3)[1] == [1, 1, 1]
    clock.now += 3
    assert tally.rate(tallies.second) == 40
    clock.now += SECONDS * 3
    assert tally.past(tallies.second, SECONDS - 1)[0] == [0] * (SECONDS - 1)
    assert tally.messages == 1000


def test_reasons_are_counted_by_kind_and_bounded() -> None:
    tallies = Tallies(Clock())
    reasons = [f"no cloud is named 'c{number}' in the configuration" for number in range(500)]
    tallies.add("a", 500, 1.0, reasons)
    tallies.add("a", 2, 1.0, ["not JSON: x at character 17", "not JSON: x at character 1,203"])
    assert tallies.reasons() == (
        ("no cloud is named … in the configuration", 500),
        ("not JSON: x at character …", 2),
    )
    words = ["".join(map(chr, (97 + n // 26, 97 + n % 26))) for n in range(600)]
    tallies.add("b", 1000, 1.0, words)
    counted = dict(tallies.reasons())
    assert len(counted) == 101
    assert sum(counted.values()) == 1102
    assert counted["for other reasons"] == 502


def test_a_reason_cut_inside_a_value_keeps_no_part_of_it() -> None:
    assert kind_of("the operation 'secr") == "the operation …"
