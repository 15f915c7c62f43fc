"""One table of the configuration, read key by key.

Every key may come from the file or from an environment variable, which wins. A wrong value
is noted and the default is used meanwhile, so that all problems are told at once; whoever
reads the tables raises in the end. No message ever shows the value of a secret.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from astra_tui.config_sources import readable_by_all
from engine.model import Timetable, parse_bandwidth
from engine.settings import Secret

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_DURATION = re.compile(r"([0-9]{1,9})\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Override:
    """A value from the environment, and the variable that gave it."""

    variable: str
    value: str


@dataclass(slots=True)
class Findings:
    """What reading the configuration found wrong (`problems`) or odd (`warnings`)."""

    file: Path | None
    environ: Mapping[str, str]
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    literal_secrets: bool = False  # the file itself holds a secret

    def place(self, table: str) -> str:
        """The file and table, as messages name them."""
        return f"{self.file or 'environment'} [{table}]"


def did_you_mean(word: str, known: Iterable[str], near: float = 0.5) -> str:
    """` Did you mean "x"?`, or nothing if no known word is so near (0 to 1)."""
    from difflib import get_close_matches

    by_lower = {item.lower(): item for item in known}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=near)
    return f' Did you mean "{by_lower[found[0]]}"?' if found else ""


def describe(value: object) -> str:
    """A found value in a few words, without control characters."""
    if isinstance(value, str):
        shown = value if len(value) <= 60 else value[:57] + "…"
        return f'"{shown}"' if shown.isprintable() else ascii(shown)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return str(value)


class Table:
    """Typed access to one table; `finish()` reports keys that nobody asked for."""

    def __init__(
        self,
        findings: Findings,
        name: str,
        data: Mapping[str, Any],
        overrides: Mapping[str, Override] | None = None,
    ) -> None:
        self.findings = findings
        self.name = name
        self._data = data
        self._overrides = overrides or {}
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._overrides or key in self._data

    def text(self, key: str, default: str = "", *, choices: Sequence[str] = ()) -> str:
        """A string, one of `choices` if there are any."""
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, str):
            self.wrong(key, describe(value), "a string in quotes")
            return default
        if choices and value not in choices:
            self.wrong(key, describe(value), ", ".join(choices), did_you_mean(value, choices))
            return default
        return value

    def pattern(self, key: str, default: str, shape: str, allowed: str) -> str:
        """A string of which the whole matches the regular expression `shape`."""
        value = self.text(key, default)
        if value and not re.fullmatch(shape, value):
            self.wrong(key, describe(value), allowed)
            return default
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        value = self._take(key)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        word = value.lower() if isinstance(value, str) and key in self._overrides else ""
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        self.wrong(key, describe(value), "true or false")
        return default

    def integer(self, key: str, default: int, low: int, high: int) -> int:
        value = self._take(key)
        if value is None:
            return default
        if isinstance(value, str) and key in self._overrides and re.fullmatch("-?[0-9]+", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.wrong(key, describe(value), f"a whole number from {low} to {high}")
            return default
        return value

    def bandwidth(self, key: str) -> int | Timetable:
        """Bytes a second, as a number or as `20MiB`, 0 for `off`; or a timetable of such."""
        value = self._take(key)
        if value is None:
            return 0
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            value = str(value)  # with the same look-out for a forgotten unit
        why = ""
        if isinstance(value, str):
            try:
                return parse_bandwidth(value)
            except ValueError as error:
                why = f" {error}." if {*value} & {*" ,0123456789"} else ""
        allowed = 'a size such as "20MiB", "500KB" or "off", or "08:00,5MiB 19:00,off"'
        self.wrong(key, describe(value), allowed, why)
        return 0

    def duration(self, key: str, default: float | None) -> float | None:
        """Seconds of `90s`, `15m`, `2h`; `off` for None."""
        value = self._take(key)
        if value is None:
            return default
        found = _DURATION.fullmatch(value.strip().lower()) if isinstance(value, str) else None
        if found is not None:
            return float(found[1]) * _SECONDS[found[2]]
        if isinstance(value, str) and value.strip().lower() == "off":
            return None
        self.wrong(key, describe(value), 'a time such as "90s", "15m" or "2h", or "off"')
        return default

    def count_or_off(self, key: str, default: int | None) -> int | None:
        """A whole number from 0, or `off` for None."""
        value = self._take(key)
        if value is None:
            return default
        if isinstance(value, str):
            if value.strip().lower() == "off":
                return None
            if key in self._overrides and re.fullmatch("[0-9]+", value):
                value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.wrong(key, describe(value), 'a whole number from 0, or "off"')
            return default
        return value

    def path(self, key: str, *, must_exist: bool = False) -> Path | None:
        """A path; a relative one starts at the config file's folder."""
        value = self.text(key)
        if not value:
            return None
        path = self.anchor(value)
        if must_exist and not path.is_file():
            self.wrong(key, describe(str(path)), "a file that is there")
            return None
        return path

    def endpoint(self, key: str) -> str:
        """An http(s) address of a server, without path and credentials."""
        value = self.text(key)
        if not value:
            return ""
        allowed = 'an address such as "http://127.0.0.1:9000"'
        try:
            parts = urlsplit(value)
            port = parts.port
        except ValueError:
            self.wrong(key, "an address that does not parse", allowed)
            return ""
        if parts.username is not None or parts.password is not None:
            self.wrong(
                key,
                "credentials inside the address",
                allowed,
                " Put them into access_key and secret_key.",
            )
            return ""
        if parts.query:
            self.wrong(key, "an address with a query", allowed, " Put a SAS into sas.")
            return ""
        bad_extra = parts.path.strip("/") or parts.fragment
        if parts.scheme not in ("http", "https") or not parts.hostname or bad_extra or port == 0:
            self.wrong(key, describe(value), allowed)
            return ""
        return value.rstrip("/")

    def secret(self, key: str) -> Secret:
        """A secret: the value itself, `env:NAME`, or `file:PATH` (its first line)."""
        value = self._take(key)
        if value is None:
            return Secret()
        if not isinstance(value, str):
            self.wrong(key, "something that is no string", 'a string, "env:NAME" or "file:PATH"')
            return Secret()
        if value.startswith("env:"):
            name = value.removeprefix("env:")
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                self.wrong(key, "env: without a name of a variable", '"env:NAME"')
                return Secret()
            found = self.findings.environ.get(name)
            if not found:
                self.wrong(key, f"the variable {name}, which is not set", f"{name} set")
            return Secret(found or "")
        if value.startswith("file:"):
            return self._secret_file(key, self.anchor(value.removeprefix("file:")))
        if value and key not in self._overrides:
            self.findings.literal_secrets = True
        return Secret(value)

    def words(self, key: str) -> list[str]:
        """A list of strings, also written as one string with commas."""
        value = self._take(key)
        if value is None:
            return []
        if isinstance(value, str):
            value = value.split(",")
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.wrong(key, describe(value), "a string, or a list of strings")
            return []
        return [item.strip() for item in value if item.strip()]

    def wrong(self, key: str, found: str, allowed: str, hint: str = "") -> None:
        """Note a value that cannot be used."""
        override = self._overrides.get(key)
        place = f"environment {override.variable}" if override else self._place(key)
        self.findings.problems.append(f"{place}: found {found}; allowed: {allowed}.{hint}")

    def missing(self, key: str, allowed: str, hint: str = "") -> None:
        """Note a value that must be there and is not."""
        self.findings.problems.append(f"{self._place(key)}: missing; allowed: {allowed}.{hint}")

    def warn(self, key: str, text: str) -> None:
        self.findings.warnings.append(f"{self._place(key)}: {text}")

    def finish(self, elsewhere: Mapping[str, str] | None = None) -> None:
        """Warn about keys nobody asked for; `elsewhere` says why a known one has no use here."""
        for key in self._data:
            if key in self._asked:
                continue
            if elsewhere and key in elsewhere:
                self.warn(key, elsewhere[key])
            else:
                self.warn(key, f"unknown key, ignored.{did_you_mean(key, self._asked)}")

    def anchor(self, text: str) -> Path:
        """A path as written, `~` expanded, relative to the config file's folder."""
        path = Path(text).expanduser()
        folder = self.findings.file.parent if self.findings.file else Path()
        return (folder / path).absolute()

    def _place(self, key: str) -> str:
        return f"{self.findings.place(self.name)} {key}"

    def _take(self, key: str) -> Any:
        self._asked.add(key)
        override = self._overrides.get(key)
        return override.value if override else self._data.get(key)

    def _secret_file(self, key: str, path: Path) -> Secret:
        try:
            with path.open(encoding="utf-8") as stream:
                line = stream.readline(65536).rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            self.wrong(key, f"file:{path}, which cannot be read ({reason})", "a readable file")
            return Secret()
        if not line:
            self.wrong(key, f"file:{path}, which is empty", "a file with the secret in line 1")
        if readable_by_all(path):
            self.warn(key, f"{path} can be read by every user here; `chmod 600 {path}`.")
        return Secret(line)
