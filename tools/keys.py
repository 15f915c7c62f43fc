"""Write README's key table anew from the keymap; with --check only say whether it is right."""

import sys
from pathlib import Path

from astra_tui.keymap import markdown_table

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN = "<!-- keys: written by `python3 tools/dev.py keys` -->\n"
END = "<!-- keys: end -->\n"


def with_table(text: str) -> str:
    """README's text with the table as it should be. Raises ValueError if its place is gone."""
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"README.md lacks the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n{markdown_table()}\n{END}{after}"


def main(arguments: list[str]) -> int:
    text = README.read_text(encoding="utf-8")
    wanted = with_table(text)
    if "--check" in arguments:
        if text != wanted:
            print("README's key table is out of date; run: python3 tools/dev.py keys")
        return int(text != wanted)
    README.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
