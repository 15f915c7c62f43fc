"""`astra show` and `astra cat`: one object, closer; nothing is changed."""

import base64
import sys
from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli.context import DONE, Command, verb
from astra_tui.cli.options import Size
from astra_tui.cli.output import address_text, usd
from engine.errors import Refused, UsageError

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import Address, ObjectDetail, ObjectVersions, Preview, VersionPin

_LINE = 100  # cells of a previewed line
_PAID = "--paid"


@verb("show")
@click.argument("address")
@click.option("--versions", is_flag=True, help="List the versions that the store keeps, too.")
@click.option("--preview", is_flag=True, help="Read and show the object's beginning, too.")
def show(command: Command, address: str, versions: bool, preview: bool) -> int:
    """Show one object: facts, cost in each class, decisions, jobs, metadata.

    `--preview` reads nothing of what is archived, or where reading is billed by the byte; see
    `astra cat`.
    """
    place = _object(command, address)

    async def work(engine: "Engine") -> int:
        detail = await engine.inspect(place)
        found = await engine.versions(place) if versions else None
        begin = await engine.preview(place) if preview else None
        if command.out.json:
            value = detail_json(detail)
            if found is not None:
                value["versions"] = versions_json(found)
            if begin is not None:
                value["preview"] = preview_json(begin)
            command.out.emit(value)
            return DONE
        _print_detail(command, detail)
        if found is not None:
            _print_versions(command, found)
        if begin is not None:
            command.out.line()
            _print_preview(command, begin)
        return DONE

    return command.run(work, look=True)


@verb("cat")
@click.argument("address")
@click.option("--head", "limit", type=Size(), default="64KiB", show_default=True, metavar="SIZE",
              help="Read so many bytes at most, up to 256KiB.")  # fmt: skip
@click.option("--version", "name", default="", help="That version, as `astra show --versions`.")
@click.option("--bytes", "as_bytes", is_flag=True, help="As a hex dump, whatever it is.")
@click.option("--raw", is_flag=True, help="The stored bytes as they are; never to a terminal.")
@click.option(_PAID, is_flag=True, help="Read although that is billed by the byte.")
def cat(
    command: Command, address: str, limit: int, name: str, as_bytes: bool, raw: bool, paid: bool
) -> int:
    """Show the beginning of one object, harmless in any terminal.

    gzip and zstd are unpacked, JSON is indented, tables stand in columns, of pictures the facts
    are told, and other bytes are a hex dump. Where reading is billed by the byte the price is
    told and nothing is read without `--paid`; what is archived is never read.
    """
    place = _object(command, address)
    if raw and (command.out.json or as_bytes):
        raise UsageError("--raw is the bytes alone: leave --json and --bytes out.")
    if raw and sys.stdout.isatty():
        raise UsageError(
            "Raw bytes could do anything to this terminal.", todo="Send them to a file or a pipe."
        )

    async def work(engine: "Engine") -> int:
        pin = await _pin_of(engine, place, name) if name else None
        found = await engine.preview(place, pin=pin, limit=limit, paid=paid)
        _refuse_unread(found)
        if raw:
            if found.packed:
                raise UsageError(
                    f"It is packed ({found.packed}), and only its beginning is here.",
                    subject=str(place),
                    todo="Leave --raw out, or fetch the object: `astra fetch`.",
                )
            sys.stdout.buffer.write(found.data)
            sys.stdout.buffer.flush()
        elif command.out.json:
            command.out.emit(preview_json(found))
        else:
            _print_preview(command, found, as_bytes=as_bytes)
        return DONE

    return command.run(work, look=True)


def _object(command: Command, text: str) -> "Address":
    address = command.address(text)
    if not address.key:
        raise UsageError(
            "This names no object.", subject=text, todo="Write cloud:bucket/key; `astra ls` lists."
        )
    return address


async def _pin_of(engine: "Engine", place: "Address", name: str) -> "VersionPin":
    found = await engine.versions(place)
    for version in found.versions:
        if version.name == name and not version.marker:
            return version.pin
    names = ", ".join(item.name for item in found.versions[:5] if not item.marker)
    raise UsageError(
        f"There is no version {name!r} with bytes; there are: {names or 'none'}.",
        subject=str(place),
        todo="`astra show ADDRESS --versions` lists them.",
    )


def _refuse_unread(found: "Preview") -> None:
    from engine.model import PreviewState

    if found.state is PreviewState.PRICED:
        raise Refused(
            f"Reading from {found.storage_class} is billed: {usd(found.cost, currency=True)} for "
            "this beginning.",
            subject=str(found.address),
            safe="Nothing was read.",
            todo=f"Say {_PAID} to read it.",
        )
    if found.state is PreviewState.ARCHIVED:
        raise Refused(
            f"It is archived in {found.storage_class}: a restore costs about "
            f"{usd(found.cost, currency=True)} and takes {found.hours:g} hours.",
            subject=str(found.address),
            safe="Nothing was read or asked for.",
            todo="`astra tier set` or `astra migrate` restore it, after a plan.",
        )


