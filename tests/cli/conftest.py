"""The real command in a process of its own, on a disk and a moto server."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.model import ObjectMeta
from engine.settings import CloudSettings
from engine.stores import open_store
from tests.servers import S3Server

REPOSITORY = Path(__file__).parents[2]
SECONDS = 120.0


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """stdout as JSON, one object a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def jobs(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if "job_key" in line]

    @property
    def summary(self) -> dict[str, Any]:
        last: dict[str, Any] = self.lines[-1]["summary"]
        return last


class Astra:
    """Runs `astra` with a config and a state directory of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.environ = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("ASTRA_", "AWS_", "XDG_"))
        }
        self.environ |= {
            "PYTHONPATH": str(REPOSITORY),
            "ASTRA_STATE": str(self.state),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_STATE_HOME": str(folder / "state-home"),
        }

    def __call__(self, *arguments: str, code: int | None = 0, **options: Any) -> Result:
        """Run to the end; `code` is the exit code that it must have."""
        done = subprocess.run(
            self.command(arguments),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            **options,
        )
        result = Result(done.returncode, done.stdout, done.stderr)
        assert code is None or result.code == code, result
        assert "Traceback" not in result.err, result.err
        return result

    @contextmanager
    def started(self, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        """A running command; it is ended, by its own id, if the test leaves it running."""
        with subprocess.Popen(
            self.command(arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=self.folder,
            env=self.environ,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)

    @staticmethod
    def command(arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "astra_tui", *arguments]

    def config(self, *servers: tuple[str, S3Server, str], more: str = "") -> None:
        """Write astra.toml: the disk `objects`, and moto servers as (cloud, server, bucket)."""
        text = '[clouds.disk]\nkind = "local"\nroot = "objects"\nbucket = "box"\n'
        for name, server, bucket in servers:
            text += (
                f'[clouds.{name}]\nkind = "s3"\nprovider = "aws"\nregion = "{server.region}"\n'
                f'endpoint = "{server.endpoint}"\nbucket = "{bucket}"\n'
                f'access_key = "{server.access_key}"\nsecret_key = "env:MOTO_SECRET"\n'
            )
            self.environ["MOTO_SECRET"] = server.secret_key
        text += more or '[kafka]\nbootstrap = "off"\n'
        path = self.folder / "astra.toml"
        path.write_text(text)
        path.chmod(0o600)
        (self.folder / "objects" / "box").mkdir(parents=True, exist_ok=True)

    def file(self, key: str, content: bytes = b"content") -> Path:
        """An object on the disk, in the bucket `box`."""
        path = self.folder / "objects" / "box" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


@pytest.fixture
def astra(tmp_path: Path) -> Astra:
    return Astra(tmp_path)


async def put(cloud: CloudSettings, objects: dict[str, bytes]) -> None:
    """Make the cloud's bucket and write these objects into it."""
    store = open_store(cloud)
    try:
        await store.create_bucket(cloud.bucket)
        for key, content in objects.items():
            await store.write(
                cloud.bucket, key, _body(content), size=len(content), meta=ObjectMeta()
            )
    finally:
        await store.close()


async def _body(content: bytes) -> Any:
    yield content


async def contents(cloud: CloudSettings) -> dict[str, bytes]:
    """Every object of the cloud's bucket."""
    store = open_store(cloud)
    try:
        found = {}
        async for page in store.list_pages(cloud.bucket):
            for entry in page.entries:
                head = await store.head(cloud.bucket, entry.key)
                async with store.read(cloud.bucket, entry.key, pin=head.pin) as reader:
                    found[entry.key] = b"".join([chunk async for chunk in reader])
        return found
    finally:
        await store.close()
