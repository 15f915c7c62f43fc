"""ListObjectsV2, page by page. The next page is asked for while this one is read."""

import asyncio
from collections.abc import AsyncGenerator

from engine.errors import BadResponse
from engine.model import ListEntry, ListPage
from engine.stores import s3_xml as xml
from engine.stores.http_answer import Reply
from engine.stores.s3_classes import StorageClasses
from engine.stores.s3_client import S3Client

_PAGE = "1000"


async def list_objects(
    client: S3Client, classes: StorageClasses, bucket: str, prefix: str
) -> AsyncGenerator[ListPage, None]:
    """All objects below a prefix, 1,000 keys a page; raises rather than end early."""
    at, seen = client.at(bucket, prefix), set[str]()
    asked = [("list-type", "2"), ("encoding-type", "url"), ("max-keys", _PAGE)]
    asked += [("prefix", prefix)] if prefix else []

    async def ask(token: str) -> Reply:
        more = [("continuation-token", token)] if token else []
        return await client.call("GET", bucket, query=[*asked, *more])

    ahead: asyncio.Task[Reply] | None = None
    try:
        reply = await ask("")
        while True:
            guess = xml.glimpse_token(reply.body)
            ahead = asyncio.create_task(ask(guess)) if guess and guess not in seen else None
            if ahead is not None:
                await asyncio.sleep(0)  # on its way before the loop is busy with this page
            entries, following = xml.listing(reply.body, at)
            page = _shown(entries, classes, prefix)
            if page:
                yield ListPage(page)
            if not following:
                return
            if following in seen:
                raise BadResponse("The listing goes in a circle.", subject=at)
            seen.add(following)
            if ahead is not None and following == guess:
                reply, ahead = await ahead, None
            else:
                await _drop(ahead)
                reply, ahead = await ask(following), None
    finally:
        await _drop(ahead)


def _shown(entries: list[ListEntry], classes: StorageClasses, prefix: str) -> list[ListEntry]:
    """The entries below the prefix, with the provider's names for their classes."""
    if prefix:  # some servers take "/" for the whole bucket
        entries = [entry for entry in entries if entry.key.startswith(prefix)]
    names = {name: classes.from_wire(name) for name in {entry.storage_class for entry in entries}}
    if all(wire == name for wire, name in names.items()):
        return entries
    return [entry._replace(storage_class=names[entry.storage_class]) for entry in entries]


async def _drop(task: asyncio.Task[Reply] | None) -> None:
    """End a request whose answer nobody wants any more, however it ends."""
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # taken note of
