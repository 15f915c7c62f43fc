"""`astra fetch`: objects of a cloud as files of this machine, each verified."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli import options
from astra_tui.cli.carry import Tally, follow, refused_json
from astra_tui.cli.context import Command, verb
from astra_tui.cli.exits import Exit, Interrupted
from astra_tui.cli.filters import filter_options, take_filters
from astra_tui.cli.output import address_text, counted
from astra_tui.cli.state import spare_state
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import Address, JobView, Plan

_TRIES = 5  # of one object; whoever waits for a file wants to hear that its store is away
_SHOWN = 50  # refusals told one by one


@dataclass(frozen=True, slots=True)
class Target:
    """Where files go: a folder that is there, and the address of the rest below it."""

    folder: Path
    address: "Address"

    def path(self, address: "Address") -> str:
        """The file that a job writes."""
        return f"{os.fspath(self.folder)}/{address.key}"


@verb("fetch")
@click.argument("source")
@click.argument("path", required=False, default=".", metavar="[FILE|FOLDER]")
@click.option(
    "--checksum",
    type=click.Choice(options.CHECKSUMS, case_sensitive=False),
    default="md5",
    show_default=True,
    help="Digest that the object and the file are compared by.",
)
@click.option("--strict", is_flag=True, help="Read an object without a checksum twice.")
@click.option(
    "--decompress/--no-decompress",
    default=True,
    help="Give back the original bytes of what was moved with --compress.",
)
@filter_options
@options.run_options
def fetch(command: Command, source: str, path: str, **values: Any) -> int:
    """Download an object, or all below a prefix, into files that are verified.

    SOURCE is a key, or a prefix ending in `/`, which goes into a FOLDER. A file appears whole
    or not at all and is read back, nothing is overwritten, and the cloud is only read. Without a
    second argument files go into the working directory.
    """
    from engine.model import MoveKind, MoveOptions

    address = command.address(source)
    target = fetch_target(path, address)
    filters = take_filters(values)
    move_options = MoveOptions(
        checksum=values["checksum"].lower(),
        strict=values["strict"],
        max_attempts=_TRIES,
        server_copy=False,
    )

    async def work(engine: "Engine") -> int:
        plan = await engine.plan_migration(
            [address],
            target.address,
            kind=MoveKind.COPY,
            options=move_options,
            filters=filters,
        )
        return await _carry_out(command, engine, plan, target, decompress=values["decompress"])

    from astra_tui.config import with_folder

    settings = options.limited(with_folder(command.settings, target.folder), values)
    try:
        with spare_state() as state:
            return command.run(work, settings=replace(settings, state_dir=state), runner=True)
    except Interrupted:
        command.out.say(
            "Interrupted. Files that are there are whole; fetch again for those that are not."
        )
        return Exit.INTERRUPTED


async def _carry_out(
    command: Command, engine: "Engine", plan: "Plan", target: Target, *, decompress: bool
) -> int:
    from engine.model import CheckState
    from widgets.text import visible

    tally = Tally(refused=plan.totals().refused, advice=False)
    refused = [move for move in plan.moves if move.refused]
    for number, move in enumerate(refused):
        line = refused_json(plan, move)
        command.out.emit(line | {"destination": target.path(move.destination)})
        if number < _SHOWN:
            command.out.say(f"Refused: {address_text(move.source)}: {visible(move.refused)}.")
    for check in plan.checks:
        if check.state in (CheckState.WARNING, CheckState.FAILED):
            text = f"{check.subject}: {check.detail} {check.todo}"
            command.out.say(f"Warning: {visible(text.strip())}")
    if not plan.totals().moves:
        command.out.emit(tally.to_json("", interrupted=False))
        why = "every object was refused" if refused else "no object fits"
        command.out.say(f"Nothing was fetched: {why}.")
        return Exit.FAILED if refused else Exit.DONE
    command.out.keep_going = True
    unattested: list[str] = []
    jobset = await engine.submit(plan)
    packed: list[JobView] = []
    show = _shower(target, unattested, packed)
    total = plan.totals().moves

    async def unpack() -> None:
        for job in packed if decompress else ():
            await _unpack(command, engine, target, tally, job)

    code = await follow(
        command, engine, tally, jobset=jobset, total=total, show=show, before_end=unpack
    )
    if unattested:
        command.out.say(
            f"{counted(len(unattested), 'object')} unattested: the store has no checksum of the"
            " whole, so only the way from there was proved; --strict reads such objects twice."
        )
    return code


async def _unpack(
    command: Command, engine: "Engine", target: Target, tally: Tally, job: "JobView"
) -> None:
    """Turn a file that is marked as compressed into the original; told as a line of its own."""
    from engine.errors import AstraError
    from engine.migration.unpacking import unpack_file
    from engine.stores import open_store
    from widgets.text import visible

    clouds = [engine.settings.cloud(end.cloud) for end in (job.spec.source, job.spec.destination)]
    stores = [open_store(cloud) for cloud in clouds if cloud is not None]
    line = {
        "unpacked": str(job.spec.source),
        "from": target.path(job.spec.destination),
        "error": None,
    }
    try:
        source, disk = stores
        address = await unpack_file(disk, job.spec.destination, source, job.spec.source)
    except AstraError as error:
        tally.successful, tally.failed = tally.successful - 1, tally.failed + 1
        command.out.emit(line | {"destination": None, "error": error.what})
        command.out.say(
            f"Failed: {visible(target.path(job.spec.destination))} is kept as it is stored, and"
            f" was not decompressed: {visible(error.what)}"
        )
    else:
        if address is not None:
            command.out.emit(line | {"destination": target.path(address)})
    finally:
        for store in stores:
            await store.close()


def _shower(
    target: Target, unattested: list[str], packed: "list[JobView]"
) -> "Callable[[JobView], dict[str, Any]]":
    from astra_tui.job_report import job_json
    from engine.model import COMPRESSED, JobState, SourceProof

    def show(job: "JobView") -> dict[str, Any]:
        if job.state is JobState.COMPLETED and job.spec.destination.key.endswith(COMPRESSED):
            packed.append(job)
        if job.state is JobState.COMPLETED and job.source_proof is SourceProof.UNATTESTED:
            unattested.append(job.job_id)
        return job_json(job) | {
            "destination": target.path(job.spec.destination),
            "source_proof": job.source_proof.value or None,
        }

    return show


def fetch_target(path: str, source: "Address") -> Target:
    """Where `path` is, as a folder that is there and what is to be made in it.

    Links on the way to that folder are followed, as the operator named them; none below it is.
    Raises UsageError.
    """
    from astra_tui.config import RESERVED_CLOUD
    from engine.model import Address

    is_folder = source.is_prefix or path.endswith("/") or os.path.isdir(path)
    if not path or "\0" in path:
        raise UsageError("This is no name of a file.", subject=path)
    if source.is_prefix and os.path.lexists(path) and not os.path.isdir(path):
        raise UsageError(
            "Several objects cannot become one file.", subject=path, todo="Name a folder."
        )
    # What is there is where the temporary files lie: on one disk with the files to come.
    there, rest = os.path.abspath(path), ""
    if not os.path.isdir(there) or not is_folder:
        there, rest = os.path.split(there)
    while not os.path.isdir(there):
        there, name = os.path.split(there)
        rest = f"{name}/{rest}"
    there = os.path.realpath(there)
    while os.path.basename(there).startswith("."):
        there, name = os.path.split(there)
        rest = f"{name}/{rest}" if rest else name
    if there == "/":
        raise UsageError(
            "Files are not fetched directly into /.", subject=path, todo="Name a folder below."
        )
    key = os.fsencode(rest).decode("utf-8", "surrogateescape")
    bucket = os.fsencode(os.path.basename(there)).decode("utf-8", "surrogateescape")
    if is_folder and key and not key.endswith("/"):
        key += "/"
    return Target(Path(there), Address(RESERVED_CLOUD, bucket, key))
