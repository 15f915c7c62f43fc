"""`astra check`: are two places, or a job set and its copies, really the same?"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli import options
from astra_tui.cli.context import Command, verb
from astra_tui.cli.exits import Exit
from astra_tui.cli.filters import filter_options, take_filters
from astra_tui.cli.output import address_text
from astra_tui.cli.progress import ProgressLine
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import Finding


@verb("check")
@click.argument("source", metavar="SOURCE|JOBSET")
@click.argument("destination", required=False)
@click.option("--all", "every", is_flag=True, help="Print what is the same, too.")
@click.option("--download", is_flag=True, help="Read both sides; trust no provider's checksum.")
@click.option(
    "--checksum",
    type=click.Choice(options.CHECKSUMS, case_sensitive=False),
    default="md5",
    show_default=True,
    help="Digest where both sides are read.",
)
@filter_options
@options.run_options
def check(command: Command, source: str, destination: str | None, **values: Any) -> int:
    """Compare two keys or prefixes object by object, by digests; or the copies of a job set.

    What both providers attest is compared; anything else is read, pinned to its version, and
    hashed. Sizes and times are no proof. With a job set (`latest` is the last one) each copy is
    held to the digest that its migration proved. Nothing is changed. Exit code 0: all equal.
    """
    every, download = values.pop("every"), values.pop("download")
    checksum = values.pop("checksum").lower()
    filters = take_filters(values)
    places = [command.address(place) for place in (source, destination or "") if destination]
    if not places and ":" in source:
        raise UsageError(
            "Name the other side too, or a job set alone.", todo="astra check SOURCE DESTINATION"
        )
    if not places and filters:
        raise UsageError("Filters choose objects of two places; a job set is checked whole.")

    async def work(engine: "Engine") -> int:
        if places:
            found = engine.check(*places, filters=filters, checksum=checksum, download=download)
        else:
            jobset = (await engine.summary(source)).jobset
            found = engine.check_jobset(jobset, download=download)
        return await _tell(command, found, every=every)

    settings = options.limited(command.settings, values)
    return command.run(work, settings=settings, look=True)


async def _tell(command: Command, found: "AsyncGenerator[Finding, None]", *, every: bool) -> int:
    """Print each finding, then the sums, also when it is interrupted; the exit code."""
    from engine.model import Outcome

    tally, began, interrupted = _Tally(), time.monotonic(), False
    try:
        with ProgressLine() as progress:
            progress.show(lambda: "Listing …")
            async with aclosing(found) as findings:
                async for finding in findings:
                    tally.add(finding)
                    if every or finding.outcome is not Outcome.SAME:
                        progress.clear()
                        command.out.emit(finding_json(finding))
                        command.out.line(_line(finding))
                    progress.show(lambda: f"{tally.sentence(began).removesuffix('.')} …")
    except asyncio.CancelledError:
        interrupted = True
        raise
    else:
        command.out.emit(tally.to_json(began, interrupted=False))
        command.out.say(tally.sentence(began))
    finally:
        if interrupted:
            command.out.emit(tally.to_json(began, interrupted=True))
            command.out.say(f"Not finished: {tally.sentence(began)}")
    return Exit.DONE if tally.clean else Exit.FAILED


class _Tally:
    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.evidence: Counter[str] = Counter()
        self.bytes = 0

    def add(self, finding: "Finding") -> None:
        self.outcomes[finding.outcome.value] += 1
        if finding.outcome.value == "same":
            self.evidence[finding.evidence.value] += 1
            self.bytes += finding.destination_size or 0

    @property
    def clean(self) -> bool:
        return not any(number for name, number in self.outcomes.items() if name != "same")

    def to_json(self, began: float, *, interrupted: bool) -> dict[str, Any]:
        from engine.model import Outcome

        return {
            "summary": {
                "objects": self.outcomes.total(),
                **{item.value: self.outcomes[item.value] for item in Outcome},
                "evidence": {name: self.evidence[name] for name in ("reread", "attested")},
                "bytes_same": self.bytes,
                "seconds": round(time.monotonic() - began, 3),
                "interrupted": interrupted,
            }
        }

    def sentence(self, began: float) -> str:
        from widgets.text import bytes_text, duration_text

        if not self.outcomes:
            return "Nothing is there on either side, so nothing was compared."
        parts = [f"{self.outcomes['same']:,} same ({bytes_text(self.bytes)}"]
        proofs = [f"{number:,} {name}" for name, number in self.evidence.items()]
        parts[0] += f"; {', '.join(proofs)})" if proofs else ")"
        rest = (item for item in self.outcomes.items() if item[0] != "same")
        parts += [f"{number:,} {name}" for name, number in rest]
        return f"{', '.join(parts)} in {duration_text(time.monotonic() - began)}."


def finding_json(finding: "Finding") -> dict[str, Any]:
    """One object as JSON; what is not known is null."""
    return {
        "outcome": finding.outcome.value,
        "source": str(finding.source),
        "destination": str(finding.destination),
        "source_bytes": finding.source_size,
        "destination_bytes": finding.destination_size,
        "checksum": {
            "algorithm": finding.algorithm or None,
            "source": finding.source_digest or None,
            "destination": finding.destination_digest or None,
            "source_evidence": finding.source_evidence.value or None,
            "destination_evidence": finding.destination_evidence.value or None,
        },
        "evidence": finding.evidence.value or None,
        "reason": finding.reason or None,
    }


def _line(finding: "Finding") -> str:
    from widgets.text import visible

    text = f"{finding.outcome.value:<22}  {address_text(finding.source)}"
    text += f" → {address_text(finding.destination)}"
    reason = [visible(finding.reason)] if finding.reason else []
    if finding.source_size != finding.destination_size and finding.outcome.value == "differ":
        reason.append(f"{finding.source_size:,} and {finding.destination_size:,} bytes")
    if finding.source_digest and finding.outcome.value in ("same", "differ"):
        sign = "=" if finding.outcome.value == "same" else "≠"
        shown = f"{finding.algorithm} {finding.source_digest} {sign} {finding.destination_digest}"
        reason.append(f"{shown} ({finding.evidence.value or 'by size'})")
    return f"{text}  {'; '.join(reason)}".rstrip()
