"""What must hold before a job does anything destructive: its ends are where they were, nothing
is read-only, and the operator approved that many deletes.

A cloud is a name in astra.toml. Between two runs the name may be given to another endpoint or
folder; what the ledger says of pins, uploads and deletes does not hold there.
"""

from engine.errors import ConfigError, Refused
from engine.migration.job import Job
from engine.migration.records import Effect, spelled
from engine.migration.services import Services
from engine.model import Address, MoveKind


def check_places(job: Job, services: Services) -> None:
    """Raises ConfigError if an end of the job is elsewhere than when it began."""
    spec = job.record.spec
    for address, before in zip((spec.source, spec.destination), job.record.places, strict=True):
        if before and before != _place(services, address):
            raise ConfigError(
                f"The cloud {address.cloud!r} points elsewhere now: this job began when the"
                f" object's place was {before}.",
                subject=str(address),
                safe="Nothing was done in the new place, and what the job did is on record.",
                todo=f"Let {address.cloud!r} in astra.toml point to the old place again, then retry"
                " the job; plan anew for another place.",
            )


def remember_places(job: Job, services: Services) -> None:
    """Check the places, or write them down at the first time; on disk with the first intent."""
    check_places(job, services)
    spec = job.record.spec
    if not any(job.record.places):
        job.put_places((_place(services, spec.source), _place(services, spec.destination)))


def check_writable(job: Job, services: Services) -> None:
    """Raises Refused if the job would write or delete in a read-only cloud."""
    spec = job.record.spec
    changed = []
    if spec.kind is not MoveKind.COPY:
        changed.append(spec.source)
    if spec.kind is not MoveKind.TIER:
        changed.append(spec.destination)
    for address in changed:
        _check_writable(address, services)


def check_destination_writable(job: Job, services: Services) -> None:
    """Raises Refused if undoing the job would delete in a read-only cloud."""
    _check_writable(job.record.spec.destination, services)


async def know_deletes(job: Job, services: Services) -> None:
    """Learn what the job's set may delete, before `count_delete`. Raises StateError."""
    await services.deletes.load(job.record.jobset)


def count_delete(job: Job, services: Services) -> None:
    """Count the delete of the job's source, just before its intent is written down.

    Raises Refused if the set sent as many already as were approved for it: then something put
    more jobs into it than the operator saw.
    """
    if job.intended(Effect.DELETE) is not None:
        return  # counted when it was first meant
    allowed = services.deletes.take(job.record.jobset, job.record.job_id)
    if allowed is not None:
        raise Refused(
            f"The job set {job.record.jobset} may delete {allowed:,} sources, and did.",
            subject=str(job.record.spec.source),
            safe="The copy is proved and kept, and so is the source.",
            todo="Find out why the set has more moves than were approved; then plan this one anew:"
            " its copy is found at the destination and not sent again.",
        )


def discount_delete(job: Job, services: Services) -> None:
    """The delete that was counted was certainly not carried out."""
    services.deletes.give_back(job.record.jobset)


def _check_writable(address: Address, services: Services) -> None:
    if address.cloud in services.read_only:
        raise Refused(
            f"The cloud {address.cloud!r} is read-only; nothing is written or deleted there.",
            subject=str(address),
            safe="Nothing was changed.",
            todo="Take read_only off this cloud in astra.toml, then retry the job.",
        )


def _place(services: Services, address: Address) -> str:
    return spelled(services.store(address).locate(address.bucket, address.key))
