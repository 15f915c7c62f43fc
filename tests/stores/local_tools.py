"""What the tests of folders share."""

import subprocess
import sys
import textwrap
from pathlib import Path

from engine.model import ObjectMeta, Provider, StoreKind, VersionPin
from engine.settings import CloudSettings
from engine.stores.local import LocalStore
from tests.conformance.conftest import pieces


def cloud(root: Path | None) -> CloudSettings:
    return CloudSettings("disk", StoreKind.LOCAL, Provider.ONPREM, root=root)


async def put(store: LocalStore, key: str, data: bytes = b"bytes", **more: object) -> VersionPin:
    fields = {"meta": ObjectMeta()} | more
    written = await store.write("b", key, pieces(data), size=len(data), **fields)  # type: ignore[arg-type]
    return written.pin


async def get(store: LocalStore, key: str, pin: VersionPin | None = None) -> bytes:
    pin = pin or (await store.head("b", key)).pin
    async with store.read("b", key, pin=pin) as reader:
        return b"".join([chunk async for chunk in reader])


async def keys(store: LocalStore, prefix: str = "") -> list[str]:
    pages = [page async for page in store.list_pages("b", prefix)]
    return [entry.key for page in pages for entry in page.entries]


def everything(root: Path) -> set[str]:
    """All files and folders below the root, the hidden ones too."""
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def run(script: str, *args: object) -> str:
    """Run a program of its own, which may break itself; gives what it printed."""
    program = "import asyncio, os, resource, sys\nfrom pathlib import Path\n" + HELPERS
    program += textwrap.dedent(script)
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


HELPERS = """
from engine.model import ObjectMeta, Provider, StoreKind
from engine.settings import CloudSettings
from engine.stores.local import LocalStore
from engine.errors import StoreError

def store_at(root):
    return LocalStore(CloudSettings("disk", StoreKind.LOCAL, Provider.ONPREM, root=Path(root)))

async def body(size):
    for _ in range(size // 65536):
        yield b"x" * 65536

"""
