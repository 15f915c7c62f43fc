"""What a check found of one object on two sides."""

from dataclasses import dataclass
from enum import StrEnum

from engine.model.jobs import Evidence
from engine.model.objects import Address


class Outcome(StrEnum):
    """How the two sides of one object compare."""

    SAME = "same"
    DIFFER = "differ"
    MISSING_SOURCE = "missing-on-source"
    MISSING_DESTINATION = "missing-on-destination"
    MISSING_BOTH = "missing-on-both"  # a list of keys named it
    CHANGED = "changed"  # while it was checked
    UNREADABLE = "unreadable"  # archived, denied, or the store failed
    UNPROVED = "not-completed"  # its job claims nothing


@dataclass(frozen=True, slots=True)
class Finding:
    """One object. Sizes in bytes, None where there is none or it is not known.

    Digests are hex by `algorithm`, "" where none was needed or known; each `…_evidence` says
    whether that side was read now, or its provider attests the digest. `reason` tells in words
    what is not the same.
    """

    outcome: Outcome
    source: Address
    destination: Address
    source_size: int | None = None
    destination_size: int | None = None
    algorithm: str = ""
    source_digest: str = ""
    destination_digest: str = ""
    source_evidence: Evidence = Evidence.NONE
    destination_evidence: Evidence = Evidence.NONE
    reason: str = ""

    @property
    def evidence(self) -> Evidence:
        """`reread` if both sides were read, else `attested`; NONE if no digest decided."""
        both = (self.source_evidence, self.destination_evidence)
        if Evidence.NONE in both:
            return Evidence.NONE
        return Evidence.REREAD if set(both) == {Evidence.REREAD} else Evidence.ATTESTED
