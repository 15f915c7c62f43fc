"""What of a policy becomes rules, and what is told instead."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.globs import key_fits, name_fits
from engine.lab.world import allow
from engine.lifecycle import names
from engine.lifecycle.derive import Wanted, derive
from engine.lifecycle.model import Clock, Lifecycle, Rule, Step
from engine.lifecycle.probe import Subject, follow
from engine.model import Provider
from engine.pricing.columns import ClassTable
from engine.tiering.policy import POLICIES, policy_named
from engine.tiering.rules import NameRule, Rules
from engine.tiering.shape import Features
from tests.lifecycle.conftest import BOOK, Make, made

KIB, MIB, GIB = 1024, 1024**2, 1024**3
PROVIDERS = (Provider.AWS, Provider.GCP, Provider.AZURE)


def table(provider: Provider) -> ClassTable:
    return ClassTable.of(BOOK, provider, BOOK.reference_region(provider))


def parts(lifecycle: Lifecycle) -> str:
    return "\n".join(str(gap) for gap in lifecycle.gaps)


def applied(lifecycle: Lifecycle, size: int, age: int) -> str:
    """The class that the rules give an object, as S3 carries them out; "" where it stays."""
    for rule in lifecycle.rules:
        if rule.min_size <= size and (rule.max_size is None or size < rule.max_size):
            for step in reversed(rule.steps):
                if age >= step.days:
                    return step.storage_class
    return ""


# -- S3 ---------------------------------------------------------------------------------------


def test_rules_become_transitions_by_age_and_size(lifecycle: Make) -> None:
    found = lifecycle(Provider.AWS)
    assert found.clock is Clock.AGE
    large = found.rules[-1]
    assert large.max_size is None
    assert [(step.days, step.storage_class) for step in large.steps] == [
        (30, "STANDARD_IA"),
        (90, "GLACIER_IR"),
        (180, "DEEP_ARCHIVE"),
    ]
    assert all(rule.min_size >= 128 * KIB for rule in found.rules)
    for lower, upper in zip(found.rules, found.rules[1:], strict=False):
        assert lower.max_size == upper.min_size  # no object falls under two rules


@given(st.integers(1, 4 * GIB), st.integers(0, 600))
@settings(max_examples=40)
def test_s3_rules_do_what_the_policy_does(size: int, age: int) -> None:
    """Except close to a size where the schedule changes, which is found to a percent or two."""
    found = made(Provider.AWS)
    edges = [rule.min_size for rule in found.rules]
    if size < 128 * KIB or any(abs(size - edge) <= max(KIB, edge / 32) for edge in edges):
        return
    known = sorted({step.days for rule in found.rules for step in rule.steps})
    steps = follow(Rules(), table(Provider.AWS), [Subject("x", size, 0)], days=known)[0]
    wanted = [step.storage_class for step in steps if step.days <= age]
    assert applied(found, size, age) == (wanted[-1] if wanted else "")


def test_what_s3_cannot_say_is_told(lifecycle: Make) -> None:
    told = parts(lifecycle(Provider.AWS))
    for glob in ("backup_*", "*.log", "temp_*", "monthly_report_*"):
        assert f"Names {glob}" in told
    assert "backup_* go STANDARD_IA after 15 days" in told
    assert "read once a month" in told
    assert "less than 128 KiB" in told
    report = next(gap for gap in lifecycle(Provider.AWS).gaps if "monthly" in gap.part)
    assert "DEEP_ARCHIVE, which takes 12 h to open" in report.instead
    assert "--no-archive" in report.instead


def test_without_archive_no_step_needs_a_restore(lifecycle: Make) -> None:
    found = lifecycle(Provider.AWS, archive=False)
    classes = {step.storage_class for rule in found.rules for step in rule.steps}
    assert classes == {"STANDARD_IA", "GLACIER_IR"}
    assert "left out by --no-archive" in parts(found)
    assert "monthly_report_*" not in parts(found)  # now they go as all others do


@pytest.mark.parametrize(
    ("policy", "steps", "gap"),
    [
        (
            Rules(warm_days=10, names=()),
            [(30, "STANDARD_IA"), (90, "GLACIER_IR")],
            "it comes after 30 days",
        ),
        (
            Rules(warm_days=40, cold_days=60, names=()),
            [(60, "GLACIER_IR")],
            "30 days there before the next",
        ),
        (Rules(warm_days=5, cold_days=20, names=()), [(20, "GLACIER_IR")], "the next is taken"),
    ],
)
def test_s3_keeps_objects_a_month_before_and_in_infrequent_access(
    policy: Rules, steps: list[tuple[int, str]], gap: str
) -> None:
    found = derive(policy, table(Provider.AWS), Wanted(Provider.AWS))
    large = found.rules[-1].steps
    assert [(step.days, step.storage_class) for step in large][: len(steps)] == steps
    assert gap in parts(found)


# -- Google and Azure -------------------------------------------------------------------------


def test_google_tells_names_by_their_end(lifecycle: Make) -> None:
    found = lifecycle(Provider.GCP)
    assert found.rules[0].steps == (Step(30, "NEARLINE"), Step(90, "COLDLINE"))
    logs = found.rules[1]
    assert logs.steps == (Step(20, "NEARLINE"), Step(60, "COLDLINE"))
    assert set(logs.suffixes) >= {".log", ".LOG", ".Log"}
    told = parts(found)
    assert "Names *.log" not in told
    assert "Names backup_*" in told
    assert "see no sizes" in told


def test_a_name_that_waits_longer_cannot_be_held_back() -> None:
    policy = Rules(names=(NameRule("*.keep", age_factor=0.5),))
    found = derive(policy, table(Provider.GCP), Wanted(Provider.GCP))
    assert len(found.rules) == 1
    assert "rules add up" in parts(found)


class Folders(Rules):
    """Rules whose globs are about whole keys."""

    def _rule(self, features: Features) -> npt.NDArray[np.int8]:
        fits = [key_fits(key, self.names[0].glob) for key in features.keys]
        return np.where(fits, 0, -1).astype(np.int8)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_folder_is_a_rule_of_its_own(provider: Provider) -> None:
    policy = Folders(names=(NameRule("2024/*", age_factor=2.0),))
    found = derive(policy, table(provider), Wanted(provider, bucket="photos"))
    folder = found.rules[-1]
    assert folder.prefixes == ("2024/",)
    assert folder.steps[0].days < found.rules[-2].steps[0].days or provider is Provider.AWS
    assert "2024/" not in parts(found)
    below = Wanted(provider, bucket="photos", prefix="2025/")
    assert "Names 2024/*" in parts(derive(policy, table(provider), below))


def test_azures_prefixes_begin_with_the_container() -> None:
    with pytest.raises(UsageError, match="container") as caught:
        derive(Rules(), table(Provider.AZURE), Wanted(Provider.AZURE, prefix="logs/"))
    assert "--bucket" in caught.value.todo


def test_azure_goes_by_prefix_alone(lifecycle: Make) -> None:
    found = lifecycle(Provider.AZURE)
    assert [(step.days, step.storage_class) for step in found.rules[0].steps] == [
        (30, "Cool"),
        (90, "Cold"),
        (180, "Archive"),
    ]
    assert "Names *.log" in parts(found)
    assert "15 h to open" in parts(found)


# -- by accesses ------------------------------------------------------------------------------


def test_a_policy_of_accesses_becomes_what_tiers_by_accesses(lifecycle: Make) -> None:
    amazon, google, azure = (
        lifecycle(provider, "recency") for provider in (Provider.AWS, Provider.GCP, Provider.AZURE)
    )
    assert {found.clock for found in (amazon, google, azure)} == {Clock.ACCESS}
    assert amazon.automatic == "INTELLIGENT_TIERING"
    assert amazon.rules == (
        Rule("astra-recency", (Step(0, "INTELLIGENT_TIERING"),), min_size=128 * KIB),
    )
    assert "Intelligent-Tiering" in parts(amazon)
    assert (google.automatic, google.rules) == ("ARCHIVE", ())
    assert "Autoclass" in parts(google)
    assert azure.automatic == ""
    assert azure.rules[0].steps == (Step(1, "Cold"),)
    assert "once a day" in parts(azure)
    assert "from Cool alone" in parts(azure)
    whole = lifecycle(Provider.GCP, "recency", prefix="logs/")
    assert "whole bucket" in parts(whole)


def test_days_may_be_counted_from_writing_all_the_same(lifecycle: Make) -> None:
    found = lifecycle(Provider.AWS, "recency", clock=Clock.AGE)
    assert found.automatic == ""
    assert "GLACIER_IR" in {step.storage_class for step in found.rules[-1].steps}
    assert "last access" in parts(found)
    moved = lifecycle(Provider.AWS, "rules", clock=Clock.ACCESS)
    assert moved.automatic == "INTELLIGENT_TIERING"
    assert "Counted from the day of writing, objects go STANDARD_IA" in parts(moved)
    other = lifecycle(Provider.AZURE, "rules", clock=Clock.ACCESS)
    assert "Days are counted from the day of writing" in parts(other)


@pytest.mark.parametrize(
    ("provider", "region"),
    [
        (Provider.AWS, "eu-central-1"),
        (Provider.AWS, "ap-southeast-1"),  # where the price of a restore is not known
        (Provider.GCP, "europe-west2"),
        (Provider.AZURE, "eastus2"),
    ],
)
def test_rules_of_other_regions_go_by_their_prices(
    lifecycle: Make, provider: Provider, region: str
) -> None:
    found = lifecycle(provider, region=region)
    assert found.region == region
    assert found.rules[-1].steps


def test_a_policy_that_only_promotes_is_nothing_for_rules() -> None:
    with pytest.raises(UsageError, match="reactive sends nothing"):
        derive(policy_named("reactive"), table(Provider.AWS), Wanted(Provider.AWS))
    with pytest.raises(UsageError, match="sends nothing"):  # there is nothing colder
        derive(Rules(), table(Provider.ONPREM), Wanted(Provider.ONPREM))


CASES = [
    (provider, name)
    for provider in PROVIDERS
    for name in sorted(POLICIES)
    if name != "cost" or provider is Provider.AWS  # it computes for seconds
]


@pytest.mark.parametrize(("provider", "name"), CASES)
def test_every_policy_is_exported_or_says_why_not(provider: Provider, name: str) -> None:
    colder = table(provider)
    if name == "cost":  # and for longer with every class
        colder = allow(colder, ["STANDARD", "STANDARD_IA"])
    try:
        found = derive(policy_named(name), colder, Wanted(provider))
    except UsageError as error:
        told = error
    else:
        told = None
    if told is not None:
        assert told.todo
        assert name in str(told)
        return
    assert found.rules or found.automatic
    for rule in found.rules:
        assert rule.steps
        assert list(rule.steps) == sorted(rule.steps, key=lambda step: step.days)
        tiers = [int(colder.tier[colder.code(step.storage_class)]) for step in rule.steps]
        assert tiers == sorted(tiers)


def test_prices_of_the_operators_own_make_other_rules() -> None:
    """What would not pay is not exported: a GLACIER_IR dearer than STANDARD_IA is no step."""
    dear = table(Provider.AWS)
    code = dear.code("GLACIER_IR")
    storage = dear.storage.copy()
    storage[code] = 0.02
    prices = tuple(
        replace(price, storage=0.02) if price.name == "GLACIER_IR" else price
        for price in dear.prices
    )
    other = replace(dear, storage=storage, prices=prices)
    found = derive(Rules(names=()), other, Wanted(Provider.AWS))
    classes = {step.storage_class for rule in found.rules for step in rule.steps}
    assert "GLACIER_IR" not in classes
    assert "DEEP_ARCHIVE" in classes
    assert np.isnan(dear.storage[-1])


# -- names ------------------------------------------------------------------------------------


def test_endings_say_exactly_what_a_glob_says() -> None:
    assert names.suffixes("backup_*") is None
    assert names.suffixes("*") is None
    assert names.suffixes("*.lo?") is None
    assert names.suffixes("*a*b") is None
    assert names.suffixes("*.a/b") is None
    assert names.suffixes("*.averylongone") is None  # 2**12 spellings
    assert names.suffixes("*.å") is None
    assert names.suffixes("*.7z") == (".7z", ".7Z")
    assert len(names.suffixes("*.bak") or ()) == 2 * 2 * 3  # the sign for kelvin is a k too


@given(
    st.sampled_from(["*.log", "*.bak", "*_7", "*.lo g"]),
    st.text(st.sampled_from("aA.lLoOgG/bBkK\u212aåÅ\u212bßẞ_7 "), max_size=8),
)
@settings(max_examples=300)
def test_endings_and_globs_agree_on_every_key(glob: str, key: str) -> None:
    endings = names.suffixes(glob)
    assert endings is not None
    assert key.endswith(endings) == name_fits(key, glob)


def test_beginnings_say_exactly_what_a_glob_says() -> None:
    assert names.prefixes("2024/", 10) == ("2024/",)
    assert names.prefixes("2024/*", 10) == ("2024/",)
    assert names.prefixes("2024/7*", 10) == ("2024/7",)
    assert names.prefixes("a/", 10) == ("a/", "A/")
    assert names.prefixes("legal/", 16) is None  # 32 spellings
    assert len(names.prefixes("legal/", names.MAX_SPELLINGS) or ()) == 32
    assert names.prefixes("2024*", 10) is None  # that is about names, in any folder
    assert names.prefixes("*/2024/", 10) is None
    assert names.prefixes("2024/?/", 10) is None
    assert names.prefixes("2024/x", 10) is None  # one key, not all that begin with it
    assert names.prefixes("\u00e5/", 10) is None


@given(
    st.sampled_from(["2/", "2/*", "k/", "2/k*", "2/i*", "2/il*"]),
    st.text(st.sampled_from("2/kK\u212aiI\u0130\u0131lL*? "), max_size=6),
)
@settings(max_examples=300)
def test_beginnings_and_globs_agree_on_every_key(glob: str, key: str) -> None:
    begins = names.prefixes(glob, names.MAX_SPELLINGS)
    assert begins is not None
    assert key.startswith(begins) == key_fits(key, glob)


def test_a_sample_fits_its_glob() -> None:
    for glob in ("monthly_report_*", "*.log", "a?c*", "exact.txt"):
        assert name_fits(names.sample(glob), glob)
    for glob in ("legal/", "2024/*", "*/x?"):
        assert key_fits(names.sample(glob), glob)
