"""Reading a file in chunks, with proof that it did not change meanwhile."""

import os
from collections.abc import AsyncIterator

from engine.errors import TruncatedBody
from engine.model import ObjectHead
from engine.stores.base import check_range
from engine.stores.blocking import Threads
from engine.stores.local_files import etag_of, explain, is_file, parent_folder
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

    def set_range(self, head: ObjectHead, start: int, stop: int | None) -> None:
        """Give bytes start ≤ i < stop of the file. Raises UsageError for an impossible range."""
        self.head = head
        end = check_range(head.size, start, stop, self._subject)
        self._start, self.size = start, end - start

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Chunks of 1 MiB. Raises TruncatedBody or PreconditionFailed if the file changed."""
        given = 0
        while given < self.size:
            chunk = await self._threads.run(self._read, given)
            if not chunk:
                await self._threads.run(self._check_unchanged)
                raise TruncatedBody(
                    f"The file ended after {given:,} of {self.size:,} bytes.",
                    subject=self._subject,
                )
            given += len(chunk)
            if given == self.size:
                await self._threads.run(self._check_unchanged)
            yield chunk

    def _read(self, given: int) -> bytes:
        try:
            return os.pread(self.handle, min(CHUNK, self.size - given), self._start + given)
        except OSError as error:
            raise explain(error, self._subject) from error

    def _check_unchanged(self) -> None:
        if etag_of(os.fstat(self.handle)) != self.head.pin.etag:
            raise changed(self._subject)

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        handle, self.handle = self.handle, -1
        if handle >= 0:
            os.close(handle)
