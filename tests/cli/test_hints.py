"""Command lines that a command tells the operator, and what it says when nothing works."""

import signal
from pathlib import Path

import pytest

from astra_tui.cli import exits
from astra_tui.cli.context import Globals
from astra_tui.cli.entry import run
from tests.cli.conftest import SECONDS, Astra


@pytest.fixture(autouse=True)
def _no_options() -> None:
    exits.repeat(())


def test_command_lines_repeat_the_options_quoted_for_a_shell() -> None:
    text = "`astra resume` goes on; see `astra --help` or `astra demo`."
    assert exits.with_options(text) == text
    exits.repeat(Globals(config=Path("my files/a.toml"), state=Path("$x")).words())
    assert exits.with_options(text) == (
        "`astra --config 'my files/a.toml' --state '$x' resume` goes on; "
        "see `astra --help` or `astra demo`."
    )


@pytest.mark.parametrize("after", [False, True])
def test_an_error_repeats_them_wherever_they_stood(
    after: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "a b.toml"
    config.write_text('[clouds.disk]\nkind = "local"\nroot = "o"\nbucket = "b"\n')
    options = ["--config", str(config), "--state", str(tmp_path / "s")]
    verb = ["jobs", "show", "nope"]
    assert run([*verb, *options] if after else [*options, *verb]) == 2
    assert f"`astra --config '{config}' --state {tmp_path / 's'} jobs`" in capsys.readouterr().err


def test_an_interrupted_migration_tells_how_to_go_on_with_its_own_state(astra: Astra) -> None:
    astra.config()
    (astra.folder / "objects" / "other").mkdir()
    for number in range(8):
        astra.file(f"m/{number}", b"x" * 100_000)
    options = ("--config", "astra.toml", "--state", "my state")
    move = ("migrate", "disk:box/m/", "disk:other/", "--yes", "--json", "--bwlimit", "64KiB")
    with astra.started(*options, *move, "--jobs", "1") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 4
    assert "`astra --config astra.toml --state 'my state' resume`" in err
    assert "`astra resume`" not in err
    assert astra(*options, "resume", "--json").summary["pending"] == 0
