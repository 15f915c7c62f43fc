"""The price file: what it says, how an operator's file is laid over it, how it complains."""

import datetime as dt
import math
import re
from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.model import Provider, Tier
from engine.pricing.book import PriceBook


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return PriceBook.load()


def overlay(tmp_path: Path, text: str) -> PriceBook:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return PriceBook.load(path)


@pytest.mark.parametrize(
    ("provider", "name", "storage", "put", "get", "retrieval", "days"),
    [
        (Provider.AWS, "STANDARD", 0.023, 0.005, 0.0004, 0.0, 0),
        (Provider.AWS, "STANDARD_IA", 0.0125, 0.01, 0.001, 0.01, 30),
        (Provider.AWS, "GLACIER_IR", 0.004, 0.02, 0.01, 0.03, 90),
        (Provider.AWS, "GLACIER", 0.0036, 0.03, 0.0004, 0.01, 90),
        (Provider.AWS, "DEEP_ARCHIVE", 0.00099, 0.05, 0.0004, 0.02, 180),
        (Provider.GCP, "STANDARD", 0.020, 0.005, 0.0004, 0.0, 0),
        (Provider.GCP, "NEARLINE", 0.010, 0.01, 0.001, 0.01, 30),
        (Provider.GCP, "COLDLINE", 0.004, 0.02, 0.01, 0.02, 90),
        (Provider.GCP, "ARCHIVE", 0.0012, 0.05, 0.05, 0.05, 365),
        (Provider.AZURE, "Hot", 0.0208, 0.005, 0.0004, 0.0, 0),
        (Provider.AZURE, "Cool", 0.0152, 0.01, 0.001, 0.01, 30),
        (Provider.AZURE, "Cold", 0.0036, 0.018, 0.01, 0.03, 90),
        (Provider.AZURE, "Archive", 0.00099, 0.01, 0.50, 0.02, 180),
    ],
)
def test_list_prices(
    book: PriceBook,
    provider: Provider,
    name: str,
    storage: float,
    put: float,
    get: float,
    retrieval: float,
    days: float,
) -> None:
    price = book.get(provider, book.reference_region(provider), name)
    assert price is not None
    assert (price.storage, price.put, price.get, price.retrieval) == (storage, put, get, retrieval)
    assert price.min_days == days


def test_which_classes_wait_for_a_restore(book: PriceBook) -> None:
    waiting = {
        (provider, price.name): price.first_byte
        for provider in Provider
        for price in book.classes(provider, book.reference_region(provider))
        if not price.readable
    }
    assert waiting == {
        (Provider.AWS, "GLACIER"): "5 h",
        (Provider.AWS, "DEEP_ARCHIVE"): "12 h",
        (Provider.AZURE, "Archive"): "15 h",
    }
    archive = book.get(Provider.GCP, "us-central1", "ARCHIVE")
    assert archive is not None
    assert archive.first_byte == "ms"


def test_every_figure_has_a_known_source_and_a_date(book: PriceBook) -> None:
    lines = list(book.lines())
    known = [line for line in lines if line.usd is not None]
    assert len(known) > 80
    for line in known:
        assert line.source in book.sources
        assert isinstance(line.as_of, dt.date)
        assert line.unit
    flagged = {(x.provider, x.storage_class, x.name) for x in known if x.remembered}
    assert (Provider.GCP, "NEARLINE", "put") in flagged
    assert (Provider.GCP, "ARCHIVE", "get") in flagged
    assert (Provider.AWS, "STANDARD", "storage") not in flagged


def test_unknown_is_unknown(book: PriceBook) -> None:
    disk = book.get(Provider.ONPREM, "anywhere", "")
    assert disk is not None
    assert disk.name == "STANDARD"
    assert disk.storage is None
    assert disk.put is None
    assert book.egress(Provider.ONPREM, "", 1.0) is None
    assert book.egress(Provider.ONPREM, "", 0.0) == 0.0
    assert book.get(Provider.AWS, "us-east-1", "SNOW") is None
    assert book.tier_of(Provider.AWS, "SNOW") is Tier.HOT
    assert any(line.usd is None and line.provider is Provider.ONPREM for line in book.lines())


