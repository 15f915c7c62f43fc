"""One cloud that may be worth a table in astra.toml, and what could not be read."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from engine.model import Provider, StoreKind
from engine.settings import Secret

LONGEST_NAME = 24
_OTHER = re.compile(r"[^A-Za-z0-9_.-]+")
_RESERVED = ("file",)

FIELDS = (
    *("bucket", "prefix", "region", "endpoint", "profile", "access_key", "secret_key"),
    *("session_token", "credentials", "project", "account", "key", "sas", "root"),
)
"""The keys of a table of astra.toml that a candidate may fill, apart from kind and provider."""

REFERENCES = frozenset({"access_key", "secret_key", "session_token", "key", "sas"})
"""Those that hold `env:NAME` or `file:PATH`, never the secret."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A cloud as astra.toml would name it, and where it was found.

    `values` are pairs of a key of `FIELDS` and its text; all of it is an outside string. `secrets`
    are variables of the environment that `values` refer to and that are set nowhere yet, with
    what another tool's file holds for them. `likely` ones are taken unless somebody says no.
    """

    name: str
    kind: StoreKind
    provider: Provider
    source: str
    values: tuple[tuple[str, str], ...] = ()
    path_style: bool = False
    read_only: bool = False
    note: str = ""
    likely: bool = True
    secrets: tuple[tuple[str, Secret], ...] = ()

    def get(self, key: str) -> str:
        """The text of a key, "" if it has none."""
        return dict(self.values).get(key, "")

    def having(self, values: Mapping[str, str]) -> "Candidate":
        """The same with other texts; empty ones are left out."""
        merged = {**dict(self.values), **values}
        return replace(self, values=tuple((k, merged[k]) for k in FIELDS if merged.get(k)))

    @property
    def place(self) -> str:
        """Where it leads, in one line: an endpoint, a folder, an account, a bucket."""
        where = self.get("endpoint") or self.get("root") or self.get("account")
        where = where or self.get("project") or self.get("region")
        bucket = self.get("bucket")
        if bucket:
            bucket = f"{bucket}/{self.get('prefix')}"
        who = f"profile {self.get('profile')}" if self.get("profile") else ""
        return "  ".join(part for part in (bucket, where, who) if part)

    def to_json(self) -> dict[str, object]:
        """For programs; no secret is in it."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "provider": self.provider.value,
            "source": self.source,
            **dict(self.values),
            "path_style": self.path_style,
            "likely": self.likely,
            "note": self.note or None,
            "variables_to_set": [name for name, _ in self.secrets],
        }


def candidate(
    name: str, kind: StoreKind, provider: Provider, source: str, **given: object
) -> Candidate:
    """A candidate from keys of `FIELDS` and the other attributes; empty values are left out."""
    values = {key: str(value) for key, value in given.items() if key in FIELDS and value}
    rest = {key: value for key, value in given.items() if key not in FIELDS}
    made = Candidate(cloud_name(name), kind, provider, source, **rest)  # type: ignore[arg-type]
    return made.having(values)


def cloud_name(text: str) -> str:
    """A name that astra.toml takes, made of anybody's text."""
    name = _OTHER.sub("-", text.strip()).strip("-._")[:LONGEST_NAME].rstrip("-._")
    name = name or "cloud"
    return f"{name}-1" if name in _RESERVED else name


def distinct(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Without those that say the same place twice, each with a name of its own."""
    kept: dict[tuple[object, ...], Candidate] = {}
    for item in candidates:
        key = _identity(item)
        if key in kept:
            before = kept[key]
            # Keys for it are worth more than the first to find it.
            if not before.get("access_key") and item.get("access_key"):
                kept[key] = replace(item, name=before.name)
            continue
        kept[key] = item
    names: set[str] = set()
    variables: dict[str, Secret] = {}
    result = []
    for item in kept.values():
        name = free_name(item.name, names)
        names.add(name)
        if any(variables.setdefault(key, secret) != secret for key, secret in item.secrets):
            # Two names that read alike once they are variables: one of them would get wrong keys.
            item = replace(item.having(dict.fromkeys(REFERENCES, "")), secrets=(), likely=False)
        result.append(replace(item, name=name))
    return result


def free_name(name: str, taken: Iterable[str]) -> str:
    """The name itself, or with the first number that nobody has."""
    used = set(taken)
    found, number = name, 1
    while found in used:
        number += 1
        found = f"{name[: LONGEST_NAME - 4]}-{number}"
    return found


def _identity(item: Candidate) -> tuple[object, ...]:
    endpoint = item.get("endpoint").rstrip("/").replace("//localhost:", "//127.0.0.1:")
    who = () if endpoint else (item.get("profile"), item.get("project"), item.get("account"))
    return (item.kind, endpoint, item.get("root"), item.get("bucket"), item.get("region"), *who)
