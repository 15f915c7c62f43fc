"""Uploads in parts, as every store over HTTP passes them on to its own operations."""

from typing import Generic, Protocol, TypeVar

from engine.stores.base import Part, UploadInfo
from engine.stores.body import Pieces


class PartsOperations(Protocol):
    """What one kind of store can do with parts."""

    async def put(
        self, bucket: str, key: str, upload_id: str, number: int, data: bytes | Pieces, md5: str
    ) -> Part:
        """Send one part."""
        ...

    async def parts(self, bucket: str, key: str, upload_id: str) -> list[Part]:
        """The parts that arrived."""
        ...

    async def abort(self, bucket: str, key: str, upload_id: str) -> None:
        """Give an upload up. Absent is fine."""
        ...

    async def uploads(self, bucket: str, prefix: str) -> list[UploadInfo]:
        """Unfinished uploads."""
        ...


Operations = TypeVar("Operations", bound=PartsOperations)


class PartsStore(Generic[Operations]):
    """A store whose uploads are `_parts`."""

    _parts: Operations

    async def upload_part(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        number: int,
        data: bytes | Pieces,
        *,
        md5: str = "",
    ) -> Part:
        """Send part `number` (from 1)."""
        return await self._parts.put(bucket, key, upload_id, number, data, md5)

    async def parts(self, bucket: str, key: str, upload_id: str) -> list[Part]:
        """The parts that arrived."""
        return await self._parts.parts(bucket, key, upload_id)

    async def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Throw an unfinished upload away, or leave it to the service to do so. Absent is fine."""
        await self._parts.abort(bucket, key, upload_id)

    async def uploads(self, bucket: str, prefix: str = "") -> list[UploadInfo]:
        """Unfinished uploads (of Astra's own, where others cannot be told apart)."""
        return await self._parts.uploads(bucket, prefix)
