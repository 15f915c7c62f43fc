"""What a check found: of a cloud by `astra doctor`, of a plan before it is carried out."""

from dataclasses import dataclass
from enum import StrEnum


class CheckState(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """What was checked, how it went, the one thing to do."""

    subject: str
    name: str
    state: CheckState
    detail: str = ""
    todo: str = ""
