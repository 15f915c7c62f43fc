"""Key to screen in the real console: a pane of many objects beside the same pane of ten.

    python -m bench.console [--objects 100000] [--keys 40]

Each round starts `astra` in a pseudo-terminal of 120x40 on a folder with that many files, waits
until the pane's border tells the count, and then presses keys one at a time: the time runs from
the write of the key until the terminal has been quiet for 30 ms after the answer, less that
quiet. The ratio says how much the size of a listing is felt.
"""

import argparse
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from pathlib import Path

import pyte

QUIET = 0.03
KEYS = {  # what is pressed, and what leads back
    "down": (b"\x1b[B", b"\x1b[A"),
    "page": (b"\x1b[6~", b"\x1b[5~"),
    "end": (b"\x1b[F", b"\x1b[H"),
}


class Console:
    """`astra` in a terminal of its own; `screen` holds what a person would see."""

    def __init__(self, config: Path, state: Path) -> None:
        self.screen = pyte.Screen(120, 40)
        self._stream = pyte.ByteStream(self.screen)
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            astra = str(Path(sys.executable).parent / "astra")
            os.environ["TERM"] = "xterm-256color"
            os.execv(astra, [astra, "--config", str(config), "--state", str(state)])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

    def read(self, seconds: float) -> bytes:
        """What arrives within `seconds`, b"" if nothing does."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return b""
        data = os.read(self.fd, 65536)
        self._stream.feed(data)
        return data

    def until(self, text: str, seconds: float = 120) -> float:
        """Seconds from the start until `text` shows."""
        while not any(text in line for line in self.screen.display):
            self.read(0.05)
            if time.perf_counter() - self.started > seconds:
                raise SystemExit("\n".join(self.screen.display) + f"\nnever showed {text!r}")
        return time.perf_counter() - self.started

    def settle(self) -> None:
        while self.read(0.5):
            pass

    def press(self, key: bytes) -> tuple[float, int]:
        """Seconds until the last byte of the answer, and how many bytes it had."""
        start = time.perf_counter()
        os.write(self.fd, key)
        last, count = start, 0
        while not count or time.perf_counter() - last < QUIET:
            data = self.read(QUIET)
            if data:
                last, count = time.perf_counter(), count + len(data)
            elif not count and time.perf_counter() - start > 2:
                raise SystemExit(f"no answer to {key!r}")
        return last - start, count

    def close(self) -> None:
        os.kill(self.pid, signal.SIGTERM)
        try:
            while self.read(10):
                pass
        except OSError:
            pass  # the terminal is gone with its process
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def measure(folder: Path, objects: int, presses: int) -> dict[str, list[float]]:
    """Times by what was done, in seconds (`bytes` apart)."""
    bucket = folder / "root" / "b"
    bucket.mkdir(parents=True)
    for i in range(objects):
        (bucket / f"object-{i:06d}.bin").touch()
    config = folder / "astra.toml"
    config.write_text(
        f'[clouds.disk]\nkind = "local"\nroot = "{folder / "root"}"\nbucket = "b"\n'
        '[kafka]\nbootstrap = "off"\n'
    )
    console = Console(config, folder / "state")
    found: dict[str, list[float]] = {}
    try:
        found["first frame"] = [console.until("Astra")]
        found["listed"] = [console.until(f"{objects:,} objects")]
        console.settle()
        for name, (key, back) in KEYS.items():
            found[name] = []
            for _ in range(presses):
                found[name].append(console.press(key)[0])
                console.press(back)
    finally:
        console.close()
    return found


def table(large: dict[str, list[float]], small: dict[str, list[float]]) -> Sequence[str]:
    lines = [f"{'':12} {'many':>9} {'ten':>9} {'ratio':>6}"]
    for name, times in large.items():
        many, ten = statistics.median(times), statistics.median(small[name])
        lines.append(f"{name:12} {many * 1e3:6.0f} ms {ten * 1e3:6.0f} ms {many / ten:6.2f}")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--keys", type=int, default=40)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        small = measure(Path(one), 10, chosen.keys)
        large = measure(Path(two), chosen.objects, chosen.keys)
    print(f"{chosen.objects:,} objects beside 10, medians of {chosen.keys} keys")
    print("\n".join(table(large, small)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
