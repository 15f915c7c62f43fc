"""The filter language of job lists: `state:failed route:aws>gcp text`.

Terms stand apart by blanks and all must hold; `-` before one turns it around; `"two words"` is
one term; numbers also take `size>10MiB`. A term without a known `field:` is text, looked for in
both addresses and the error. docs/jobs.md has the table.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.model.flow import parse_size
from engine.model.jobs import ACTIVE_STATES, FINAL_STATES, Evidence, JobState, JobView, MoveKind

RUNNING = tuple(state.value for state in JobState if state in ACTIVE_STATES)
_ENDED = tuple(state.value for state in JobState if state in FINAL_STATES)
BUCKETS = (*(state.value for state in JobState), "paused")  # where a job is counted
STATE_WORDS: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in BUCKETS},
    "running": RUNNING,
    "ended": _ENDED,
    "unfinished": tuple(name for name in BUCKETS if name not in _ENDED),
    "done": ("completed",),
    "waiting": ("queued", "restoring"),
}
_GUARDS = {"guarded": True, "unguarded": False, "none": None}
_COMPARED = re.compile(r"(>=|<=|>|<|=)?(.+)")
_TERM = re.compile(r'(-?)(?:([a-z]+)(?::|(?=[<>=])))?("[^"]*"?|\S+)')

FILTER_HELP = (
    ("text", "With this text in an address or in the error."),
    ("state:failed", "In that state, or running, waiting, paused, unfinished, ended; commas: or."),
    ("route:aws>gcp", "From aws to gcp; aws> from there, >gcp to there, aws either."),
    ("set:ID", "Of the job sets whose id begins so."),
    ("name: to: error:", "With the text in the source, the destination, the error."),
    ("kind:move", "Also copy and tier. evidence:reread, attested or none; guard:unguarded."),
    ("size>10MiB tries>1", "Larger, tried more often; also < >= <= =."),
    ("-term", "The others. Blanks stand between terms, all of which must hold."),
)


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. `values` are texts (any of them), or (comparison, number) of a number."""

    field: str
    values: tuple[str, ...]
    negated: bool = False
    compare: str = ""
    number: int = 0


def parse_job_filter(text: str) -> tuple[Term, ...]:
    """The terms of a filter, none for an empty one. Raises ValueError with the reason."""
    found = []
    for match in _TERM.finditer(text):
        minus, field, value = match[1], match[2] or "", match[3]
        if field and field not in FIELDS:
            field, value = "", match[0].removeprefix("-")
        value = value.strip('"')
        if value in ("", "-") or (value.removesuffix(":") in FIELDS and value.endswith(":")):
            continue  # still being typed
        found.append(_term(field or "text", value, bool(minus)))
    return tuple(found)


def _term(field: str, value: str, negated: bool) -> Term:
    values = tuple(part for part in value.lower().split(",") if part)
    match field:
        case "state":
            states = [name for word in values for name in _states(word)]
            return Term(field, tuple(dict.fromkeys(states)), negated)
        case "route":
            return Term(field, (value.replace("→", ">").replace(" ", ""),), negated)
        case "size" | "tries":
            compare, number = _number(field, value)
            return Term(field, (), negated, compare, number)
        case "kind":
            return Term(field, _among(field, values, [kind.value for kind in MoveKind]), negated)
        case "evidence":
            known = [item.value or "none" for item in Evidence]
            return Term(field, _among(field, values, known), negated)
        case "guard":
            return Term(field, _among(field, values, list(_GUARDS)), negated)
    return Term(field, (value,), negated)


def _states(word: str) -> tuple[str, ...]:
    if word in STATE_WORDS:
        return STATE_WORDS[word]
    near = [name for name in STATE_WORDS if name.startswith(word)]
    if not near:
        raise ValueError(f"state:{word} is no state; there are {', '.join(STATE_WORDS)}")
    return tuple(state for name in near for state in STATE_WORDS[name])


def _among(field: str, values: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    chosen = tuple(name for name in known if any(name.startswith(value) for value in values))
    if not chosen:
        raise ValueError(f"{field}:{','.join(values)} is unknown; there are {', '.join(known)}")
    return chosen


def _number(field: str, value: str) -> tuple[str, int]:
    match = _COMPARED.fullmatch(value)
    compare, digits = (match[1] or "=", match[2]) if match else ("=", "")
    try:
        return compare, parse_size(digits) if field == "size" else int(digits)
    except ValueError:
        example = ">10MiB" if field == "size" else ">1"
        raise ValueError(f"{field}:{value} is no number; write {field}:{example}") from None


def route_ends(value: str) -> tuple[str, str, bool]:
    """`aws>gcp` as its two ends ("" for any), and whether one name stands for either end."""
    source, arrow, destination = value.partition(">")
    return source, destination, not arrow


def contains(text: str, field: str) -> bool:
    """Whether the text is part of the field, in any case. For a text of ASCII only ASCII letters
    are taken for the same, so that a database can answer it, too."""
    if text.isascii():
        return text.lower().encode() in field.encode("utf-8", "surrogatepass").lower()
    return text.casefold() in field.casefold()


def bucket(job: JobView) -> str:
    """Where the job is counted: its state, or `paused`."""
    return "paused" if job.paused and job.state not in FINAL_STATES else job.state.value


def _fits_text(term: Term, job: JobView) -> bool:
    (text,) = term.values
    fields = (str(job.spec.source), str(job.spec.destination), job.error)
    return any(contains(text, field) for field in fields)


def _fits_route(term: Term, job: JobView) -> bool:
    source, destination, either = route_ends(term.values[0])
    ends = (job.spec.source.cloud, job.spec.destination.cloud)
    if either:
        return source in ends
    return source in ("", ends[0]) and destination in ("", ends[1])


def compared(compare: str, value: int, number: int) -> bool:
    """`value compare number`."""
    return {
        "=": value == number,
        "<": value < number,
        ">": value > number,
        "<=": value <= number,
        ">=": value >= number,
    }[compare]


FIELDS: Mapping[str, Callable[[Term, JobView], bool]] = {
    "text": _fits_text,
    "state": lambda term, job: bucket(job) in term.values,
    "route": _fits_route,
    "set": lambda term, job: job.jobset.startswith(term.values[0]),
    "name": lambda term, job: contains(term.values[0], str(job.spec.source)),
    "to": lambda term, job: contains(term.values[0], str(job.spec.destination)),
    "error": lambda term, job: contains(term.values[0], job.error),
    "kind": lambda term, job: job.spec.kind.value in term.values,
    "evidence": lambda term, job: (job.evidence.value or "none") in term.values,
    "guard": lambda term, job: any(_GUARDS[name] is job.guarded for name in term.values),
    "size": lambda term, job: compared(term.compare, job.spec.size, term.number),
    "tries": lambda term, job: compared(term.compare, job.attempt, term.number),
}


def job_fits(terms: Sequence[Term], job: JobView) -> bool:
    """Whether a job fits all terms."""
    return all(FIELDS[term.field](term, job) is not term.negated for term in terms)
