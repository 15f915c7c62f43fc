"""The console's goals, measured: one table.

    python -m bench.console [--quick] [--objects 1000000] [--only start,line,scale]

Each row has the goal, what was measured, and what a peer needs for the same: Textual's stock
driver, a bare Textual app, or `mc` where it is installed. Every part can be run alone and then
tells more: `bench.starting`, `bench.line`, `bench.scale`. On a machine that does other work times
are too long; the last lines say how busy it was, and rows of processor time (CPU) do not mind.
"""

import argparse
import os
import platform
import shutil
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import line, scale, starting
from bench.compiled import compile_astra
from bench.watched import at

PARTS = ("start", "line", "scale")


@dataclass(frozen=True)
class Row:
    """One metric. `kept` is None where there is no goal."""

    metric: str
    goal: str
    measured: str
    peer: str = ""
    kept: bool | None = None


def below(metric: str, limit: float, value: float, unit: str, peer: str = "") -> Row:
    """A metric that is to stay below a limit."""
    return Row(metric, f"< {limit:,.0f} {unit}", f"{value:,.1f} {unit}", peer, value < limit)


def start_rows(rounds: int) -> Iterator[Row]:
    """Seconds to the first frame and to be of use."""
    found = starting.measure(rounds)
    bare, mc = found["bare Textual"], found.get("mc")
    for name in ("astra, no engine", "astra, engine runs"):
        times = found[name]
        for title, ours, ours_cpu, peer_cpu in (
            ("first frame", times.first, times.first_cpu, bare.first_cpu),
            ("of use", times.usable, times.usable_cpu, bare.usable_cpu),
        ):
            wall, cpu = statistics.median(ours), statistics.median(ours_cpu)
            base = statistics.median(peer_cpu)
            words = f"bare Textual: CPU {base:.2f} s ({cpu / base:.1f} ×)"
            if mc is not None:
                words += f"; mc {statistics.median(mc.first):.2f} s"
            yield Row(f"start, {name}: {title}", "", f"{wall:.2f} s (CPU {cpu:.2f} s)", words)


def line_rows(quick: bool) -> Iterator[Row]:
    """What goes to the terminal, and how soon a key shows on a thin line."""
    keys, seconds = (12, 5.0) if quick else (40, 15.0)
    ours = line.measure("ours", keys=keys, seconds=seconds)
    stock = line.measure("stock", keys=keys, seconds=seconds)
    has_mc = shutil.which("mc") is not None
    mc = line.measure_other("mc -d /usr/bin /etc") if has_mc else None
    for key in ("down", "page", "end"):
        other = stock.key_bytes[key]
        peer = f"stock {other:,.0f} ({ours.key_bytes[key] / other:.2f} ×)"
        if mc is not None:
            peer += f"; mc {mc.key_bytes[key]:,.0f}"
        yield Row(f"bytes for {key}", "", f"{ours.key_bytes[key]:,.0f}", peer)
    yield Row("bytes in 10 s with nothing to do", "0", f"{ours.idle_bytes:,}",
              f"stock {stock.idle_bytes:,}", ours.idle_bytes == 0)  # fmt: skip
    for jobs, rate in ours.busy_rate.items():
        other = stock.busy_rate[jobs]
        yield below(f"10,000 events/s, {jobs} jobs run", 20, rate / 1024, "KiB/s",
                    f"stock {other / 1024:.1f} ({rate / other:.2f} ×)")  # fmt: skip
    for jobs, lags in ours.lags.items():
        other = at(stock.lags[jobs], 0.99) * 1000
        yield below(f"loop lag p99, 10,000 events/s, {jobs} jobs run", 50, at(lags, 0.99) * 1000,
                    "ms", f"stock {other:.1f} ms")  # fmt: skip
    for jobs, title in ((0, "nothing else to do"), (20, "10,000 events/s, 20 jobs")):
        mine, other_keys = ours.keys[jobs], stock.keys[jobs]
        middle = statistics.median(mine) * 1000
        peer = f"stock {statistics.median(other_keys) * 1000:,.0f} ms"
        if mc is not None and not jobs:
            peer += f"; mc {statistics.median(mc.keys[0]) * 1000:.0f} ms"
        yield below(f"key to screen at 32 KiB/s, {title}: median", 150, middle, "ms", peer)
        peer = f"stock {max(other_keys) * 1000:,.0f} ms"
        if ours.starved[jobs] > 0.05:
            peer += f"; ours had no processor for {ours.starved[jobs] * 1000:.0f} ms of it"
        yield below(f"key to screen at 32 KiB/s, {title}: worst", 400, max(mine) * 1000, "ms", peer)


def scale_rows(objects: int, clouds: int, rounds: int) -> Iterator[Row]:
    """Clouds of a million objects: keys, orders, filters, memory."""
    found = scale.measure(objects, clouds, rounds)
    where = f"{clouds} × {objects:,} objects"
    for name, values in found["keys"].items():
        cpu = statistics.median(found["cpu"][name]) * 1000
        yield below(f"{where}: {name}, median", 100, statistics.median(values) * 1000, "ms",
                    f"CPU {cpu:.0f} ms in both processes")  # fmt: skip
    for phase, values in found["lags"].items():
        if phase != "starting":
            yield below(f"{where}: loop lag of the console p99, {phase}", 50,
                        at(values, 0.99) * 1000, "ms")  # fmt: skip
    facts = found["facts"]
    yield below(f"{where}: memory of the console", 150, facts["console"], "MiB",
                f"peak {facts['console_peak']:.0f}")  # fmt: skip
    yield below(f"{where}: memory of the engine", 800, facts["engine"], "MiB",
                f"peak {facts['engine_peak']:.0f}")  # fmt: skip
    yield Row(f"{where}: all listed after", "", f"{facts['listed']:.0f} s")


def machine() -> str:
    """What these figures were taken on."""
    model = next(
        (
            text.partition(":")[2].strip()
            for text in _lines("/proc/cpuinfo")
            if "model name" in text
        ),
        platform.machine(),
    )
    memory = next((text.split()[1] for text in _lines("/proc/meminfo") if "MemTotal" in text), "0")
    return (
        f"{os.cpu_count()} × {model}, {int(memory) / 2**20:.0f} GiB, {platform.system()}"
        f" {platform.release().partition('-')[0]}, Python {platform.python_version()}"
    )


def _lines(path: str) -> list[str]:
    found = Path(path)
    return found.read_text().splitlines() if found.exists() else []


def tell(rows: Sequence[Row]) -> None:
    """The table, in Markdown."""
    print("| metric | goal | measured | | peer |\n|---|---|---|---|---|")
    for row in rows:
        kept = "" if row.kept is None else "kept" if row.kept else "MISSED"
        print(f"| {row.metric} | {row.goal} | {row.measured} | {kept} | {row.peer} |")


def main() -> None:
    compile_astra()
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, 100,000 objects")
    parser.add_argument("--objects", type=int, default=1_000_000)
    parser.add_argument("--clouds", type=int, default=3)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between")
    chosen = parser.parse_args()
    quick, parts = chosen.quick, chosen.only.split(",")
    before = os.getloadavg()[0]
    rows: list[Row] = []
    if "start" in parts:
        rows += start_rows(2 if quick else 5)
    if "line" in parts:
        rows += line_rows(quick)
    if "scale" in parts:
        objects = min(chosen.objects, 100_000) if quick else chosen.objects
        rows += scale_rows(objects, chosen.clouds, 3 if quick else scale.ROUNDS)
    tell(rows)
    print(f"\n{machine()}; load {before:.1f} before, {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main()