def test_tiers_and_spellings(book: PriceBook) -> None:
    assert book.class_for(Provider.AWS, Tier.ARCHIVE) == "DEEP_ARCHIVE"
    assert book.class_for(Provider.GCP, Tier.WARM) == "NEARLINE"
    assert book.class_for(Provider.AZURE, Tier.COLD) == "Cold"
    assert book.class_for(Provider.ONPREM, Tier.COLD) == ""
    assert book.canonical(Provider.AZURE, "") == "Hot"
    assert book.canonical(Provider.AZURE, "COOL") == "Cool"
    assert book.canonical(Provider.AWS, "MADE_UP") == "MADE_UP"
    assert book.tier_of(Provider.GCP, "coldline") is Tier.COLD
    for provider in Provider:
        for tier in Tier:
            name = book.class_for(provider, tier)
            if name:
                assert book.tier_of(provider, name) is tier


def test_a_region_without_prices_says_so(book: PriceBook) -> None:
    assert book.note(Provider.AWS, "us-east-1") == ""
    assert "us-central1" in book.note(Provider.GCP, "us-west-1")
    assert "without a region" in book.note(Provider.AZURE, "")
    assert book.note(Provider.ONPREM, "cellar") == ""
    here = book.get(Provider.AZURE, "eu-west-1", "Cool")
    assert here is not None
    assert here.region == "eastus"


def test_egress_bands_are_marginal(book: PriceBook) -> None:
    assert book.egress(Provider.AWS, "", 1) == pytest.approx(0.09)
    # 10 TB in the first band, 40 in the second, 10 in the third
    terabytes = 10_240 * 0.09 + 40_960 * 0.085 + 10_240 * 0.07
    assert book.egress(Provider.AWS, "us-east-1", 61_440) == pytest.approx(terabytes)
    assert book.egress(Provider.AWS, "", 10, used_gb=10_235) == pytest.approx(5 * 0.09 + 5 * 0.085)
    assert book.egress(Provider.AWS, "", 150, free=True) == pytest.approx(50 * 0.09)
    assert book.egress(Provider.AWS, "", 50, used_gb=80, free=True) == pytest.approx(30 * 0.09)
    assert book.egress_free_gb(Provider.AWS, "") == 100
    assert book.egress_free_gb(Provider.AZURE, "") == 100
    assert book.egress_free_gb(Provider.GCP, "") is None
    assert book.fee(Provider.GCP, "autoclass") == 0.0025


