"""astra.toml, `.env` and the environment → settings; all problems at once, never half-read.

Order: an environment variable (`ASTRA_CLOUDS_AWS_BUCKET`) beats `.env`, which beats the file.
What cannot be used is a ConfigError that lists every problem; what is merely odd (an unknown
key, a file that everybody may read) is a warning.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from astra_tui.config_clouds import CLOUD_KEYS, RESERVED_CLOUD, read_cloud
from astra_tui.config_kafka import read_kafka
from astra_tui.config_sources import (
    Environment,
    export_credentials,
    find_config,
    read_environment,
    read_toml,
    readable_by_all,
    state_directory,
    user_config,
)
from astra_tui.config_table import Findings, Override, Table, did_you_mean
from astra_tui.flavours import DEFAULT, FLAVOURS
from engine.errors import ConfigError
from engine.model import (
    PREVIEW_BYTES,
    PREVIEW_MOST,
    RESTORE_SPEEDS,
    Provider,
    StoreKind,
    parse_size,
)
from engine.settings import MAX_DELETES, CloudSettings, EngineSettings

__all__ = [
    "POLICY_NAMES",
    "RESERVED_CLOUD",
    "ConsoleSettings",
    "Environment",
    "NoConfig",
    "export_credentials",
    "find_config",
    "load_settings",
    "parse_size",
    "read_environment",
    "state_directory",
    "user_config",
    "with_files",
    "with_folder",
]

POLICY_NAMES = ("rules", "recency", "reactive", "proactive", "cost")
_TABLE_KEYS: Mapping[str, tuple[str, ...]] = {
    "kafka": (
        *("bootstrap", "group", "access_topic", "jobs_topic", "status_topic"),
        *("recommendations_topic", "security_protocol", "sasl_mechanism", "username"),
        *("password", "ca_file", "accept_jobs"),
    ),
    "engine": (
        *("jobs", "bwlimit", "max_deletes", "policy", "read_only", "prices"),
        *("restore_speed", "restore_days", "process", "idle_stop", "horizon_months"),
    ),
    "console": ("theme", "mouse", "ascii", "restore", "preview_kib"),
}
_TABLES = ("clouds", *_TABLE_KEYS, "policy", "keys")


PROCESSES = ("own", "inside")


@dataclass(frozen=True, slots=True)
class EngineProcess:
    """Whether the console's engine has a process of its own, and after how many seconds without
    work and console that one ends; None for never."""

    own: bool = True
    idle_stop: float | None = 15 * 60.0


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """How the console looks and listens. An empty `theme` means the console's own choice.

    `keys` overrides bindings: pairs of an action's id and its keys, with commas between them;
    the other actions have the keys of the `flavour`.
    """

    theme: str = ""
    mouse: bool = True
    ascii: bool = False  # no glyphs beyond ASCII
    preview_bytes: int = PREVIEW_BYTES  # of an object that a preview reads, at most
    log_level: str = "info"
    keys: tuple[tuple[str, str], ...] = ()
    flavour: str = DEFAULT
    restore: bool = True  # begin where the panes were left
    engine: EngineProcess = EngineProcess()

    def keymap(self) -> dict[str, str]:
        """The overrides as Textual's `set_keymap` wants them."""
        return dict(self.keys)


class NoConfig(ConfigError):
    """There is no config at all: neither a file nor a cloud in the environment."""


Overrides = dict[str, dict[str, Override]]  # by table: `kafka`, `clouds.aws`


