"""The log of a command: the same file as the console's, in the state directory."""

import atexit
import contextlib
import logging
import traceback
from collections.abc import Sequence
from pathlib import Path

from astra_tui.logfile import LogFile

_file: LogFile | None = None


def open_log(
    state_dir: Path, level: str, name: str = "astra.log", *, secrets: Sequence[str] = ()
) -> None:
    """Send all logging to that file; nothing of it reaches the screen. Once a process."""
    global _file
    if _file is not None:
        return
    # A full disk loses lines of the log; the command itself says what matters.
    logging.raiseExceptions = False
    _file = LogFile(state_dir, name=name, secrets=secrets).open()
    atexit.register(_close, _file)
    root = logging.getLogger()
    if _file.path is None:
        root.addHandler(logging.NullHandler())  # the engine tells about the directory
        return
    root.setLevel(level.upper())


def _close(file: LogFile) -> None:
    with contextlib.suppress(OSError, ValueError):
        file.close()


def log_unexpected(error: BaseException) -> Path | None:
    """Write the traceback of an error nobody foresaw; where it is, None if nowhere."""
    if _file is None or _file.path is None:
        return None
    text = "".join(traceback.format_exception(error))
    logging.getLogger("astra").error("unexpected error\n%s", text)
    return _file.path
