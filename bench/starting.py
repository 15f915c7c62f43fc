"""How long the console takes to show itself, and to be of use, with its engine running and without.

    python -m bench.starting [ROUNDS]

A terminal of 120 × 40, three local clouds of 200 objects. The first frame is there when the name
of a cloud shows; of use is the console when rows show and a key moves the cursor. Rounds
alternate with a bare Textual app of one label and, where it is installed, with `mc`. Wall and
processor seconds are of the program on the terminal alone, from its start until then.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.compiled import compile_astra
from bench.watched import Watched, computed, run

PATIENCE = 60.0
OBJECTS = 200
BARE = """
from textual.app import App
from textual.widgets import Label
class Bare(App):
    def compose(self):
        yield Label("shown")
    def on_key(self, event):
        self.query_one(Label).update("moved")
Bare().run()
"""


@dataclass
class Times:
    """Seconds of each round, and the processor's of the same."""

    first: list[float] = field(default_factory=list)
    first_cpu: list[float] = field(default_factory=list)
    usable: list[float] = field(default_factory=list)
    usable_cpu: list[float] = field(default_factory=list)


def prepare(folder: Path) -> list[str]:
    """A config of three local clouds; the words that lead a command to it."""
    lines = ['[kafka]\nbootstrap = "off"\n[engine]\nidle_stop = "2m"\n']
    for cloud in ("one", "two", "three"):
        bucket = folder / cloud / "b"
        bucket.mkdir(parents=True)
        for number in range(OBJECTS):
            (bucket / f"object-{number:03}.log").touch()
        lines.append(f'[clouds.{cloud}]\nkind = "local"\nroot = "{folder / cloud}"\nbucket = "b"\n')
    (folder / "astra.toml").write_text("".join(lines))
    return ["--config", str(folder / "astra.toml"), "--state", str(folder / "state")]


def watch(
    words: Sequence[str],
    first: str,
    usable: str,
    times: Times,
    *,
    leave: str,
    moves: bool = True,
    cursor_mode: bool = False,
) -> None:
    """One start, until a key moves something; then it is left."""
    begin = time.monotonic()
    watched = run(words, {"ASTRA_DRIVER": "ours"}, cursor_mode=cursor_mode)
    try:
        _until(watched, lambda: first in watched.terminal.text)
        times.first.append(time.monotonic() - begin)
        times.first_cpu.append(computed(watched.process.pid)[0])
        _until(watched, lambda: usable in watched.terminal.text)
        if moves:
            before = watched.row
            watched.press("down")
            _until(watched, lambda: watched.row not in (before, -1))
        times.usable.append(time.monotonic() - begin)
        times.usable_cpu.append(computed(watched.process.pid)[0])
        watched.type(leave)
        watched.pump(10, lambda: watched.process.poll() is not None)
    finally:
        watched.close()


def _until(watched: Watched, condition: Callable[[], bool]) -> None:
    if not watched.pump(PATIENCE, condition):
        raise RuntimeError(f"waited in vain:\n{watched.terminal.text}")


def measure(rounds: int) -> dict[str, Times]:
    """Each of them so many times, in turn."""
    found = {"astra, no engine": Times(), "astra, engine runs": Times(), "bare Textual": Times()}
    if shutil.which("mc"):
        found["mc"] = Times()
    python = sys.executable
    with tempfile.TemporaryDirectory(prefix="astra-start-") as text:
        folder = Path(text)
        astra = [python, "-m", "astra_tui", *prepare(folder)]
        for _ in range(rounds):
            shown = f"{OBJECTS} objects"
            try:
                watch(astra, "one", shown, found["astra, no engine"], leave="q")
                watch(astra, "one", shown, found["astra, engine runs"], leave="q")
            finally:
                subprocess.run(
                    [*astra, "engine", "stop", "--force"], check=False, capture_output=True
                )
            bare = [python, "-c", BARE]
            watch(bare, "shown", "shown", found["bare Textual"], leave="\x11", moves=False)
            if "mc" in found:
                words = ["mc", "-d", "/usr/bin", "/etc"]
                watch(words, "bin", "Quit", found["mc"], leave="\x1b0", cursor_mode=True)
    return found


def main(rounds: int) -> None:
    compile_astra()
    for name, times in measure(rounds).items():
        first, usable = statistics.median(times.first), statistics.median(times.usable)
        print(
            f"{name:20} first frame {first:5.2f} s (CPU {statistics.median(times.first_cpu):5.2f})"
            f"   of use {usable:5.2f} s (CPU {statistics.median(times.usable_cpu):5.2f})"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 5)
