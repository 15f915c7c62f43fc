"""Previews and versions for frozen pictures, made by the same code that looks at real bytes."""

import gzip
from dataclasses import replace

from engine.model import (
    Address,
    MoveKind,
    ObjectDetail,
    ObjectVersion,
    ObjectVersions,
    Preview,
    PreviewKind,
    PreviewState,
    Tier,
    VersionPin,
)
from engine.preview.kinds import look_at
from engine.preview.unpack import unpack
from tests.console import world
from tests.preview.test_pictures import jpeg

LIMIT = 65_536
HOSTILE = (
    "plain line\n"
    "\tindented by a tab, then \x1b[31mred\x1b[0m and \x1b]52;c;cm0gLXJm\x07\n"
    "rtl \u202egnp.exe and zero\u200bwidth\n"
    "[red]no markup[/] [@click=app.bell]x[/]\n"
    "carriage\rreturn, nul\x00, \x9b31m\n"
    "漢字テスト wide letters, e\u0301 combined\n"
) + "x" * 300
CSV = "".join(
    f"{number},customer-{number},{number * 1.5:.2f},2026-11-{number % 28 + 1:02},"
    f'"a note, with a comma",region-{number % 3},{number * 7919 % 1000},open\n'
    for number in range(1, 60)
)
BODIES: dict[str, bytes] = {
    "customer_transactions.csv": b"id,name,amount,day,note,region,score,state\n" + CSV.encode(),
    "docs/readme.md": b"# Read me\n\nWhat this bucket holds.\n",
    "hostile.txt": HOSTILE.encode(),
    "data.json": (
        b'{"name":"caf\\u00e9","tags":["a","b"],"size":1.50e3,"none":{},"deep":{"x":[1,{}]}}'
    ),
    "backup_database_Q2.zip": bytes(range(256)) * 40,
    "app.log.gz": gzip.compress(b"2026-11-21 12:04:31 INFO started\n" * 40, mtime=0),
    "photos/2026/08/harbour.jpg": jpeg(),
    "empty.flag": b"",
    "latin.txt": "größer, naïve, señor\r\nand more\r\n".encode("cp1252"),
}


def preview(address: Address, pin: VersionPin | None = None, *, paid: bool = False) -> Preview:
    """What an engine would say of these bytes; names with `archived` and `priced` are that."""
    body = BODIES.get(address.key, b"nothing special\n")
    found = Preview(
        address, pin or VersionPin(world.MD5, world.NOW - 9e6, len(body)), "STANDARD", Tier.HOT,
        len(body), cost=0.0000104, costs=(("request", 0.0000008), ("egress", 0.0000096)),
    )  # fmt: skip
    if "archived" in address.key:
        return replace(
            found, state=PreviewState.ARCHIVED, storage_class="GLACIER", tier=Tier.ARCHIVE,
            size=12_582_912, hours=5.0, cost=0.00032,
            costs=(("standard restore: 0.01 GB from aws GLACIER", 0.00012),
                   ("restored copy: 7 days at the price of the default class of aws", 0.0002)),
        )  # fmt: skip
    if "financial" in address.key and not paid:
        return replace(
            found, state=PreviewState.PRICED, storage_class="STANDARD_IA", tier=Tier.WARM,
            size=5_242_880, cost=0.0012, costs=(("request", 0.000002), ("retrieval", 0.0012)),
        )  # fmt: skip
    inside = unpack(body, LIMIT)
    look = look_at(inside.data, address.key, "", whole=inside.whole)
    kind = PreviewKind.TEXT if address.key == "hostile.txt" else look.kind
    return replace(
        found, kind=kind, read=len(body), data=inside.data, whole=inside.whole,
        encoding=look.encoding or ("utf-8" if kind is PreviewKind.TEXT else ""),
        guessed=look.guessed, delimiter=look.delimiter, packed=inside.name, facts=look.facts,
    )  # fmt: skip


def busy(address: Address) -> ObjectDetail:
    """An object with a long life: many decisions, jobs of every kind, hostile words."""
    quiet = world.detail(address)
    day = 86_400.0
    decisions = tuple(
        replace(
            world.decisions()[0],
            reason="Not read for 123 days; [red]\x1b[31mhostile" if number % 4 == 0 else
            "WARM costs less than HOT from 30 days without a read on; it was read 3 times.",
            policy=("rules", "cost", "proactive")[number % 3],
            saving_per_month=0.0123 if number % 3 else -0.004,
            decided_at=world.NOW - number * 11 * day,
            confidence=0.93,
            assumption="at the reads of the last 30 days" if number % 2 else "",
            model_version="glm-2026-11-01" if number % 3 == 2 else "",
        )
        for number in range(20)
    )  # fmt: skip
    kinds = (MoveKind.TIER, MoveKind.MOVE, MoveKind.COPY)
    jobs = tuple(
        replace(
            job,
            job_id=f"job-{number}",
            spec=replace(job.spec, source=address, kind=kinds[number % 3]),
            started=world.NOW - number * 13 * day - 60,
            finished=world.NOW - number * 13 * day if job.finished else 0.0,
        )
        for number, job in enumerate([*world.jobs(), *world.jobs(), *world.jobs()[3:]])
    )
    return replace(
        quiet, address=address, decisions=decisions, jobs=jobs, simulated_days=30.0,
        head=replace(quiet.head, archived=True, storage_class="GLACIER"), tier=Tier.ARCHIVE,
        daily_reads=tuple((day * day * 7) % 31 if day % 5 else 0 for day in range(90)),
    )  # fmt: skip


def versions(address: Address) -> ObjectVersions:
    """Five versions and a delete marker; one of a disk for `docs/`."""
    if address.key.startswith("docs/"):
        return ObjectVersions(address, kept=False)
    if address.key.startswith("temp"):
        return ObjectVersions(address)
    day = 86_400.0

    def version(number: int, **changes: object) -> ObjectVersion:
        name = f"3sL4kqtJlcpXroDTDmJ+{number}rmSpXd3dIbrHY\x1b[31m"[: 34 + number]
        size = 2_621_440 - number * 4096
        pin = VersionPin(f"{number:032x}", world.NOW - number * 9 * day, size, name)
        made = ObjectVersion(pin, "STANDARD", Tier.HOT, cost_month=0.0000575)
        return replace(made, **changes)  # type: ignore[arg-type]

    return ObjectVersions(
        address,
        (
            version(1, current=True),
            version(2, marker=True, cost_month=0.0),
            version(3, storage_class="STANDARD_IA", tier=Tier.WARM, cost_month=0.0000313),
            version(4, storage_class="DEEP_ARCHIVE", tier=Tier.ARCHIVE, cost_month=None),
            version(5, snapshot=True),
        ),
    )
