"""The generations of one object."""

from contextlib import aclosing

from engine.errors import BadResponse
from engine.model.preview import ObjectVersion
from engine.stores.gcs_client import GCSClient, Resource
from engine.stores.gcs_listing import OBJECTS, list_pages, listing_query
from engine.stores.gcs_resource import check_resource, pin_of
from engine.stores.versions import MOST, Kept, newest_first

_FIELDS = "items(name,bucket,size,updated,timeDeleted,generation,metageneration,storageClass)"


async def list_versions(client: GCSClient, bucket: str, key: str) -> Kept:
    """Every generation of that very name; a noncurrent one says when it was replaced."""
    at, found = client.at(bucket, key), list[ObjectVersion]()
    query = [*listing_query(key, _FIELDS), ("versions", "true")]
    pages = list_pages(
        client, lambda asked: client.endpoint.objects(bucket, asked), query, OBJECTS, at
    )
    async with aclosing(pages):
        async for page in pages:
            ours = [item for item in page if isinstance(item, dict) and item.get("name") == key]
            found += [_version(item, bucket, key, at) for item in ours]
            if len(ours) < len(page):
                break
            if len(found) >= MOST:
                return newest_first(found, more=True)
    return newest_first(found)


def _version(item: Resource, bucket: str, key: str, at: str) -> ObjectVersion:
    check_resource(item, bucket, key, at)
    try:
        pin = pin_of(item)
    except ValueError as error:
        raise BadResponse(f"One version is incomplete ({error}).", subject=at) from error
    name = str(item.get("storageClass", "STANDARD"))
    return ObjectVersion(pin, name, current=not item.get("timeDeleted"))
