"""The log file of the console: in the state directory, and nowhere else.

A full-screen program has no terminal to write to. Records go through a queue to a thread, so
that a slow disk never holds the event loop. Python's warnings and other libraries' records
end there too.
"""

import contextlib
import logging
import queue
from collections.abc import Sequence
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from typing import Self

from astra_tui.redact import redact

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_LARGEST = 2 * 1024 * 1024


class _Redacting(logging.Formatter):
    """Writes no secret, whoever said it."""

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__(_FORMAT)
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record), self._secrets)


class LogFile:
    """Open from `open()` to `close()`. `path` is None where the file could not be opened.

    `level` is the lowest that is written: debug, info, warning or error. `secrets` are never
    written, nor is what looks like one.
    """

    def __init__(
        self,
        state_dir: Path,
        level: str = "info",
        name: str = "astra.log",
        *,
        secrets: Sequence[str] = (),
    ) -> None:
        self._secrets = tuple(secrets)
        self.path: Path | None = None
        self._wanted = state_dir / name
        self._listener: QueueListener | None = None
        self._handler: QueueHandler | None = None
        self._wanted_level = getattr(logging, level.upper(), logging.INFO)
        self._level = logging.WARNING

    def open(self) -> Self:
        """Begin to log. A directory that cannot be written is no reason not to start."""
        try:
            self._wanted.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = RotatingFileHandler(
                self._wanted, maxBytes=_LARGEST, backupCount=2, encoding="utf-8", errors="replace"
            )
        except OSError:
            return self
        # A full disk loses lines of the log; a traceback about that must not reach the screen.
        logging.raiseExceptions = False
        file.setFormatter(_Redacting(self._secrets))
        records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
        self._handler = QueueHandler(records)
        self._listener = QueueListener(records, file)
        self._listener.start()
        root = logging.getLogger()
        self._level = root.level
        root.addHandler(self._handler)
        root.setLevel(self._wanted_level)
        # Their INFO is a line for every request or heartbeat.
        for chatty in ("aiokafka", "botocore", "boto3", "urllib3", "asyncio", "werkzeug"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
        self.path = self._wanted
        return self

    def close(self) -> None:
        """Write what waits and close the file. Safe to call twice, and on a full disk."""
        if self._handler is None or self._listener is None:
            return
        root = logging.getLogger()
        root.removeHandler(self._handler)
        root.setLevel(self._level)
        self._listener.stop()
        for handler in self._listener.handlers:
            with contextlib.suppress(OSError):
                handler.close()
        self._handler = self._listener = None
