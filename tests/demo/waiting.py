"""Waiting for a condition with a deadline, and looking at processes."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path


async def until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Return as soon as `condition` holds; fail with `what` if it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds:.0f} s in vain: {what}"
        await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether that process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
