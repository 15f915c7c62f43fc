"""What must hold before a job does anything: its ends are where they were.

A cloud is a name in astra.toml. Between two runs the name may be given to another endpoint or
folder; what the ledger says of pins, uploads and deletes does not hold there.
"""

from engine.errors import ConfigError, Refused
from engine.migration.job import Job
from engine.migration.records import spelled
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
