"""The hidden staging folder of a bucket: temporary files and deletions under way.

    .astra/put-<id>             being written, locked by its writer
    .astra/del-<etag>-<id>      renamed here by a delete, about to be unlinked
    .astra/new-<id>, up-<id>/   a multipart upload being made, begun

What a killed process leaves is swept when the bucket is next written to, and its deletions are
finished when the bucket is next used at all. Not swept are uploads (they can be resumed) and
files that are not the version their delete meant (kept for the operator).
"""

import contextlib
import fcntl
import hashlib
import math
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import NotFound, PreconditionFailed, TruncatedBody, Unavailable
from engine.model import VersionPin
from engine.stores.local_files import (
    STAGING,
    etag_of,
    exchange,
    flush,
    is_file,
    name_text,
    open_folder,
    parent_folder,
    pin_of,
    prune_folders,
    rename_new,
    same_content,
    temporary_name,
)

_SWEEP_AGE = 60.0  # seconds: younger ones may belong to a writer that is just starting
_DELETED = re.compile(r"del-([0-9a-f]+(?:\.[0-9a-f]+){3})-[0-9a-f]{32}")
_TRIES = 20  # a directory removed as empty between making it and using it is made again


@contextmanager
def staging_folder(bucket: int) -> Iterator[int]:
    """The bucket's open staging folder. Raises FileNotFoundError if nothing is staged."""
    staging = open_folder(STAGING, bucket)
    try:
        yield staging
    finally:
        os.close(staging)


