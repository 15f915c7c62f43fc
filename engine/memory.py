"""How freed memory is kept for the next use, and when nothing is searched for garbage."""

import ctypes
import functools
import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_KEPT = 32 * 1024**2  # bytes of free memory that stay with the process
_MAPPED = 4 * 1024**2  # from here on a block is given back as soon as it is freed


@functools.cache
def keep_freed_memory() -> bool:
    """Let chunks of a MiB come out of memory that was used before; once for the process.

    By default glibc gives each back to the system, and every new one costs 256 page faults: more
    than copying it. False where the C library cannot be told.
    """
    if not sys.platform.startswith("linux"):
        return False
    tell = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    return tell is not None and bool(
        tell(_MMAP_THRESHOLD, _MAPPED) and tell(_TRIM_THRESHOLD, _KEPT)
    )


_paused = 0
_lock = threading.Lock()


@contextmanager
def without_collecting() -> Iterator[None]:
    """While a hundred thousand values are made that all stay, no search for garbage among them:
    it would take a fifth of the time and find nothing. Threads may overlap."""
    global _paused
    with _lock:
        _paused += 1
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            _paused -= 1
            if not _paused:
                gc.enable()
