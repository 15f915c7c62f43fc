"""A plan as a file that can be carried elsewhere and run: JSON lines, the head first, then each
move, exactly. A file is as trusted as any plan: it is checked again, reviewed and approved."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.codec import decode, encode
from engine.errors import StateError, UsageError
from engine.model import Address, Move, MoveKind, Plan, parse_priority

VERSION = 1
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")  # it becomes the id of a job set
_LARGEST = 1 << 30  # bytes; more is no plan
_LARGEST_OBJECT = 1 << 60  # bytes
_FAR = 1e11  # seconds; no clock shows that
_MOST = 1e15  # USD, or hours


def head_json(plan: Plan, count: int, told: dict[str, Any]) -> str:
    """The first line: the plan without its moves, their number, and what a reader is told."""
    head = {"astra_plan": VERSION, "moves": count, "plan": encode(replace(plan, moves=()))}
    head |= told
    return json.dumps(head) + "\n"


def moves_json(moves: Iterable[Move]) -> Iterator[str]:
    """A line for each move."""
    for move in moves:
        yield json.dumps(encode(move)) + "\n"


def read_plan(path: Path) -> Plan:
    """The plan in a file that was exported as JSON. Raises UsageError if it cannot be read,
    StateError with the line if it is no such file."""
    try:
        if path.stat().st_size > _LARGEST:
            raise StateError("That file is too large to be a plan.", subject=str(path))
        with path.open(encoding="utf-8") as file:
            head = _line(path, 1, file.readline())
            if head.get("astra_plan") != VERSION:
                raise _no_plan(path, 1, "it does not begin as an exported plan does")
            plan: Plan = _decoded(path, 1, Plan, head.get("plan"))
            if not _ID.fullmatch(plan.plan_id):
                raise _no_plan(path, 1, "its id is none")
            try:
                parse_priority(str(plan.priority))
            except ValueError as error:
                raise _no_plan(path, 1, f"priority: {error}") from error
            if problem := plan.options.problem():
                raise _no_plan(path, 1, f"options: {problem}")
            if not 0 <= plan.created < _FAR or not 0 <= (plan.seconds or 0.0) < _FAR:
                raise _no_plan(path, 1, "created, seconds: they are no times")
            lines = enumerate(file, 2)
            moves = tuple(_decoded(path, n, Move, _line(path, n, text)) for n, text in lines)
    except OSError as error:
        raise UsageError(
            f"The plan cannot be read: {error.strerror or error}.", subject=str(path)
        ) from error
    except UnicodeDecodeError as error:
        raise _no_plan(path, 0, "it is no text") from error
    if len(moves) != head.get("moves"):
        raise _no_plan(path, 0, f"{head.get('moves')} moves are announced and {len(moves)} there")
    _check_moves(path, moves)
    return replace(plan, moves=moves)


def _check_moves(path: Path, moves: Sequence[Move]) -> None:
    """Raises StateError with the line of a move that no planner would make. Line 1 is the head."""
    seen: dict[Address, int] = {}
    for number, move in enumerate(moves, 2):
        if (first := seen.setdefault(move.source, number)) != number:
            raise _no_plan(
                *(path, number),
                f"line {first} names {move.source} already, and an object is moved once",
            )
        if problem := _move_problem(move):
            raise _no_plan(path, number, problem)


def _move_problem(move: Move) -> str:
    if not move.source.bucket or not move.source.key:
        return "source: it names no object"
    if not (_is_text(str(move.source)) and _is_text(str(move.destination))):
        return "an address in it holds half a character, which no store can have"
    if move.kind is MoveKind.TIER and move.destination != move.source:
        return "destination: a change of class happens in place, and this is another place"
    if not 0 <= move.size < _LARGEST_OBJECT:
        return f"size is {move.size}; no object has that many bytes"
    if not move.pin.size < _LARGEST_OBJECT or not abs(move.pin.modified) < _FAR:
        return "pin: it has a size or a time that no object has"
    money = (move.saving_per_month, move.expected_saving, move.one_time_cost)
    figures = (*money, *(usd for _, usd in move.cost_lines), move.restore_hours)
    if not all(abs(value) < _MOST for value in figures if value is not None):
        return "it has a figure that is no number, or one beyond all reason"
    return ""


def _is_text(part: str) -> bool:
    """Whether it is text, or the bytes of a file name that are none."""
    try:
        part.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _line(path: Path, number: int, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_plan(path, number, "it is no JSON") from error
    if not isinstance(value, dict):
        raise _no_plan(path, number, "it is no JSON object")
    return value


def _decoded(path: Path, number: int, kind: type[Any], value: object) -> Any:
    try:
        return decode(kind, value)
    except ValueError as error:
        raise _no_plan(path, number, str(error)) from error


def _no_plan(path: Path, number: int, why: str) -> StateError:
    return StateError(
        f"This is no exported plan: {why}.",
        subject=f"{path} line {number}" if number else str(path),
        safe="Nothing was changed.",
        todo="Correct that, or export the plan again as JSON.",
    )
