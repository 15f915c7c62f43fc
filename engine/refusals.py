"""What the door says where nothing may be changed."""

from engine.errors import Refused, StateBusy
from engine.settings import EngineSettings


def refuse_read_only(settings: EngineSettings) -> None:
    """Raises Refused in read-only mode."""
    if settings.read_only:
        raise Refused(
            "Astra runs read-only; nothing is moved, re-classed or deleted.",
            safe="Nothing was changed.",
            todo="Start it without --read-only (or read_only in astra.toml) to migrate.",
        )


def refuse_deletes(settings: EngineSettings, number: int) -> None:
    """Raises Refused if a plan would delete more sources than `max_deletes` allows."""
    most = settings.max_deletes
    if most is not None and number > most:
        raise Refused(
            f"This plan deletes {number:,} source{'' if number == 1 else 's'}, and at most"
            f" {most:,} are allowed.",
            safe="Nothing was changed.",
            todo=f"If that is meant, allow it with --max-deletes {number} (or max_deletes in"
            " astra.toml); else choose fewer objects, or keep the sources.",
        )


def only_looks(settings: EngineSettings) -> StateBusy:
    """The error of whoever opened a state directory that another process works on."""
    return StateBusy(
        "Another Astra works on this state directory; this one only looks.",
        subject=str(settings.state_dir),
        safe="Nothing was changed.",
        todo="Do it there, or end that one first.",
    )
