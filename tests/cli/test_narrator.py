"""What is told on stderr while jobs run: each change once, a long wait with its reason."""

from dataclasses import replace

from astra_tui.cli.narrator import Narrator
from engine.model import FlowState, KafkaState, KafkaStatus, Snapshot, StoreFlow

QUIET = Snapshot(1, 0.0, (), KafkaStatus(KafkaState.OFF), stores=(StoreFlow("aws"),))


def test_each_change_is_told_once() -> None:
    told: list[str] = []
    narrator = Narrator(told.append)
    gone = StoreFlow("aws", FlowState.AWAY, until=5e9, reason="Refused.", todo="Wait.")
    for state in (QUIET, replace(QUIET, stores=(gone,)), replace(QUIET, stores=(gone,)), QUIET):
        narrator.tell(state)
    away, back = told
    assert away.startswith("aws: away, its jobs wait. Next try at ")
    assert away.endswith("Refused. Wait.")
    assert back == "aws: back; its jobs go on."


def test_a_wait_for_restores_is_not_silent() -> None:
    told: list[str] = []
    narrator = Narrator(told.append)
    waiting = replace(QUIET, job_counts=(("restoring", 3),))
    for state in (QUIET, waiting, QUIET, waiting):
        narrator.tell(state)
    (said,) = told
    assert "wait for the restore" in said
    assert "`astra resume`" in said
