"""Starting the command: what it imports, what it lists, and how it ends on mistakes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from astra_tui.cli.aliases import ALIASES
from astra_tui.cli.entry import GROUPS, VERBS, astra, run
from engine.errors import (
    ConfigError,
    NotFound,
    Refused,
    StateBusy,
    StoreError,
    Throttled,
    UsageError,
)

HEAVY = ("textual", "boto3", "botocore", "aiohttp", "aiokafka", "confluent_kafka", "numpy", "moto")
CONFIG = '[clouds.disk]\nkind = "local"\nroot = "objects"\nbucket = "b"\n'


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg-config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg-state"))
    for name in ("ASTRA_CONFIG", "ASTRA_STATE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["migrate", "--help"], ["tier", "--help"], ["jobs", "-h"]],
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import json, sys\n"
        "from astra_tui.cli.entry import run\n"
        f"code = run({arguments!r})\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "print('\\n' + json.dumps([code, heavy]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []]


def test_help_lists_every_verb_and_no_alias(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f" {name} " in text for name in VERBS)
    assert not any(name in text for name in ALIASES)


@pytest.mark.parametrize("name", sorted(VERBS))
def test_every_verb_has_help_and_json(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    text = capsys.readouterr().out
    group = hasattr(astra.get_command(None, name), "commands")  # type: ignore[arg-type]
    assert group or "--json" in text
    assert "--config" not in text


def test_every_verb_is_in_one_group() -> None:
    assert len(VERBS) == sum(len(verbs) for verbs in GROUPS.values())


@pytest.mark.parametrize("alias", sorted(ALIASES))
def test_aliases_lead_to_a_verb(alias: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([alias, "--help"]) == 0
    assert ALIASES[alias][0] in capsys.readouterr().out


def test_aliases_are_listed_in_one_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["aliases", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["alias"] for line in lines} == set(ALIASES)
    page = Path(__file__).parents[2].joinpath("docs", "cli.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in ALIASES)


def test_the_page_of_verbs_names_every_verb() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "cli.md").read_text(encoding="utf-8")
    assert all(f"astra {name}" in page for name in VERBS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("astra 0.")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nonsense"], "No such command"),
        (["migrat", "x", "y"], "migrate"),
        (["migrate"], "SOURCE"),
        (["migrate", "a:b/c", "d:e/f", "--checksum", "size"], "--checksum"),
        (["migrate", "a:b/c", "d:e/f", "--bwlimit", "fast"], "no size"),
        (["ls", "--sort", "colour"], "--sort"),
        (["--unknown"], "No such option"),
        (["demo", "--json"], "--script"),
        (["tier"], "Usage"),
    ],
)
def test_wrong_usage_exits_2(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert told in captured.err + captured.out
    assert "Traceback" not in captured.err


def test_only_what_is_near_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    for far in ("nonsense", "upload", "status"):
        assert run([far]) == 2
        assert "Did you mean" not in capsys.readouterr().err
    assert run(["migrat"]) == 2
    assert "Did you mean" in capsys.readouterr().err
    Path("astra.toml").write_text(CONFIG)
    assert run(["ls", "d3:b"]) == 2
    assert "Did you mean" not in capsys.readouterr().err


def test_init_says_in_json_where_the_file_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"path": str(tmp_path / "astra.toml")}
    assert (tmp_path / "astra.toml").exists()


def test_no_configuration_exits_2_and_tells_how_to_begin(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["ls"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "astra init" in captured.err
    assert "astra demo" in captured.err


def test_a_bad_configuration_exits_2_with_every_problem(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("astra.toml").write_text('[clouds.a]\nkind = "s4"\n[engine]\njobs = 0\n')
    assert run(["dashboard"]) == 2
    text = capsys.readouterr().err
    assert "[clouds.a] kind" in text
    assert "\n  astra.toml [engine] jobs" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ls", "dsk:b"], 'Did you mean "disk"?'),
        (["ls", "nothing"], "no address"),
        (["migrate", "disk:/x", "disk:b/x"], "names no bucket"),
        (["migrate", "disk:b/x", "nope:"], "No cloud is named 'nope'; there are: disk."),
        (["ls", "nope:"], "No cloud is named 'nope'; there are: disk."),
        (["age", "disk:", "--days", "3"], "no single object"),
        (["migrate", "astra.toml", "disk:b/x"], "astra ingest"),
        (["migrate", "disk:b/a", "disk:b/c", "--tier", "HOT", "--storage-class", "X"], "not both"),
        (["tier", "plan", "disk:b/x"], "whole clouds"),
        (["tier", "plan", "--tier", "COLD"], "Name the objects"),
        (["cancel"], "--all"),
        (["access", "disk:b/"], "no single object"),
        (["age", "disk:b/a", "--days", "soon"], "--days"),
        (["events", "send", "disk:b/x", "--when", "noon"], "no time"),
    ],
)
def test_calls_that_make_no_sense_exit_2(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("astra.toml").write_text(CONFIG)
    assert run(arguments) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--read-only", "migrate", "disk:b/x", "disk:c/x", "--yes"], ["resume", "--read-only"]),
        *(["retry", "--read-only"], ["--read-only", "cancel", "--all", "--yes"]),
        ["--read-only", "tier", "apply", "--yes"],
        ["--read-only", "ingest", "astra.toml", "disk:b/"],
    ],
)
def test_read_only_exits_3(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("astra.toml").write_text(CONFIG)
    assert run(arguments) == 3
    assert "Read-only mode does not allow" in capsys.readouterr().err


def test_the_console_needs_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Path("astra.toml").write_text(CONFIG)
    assert run([]) == 2
    assert "needs a terminal" in capsys.readouterr().err


def raising(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("astra_tui.config.user_config", fail)
    return run(["init", "--user"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (ConfigError("x"), 2),
        (Refused("x"), 3),
        (StateBusy("x"), 3),
        (NotFound("x"), 1),
        (ExceptionGroup("g", [Throttled("x"), ExceptionGroup("h", [StoreError("x")])]), 1),
        (RuntimeError("secret-in-message"), 1),
        (KeyboardInterrupt(), 4),
    ],
)
def test_exit_codes_of_errors(
    error: BaseException,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert raising(error, monkeypatch) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert captured.err


def test_an_error_is_told_whole_and_harmless(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = NotFound(
        "No \x1b]0;title\x07 such object.",
        subject="aws:b/\x1b[31mred\u202e",
        safe="Nothing was changed.",
        todo="Look again.",
    )
    raising(error, monkeypatch)
    text = capsys.readouterr().err
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "Safe: Nothing was changed." in text
    assert "Next: Look again." in text


def test_what_nobody_expected_is_logged_in_the_state_directory(tmp_path: Path) -> None:
    script = (
        "import astra_tui.config\n"
        "def fail(): raise RuntimeError('the details')\n"
        "astra_tui.config.user_config = fail\n"
        "from astra_tui.cli.entry import run\n"
        "raise SystemExit(run(['init', '--user']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    path = tmp_path / "xdg-state" / "astra" / "astra.log"
    assert str(path) in done.stderr
    assert "RuntimeError: the details" in path.read_text()
