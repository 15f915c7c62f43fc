"""Folders of a disk as a store: buckets are the folders directly under `root`.

A key is the path below its bucket, byte for byte; what cannot be such a path is refused
(`local_files.key_problem`). Only regular files are objects; symbolic links are never followed.
Files appear whole and on disk, or not at all; what is under way lies in the bucket's hidden
`.astra` folder. The version pin is made of inode, size, modification and change time: a change
in place within one tick of the file system's clock (about 4 ms on ext4) that keeps the size is
below its resolution. On a file system that folds letter case, two keys that differ only there
are one file, and create-only writes refuse the second.
"""

import os
import shutil
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from engine.errors import ConfigError, KeyNotSupported, NotFound, NotSupported, UsageError
from engine.model import ListPage, ObjectHead, ObjectMeta, Provider, StoreKind, VersionPin
from engine.settings import CloudSettings
from engine.stores import local_uploads
from engine.stores.base import (
    Capabilities,
    DeleteGuard,
    ObjectStore,
    Part,
    UploadInfo,
    Written,
)
from engine.stores.blocking import Threads
from engine.stores.body import Pieces
from engine.stores.local_files import (
    explain,
    flush,
    key_problem,
    open_folder,
    pin_of,
    split_key,
)
from engine.stores.local_meta import keeps_attributes, load_meta, store_meta
from engine.stores.local_reader import FileReader, hash_files, open_file
from engine.stores.local_staging import (
    Temporary,
    changed,
    check_size,
    delete_pinned,
    make_staging,
    remove_staging,
    staging_folder,
    sweep,
    sweep_deleted,
)
from engine.stores.local_walk import Walk

P = ParamSpec("P")
T = TypeVar("T")
_THREADS = 8


