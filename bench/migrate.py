"""Five-step moves between two buckets of a real S3 server, beside rclone doing the same.

    python -m bench.migrate [--objects 1000] [--size 65536] [--rounds 3] [--server seaweed|moto]

The peer is `rclone move --checksum` followed by `rclone check --download` against the originals,
which together prove what Astra's five steps prove. Rounds alternate; the ratios are of medians,
of CPU seconds (the client's and its children's) and of wall time. After every Astra round
`rclone check --download` judges the destination against the original files: a difference ends
the run with exit 1.
"""

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.servers import S3Server, moto_server, seaweed_s3

Figures = tuple[float, float]  # CPU seconds, wall seconds


def measured(command: Sequence[str], env: dict[str, str]) -> tuple[Figures, str]:
    """Run to the end; raises CalledProcessError with what it said if it failed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (cpu, wall), done.stdout


class Bench:
    """One server, one folder of originals, two clients."""

    def __init__(self, server: S3Server, folder: Path, objects: int, size: int, jobs: int) -> None:
        self.server = server
        self.folder = folder
        self.originals = folder / "originals"
        self.jobs = jobs
        self.count = objects
        rng = random.Random(7)
        for i in range(objects):
            path = self.originals / f"d{i % 17}" / f"file {i:05d}+é.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(rng.randbytes(size))
        self.env = os.environ | {
            "AWS_ACCESS_KEY_ID": server.access_key,
            "AWS_SECRET_ACCESS_KEY": server.secret_key,
            "RCLONE_CONFIG": str(folder / "none.conf"),
        }
        (folder / "none.conf").touch()
        found = shutil.which("rclone", path=str(Path(sys.executable).parent))
        self.rclone = found or "rclone"
        self.astra = str(Path(sys.executable).parent / "astra")

    def remote(self, bucket: str) -> str:
        return (
            f":s3,provider=Other,env_auth=true,region={self.server.region},"
            f"endpoint='{self.server.endpoint}':{bucket}"
        )

    def fill(self, bucket: str, other: str) -> None:
        for name in (bucket, other):
            measured([self.rclone, "mkdir", self.remote(name)], self.env)
        measured([self.rclone, "copy", str(self.originals), self.remote(bucket)], self.env)

    def check(self, bucket: str) -> Figures:
        command = [self.rclone, "check", "--download", f"--checkers={self.jobs}"]
        return measured([*command, str(self.originals), self.remote(bucket)], self.env)[0]

    def run_rclone(self, number: int) -> Figures:
        source, target = f"r{number}-from", f"r{number}-to"
        self.fill(source, target)
        command = [self.rclone, "move", "--checksum", f"--transfers={self.jobs}"]
        moved, _ = measured([*command, self.remote(source), self.remote(target)], self.env)
        checked = self.check(target)
        return moved[0] + checked[0], moved[1] + checked[1]

    def run_astra(self, number: int) -> Figures:
        source, target = f"a{number}-from", f"a{number}-to"
        self.fill(source, target)
        config = self.folder / "astra.toml"
        config.write_text(
            '[kafka]\nbootstrap = "off"\n'
            + "".join(
                f'[clouds.{name}]\nkind = "s3"\nprovider = "aws"\nbucket = "{bucket}"\n'
                f'region = "{self.server.region}"\nendpoint = "{self.server.endpoint}"\n'
                "path_style = true\n"
                for name, bucket in (("one", source), ("two", target))
            )
        )
        state = self.folder / f"state-{number}"
        figures, out = measured(
            [self.astra, "--config", str(config), "--state", str(state), "migrate",
             f"one:{source}/", f"two:{target}/", "--yes", "--json", "--jobs", str(self.jobs)],
            self.env,
        )  # fmt: skip
        summary = json.loads(out.splitlines()[-1])["summary"]
        if summary["successful"] != self.count:
            raise SystemExit(f"not all moved: {summary}")
        self.check(target)  # the independent judge; a difference ends the run
        return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--size", type=int, default=65_536)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--server", choices=("seaweed", "moto"), default="seaweed")
    chosen = parser.parse_args()
    serve = seaweed_s3 if chosen.server == "seaweed" else moto_server
    with tempfile.TemporaryDirectory() as folder, serve() as server:
        bench = Bench(server, Path(folder), chosen.objects, chosen.size, chosen.jobs)
        ours, theirs = [], []
        for number in range(chosen.rounds):
            ours.append(bench.run_astra(number))
            theirs.append(bench.run_rclone(number))
    print(
        f"{chosen.objects} objects of {chosen.size} bytes on {chosen.server}, {chosen.jobs} in "
        f"flight, {chosen.rounds} rounds; medians"
    )
    for index, name in enumerate(("CPU seconds", "wall seconds")):
        astra = statistics.median(figures[index] for figures in ours)
        rclone = statistics.median(figures[index] for figures in theirs)
        print(f"{name:12}  astra {astra:7.2f}  rclone {rclone:7.2f}  ratio {astra / rclone:.2f}")
    print(f"rclone check --download: {chosen.objects} matching in every round")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
