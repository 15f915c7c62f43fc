"""Tells Kafka what Astra does: job states and recommendations, through the outbox."""

import time
from collections.abc import Sequence

from engine.events.bus import EventBus
from engine.events.schema import recommendation_message, status_message
from engine.model import FINAL_STATES, Decision, JobState, JobView
from engine.settings import KafkaSettings


class Announcer:
    """Hands messages to the bus, which puts them on disk and sends them in order."""

    def __init__(self, settings: KafkaSettings, bus: EventBus) -> None:
        self._settings = settings
        self._bus = bus
        self._said: dict[str, JobState] = {}

    def job(self, job: JobView) -> None:
        """A job changed; only a new state is worth a message."""
        if self._said.get(job.job_id) is job.state:
            return
        self._said[job.job_id] = job.state
        if job.state in FINAL_STATES:
            del self._said[job.job_id]
        message = status_message(job, time.time())
        self._bus.publish_soon(self._settings.status_topic, job.job_key, message)

    def decisions(self, decisions: Sequence[Decision]) -> None:
        """What the policy recommends now."""
        for item in decisions:
            self._bus.publish_soon(
                self._settings.recommendations_topic,
                str(item.address),
                recommendation_message(item),
            )
