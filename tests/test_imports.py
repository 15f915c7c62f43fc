"""The house's walls: what each package may pull in."""

import subprocess
import sys

import pytest


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print('\\n'.join(sys.modules))"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return {name.partition(".")[0] for name in out.stdout.split()}


SCREEN = {"textual", "rich", "astra_tui", "widgets"}
HEAVY = {"aiohttp", "boto3", "botocore", "aiokafka", "confluent_kafka", "moto", "tinydb", "numpy"}


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import engine.engine", SCREEN | HEAVY),
        ("import engine.parts", SCREEN | {"boto3", "moto", "confluent_kafka"}),
        ("import engine.model, engine.errors, engine.settings", SCREEN | HEAVY),
        ("import astra_tui.cli", {"textual"} | HEAVY),
        ("import astra_tui.app", HEAVY),
        ("import astra_tui.setup.app", HEAVY),
    ],
)
def test_importing_pulls_in_only_what_it_may(statement: str, unwanted: set[str]) -> None:
    assert not loaded_by(statement) & unwanted
