"""Where an engine's socket is: in its state directory, or near where that path is too long."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from engine.errors import StateError

_LONGEST = 100  # bytes; a Unix socket's address holds 104 to 108


def socket_path(state_dir: Path) -> Path:
    """The socket of the engine with that state directory. Makes no directory of the state.

    Raises StateError if the place that stands in for a long path belongs to somebody else.
    """
    state_dir = Path(os.path.abspath(state_dir))
    near = state_dir / "engine.sock"
    if len(os.fsencode(near)) <= _LONGEST:
        return near
    folder = Path(tempfile.gettempdir()) / f"astra-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise StateError(
            f"There is no place for the engine's socket: {error.strerror}.",
            subject=str(folder),
            todo="Choose a state directory with a shorter path: --state DIR.",
        ) from error
    private = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    if not private or stat.S_IMODE(status.st_mode) & 0o077:
        raise StateError(
            "The folder for the engine's socket can be used by others.",
            subject=str(folder),
            todo="Remove it, or choose a state directory with a shorter path: --state DIR.",
        )
    name = hashlib.sha256(os.fsencode(state_dir)).hexdigest()[:24]
    return folder / f"{name}.sock"
