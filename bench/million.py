"""An S3 server that lists objects which nobody stored: as many as asked for, always the same.

    python -m bench.million OBJECTS BUCKET …

Prints its port. It answers ListObjectsV2 (pages of 1,000, continuation tokens, prefixes) and
nothing else; a page is made when it is asked for, so that a million objects cost this process
nothing. A thousand objects lie in each folder.
"""

import asyncio
import sys
import urllib.parse
from datetime import UTC, datetime

from bench.catalog import CLASSES, KINDS

PAGE = 1000


def key(number: int) -> str:
    """The name of an object; names ascend with the numbers."""
    mixed = _mixed(number)
    folder, place = divmod(number, 1000)
    return f"data/day-{folder:05d}/{place:03d}-{KINDS[mixed % 5]}_{mixed % 1000:03d}.csv"


def entry(number: int) -> str:
    """An object as S3 lists it."""
    mixed = _mixed(number)
    when = datetime.fromtimestamp(1.7e9 + mixed % 10**8, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return (
        f"<Contents><Key>{key(number)}</Key><LastModified>{when}</LastModified>"
        f"<ETag>&quot;{mixed:032x}&quot;</ETag><Size>{mixed % 10**9}</Size>"
        f"<StorageClass>{CLASSES[(mixed >> 8) % 4]}</StorageClass></Contents>"
    )


def _mixed(number: int) -> int:
    return number * 2_654_435_761 % 2**32


def page(bucket: str, count: int, start: int, prefix: str) -> bytes:
    """One page of a bucket, from the object with the number `start`."""
    following = min(start + PAGE, count)
    rows = "".join(
        entry(number) for number in range(start, following) if key(number).startswith(prefix)
    )
    more = following < count
    token = f"<NextContinuationToken>{following}</NextContinuationToken>" if more else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult>'
        f"<Name>{bucket}</Name><Prefix>{prefix}</Prefix><KeyCount>{following - start}</KeyCount>"
        f"<MaxKeys>{PAGE}</MaxKeys><EncodingType>url</EncodingType>"
        f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
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
