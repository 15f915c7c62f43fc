"""The conformance matrix: every store and server, what passed and what was skipped, and why.

    python -m tests.conformance [pytest options]

Runs the suite and prints a Markdown table; exits as pytest does.
"""

import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

_SERVER = re.compile(r"\[([a-z0-9]+)[-\]]")


class Matrix:
    """A pytest plugin that counts outcomes by server."""

    def __init__(self) -> None:
        self.counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.reasons: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test once: its call, or the set-up that skipped or failed it."""
        if report.when != "call" and report.passed:
            return
        found = _SERVER.search(report.nodeid)
        server = found[1] if found else "none"
        self.counts[server][report.outcome] += 1
        if report.skipped and isinstance(report.longrepr, tuple):
            self.reasons[server][report.longrepr[2].removeprefix("Skipped: ")] += 1

    def table(self) -> str:
        """Markdown."""
        lines = ["| server | passed | failed | skipped | why |", "|---|---|---|---|---|"]
        for server, counts in sorted(self.counts.items()):
            why = "; ".join(
                f"{reason} ({count})" if count > 1 else reason
                for reason, count in sorted(self.reasons[server].items())
            )
            lines.append(
                f"| {server} | {counts['passed']} | {counts['failed']} | {counts['skipped']}"
                f" | {why} |"
            )
        return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run the suite; the table comes last."""
    matrix = Matrix()
    folder = str(Path(__file__).parent)
    code = pytest.main(["-q", "-p", "no:cacheprovider", folder, *arguments], plugins=[matrix])
    sys.stdout.write(f"\n{matrix.table()}\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
