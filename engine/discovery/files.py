"""Other tools' files, read with care: bounded, never raising, what fails is told."""

import configparser
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LARGEST = 1024 * 1024  # bytes of one file
_COMMENTS = ("#", ";")


@dataclass(slots=True)
class Reader:
    """Reads files below a home directory. `troubles` says which could not be read, and why."""

    environ: Mapping[str, str]
    home: Path
    troubles: list[str] = field(default_factory=list)

    def place(self, variable: str, *usual: str) -> Path:
        """The path that a variable names, else the usual one below the home directory."""
        named = self.environ.get(variable, "")
        if named.startswith("~/"):
            return self.home / named[2:]
        return Path(named) if named else self.home.joinpath(*usual)

    def text(self, path: Path) -> str:
        """The text, "" for a file that is not there or of no use."""
        try:
            if not path.is_file():  # neither a pipe nor a device is read
                return ""
            with path.open("rb") as stream:
                raw = stream.read(LARGEST + 1)
        except OSError as error:
            self.trouble(path, error.strerror or "it cannot be read")
            return ""
        if len(raw) > LARGEST:
            self.trouble(path, "it is larger than such a file should be")
            return ""
        return raw.decode("utf-8-sig", "replace")

    def ini(self, path: Path) -> dict[str, dict[str, str]]:
        """Sections of an INI file; keys in lower case."""
        text = self.text(path)
        if not text:
            return {}
        parser = configparser.RawConfigParser(
            strict=False, comment_prefixes=_COMMENTS, default_section="\0", allow_no_value=True
        )
        try:
            parser.read_string(text)
        except (configparser.Error, ValueError) as error:
            # The parser's own text may quote a line, and that may hold a secret.
            self.trouble(path, f"it is no such file as expected ({type(error).__name__})")
            return {}
        return {
            name: {key: value or "" for key, value in parser.items(name)}
            for name in parser.sections()
        }

    def json(self, path: Path) -> dict[str, Any]:
        """The object of a JSON file, {} if there is none."""
        text = self.text(path)
        if not text:
            return {}
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            self.trouble(path, "it is not JSON")
            return {}
        if not isinstance(value, dict):
            self.trouble(path, "it holds something else than expected")
            return {}
        return value

    def trouble(self, path: Path, why: str) -> None:
        """Note a file that could not be used."""
        text = f"{self.short(path)}: {why}"
        if text not in self.troubles:  # some files are asked for twice
            self.troubles.append(text)

    def troubled(self, path: Path) -> bool:
        """Whether that file was noted already."""
        return any(text.startswith(f"{self.short(path)}: ") for text in self.troubles)

    def short(self, path: Path) -> str:
        """The path as a person would write it."""
        if path.is_relative_to(self.home):
            return f"~/{path.relative_to(self.home)}"
        return str(path)


def text_of(value: object) -> str:
    """A text of a JSON file, "" for anything else."""
    return value if isinstance(value, str) else ""
