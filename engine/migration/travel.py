"""What of an object's metadata arrives at a destination, and what is lost on the way."""

from dataclasses import replace

from engine.model import ObjectMeta
from engine.stores.base import ObjectStore

_NAMES = (  # by the beginning of a header's name
    ("expires", "Expires"),
    ("x-amz-website-redirect", "the website redirect"),
    ("x-amz-server-side-encryption", "the KMS key"),
    ("x-amz-object-lock", "the object lock"),
    ("x-goog-custom-time", "the custom time"),
    ("x-goog-metadata-case", "capitals in metadata names"),
)
_CASE = "x-goog-metadata-case"
_LOCK, _KEY = "x-amz-object-lock", "x-amz-server-side-encryption"


def special_facts(
    meta: ObjectMeta, source: ObjectStore, destination: ObjectStore
) -> tuple[tuple[str, str], ...]:
    """Those facts of `meta.special` that the destination can keep.

    A key is known in one account and region only; a lock is set by who may set locks.
    """
    if not meta.special or source.kind is not destination.kind:
        return ()
    near = destination.can_copy_from(source) and destination.region == source.region
    return tuple(
        (name, value)
        for name, value in meta.special
        if not name.startswith((_LOCK, _CASE)) and (near or not name.startswith(_KEY))
    )


def special_losses(
    meta: ObjectMeta, source: ObjectStore, destination: ObjectStore
) -> tuple[str, ...]:
    """The others, by names for the operator."""
    kept = special_facts(meta, source, destination)
    lost = [name for name, _ in meta.special if (name, dict(meta.special)[name]) not in kept]
    return tuple(text for begin, text in _NAMES if any(name.startswith(begin) for name in lost))


def travelling(
    meta: ObjectMeta, source: ObjectStore, destination: ObjectStore
) -> tuple[ObjectMeta, tuple[str, ...]]:
    """The metadata to write there, and names of what is lost."""
    can, lost = destination.capabilities, list[str]()
    if not meta.special and (can.tags or not meta.tags) and (can.user_metadata or not meta.user):
        return meta, ()
    if meta.tags and not can.tags:
        lost.append("tags")
    if meta.user and not can.user_metadata:
        lost.append("user metadata")
    lost += special_losses(meta, source, destination)
    kept = replace(meta, special=special_facts(meta, source, destination))
    return kept, tuple(lost)
