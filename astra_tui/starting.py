"""What the console draws before the engine has started: the clouds by name, all still to come."""

from engine.model import CloudStatus, KafkaState, KafkaStatus, ListingState, Snapshot
from engine.settings import EngineSettings


def first_snapshot(settings: EngineSettings) -> Snapshot:
    """A snapshot made from the settings alone. Its revision, -1, is older than any other."""
    off = settings.kafka.bootstrap == "off"
    return Snapshot(
        revision=-1,
        time=0.0,
        clouds=tuple(
            CloudStatus(
                name=cloud.name,
                kind=cloud.kind,
                provider=cloud.provider,
                region=cloud.region,
                bucket=cloud.bucket,
                prefix=cloud.prefix,
                state=ListingState.LOADING,
                read_only=cloud.read_only or settings.read_only,
            )
            for cloud in settings.clouds
        ),
        kafka=KafkaStatus(
            KafkaState.OFF if off else KafkaState.CONNECTING,
            bootstrap=settings.kafka.bootstrap,
            embedded=settings.kafka.bootstrap == "embedded",
        ),
        read_only=settings.read_only,
    )
