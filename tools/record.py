"""Record the tour of the demo world as docs/tour.svg, which moves in any browser.

    python3 tools/dev.py record [FILE.cast]     the FILE is for `asciinema play`

What is recorded is what `astra demo --tour` sends to a terminal; `tools/moving.py` draws it.
"""

import codecs
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "tour.svg"
WIDTH, HEIGHT = 120, 36
DONE = "That was Astra."  # of the last caption
AFTER = 2.0  # seconds that the last picture stays
LONGEST = 240.0

Output = list[tuple[float, str]]


def main(arguments: list[str]) -> int:
    """Play the tour and write what it looked like."""
    sys.path.insert(0, str(ROOT))
    from tools.moving import moving_picture

    output = play()
    PICTURE.write_text(moving_picture(output, WIDTH, HEIGHT), encoding="utf-8")
    print(f"{PICTURE}: {PICTURE.stat().st_size:,} bytes")
    if arguments:
        header = {"version": 2, "width": WIDTH, "height": HEIGHT, "title": "astra demo --tour"}
        lines = [json.dumps(header), *(json.dumps([at, "o", text]) for at, text in output)]
        Path(arguments[0]).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


def play() -> Output:
    """Everything that the tour wrote, with the seconds since its first picture."""
    main_end, other_end = pty.openpty()
    fcntl.ioctl(other_end, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    process = subprocess.Popen(
        [sys.executable, "-m", "astra_tui", "demo", "--tour", "--no-mouse"],
        stdin=other_end, stdout=other_end, stderr=other_end,
        start_new_session=True, env=environment, cwd=ROOT,
    )  # fmt: skip
    os.close(other_end)
    try:
        return _read(main_end)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        os.close(main_end)


def _read(end: int) -> Output:
    from tests.terminal.emulator import Terminal

    output: Output = []
    shown, done = Terminal(WIDTH, HEIGHT), False
    decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
    began, until = 0.0, time.monotonic() + LONGEST
    while time.monotonic() < until:
        if not select.select([end], [], [], 0.1)[0]:
            if not done and DONE in shown.text:
                done, until = True, time.monotonic() + AFTER
            continue
        try:
            text = decode(os.read(end, 65536))
        except OSError:  # the program has left
            break
        if text:
            began = began or time.monotonic()
            output.append((round(time.monotonic() - began, 3), text))
            shown.feed(text)
    if not done:
        raise SystemExit(f"The tour did not come to its end within {LONGEST:.0f} s.")
    return output


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
