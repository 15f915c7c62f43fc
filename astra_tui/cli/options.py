"""Options that several verbs share, and how they become settings."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import rich_click as click

from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.model import MoveOptions, Tier, Timetable
    from engine.settings import EngineSettings

TIERS = ("HOT", "WARM", "COLD", "ARCHIVE")
RESTORE_SPEEDS = ("standard", "bulk", "expedited")
CHECKSUMS = ("md5", "sha256", "blake3", "crc32c", "crc64nvme")

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Size(click.ParamType[int]):
    """Bytes, written as 20MiB."""

    name = "size"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        from engine.model import parse_size

        if isinstance(value, int):
            return value
        try:
            return parse_size(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Bandwidth(click.ParamType["int | Timetable"]):
    """Bytes a second, written as 20MiB, or a timetable."""

    name = "limit"

    def convert(self, value: Any, param: Any, ctx: Any) -> "int | Timetable":
        from engine.model import parse_bandwidth

        if not isinstance(value, str):
            limit: int | Timetable = value
            return limit
        try:
            return parse_bandwidth(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Priority(click.ParamType[int]):
    """low, normal, high or a number."""

    name = "priority"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        from engine.model import parse_priority

        if isinstance(value, int):
            return value
        try:
            return parse_priority(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Compression(click.ParamType[str]):
    """zstd or zstd:LEVEL."""

    name = "zstd[:level]"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        from engine.model import parse_compress

        try:
            return parse_compress(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class CountOrOff(click.ParamType["int | Literal['off']"]):
    """A whole number from 0, or off."""

    name = "count"

    def convert(self, value: Any, param: Any, ctx: Any) -> "int | Literal['off']":
        if value == "off" or isinstance(value, int):
            return value  # type: ignore[no-any-return]
        if not str(value).isdecimal():
            self.fail(f"{value!r} is no number; write 10000, or off", param, ctx)
        return int(value)


def all_of(*options: Decorator) -> Decorator:
    """Several options as one decorator, shown in this order."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return add


target_options = all_of(
    click.option(
        "--tier", type=click.Choice(TIERS, case_sensitive=False), help="Tier at the destination."
    ),
    click.option("--storage-class", default="", help="The provider's own name of the class."),
)
proof_options = all_of(
    click.option(
        "--checksum",
        type=click.Choice(CHECKSUMS, case_sensitive=False),
        default="md5",
        show_default=True,
        help="Digest that both sides are compared by.",
    ),
    click.option(
        "--verify",
        type=click.Choice(("reread", "attested"), case_sensitive=False),
        default="reread",
        show_default=True,
        help="Read the copy back, or trust a checksum that the provider computed itself.",
    ),
    click.option("--overwrite", is_flag=True, help="Replace what is at the destination."),
    click.option(
        "--strict",
        is_flag=True,
        help="Refuse unguarded deletes; read a source without a checksum twice.",
    ),
    click.option(
        "--server-copy/--no-server-copy",
        default=True,
        help="Let a provider copy between its own buckets, where that is exact.",
    ),
    click.option(
        "--restore-speed",
        type=click.Choice(RESTORE_SPEEDS, case_sensitive=False),
        help="How archived sources are asked back; else as the configuration says.",
    ),
    click.option(
        "--restore-days", type=click.IntRange(1, 365), help="How long they shall stay readable."
    ),
    click.option(
        "--max-attempts",
        type=click.IntRange(1, 100),
        help="Fail a job after so many tries, even if its store was only away.",
    ),
)
compress_option = click.option(
    "--compress",
    type=Compression(),
    help="Compress on the way: zstd, or zstd:LEVEL (1 to 19). Keys get the ending .zst.",
)
run_options = all_of(
    click.option("--jobs", "workers", type=click.IntRange(1, 256), help="So many objects at once."),
    click.option(
        "--bwlimit",
        type=Bandwidth(),
        help='Bytes a second over all jobs: 20MiB, or a timetable "08:00,5MiB 19:00,off".',
    ),
)
submit_options = all_of(
    click.option(
        "--priority", type=Priority(), default="normal", help="low, normal, high or a number."
    ),
    click.option(
        "--max-deletes",
        type=CountOrOff(),
        help="Refuse a plan that deletes more sources (10000; off: any number).",
    ),
)
yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
dry_run_option = click.option(
    "--dry-run", "-n", is_flag=True, help="Show the whole plan as data; change nothing."
)
preflight_option = click.option(
    "--preflight",
    is_flag=True,
    help="With --dry-run: also read a byte of a source, and write and remove a small object.",
)
save_option = click.option(
    "--save", is_flag=True, help="Keep the plan, for `astra plan submit` or the console."
)


def move_options(values: dict[str, Any]) -> "MoveOptions":
    """Take the values of `proof_options` out of a verb's values."""
    from engine.model import Evidence, MoveOptions

    return MoveOptions(
        checksum=values.pop("checksum").lower(),
        verify=Evidence(values.pop("verify").lower()),
        overwrite=values.pop("overwrite"),
        strict=values.pop("strict"),
        server_copy=values.pop("server_copy"),
        restore_speed=(values.pop("restore_speed") or "").lower(),
        restore_days=values.pop("restore_days") or 0,
        max_attempts=values.pop("max_attempts", None) or 0,
        compress=values.pop("compress", None) or "",
    )


def target(tier: str | None, storage_class: str) -> "Tier | None":
    """The tier, if one was named. Raises UsageError if a class was named too."""
    from engine.model import Tier

    if tier and storage_class:
        raise UsageError("Name a tier or a storage class, not both.")
    return Tier(tier.upper()) if tier else None


def limited(settings: "EngineSettings", values: dict[str, Any]) -> "EngineSettings":
    """Settings with the limits of `run_options` and `submit_options` over those of the config."""
    workers, bwlimit = values.get("workers"), values.get("bwlimit")
    most = values.get("max_deletes")
    return replace(
        settings,
        jobs=settings.jobs if workers is None else workers,
        bwlimit=settings.bwlimit if bwlimit is None else bwlimit,
        max_deletes=settings.max_deletes if most is None else None if most == "off" else most,
    )