class LocalStore:
    """One root folder. Has no storage classes, versions or checksums of its own."""

    kind = StoreKind.LOCAL

    def __init__(self, settings: CloudSettings) -> None:
        if settings.root is None:
            raise ConfigError(
                "A local cloud needs the folder that holds its buckets.",
                subject=f"clouds.{settings.name}",
                todo='Add root = "/some/folder" to it in astra.toml.',
            )
        self.name = settings.name
        self.provider = settings.provider
        self.region = settings.region
        self.root = Path(os.path.abspath(settings.root))
        self._real_root = os.path.realpath(self.root).rstrip("/")
        keeps = keeps_attributes(self.root)
        self.capabilities = Capabilities(
            tags=keeps,
            user_metadata=keeps,
            content_headers=keeps,
            delete_guard=DeleteGuard.KNOWN,
            max_key_bytes=4096,
            max_object=2**63 - 1,
            multipart_threshold=1024**3 if settings.resumable else 2**63 - 1,
            max_parts=1_000_000,
            min_part=1,
        )
        self._class = "Hot" if self.provider is Provider.AZURE else "STANDARD"
        self._threads = Threads(f"astra-{self.name}", _THREADS)
        self._read_only = settings.read_only
        self._swept: set[str] = set()  # buckets written to: everything left over is removed
        self._looked: set[str] = set()  # buckets used: deletions are finished

    async def close(self) -> None:
        """Remove empty staging folders and end the threads. Safe to call twice."""
        for bucket in tuple(self._swept):
            self._swept.discard(bucket)
            try:
                await self._call(bucket, self._in_bucket, bucket, remove_staging)
            except NotFound:
                continue  # the bucket itself is gone
        self._threads.close()

    # -- buckets and listing ------------------------------------------------------------

    async def buckets(self) -> list[str]:
        """The folders under the root, hidden ones aside, in order."""
        return await self._call("", self._list_buckets)

    def _list_buckets(self) -> list[str]:
        try:
            found = os.scandir(self.root)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._rootless() from error
        with found as entries:
            return sorted(
                entry.name
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
            )

    async def create_bucket(self, bucket: str) -> None:
        """Make the folder (and the root) if it is not there."""
        _check_bucket(bucket)
        await self._call(bucket, os.makedirs, self.root / bucket, exist_ok=True)

    async def list_pages(self, bucket: str, prefix: str = "") -> AsyncGenerator[ListPage, None]:
        """All files whose key starts with `prefix`, in the order of their UTF-8 bytes."""
        walk = Walk(prefix, self._class)
        try:
            await self._call(bucket, lambda: walk.open(self._open_bucket(bucket)))
            while page := await self._call(bucket, walk.page):
                yield page
        finally:
            await self._call(bucket, walk.close)

    # -- reading ------------------------------------------------------------------------

    async def head(self, bucket: str, key: str, *, pin: VersionPin | None = None) -> ObjectHead:
        """Describe the file. Raises PreconditionFailed if it is not the pinned version."""
        segments, at = split_key(key), self._at(bucket, key)
        return await self._find(bucket, key, self._in_bucket, bucket, self._head, segments, pin, at)

    def _head(
        self, bucket: int, segments: list[bytes], pin: VersionPin | None, at: str
    ) -> ObjectHead:
        handle = open_file(bucket, segments)
        try:
            return self._describe(handle, segments, pin, at)
        finally:
            os.close(handle)

    def _describe(
        self, handle: int, segments: list[bytes], pin: VersionPin | None, at: str
    ) -> ObjectHead:
        key = b"/".join(segments).decode("utf-8", "surrogateescape")
        status = os.fstat(handle)
        found = pin_of(status)
        if pin is not None and not pin.matches(found):
            raise changed(at)
        meta = load_meta(handle, status.st_mtime)
        return ObjectHead(key, status.st_size, found, self._class, meta)

    @asynccontextmanager
    async def read(
        self, bucket: str, key: str, *, pin: VersionPin, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[FileReader]:
        """Open the bytes; a file changed in place while it is read raises PreconditionFailed."""
        segments, at = split_key(key), self._at(bucket, key)
        reader = FileReader(self._threads, at)

        def begin(folder: int) -> None:
            reader.handle = open_file(folder, segments)
            if start == 0 and stop is None:
                flush(reader.handle)
            reader.set_range(self._describe(reader.handle, segments, pin, at), start, stop)
            reader.read_small()

        try:
            await self._find(bucket, key, self._in_bucket, bucket, begin)
            yield reader
        finally:
            if reader.handle >= 0:
                await self._threads.run(reader.close)

    async def hash_small(
        self,
        bucket: str,
        objects: Sequence[tuple[str, VersionPin]],
        digest: Callable[[bytes], str],
    ) -> list[str]:
        """The `digest` of each of exactly these versions; "" for one that could not be read."""
        return await self._call(bucket, self._in_bucket, bucket, hash_files, objects, digest)

    # -- writing ------------------------------------------------------------------------

    async def write(
        self,
        bucket: str,
        key: str,
        body: AsyncIterator[bytes],
        *,
        size: int,
        meta: ObjectMeta,
        storage_class: str = "",
        replace: VersionPin | None = None,
        md5: str = "",
    ) -> Written:
        """Write through a temporary file; the object is on disk when this returns."""
        self._check_class(key, storage_class)
        at = self._at(bucket, key)
        temporary = Temporary(split_key(key), at, md5=bool(md5))
        try:
            await self._call(at, self._open_temporary, bucket, temporary)
            async for chunk in body:
                if temporary.size + len(chunk) > size:
                    check_size(temporary.size + len(chunk), size, at)
                await self._call(at, temporary.write, chunk)
            temporary.check(size, md5)
            return await self._call(at, self._commit, temporary, meta, replace, at)
        finally:
            await self._call(at, temporary.discard)

    def _commit(
        self, temporary: Temporary, meta: ObjectMeta, replace: VersionPin | None, key: str
    ) -> Written:
        if self.capabilities.user_metadata:
            store_meta(temporary.handle, meta, key)
        return Written(temporary.commit(meta.modified, replace))

    async def begin_upload(
        self, bucket: str, key: str, *, meta: ObjectMeta, storage_class: str = ""
    ) -> str:
        """Make the upload's folder."""
        self._check_class(key, storage_class)
        split_key(key)
        return await self._staged(bucket, key, local_uploads.begin, key, meta, time.time())

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
        """Keep part `number` (from 1)."""
        return await self._staged(
            bucket, key, local_uploads.put_part, key, upload_id, number, data, md5
        )

    async def parts(self, bucket: str, key: str, upload_id: str) -> list[Part]:
        """The parts of an unfinished upload."""
        return await self._staged(bucket, key, local_uploads.list_parts, key, upload_id)

    async def complete_upload(
        self,
        bucket: str,
        key: str,
        upload_id: str,
        parts: Sequence[Part],
        *,
        replace: VersionPin | None = None,
    ) -> Written:
        """Copy the parts into one file (on btrfs and XFS they are shared, not copied)."""
        await self._staged(bucket, key, local_uploads.check_parts, key, upload_id, parts)
        meta = await self._staged(bucket, key, local_uploads.load_info, key, upload_id)
        at = self._at(bucket, key)
        temporary = Temporary(split_key(key), at)
        try:
            await self._call(at, self._open_temporary, bucket, temporary)
            for part in parts:
                await self._staged(
                    bucket, key, local_uploads.append_part, key, upload_id, part, temporary
                )
            temporary.check(sum(part.size for part in parts), "")
            written = await self._call(at, self._commit, temporary, meta, replace, at)
        finally:
            await self._call(at, temporary.discard)
        await self.abort_upload(bucket, key, upload_id)
        return written

    async def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Throw the parts away. Absent is fine."""
        await self._staged(bucket, key, local_uploads.abort, upload_id)

    async def uploads(self, bucket: str, prefix: str = "") -> list[UploadInfo]:
        """Unfinished uploads."""
        return await self._staged(bucket, prefix, local_uploads.list_uploads, prefix)

    # -- deleting and what a disk cannot do ---------------------------------------------

    async def delete(self, bucket: str, key: str, *, pin: VersionPin) -> None:
        """Rename it out of sight, look again, then unlink it; empty folders above go too."""
        segments, at = split_key(key), self._at(bucket, key)
        await self._find(bucket, key, self._in_bucket, bucket, delete_pinned, segments, pin, at)

    async def guards_deletes(self, bucket: str) -> bool:
        """True: the file is looked at again after it was renamed out of everybody's reach."""
        return True

    async def set_class(
        self, bucket: str, key: str, *, pin: VersionPin, storage_class: str
    ) -> ObjectHead:
        """Raises NotSupported, unless it is in that class already."""
        self._check_class(key, storage_class)
        return await self.head(bucket, key, pin=pin)

    async def free_bytes(self, bucket: str) -> int:
        """What the disk below the bucket has left for this user."""
        _check_bucket(bucket)
        return (
            await self._call(f"{self.name}:{bucket}", shutil.disk_usage, self.root / bucket)
        ).free

    def can_copy_from(self, other: ObjectStore) -> bool:
        """Never: a copy on one disk passes through this machine all the same."""
        return False

    async def copy(
        self,
        source_bucket: str,
        source_key: str,
        bucket: str,
        key: str,
        *,
        pin: VersionPin,
        size: int,
        meta: ObjectMeta,
        storage_class: str = "",
        replace: VersionPin | None = None,
    ) -> Written:
        """A disk copies nothing by itself."""
        raise NotSupported("A disk copies nothing by itself.", subject=self._at(bucket, key))

    async def restore(
        self, bucket: str, key: str, *, pin: VersionPin, days: int, speed: str
    ) -> None:
        """Raises NotSupported: nothing on a disk is archived."""
        raise NotSupported("A disk has no archive to restore from.", subject=key)

    def check_key(self, key: str) -> str:
        """Why no file can have this key, "" if one can."""
        return key_problem(key)

    def locate(self, bucket: str, key: str) -> str:
        """The file's real path as a URL."""
        return f"file://{self._real_root}/{bucket}/{key}"

    async def part_sizes(
        self, bucket: str, key: str, *, pin: VersionPin, count: int
    ) -> tuple[int, ...]:
        """Empty: a file remembers no parts."""
        return ()

    # -- helpers ------------------------------------------------------------------------

    def _check_class(self, key: str, storage_class: str) -> None:
        if storage_class not in ("", self._class):
            raise NotSupported(
                f"A disk has one storage class, {self._class}, and no {storage_class}.",
                subject=key,
                safe="Nothing was changed.",
            )

    def _at(self, bucket: str, key: str = "") -> str:
        return f"{self.name}:{bucket}/{key}"

    def _rootless(self) -> NotFound:
        return NotFound(
            "There is no such folder.",
            subject=str(self.root),
            todo=f"Make it, mount its disk, or correct root of [clouds.{self.name}] in astra.toml.",
            code="ENOENT",
        )

    def _open_bucket(self, bucket: str) -> int:
        _check_bucket(bucket)
        try:
            folder = open_folder(os.fsencode(self.root / bucket))
        except (FileNotFoundError, NotADirectoryError) as error:
            if not self.root.is_dir():  # a disk that is not mounted, or a name misspelt
                raise self._rootless() from error
            raise NotFound(
                "There is no such bucket.",
                subject=self._at(bucket),
                todo=f"A bucket is a folder in {self.root}.",
                code="NoSuchBucket",
            ) from error
        if bucket not in self._looked and not self._read_only:
            self._looked.add(bucket)
            sweep_deleted(folder)
        return folder

    def _open_temporary(self, bucket: str, temporary: Temporary) -> None:
        temporary.open(self._open_bucket(bucket))
        if bucket not in self._swept:
            self._swept.add(bucket)
            self._in_bucket(bucket, _sweep_staging)

    def _in_bucket(self, bucket: str, function: Callable[..., T], *args: object) -> T:
        folder = self._open_bucket(bucket)
        try:
            return function(folder, *args)
        finally:
            os.close(folder)

    async def _staged(self, bucket: str, key: str, function: Callable[..., T], *args: object) -> T:
        at = self._at(bucket, key)
        return await self._call(at, self._in_bucket, bucket, function, *args)

    async def _call(
        self, subject: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        try:
            return await self._threads.run(function, *args, **kwargs)
        except OSError as error:
            raise explain(error, subject or str(self.root)) from error

    async def _find(
        self, bucket: str, key: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        at = self._at(bucket, key)
        try:
            return await self._call(at, function, *args, **kwargs)
        except KeyNotSupported as error:
            # A file in the place of a folder: fine for the disk, and so no such object.
            raise NotFound("There is no such object.", subject=at, code="ENOTDIR") from error


def _check_bucket(bucket: str) -> None:
    raw = os.fsencode(bucket)
    if not raw or bucket.startswith(".") or b"/" in raw or b"\0" in raw or len(raw) > 255:
        raise UsageError("No folder of that name can be a bucket.", subject=bucket)


def _sweep_staging(bucket: int) -> None:
    make_staging(bucket)
    with staging_folder(bucket) as staging:
        sweep(staging)
