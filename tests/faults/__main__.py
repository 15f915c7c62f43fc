"""`python -m tests.faults [SCENE ...]`: everything at every request, and a table of it.

Exits 1 if anything was lost or did not hold; says what.
"""

import argparse
import asyncio
import sys
import time

from tests.faults.play import Arena, arena
from tests.faults.scenes import SCENES, Scene
from tests.faults.tally import TALLY
from tests.faults.troubles import ALL, Trouble

_GROUPS = ("kill", "race", "lie")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _play(stage: Arena, scene: Scene, trouble: Trouble, wrong: list[str]) -> int:
    number = 0
    while True:
        number += 1
        try:
            if not (await stage.play(scene, (trouble, number))).fired:
                return number - 1
        except AssertionError as error:
            wrong.append(str(error))
            _say(f"WRONG: {error}")
            if number > 200:
                return number


async def _main(names: list[str]) -> int:
    wrong: list[str] = []
    _say(f"{'scene':20} {'requests':>8} " + "".join(f"{name + 's':>8}" for name in _GROUPS))
    began = time.monotonic()
    async with arena() as stage:
        for name in names:
            requests = (await stage.play(SCENES[name])).requests
            counts = dict.fromkeys(_GROUPS, 0)
            for trouble in ALL.values():
                counts[trouble.group] += await _play(stage, SCENES[name], trouble, wrong)
            row = "".join(f"{counts[group]:8,}" for group in _GROUPS)
            _say(f"{name:20} {requests:8} {row}")
    _say("\n".join(TALLY.lines()))
    _say(f"{time.monotonic() - began:,.0f} s")
    _say(f"did not hold: {len(wrong)}")
    return 1 if wrong else 0


def main() -> int:
    """Play it."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("scene", nargs="*", help=f"of {', '.join(SCENES)}; all if none is named")
    names = parser.parse_args().scene or list(SCENES)
    unknown = [name for name in names if name not in SCENES]
    if unknown:
        parser.error(f"there is no scene {unknown[0]!r}")
    return asyncio.run(_main(names))


if __name__ == "__main__":
    raise SystemExit(main())
