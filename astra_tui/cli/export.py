"""`astra export lifecycle`: what a provider can do by itself of a policy, in its own form."""

import asyncio
import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from astra_tui.cli.context import DONE, Command, verb
from engine.errors import ConfigError, StateError, UsageError

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.lifecycle.derive import Wanted
    from engine.lifecycle.model import Lifecycle
    from engine.settings import CloudSettings

_FORMS = ("s3-json", "terraform", "cloudformation", "gcs-json", "azure-json")
_PROVIDERS = ("aws", "gcp", "azure")


@click.group("export")
def export() -> None:
    """Write what other tools can use."""


@verb("lifecycle", group=export)
@click.argument("place", required=False, metavar="[CLOUD|ADDRESS]")
@click.option("--format", "form", type=click.Choice(_FORMS), required=True, help="Whose form.")
@click.option("--policy", default="", help="That policy (default: the config's).")
@click.option("--provider", type=click.Choice(_PROVIDERS), help="For terraform without a cloud.")
@click.option("--bucket", default="", help="Bucket, or container, that the rules are for.")
@click.option("--prefix", default="", help="Only for keys that begin so.")
@click.option(
    "--by",
    "clock",
    type=click.Choice(("age", "access")),
    help="Count days from writing or from the last access (default: as the policy does).",
)
@click.option("--no-archive", is_flag=True, help="No step into a class that needs a restore.")
@click.option(
    *("--output", "-o"),
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write it there, whole or not at all.",
)
def lifecycle(
    command: Command,
    place: str | None,
    form: str,
    policy: str,
    provider: str | None,
    bucket: str,
    prefix: str,
    clock: str | None,
    no_archive: bool,
    output: Path | None,
) -> int:
    """Write a policy as lifecycle rules of S3, Google or Azure, and tell what they leave out.

    The policy is asked about made-up objects of all sizes as they grow older; what it decides at
    today's prices becomes the rules. Nothing is changed in any cloud.
    """
    from engine.lifecycle.derive import Wanted
    from engine.lifecycle.model import Clock
    from engine.model import Provider

    cloud, where, key = _place(command, place, form, provider)
    whose = cloud.provider if cloud is not None else _provider(form, provider)
    wanted = Wanted(
        provider=Provider(whose),
        region=cloud.region if cloud is not None else "",
        bucket=bucket or where,
        prefix=prefix or key,
        clock=Clock(clock) if clock else None,
        archive=not no_archive,
    )

    async def work(engine: "Engine") -> int:
        return await _write(command, await engine.lifecycle(wanted, policy), form, output)

    if _configured(command):
        return command.run(work, look=True, spare=lambda error: command.out.say(str(error)))
    return asyncio.run(_alone(command, wanted, policy, form, output))


def _configured(command: Command) -> bool:
    """Whether there is a configuration; a named one must be there."""
    try:
        return bool(command.settings.clouds)
    except ConfigError:
        if command.options.config is not None:
            raise
        return False


def _place(
    command: Command, place: str | None, form: str, provider: str | None
) -> "tuple[CloudSettings | None, str, str]":
    """The cloud that is meant, with bucket and prefix; no cloud where none is configured."""
    if place:
        name = place.partition(":")[0]
        command.check_cloud(name)
        cloud = command.settings.cloud(name)
        if place.rstrip(":") == name:
            return cloud, cloud.bucket if cloud else "", cloud.prefix if cloud else ""
        address = command.address(place)
        return cloud, address.bucket, address.key
    if not _configured(command) or (form == "terraform" and not provider):
        if _configured(command):
            raise UsageError(
                "Terraform has a resource for each provider.",
                todo="Name a cloud or an address, or say --provider aws, gcp or azure.",
            )
        return None, "", ""
    whose = _provider(form, provider)
    fitting = [cloud for cloud in command.settings.clouds if cloud.provider == whose]
    if len(fitting) > 1:
        names = ", ".join(cloud.name for cloud in fitting)
        raise UsageError(f"Several clouds are of {whose}: {names}.", todo="Name one of them.")
    if not fitting:
        return None, "", ""
    return fitting[0], fitting[0].bucket, fitting[0].prefix


def _provider(form: str, provider: str | None) -> str:
    from engine.lifecycle.forms import FORMS

    own = FORMS[form].provider
    if own is not None:
        return own.value
    if provider is None:
        raise UsageError(
            "Terraform has a resource for each provider.",
            todo="Name a cloud or an address, or say --provider aws, gcp or azure.",
        )
    return provider


async def _alone(
    command: Command, wanted: "Wanted", policy: str, form: str, output: Path | None
) -> int:
    """Without a configuration: built-in prices, and the policy as it is."""
    from engine.lifecycle.derive import derive
    from engine.pricing.book import PriceBook
    from engine.pricing.columns import ClassTable
    from engine.tiering.policy import policy_named

    table = ClassTable.of(PriceBook.load(), wanted.provider, wanted.region)
    found = await asyncio.to_thread(derive, policy_named(policy or "rules"), table, wanted)
    return await _write(command, found, form, output)


async def _write(command: Command, found: "Lifecycle", form: str, output: Path | None) -> int:
    from engine.lifecycle.forms import form_named, needs
    from widgets.text import visible

    chosen = form_named(form, found.provider)
    document = chosen.render(found)
    if output is not None:
        await asyncio.to_thread(_save, output, document)
    command.out.emit(_json(found, form, document, output))
    if output is None and not command.out.json:
        command.out.raw(document)
    for gap in found.gaps:
        command.out.say(visible(f"Not expressed: {gap}"))
    for note in found.notes:
        command.out.say(visible(note))
    for need in needs(found):
        command.out.say(f"Needed: {need}")
    command.out.say(chosen.note if output is None else f"{visible(str(output))}: {chosen.note}")
    return DONE


def _json(found: "Lifecycle", form: str, document: str, output: Path | None) -> dict[str, object]:
    return {
        "format": form,
        "provider": found.provider.value,
        "region": found.region or None,
        "bucket": found.bucket or None,
        "prefix": found.prefix or None,
        "policy": found.policy,
        "policy_version": found.policy_version,
        "by": found.clock.value,
        "automatic": found.automatic or None,
        "output": str(output) if output is not None else None,
        "document": document if form == "terraform" else json.loads(document),
        "not_expressed": [
            {"part": gap.part, "why": gap.why, "instead": gap.instead} for gap in found.gaps
        ],
    }


def _save(path: Path, document: str) -> None:
    """Write the file whole or not at all. Raises StateError and UsageError."""
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise UsageError("This is no file, so nothing can be written there.", subject=str(path))
    beside = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        with open(beside, "x", encoding="utf-8", newline="") as file:
            file.write(document)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise StateError(
            f"The rules cannot be written: {error.strerror or error}.",
            subject=str(path),
            safe="What was there before is unchanged.",
            todo="Free space or name another place, and ask for it again.",
        ) from error
