"""Copies that the store makes itself: another class, another name, another bucket."""

from engine.errors import BadResponse, NotSupported
from engine.model import ObjectHead, VersionPin
from engine.stores.gcs_client import SLOW, GCSClient, Resource
from engine.stores.gcs_endpoint import Query
from engine.stores.gcs_keys import encode_name
from engine.stores.gcs_resource import (
    check_resource,
    condition,
    generations,
    pin_of,
    same_metadata,
)


async def rewrite(
    client: GCSClient,
    source: tuple[str, str],
    destination: tuple[str, str],
    *,
    pin: VersionPin,
    replace: VersionPin | None,
    resource: Resource,
) -> Resource:
    """Copy version `pin` of `source` (bucket, key) to `destination`, with this metadata.

    Both sides carry their conditions: the source's version, and that nothing is at the
    destination, or just what `replace` pins. A large object takes several calls.
    """
    (bucket, key), at = destination, client.at(*destination)
    generation, metageneration = generations(pin, client.at(*source))
    query: Query = [("sourceGeneration", generation)]
    query += condition(generation, metageneration, source=True)
    if replace is None:
        query += condition("0", "")
    else:
        query += condition(*generations(replace, at))
    then = f"/rewriteTo/b/{bucket}/o/{encode_name(key, at)}"
    token, before = "", -1
    while True:
        asked = [*query, *([("rewriteToken", token)] if token else [])]
        url = client.endpoint.object(*source, asked, client.at(*source), then=then)
        answer = await client.ask("POST", url, at=at, send=resource, patience=SLOW)
        if answer.get("done") is True:
            found = answer.get("resource")
            if not isinstance(found, dict):
                raise BadResponse("The server did not describe the copy.", subject=at)
            return check_resource(found, bucket, key, at)
        token, done = str(answer.get("rewriteToken") or ""), _count(answer)
        if not token or done <= before:
            raise BadResponse("The copy makes no progress.", subject=at)
        before = done


async def rewrite_class(
    client: GCSClient, bucket: str, before: Resource, storage_class: str
) -> Resource:
    """Copy an object onto itself in another class, everything else as it was."""
    key, pin = before["name"], pin_of(before)
    wanted = {**same_metadata(before), "storageClass": storage_class}
    place = (bucket, key)
    return await rewrite(client, place, place, pin=pin, replace=pin, resource=wanted)


def check_class(after: ObjectHead, storage_class: str, at: str) -> ObjectHead:
    """Raises NotSupported if the server answered well but kept the class as it was."""
    if after.storage_class != storage_class:
        raise NotSupported(
            f"The server accepted the change and keeps the object in {after.storage_class}.",
            subject=at,
            safe="The object's bytes are unchanged.",
        )
    return after


def _count(answer: Resource) -> int:
    try:
        return int(answer.get("totalBytesRewritten", -1))
    except (TypeError, ValueError):
        return -1
