"""Folders as a file manager has them, over keys that know none: a key's parts between slashes.

A folder is named by what its keys begin with: `photos/2026/`, with the slash at its end. A
listing's top may be any prefix (`photos/20`). Empty parts are folders like others: `a//` lies in
`a/`, and a key that begins with a slash lies in the folder `/`.
"""

from collections.abc import Iterator
from dataclasses import dataclass


def base_of(folder: str) -> str:
    """What is left out before the names shown in a folder: all up to its last slash."""
    return folder[: folder.rfind("/") + 1]


def parent_of(folder: str, top: str = "") -> str:
    """The folder around one, never above `top`."""
    above = folder[: folder.rfind("/", 0, max(len(folder) - 1, 0)) + 1]
    return above if len(above) > len(top) and above.startswith(top) else top


def folder_of(key: str, top: str = "") -> str:
    """The folder that holds an object, never above `top`."""
    folder = base_of(key)
    return folder if len(folder) > len(top) and folder.startswith(top) else top


def path_to(folder: str, top: str = "") -> Iterator[str]:
    """Every folder from the top down to this one, without the top itself."""
    at = len(top)
    while (end := folder.find("/", at) + 1) > 0:
        yield folder[:end]
        at = end


def within(folder: str, key: str) -> bool:
    """Whether a key, or a folder, lies somewhere below that folder; none lies below itself."""
    return key.startswith(folder) and len(key) > len(folder)


@dataclass(frozen=True, slots=True)
class FolderUsage:
    """All that lies below a folder, `depth` levels under the one that was asked about.

    Money in USD a month, None if a price is unknown.
    """

    folder: str
    depth: int
    objects: int
    size: int
    cost_month: float | None


@dataclass(frozen=True, slots=True)
class PanePlace:
    """Where a pane of the console was: a place of its cloud, a folder there (None: all objects
    in one list), and the order by the name of its `SortKey`."""

    cloud: str
    bucket: str
    prefix: str = ""
    folder: str | None = None
    sort: str = "name"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class ConsolePlaces:
    """Where the console was left: its panes, and the number of its current panel."""

    panes: tuple[PanePlace, ...] = ()
    panel: int = 0