# -- as JSON ----------------------------------------------------------------------------


def detail_json(detail: "ObjectDetail") -> dict[str, Any]:
    """An object as `astra show --json` prints it."""
    from engine.codec import encode

    return {
        "address": str(detail.address),
        "size": detail.head.size,
        "storage_class": detail.head.storage_class,
        "tier": detail.tier.value,
        "archived": detail.head.archived,
        "cost_month": detail.cost_month,
        "modified": detail.head.pin.modified,
        "age_days": detail.age_days,
        "idle_days": detail.idle_days,
        "reads_30d": detail.reads_30d,
        "daily_reads": list(detail.daily_reads),
        "classes": [
            {
                "storage_class": change.storage_class,
                "tier": change.tier.value,
                "cost_month": change.cost_month,
                "here": change.here,
                "saving_month": change.saving,
                "once": change.once,
                "once_lines": [list(line) for line in change.lines],
                "payback_months": change.payback_months,
                "refused": change.refused,
            }
            for change in detail.changes
        ],
        "decisions": [encode(item) for item in detail.decisions],
        "jobs": [
            {"job": job.job_id, "kind": job.spec.kind.value, "state": job.state.value,
             "destination": str(job.spec.destination), "finished": job.finished,
             "error": job.error}
            for job in detail.jobs
        ],
        "metadata": encode(detail.head.meta),
        "checksums": [encode(item) for item in detail.head.checksums],
        "pin": encode(detail.head.pin),
    }  # fmt: skip


def versions_json(found: "ObjectVersions") -> list[dict[str, Any]]:
    """Versions as they are printed."""
    return [
        {
            "version": item.name,
            "current": item.current,
            "delete_marker": item.marker,
            "snapshot": item.snapshot,
            "modified": item.pin.modified,
            "size": item.pin.size,
            "storage_class": item.storage_class,
            "tier": item.tier.value,
            "cost_month": item.cost_month,
        }
        for item in found.versions
    ]


def preview_json(found: "Preview") -> dict[str, Any]:
    """A preview as `astra cat --json` prints it: `text` where it is text, else `base64`."""
    value: dict[str, Any] = {
        "address": str(found.address),
        "version": found.pin.version_id,
        "state": found.state.value,
        "kind": found.kind.value,
        "size": found.size,
        "read": found.read,
        "whole": found.whole,
        "encoding": found.encoding,
        "packed": found.packed,
        "facts": dict(found.facts),
        "cost": found.cost,
        "note": found.note,
    }
    if found.encoding:
        value["text"] = found.text
    elif found.data:
        value["base64"] = base64.b64encode(found.data).decode()
    return value


# -- for people -------------------------------------------------------------------------


def _print_detail(command: Command, detail: "ObjectDetail") -> None:
    from widgets.object_lines import Shape, object_page
    from widgets.plain import plain_line

    page = object_page(detail, _LINE, Shape(unfolded=True))
    for cell in page.lines[1:]:
        if not command.out.json:
            command.out.line(plain_line(cell))


def _print_versions(command: Command, found: "ObjectVersions") -> None:
    from widgets.text import bytes_text, date_text, visible

    command.out.line()
    if not found.kept:
        command.out.line("This kind of store keeps one version of each object.")
        return
    heads = ("written", "what", ">size", "class", ">$/month", "version")

    def what(item: Any) -> str:
        if item.marker:
            return "delete marker"
        return "current" if item.current else "snapshot" if item.snapshot else "earlier"

    rows = [
        (
            date_text(item.pin.modified),
            what(item),
            "" if item.marker else bytes_text(item.pin.size),
            visible(item.storage_class),
            "" if item.marker else usd(item.cost_month),
            visible(item.name),
        )
        for item in found.versions
    ]
    command.out.table(heads, rows)
    if found.more:
        command.out.say("There are older ones, which are not listed.")


def _print_preview(command: Command, found: "Preview", *, as_bytes: bool = False) -> None:
    """The bytes on stdout; what they are on stderr, so that they can be sent on."""
    from engine.model import PreviewKind, PreviewState
    from widgets.plain import plain_line
    from widgets.preview_lines import body_lines
    from widgets.text import bytes_text, visible

    if found.state is not PreviewState.READ:
        command.out.say(f"{address_text(found.address)}: not read, it is {found.state.value}.")
        return
    packed = f", unpacked from {found.packed}" if found.packed else ""
    encoding = f", {found.encoding}" if found.encoding else ""
    share = "all of it" if found.whole else f"the first {bytes_text(found.read)}"
    command.out.say(
        f"{address_text(found.address)}: {found.kind.value}{encoding}{packed}; {share} of "
        f"{bytes_text(found.size)}"
    )
    if found.note:
        command.out.say(f"Warning: {visible(found.note)}")
    for name, value in found.facts:
        command.out.line(f"{name:<10}{visible(value)}")
    if found.kind is PreviewKind.PICTURE and not as_bytes:
        return
    for cell in body_lines(found, _LINE, as_bytes=as_bytes):
        command.out.line(plain_line(cell))
