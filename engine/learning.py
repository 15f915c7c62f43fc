"""What the door does with access histories: importing logs."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.errors import UsageError
from engine.events.places import Places
from engine.imports.files import FORMATS, Reading
from engine.imports.importer import import_logs as read_logs
from engine.imports.records import ImportSummary
from engine.model import Address
from engine.parts import Parts
from engine.settings import EngineSettings


async def import_logs(
    parts: Parts,
    settings: EngineSettings,
    paths: Sequence[Path],
    form: str,
    cloud: str,
    base: Address | None,
    progress: Callable[[ImportSummary], None] | None,
) -> ImportSummary:
    """Read access logs into the history. Raises UsageError for an unknown form or path."""
    known = next((name for name in FORMATS if name == form), None)
    if known is None:
        raise UsageError(f"There is no format {form!r}.", todo=f"Use {', '.join(FORMATS)}.")
    reading = Reading(Places(settings.clouds), time.time(), known, cloud, base)
    summary = await read_logs(parts.access, paths, reading, progress)
    await parts.clouds.refresh()
    return summary
