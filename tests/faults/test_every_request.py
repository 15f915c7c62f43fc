"""Every trouble at every request of small runs. Nothing is lost, and much more (`play`).

The scenes that are not here are played by `python -m tests.faults`, and some moments of them
by test_sampled.py.
"""

import pytest

from tests.faults.play import Arena, exhaust
from tests.faults.recorder import ASTRA, OTHER, Recorder
from tests.faults.scenes import SCENES
from tests.faults.troubles import ALL, KILLS, LIES, RACES, Trouble

_EVERY = ("attested", "copy", "tier", "parts", "to-disk", "from-disk")
_KILLS_AND_RACES = ("streamed", "compressed-parts", "overwrite", "one-server-parts", "disks-parts")
_LIES = ("overwrite", "compressed-attested")


@pytest.mark.parametrize("name", [*_EVERY, *_KILLS_AND_RACES])
async def test_killed_at_every_request(stage: Arena, name: str) -> None:
    for trouble in KILLS:
        assert await exhaust(stage, SCENES[name], trouble) >= 3


@pytest.mark.parametrize("name", [*_EVERY, *_KILLS_AND_RACES])
async def test_another_client_at_every_request(stage: Arena, name: str) -> None:
    for trouble in RACES:
        assert await exhaust(stage, SCENES[name], trouble) >= 3


@pytest.mark.parametrize("name", [*_EVERY, *_LIES])
async def test_lied_to_at_every_request(stage: Arena, name: str) -> None:
    struck = {trouble.name: await exhaust(stage, SCENES[name], trouble) for trouble in LIES}
    assert struck["reset"] >= 3
    if name == "parts":
        assert {lie for lie, times in struck.items() if not times} == set()


async def test_a_lost_version_is_noticed(stage: Arena) -> None:
    """The judge itself: a server that throws the copy away after it was proved is found out."""
    recorder = Recorder(key="k")
    recorder.author = OTHER
    recorder.changed("src", "k", b"one")
    recorder.author = ASTRA
    recorder.changed("dst", "k", b"one")
    recorder.changed("src", "k", None)
    assert not recorder.lost
    recorder.changed("dst", "k", b"other")
    assert recorder.lost
    assert not recorder.excused


async def test_a_run_without_trouble_completes(stage: Arena) -> None:
    for scene in SCENES.values():
        outcome = await stage.play(scene)
        assert outcome.requests >= 3, scene.name
        assert outcome.view.state == ("failed" if scene.name == "occupied" else "completed")


def test_every_trouble_has_a_name_of_its_own() -> None:
    assert len(ALL) == len((*KILLS, *RACES, *LIES))
    assert all(isinstance(trouble, Trouble) for trouble in ALL.values())
