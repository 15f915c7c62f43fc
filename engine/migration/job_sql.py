"""A job filter and an order as SQL over the ledger's `jobs`."""

from collections.abc import Sequence
from typing import Any

from engine.migration.records import route_of
from engine.model import Address, JobQuery, JobSort, JobSpec, MoveKind, Term, VersionPin
from engine.model.jobfilter import RUNNING, route_ends

BUCKET = (
    "CASE WHEN paused AND state NOT IN ('completed', 'failed', 'cancelled')"
    " THEN 'paused' ELSE state END"
)
_GUARD = {"guarded": "guarded = 1", "unguarded": "guarded = 0", "none": "guarded IS NULL"}
_AMONG = {
    "state": BUCKET,
    "kind": "json_extract(spec, '$[2]')",
    "evidence": "CASE evidence WHEN '' THEN 'none' ELSE evidence END",
}
_COLUMNS = {
    "text": ("source", "destination", "error"),
    "name": ("source",),
    "to": ("destination",),
    "error": ("error",),
}
_NUMBERS = {"size": "size", "tries": "attempt"}
_RUNNING = ", ".join(f"'{state}'" for state in RUNNING)
_RANK = (
    f"CASE WHEN bucket IN ({_RUNNING}) THEN 0 ELSE instr('.queued..paused..failed..cancelled.."
    "completed.', '.' || bucket || '.') END"
)
# Running jobs by when they began, waiting ones as they will run, ended ones the last first.
_WITHIN = f"CASE WHEN bucket IN ({_RUNNING}) THEN started WHEN finished > 0 THEN -finished END"
_SPEED = (
    "CASE WHEN rate > 0 THEN rate WHEN bucket = 'completed' AND finished > started"
    " THEN size / (finished - started) ELSE 0 END"
)
_ORDERS: dict[JobSort, tuple[str, ...]] = {
    JobSort.STATE: (f"{_RANK} ASC", f"{_WITHIN} ASC", "priority DESC", "seq ASC"),
    JobSort.AGE: ("created DESC", "seq DESC"),
    JobSort.SIZE: ("size DESC", "seq ASC"),
    JobSort.SPEED: (f"{_SPEED} DESC", "seq ASC"),
    JobSort.NAME: ("source ASC", "seq ASC"),
}
_TURNED = {"ASC": "DESC", "DESC": "ASC"}


def order_by(query: JobQuery) -> str:
    """What stands after ORDER BY."""
    keys = [key.rsplit(" ", 1) for key in _ORDERS[query.sort]]
    return ", ".join(f"{key} {_TURNED[way] if query.reverse else way}" for key, way in keys)


def where(terms: Sequence[Term]) -> tuple[str, list[Any]]:
    """A condition and its values. `astra_contains(text, column)` must be a function."""
    clauses, values = ["1"], list[Any]()
    for term in terms:
        clause, some = _clause(term)
        clauses.append(f"NOT coalesce({clause}, 0)" if term.negated else f"({clause})")
        values += some
    return " AND ".join(clauses), values


def _clause(term: Term) -> tuple[str, list[Any]]:
    if term.field in _AMONG:
        marks = ", ".join("?" * len(term.values))
        return f"{_AMONG[term.field]} IN ({marks})", list(term.values)
    if term.field in _NUMBERS:
        compare = term.compare
        return f"{_NUMBERS[term.field]} {compare} ?", [term.number]
    if term.field == "guard":
        return " OR ".join(_GUARD[name] for name in term.values), []
    if term.field == "set":
        return "substr(jobset, 1, ?) = ?", [len(term.values[0]), term.values[0]]
    if term.field == "route":
        return _route(term.values[0])
    (text,) = term.values
    columns = _COLUMNS[term.field]
    if text.isascii():
        return (
            " OR ".join(f"instr(lower({column}), ?) > 0" for column in columns),
            [text.lower()] * len(columns),
        )
    found = " OR ".join(f"astra_contains(?, {column})" for column in columns)
    return found, [text] * len(columns)


def _route(value: str) -> tuple[str, list[Any]]:
    source, destination, either = route_ends(value)
    arrow = _name_of("", " ")[:-1]  # as `route_of` writes it
    begins = "(route = ? OR substr(route, 1, ?) = ?)"
    ends = "(route = ? OR substr(route, -?) = ?)"
    from_it = [source, len(source + arrow), source + arrow]
    other = source if either else destination
    to_it = [other, len(arrow + other), arrow + other]
    if either:
        return f"{begins} OR {ends}", [*from_it, *to_it]
    clauses, values = ["1"], list[Any]()
    if source:
        clauses.append(begins)
        values += from_it
    if destination:
        clauses.append(ends)
        values += to_it
    return " AND ".join(clauses), values


def _name_of(source: str, destination: str) -> str:
    ends = (Address(source, "", ""), Address(destination, "", ""))
    return route_of(JobSpec(*ends, MoveKind.MOVE, 0, VersionPin()))
