"""Finding text in keys: agrees with the plain way, whatever the keys are made of."""

import re

from hypothesis import given
from hypothesis import strategies as st

from engine.globs import name_fits, text_fits
from engine.keytext import KeyText

HOSTILE = [
    "",
    "a/b/Backup_Q2.zip",
    "backup_",
    "café/naïve.log",
    "CAFE\u0301.LOG",
    "line\nbreak.log",
    "nul\0inside",
    "esc\x1b[31m.csv",
    "\u202egpj.exe",
    "lone\udc80surrogate",
    "emoji😀.jpg",
    "İstanbul",
    "trailing/",
    "//double",
    "[red]x[/]",
    "100%*literal?",
]
keys = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text("aAb/._*?é😀\0\n", max_size=12)))


def fits(glob: str, text: str) -> bool:
    parts = {"*": ".*", "?": "."}
    pattern = "".join(parts.get(char, re.escape(char)) for char in glob.lower())
    return re.fullmatch(pattern, text.lower(), re.DOTALL) is not None


def plainly(query: str, key: str) -> bool:
    if "*" not in query and "?" not in query:
        return query.lower() in key.lower()
    return fits(query, key) or ("/" not in query and fits(query, key.rpartition("/")[2]))


@given(keys, st.one_of(st.text("aAb/._*?é", max_size=6), st.sampled_from(HOSTILE)))
def test_agrees_with_the_plain_way(keys: list[str], query: str) -> None:
    found = KeyText(keys).match(query)
    assert found.tolist() == [plainly(query, key) for key in keys]
    assert found.tolist() == [text_fits(key, query) for key in keys]


@given(keys, st.text("aAb._*?é", max_size=6))
def test_names_only(keys: list[str], glob: str) -> None:
    found = KeyText(keys).match_name(glob)
    assert found.tolist() == [fits(glob, key.rpartition("/")[2]) for key in keys]
    assert found.tolist() == [name_fits(key, glob) for key in keys]


@given(keys, keys, st.text("aAb/._*?é", max_size=6))
def test_growing_is_the_same_as_building(first: list[str], later: list[str], query: str) -> None:
    grown = KeyText(first + later, KeyText(first))
    assert grown.match(query).tolist() == KeyText(first + later).match(query).tolist()


def test_examples() -> None:
    text = KeyText(["2024/backup_Q1.zip", "2024/x.log", "backup_/x.zip", "X.LOG.gz"])
    assert text.match("BACKUP").tolist() == [True, False, True, False]
    assert text.match("backup_*").tolist() == [True, False, True, False]
    assert text.match("*.log").tolist() == [False, True, False, False]
    assert text.match("2024/*").tolist() == [True, True, False, False]
    assert text.match("?.log*").tolist() == [False, True, False, True]
    assert text.match_name("backup_*").tolist() == [True, False, False, False]
