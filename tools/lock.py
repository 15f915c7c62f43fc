"""Write constraints.txt: the exact version of everything that Astra and its tests need.

Run by `python3 tools/dev.py lock` inside `.venv`. Takes the versions that are installed there,
limited to what pyproject.toml leads to, whatever else the environment holds.
"""

import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "pyproject.toml"
TARGET = ROOT / "constraints.txt"
HEADER = "# The versions Astra is tested with. Written by `python3 tools/dev.py lock`.\n"


def wanted() -> list[Requirement]:
    """What pyproject.toml asks for, tests included."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    return [Requirement(line) for line in [*project["dependencies"], *chain(*extras)]]


def closure(roots: list[Requirement]) -> dict[str, str]:
    """Name and version of these and of all that they need."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    todo = [place for root in roots for place in places(root)]
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            package = distribution(name)
        except PackageNotFoundError:
            print(f"{name} is not installed; it stays unpinned", file=sys.stderr)
            continue
        found[name] = package.version
        for line in package.requires or ():
            needs = Requirement(line)
            if needs.marker is None or needs.marker.evaluate({"extra": extra}):
                todo += places(needs)
    return found


def places(needs: Requirement) -> list[tuple[str, str]]:
    """The package by its canonical name, once without and once for each of its extras."""
    name = canonicalize_name(needs.name)
    return [(name, extra) for extra in ("", *needs.extras)]


def main() -> int:
    pins = closure(wanted())
    lines = [f"{name}=={version}\n" for name, version in sorted(pins.items())]
    TARGET.write_text(HEADER + "".join(lines), encoding="utf-8")
    print(f"{TARGET.name}: {len(lines)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
