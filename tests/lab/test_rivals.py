"""The rivals' state machines on small worlds, against what their providers describe."""

from collections.abc import Sequence

import numpy as np
import pytest

from engine.errors import UsageError
from engine.lab.bill import Bill
from engine.lab.managed import AzureLifecycle
from engine.lab.policy import Day, LabPolicy
from engine.lab.registry import known_names, lab_policy, suitable
from engine.lab.simulate import Outcome, simulate
from engine.lab.world import World
from engine.model import Provider
from engine.pricing.columns import Codes
from engine.pricing.cost import DAYS_PER_MONTH
from tests.lab.worlds import GB, world

ALL = (
    "STANDARD",
    "STANDARD_IA",
    "GLACIER_IR",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
)


class Watched:
    """A policy whose classes are written down."""

    def __init__(self, policy: LabPolicy, setting: World) -> None:
        self.inner, self.setting = policy, setting
        self.name = policy.name
        self.seen: list[list[str]] = []

    def prepare(self, world: World) -> None:
        self.inner.prepare(world)

    def decide(self, day: Day) -> Codes:
        wished = self.inner.decide(day)
        self.seen.append([self.setting.table.name(int(code)) for code in wished])
        return wished


def path(name: str, setting: World, row: int = 0) -> list[tuple[int, str]]:
    """The days on which an object's class changes, and the class."""
    watched = Watched(lab_policy(name), setting)
    simulate(setting, watched)
    found, last = [], ""
    for day, classes in enumerate(watched.seen, setting.first_day):
        if classes[row] != last:
            last = classes[row]
            found.append((day, last))
    return found


def reads_on(days: int, *when: int) -> list[float]:
    return [1.0 if day in when else 0.0 for day in range(days)]


def steps(setting: World, outcome: Outcome) -> list[tuple[int, float]]:
    """Days on which the cost of storage changes, as USD a GB-month of one GB."""
    rates = outcome.daily[:, 0] * DAYS_PER_MONTH
    change = np.flatnonzero(np.diff(rates, prepend=-1) != 0)
    return [(int(day), float(rates[day])) for day in change]


def test_age_knows_no_way_back() -> None:
    setting = world([GB], [reads_on(200, 60, 120)], classes=ALL)
    assert path("age", setting) == [
        (0, "STANDARD"),
        (30, "STANDARD_IA"),
        (90, "GLACIER"),
        (180, "DEEP_ARCHIVE"),
    ]
    assert path("age:10/20", setting)[-1] == (20, "GLACIER")


def test_last_access_comes_back_the_day_after_a_read_and_counts_from_its_first_day() -> None:
    reads = [reads_on(200, 110)]
    setting = world([GB], reads, first=50)
    expected = [
        (50, "STANDARD"),
        (80, "STANDARD_IA"),
        (111, "STANDARD"),
        (141, "STANDARD_IA"),
    ]
    assert path("last-access", setting)[:4] == expected
    assert path("last-access:warm", setting)[0] == (50, "STANDARD_IA")


def test_intelligent_tiering_goes_down_by_itself_and_up_on_a_read_without_fees() -> None:
    setting = world([GB], [reads_on(150, 110)], classes=ALL)
    outcome = simulate(setting, lab_policy("s3-intelligent-tiering"))
    fee = 0.0025 / 1000
    assert steps(setting, outcome) == [
        (0, pytest.approx(0.023 + fee)),
        (30, pytest.approx(0.0125 + fee)),
        (90, pytest.approx(0.004 + fee)),
        (110, pytest.approx(0.023 + fee)),
        (140, pytest.approx(0.0125 + fee)),
    ]
    assert outcome.category("retrieval") == 0
    assert outcome.category("requests") == pytest.approx(0.0004 / 1000)
    assert outcome.reads_delayed == 0


def test_intelligent_tiering_that_was_there_before_knows_how_long_an_object_was_idle() -> None:
    setting = world([GB], [reads_on(150)], classes=ALL, first=100)
    outcome = simulate(setting, lab_policy("s3-intelligent-tiering:warm"))
    assert outcome.moves == 0
    assert steps(setting, outcome) == [(0, pytest.approx(0.004 + 0.0025 / 1000))]


def test_its_archive_tiers_make_readers_wait() -> None:
    setting = world([GB, 1000], [reads_on(220, 200), reads_on(220, 200)], classes=ALL)
    outcome = simulate(setting, lab_policy("s3-intelligent-tiering:archive"))
    small = 1000 / GB * 0.023  # never tiered, no fee
    fee = 0.0025 / 1000
    rates = [rate for _, rate in steps(setting, outcome)]
    assert rates == pytest.approx(
        [small + fee + rate for rate in (0.023, 0.0125, 0.0036, 0.00099, 0.023)]
    )
    assert outcome.reads_delayed == 1


