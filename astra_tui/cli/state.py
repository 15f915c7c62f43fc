"""The state directory as a command finds it."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import ConfigError, StateError

_FILES = ("astra.db", "lock")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TODO = "Make it writable, or choose another directory with --state DIR."


class StateUnusable(ConfigError):
    """The state directory is none, or may not be written."""


def check_state(directory: Path) -> None:
    """Make the directory if need be. Raises StateUnusable, or StateError on a full disk."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=directory) as probe:
            probe.write(b"x" * 4096)
        for path in (directory / name for name in _FILES):
            if path.exists() and not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    except OSError as error:
        full = error.errno in _FULL
        raise (StateError if full else StateUnusable)(
            f"The state directory cannot be written: {error.strerror}.",
            subject=str(directory),
            safe="Nothing was changed.",
            todo="Free space there, or choose another with --state DIR." if full else _TODO,
        ) from error


@contextmanager
def spare_state() -> Iterator[Path]:
    """A directory that is gone afterwards, for verbs that only look at clouds."""
    with tempfile.TemporaryDirectory(prefix="astra-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
