"""A real terminal for a program: tmux, with a server of its own."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.demo.waiting import alive

PATIENCE = 60.0  # seconds; a loaded machine needs a few


class Terminal:
    """Runs one shell command in a terminal of `columns` × `rows` while it is open.

    tmux gets a socket and a folder of its own, so nothing is shared with other terminals.
    """

    def __init__(
        self, command: str, columns: int, rows: int, env: Mapping[str, str], cwd: Path
    ) -> None:
        self._command = command
        self._size = (columns, rows)
        self._env = {**os.environ, "LANG": "C.UTF-8", "COLORTERM": "truecolor", **env}
        self._env.pop("TMUX", None)
        self._cwd = cwd
        self._folder = Path()
        self.pid = 0  # of the shell in the terminal

    async def __aenter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="astra-tmux-"))
        columns, rows = self._size
        await self._tmux(
            *("new-session", "-d", "-s", "astra", "-x", str(columns), "-y", str(rows)),
            *("-c", str(self._cwd), self._command),
        )
        self.pid = int(await self._tmux("display-message", "-p", "#{pane_pid}"))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.hang_up()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def keys(self, *names: str) -> None:
        """Press keys, by tmux's names; single characters are themselves."""
        await self._tmux("send-keys", "-t", "astra", *names)

    async def press(self, name: str, *texts: str) -> str:
        """Press a key and wait until all these texts show.

        A key that came while the screen changed may have been for the one before: it is
        pressed again, as a person would, when nothing happens.
        """
        for _ in range(3):
            await self.keys(name)
            end = time.monotonic() + PATIENCE / 6
            while time.monotonic() < end:
                screen = await self.screen()
                if all(text in screen for text in texts):
                    return screen
                await asyncio.sleep(0.05)
        return await self.shows(*texts)

    async def screen(self) -> str:
        """The text on the screen."""
        return await self._tmux("capture-pane", "-p", "-t", "astra")

    async def resize(self, columns: int, rows: int) -> None:
        await self._tmux("resize-window", "-t", "astra", "-x", str(columns), "-y", str(rows))

    async def until(self, condition: Callable[[str], bool], what: str) -> str:
        """Wait for a screen; returns it, or fails with the last one."""
        end = time.monotonic() + PATIENCE
        while True:
            screen = await self.screen()
            if condition(screen):
                return screen
            assert time.monotonic() < end, f"waited in vain: {what}\n{screen}"
            await asyncio.sleep(0.05)

    async def shows(self, *texts: str) -> str:
        """Wait until all of these are on the screen."""
        return await self.until(lambda screen: all(text in screen for text in texts), str(texts))

    async def hang_up(self) -> None:
        """Close the terminal as a dropped line does: whatever runs in it gets SIGHUP."""
        await self._tmux("kill-server", check=False)

    async def _tmux(self, *arguments: str, check: bool = True) -> str:
        process = await asyncio.create_subprocess_exec(
            *("tmux", "-u", "-f", "/dev/null", "-S", str(self._folder / "socket"), *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._env,
        )
        out, err = await process.communicate()
        assert process.returncode == 0 or not check, err.decode()
        return out.decode().rstrip("\n")


def descendants(pid: int) -> set[int]:
    """The running processes below `pid`."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has ended meanwhile
            parents[int(entry.name)] = int(fields[1])
    found: set[int] = set()
    fresh = {pid}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return {child for child in found if alive(child)}
