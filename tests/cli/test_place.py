"""`astra place`, `astra tier --clouds` and `astra decisions` from the command line."""

from tests.cli.conftest import Astra

CLOUDS = """
[clouds.aws]
kind = "s3"
provider = "aws"
region = "us-east-1"
bucket = "data"
[clouds.gcp]
kind = "gcs"
bucket = "cold"
region = "us-central1"
[clouds.azure]
kind = "azure"
account = "acct"
bucket = "box"
region = "eastus"
[kafka]
bootstrap = "off"
"""


def test_place_tells_the_best_of_each_cloud_first(astra: Astra) -> None:
    astra.config(more=CLOUDS)
    lines = astra("place", "100GiB", "--reads-month", "0", "--life-months", "60", "--json").lines
    assert [line["rank"] for line in lines] == [1, 2, 3]
    assert (lines[0]["cloud"], lines[0]["storage_class"]) == ("gcp", "ARCHIVE")
    assert {line["cloud"] for line in lines} == {"aws", "gcp", "azure"}
    told = astra("place", "100GiB", "--all")
    assert "aws GLACIER_IR (aws us-east-1)" in told.out
    assert "disk" in told.err  # its prices are not known
    assert "No cloud is named" in astra("place", "1GiB", "--readers", "moon", code=2).err
    assert "size" in astra("place", "big", code=2).err


def test_clouds_and_a_policy_exclude_each_other(astra: Astra) -> None:
    astra.config()
    assert "leave out" in astra("tier", "plan", "--clouds", "--policy", "rules", code=2).err
    assert "--clouds" in astra("tier", "plan", "--horizon-months", "3", code=2).err
    assert "no other cloud" in astra("tier", "plan", "--clouds", code=2).err


def test_decisions_are_listed(astra: Astra) -> None:
    astra.config()
    assert "No decision is stored" in astra("decisions", "disk").err
    assert astra("decisions", "--json").lines == []
    assert "No cloud is named" in astra("decisions", "moon", code=2).err
