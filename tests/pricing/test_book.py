"""The price file: what it says, how an operator's file is laid over it, how it complains."""

import datetime as dt
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
    assert (Provider.AWS, "GLACIER", "restore.bulk.per_gb") in flagged
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
        region = "eu-west-1"
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
    glacier = book.get(Provider.AWS, "eu-west-1", "GLACIER")
    assert glacier is not None
    assert (glacier.storage, glacier.get, glacier.retrieval) == (0.004, None, None)
    assert (glacier.min_days, glacier.overhead, glacier.readable) == (90, 32_768, False)
    assert book.note(Provider.AWS, "eu-west-1") == ""
    borrowed = book.get(Provider.AWS, "eu-west-1", "STANDARD")
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


def test_a_missing_file_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        PriceBook.load(tmp_path / "absent.toml")
