"""Five-step moves by `astra migrate`, beside rclone doing the same, as a Markdown table.

    python -m bench.migrate [--objects 2000x4KiB 200x1MiB 4x256MiB] [--servers rclone seaweed]
                            [--jobs 8 32] [--with "--checksum crc32c" "--verify attested"]
                            [--rounds 5] [--listing 100000] [--lag 32]

The peer is `rclone move --checksum` followed by `rclone check --download` against the originals,
which together prove what Astra's five steps prove. `rclone` stands for two `rclone serve s3`,
`seaweed` for one SeaweedFS. Rounds alternate; figures are medians; CPU seconds are those of the
client's processes, start-up and all. Bytes go through this machine: neither client lets the server
copy (`--no-server-copy`, `--disable copy,move`), which on one SeaweedFS both would. After
every Astra round `rclone check --download` judges the destination against the original files: a
difference ends the run with exit 1.

`--listing N` compares `astra ls` with `rclone lsf -R` on N objects; `--lag JOBS` tells how late
the event loop runs its timers while so many transfers of 1 MiB run.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.compiled import compile_astra
from tests.servers import S3Server, rclone_s3, seaweed_s3

_UNITS = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "B": 1}


@dataclass(frozen=True, slots=True)
class Figures:
    """What one client needed: CPU and wall in seconds, its peak memory in MiB."""

    cpu: float
    wall: float
    rss: float

    def then(self, other: "Figures") -> "Figures":
        """Both, one after the other."""
        return Figures(self.cpu + other.cpu, self.wall + other.wall, max(self.rss, other.rss))


def median(rounds: Sequence[Figures]) -> Figures:
    return Figures(
        statistics.median(item.cpu for item in rounds),
        statistics.median(item.wall for item in rounds),
        max(item.rss for item in rounds),
    )


def measured(command: Sequence[str], env: dict[str, str]) -> tuple[Figures, str]:
    """Run to the end; the run of the bench ends with what it said if it failed."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            said = err.read().decode(errors="replace")[-2000:]
            raise SystemExit(f"{command[0]} ended with {process.returncode}:\n{said}")
        figures = Figures(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)
        return figures, out.read().decode(errors="replace")


@contextlib.contextmanager
def serving(name: str, folder: Path) -> Iterator[tuple[S3Server, S3Server]]:
    """The source's server and the destination's."""
    with contextlib.ExitStack() as stack:
        if name == "seaweed":
            server = stack.enter_context(seaweed_s3())
            yield server, server
            return
        for side in ("from", "to"):
            (folder / side).mkdir(exist_ok=True)
        yield (
            stack.enter_context(rclone_s3(folder / "from")),
            stack.enter_context(rclone_s3(folder / "to")),
        )


