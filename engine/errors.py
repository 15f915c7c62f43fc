"""One tree of exceptions.

Each error answers the four questions of an operator at 3 a.m.: what happened, to which
object, what is safe now, and what to do next.

    AstraError
      UsageError            a call or argument that makes no sense           exit 2
      ConfigError           astra.toml, environment or credentials           exit 2
      Refused               a guard said no: read-only, not confirmed        exit 3
      StateError            the state directory: busy, damaged, full
        StateBusy
      StoreError            a store did not do as asked
        NotFound  AccessDenied  PreconditionFailed  KeyNotSupported  NotSupported
        Archived  NoSpace  ClockSkew  BadResponse
        Unavailable (retryable)
          Throttled  StoreTimeout  TruncatedBody
      MigrationError        a law of migration stopped a job; the source is kept
        SourceChanged (retryable)  DestinationExists  DestinationChanged  DigestMismatch
        SameObject  StrictRefusal
      EventError            Kafka
        BrokerUnavailable (retryable)  BadMessage
"""

from typing import ClassVar


class AstraError(Exception):
    """Base of everything Astra raises on purpose.

    `what` is a full sentence; `subject` the address, file or setting it happened to; `safe`
    says what is unharmed; `todo` is the one next thing to do. `retryable` tells whether the
    same call may succeed later without anyone changing anything.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, what: str, *, subject: str = "", safe: str = "", todo: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.subject = subject
        self.safe = safe
        self.todo = todo

    def __str__(self) -> str:
        parts = [f"{self.subject}: {self.what}" if self.subject else self.what]
        parts += [part for part in (self.safe, self.todo) if part]
        return " ".join(parts)


class UsageError(AstraError):
    """The call makes no sense as written."""


class ConfigError(AstraError):
    """The configuration or the credentials cannot be used."""


class Refused(AstraError):
    """A guard refused a destructive act: read-only mode, no confirmation, a cap."""


class StateError(AstraError):
    """The state directory cannot be used as it is."""


class StateBusy(StateError):
    """Another Astra process works on this state directory."""


class StoreError(AstraError):
    """A store did not do what was asked. `status` is the HTTP status, 0 where there is none."""

    def __init__(
        self,
        what: str,
        *,
        subject: str = "",
        safe: str = "",
        todo: str = "",
        status: int = 0,
        code: str = "",
    ) -> None:
        super().__init__(what, subject=subject, safe=safe, todo=todo)
        self.status = status
        self.code = code


class NotFound(StoreError):
    """No such object, version, upload or bucket."""


class AccessDenied(StoreError):
    """The credentials do not allow it (401, 403)."""


class PreconditionFailed(StoreError):
    """A condition (If-Match, If-None-Match) did not hold: 412, or 409 on a racing write."""


class KeyNotSupported(StoreError):
    """This store cannot hold that key exactly."""


class NotSupported(StoreError):
    """This store has no such feature; `Capabilities` said so."""


class Archived(StoreError):
    """The object is in an archive class and must be restored before it can be read."""


class NoSpace(StoreError):
    """The disk or quota is full."""


class ClockSkew(StoreError):
    """This machine's clock is too far from the server's for signed requests."""


class BadResponse(StoreError):
    """The server answered something that its protocol does not allow."""


class Unavailable(StoreError):
    """The store cannot be reached or is in trouble (5xx, refused or reset connection)."""

    retryable = True


class Throttled(Unavailable):
    """The store asks to slow down. `retry_after` in seconds, 0 if it named no time."""

    retry_after: float = 0.0


class StoreTimeout(Unavailable):
    """No answer in time; the request may or may not have had its effect."""


class TruncatedBody(Unavailable):
    """Fewer or more bytes arrived than were announced."""


class MigrationError(AstraError):
    """A law of migration stopped the job; the source is kept."""


class SourceChanged(MigrationError):
    """The source is no longer the version that the job began with."""

    retryable = True


class DestinationExists(MigrationError):
    """Another object is at the destination and overwriting was not asked for."""


class DestinationChanged(MigrationError):
    """Somebody else wrote the destination after this job did."""


class DigestMismatch(MigrationError):
    """Two digests that must be equal are not. The copy was rolled back."""


class SameObject(MigrationError):
    """Source and destination are one object, perhaps by two names."""


class StrictRefusal(MigrationError):
    """`--strict` forbids going on: unguarded delete or unattested source."""


class EventError(AstraError):
    """Kafka did not do as asked."""


class BrokerUnavailable(EventError):
    """No broker answers."""

    retryable = True


class BadMessage(EventError):
    """A message that does not parse; it is shown as rejected, never dropped silently."""
