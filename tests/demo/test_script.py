"""The ten-phase demonstration: it passes here, and it fails where it should."""

import io
import os
import re
import sys
from pathlib import Path

import pytest

from astra_tui import demo_phases_move, demo_script
from astra_tui.demo_report import Report
from astra_tui.demo_stage import Stage
from engine.errors import UsageError
from tests.demo.run import run_program
from tests.demo.waiting import until


async def test_all_ten_phases_hold_and_nothing_is_left(short_path: Path):
    done = await run_program(
        [sys.executable, "-m", "astra_tui", "demo", "--script"],
        env={**os.environ, "TMPDIR": str(short_path)},
    )
    assert done.code == 0, done.out + done.err
    phases = re.findall(r"^  Phase (\d+): all (\d+) checks held", done.out, re.MULTILINE)
    assert [int(number) for number, _ in phases] == list(range(1, 11))
    assert all(int(checks) > 0 for _, checks in phases)
    assert "FAILED" not in done.out
    assert "\x1b" not in done.out, "a file gets no colours and no control codes from names"
    digests = re.findall(r"md5 (?:source|destination) +([0-9a-f]{32})", done.out)
    assert len(digests) == 8, "source and copy of three migrations and of the corrupted one"
    assert len(set(digests)) == 5, "all pairs are equal but the corrupted one"
    (corrupted,) = re.findall(r"^ +1 download .* 5 delete ·$", done.out, re.MULTILINE)
    assert "4 verify ·" not in corrupted, "only what did not run has no time"
    reasons = re.findall(r"^ +(?:error|lost|risk|note): (.*)$", done.out, re.MULTILINE)
    assert reasons
    assert not any("…" in reason for reason in reasons), "no sentence is cut"
    assert done.err == ""
    assert list(short_path.iterdir()) == []


async def test_a_kept_world_is_not_played_in_again(tmp_path: Path):
    (tmp_path / "objects.sqlite3").touch()
    with pytest.raises(UsageError, match="fresh world"):
        await demo_script.play(tmp_path, io.StringIO())


async def test_a_reader_that_goes_away_leaves_nothing_behind(short_path: Path):
    command = f"{sys.executable} -m astra_tui demo --script | head -n 3"
    done = await run_program(["sh", "-c", command], env={**os.environ, "TMPDIR": str(short_path)})
    assert done.out.count("\n") == 3
    assert "Traceback" not in done.err
    await until(lambda: not list(short_path.iterdir()), "the folder is removed")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_failed_check_decides_the_exit_code_and_is_told_again_at_the_end():
    out = io.StringIO()
    report = Report(out)
    report.begin(1, 10, "First", "Words.")
    assert report.check(True, "water is wet")
    assert not report.check(False, "the moon is cheese")
    report.end()
    assert report.finish(complete=True) == 1
    text = out.getvalue()
    assert "1 of 2 checks FAILED" in text
    assert text.count("the moon is cheese") == 2
    assert "\x1b" not in text


def test_a_phase_that_checks_nothing_fails():
    report = Report(io.StringIO())
    report.begin(1, 10, "First", "Words.")
    report.end()
    assert report.finish(complete=True) == 1


def test_what_was_not_played_to_the_end_fails():
    report = Report(io.StringIO())
    report.begin(1, 10, "First", "Words.")
    report.check(True, "so far so good")
    report.end()
    assert report.finish(complete=False) == 1


def test_colours_only_on_a_terminal_that_wants_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = _Terminal()
    Report(coloured).check(True, "x")
    assert "\x1b[32mok\x1b[0m" in coloured.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = _Terminal()
    Report(plain).check(True, "x")
    assert "\x1b" not in plain.getvalue()


async def test_a_corruption_that_does_not_happen_fails_its_phase(monkeypatch: pytest.MonkeyPatch):
    async def sabotaged(stage: Stage) -> None:
        stage.proxy.arm = lambda key: None
        await demo_phases_move.corrupt(stage)

    phases = [
        (title, words, sabotaged if phase is demo_phases_move.corrupt else phase)
        for title, words, phase in demo_script.PHASES
        if phase not in (demo_phases_move.final, demo_phases_move.statistics)
    ]
    monkeypatch.setattr(demo_script, "PHASES", tuple(phases))
    out = io.StringIO()
    assert await demo_script.play(None, out) == 1
    assert "FAILED  the proxy flipped one bit" in out.getvalue()
    assert "FAILED  the job failed" in out.getvalue()


async def test_a_phase_that_breaks_ends_the_demonstration(monkeypatch: pytest.MonkeyPatch):
    async def breaks(stage: Stage) -> None:
        raise RuntimeError("out of cheese")

    monkeypatch.setattr(demo_script, "PHASES", (("One", "Words.", breaks),) * 2)
    out = io.StringIO()
    assert await demo_script.play(None, out) == 1
    assert out.getvalue().count("Phase 1 of 2") == 1
    assert "stopped: out of cheese" in out.getvalue()
    assert "Phase 2 of 2" not in out.getvalue()