class Bench:
    """Two ends, one folder of originals, two clients."""

    def __init__(self, ends: tuple[S3Server, S3Server], folder: Path, jobs: int) -> None:
        self.ends = ends
        self.folder = folder
        self.jobs = jobs
        self.originals = folder / "originals"
        self.count = 0
        self.number = 0
        self.env = os.environ | {
            "AWS_ACCESS_KEY_ID": ends[0].access_key,
            "AWS_SECRET_ACCESS_KEY": ends[0].secret_key,
            "RCLONE_CONFIG": str(folder / "none.conf"),
        }
        (folder / "none.conf").touch()
        found = shutil.which("rclone", path=str(Path(sys.executable).parent))
        self.rclone = found or "rclone"
        self.astra = [sys.executable, "-m", "astra_tui"]

    def make(self, count: int, size: int) -> None:
        """New originals."""
        shutil.rmtree(self.originals, ignore_errors=True)
        self.count = count
        rng = random.Random(7)
        for i in range(count):
            path = self.originals / f"d{i % 17}" / f"file {i:05d}+é.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for start in range(0, size, 1024**2):
                    file.write(rng.randbytes(min(size - start, 1024**2)))

    def remote(self, end: int, bucket: str) -> str:
        server = self.ends[end]
        return (
            f":s3,provider=Other,env_auth=true,region={server.region},"
            f"endpoint='{server.endpoint}':{bucket}"
        )

    def run(self, *command: str) -> Figures:
        return measured([self.rclone, *command], self.env)[0]

    @contextlib.contextmanager
    def filled(self) -> Iterator[tuple[str, str]]:
        """A bucket with the originals and an empty one, removed afterwards."""
        self.number += 1
        source, target = f"n{self.number}-from", f"n{self.number}-to"
        self.run("mkdir", self.remote(0, source))
        self.run("mkdir", self.remote(1, target))
        self.run("copy", "--transfers=8", str(self.originals), self.remote(0, source))
        yield source, target
        for end, bucket in ((1, target), (0, source)):
            with contextlib.suppress(SystemExit):  # servers of files are at odds with their buckets
                self.run("purge", self.remote(end, bucket))

    def check(self, bucket: str) -> Figures:
        return self.run(
            "check", "--download", f"--checkers={self.jobs}", str(self.originals),
            self.remote(1, bucket),
        )  # fmt: skip

    def by_rclone(self) -> tuple[Figures, Figures]:
        """The move alone, and the move with the check."""
        with self.filled() as (source, target):
            moved = self.run(
                "move", "--checksum", "--disable=copy,move", f"--transfers={self.jobs}",
                self.remote(0, source), self.remote(1, target),
            )  # fmt: skip
            return moved, moved.then(self.check(target))

    def config(self, source: str, target: str) -> Path:
        path = self.folder / "astra.toml"
        path.write_text(
            '[kafka]\nbootstrap = "off"\n'
            + "".join(
                f'[clouds.{name}]\nkind = "s3"\nprovider = "aws"\nbucket = "{bucket}"\n'
                f'region = "{end.region}"\nendpoint = "{end.endpoint}"\npath_style = true\n'
                for name, bucket, end in (
                    ("one", source, self.ends[0]),
                    ("two", target, self.ends[1]),
                )
            )
        )
        return path

    def by_astra(self, more: Sequence[str]) -> Figures:
        with self.filled() as (source, target):
            state = self.folder / "state"
            shutil.rmtree(state, ignore_errors=True)
            command = [
                *self.astra, "--config", str(self.config(source, target)), "--state", str(state),
                "migrate", f"one:{source}/", f"two:{target}/", "--yes", "--json",
                "--jobs", str(self.jobs), *more,
            ]  # fmt: skip
            figures, out = measured(command, self.env)
            summary = json.loads(out.splitlines()[-1])["summary"]
            if summary["successful"] != self.count:
                raise SystemExit(f"not all moved: {summary}")
            self.check(target)  # the independent judge; a difference ends the run
            return figures


def moves(chosen: argparse.Namespace) -> None:
    """The table of moves."""
    print(
        "| server | objects | in flight | options | CPU-s astra | rclone | ratio | wall s astra"
        " | rclone | ratio | move alone | MiB astra | rclone |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
    )
    for name in chosen.servers:
        with tempfile.TemporaryDirectory() as text, serving(name, Path(text)) as ends:
            bench = Bench(ends, Path(text), 8)
            for objects in chosen.objects:
                bench.make(*_objects(objects))
                for jobs in chosen.jobs:
                    bench.jobs = jobs
                    _rows(bench, f"{name} | {objects} | {jobs}", chosen)


def _rows(bench: Bench, label: str, chosen: argparse.Namespace) -> None:
    options = ["", *chosen.more]
    ours: dict[str, list[Figures]] = {text: [] for text in options}
    alone, theirs = [], []
    for _ in range(chosen.rounds):
        for text in options:
            ours[text].append(bench.by_astra([*shlex.split(text), "--no-server-copy"]))
        moved, both = bench.by_rclone()
        alone.append(moved)
        theirs.append(both)
    peer, move = median(theirs), median(alone)
    for text in options:
        own = median(ours[text])
        print(
            f"| {label} | {f'`{text}`' if text else ''} | {own.cpu:.2f} | {peer.cpu:.2f}"
            f" | {own.cpu / peer.cpu:.2f} | {own.wall:.1f} | {peer.wall:.1f}"
            f" | {own.wall / peer.wall:.2f} | {move.wall:.1f} | {own.rss:.0f} | {peer.rss:.0f} |",
            flush=True,
        )


