"""Servers for the scenes."""

from collections.abc import AsyncIterator

import pytest

from tests.faults.play import Arena, arena


@pytest.fixture
async def stage() -> AsyncIterator[Arena]:
    """Servers to play on."""
    async with arena() as made:
        yield made
