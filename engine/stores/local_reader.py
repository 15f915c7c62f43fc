"""Reading a file in chunks, with proof that it did not change meanwhile."""

import os
from collections.abc import AsyncIterator, Callable, Sequence

from engine.errors import KeyNotSupported, TruncatedBody
from engine.model import ObjectHead, VersionPin
from engine.stores.base import check_range
from engine.stores.blocking import Threads
from engine.stores.local_files import (
    etag_of,
    explain,
    flush,
    is_file,
    parent_folder,
    pin_of,
    split_key,
)
from engine.stores.local_staging import changed

CHUNK = 1024**2


def open_file(bucket: int, segments: list[bytes]) -> int:
    """An open regular file, never through a symbolic link. Raises OSError."""
    # O_NONBLOCK: opening a named pipe must not wait for somebody to write into it.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with parent_folder(bucket, segments) as folder:
        handle = os.open(segments[-1], flags, dir_fd=folder)
    if not is_file(os.fstat(handle)):
        os.close(handle)
        raise FileNotFoundError(2, "not a regular file")
    return handle


class FileReader:
    """An open file. `size` is the number of bytes this read will give."""

    def __init__(self, threads: Threads, subject: str) -> None:
        self.handle = -1
        self.size = 0
        self.head: ObjectHead
        self._threads = threads
        self._subject = subject
        self._start = 0
        self._whole: bytes | None = None

    def set_range(self, head: ObjectHead, start: int, stop: int | None) -> None:
        """Give bytes start ≤ i < stop of the file. Raises UsageError for an impossible range."""
        self.head = head
        end = check_range(head.size, start, stop, self._subject)
        self._start, self.size = start, end - start

    def read_small(self) -> None:
        """Read a range of one chunk at once and close: a turn of a thread costs more than it."""
        if self.size <= CHUNK:
            self._whole = self._read(0)
            self.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Chunks of 1 MiB. Raises TruncatedBody or PreconditionFailed if the file changed."""
        if self._whole is not None:
            if self._whole:
                yield self._whole
            return
        given = 0
        while given < self.size:
            chunk = await self._threads.run(self._read, given)
            given += len(chunk)
            yield chunk

    def _read(self, given: int) -> bytes:
        """The next chunk, whole. At the end of the range the file must still be the same."""
        wanted, pieces = min(CHUNK, self.size - given), list[bytes]()
        try:
            while wanted:
                piece = os.pread(self.handle, wanted, self._start + given)
                if not piece:
                    break
                pieces.append(piece)
                given += len(piece)
                wanted -= len(piece)
        except OSError as error:
            raise explain(error, self._subject) from error
        if wanted or given == self.size:
            self._check_unchanged()
        if wanted:
            raise TruncatedBody(
                f"The file ended after {given:,} of {self.size:,} bytes.", subject=self._subject
            )
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _check_unchanged(self) -> None:
        if etag_of(os.fstat(self.handle)) != self.head.pin.etag:
            raise changed(self._subject)

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        handle, self.handle = self.handle, -1
        if handle >= 0:
            os.close(handle)


def hash_files(
    bucket: int, objects: Sequence[tuple[str, VersionPin]], digest: Callable[[bytes], str]
) -> list[str]:
    """The digests of files of up to 1 MiB that are these versions; "" where that failed."""
    return [_hash_file(bucket, key, pin, digest) for key, pin in objects]


def _hash_file(bucket: int, key: str, pin: VersionPin, digest: Callable[[bytes], str]) -> str:
    try:
        handle = open_file(bucket, split_key(key))
    except (OSError, KeyNotSupported):
        return ""
    try:
        flush(handle)
        status = os.fstat(handle)
        if status.st_size > CHUNK or not pin.matches(pin_of(status)):
            return ""
        data = os.pread(handle, status.st_size + 1, 0)
        # As one reads it: whole, and still the same version afterwards.
        if len(data) != status.st_size or etag_of(os.fstat(handle)) != etag_of(status):
            return ""
    except OSError:
        return ""
    finally:
        os.close(handle)
    return digest(data)