def listing(count: int, rounds: int) -> None:
    """`astra ls` beside `rclone lsf -R`, both with all names as data."""
    with tempfile.TemporaryDirectory() as text, serving("rclone", Path(text)) as ends:
        bench = Bench(ends, Path(text), 8)
        for i in range(count):
            path = Path(text) / "from" / "many" / f"d{i % 100:02d}" / f"file-{i:06d}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        config = bench.config("many", "none")
        ours, theirs = [], []
        for _ in range(rounds):
            figures, out = measured(
                [*bench.astra, "--config", str(config), "--state", f"{text}/state", "ls",
                 "one:many/", "--json", "--limit", str(count)],
                bench.env,
            )  # fmt: skip
            if out.count("file-") < count:
                raise SystemExit(f"only {out.count('file-')} listed")
            ours.append(figures)
            theirs.append(bench.run("lsf", "-R", "--files-only", bench.remote(0, "many")))
    own, peer = median(ours), median(theirs)
    print(
        f"listing {count:,}: CPU {own.cpu:.2f} s, rclone {peer.cpu:.2f} s"
        f" ({own.cpu / peer.cpu:.2f});"
        f" wall {own.wall:.1f} s, {peer.wall:.1f} s ({own.wall / peer.wall:.2f})"
    )


def lag(jobs: int) -> None:
    """How late a timer of 10 ms is while transfers run; the console lives on this loop."""
    from astra_tui.cli.running import loop_factory

    with tempfile.TemporaryDirectory() as text, serving("rclone", Path(text)) as ends:
        bench = Bench(ends, Path(text), 8)
        bench.make(400, 1024**2)
        with bench.filled() as (source, target), asyncio.Runner(loop_factory=loop_factory()) as r:
            late = sorted(r.run(_lateness(bench, source, target, jobs, Path(text) / "lag")))
    p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
    print(
        f"loop lag, {jobs} transfers of 1 MiB: p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms,"
        f" worst {late[-1] * 1e3:.1f} ms of {len(late)} ticks"
    )


async def _lateness(
    bench: Bench, source: str, target: str, jobs: int, state: Path
) -> Sequence[float]:
    from engine.engine import Engine
    from engine.model import Address, MoveOptions
    from engine.settings import EngineSettings, KafkaSettings

    settings = EngineSettings(
        state_dir=state,
        clouds=(bench.ends[0].cloud("one"), bench.ends[1].cloud("two")),
        kafka=KafkaSettings(bootstrap="off"),
        jobs=jobs,
    )
    late: list[float] = []
    async with Engine(settings) as engine:
        plan = await engine.plan_migration(
            [Address("one", source)],
            Address("two", target),
            options=MoveOptions(server_copy=False),
        )
        jobset = await engine.submit(plan)
        moving = asyncio.ensure_future(engine.wait(jobset))
        while not moving.done():
            due = time.perf_counter() + 0.010
            await asyncio.sleep(0.010)
            late.append(max(time.perf_counter() - due, 0.0))
            if not len(late) % 25:
                engine.snapshot()
        await moving
    return late


def _objects(text: str) -> tuple[int, int]:
    count, _, size = text.partition("x")
    unit = next(name for name in _UNITS if size.endswith(name))
    return int(count), int(size.removesuffix(unit)) * _UNITS[unit]


def main() -> int:
    compile_astra()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    sizes = ["2000x4KiB", "200x1MiB", "4x256MiB"]
    parser.add_argument("--objects", nargs="*", default=sizes, metavar="COUNTxSIZE")
    parser.add_argument("--servers", nargs="*", default=["rclone", "seaweed"])
    parser.add_argument("--jobs", nargs="*", type=int, default=[8, 32])
    parser.add_argument("--with", dest="more", nargs="*", metavar="OPTIONS",
                        default=["--checksum crc32c", "--verify attested"])  # fmt: skip
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--listing", type=int, default=0, metavar="N")
    parser.add_argument("--lag", type=int, default=0, metavar="JOBS")
    chosen = parser.parse_args()
    todo: list[Callable[[], None]] = []
    if chosen.listing:
        todo.append(lambda: listing(chosen.listing, chosen.rounds))
    if chosen.lag:
        todo.append(lambda: lag(chosen.lag))
    for work in todo or [lambda: moves(chosen)]:
        work()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
