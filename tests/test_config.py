"""Reading the configuration: order, problems all at once, secrets that stay secret."""

import re
from pathlib import Path

import pytest

from astra_tui.config import (
    POLICY_NAMES,
    ConsoleSettings,
    export_credentials,
    load_settings,
    parse_size,
    read_environment,
    with_files,
)
from engine.errors import ConfigError
from engine.model import Provider, StoreKind
from engine.settings import EngineSettings

GOOD = """
[clouds.aws]
kind = "s3"
bucket = "prod-data"
region = "us-east-1"

[clouds.onprem]
kind = "local"
root = "objects"
"""
SECRET = "hunter2-do-not-show"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No config and no environment of the machine that runs the tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg-config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg-state"))


def load(
    text: str | None = None, environ: dict[str, str] | None = None, mode: int = 0o600
) -> tuple[EngineSettings, ConsoleSettings, list[str]]:
    if text is not None:
        path = Path("astra.toml")
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
    return load_settings(None, None, environ or {})


def problems(text: str, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(text, environ)
    return str(caught.value)


def test_a_good_file_gives_settings_without_warnings() -> None:
    engine, console, warnings = load(GOOD)
    assert warnings == []
    assert [cloud.name for cloud in engine.clouds] == ["aws", "onprem"]
    aws, onprem = engine.clouds
    assert (aws.kind, aws.provider, aws.bucket) == (StoreKind.S3, Provider.AWS, "prod-data")
    assert not aws.path_style
    assert onprem.provider is Provider.ONPREM
    assert onprem.root == Path("objects").absolute()
    assert engine.kafka.bootstrap == "embedded"
    assert engine.state_dir.is_absolute()
    assert console == ConsoleSettings()


def test_engine_kafka_console_and_keys_tables() -> None:
    Path("negotiated.toml").write_text("")
    engine, console, warnings = load(
        GOOD
        + """
[engine]
jobs = 3
bwlimit = "20MiB"
policy = "recency"
restore_speed = "bulk"
restore_days = 3
read_only = true
prices = "negotiated.toml"
[kafka]
bootstrap = ["one:9092", "[::1]:9093"]
accept_jobs = true
[console]
theme = "nord"
mouse = false
[keys]
flavour = "vim"
"plan.open" = ["m", "ctrl+x"]
"app.help" = "f1"
"""
    )
    assert warnings == []
    assert (engine.jobs, engine.bwlimit, engine.policy) == (3, 20 * 1024**2, "recency")
    assert (engine.restore_speed, engine.restore_days) == ("bulk", 3)
    assert engine.read_only
    assert engine.prices_file == Path("negotiated.toml").absolute()
    assert engine.kafka.bootstrap == "one:9092,[::1]:9093"
    assert engine.kafka.accept_jobs
    assert (console.theme, console.mouse) == ("nord", False)
    assert console.keymap() == {"plan.open": "m,ctrl+x", "app.help": "f1"}
    assert console.flavour == "vim"


def test_the_environment_beats_dotenv_which_beats_the_file() -> None:
    Path(".env").write_text(
        "ASTRA_CLOUDS_AWS_BUCKET=from-dotenv\nASTRA_CLOUDS_AWS_REGION=eu-west-1\n"
    )
    Path(".env").chmod(0o600)
    engine, _, warnings = load(
        GOOD, {"ASTRA_CLOUDS_AWS_BUCKET": "from-environ", "ASTRA_ENGINE_JOBS": "5"}
    )
    assert warnings == []
    assert engine.clouds[0].bucket == "from-environ"
    assert engine.clouds[0].region == "eu-west-1"
    assert engine.jobs == 5


def test_names_with_underscores_and_dashes_in_variables() -> None:
    engine, _, _ = load(
        '[clouds.my-cloud]\nkind = "s3"\n[clouds.my_secret]\nkind = "s3"\n',
        {
            "ASTRA_CLOUDS_MY_CLOUD_ACCESS_KEY": "a",
            "ASTRA_CLOUDS_MY_CLOUD_SECRET_KEY": "b",
            "ASTRA_CLOUDS_MY_SECRET_BUCKET": "c",
        },
    )
    assert engine.clouds[0].access_key.reveal() == "a"
    assert engine.clouds[0].secret_key.reveal() == "b"
    assert engine.clouds[1].bucket == "c"


def test_clouds_from_the_environment_alone() -> None:
    engine, _, _ = load(
        None, {"ASTRA_CLOUDS_DISK_KIND": "local", "ASTRA_CLOUDS_DISK_ROOT": "/srv/objects"}
    )
    assert engine.clouds[0].name == "disk"
    assert engine.clouds[0].root == Path("/srv/objects")


def test_a_variable_for_an_unknown_cloud_says_so() -> None:
    text = problems(GOOD, {"ASTRA_CLOUDS_AWSS_BUCKET": "b"})
    assert "ASTRA_CLOUDS_AWSS_BUCKET" in text
    assert "[clouds.awss] kind: missing" in text


def test_strange_variables_warn_only_if_they_look_like_ours() -> None:
    _, _, warnings = load(
        GOOD, {"ASTRA_KAFKA_BOOTSTRAPS": "x:1", "ASTRA_DB_APPLICATION_TOKEN": "not ours"}
    )
    assert len(warnings) == 1
    assert "ASTRA_KAFKA_BOOTSTRAPS" in warnings[0]
    assert 'Did you mean "bootstrap"?' in warnings[0]


def test_no_configuration_tells_how_to_begin() -> None:
    with pytest.raises(ConfigError, match=r"astra init.*astra demo"):
        load()


def test_a_named_file_that_is_missing_is_no_reason_to_read_another() -> None:
    Path("astra.toml").write_text(GOOD)
    with pytest.raises(ConfigError, match=r"other\.toml"):
        load_settings(Path("other.toml"), None, {})
    with pytest.raises(ConfigError, match=r"other\.toml"):
        load_settings(None, None, {"ASTRA_CONFIG": "other.toml"})


def test_search_order(tmp_path: Path) -> None:
    user = tmp_path / "xdg-config" / "astra" / "astra.toml"
    user.parent.mkdir(parents=True)
    user.write_text('[clouds.user]\nkind = "s3"\n')
    assert load()[0].clouds[0].name == "user"
    Path("astra.toml").write_text('[clouds.here]\nkind = "s3"\n')
    assert load()[0].clouds[0].name == "here"
    Path("env.toml").write_text('[clouds.env]\nkind = "s3"\n')
    assert load(None, {"ASTRA_CONFIG": "env.toml"})[0].clouds[0].name == "env"
    Path("flag.toml").write_text('[clouds.flag]\nkind = "s3"\n')
    chosen, _, _ = load_settings(Path("flag.toml"), None, {"ASTRA_CONFIG": "env.toml"})
    assert chosen.clouds[0].name == "flag"


def test_state_directory_order(tmp_path: Path) -> None:
    Path("astra.toml").write_text(GOOD)
    assert load()[0].state_dir == tmp_path / "xdg-state" / "astra"
    assert load(None, {"ASTRA_STATE": "there"})[0].state_dir == tmp_path / "there"
    chosen, _, _ = load_settings(None, Path("here"), {"ASTRA_STATE": "there"})
    assert chosen.state_dir == tmp_path / "here"


def test_every_problem_is_told_at_once_with_place_and_hint() -> None:
    text = problems(
        """
[clouds.aws]
kind = "s4"
[clouds.b]
kind = "s3"
endpoint = "not an address"
access_key = "AK"
[clouds.disk]
kind = "local"
[clouds.file]
kind = "local"
root = "/"
[clouds."a b"]
kind = "s3"
[engine]
jobs = "many"
bwlimit = "fast"
policy = "rulez"
[kafka]
bootstrap = "http://host:9092"
security_protocol = "SASL_SSL"
"""
    )
    assert '[clouds.aws] kind: found "s4"; allowed: s3, gcs, azure, local. Did you mean "s3"?' in (
        text
    )
    assert '[clouds.b] endpoint: found "not an address"' in text
    assert "[clouds.b] secret_key: missing; allowed: access_key and secret_key together" in text
    assert "[clouds.disk] root: missing" in text
    assert "[clouds.file]: found a name that is kept" in text
    assert "[clouds.a b]: found a name that is no cloud's name" in text
    assert '[engine] jobs: found "many"; allowed: a whole number from 1 to 256' in text
    assert '[engine] bwlimit: found "fast"' in text
    assert "name a unit, as in 5MiB" in problems("[engine]\nbwlimit = 5\n")
    assert '[engine] policy: found "rulez"; allowed: rules, recency' in text
    assert 'Did you mean "rules"?' in text
    assert '[kafka] bootstrap: found "http://host:9092"' in text
    assert "[kafka] username: missing" in text
    assert "[kafka] password: missing" in text
    assert "12 problems" in text


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("bucket = 3", "bucket: found 3; allowed: a string in quotes"),
        ('bucket = "a/b"', "bucket: found"),
        ('path_style = "true"', 'path_style: found "true"; allowed: true or false'),
        ('endpoint = "http://[broken"', "endpoint: found an address that does not parse"),
        ('endpoint = "http://h:99999"', "endpoint: found an address that does not parse"),
        ('endpoint = "ftp://h"', 'endpoint: found "ftp://h"'),
        ('endpoint = "http://h/path"', "endpoint: found"),
        ('provider = "gpc"', 'Did you mean "gcp"?'),
        ("read_only = 1", "read_only: found 1"),
        ('bucket = "\\u001b[31m"', "bucket: found '\\x1b[31m'"),
    ],
)
def test_wrong_values(line: str, found: str) -> None:
    text = problems(f'[clouds.aws]\nkind = "s3"\n{line}\n')
    assert found in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    "text",
    ["[clouds", "[clouds.aws]\nkind = s3", "clouds = 3", "[clouds]\naws = 3", "engine = 'x'"],
)
def test_a_damaged_file_is_an_error_that_names_it(text: str) -> None:
    assert "astra.toml" in problems(text)


