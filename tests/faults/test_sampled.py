"""Moments drawn by chance: keys and sizes, pairs of stores, kinds of trouble, two at once.

`ASTRA_FAULT_EXAMPLES=5000 python -m pytest tests/faults/test_sampled.py` draws more, and others
each time.
"""

import asyncio
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model import Evidence, MoveKind
from tests.fake_s3 import Quirks
from tests.faults.play import Arena, arena
from tests.faults.scenes import BLIND, PART, Scene
from tests.faults.troubles import ALL, Trouble

_EXAMPLES = int(os.environ.get("ASTRA_FAULT_EXAMPLES", "0"))
_SIZES = (0, 1, PART - 1, PART, PART + 1, 2 * PART - 1, 2 * PART, 2 * PART + 1)
_KEYS = (
    "k",
    "dir/object",
    "a b+c%2F",
    "caf\u00e9",
    "cafe\u0301",
    "\U0001f4e6/\u202egpj",
    "x" * 200,
)
_STORES = st.sampled_from(["s3", "local"])

quirks = st.sampled_from(
    [Quirks(), Quirks(), Quirks(crc32c=True), Quirks(no_part_head=True), BLIND]
)
scenes = st.builds(
    Scene,
    st.just("sampled"),
    key=st.sampled_from(_KEYS),
    size=st.sampled_from(_SIZES),
    source=_STORES,
    destination=_STORES,
    kind=st.sampled_from([MoveKind.MOVE, MoveKind.MOVE, MoveKind.COPY]),
    part=st.sampled_from([0, PART]),
    source_part=st.sampled_from([0, 0, PART // 3]),
    there=st.sampled_from(["", "", "", "other", "same"]),
    overwrite=st.booleans(),
    verify=st.sampled_from([Evidence.REREAD, Evidence.REREAD, Evidence.ATTESTED]),
    checksum=st.sampled_from(["md5", "sha256", "crc32c"]),
    source_quirks=quirks,
    destination_quirks=quirks,
)
troubles = st.lists(
    st.tuples(st.sampled_from(list(ALL.values())), st.integers(1, 14)), min_size=1, max_size=2
)


@pytest.fixture(scope="module")
def stage() -> Iterator[tuple[asyncio.Runner, Arena]]:
    """One loop and its servers for all examples."""
    with asyncio.Runner() as runner:
        context = arena()
        yield runner, runner.run(context.__aenter__())
        runner.run(context.__aexit__(None, None, None))


@settings(
    max_examples=_EXAMPLES or 150,
    derandomize=not _EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(scene=scenes, what=troubles)
def test_nothing_is_lost_whatever_happens_when(
    stage: tuple[asyncio.Runner, Arena], scene: Scene, what: list[tuple[Trouble, int]]
) -> None:
    runner, made = stage
    runner.run(made.play(scene, *what))
