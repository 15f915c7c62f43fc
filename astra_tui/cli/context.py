"""What every verb works with: global options, settings, output, the engine."""

import contextlib
import gc
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli.exits import Exit, repeat
from astra_tui.cli.output import Output
from engine.errors import AstraError, ConfigError, Refused, StateError, UsageError

if TYPE_CHECKING:
    from astra_tui.config import ConsoleSettings
    from engine.engine import Engine
    from engine.model import Address
    from engine.settings import EngineSettings

_GLOBAL_NAMES = ("--config", "--state", "--read-only", "--log-level")
LEVELS = ("debug", "info", "warning", "error")
NEAR = 0.65  # how alike a guess must be, of 1; less would only mislead
Work = Callable[["Engine"], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Globals:
    """The options that every verb has."""

    config: Path | None = None
    state: Path | None = None
    read_only: bool = False
    log_level: str = "info"

    def words(self) -> list[str]:
        """What leads another command to the same config and state, as it was written."""
        pairs = (("--config", self.config), ("--state", self.state))
        return [word for name, path in pairs if path for word in (name, str(path))]

    def process_words(self, settings: "EngineSettings") -> list[str]:
        """What leads an engine's process, wherever it works, to the same config and state."""
        from astra_tui.config import find_config

        words = ["--state", os.path.abspath(settings.state_dir), "--log-level", self.log_level]
        if (file := find_config(self.config, os.environ)) is not None:
            words += ["--config", os.path.abspath(file)]
        return words  # read-only is this console's or command's wish, not the engine's


class Command:
    """One run of one verb."""

    def __init__(self, options: Globals, out: Output) -> None:
        self.options = options
        self.out = out
        self.warnings: list[str] = []  # of the configuration, once it is loaded
        self._working = False  # the engine has been started

    @cached_property
    def loaded(self) -> "tuple[EngineSettings, ConsoleSettings]":
        """Settings from config and environment; warnings go to stderr."""
        from astra_tui.config import (
            export_credentials,
            find_config,
            load_settings,
            read_environment,
        )

        engine, console, warnings = load_settings(
            self.options.config, self.options.state, os.environ
        )
        export_credentials(
            read_environment(find_config(self.options.config, os.environ), os.environ)
        )
        self.warnings = warnings
        for warning in warnings:
            self.out.say(f"Warning: {warning}")
        if self.options.read_only:
            engine = replace(engine, read_only=True)
        return engine, replace(console, log_level=self.options.log_level)

    @property
    def settings(self) -> "EngineSettings":
        return self.loaded[0]

    @cached_property
    def state_dir(self) -> Path:
        """The state directory, whether or not there is a configuration that can be used: what
        `--state`, ASTRA_STATE, `.env` or the platform says. Raises nothing of the config's."""
        from astra_tui.config import find_config, read_environment, state_directory

        values: Mapping[str, str] = os.environ
        # A damaged `.env` or a config that is not there must not hide a running engine.
        with contextlib.suppress(ConfigError):
            values = read_environment(find_config(self.options.config, values), values).values
        return state_directory(self.options.state, values)

    def forbid_read_only(self, what: str) -> None:
        """Raises Refused in read-only mode, before anything is asked or listed."""
        if self.settings.read_only:
            raise Refused(
                f"Read-only mode does not allow {what}.",
                safe="Nothing was changed.",
                todo="Leave out --read-only (or read_only in [engine]) if you mean it.",
            )

    def run(
        self,
        work: Work,
        *,
        events: bool = False,
        runner: bool = False,
        look: bool = False,
        spare: Callable[[AstraError], None] | None = None,
        settings: "EngineSettings | None" = None,
    ) -> int:
        """Start an engine, do the work with it, stop it again; returns the exit code.

        `look`: the work changes nothing, so it may go on beside another Astra. With `spare`,
        which is told why, it goes on with an empty state where that directory is of no use.
        """
        from astra_tui.cli.logs import open_log
        from astra_tui.cli.running import run_async
        from astra_tui.cli.state import StateUnusable, check_state, spare_state
        from astra_tui.redact import known_secrets

        settings = settings or self.settings
        # A verb does its own work only: requests on the jobs topic wait for the console.
        settings = replace(settings, kafka=replace(settings.kafka, accept_jobs=False))

        def go(chosen: "EngineSettings") -> int:
            return run_async(self._with_engine(work, chosen, events, runner, look))

        try:
            check_state(settings.state_dir)
            open_log(settings.state_dir, self.options.log_level, secrets=known_secrets(settings))
            return go(settings)
        except (StateError, StateUnusable) as error:
            if spare is None or self._working:
                raise
            spare(error)
        with spare_state() as folder:
            return go(replace(settings, state_dir=folder))

    async def _with_engine(
        self, work: Work, settings: "EngineSettings", events: bool, runner: bool, look: bool
    ) -> int:
        from engine.engine import Engine

        # What only looks lists for itself: it must not change what a console's panes show.
        found = None if look else await self._running_engine(settings)
        engine = found or Engine(settings)
        try:
            await engine.start(events=events, runner=runner, look=look)
            gc.freeze()  # what was imported stays, and is not searched for garbage again
            self._working = True
            self.tell_notices(engine)
            code = await work(engine)
        except BaseException:
            # What ended the work is told; that closing failed for the same reason is not.
            with contextlib.suppress(AstraError):
                await self._let_go(engine)
                await engine.stop()
            raise
        await engine.stop()
        return code

    async def _running_engine(self, settings: "EngineSettings") -> "Engine | None":
        """The engine that works on this state directory in a process of its own, if one does.

        It knows this machine's files as well; other clouds than the config's it does not."""
        from engine.service.place import socket_path

        path = socket_path(settings.state_dir)
        if settings.shown != self.settings.clouds or not path.exists():
            return None
        from engine.service.link import EngineGone
        from engine.service.remote import RemoteEngine

        engine = RemoteEngine(settings, path, quiet=True)
        try:
            await engine.start()
        except EngineGone:
            return None  # what an engine that was killed left behind
        limits = (settings.jobs, settings.bwlimit)
        if limits != (self.settings.jobs, self.settings.bwlimit):
            self.out.say("The running engine's limits hold; change them in its console (b).")
        return engine

    async def _let_go(self, engine: "Engine") -> None:
        """A verb that was interrupted does not leave its jobs running elsewhere."""
        from engine.service.remote import RemoteEngine

        if isinstance(engine, RemoteEngine) and engine.attached:
            await engine.pause_begun()

    def tell_notices(self, engine: "Engine") -> None:
        """Warnings and errors that the engine noted, on stderr."""
        from engine.model import NoticeLevel

        for _, notice in engine.notices():
            if notice.level is not NoticeLevel.INFO:
                todo = f" {notice.todo}" if notice.todo else ""
                self.out.say(f"{notice.level.capitalize()}: {notice.text}{todo}")

    def address(self, text: str) -> "Address":
        """An address whose cloud is configured; `cloud:` is the cloud's default place.

        Raises UsageError.
        """
        from engine.model import Address

        if text[:-1] and text.endswith(":") and ":" not in text[:-1]:
            return self.default_place(text[:-1])
        try:
            address = Address.parse(text)
        except ValueError as error:
            hint = ""
            if os.path.exists(text):
                hint = "Files of this machine are put into a cloud with `astra ingest`."
            raise UsageError(f"{error}.", todo=hint) from error
        self.check_cloud(address.cloud)
        return address

    def default_place(self, name: str) -> "Address":
        """The default bucket and prefix of a cloud. Raises UsageError if it has none."""
        from engine.model import Address

        self.check_cloud(name)
        cloud = self.settings.cloud(name)
        if cloud is None or not cloud.bucket:
            raise UsageError(
                f"The cloud {name!r} has no default bucket.",
                todo=f"Name one: `{name}:bucket/`, or set bucket in [clouds.{name}].",
            )
        return Address(name, cloud.bucket, cloud.prefix)

    def check_cloud(self, name: str) -> None:
        """Raises UsageError with the configured names if there is no such cloud."""
        from astra_tui.config_table import did_you_mean

        names = [cloud.name for cloud in self.settings.clouds]
        if name not in names:
            raise UsageError(
                f"No cloud is named {name!r}; there are: {', '.join(names)}."
                + did_you_mean(name, names, NEAR)
            )

    @property
    def real_broker(self) -> bool:
        """Whether Kafka is a cluster that outlives this command."""
        return self.settings.kafka.bootstrap not in ("embedded", "off")


def global_options(function: Callable[..., Any], *, hidden: bool = False) -> Callable[..., Any]:
    """--config, --state, --read-only, --log-level; after a verb they work too, unseen, unless
    the verb has an option of that name itself (`astra jobs --state failed`)."""
    taken = {
        name for own in getattr(function, "__click_params__", ()) for name in (*own.opts, own.name)
    }
    options = (
        click.option(
            "--config",
            type=click.Path(path_type=Path),
            help="Config file instead of ./astra.toml or the user's own [env: ASTRA_CONFIG].",
            hidden=hidden,
        ),
        click.option(
            "--state",
            type=click.Path(path_type=Path),
            help="Directory of ledger, workspace and log [env: ASTRA_STATE].",
            hidden=hidden,
        ),
        click.option(
            "--read-only",
            is_flag=True,
            default=None,
            help="Change nothing in any cloud.",
            hidden=hidden,
        ),
        click.option(
            "--log-level",
            type=click.Choice(LEVELS),
            help="What the log file in the state directory holds (default: info).",
            hidden=hidden,
        ),
    )
    for name, option in reversed(list(zip(_GLOBAL_NAMES, options, strict=True))):
        if name not in taken:
            function = option(function)
    return function


def take_globals(values: dict[str, Any], above: Globals | None) -> Globals:
    """Take the global options out of a verb's values; those before the verb are the default."""
    above = above or Globals()
    return Globals(
        config=values.pop("config", None) or above.config,
        state=values.pop("state", None) or above.state,
        read_only=bool(values.pop("read_only", None) or above.read_only),
        log_level=values.pop("log_level", None) or above.log_level,
    )


def verb(
    name: str, *, group: click.Group | None = None, json: bool = True, **settings: Any
) -> Callable[[Callable[..., int]], click.Command]:
    """Make a function `f(command, **options) -> exit code` a verb of `astra`."""

    def wrap(function: Callable[..., int]) -> click.Command:
        @click.pass_context
        def call(context: click.Context, /, **values: Any) -> int:
            options = take_globals(values, context.obj)
            repeat(options.words())
            out = Output(json=bool(values.pop("as_json", False)))
            return int(function(Command(options, out), **values))

        wrapped: Callable[..., Any] = update_wrapper(call, function)
        wrapped = global_options(wrapped, hidden=True)
        if json:
            text = "Print one JSON object a line."
            wrapped = click.option("--json", "as_json", is_flag=True, help=text)(wrapped)
        maker = group.command if group is not None else click.command
        command: click.Command = maker(name, **settings)(wrapped)
        return command

    return wrap


DONE = int(Exit.DONE)
