"""The first run over a made-up home directory; the terminal is always the same."""

from tests.console.conftest import _terminal

__all__ = ["_terminal"]
