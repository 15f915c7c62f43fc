"""The set-up tool: it says what is missing, is quick the second time, and never half-done."""

import ast
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.demo.run import run_program

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "dev.py"


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool, working on a `.venv` of its own."""
    spec = importlib.util.spec_from_file_location("astra_dev_tool", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    place = tmp_path / ".venv"
    monkeypatch.setattr(module, "VENV", place)
    monkeypatch.setattr(module, "BIN", place / "bin")
    monkeypatch.setattr(module, "PYTHON", place / "bin" / "python")
    monkeypatch.setattr(module, "STAMP", place / "astra-setup.json")
    return module


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["nonsense"], 2), (["--help"], 0)])
async def test_it_lists_its_commands(arguments: list[str], code: int):
    done = await run_program([sys.executable, str(TOOL), *arguments])
    assert done.code == code
    for command in ("demo", "test", "setup", "screenshot", "keys", "lock"):
        assert f"dev.py {command}" in done.out


def test_it_is_plain_enough_for_an_old_python_to_say_what_it_needs(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    ast.parse(TOOL.read_text(), feature_version=(3, 7))
    monkeypatch.setattr(dev.sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(dev.shutil, "which", lambda name: None)
    assert dev.main(["demo"]) == 1
    message = capsys.readouterr().err
    assert "3.11 or newer; this is 3.9" in message


def test_it_starts_again_with_a_newer_python_of_the_machine(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
):
    class Became(Exception):
        pass

    def become(path: str, arguments: list[str]) -> None:
        raise Became(path, arguments)

    monkeypatch.setattr(dev.sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(dev.sys, "argv", ["dev.py", "demo", "--tour"])
    monkeypatch.setattr(
        dev.shutil, "which", lambda name: "/usr/bin/python3.12" if "12" in name else None
    )
    monkeypatch.setattr(dev.os, "execv", become)
    with pytest.raises(Became) as caught:
        dev.main(["demo", "--tour"])
    path, arguments = caught.value.args
    assert path == "/usr/bin/python3.12"
    assert arguments == [path, str(TOOL), "demo", "--tour"]


@pytest.mark.parametrize("missing", ["ensurepip", "venv"])
def test_a_python_without_venv_is_told_how_to_get_it(
    dev: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    missing: str,
):
    monkeypatch.setitem(sys.modules, missing, None)
    assert dev.main(["setup"]) == 1
    message = capsys.readouterr().err
    assert missing in message
    assert f"apt install python3.{sys.version_info[1]}-venv" in message
    assert not dev.VENV.exists()


def test_what_is_set_up_is_not_set_up_again(dev: ModuleType, monkeypatch: pytest.MonkeyPatch):
    dev.BIN.mkdir(parents=True)
    dev.PYTHON.symlink_to(sys.executable)
    dev.STAMP.write_text(json.dumps({"fingerprint": dev.fingerprint(), "extras": ["dev"]}))

    def nothing_runs(*arguments: object, **named: object) -> None:
        raise AssertionError("nothing is to be run")

    monkeypatch.setattr(dev.subprocess, "run", nothing_runs)
    assert dev.setup() == 0
    assert dev.setup("dev") == 0
    changed = dev.fingerprint() + "x"
    monkeypatch.setattr(dev, "fingerprint", lambda: changed)
    with pytest.raises(AssertionError, match="nothing is to be run"):
        dev.setup()


async def test_a_failed_set_up_says_so_and_is_no_set_up(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert dev.main(["setup"]) == 1
    assert "pip could not install what Astra needs" in capfd.readouterr().err
    assert not dev.STAMP.exists()
    assert dev.PYTHON.exists(), "the environment stays for the next try"


@pytest.mark.parametrize(
    ("arguments", "last"), [([], ["-n", "2"]), (["-k", "names"], ["-k", "names"])], ids=str
)
def test_all_tests_are_shared_by_two_processes_and_chosen_ones_are_not(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, arguments: list[str], last: list[str]
):
    run: list[list[str]] = []

    def noted(command: list[object], **named: object) -> subprocess.CompletedProcess[str]:
        run.append([str(part) for part in command])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(dev, "setup", lambda extra: 0)
    monkeypatch.setattr(dev.subprocess, "run", noted)
    assert dev.main(["test", *arguments]) == 0
    assert run[-1][1:5] == ["-m", "pytest", *last]
    assert len(run) == (1 if arguments else 5), "with arguments pytest alone, else every check"
