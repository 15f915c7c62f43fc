"""What is settled before a byte is read: whether the destination can hold the object at all, and
which checksums it could attest."""

from engine.errors import KeyNotSupported, NotSupported
from engine.migration.digest import ALGORITHMS, CHEAPEST
from engine.migration.packing import original
from engine.model import JobSpec, MoveOptions, ObjectHead
from engine.stores.base import ObjectStore


def check_limits(spec: JobSpec, head: ObjectHead, destination: ObjectStore) -> None:
    """Raises KeyNotSupported or NotSupported, with nothing sent, if the copy cannot be made."""
    key, capabilities = spec.destination.key, destination.capabilities
    problem = destination.check_key(key)
    if problem:
        raise KeyNotSupported(
            f"The destination cannot hold this key: {problem}.",
            subject=str(spec.destination),
            safe="Nothing was written and the source is kept.",
            todo="Choose another key.",
        )
    if spec.options.compress and original(head.meta) is not None:
        raise NotSupported(
            "It is compressed by Astra already.",
            subject=str(spec.source),
            safe="Nothing was written and the source is kept.",
            todo="Move it without --compress.",
        )
    if spec.options.compress and not capabilities.user_metadata:
        raise NotSupported(
            "The destination keeps no user metadata, which tells what is compressed.",
            subject=str(spec.destination),
            safe="Nothing was written and the source is kept.",
            todo="Move it without --compress.",
        )
    if head.size > capabilities.max_object:
        raise NotSupported(
            f"The object has {head.size:,} bytes and the destination holds at most"
            f" {capabilities.max_object:,} in one.",
            subject=str(spec.source),
            safe="Nothing was written and the source is kept.",
        )


def attestable(options: MoveOptions, destination: ObjectStore) -> list[str]:
    """Algorithms that the destination could attest: the job's own, and the cheapest.

    Both, for not every object there has the first: one made of parts has no MD5 with Google.
    """
    offered = destination.capabilities.attested & ALGORITHMS.keys()
    cheapest = [name for name in CHEAPEST if name in offered][:1]
    own = [options.checksum] if options.checksum in offered else []
    return list(dict.fromkeys([*own, *cheapest]))
