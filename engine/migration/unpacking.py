"""A file that was moved with compression, back to its original bytes, on the same disk."""

import asyncio
from collections.abc import AsyncIterator, Mapping

from engine.errors import DestinationExists, DigestMismatch, PreconditionFailed
from engine.migration.digest import StreamDigest
from engine.migration.packing import Damaged, Unpacker, original
from engine.migration.source import read_through
from engine.model import COMPRESSED, Address, ObjectHead, VersionPin
from engine.stores.base import ObjectStore

_ALGORITHM = "sha256"


async def unpack_file(
    disk: ObjectStore, packed: Address, source: ObjectStore, origin: Address
) -> Address | None:
    """Decompress an object whose metadata marks it, beside it, and remove it; None if none does.

    `origin` at `source` is where it was fetched from: its marks are asked for where the disk
    keeps none. The new file is held to the size and digests that are marked and to the frame's
    own checksum, is read back, and replaces nothing. Raises DigestMismatch, DestinationExists
    or StoreError; the compressed one is there as before then.
    """
    head = await disk.head(packed.bucket, packed.key)
    meta = head.meta
    if not disk.capabilities.user_metadata:
        meta = (await source.head(origin.bucket, origin.key)).meta
    found = original(meta)
    name = packed.key.removesuffix(COMPRESSED)
    if found is None or name == packed.key or disk.check_key(name):
        return None
    kept, size, digests = found
    target = Address(packed.cloud, packed.bucket, name)
    unpacker = Unpacker(size, {*digests, _ALGORITHM})
    result: dict[str, str] = {}
    try:
        body = _unpacked(disk, packed, head, unpacker, digests, result)
        written = await disk.write(packed.bucket, name, body, size=size, meta=kept)
        pin, ours = written.pin, True
    except PreconditionFailed:
        there = await disk.head(target.bucket, target.key)
        pin, ours = there.pin, False
    if result[_ALGORITHM] != await _digest(disk, target, pin, pin.size):
        if ours:
            await disk.delete(target.bucket, target.key, pin=pin)
            raise DigestMismatch("The file that was written reads otherwise.", subject=str(target))
        raise DestinationExists("Another file is already there.", subject=str(target))
    await disk.delete(packed.bucket, packed.key, pin=head.pin)
    return target


async def _unpacked(
    disk: ObjectStore,
    packed: Address,
    head: ObjectHead,
    unpacker: Unpacker,
    digests: Mapping[str, str],
    result: dict[str, str],
) -> AsyncIterator[bytes]:
    """What comes out, proved before it ends; `result` has its digests then."""
    try:
        async for chunk in read_through(disk, packed, head.pin, head.size):
            start = 0
            while start < len(chunk):
                pieces, start = await asyncio.to_thread(unpacker.take, chunk, start)
                for piece in pieces:
                    yield piece
        result |= unpacker.finish()
    except Damaged as error:
        raise _wrong(packed, str(error)) from error
    for name, value in digests.items():
        if result[name] != value.lower():
            raise _wrong(packed, f"its {name} becomes {result[name]}, not {value}")


async def _digest(disk: ObjectStore, address: Address, pin: VersionPin, size: int) -> str:
    digest = StreamDigest([_ALGORITHM])
    async for chunk in read_through(disk, address, pin, size):
        await digest.update(chunk)
    return (await digest.finish())[_ALGORITHM]


def _wrong(packed: Address, why: str) -> DigestMismatch:
    return DigestMismatch(
        f"It does not become what its metadata says: {why}.",
        subject=str(packed),
        safe="The compressed file is there.",
        todo="Fetch it with --no-decompress and look at it with zstd.",
    )
