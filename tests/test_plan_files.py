"""Plans in files: what no planner would have written is refused with its line and field."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from astra_tui.cli import options
from engine.errors import StateError
from engine.migration.digest import ALGORITHMS
from engine.model import CHECKSUMS, Plan
from engine.plan_files import head_json, moves_json, read_plan
from tests.widgets.samples import CALM, move

Lines = list[dict[str, Any]]


def plan() -> Plan:
    moves = (move(CALM[0]), move(CALM[1]), move(CALM[2]))
    return Plan("p1", "Move 3 objects", 1.7e9, "", moves)


def lines_of(plan: Plan) -> Lines:
    texts = (head_json(plan, len(plan.moves), {}), *moves_json(plan.moves))
    return [json.loads(text) for text in texts]


def written(path: Path, lines: Lines) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert read_plan(written(tmp_path / "p", lines_of(plan()))) == plan()


def option(name: str, value: object) -> Callable[[Lines], None]:
    return lambda lines: lines[0]["plan"]["options"].update({name: value})


def head(name: str, value: object) -> Callable[[Lines], None]:
    return lambda lines: lines[0]["plan"].update({name: value})


def second(name: str, value: object) -> Callable[[Lines], None]:
    return lambda lines: lines[2].update({name: value})


@pytest.mark.parametrize(
    ("change", "line", "told"),
    [
        (option("checksum", "md4"), 1, "options: checksum is 'md4'; it may be md5, sha256"),
        (option("verify", "size"), 1, "options: verify: 'size' is none of reread, attested"),
        (option("verify", ""), 1, "options: verify is ''; it may be reread, attested"),
        (option("compress", "gzip"), 1, "options: compress: 'gzip' is no compression"),
        (option("restore_speed", "soon"), 1, "options: restore_speed is 'soon'; it may be stand"),
        (option("restore_days", -1), 1, "options: restore_days is '-1'; it may be 0 to 365"),
        (option("max_attempts", 1000), 1, "options: max_attempts is '1000'; it may be 0 to 100"),
        (option("overwrite", "no"), 1, "options: overwrite: bool is missing, found str"),
        (option("bwlimit", "1MiB"), 1, "options: MoveOptions has no bwlimit"),
        (head("priority", 101), 1, "priority: '101' is no priority"),
        (head("created", float("nan")), 1, "they are no times"),
        (head("plan_id", "../x"), 1, "its id is none"),
        (second("kind", "steal"), 3, "kind: 'steal' is none of move, copy, tier"),
        (second("size", -5), 3, "size is -5; no object has that"),
        (second("size", 10**30), 3, "no object has that many bytes"),
        (second("pin", {"etag": "e", "modified": 1.0, "size": 10**30}), 3, "pin: it has a size"),
        (second("pin", {"etag": "e", "modified": float("nan"), "size": 1}), 3, "or a time that"),
        (second("saving_per_month", float("inf")), 3, "a figure that is no number"),
        (second("expected_saving", float("nan")), 3, "a figure that is no number"),
        (second("one_time_cost", 1e308), 3, "beyond all reason"),
        (second("kind", "tier"), 3, "destination: a change of class happens in place"),
        (second("source", {"cloud": "a", "bucket": "b", "key": ""}), 3, "source: it names no"),
        (second("source", {"cloud": "a", "bucket": "b", "key": "\ud800"}), 3, "half a character"),
        (lambda lines: lines.__setitem__(3, lines[1]), 4, "line 2 names aws:"),
    ],
)
def test_the_line_and_the_field_are_named(
    change: Callable[[Lines], None], line: int, told: str, tmp_path: Path
) -> None:
    lines = lines_of(plan())
    change(lines)
    with pytest.raises(StateError) as found:
        read_plan(written(tmp_path / "p", lines))
    assert told in found.value.what
    assert found.value.subject.endswith(f"line {line}")
    assert found.value.safe
    assert found.value.todo


def test_a_file_name_that_is_no_text_is_a_key(tmp_path: Path) -> None:
    """Such bytes travel as lone surrogates, as Python has them."""
    odd = replace(plan().moves[0], source=replace(plan().moves[0].source, key="caf\udce9"))
    kept = replace(plan(), moves=(odd,))
    assert read_plan(written(tmp_path / "p", lines_of(kept))) == kept


def test_a_source_is_named_once_whatever_happens_to_it(tmp_path: Path) -> None:
    first = plan().moves[0]
    twice = replace(first, destination=replace(first.destination, key="elsewhere"))
    lines = lines_of(replace(plan(), moves=(first, twice)))
    with pytest.raises(StateError, match="an object is moved once"):
        read_plan(written(tmp_path / "p", lines))


def test_the_checksums_that_options_may_name_are_those_there_are() -> None:
    assert tuple(ALGORITHMS) == CHECKSUMS
    assert set(options.CHECKSUMS) < set(CHECKSUMS), "without those that only prove sources"
