"""Memory that was freed is used again without faults."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
from engine.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory() and keep_freed_memory()
chunk = bytearray(2**20)
def turn():
    held = []
    for _ in range(200):
        held.append(bytes(chunk))
        del held[:-8]
turn()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
turn()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True, timeout=60
    )
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
def test_chunks_come_out_of_memory_that_was_used_before() -> None:
    assert faults("keep") * 10 < faults("default")
