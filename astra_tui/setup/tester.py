"""Testing candidates from the console's side: a private config, a process, lines as they come."""

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from astra_tui.setup.config_text import config_text, secrets_of
from engine.discovery.candidate import Candidate
from engine.errors import AstraError, ConfigError
from engine.model import Check, CheckState

SECONDS = 45.0
_BY_WRITING = ("write", "conditions", "delete")
_LONGEST_LINE = 1024 * 1024
_LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class Step:
    """One thing learnt of a cloud: a check, its buckets, or that it was looked at to the end."""

    cloud: str
    check: Check | None = None
    buckets: tuple[str, ...] = ()
    done: bool = False


async def try_clouds(
    candidates: Sequence[Candidate],
    environ: Mapping[str, str],
    *,
    write: bool = False,
    seconds: float = SECONDS,
) -> AsyncGenerator[Step, None]:
    """What the checks find, as they come. Nothing is written to any cloud unless `write`.

    The process ends with the caller, and after `seconds` in any case: clouds that were not
    looked at to the end by then failed.
    """
    asked: list[Candidate] = []
    for item in candidates:
        chosen = item if write else replace(item, read_only=True)
        known = {**environ, **secrets_of([chosen])}
        try:  # one that cannot be used at all keeps no other from its test
            await asyncio.to_thread(read_back, config_text([chosen], kafka="off"), known)
        except (ConfigError, ValueError) as error:
            what = error.what if isinstance(error, ConfigError) else f"{error}."
            todo = "Edit it (e), or set what is missing and start again."
            what = " ".join(what.split())
            yield Step(item.name, Check(item.name, "config", CheckState.FAILED, what, todo))
            yield Step(item.name, done=True)
        else:
            asked.append(chosen)
    if not asked:
        return
    open_ones = {item.name for item in asked}
    with tempfile.TemporaryDirectory(prefix="astra-setup-") as folder:
        config = Path(folder) / "astra.toml"
        config.write_text(config_text(asked, kafka="off"), encoding="utf-8")
        # Keys that only another tool's file holds reach the process by its environment alone.
        known = {**environ, **secrets_of(asked), "PYTHONWARNINGS": "ignore"}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "astra_tui.setup.probe", str(config)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=known,
            limit=_LONGEST_LINE,
            start_new_session=True,  # ctrl+c at the terminal is the console's
        )
        assert process.stdout is not None
        assert process.stderr is not None
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(deadline):
                while line := await process.stdout.readline():
                    step = _step(line)
                    if step.check is not None and not write and step.check.name in _BY_WRITING:
                        continue  # nobody asked for it
                    if step.done:
                        open_ones.discard(step.cloud)
                    yield step
                said = (await process.stderr.read())[-_LONGEST_REASON:]
                await process.wait()
        except TimeoutError:
            said = f"No answer within {seconds:.0f} seconds.".encode()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
    for name in sorted(open_ones):
        yield Step(name, _unanswered(name, said.decode(errors="replace")), done=True)


def read_back(text: str, environ: Mapping[str, str]) -> list[str]:
    """Read a config as `astra` will; its warnings. Raises ConfigError if it is of no use."""
    from astra_tui.config import load_settings

    with tempfile.TemporaryDirectory(prefix="astra-setup-") as folder:
        path = Path(folder) / "astra.toml"
        path.write_text(text, encoding="utf-8")
        try:
            _, _, warnings = load_settings(path, Path(folder), environ)
        except ConfigError as error:
            what = error.what.replace(str(path), "astra.toml")
            safe = "Nothing was written."
            raise ConfigError(what, safe=safe, todo="Edit that cloud (e).") from error
        return [warning.replace(str(path), "astra.toml") for warning in warnings]


def _step(line: bytes) -> Step:
    found = json.loads(line)
    cloud = str(found["cloud"])
    if "check" in found:
        state = CheckState(found["state"])
        return Step(cloud, Check(cloud, found["check"], state, found["detail"], found["todo"]))
    return Step(cloud, buckets=tuple(found.get("buckets", ())), done=bool(found.get("done")))


def _unanswered(cloud: str, said: str) -> Check:
    what = said.strip().splitlines()[-1] if said.strip() else "The test ended without a word."
    todo = "Check the network and the address (e), then test it again (t)."
    return Check(cloud, "test", CheckState.FAILED, what, todo)


def environment() -> dict[str, str]:
    """The environment with the `.env` of the working directory beneath it."""
    from astra_tui.config import read_environment

    with contextlib.suppress(AstraError):
        return dict(read_environment(None, os.environ).values)
    return dict(os.environ)
