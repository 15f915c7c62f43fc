"""The keys that a widget's own words name, as the operator has them."""

from collections.abc import Mapping

_USUAL = {"reload": "r", "filter": "/", "up-folder": "left", "topics": "i", "next-match": "n",
          "previous-match": "N"}  # fmt: skip

_names: Mapping[str, str] = _USUAL


def use(names: Mapping[str, str]) -> None:
    """Name these keys from now on: the first key of each action, by its id."""
    global _names
    _names = {**_USUAL, **names}


def key_of(action: str) -> str:
    """The key of an action, as it is written on the screen."""
    return _names[action]