def make_staging(bucket: int) -> None:
    """Make the bucket's staging folder, if it is not there. Raises OSError."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(STAGING, 0o700, dir_fd=bucket)


def remove_staging(bucket: int) -> None:
    """Remove the staging folder if it is empty."""
    with contextlib.suppress(OSError):  # something is staged, or it is not there
        os.rmdir(STAGING, dir_fd=bucket)


def sweep(staging: int) -> None:
    """Remove what killed processes left behind."""
    for entry in list(os.scandir(staging)):
        kind = entry.name.partition("-")[0]
        try:
            status = entry.stat(follow_symlinks=False)
            if _is_deleted(entry.name, status):
                os.unlink(entry.name, dir_fd=staging)
            elif time.time() - status.st_ctime < _SWEEP_AGE:
                continue
            elif kind == "put":
                _remove_unlocked(staging, entry.name)
            elif kind == "new":
                shutil.rmtree(entry.name, dir_fd=staging)
        except FileNotFoundError:
            continue  # its owner was faster


def sweep_deleted(bucket: int) -> None:
    """Finish deletions of killed processes, as far as that can be done."""
    # Nobody who only reads shall fail because of what others left behind.
    with contextlib.suppress(OSError), staging_folder(bucket) as staging:
        for name in os.listdir(staging):
            with contextlib.suppress(FileNotFoundError):  # its owner was faster
                if _is_deleted(name, os.stat(name, dir_fd=staging, follow_symlinks=False)):
                    os.unlink(name, dir_fd=staging)


def _is_deleted(name: str, status: os.stat_result) -> bool:
    """Whether that is a file whose deletion only lacked the last step."""
    found = _DELETED.fullmatch(name)
    return found is not None and is_file(status) and same_content(status, found[1])


def _remove_unlocked(staging: int, name: str) -> None:
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=staging)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # a living writer holds it
    else:
        os.unlink(name, dir_fd=staging)
    finally:
        os.close(handle)


class Temporary:
    """A file that becomes an object in one step, or disappears. Not for two threads at once."""

    def __init__(self, segments: list[bytes], subject: str, *, md5: bool = False) -> None:
        self.handle = -1
        self.size = 0
        self._segments = segments
        self._subject = subject
        self._md5 = hashlib.md5(usedforsecurity=False) if md5 else None
        self._bucket = -1
        self._staging = -1
        self._name = temporary_name("put")

    def open(self, bucket: int) -> None:
        """Begin; `bucket` is an open directory that this takes over. Raises OSError."""
        self._bucket = bucket
        make_staging(bucket)
        self._staging = open_folder(STAGING, bucket)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self.handle = os.open(self._name, flags, 0o666, dir_fd=self._staging)
        fcntl.flock(self.handle, fcntl.LOCK_EX)

    def write(self, data: bytes) -> None:
        """Append. Raises OSError."""
        view = memoryview(data)
        while view:
            view = view[os.write(self.handle, view) :]
        self.size += len(data)
        if self._md5 is not None:
            self._md5.update(data)

    def check(self, size: int, md5: str) -> None:
        """Raises TruncatedBody for another size, Unavailable for another MD5."""
        check_size(self.size, size, self._subject)
        if self._md5 is not None:
            check_md5(self._md5.hexdigest(), md5, self._subject)

    def commit(self, modified: float, replace: VersionPin | None) -> VersionPin:
        """Make it the object, on disk when this returns. Raises OSError, PreconditionFailed."""
        if modified:
            whole = math.floor(modified)  # apart: a float cannot hold today in nanoseconds
            nanoseconds = whole * 1_000_000_000 + round((modified - whole) * 1e9)
            os.utime(self.handle, ns=(nanoseconds, nanoseconds))
        os.fsync(self.handle)
        for attempt in range(_TRIES):
            try:
                with parent_folder(self._bucket, self._segments, create=True) as folder:
                    if replace is None:
                        self._create(folder)
                    else:
                        self._replace(folder, replace)
                    os.fsync(folder)
            except FileNotFoundError:
                if attempt == _TRIES - 1:
                    raise
            else:
                break
        return pin_of(os.fstat(self.handle))

    def _create(self, folder: int) -> None:
        name = self._segments[-1]
        try:
            rename_new(self._staging, self._name, folder, name)
        except FileExistsError as error:
            if not is_file(os.stat(name, dir_fd=folder, follow_symlinks=False)):
                raise IsADirectoryError(21, "a folder of that name is there") from error
            raise PreconditionFailed(
                "An object of this name is already there.",
                subject=self._subject,
                safe="Nothing was written.",
                code="FileExists",
            ) from error

    def _replace(self, folder: int, pin: VersionPin) -> None:
        name = self._segments[-1]
        known = check_pin(folder, name, pin, self._subject)
        if not exchange(self._staging, self._name, folder, name):
            # Without an atomic swap a writer in this very moment would go unnoticed.
            check_pin(folder, name, pin, self._subject)
            os.replace(self._name, name, src_dir_fd=self._staging, dst_dir_fd=folder)
            return
        old = os.stat(self._name, dir_fd=self._staging, follow_symlinks=False)
        if not same_content(old, etag_of(known)):
            exchange(self._staging, self._name, folder, name)
            raise changed(self._subject)
        os.unlink(self._name, dir_fd=self._staging)

    def discard(self) -> None:
        """Close; what has not become an object disappears. Safe to call twice."""
        handle, self.handle = self.handle, -1
        if handle >= 0:
            with contextlib.suppress(FileNotFoundError):
                named = os.stat(self._name, dir_fd=self._staging, follow_symlinks=False)
                if named.st_ino == os.fstat(handle).st_ino:
                    os.unlink(self._name, dir_fd=self._staging)
            os.close(handle)
        for folder in (self._staging, self._bucket):
            if folder >= 0:
                os.close(folder)
        self._staging = self._bucket = -1


def delete_pinned(bucket: int, segments: list[bytes], pin: VersionPin, subject: str) -> None:
    """Remove the file if it is the pinned version, on disk when this returns.

    It is renamed out of sight first and looked at again, so that a file put in its place in
    between is never the one removed. Raises OSError, PreconditionFailed, NotFound.
    """
    name = segments[-1]
    with parent_folder(bucket, segments) as folder:
        check_pin(folder, name, pin, subject)
        _flush(folder, name)
        status = check_pin(folder, name, pin, subject)
        hidden = b"del-" + etag_of(status).encode() + b"-" + temporary_name("")[1:]
        make_staging(bucket)
        with staging_folder(bucket) as staging:
            rename_new(folder, name, staging, hidden)
            if not _remove_same(staging, hidden, status):
                _put_back(staging, hidden, folder, name, subject)
                raise changed(subject)
        os.fsync(folder)
    prune_folders(bucket, segments)


def _remove_same(staging: int, hidden: bytes, status: os.stat_result) -> bool:
    try:
        moved = os.stat(hidden, dir_fd=staging, follow_symlinks=False)
        if not same_content(moved, etag_of(status)):
            return False
        os.unlink(hidden, dir_fd=staging)
    except FileNotFoundError:
        pass  # a sweep elsewhere was faster, and looked as well
    return True


def _flush(folder: int, name: bytes) -> None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        handle = os.open(name, flags, dir_fd=folder)
    except (PermissionError, FileNotFoundError):
        return  # what may not be read may still be removed; what is gone is told by the next look
    try:
        flush(handle)
    finally:
        os.close(handle)


def _put_back(staging: int, hidden: bytes, folder: int, name: bytes, subject: str) -> None:
    try:
        rename_new(staging, hidden, folder, name)
    except FileExistsError as error:
        raise PreconditionFailed(
            "The file was changed, and replaced again, while it was to be deleted.",
            subject=subject,
            safe=f"Both are kept, the older as {STAGING}/{name_text(hidden)} in the bucket.",
            todo="Look at both files and keep the right one.",
        ) from error


def check_pin(folder: int, name: bytes, pin: VersionPin, subject: str) -> os.stat_result:
    """The file's status, if it is the pinned version. Raises NotFound, PreconditionFailed."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError as error:
        raise not_there(subject) from error
    if not is_file(status):
        raise not_there(subject)
    if not pin.matches(pin_of(status)):
        raise changed(subject)
    return status


def not_there(subject: str) -> NotFound:
    return NotFound("There is no such object.", subject=subject, code="ENOENT")


def changed(subject: str) -> PreconditionFailed:
    return PreconditionFailed(
        "The file is not the version that was asked for.",
        subject=subject,
        safe="Nothing was changed.",
        code="Changed",
    )


def check_size(size: int, announced: int, subject: str) -> None:
    """Raises TruncatedBody unless both are equal."""
    if size != announced:
        raise TruncatedBody(
            f"{size:,} bytes came where {announced:,} were announced.",
            subject=subject,
            safe="Nothing was written.",
        )


def check_md5(digest: str, announced: str, subject: str) -> None:
    """Raises Unavailable (retryable) unless both are equal."""
    if digest != announced:
        raise Unavailable(
            "The bytes arrived damaged: their MD5 is not the announced one.",
            subject=subject,
            safe="Nothing was written.",
            code="BadDigest",
        )
