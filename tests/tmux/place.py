"""Two disks with objects on one of them, and an engine that may run there."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.tmux.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]


class Place:
    """Two disks, a config, a state directory, and the engine that may run there.

    `limit` is what is moved in a second at most, `jobs` how many objects at once.
    """

    def __init__(
        self, folder: Path, *, objects: int = 60, limit: str = "1MiB", jobs: int = 8
    ) -> None:
        self.folder = folder
        self.objects = objects
        self.one, self.two = folder / "one" / "b", folder / "two" / "b"
        for bucket in (self.one, self.two):
            bucket.mkdir(parents=True)
        for number in range(objects):
            (self.one / f"k{number:03}").write_bytes(os.urandom(150_000))
        self.before = digests(self.one)
        (folder / "astra.toml").write_text(
            f'[kafka]\nbootstrap = "off"\n'
            f'[engine]\nbwlimit = "{limit}"\njobs = {jobs}\nidle_stop = "10m"\n'
            f'[clouds.one]\nkind = "local"\nroot = "{folder}/one"\nbucket = "b"\n'
            f'[clouds.two]\nkind = "local"\nroot = "{folder}/two"\nbucket = "b"\n'
        )
        self.environ = {"PYTHONPATH": str(ROOT), "ASTRA_STATE": str(folder / "state")}

    def console(self, size: tuple[int, int] = (120, 40)) -> Terminal:
        command = f"{sys.executable} -m astra_tui; echo left with $?; exec cat"
        return Terminal(command, *size, env=self.environ, cwd=self.folder)

    def status(self) -> dict[str, object]:
        """What `astra engine status` says."""
        done = subprocess.run(
            [sys.executable, "-m", "astra_tui", "engine", "status", "--json"],
            capture_output=True,
            check=False,
            cwd=self.folder,
            env={**os.environ, **self.environ},
            timeout=60,
        )
        found: dict[str, object] = json.loads(done.stdout)
        return found

    @property
    def pid(self) -> int:
        """The engine's process."""
        found = self.status()["pid"]
        assert isinstance(found, int)
        return found

    @property
    def jobs(self) -> dict[str, int]:
        """How many jobs are in each state."""
        found = self.status()["jobs"]
        assert isinstance(found, dict)
        return found

    @property
    def moved(self) -> int:
        return len(digests(self.two))


def digests(folder: Path) -> dict[str, str]:
    """The objects of a bucket with the MD5 of what they hold."""
    return {
        path.name: hashlib.md5(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if not path.name.startswith(".")
    }
