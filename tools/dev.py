#!/usr/bin/env python3
"""One command for each thing a developer or a newcomer does. Needs nothing but Python and git.

    python3 tools/dev.py demo [ARGS]        set up, then open the demo world
    python3 tools/dev.py test [ARGS]        set up, then run every check; ARGS go to pytest
    python3 tools/dev.py run ARGS           set up, then run `astra ARGS`
    python3 tools/dev.py setup              only set up
    python3 tools/dev.py lock               write constraints.txt anew from .venv
    python3 tools/dev.py screenshot         draw docs/screenshot.svg, plan.svg and lab.svg anew
    python3 tools/dev.py record             play the tour, draw docs/tour.svg of it
    python3 tools/dev.py keys [--check]     write the key tables of README and docs anew

The set-up makes `.venv` beside this folder and installs into it what constraints.txt pins. It is
skipped while pyproject.toml, constraints.txt and the Python are those of the last set-up.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"
STAMP = VENV / "astra-setup.json"
OLDEST = (3, 11)
NEWER = ("python3.13", "python3.12", "python3.11")
# Two processes: many tests wait for others. A file stays in one of them, with what it has set up.
SHARED = ("-n", "2", "--dist", "loadfile")


class Stop(Exception):
    """The work cannot go on; the text says why and what to do."""


def main(arguments: list[str]) -> int:
    """Run one command; returns its exit code."""
    if sys.version_info < OLDEST:
        return use_newer_python()
    commands = {
        "demo": lambda rest: astra(["demo", *rest]),
        "run": astra,
        "test": test,
        "setup": lambda rest: setup("dev"),
        "lock": lambda rest: script("lock.py", rest),
        "screenshot": lambda rest: script("screenshot.py", rest),
        "record": lambda rest: script("record.py", rest),
        "keys": lambda rest: script("keys.py", rest),
    }
    if not arguments or arguments[0] not in commands:
        print(__doc__.strip())
        return 0 if arguments and arguments[0] in ("-h", "--help", "help") else 2
    try:
        return commands[arguments[0]](arguments[1:]) or 0
    except Stop as stop:
        print(f"\n{stop}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def use_newer_python() -> int:
    """Start this file again with a Python that is new enough, if the machine has one."""
    for name in NEWER:
        found = shutil.which(name)
        if found:
            os.execv(found, [found, os.path.abspath(__file__), *sys.argv[1:]])
    print(
        "Astra needs Python {}.{} or newer; this is {}.{} and no newer one is on the PATH.\n"
        "Install one (for example python3.11) and run this command again.".format(
            *OLDEST, *sys.version_info[:2]
        ),
        file=sys.stderr,
    )
    return 1


# -- set-up ---------------------------------------------------------------------------------


def setup(extra: str = "") -> int:
    """Make `.venv` hold what is wanted. Raises Stop if it cannot."""
    wanted = fingerprint()
    done = last_setup()
    extras = set(done.get("extras", []))
    if done.get("fingerprint") == wanted and (not extra or extra in extras) and PYTHON.exists():
        return 0
    make_venv()
    extras = (extras | {extra}) - {""}
    target = f"{ROOT}[{','.join(sorted(extras))}]" if extras else str(ROOT)
    print("Setting up .venv; the first time this takes a minute or two.", file=sys.stderr)
    STAMP.unlink(missing_ok=True)
    command = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    command += ["-c", str(ROOT / "constraints.txt"), "-e", target]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise Stop(
            "pip could not install what Astra needs; its own message is above.\n"
            "Most often the network or a proxy is the cause (pip reads PIP_INDEX_URL and "
            "HTTPS_PROXY).\nNothing outside .venv was changed; run the same command again."
        )
    STAMP.write_text(json.dumps({"fingerprint": wanted, "extras": sorted(extras)}))
    return 0


def fingerprint() -> str:
    """What the set-up depends on, as one digest."""
    digest = hashlib.sha256()
    for part in (ROOT / "pyproject.toml", ROOT / "constraints.txt"):
        digest.update(part.read_bytes())
    digest.update(f"{sys.version}\n{ROOT}".encode())
    return digest.hexdigest()


def last_setup() -> dict:
    """What the last finished set-up noted; empty if there was none."""
    try:
        return dict(json.loads(STAMP.read_text()))
    except (OSError, ValueError):
        return {}


def make_venv() -> None:
    """Make `.venv` unless a working one of this Python is there."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    probe = "import pip, sys; print('%d.%d' % sys.version_info[:2])"
    if PYTHON.exists():
        answer = subprocess.run(
            [str(PYTHON), "-c", probe], capture_output=True, text=True, check=False
        )
        if answer.returncode == 0 and answer.stdout.strip() == version:
            return
        print("The .venv that is there does not work with this Python; making it anew.")
    try:
        import ensurepip  # noqa: F401 - Debian ships Python without it
        import venv
    except ImportError as error:
        raise Stop(
            f"This Python lacks a part of its standard library ({error.name}), so no virtual "
            "environment can be made.\nOn Debian and Ubuntu: apt install "
            f"python{version}-venv; then run this command again."
        ) from error
    try:
        venv.EnvBuilder(with_pip=True, clear=True, symlinks=os.name != "nt").create(VENV)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Stop(
            f"The virtual environment {VENV} could not be made: {error}.\n"
            "Check that the folder can be written and the disk has about 500 MiB left."
        ) from error


# -- what is run in it ----------------------------------------------------------------------


def astra(arguments: list[str]) -> int:
    """Become `astra ARGUMENTS`, so that keys and signals reach it directly."""
    setup()
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(BIN / "astra", ["astra", *arguments])


def script(name: str, arguments: list[str]) -> int:
    """Run a file of this folder with everything installed."""
    setup("dev")
    command = [str(PYTHON), str(ROOT / "tools" / name), *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def test(arguments: list[str]) -> int:
    """Style, types, import rules, then the tests, whose summary ends the output.

    With arguments only pytest runs, in one process: they choose tests, and the rest has nothing
    to choose.
    """
    setup("dev")
    checks = [
        ("ruff check", [BIN / "ruff", "check", "."]),
        ("ruff format", [BIN / "ruff", "format", "--check", "."]),
        ("mypy", [BIN / "mypy"]),
        ("lint-imports", [BIN / "lint-imports"]),
    ]
    for name, command in [] if arguments else checks:
        print(f"--- {name}", flush=True)
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            raise Stop(f"{name} failed; what it found is above. The tests were not run.")
    print("--- pytest", flush=True)
    command = [PYTHON, "-m", "pytest", *(arguments or SHARED)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
