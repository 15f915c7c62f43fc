"""The demo world: three clouds and a state directory that are there while it is open.

The storage runs in a child process (`astra_tui.demo_server`); Kafka is the engine's embedded
broker. Nothing needs an account, Docker or a network, and nothing is left behind: the child
holds the temporary folder and removes it when its stdin ends, so that it is removed even when
this process is killed.
"""

import asyncio
import contextlib
import os
import shutil
import socket
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import demo_data
from astra_tui import demo_server
from engine.errors import StateError
from engine.model import Provider, StoreKind
from engine.settings import CloudSettings, EngineSettings, KafkaSettings, Secret

REGIONS = {"aws": "us-east-1", "gcp": "us-west1", "azure": "eastus2"}
_READY_SECONDS = 60.0  # a slow, busy machine; a warm one needs about two
_END_SECONDS = 10.0


class DemoWorld:
    """Open it with `async with`; `settings` then describe it to an engine.

    `keep` names a folder for the state and the objects; a later demo with the same folder goes
    on from there. Without it both live in a temporary folder. The storage answers as soon as it
    has started, about a second after opening; requests sent earlier wait. `ready()` waits too.
    """

    settings: EngineSettings

    def __init__(self, keep: Path | None = None) -> None:
        self.keep = keep
        self.folder = Path()
        self.server_pid = 0
        self.held = -1  # the storage ends when nobody has this descriptor any more
        self._process: asyncio.subprocess.Process | None = None
        self._ready: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.folder = _folder(self.keep)
        try:
            await self._start()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A second ctrl+c must not leave the folder behind; ending takes well under a second.
        await asyncio.shield(asyncio.create_task(self._end()))

    @property
    def first_time(self) -> bool:
        """Whether nothing was kept here by an earlier demo."""
        return not (self.folder / "objects.sqlite3").exists()

    def port(self, cloud: str) -> int:
        """The loopback port that a cloud is served on."""
        settings = self.settings.cloud(cloud)
        assert settings is not None
        return int(settings.endpoint.rpartition(":")[2])

    def settings_through(self, cloud: str, port: int) -> EngineSettings:
        """The settings with that cloud reached through another loopback port, a proxy's."""
        endpoint = f"http://127.0.0.1:{port}"
        clouds = (
            replace(one, endpoint=endpoint) if one.name == cloud else one
            for one in self.settings.clouds
        )
        return replace(self.settings, clouds=tuple(clouds))

    async def ready(self) -> None:
        """Wait until the storage answers. Raises StateError with its own words if it cannot."""
        assert self._ready is not None
        await asyncio.shield(self._ready)

    # -- the child process --------------------------------------------------------------

    async def _start(self) -> None:
        sockets = {cloud: _listen() for cloud in REGIONS}
        ports = {cloud: listening.getsockname()[1] for cloud, listening in sockets.items()}
        self.settings = world_settings(self.folder, ports)
        order = demo_server.Order(
            clouds=tuple(
                demo_server.Cloud(cloud, REGIONS[cloud], listening.fileno())
                for cloud, listening in sockets.items()
            ),
            objects=str(self.folder / "objects.sqlite3") if self.keep else "",
            remove="" if self.keep else str(self.folder),
        )
        log = (self.folder / "storage.log").open("wb")
        reading, self.held = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # the folder we are in must not lend its modules
                "-m",
                "astra_tui.demo_server",
                stdin=reading,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                pass_fds=[listening.fileno() for listening in sockets.values()],
                start_new_session=True,  # the terminal's signals are not for it
                env=environment(dict(os.environ)),
            )
        finally:
            log.close()
            os.close(reading)
            for listening in sockets.values():
                listening.close()
        self.server_pid = self._process.pid
        os.write(self.held, order.to_json().encode() + b"\n")
        self._ready = asyncio.create_task(self._wait_ready(self._process))

    async def _wait_ready(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            async with asyncio.timeout(_READY_SECONDS):
                answer = await process.stdout.readline()
        except TimeoutError:
            answer = b""
        if answer.strip() != b"ready":
            raise StateError(
                "The demo's storage did not start. " + _tail(self.folder / "storage.log"),
                subject="astra demo",
                safe="Nothing outside the demo was touched.",
                todo="Run it again; if it fails again, report the lines above.",
            )

    async def _end(self) -> None:
        if self._ready is not None:
            self._ready.cancel()
            with contextlib.suppress(asyncio.CancelledError, StateError):
                await self._ready
        if self.held >= 0:
            os.close(self.held)
            self.held = -1
        process, self._process = self._process, None
        if process is not None:
            try:
                async with asyncio.timeout(_END_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if self.keep is None and self.folder.name.startswith(demo_server.TEMPORARY):
            await asyncio.to_thread(shutil.rmtree, self.folder, True)


def _folder(keep: Path | None) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix=demo_server.TEMPORARY))
    try:
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"The folder for the demo cannot be made: {error.strerror}.",
            subject=str(keep),
            todo="Name another one with --keep DIR.",
        ) from error
    return keep.resolve()


def _listen() -> socket.socket:
    """A socket that listens on a free loopback port."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    return listening


def world_settings(folder: Path, ports: dict[str, int]) -> EngineSettings:
    """What an engine of that world is told: its state's folder, and the port of each cloud."""
    return EngineSettings(
        clouds=tuple(cloud_settings(cloud, port) for cloud, port in ports.items()),
        state_dir=folder,
        kafka=KafkaSettings(bootstrap="embedded", group="astra-demo", accept_jobs=True),
    )


def cloud_settings(name: str, port: int) -> CloudSettings:
    """One of the three clouds, served on that port."""
    return CloudSettings(
        name=name,
        kind=StoreKind.S3,
        provider=Provider(name),
        bucket=demo_data.BUCKETS[name],
        region=REGIONS[name],
        endpoint=f"http://127.0.0.1:{port}",
        path_style=True,
        access_key=Secret("demo"),
        secret_key=Secret("demo"),
    )


def environment(given: dict[str, str]) -> dict[str, str]:
    """An environment less what would turn moto, or the engine, away from its order."""
    kept = {
        name: value
        for name, value in given.items()
        if not name.startswith(("MOTO_", "AWS_", "S3_", "TEST_SERVER_MODE"))
    }
    here = str(Path(__file__).resolve().parent.parent)
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (here, kept.get("PYTHONPATH"))))
    return kept


def _tail(path: Path) -> str:
    with contextlib.suppress(OSError):
        lines = path.read_text(errors="replace").strip().splitlines()
        if lines:
            return "Its last words: " + " | ".join(lines[-3:])
    return "It said nothing."
