"""Lists of the JSON API, page by page, to their very end."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from engine.errors import BadResponse, NotFound
from engine.stores.gcs_client import GCSClient, Resource
from engine.stores.gcs_endpoint import Query

PAGE = 1000


async def list_pages(
    client: GCSClient, url: Callable[[Query], str], query: Query, kind: str, at: str
) -> AsyncGenerator[list[Any], None]:
    """The `items` of each page. Raises rather than end early or go in a circle.

    `kind` is what the pages must say they are.
    """
    token, seen = "", set[str]()
    while True:
        asked = [*query, *([("pageToken", token)] if token else [])]
        try:
            page = await client.ask("GET", url(asked), at=at)
        except NotFound as error:
            if error.code:
                error.code = "NoSuchBucket"  # of a list it can mean nothing else
            raise
        items = page.get("items", [])
        if page.get("kind") != kind or not isinstance(items, list):
            raise BadResponse("This is no page of a listing.", subject=at)
        yield items
        following = page.get("nextPageToken") or ""
        if not following:
            return
        if not isinstance(following, str) or following in seen:
            raise BadResponse("The listing goes in a circle.", subject=at)
        seen.add(token := following)


async def list_items(
    client: GCSClient, bucket: str, prefix: str, *, fields: str, versions: bool = False
) -> AsyncIterator[Resource]:
    """Objects whose name starts with `prefix`, in every version if asked for."""
    at = client.at(bucket, prefix)
    query = listing_query(prefix, fields)
    if versions:
        query.append(("versions", "true"))
    pages = list_pages(
        client, lambda asked: client.endpoint.objects(bucket, asked), query, OBJECTS, at
    )
    async for page in pages:
        for item in page:
            if not isinstance(item, dict) or not str(item.get("name", "")).startswith(prefix):
                raise BadResponse("A row of the listing does not belong to it.", subject=at)
            yield item


def listing_query(prefix: str, fields: str) -> Query:
    """A thousand objects a page, and of each no more than is needed."""
    query = [("maxResults", str(PAGE)), ("fields", f"kind,nextPageToken,{fields}")]
    return query + ([("prefix", prefix)] if prefix else [])


OBJECTS = "storage#objects"
BUCKETS = "storage#buckets"
