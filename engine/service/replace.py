"""Ending an engine that cannot be spoken to: one of another version, or for other clouds."""

import asyncio
import os
import signal
import socket
import struct
from pathlib import Path

from engine.errors import StateError
from engine.service.link import gone

_SECONDS = 120.0
_LOOK = 0.05
_TODO = "End the process yourself (`ps`, then `kill PID`) and start Astra again."


async def end_engine(path: Path, *, seconds: float = _SECONDS) -> int:
    """Let the engine behind that socket end as a service manager would, and wait until it is gone.

    Running requests end or roll back, unfinished jobs wait in its ledger. Returns the process.
    Raises EngineGone if nobody is there, StateError if it is another user's or does not end.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(str(path))
    except OSError as error:
        raise gone() from error
    try:
        # From the system, not from what the other end says of itself.
        pid = _peer(writer.get_extra_info("socket"))
        os.kill(pid, signal.SIGTERM)
        async with asyncio.timeout(seconds):
            while await reader.read(65536):
                pass
            while True:
                if not await asyncio.to_thread(path.exists) or not _alive(pid):
                    break
                await asyncio.sleep(_LOOK)
    except ProcessLookupError:
        return pid
    except TimeoutError:
        raise StateError(
            f"The engine (process {pid}) did not end within {seconds:.0f} seconds.",
            safe="It goes on; nothing was lost.",
            todo=_TODO,
        ) from None
    except OSError as error:
        raise StateError(
            f"The engine could not be ended: {error.strerror}.", safe="It goes on.", todo=_TODO
        ) from error
    finally:
        writer.close()
    return pid


def _peer(connected: socket.socket) -> int:
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        raise StateError("This system does not tell who serves.", safe="It goes on.", todo=_TODO)
    pid, user, _ = struct.unpack("3i", connected.getsockopt(socket.SOL_SOCKET, option, 12))
    if user != os.getuid() or pid <= 1 or pid == os.getpid():
        raise StateError("The engine is not ours to end.", safe="It goes on.", todo=_TODO)
    return int(pid)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