def test_files_that_cannot_be_read() -> None:
    Path("latin.toml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_settings(Path("latin.toml"), None, {})
    Path("folder.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(Path("folder.toml"), None, {})


def test_no_clouds_is_an_error() -> None:
    assert "no cloud is configured" in problems("[engine]\njobs = 2\n")


def test_unknown_keys_and_tables_warn_with_a_hint() -> None:
    _, _, warnings = load(
        GOOD + '[clouds.c]\nkind = "s3"\nbuckte = "x"\nroot = "/x"\n[kafak]\nbootstrap = "off"\n'
    )
    text = "\n".join(warnings)
    assert 'buckte: unknown key, ignored. Did you mean "bucket"?' in text
    assert "root: has no meaning for kind s3, ignored." in text
    assert '[kafak]: unknown table, ignored. Did you mean "kafka"?' in text
    assert len(warnings) == 3


def test_compatible_servers_say_whose_prices_are_shown() -> None:
    engine, _, warnings = load('[clouds.m]\nkind = "s3"\nendpoint = "http://127.0.0.1:9000/"\n')
    assert engine.clouds[0].endpoint == "http://127.0.0.1:9000"
    assert engine.clouds[0].path_style
    assert "AWS prices" in warnings[0]


def test_google_clouds_with_a_key_file_or_the_default_credentials() -> None:
    Path("key.json").write_text("{}")
    engine, _, warnings = load(
        '[clouds.g]\nkind = "gcs"\nbucket = "b"\n'
        '[clouds.k]\nkind = "gcs"\ncredentials = "key.json"\nproject = "my-project-1"\n'
        '[clouds.e]\nkind = "gcs"\nendpoint = "http://127.0.0.1:4443"\n',
        {"ASTRA_CLOUDS_G_PROJECT": "other"},
    )
    assert warnings == []
    default, by_key, emulator = engine.clouds
    assert (default.kind, default.provider) == (StoreKind.GCS, Provider.GCP)
    assert (default.credentials_file, default.project) == (None, "other")
    assert by_key.credentials_file == Path("key.json").absolute()
    assert by_key.project == "my-project-1"
    assert emulator.endpoint == "http://127.0.0.1:4443"


def test_what_is_wrong_with_a_google_cloud_is_told() -> None:
    text = problems(
        '[clouds.g]\nkind = "gcs"\ncredentials = "no-such.json"\nproject = "My Project"\n'
    )
    assert "[clouds.g] credentials" in text
    assert "a file that is there" in text
    assert "the id of a Google Cloud project" in text


def test_an_azure_account_with_its_key_or_sas() -> None:
    engine, _, warnings = load(
        '[clouds.k]\nkind = "azure"\naccount = "mydata"\nkey = "env:AZURE_KEY"\n'
        '[clouds.s]\nkind = "azure"\naccount = "emulated"\nsas = "env:MY_SAS"\n'
        'endpoint = "http://127.0.0.1:10000"\n'
        '[clouds.i]\nkind = "azure"\naccount = "identity"\n',
        {"AZURE_KEY": SECRET, "MY_SAS": f"sv=1&sig={SECRET}"},
    )
    assert warnings == []
    by_key, by_sas, by_token = engine.clouds
    assert (by_key.kind, by_key.provider) == (StoreKind.AZURE, Provider.AZURE)
    assert (by_key.account, by_key.account_key.reveal()) == ("mydata", SECRET)
    assert by_sas.sas.reveal() == f"sv=1&sig={SECRET}"
    assert by_sas.endpoint == "http://127.0.0.1:10000"
    assert not by_token.account_key
    assert not by_token.sas
    assert SECRET not in repr(engine)


def test_what_is_wrong_with_an_azure_cloud_is_told_without_its_secrets() -> None:
    text = problems(
        f'[clouds.a]\nkind = "azure"\naccount = "My-Data"\nkey = "{SECRET}"\nsas = "{SECRET}"\n'
        f'endpoint = "https://mydata.blob.core.windows.net/?sv=1&sig={SECRET}"\n'
    )
    assert "lower-case letters and digits" in text
    assert "one of key and sas" in text
    assert "Put a SAS into sas." in text
    assert SECRET not in text


def test_secrets_come_from_variables_and_files() -> None:
    Path("key").write_text(f"{SECRET}\n")
    Path("key").chmod(0o600)
    engine, _, warnings = load(
        '[clouds.aws]\nkind = "s3"\naccess_key = "env:MY_KEY"\nsecret_key = "file:key"\n',
        {"MY_KEY": "AKIA"},
        mode=0o644,
    )
    assert engine.clouds[0].access_key.reveal() == "AKIA"
    assert engine.clouds[0].secret_key.reveal() == SECRET
    assert warnings == []


def test_missing_sources_of_secrets_are_problems() -> None:
    text = problems(
        '[clouds.aws]\nkind = "s3"\naccess_key = "env:NOPE"\nsecret_key = "file:nope"\n'
        'session_token = "env:"\n'
    )
    assert "the variable NOPE, which is not set" in text
    assert re.search(r"file:.*nope, which cannot be read", text)
    assert "env: without a name" in text


def test_a_file_that_everybody_may_read_warns_only_if_it_holds_secrets() -> None:
    assert load(GOOD, mode=0o644)[2] == []
    secret = f'[clouds.aws]\nkind = "s3"\naccess_key = "a"\nsecret_key = "{SECRET}"\n'
    warnings = load(secret, mode=0o644)[2]
    assert len(warnings) == 1
    assert "chmod 600" in warnings[0]
    assert SECRET not in warnings[0]
    assert load(secret, mode=0o600)[2] == []


def test_no_secret_is_ever_shown() -> None:
    text = problems(
        f"""
[clouds.aws]
kind = "s3"
secret_key = "{SECRET}"
endpoint = "http://user:{SECRET}@host:9000"
jobs = 1
[clouds.b]
kind = "s3"
access_key = ["{SECRET}"]
[kafka]
bootstrap = "user:{SECRET}@host:9092"
username = "u"
password = "{SECRET}"
[engine]
jobs = 0
"""
    )
    assert SECRET not in text
    assert "credentials inside the address" in text
    settings, console, warnings = load(
        f'[clouds.aws]\nkind = "s3"\naccess_key = "a"\nsecret_key = "{SECRET}"\n'
        f'[kafka]\npassword = "{SECRET}"\n'
    )
    assert SECRET not in f"{settings!r} {settings} {console} {warnings}"
    assert settings.kafka.password.reveal() == SECRET


def test_dotenv_values_are_literal_and_its_odd_lines_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("PASS='pa$$w${HOME}rd'\nAWS_ACCESS_KEY_ID=AK\nnot a line\nA=1\n")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    environment = read_environment(None, {"A": "2"})
    assert environment.values["PASS"] == "pa$$w${HOME}rd"
    assert environment.values["A"] == "2"
    assert "line 3" in environment.warnings[0]
    import os

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "kept")
    export_credentials(environment)
    assert os.environ["AWS_ACCESS_KEY_ID"] == "AK"
    assert "PASS" not in os.environ
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *[("20MiB", 20 * 1024**2), ("20M", 20 * 1024**2), ("20MB", 20_000_000)],
        *[("1.5k", 1536), ("0", 0), ("off", 0), ("100", 100), ("7 B", 7), ("2GiB/s", 2 * 1024**3)],
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "fast", "-1", "1x", "1e3", "MiB"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="no size"):
        parse_size(text)


def test_the_policies_that_are_allowed_are_those_that_are_there() -> None:
    from engine.tiering.policy import POLICIES

    assert set(POLICY_NAMES) == set(POLICIES)


def test_this_machines_files_as_one_cloud_more() -> None:
    settings = with_files(load(GOOD)[0])
    assert settings.clouds[-1].name == "file"
    assert settings.clouds[-1].root == Path("/")
    assert settings.clouds[-1].read_only
    assert with_files(settings) is settings


def test_policies_have_parameters_of_their_own(tmp_path: Path) -> None:
    clouds = '[clouds.disk]\nkind = "local"\nroot = "/tmp"\n'
    file = tmp_path / "astra.toml"
    file.write_text(f'{clouds}[policy.cost]\nholds = ["legal/"]\nlimits = {{ "a/*" = 0 }}\n')
    settings, _, warnings = load_settings(file, None, {})
    assert settings.policies == {"cost": {"holds": ["legal/"], "limits": {"a/*": 0}}}
    assert not warnings
    file.write_text(f"{clouds}[policy]\nmagic = {{}}\ncost = 3\n")
    with pytest.raises(ConfigError, match=r"no policy 'magic'(.|\n)*cost: found a plain value"):
        load_settings(file, None, {})
