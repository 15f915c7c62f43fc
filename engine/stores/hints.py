"""What to do next where a store's own answer does not say it."""

from engine.errors import AstraError, NotFound
from engine.stores.base import ObjectStore

_NAMED = 5  # buckets that a hint names


async def name_buckets(store: ObjectStore, bucket: str, error: NotFound) -> None:
    """A bucket could not be listed for it is not there: tell those that are, if allowed."""
    if error.todo:
        return
    try:
        names = await store.buckets()
    except AstraError:
        names = []
    if not names or bucket in names:
        error.todo = f"Check the name of the bucket {bucket}."
        return
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    error.todo = f"Check the name: {store.name} has {', '.join(names[:_NAMED])}{more}."
