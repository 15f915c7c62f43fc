"""The console's fixtures, for sessions of it."""

from tests.console.conftest import _terminal, make_app

__all__ = ["_terminal", "make_app"]
