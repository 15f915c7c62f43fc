"""Write the key tables of README and docs anew from the keymap; with --check only say whether
they are right."""

import sys
from pathlib import Path

from astra_tui.keymap import first_table, flavour_table, markdown_table

ROOT = Path(__file__).resolve().parent.parent
TABLES = {
    ROOT / "README.md": first_table,
    ROOT / "docs" / "keys.md": markdown_table,
    ROOT / "docs" / "configuration.md": flavour_table,
}
BEGIN = "<!-- keys: written by `python3 tools/dev.py keys` -->\n"
END = "<!-- keys: end -->\n"


def with_table(text: str, name: str, table: str) -> str:
    """A page's text with the table as it should be. Raises ValueError if its place is gone."""
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"{name} lacks the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def main(arguments: list[str]) -> int:
    wrong = 0
    for path, table in TABLES.items():
        text = path.read_text(encoding="utf-8")
        wanted = with_table(text, path.name, table())
        if text == wanted:
            continue
        if "--check" in arguments:
            print(f"The key table of {path.name} is out of date; run: python3 tools/dev.py keys")
            wrong = 1
        else:
            path.write_text(wanted, encoding="utf-8")
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