def test_the_operators_file_lies_over(tmp_path: Path) -> None:
    book = overlay(
        tmp_path,
        """
        [sources.contract]
        title = "our contract"
        [[classes]]
        provider = "aws"
        region = "us-east-1"
        name = "STANDARD"
        source = "contract"
        as_of = 2026-10-01
        storage = 0.02
        [[classes]]
        provider = "aws"
        region = "eu-south-2"
        name = "GLACIER"
        storage = 0.004
        [[classes]]
        provider = "onprem"
        name = "STANDARD"
        storage = 0.01
        [[classes]]
        provider = "onprem"
        name = "TAPE"
        tier = "ARCHIVE"
        storage = 0.001
        [providers.onprem]
        tiers = { ARCHIVE = "TAPE" }
        [[egress]]
        provider = "onprem"
        bands = [{ usd = 0.0 }]
        """,
    )
    standard = book.get(Provider.AWS, "us-east-1", "STANDARD")
    assert standard is not None
    assert (standard.storage, standard.get) == (0.02, 0.0004)
    assert dict(standard.figures)["storage"].source == "contract"
    assert dict(standard.figures)["get"].source == "aws-price-list"
    deep = book.get(Provider.AWS, "us-east-1", "DEEP_ARCHIVE")
    assert deep is not None
    assert deep.default_storage == 0.02  # the overhead is billed at the new price too

    # Another region's class keeps what is structural and takes no money from elsewhere.
    glacier = book.get(Provider.AWS, "eu-south-2", "GLACIER")
    assert glacier is not None
    assert (glacier.storage, glacier.get, glacier.retrieval) == (0.004, None, None)
    assert (glacier.min_days, glacier.overhead, glacier.readable) == (90, 32_768, False)
    assert book.note(Provider.AWS, "eu-south-2") == ""
    borrowed = book.get(Provider.AWS, "eu-south-2", "STANDARD")
    assert borrowed is not None
    assert borrowed.region == "us-east-1"

    assert book.class_for(Provider.ONPREM, Tier.ARCHIVE) == "TAPE"
    assert book.class_for(Provider.ONPREM, Tier.HOT) == "STANDARD"
    assert book.egress(Provider.ONPREM, "", 5) == 0.0
    own = {line.source for line in book.lines() if line.storage_class == "TAPE" and line.usd}
    assert own == {"mine.toml"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("classes = 3", "wrong type"),
        ('[[classes]]\nprovider = "ibm"\nname = "X"', "ibm"),
        ('[[classes]]\nprovider = "aws"\nname = "X"', "tier"),
        ('[[classes]]\nprovider = "aws"\nname = "STANDARD"\nstorge = 1', "storge"),
        ('[[classes]]\nprovider = "aws"\nname = "STANDARD"\nstorage = -1', "storage = -1"),
        ('[[classes]]\nprovider = "aws"\nname = "STANDARD"\nstorage = nan', "storage = nan"),
        ('[[classes]]\nprovider = "aws"\nname = "STANDARD"\nstorage = true', "storage = True"),
        ('[[classes]]\nprovider = "aws"\nname = "STANDARD"\ntier = "LUKEWARM"', "LUKEWARM"),
        ('[[classes]]\nprovider = "aws"\nname = "STANDARD"\nsource = "hearsay"', "hearsay"),
        ('[[classes]]\nprovider = "aws"\nname = "GLACIER"\nrestore.fast.per_gb = 1', "hours"),
        ('[[egress]]\nprovider = "aws"\nbands = [{ to_gb = 5, usd = 1 }]', "open"),
        ('[[egress]]\nprovider = "aws"\nbands = [{to_gb=5, usd=1}, {to_gb=5, usd=1}]', "grow"),
        ('[providers.aws]\ntiers = { WARM = "TEPID" }', "TEPID"),
        ('[[regions]]\nprovider = "aws"\nclasses.STANDARD.storage = 1', "region is missing"),
        ('[[regions]]\nprovider = "aws"\nregion = "x"', "classes is missing"),
        ('[[regions]]\nprovider = "aws"\nregion = "x"\nclasses.STANDARD.storge = 1', "storge"),
        ('[[regions]]\nprovider = "aws"\nregion = "x"\nclasses.STANDARD = 1', "must be a table"),
        ('[[regions]]\nprovider = "aws"\nregion = "x"\nclasses.A = { name = "B" }', "belongs"),
        ('[[regions]]\nprovider = "aws"\nregion = "x"\nclasses.A = { storage = 1 }', "tier"),
        (2 * '[[classes]]\nprovider = "aws"\nname = "STANDARD"\nregion = "r"\n', "twice"),
        (
            '[[classes]]\nprovider = "aws"\nname = "INTELLIGENT_TIERING"\n'
            "opt_in = [{ idle_days = 90, storage = 1 }]",
            "hours is missing",
        ),
        ("format = 2", "format 2"),
        ("prices = [", "TOML"),
    ],
)
def test_complaints_name_the_file_and_the_entry(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        overlay(tmp_path, text)
    assert "mine.toml" in caught.value.subject
    assert complaint.lower() in str(caught.value).lower()
    assert caught.value.todo


def test_every_class_and_its_sub_tiers_are_known_by_name(book: PriceBook) -> None:
    names = {
        provider: {price.name for price in book.classes(provider, book.reference_region(provider))}
        for provider in Provider
    }
    assert names[Provider.AWS] == {
        *("STANDARD", "STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"),
        *("INTELLIGENT_TIERING", "REDUCED_REDUNDANCY", "EXPRESS_ONEZONE"),
    }
    assert names[Provider.GCP] == {"STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"}
    assert names[Provider.AZURE] == {"Hot", "Cool", "Cold", "Archive"}
    tiering = book.get(Provider.AWS, "us-east-1", "INTELLIGENT_TIERING")
    assert tiering is not None
    assert tiering.automatic == ((30.0, 0.0125), (90.0, 0.004))
    assert tiering.opt_in == ((90.0, 5.0, 0.0036), (180.0, 12.0, 0.00099))
    express = book.get(Provider.AWS, "us-east-1", "EXPRESS_ONEZONE")
    assert express is not None
    assert (express.storage, express.put) == (None, None)


@pytest.mark.parametrize(
    ("provider", "region", "name", "storage", "put", "get", "retrieval"),
    [
        (Provider.AWS, "eu-central-1", "STANDARD", 0.0245, 0.0054, 0.00043, 0.0),
        (Provider.AWS, "eu-central-1", "GLACIER", 0.00405, 0.036, 0.00043, 0.012),
        (Provider.AWS, "eu-west-1", "DEEP_ARCHIVE", 0.00099, 0.055, 0.0004, 0.02),
        (Provider.AWS, "us-west-2", "GLACIER_IR", 0.004, 0.02, 0.01, 0.03),
        (Provider.AWS, "ap-northeast-1", "STANDARD_IA", 0.0138, 0.01, 0.001, 0.01),
        (Provider.GCP, "europe-west2", "COLDLINE", 0.007, 0.02, 0.01, 0.02),
        (Provider.GCP, "us-east4", "ARCHIVE", 0.0025, 0.05, 0.05, 0.05),
        (Provider.AZURE, "eastus2", "Archive", 0.002, 0.01, 0.50, 0.02),
    ],
)
def test_prices_of_other_regions(
    book: PriceBook,
    provider: Provider,
    region: str,
    name: str,
    storage: float,
    put: float,
    get: float,
    retrieval: float,
) -> None:
    price = book.get(provider, region, name)
    assert price is not None
    assert price.region == region
    assert (price.storage, price.put, price.get, price.retrieval) == (storage, put, get, retrieval)
    reference = book.get(provider, book.reference_region(provider), name)
    assert reference is not None
    assert (price.min_days, price.min_size, price.overhead) == (
        reference.min_days,
        reference.min_size,
        reference.overhead,
    )


def test_further_regions_are_read_when_one_is_asked_for(tmp_path: Path) -> None:
    late = PriceBook.load()
    assert "s3-page" in late.sources
    assert "gcs-regions" not in late.sources  # nobody asked yet
    early = PriceBook.load(None, [(Provider.AWS, "eu-west-1")])
    assert "gcs-regions" in early.sources
    path = tmp_path / "mine.toml"
    path.write_text(
        '[[classes]]\nprovider = "aws"\nregion = "eu-west-1"\nname = "GLACIER"\nstorage = 0.003\n'
    )
    mine = PriceBook.load(path)
    for book in (late, early, mine):
        glacier = book.get(Provider.AWS, "eu-west-1", "GLACIER")
        assert glacier is not None
        assert (glacier.storage, glacier.put) == (0.003 if book is mine else 0.0036, 0.033)
        assert book.note(Provider.AWS, "eu-west-1") == ""
    assert set(late.lines()) == set(early.lines())


def test_a_region_says_what_it_does_not_know(book: PriceBook) -> None:
    glacier = book.get(Provider.AWS, "ap-southeast-1", "GLACIER")
    assert glacier is not None
    standard, bulk = glacier.speed("standard"), glacier.speed("bulk")
    assert standard is not None
    assert bulk is not None
    assert (standard.per_gb, standard.per_1k) == (0.012, None)  # nobody told the request
    assert (bulk.per_gb, bulk.per_1k) == (0.0, 0.0)  # free everywhere
    assert standard.hours == 5


def test_fees_that_nobody_told_are_unknown(tmp_path: Path) -> None:
    book = overlay(
        tmp_path,
        """
        [[regions]]
        provider = "aws"
        region = "mars-1"
        classes.INTELLIGENT_TIERING = { storage = 0.03 }
        """,
    )
    price = book.get(Provider.AWS, "mars-1", "INTELLIGENT_TIERING")
    assert price is not None
    assert price.monitoring is None  # there is such a fee, so it is not 0
    assert [days for days, _ in price.automatic] == [30.0, 90.0]
    assert all(math.isnan(rate) for _, rate in price.automatic)


def test_the_example_of_the_documentation_is_a_price_file(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    section = page.split("### A price file of your own")[1]
    example = re.search(r"```toml\n(.*?)```", section, re.DOTALL)
    assert example is not None
    book = overlay(tmp_path, example[1])
    tape = book.get(Provider.ONPREM, "", "TAPE")
    assert tape is not None
    assert (tape.first_byte, tape.min_days, tape.storage) == ("6 h", 30, 0.0011)
    assert book.egress(Provider.ONPREM, "", 7.0) == 0.0
    own = [line for line in book.lines() if line.own]
    assert {line.provider for line in own} == {Provider.AWS, Provider.ONPREM}
    assert next(line.usd for line in own if line.provider is Provider.AWS) == 0.0195
    assert not any(line.own for line in PriceBook.load().lines())


def test_a_missing_file_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        PriceBook.load(tmp_path / "absent.toml")
