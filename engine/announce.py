"""Tells Kafka what Astra does: job states and recommendations, through the outbox."""

import time
from collections.abc import Sequence

from engine.events.bus import EventBus
from engine.events.schema import recommendation_message, status_message
from engine.model import FINAL_STATES, Decision, JobState, JobView
from engine.settings import KafkaSettings

_BATCH = 500


class Announcer:
    """Hands messages to the bus, which puts them on disk and sends them in order."""

    def __init__(self, settings: KafkaSettings, bus: EventBus) -> None:
        self._settings = settings
        self._bus = bus
        self._said: dict[str, JobState] = {}

    def job(self, job: JobView) -> None:
        """A job changed; only a new state is worth a message."""
        if not self._bus.listened:
            return
        if self._said.get(job.job_id) is job.state:
            return
        self._said[job.job_id] = job.state
        if job.state in FINAL_STATES:
            del self._said[job.job_id]
        message = status_message(job, time.time())
        self._bus.publish_soon(self._settings.status_topic, job.job_key, message)

    async def decisions(self, decisions: Sequence[Decision]) -> None:
        """What the policy recommends now; on disk when this returns."""
        topic = self._settings.recommendations_topic
        for start in range(0, len(decisions), _BATCH):
            some = decisions[start : start + _BATCH]
            await self._bus.publish_many(
                [(topic, str(item.address), recommendation_message(item)) for item in some]
            )
