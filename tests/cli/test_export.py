"""`astra export lifecycle`: in its own process with a config, and in this one without."""

import json
from pathlib import Path

import pytest

from astra_tui.cli.entry import run
from tests.cli.conftest import Astra

CONFIG = """
[clouds.aws]
kind = "s3"
bucket = "prod-data"
prefix = "media/"
region = "eu-central-1"
endpoint = "http://127.0.0.1:9"
access_key = "x"
secret_key = "y"
[clouds.gcp]
kind = "gcs"
bucket = "cold-data"
region = "europe-west1"
endpoint = "http://127.0.0.1:9"
[kafka]
bootstrap = "off"
[engine]
policy = "recency"
"""


@pytest.fixture
def configured(astra: Astra) -> Astra:
    (astra.folder / "astra.toml").write_text(CONFIG, encoding="utf-8")
    return astra


def test_the_active_policy_for_the_cloud_that_the_form_means(configured: Astra) -> None:
    done = configured("export", "lifecycle", "--format", "s3-json")
    document = json.loads(done.out)
    (rule,) = document["Rules"]
    assert rule["Filter"]["And"]["Prefix"] == "media/"
    assert rule["Transitions"] == [{"Days": 0, "StorageClass": "INTELLIGENT_TIERING"}]
    assert "Not expressed: Counted from the last access" in done.err
    assert "put-bucket-lifecycle-configuration" in done.err


def test_a_named_policy_for_an_address_into_a_file(configured: Astra) -> None:
    path = configured.folder / "rules.tf"
    words = ("--format", "terraform", "--policy", "rules", "--output", str(path), "--json")
    done = configured("export", "lifecycle", "gcp:other/logs/", *words)
    (told,) = done.lines
    assert told["provider"] == "gcp"
    assert (told["bucket"], told["prefix"]) == ("other", "logs/")
    assert (told["policy"], told["by"], told["automatic"]) == ("rules", "age", None)
    assert told["output"] == str(path)
    assert told["document"] == path.read_text(encoding="utf-8")
    assert {"part", "why", "instead"} == set(told["not_expressed"][0])
    assert any("backup_*" in gap["part"] for gap in told["not_expressed"])
    assert 'location = "EUROPE-WEST1"' in told["document"]
    assert [entry.name for entry in configured.folder.glob(".rules*")] == []


def test_what_cannot_be_meant_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "astra.toml"
    config.write_text(CONFIG, encoding="utf-8")
    options = ["--config", str(config), "--state", str(tmp_path / "state")]

    def error(*words: str) -> str:
        assert run([*options, "export", "lifecycle", *words]) == 2
        return capsys.readouterr().err

    assert "--provider" in error("--format", "terraform")
    assert "no form for gcp" in error("gcp", "--format", "s3-json")
    assert "No cloud is named" in error("nowhere:", "--format", "s3-json")
    assert "reactive sends nothing" in error("--format", "s3-json", "--policy", "reactive")
    assert "There is no policy" in error("--format", "s3-json", "--policy", "hope")
    assert "no file" in error("--format", "s3-json", "-o", str(tmp_path))


def test_without_a_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("ASTRA_CONFIG", raising=False)
    words = ["export", "lifecycle", "--format", "azure-json", "--bucket", "box", "--json"]
    assert run([*words, "--no-archive"]) == 0
    told = json.loads(capsys.readouterr().out)
    blob = told["document"]["rules"][0]["definition"]["actions"]["baseBlob"]
    assert set(blob) == {"tierToCool", "tierToCold"}
    assert told["document"]["rules"][0]["definition"]["filters"]["prefixMatch"] == ["box/"]
    assert list(tmp_path.iterdir()) == []
