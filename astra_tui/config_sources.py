"""Where settings come from: the file, `.env`, the environment, and the state directory."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import ConfigError

APP = "astra"
FILE_NAME = "astra.toml"
# Variables of `.env` that the providers' own SDKs look for in the process environment.
SDK_PREFIXES = ("AWS_", "GOOGLE_", "AZURE_")


def find_config(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The config file: `--config`, ASTRA_CONFIG, ./astra.toml, then the user's own directory.

    A file that was named but is not there is an error; the search never goes past it.
    """
    named = config or (Path(environ["ASTRA_CONFIG"]) if environ.get("ASTRA_CONFIG") else None)
    if named is not None:
        named = named.expanduser()
        if not named.exists():
            raise ConfigError(
                "There is no such config file.",
                subject=str(named),
                todo="Correct --config or ASTRA_CONFIG, or write one there with "
                f"`astra --config {named} init`.",
            )
        return named
    return next((path for path in (Path(FILE_NAME), user_config()) if path.exists()), None)


def user_config() -> Path:
    """The config file in the user's own config directory."""
    import platformdirs

    return platformdirs.user_config_path(APP) / FILE_NAME


def state_directory(state: Path | None, environ: Mapping[str, str]) -> Path:
    """The state directory, absolute: `--state`, ASTRA_STATE, then the platform's own place."""
    if state is None and environ.get("ASTRA_STATE"):
        state = Path(environ["ASTRA_STATE"])
    if state is None:
        import platformdirs

        state = platformdirs.user_state_path(APP)
    return Path(os.path.abspath(state.expanduser()))


def read_toml(path: Path) -> dict[str, Any]:
    """The whole file, or ConfigError: a file is never read in part."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(
            f"The config file cannot be read: {error.strerror}.",
            subject=str(path),
            todo="Make it a readable file, or choose another with --config.",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"The config file is not UTF-8 (byte {error.start}).",
            subject=str(path),
            todo="Save it as UTF-8.",
        ) from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"The config file is not valid TOML: {error}.",
            subject=str(path),
            todo="Correct that line; strings need quotes, tables look like [clouds.aws].",
        ) from error


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment with `.env` beneath it; `dotenv` alone holds what the file added."""

    values: Mapping[str, str]
    dotenv: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def read_environment(config: Path | None, environ: Mapping[str, str]) -> Environment:
    """Add the `.env` beside the config file, or else the one of the working directory.

    A variable that is set in `environ` beats the file. Values are taken as they are written:
    `$` in a password means nothing. Raises ConfigError if the file cannot be read.
    """
    folders = [config.parent] if config is not None else []
    path = next(
        (folder / ".env" for folder in [*folders, Path()] if (folder / ".env").is_file()), None
    )
    if path is None:
        return Environment(environ, {})
    from dotenv.parser import parse_stream

    added: dict[str, str] = {}
    warnings: list[str] = []
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for binding in parse_stream(stream):
                if binding.error:
                    warnings.append(
                        f"{path} line {binding.original.line}: not NAME=value; the line is ignored."
                    )
                elif binding.key and binding.value is not None:
                    added[binding.key] = binding.value
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(
            f"The environment file cannot be read: {reason}.",
            subject=str(path),
            todo="Make it readable or take it away.",
        ) from error
    if added and readable_by_all(path):
        warnings.append(f"{path} can be read by every user here; `chmod 600 {path}`.")
    return Environment({**added, **environ}, added, tuple(warnings))


def export_credentials(environment: Environment) -> None:
    """Let the providers' SDKs see their own variables of `.env` (those not set already)."""
    for name, value in environment.dotenv.items():
        if name.startswith(SDK_PREFIXES):
            os.environ.setdefault(name, value)


def readable_by_all(path: Path) -> bool:
    """Whether any user of the machine may read the file."""
    try:
        return bool(path.stat().st_mode & 0o004)
    except OSError:
        return False
