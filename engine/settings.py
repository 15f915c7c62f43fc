"""What the engine is told at start. Made by `astra_tui.config`, or by a test."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engine.model import Provider, StoreKind, Timetable


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A value that shows itself as stars; `reveal()` gives it where it is really needed."""

    _value: str = ""

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret('***')" if self._value else "Secret('')"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class CloudSettings:
    """One cloud of the config. `root` is for kind `local`; empty keys mean the SDK's chain."""

    name: str
    kind: StoreKind
    provider: Provider
    bucket: str = ""
    prefix: str = ""
    region: str = ""
    endpoint: str = ""
    path_style: bool = False
    profile: str = ""
    access_key: Secret = Secret()
    secret_key: Secret = Secret()
    session_token: Secret = Secret()
    credentials_file: Path | None = None  # gcs: a key file instead of the default credentials
    project: str = ""  # gcs: whose buckets are listed and made
    root: Path | None = None
    account: str = ""
    account_key: Secret = Secret()
    sas: Secret = Secret()
    read_only: bool = False
    resumable: bool = True  # local: False writes large files in one go too, leaving no parts
    hidden: bool = False  # known to jobs, and shown nowhere


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """`bootstrap` is `embedded`, `off`, or `host:port,host:port`."""

    bootstrap: str = "embedded"
    group: str = "astra"
    access_topic: str = "access_events"
    jobs_topic: str = "migration_jobs"
    status_topic: str = "migration_status"
    recommendations_topic: str = "recommendations"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: str = "PLAIN"
    username: str = ""
    password: Secret = Secret()
    ca_file: Path | None = None
    accept_jobs: bool = False  # let messages of `jobs_topic` start migrations


MAX_DELETES = 10_000  # sources of one plan, unless the operator allows more


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Everything. `bwlimit` in bytes a second, 0 unlimited, or a timetable of such limits.

    A plan that would delete more than `max_deletes` sources is refused; None allows any number.
    """

    clouds: tuple[CloudSettings, ...]
    state_dir: Path
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    prices_file: Path | None = None
    policy: str = "rules"
    policies: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # parameters by name
    jobs: int = 8
    restore_speed: str = "standard"  # or bulk, expedited
    restore_days: int = 7
    restores: bool = True  # False: a job with an archived source fails instead of asking it back
    bwlimit: int | Timetable = 0
    max_deletes: int | None = MAX_DELETES
    horizon_months: float = 12.0  # within which a move between clouds must pay for itself
    read_only: bool = False

    @property
    def shown(self) -> tuple[CloudSettings, ...]:
        """The clouds that the operator has."""
        return tuple(cloud for cloud in self.clouds if not cloud.hidden)

    def cloud(self, name: str) -> CloudSettings | None:
        return next((cloud for cloud in self.clouds if cloud.name == name), None)