def test_autoclass_takes_no_fees_but_its_own() -> None:
    setting = world(
        [GB, 1000],
        [reads_on(420, 380), reads_on(420)],
        classes=("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"),
        provider=Provider.GCP,
        region="us-central1",
    )
    outcome = simulate(setting, lab_policy("gcs-autoclass"))
    fee, small = 0.0025 / 1000, 1000 / GB * 0.02
    assert steps(setting, outcome) == [
        (0, pytest.approx(0.02 + fee + small)),
        (30, pytest.approx(0.01 + fee + small)),
        (90, pytest.approx(0.004 + fee + small)),
        (365, pytest.approx(0.0012 + fee + small)),
        (380, pytest.approx(0.02 + fee + small)),
        (410, pytest.approx(0.01 + fee + small)),
    ]
    assert outcome.cost == pytest.approx(outcome.category("storage") + 0.0004 / 1000)
    nearline = world(
        [GB],
        [reads_on(420)],
        classes=("STANDARD", "NEARLINE"),
        provider=Provider.GCP,
        region="us-central1",
    )
    assert len(steps(nearline, simulate(nearline, lab_policy("gcs-autoclass")))) == 2


def test_azure_goes_up_only_from_cool_and_once_in_thirty_days() -> None:
    setting = world(
        [GB, GB],
        [reads_on(200, 40, 75, 80), reads_on(200, 100)],
        classes=("Hot", "Cool", "Cold"),
        start="Hot",
        provider=Provider.AZURE,
        region="eastus",
    )
    policy = AzureLifecycle((10, 90, 180))
    watched = Watched(policy, setting)
    simulate(setting, watched)
    first = [classes[0] for classes in watched.seen]
    assert (first[10], first[11], first[40], first[41]) == ("Hot", "Cool", "Cool", "Hot")
    assert (first[51], first[76], first[81], first[91]) == ("Cool", "Hot", "Hot", "Cool")
    second = [classes[1] for classes in watched.seen]
    assert (second[91], second[101], second[199]) == ("Cold", "Cold", "Cold")


def test_azure_does_not_go_up_twice_in_thirty_days() -> None:
    setting = world(
        [GB],
        [reads_on(80, 15, 30, 50)],
        classes=("Hot", "Cool", "Cold"),
        start="Hot",
        provider=Provider.AZURE,
        region="eastus",
    )
    watched = Watched(AzureLifecycle((10, 90, 180)), setting)
    simulate(setting, watched)
    hot = [day for day, classes in enumerate(watched.seen) if classes[0] == "Hot"]
    assert hot == [*range(11), *range(16, 26), *range(51, 61)]


def test_ski_rental_pays_at_most_about_twice_the_better_of_its_ends() -> None:
    random = np.random.default_rng(3)
    for share in (0.0, 0.01, 0.1, 0.6):
        reads = (random.random((1, 400)) < share).astype(float).tolist()
        setting = world([50 * GB], reads, classes=("STANDARD", "GLACIER_IR"))
        ends = [simulate(setting, lab_policy(f"always:{name}")).cost for name in ALL[:3:2]]
        once = Bill.of(setting).early[1, 0] * 90 + Bill.of(setting).leave[1, 0]
        cost = simulate(setting, lab_policy("ski-rental")).cost
        assert cost <= 2 * min(ends) + 2 * once
    quiet = world([50 * GB], [[0.0] * 300], classes=("STANDARD", "GLACIER_IR"))
    assert path("ski-rental", quiet)[-1][1] == "GLACIER_IR"


def test_the_engines_policies_see_whole_reads_of_one_object() -> None:
    setting = world([GB], [[1.0] * 40], counts=[4], classes=ALL)
    # A read a day of each object: each is read 30 times in 30 days and stays hot by the rules.
    busy = world([GB], [[4.0] * 200], counts=[4], classes=ALL)
    assert path("rules", busy)[-1] == (0, "STANDARD")
    idle = path("rules", world([GB], [[0.0] * 200], counts=[4], classes=ALL))
    assert [name for _, name in idle] == ["STANDARD", "STANDARD_IA", "GLACIER_IR", "DEEP_ARCHIVE"]
    assert simulate(setting, lab_policy("rules")).policy == "rules"


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("magic", "no policy 'magic'"),
        ("always", "needs a class"),
        ("age:90/30", "no list of growing days"),
        ("age:x", "no list of growing days"),
        ("rules:3", "takes no argument '3'"),
        ("s3-intelligent-tiering:cold", "takes no argument 'cold'"),
        ("ski-rental:1", "takes no argument"),
    ],
)
def test_what_is_no_policy_is_refused(name: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        lab_policy(name)


@pytest.mark.parametrize(
    ("provider", "region", "start"),
    [
        (Provider.AWS, "us-east-1", "STANDARD"),
        (Provider.GCP, "us-central1", "STANDARD"),
        (Provider.AZURE, "eastus", "Hot"),
    ],
)
def test_every_suitable_policy_runs_and_is_known_by_its_name(
    provider: Provider, region: str, start: str
) -> None:
    setting = world(
        [GB, 10.0],
        [reads_on(60, 3, 50), reads_on(60)],
        classes=(),
        start=start,
        provider=provider,
        region=region,
        first=10,
    )
    *names, last = suitable(setting.table, start)
    assert last == "optimum"
    families: Sequence[str] = [name.partition(":")[0] for name in known_names()]
    for name in names:
        assert name.partition(":")[0] in families
        assert simulate(setting, lab_policy(name)).policy == name


def test_policies_of_other_providers_are_refused() -> None:
    setting = world([GB], [[0.0]])
    for name in ("gcs-autoclass", "azure-lifecycle", "s3-intelligent-tiering"):
        with pytest.raises(UsageError, match=name):
            simulate(setting, lab_policy(name))
