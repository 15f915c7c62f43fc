"""`astra du`: folders summed up."""

import pytest

from astra_tui.cli.usage import _sort
from engine.model import FolderUsage
from tests.cli.conftest import Astra


def test_du_sums_up_folders_down_to_a_depth(astra: Astra) -> None:
    astra.config()
    for key, size in {"a/1": 10, "a/b/2": 30, "a/b/3": 20, "c/4": 40, "d": 5}.items():
        astra.file(key, b"x" * size)
    found = astra("du", "disk:", "--json").lines
    shown = [(line["prefix"], line["objects"], line["bytes"], line["depth"]) for line in found]
    assert shown == [("a/", 3, 60, 1), ("c/", 1, 40, 1), ("", 5, 105, 0)]
    assert found[0]["bytes_share"] == pytest.approx(60 / 105)
    deep = astra("du", "disk:box/a/", "--depth", "5", "--sort", "size", "--json").lines
    assert [line["address"] for line in deep] == ["disk:box/a/b/", "disk:box/a/"]
    table = astra("du", "disk:").out.splitlines()
    assert table[0].split() == ["objects", "size", "$/month", "share", "folder"]
    assert table[-1].split()[0] == "5"
    assert table[-1].endswith("disk:box/")
    assert astra("du", "disk:", "--depth", "0", "--json").lines[0]["objects"] == 5
    assert "ends with a slash" not in astra("du", "disk:box/d", code=2).out
    assert "one object" in astra("du", "disk:box/d", code=2).err


def test_what_is_unknown_is_no_zero_and_stands_last() -> None:
    lines = [
        FolderUsage("a/", 1, 1, 5, None),
        FolderUsage("b/", 1, 2, 4, 0.5),
        FolderUsage("c/", 1, 3, 3, 0.7),
    ]
    _sort(lines, "cost", reverse=False)
    assert [line.folder for line in lines] == ["c/", "b/", "a/"]
    _sort(lines, "cost", reverse=True)
    assert [line.folder for line in lines] == ["b/", "c/", "a/"]
    _sort(lines, "objects", reverse=False)
    assert [line.folder for line in lines] == ["c/", "b/", "a/"]
