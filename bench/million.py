"""An S3 server that lists objects which nobody stored: as many as asked for, always the same.

    python -m bench.million OBJECTS BUCKET …

Prints its port. It answers ListObjectsV2 (pages of 1,000, continuation tokens, prefixes) and
nothing else; the rows are those of `bench.catalog`, made when a page is asked for, so that a
million objects cost this process nothing.
"""

import asyncio
import sys
import urllib.parse
from datetime import UTC, datetime
from itertools import islice

from bench.catalog import entries_from

PAGE = 1000


def page(bucket: str, count: int, start: int, prefix: str) -> bytes:
    """One page of a bucket, from the object with the number `start`."""
    rows, following = list[str](), count
    for number, entry in islice(enumerate(entries_from(start, count), start), PAGE):
        following = number + 1
        if entry.key.startswith(prefix):
            when = datetime.fromtimestamp(entry.modified, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            rows.append(
                f"<Contents><Key>{entry.key}</Key><LastModified>{when}</LastModified>"
                f"<ETag>&quot;{entry.etag}&quot;</ETag><Size>{entry.size}</Size>"
                f"<StorageClass>{entry.storage_class}</StorageClass></Contents>"
            )
    more = following < count
    token = f"<NextContinuationToken>{following}</NextContinuationToken>" if more else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult>'
        f"<Name>{bucket}</Name><Prefix>{prefix}</Prefix><KeyCount>{len(rows)}</KeyCount>"
        f"<MaxKeys>{PAGE}</MaxKeys><EncodingType>url</EncodingType>"
        f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{''.join(rows)}</ListBucketResult>"
    ).encode()


async def serve(count: int, buckets: list[str]) -> None:
    """Answer until the process ends."""

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
                target = urllib.parse.urlsplit(head.split(" ", 2)[1])
                query = dict(urllib.parse.parse_qsl(target.query))
                bucket = target.path.strip("/")
                body, status = b"", "404 Not Found"
                if bucket in buckets and query.get("list-type") == "2":
                    start = int(query.get("continuation-token", "0"))
                    body = page(bucket, count, start, query.get("prefix", ""))
                    status = "200 OK"
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2:]))