def load_settings(
    config: Path | None, state: Path | None, environ: Mapping[str, str]
) -> tuple[EngineSettings, ConsoleSettings, list[str]]:
    """Everything the program is told at start, and warnings for the operator.

    Raises ConfigError with all problems; then nothing was used.
    """
    file = find_config(config, environ)
    environment = read_environment(file, environ)
    data = read_toml(file) if file is not None else {}
    findings = Findings(file, environment.values, warnings=list(environment.warnings))
    clouds_data = _table(findings, data, "clouds")
    overrides = _overrides(findings, clouds_data)
    if file is None and not any(name.startswith("clouds.") for name in overrides):
        raise NoConfig(
            f"There is no configuration: no ./astra.toml and no {user_config()}.",
            todo="Write one with `astra init`, or see Astra at work with `astra demo`.",
        )
    clouds = tuple(
        cloud
        for name, entry in _all_clouds(clouds_data, overrides).items()
        if (cloud := read_cloud(findings, name, entry, overrides.get(f"clouds.{name}", {})))
    )
    if not clouds and not findings.problems:
        findings.problems.append(
            f"{findings.place('clouds')}: no cloud is configured; write a table such as "
            "[clouds.aws], or see Astra at work with `astra demo`."
        )

    def section(name: str) -> Table:
        return Table(findings, name, _table(findings, data, name), overrides.get(name))

    kafka = read_kafka(section("kafka"))
    table = section("engine")
    settings = EngineSettings(
        clouds=clouds,
        state_dir=state_directory(state, environment.values),
        kafka=kafka,
        prices_file=table.path("prices", must_exist=True),
        policy=table.text("policy", "rules", choices=POLICY_NAMES),
        policies=_policies(findings, _table(findings, data, "policy")),
        jobs=table.integer("jobs", 8, 1, 256),
        restore_speed=table.text("restore_speed", "standard", choices=RESTORE_SPEEDS),
        restore_days=table.integer("restore_days", 7, 1, 365),
        horizon_months=float(table.integer("horizon_months", 12, 1, 120)),
        bwlimit=table.bandwidth("bwlimit"),
        max_deletes=table.count_or_off("max_deletes", MAX_DELETES),
        read_only=table.flag("read_only"),
    )
    process = EngineProcess(
        own=table.text("process", "own", choices=PROCESSES) == "own",
        idle_stop=table.duration("idle_stop", 15 * 60.0),
    )
    table.finish()
    console = _console(section("console"), section("keys"), _table(findings, data, "keys"))
    console = replace(console, engine=process)
    for name in data:
        if name not in _TABLES:
            findings.warnings.append(
                f"{file} [{name}]: unknown table, ignored.{did_you_mean(name, _TABLES)}"
            )
    if findings.literal_secrets and file is not None and readable_by_all(file):
        findings.warnings.append(
            f"{file} holds secrets and can be read by every user here; `chmod 600 {file}`, or "
            'write "env:NAME" or "file:PATH" instead of the secret.'
        )
    if findings.problems:
        raise _error(findings)
    return settings, console, findings.warnings


def with_files(settings: EngineSettings) -> EngineSettings:
    """Settings with one cloud more, which holds this machine's files from `/` on, to read.

    Its address of `/srv/data/a.csv` is `file:srv/data/a.csv`, in every run the same, so that
    jobs that were interrupted can be resumed.
    """
    if settings.cloud(RESERVED_CLOUD) is not None:
        return settings
    files = CloudSettings(
        *(RESERVED_CLOUD, StoreKind.LOCAL, Provider.ONPREM),
        root=Path("/"),
        read_only=True,
        hidden=True,
    )
    return replace(settings, clouds=(*settings.clouds, files))


def with_folder(settings: EngineSettings, folder: Path) -> EngineSettings:
    """Settings with one cloud more, whose one bucket is `folder`, and nothing else to write to.

    For downloads: whatever the config says, every other cloud is only read, nothing is asked
    back from an archive, and no half of a file is kept for later.
    """
    target = CloudSettings(
        RESERVED_CLOUD, StoreKind.LOCAL, Provider.ONPREM, root=folder.parent, resumable=False
    )
    others = tuple(replace(cloud, read_only=True) for cloud in settings.clouds)
    return replace(settings, clouds=(*others, target), read_only=False, restores=False)


