"""What README shows is what the program has."""

import re
import sys
from pathlib import Path

from astra_tui.cli.entry import VERBS
from astra_tui.keymap import first_table, flavour_table, markdown_table
from tests.demo.run import run_program

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


async def test_the_key_table_is_that_of_the_keymap():
    assert first_table() in README
    assert markdown_table() in (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
    assert flavour_table() in (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    done = await run_program([sys.executable, str(ROOT / "tools" / "keys.py"), "--check"])
    assert done.code == 0, done.out


async def test_an_outdated_key_table_is_found(tmp_path: Path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "keys.py").write_text((ROOT / "tools" / "keys.py").read_text())
    old = README.replace(first_table(), "| nothing |\n")
    (tmp_path / "README.md").write_text(old)
    (tmp_path / "docs").mkdir()
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    (tmp_path / "docs" / "configuration.md").write_text(page.replace(flavour_table(), ""))
    long = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
    (tmp_path / "docs" / "keys.md").write_text(long.replace(markdown_table(), ""))
    check = [sys.executable, str(tmp_path / "tools" / "keys.py")]
    assert (await run_program([*check, "--check"])).code == 1
    assert (await run_program(check)).code == 0
    assert (tmp_path / "README.md").read_text() == README
    assert (tmp_path / "docs" / "configuration.md").read_text() == page
    assert (tmp_path / "docs" / "keys.md").read_text() == long


def test_the_picture_and_every_linked_file_are_there():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert "docs/screenshot.svg" in links
    for link in links:
        assert (ROOT / link).is_file(), link


def test_the_picture_shows_the_console_and_fetches_nothing():
    svg = (ROOT / "docs" / "screenshot.svg").read_text(encoding="utf-8")
    for word in ("prod-data", "cold-data", "partner-share", "migrations", "events"):
        assert word in svg
    assert not re.search(r"url\(.?https?:", svg)


def test_the_verbs_it_names_exist():
    named = re.findall(r"^astra ([a-z][a-z-]*)", README, re.MULTILINE)
    assert len(named) > 5
    assert set(named) <= set(VERBS)
