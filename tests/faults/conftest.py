"""Says at the end how much was killed, raced and lied, and what was lost."""

from collections.abc import AsyncIterator

import pytest

from tests.faults.play import TALLY, Arena, arena


@pytest.fixture
async def stage() -> AsyncIterator[Arena]:
    """Servers to play on."""
    async with arena() as made:
        yield made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if sum(TALLY.runs.values()):
        terminalreporter.section("faults")
        for line in TALLY.lines():
            terminalreporter.write_line(line)
