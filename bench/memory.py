"""Peak memory of `astra migrate` between two buckets of SeaweedFS.

    python -m bench.memory [--case one|eight|many|small ...] [--verify attested] [--limit 250]

`one` moves an object of 2 GiB, `eight` 8 of 200 MiB at once, `many` 64 of 20 MiB with 32 at once,
`small` 10,000 of 4 KiB.
The figure is the process' own peak of resident memory (`ru_maxrss`), everything included. Server
copies are off: the bytes pass through. The server is another process and is not counted. Exit
code 1 above the limit (MiB).
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from bench.compiled import compile_astra
from engine.model import ObjectMeta
from engine.stores import open_store
from engine.stores.base import ObjectStore
from tests.servers import S3Server, seaweed_s3

MIB = 1024**2
CASES = {  # objects, bytes of each, jobs at once
    "one": (1, 2048 * MIB, 8),
    "eight": (8, 200 * MIB, 8),
    "many": (64, 20 * MIB, 32),
    "small": (10_000, 4096, 8),
}
_BLOCK = random.Random(7).randbytes(MIB)
_RUN = """
import json, resource, sys
from astra_tui.cli import main
code = 0
try:
    code = main() or 0
except SystemExit as end:
    code = end.code or 0
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"peak": peak, "code": code}), file=sys.stderr)
"""


async def fill(server: S3Server, bucket: str, count: int, size: int) -> None:
    """Make the objects; no two blocks of one object are the same."""
    store = open_store(server.cloud())
    try:
        for name in (bucket, f"{bucket}-to"):
            await store.create_bucket(name)
        queue = asyncio.Semaphore(16 if size < MIB else 1)

        async def put(number: int) -> None:
            async with queue:
                await _put(store, bucket, f"{number:05d}", size)

        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(put(number))
    finally:
        await store.close()


async def _put(store: ObjectStore, bucket: str, key: str, size: int) -> None:
    async def body() -> AsyncIterator[bytes]:
        for start in range(0, size, MIB):
            block = start.to_bytes(8, "big") + _BLOCK[8:]
            yield block[: min(MIB, size - start)]

    await store.write(bucket, key, body(), size=size, meta=ObjectMeta())


def run(server: S3Server, folder: Path, bucket: str, jobs: int, verify: str) -> tuple[float, float]:
    """Move everything by the command itself; peak in MiB and seconds."""
    config = folder / "astra.toml"
    config.write_text(
        f'[clouds.s]\nkind = "s3"\nprovider = "aws"\nendpoint = "{server.endpoint}"\n'
        f'path_style = true\nregion = "{server.region}"\naccess_key = "{server.access_key}"\n'
        f'secret_key = "{server.secret_key}"\n[kafka]\nbootstrap = "off"\n'
    )
    words = ["migrate", f"s:{bucket}/", f"s:{bucket}-to/", "--yes", "--json", "--no-server-copy"]
    words += [f"--jobs={jobs}", f"--verify={verify}"]
    command = [sys.executable, "-c", _RUN, f"--config={config}", f"--state={folder / bucket}"]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, *words], env=dict(os.environ), capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    last = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "{}"
    told = json.loads(last) if last.startswith('{"peak"') else {}
    if done.returncode or told.get("code", 1):
        raise SystemExit(f"astra ended with {told.get('code')}:\n{done.stderr[-2000:]}")
    return told["peak"] / 1024, seconds


def main() -> int:
    compile_astra()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--case", action="append", choices=list(CASES))
    parser.add_argument("--verify", default="reread", choices=("reread", "attested"))
    parser.add_argument("--limit", type=int, default=250)
    chosen = parser.parse_args()
    worst = 0.0
    with tempfile.TemporaryDirectory(prefix="astra-memory-") as name, seaweed_s3() as server:
        for case in chosen.case or CASES:
            count, size, jobs = CASES[case]
            asyncio.run(fill(server, f"memory-{case}", count, size))
            peak, seconds = run(server, Path(name), f"memory-{case}", jobs, chosen.verify)
            worst = max(worst, peak)
            print(
                f"{case:>6}: {count:,} × {size / MIB:,.3f} MiB, {jobs} jobs, {chosen.verify}: "
                f"peak {peak:,.0f} MiB, {seconds:,.1f} s",
                flush=True,
            )
    print(f"limit {chosen.limit} MiB: {'kept' if worst < chosen.limit else 'EXCEEDED'}")
    return 0 if worst < chosen.limit else 1


if __name__ == "__main__":
    sys.exit(main())
