"""The lab's demo history: what lies in the repository is what its description makes."""

import gzip
import itertools
from pathlib import Path

import pytest

from demo_data import lab_history
from engine.engine import Engine
from engine.model import LabRequest
from engine.settings import EngineSettings


def test_the_files_are_what_the_generator_writes(tmp_path: Path) -> None:
    lab_history.write(tmp_path)
    assert (tmp_path / "objects.csv").read_bytes() == lab_history.OBJECTS.read_bytes()
    made, kept = tmp_path / "daily.csv.gz", lab_history.DAILY
    assert gzip.decompress(made.read_bytes()) == gzip.decompress(kept.read_bytes())
    assert kept.stat().st_size < 100_000


def test_nobody_reads_what_is_not_there_yet() -> None:
    created = {group.name: str(group.created) for group in lab_history.groups()}
    lines = gzip.decompress(lab_history.DAILY.read_bytes()).decode("ascii").splitlines()[1:]
    for line in lines:
        name, date, reads, _ = line.split(",")
        assert date >= created[name]
        assert int(reads) > 0


async def test_on_it_the_choice_of_a_policy_is_worth_much(tmp_path: Path) -> None:
    asked = ("always:STANDARD", "age:30/90/180", "last-access", "rules", "optimum")
    request = LabRequest(str(lab_history.OBJECTS), str(lab_history.DAILY), policies=asked)
    result = await Engine(EngineSettings((), tmp_path)).lab(request)
    ratios = [cost.ratio for cost in result.policies]
    assert ratios[-1] == 1
    totals = sorted(cost.total for cost in result.policies)
    assert all(more > 1.1 * less for less, more in itertools.pairwise(totals))
    assert totals[0] == pytest.approx(result.optimum)