def _error(findings: Findings) -> ConfigError:
    problems = findings.problems
    head = "The configuration cannot be used"
    if len(problems) == 1:
        what = f"{head}. {problems[0]}"
    else:
        what = "\n  ".join([f"{head}; {len(problems)} problems:", *problems])
    return ConfigError(
        what,
        safe="Nothing was started." if len(problems) == 1 else "\nNothing was started.",
        todo="Correct what is named and run it again.",
    )


def _table(findings: Findings, data: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name, {})
    if isinstance(value, dict):
        return value
    findings.problems.append(f"{findings.place(name)}: found a plain value; allowed: a table.")
    return {}


def _policies(findings: Findings, data: Mapping[str, Any]) -> dict[str, dict[str, object]]:
    """Parameters by policy; what they may be, the policy itself says when it is asked."""
    for name, value in data.items():
        if name not in POLICY_NAMES:
            findings.problems.append(
                f"{findings.place('policy')}: there is no policy {name!r}."
                + did_you_mean(name, POLICY_NAMES)
            )
        elif not isinstance(value, dict):
            findings.problems.append(
                f"{findings.place('policy')}: {name}: found a plain value; allowed: a table."
            )
    return {name: dict(value) for name, value in data.items() if isinstance(value, dict)}


def _overrides(findings: Findings, clouds: Mapping[str, Any]) -> Overrides:
    """The ASTRA_… variables, by table and key. Unknown ones are warned about."""
    result: Overrides = {}
    for variable, value in sorted(findings.environ.items()):
        prefix, _, rest = variable.removeprefix("ASTRA_").lower().partition("_")
        if not variable.startswith("ASTRA_") or not rest:
            continue
        if prefix == "clouds":
            name, key = _split_cloud(rest, clouds)
            if key:
                result.setdefault(f"clouds.{name}", {})[key] = Override(variable, value)
                continue
        elif prefix in _TABLE_KEYS and rest in _TABLE_KEYS[prefix]:
            result.setdefault(prefix, {})[rest] = Override(variable, value)
            continue
        elif prefix not in _TABLE_KEYS:
            continue  # not ours: others use names with ASTRA_ too
        known = CLOUD_KEYS if prefix == "clouds" else _TABLE_KEYS[prefix]
        findings.warnings.append(
            f"environment {variable}: unknown setting, ignored."
            + did_you_mean(rest.rpartition("_")[2] if prefix == "clouds" else rest, known)
        )
    return result


def _split_cloud(rest: str, clouds: Mapping[str, Any]) -> tuple[str, str]:
    """`my_cloud_access_key` → the cloud and the key; ("", "") if it names no key.

    Both may hold underscores: a cloud of the file decides, else the longest key.
    """
    names = {name.lower().replace("-", "_").replace(".", "_"): name for name in clouds}
    fits = [
        (rest.removesuffix(f"_{key}"), key)
        for key in sorted(CLOUD_KEYS, key=len, reverse=True)
        if rest.endswith(f"_{key}")
    ]
    for name, key in fits:
        if name in names:
            return names[name], key
    return fits[0] if fits else ("", "")


def _all_clouds(clouds: Mapping[str, Any], overrides: Overrides) -> dict[str, Any]:
    extra = [name.removeprefix("clouds.") for name in overrides if name.startswith("clouds.")]
    return {**clouds, **{name: {} for name in extra if name not in clouds}}


def _console(table: Table, keys: Table, bindings: Mapping[str, Any]) -> ConsoleSettings:
    settings = ConsoleSettings(
        theme=table.text("theme"),
        mouse=table.flag("mouse", True),
        ascii=table.flag("ascii"),
        restore=table.flag("restore", True),
        preview_bytes=1024
        * table.integer("preview_kib", PREVIEW_BYTES // 1024, 1, PREVIEW_MOST // 1024),
        keys=tuple(
            (action, ",".join(keys.words(action))) for action in bindings if action != "flavour"
        ),
        flavour=keys.text("flavour", DEFAULT, choices=tuple(FLAVOURS)),
    )
    table.finish()
    return settings
