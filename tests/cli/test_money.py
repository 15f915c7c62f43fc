"""What the commands say of a saving is one figure, whichever command is asked."""

import math
from dataclasses import replace

import pytest

from engine.engine import Engine
from tests import money
from tests.cli.conftest import Astra
from tests.servers import S3Server


@pytest.mark.parametrize("policy", ["rules", "cost"])
async def test_plan_decisions_and_files_tell_one_saving(
    policy: str, astra: Astra, moto_s3: S3Server, bucket_name: str
) -> None:
    settings = money.settings(moto_s3, bucket_name, astra.folder, policy)
    astra.config(
        ("aws", moto_s3, bucket_name),
        more='[kafka]\nbootstrap = "off"\n[engine]\n'
        f'policy = "{policy}"\nprices = "own-prices.toml"\n',
    )
    async with Engine(replace(settings, state_dir=astra.state)) as engine:
        await money.grow_old(engine, bucket_name)
    *moves, end = astra("tier", "plan", "aws", "--save", "--json").lines
    saving = end["plan"]["saving_per_month"]
    expected = end["plan"]["expected_saving_per_month"]
    assert saving > 0.05
    assert math.isclose(saving, expected, rel_tol=1e-6) == (policy == "rules")
    decided = {line["address"]: line for line in astra("decisions", "--json").lines}
    assert len(decided) == len(moves) >= 2
    for move in moves:
        one = decided[move["source"]]
        assert one["saving_per_month"] == move["saving_per_month"]
        assert one["expected_saving_per_month"] == move["expected_saving_per_month"]
    told = astra("tier", "plan", "aws").out
    assert f"saves ${saving:.2f} a month, costs" in told
    assert (f"policy {policy} expects" in told) == (policy == "cost")
    assert told.count(f"saves ${saving:.2f} a month") == 2  # the total, and its only group
    *_, blank = astra("dashboard", "--json").lines
    assert blank["total"]["projected_month"] is None  # nobody was asked what should be where
    *_, asked = astra("dashboard", "--policy", policy, "--json").lines
    total = asked["total"]
    assert total["cost_month"] - total["projected_month"] == pytest.approx(saving)
    (kept,) = astra("plan", "list", "--json").lines
    assert kept["saving_per_month"] == pytest.approx(saving)
    assert kept["expected_saving_per_month"] == pytest.approx(expected)
