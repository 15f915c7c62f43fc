"""Write constraints.txt: the exact version of everything that Astra and its tests need.

Run by `python3 tools/dev.py lock` inside `.venv`. Takes the versions that are installed there,
limited to what pyproject.toml leads to, whatever else the environment holds.
"""

import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TARGET = Path(__file__).resolve().parent.parent / "constraints.txt"
HEADER = "# The versions Astra is tested with. Written by `python3 tools/dev.py lock`.\n"


def closure(root: str, extras: tuple[str, ...]) -> dict[str, str]:
    """Name and version of all that `root` with `extras` needs, without itself."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    todo = [(root, extra) for extra in ("", *extras)]
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
                child = canonicalize_name(needs.name)
                todo += [(child, wanted) for wanted in ("", *needs.extras)]
    found.pop(root)
    return found


def main() -> int:
    pins = closure("astra-tui", ("dev",))
    lines = [f"{name}=={version}\n" for name, version in sorted(pins.items())]
    TARGET.write_text(HEADER + "".join(lines), encoding="utf-8")
    print(f"{TARGET.name}: {len(lines)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
