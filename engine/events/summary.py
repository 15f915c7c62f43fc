"""What a message of the feed says, in a few words; read only when somebody looks at it."""

from engine.errors import BadMessage
from engine.events import fields, schema
from engine.events.messages import Message, Summary
from engine.events.places import Places
from engine.model import Address
from engine.settings import KafkaSettings


class Summariser:
    """Reads messages of each topic; names and texts are returned as they are, hostile or not."""

    def __init__(self, settings: KafkaSettings, places: Places) -> None:
        self._places = places
        self._read = {
            settings.jobs_topic: self._job,
            settings.status_topic: self._status,
            settings.recommendations_topic: self._recommendation,
            settings.access_topic: self._access,
        }

    def __call__(self, message: Message) -> Summary:
        """The columns of the feed for an accepted message."""
        try:
            return self._read.get(message.topic, self._access)(message)
        except BadMessage as error:
            # It was accepted whole; only its beginning is kept.
            return Summary(message.time, "message", "", error.what)

    def _access(self, message: Message) -> Summary:
        events = schema.parse_access(
            message.value, stamp=message.stamp, now=message.time, places=self._places
        )
        first = events[0]
        details = [f"×{first.accesses}"] if first.accesses > 1 else []
        if first.nbytes:
            details.append(f"{first.nbytes:,} bytes")
        if first.actor:
            details.append(f"by {first.actor}")
        if len(events) > 1:
            details.append(f"and {len(events) - 1} more")
        subject = str(Address(first.cloud, first.bucket, first.key))
        return Summary(first.time, first.operation, subject, ", ".join(details))

    def _job(self, message: Message) -> Summary:
        request = schema.parse_job(message.value, places=self._places)
        detail = f"to {request.destination}"
        if request.actor:
            detail += f", asked by {request.actor}"
        return Summary(message.stamp, request.kind.value, str(request.source), detail)

    def _status(self, message: Message) -> Summary:
        data = fields.decode(message.value)
        detail = f"to {data.get('destination', '')}"
        if data.get("error"):
            detail += f": {data['error']}"
        return Summary(
            message.stamp, str(data.get("state", "")), str(data.get("source", "")), detail
        )

    def _recommendation(self, message: Message) -> Summary:
        data = fields.decode(message.value)
        return Summary(
            message.stamp,
            str(data.get("to_class", "")),
            str(data.get("address", "")),
            str(data.get("reason", "")),
        )
