"""Files under a bucket's folder: names, no-follow walking, atomic renames, errors.

Every path is walked one segment at a time with O_NOFOLLOW from an open directory, so that a
symbolic link, also one put there in between, never leads out of the bucket.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from engine.errors import AccessDenied, KeyNotSupported, NoSpace, NotFound, StoreError, Unavailable
from engine.model import VersionPin

STAGING = ".astra"  # in every bucket; holds what is not finished yet
_NAME_BYTES = 255
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_RENAME_NOREPLACE = 1
_RENAME_EXCHANGE = 2


def key_problem(key: str) -> str:
    """Why no file can have exactly this key as its path, "" if one can."""
    if not key:
        return "a key must not be empty"
    try:
        raw = key.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return "the key is not valid Unicode"
    if raw.decode("utf-8", "surrogateescape") != key:
        return "the key has no file name of its own: another key is spelled with the same bytes"
    if b"\0" in raw:
        return "a file name cannot hold a NUL"
    segments = raw.split(b"/")
    if segments[-1] == b"" and all(segments[:-1]):
        return "a key that ends in / is a folder here, and folders are no objects"
    for segment in segments:
        if segment == b"":
            return "a path cannot hold an empty segment (a / at the start, or two in a row)"
        if segment in (b".", b".."):
            return "a path cannot hold . or .. as a name of its own"
        if len(segment) > _NAME_BYTES:
            return f"a file name holds at most {_NAME_BYTES} bytes between two /"
    if segments[0] == STAGING.encode():
        return f"{STAGING}/ is where unfinished writes are kept"
    return ""


def split_key(key: str) -> list[bytes]:
    """The path segments of a key. Raises KeyNotSupported."""
    problem = key_problem(key)
    if problem:
        raise KeyNotSupported(f"This store cannot hold the key: {problem}.", subject=key)
    return key.encode("utf-8", "surrogateescape").split(b"/")


def name_text(name: str | bytes) -> str:
    """A file name as key text: UTF-8 in any locale, other bytes as lone surrogates."""
    return os.fsencode(name).decode("utf-8", "surrogateescape")


def open_folder(name: bytes | str, parent: int | None = None) -> int:
    """An open directory, never through a symbolic link. Raises OSError."""
    return os.open(name, _DIRECTORY, dir_fd=parent)


@contextmanager
def parent_folder(bucket: int, segments: list[bytes], *, create: bool = False) -> Iterator[int]:
    """The open directory that holds the last segment. Raises OSError.

    Directories made on the way are on disk before the block runs.
    """
    current = os.dup(bucket)
    try:
        for segment in segments[:-1]:
            try:
                below = open_folder(segment, current)
            except FileNotFoundError:
                if not create:
                    raise
                try:
                    os.mkdir(segment, dir_fd=current)
                except FileExistsError:
                    pass  # somebody else made it meanwhile
                else:
                    os.fsync(current)
                below = open_folder(segment, current)
            os.close(current)
            current = below
        yield current
    finally:
        os.close(current)


def prune_folders(bucket: int, segments: list[bytes]) -> None:
    """Remove the directories above a removed file that are empty now."""
    for depth in range(len(segments) - 1, 0, -1):
        try:
            with parent_folder(bucket, segments[:depth]) as folder:
                os.rmdir(segments[depth - 1], dir_fd=folder)
        except OSError:
            return  # not empty, already gone, or not ours to remove: it may stay


def temporary_name(kind: str) -> bytes:
    """A name in the staging folder that nobody else uses."""
    return f"{kind}-{uuid4().hex}".encode()


def etag_of(status: os.stat_result) -> str:
    """Changes whenever the file's bytes, size, times, attributes or identity change."""
    numbers = (status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns)
    return ".".join(f"{number:x}" for number in numbers)


def pin_of(status: os.stat_result) -> VersionPin:
    """The version pin of a file; `modified` is its modification time."""
    return VersionPin(etag=etag_of(status), modified=status.st_mtime, size=status.st_size)


def same_content(status: os.stat_result, etag: str) -> bool:
    """Whether the file is the pinned one, its change time aside (a rename changes that)."""
    return etag_of(status).split(".")[:3] == etag.split(".")[:3]


def flush(handle: int) -> None:
    """Write an open file's dirty pages to disk: from then on every change shows in its times.

    A store through a memory mapping touches them only when it makes a clean page dirty.
    """
    try:
        os.fsync(handle)
    except OSError as error:
        # Not every file system can, and some not by a handle for reading: no worse than without.
        if error.errno not in (errno.EINVAL, errno.EROFS, errno.EBADF):
            raise


def is_file(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode)


def rename_new(source: int, name: bytes, target: int, new_name: bytes) -> None:
    """Move a file between open directories. Raises FileExistsError, never replaces."""
    if _renameat2(source, name, target, new_name, _RENAME_NOREPLACE):
        return
    os.link(name, new_name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    os.unlink(name, dir_fd=source)


def exchange(source: int, name: bytes, target: int, new_name: bytes) -> bool:
    """Swap two files in one step. False where the system or file system cannot."""
    return _renameat2(source, name, target, new_name, _RENAME_EXCHANGE)


def _renameat2(source: int, name: bytes, target: int, new_name: bytes, flags: int) -> bool:
    call = getattr(_libc, "renameat2", None)
    if call is None:
        return False
    if call(source, name, target, new_name, flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL):
        return False
    raise OSError(number, os.strerror(number), os.fsdecode(new_name))


_libc = ctypes.CDLL(None, use_errno=True)


def explain(error: OSError, subject: str) -> StoreError:
    """The store error that an OSError means."""
    number = error.errno
    said = error.strerror or str(error)
    if number in (errno.ENOENT, errno.ESRCH, errno.ELOOP):
        return NotFound("There is no such object or bucket.", subject=subject, code="ENOENT")
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return NoSpace(
            f"The disk is full: {said}.",
            subject=subject,
            safe="Nothing was written.",
            todo="Free some space, then try again.",
            code=errno.errorcode[number],
        )
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return AccessDenied(
            f"The file system does not allow it: {said}.",
            subject=subject,
            todo="Check the owner and mode of the folder.",
            code=errno.errorcode[number],
        )
    if number == errno.ENAMETOOLONG:
        return KeyNotSupported("The file system holds no name this long.", subject=subject)
    if number in (errno.ENOTDIR, errno.EISDIR):
        return KeyNotSupported(
            "A file (or a link) is where this key needs a folder, or the other way round.",
            subject=subject,
            safe="Nothing was changed.",
        )
    if number in (errno.EMFILE, errno.ENFILE):
        return Unavailable(
            f"This process has too many open files: {said}.",
            subject=subject,
            todo="Run fewer jobs at once, or raise the limit (`ulimit -n`).",
            code=errno.errorcode[number],
        )
    if number in (errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENOTCONN):
        return Unavailable(f"The disk is in trouble: {said}.", subject=subject, code=str(number))
    return StoreError(f"The file system refused: {said}.", subject=subject, code=str(number))
