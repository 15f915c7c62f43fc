"""Listing a bucket's folder in key order, one page at a time."""

import errno
import os
from collections.abc import Generator
from itertools import islice

from engine.model import ListEntry, ListPage
from engine.stores.local_files import (
    STAGING,
    etag_of,
    is_file,
    name_text,
    parent_folder,
)

_PAGE = 1000
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_Found = tuple[bytes, os.stat_result | None]


class Walk:
    """Regular files below a bucket's folder whose key starts with `prefix`.

    Keys come in the order of their UTF-8 bytes, as S3 lists them. Symbolic links, sockets and
    the like are no objects. What cannot be read raises OSError: a listing never just ends.
    """

    def __init__(self, prefix: str, storage_class: str) -> None:
        self._bucket = -1
        self._storage_class = storage_class
        self._entries = self._start(prefix)

    def open(self, bucket: int) -> None:
        """Begin; `bucket` is an open directory that this takes over."""
        self._bucket = bucket

    def page(self) -> ListPage | None:
        """The next page, None after the last."""
        entries = list(islice(self._entries, _PAGE))
        return ListPage(entries) if entries else None

    def close(self) -> None:
        """Close every directory. Safe to call twice."""
        if self._bucket >= 0:
            self._entries.close()
            os.close(self._bucket)
            self._bucket = -1

    def _start(self, prefix: str) -> Generator[ListEntry, None, None]:
        try:
            *folders, start = prefix.encode("utf-8", "surrogateescape").split(b"/")
        except UnicodeEncodeError:
            return  # no file has such a name
        if any(name in (b"", b".", b"..") or b"\0" in name for name in folders):
            return
        if folders and folders[0] == STAGING.encode():
            return
        if folders and not self._is_folder(folders):
            return
        # A stack of our own: no limit of recursion, and no open directory for each level.
        stack = [iter(self._read(folders, start))]
        bases = [folders]
        while stack:
            found = next(stack[-1], None)
            if found is None:
                stack.pop()
                bases.pop()
                continue
            name, status = found
            if status is None:
                below = [*bases[-1], name]
                stack.append(iter(self._read(below)))
                bases.append(below)
                continue
            key = name_text(b"/".join([*bases[-1], name]))
            yield ListEntry(
                key, status.st_size, status.st_mtime, etag_of(status), self._storage_class
            )

    def _is_folder(self, folders: list[bytes]) -> bool:
        try:
            with parent_folder(self._bucket, [*folders, b""]):
                return True
        except OSError as error:
            if error.errno in (*_GONE, errno.ENAMETOOLONG):
                return False
            raise

    def _read(self, folders: list[bytes], start: bytes = b"") -> list[_Found]:
        """Files (with their status) and folders (with None) of a folder, in key order."""
        found: list[_Found] = []
        try:
            with parent_folder(self._bucket, [*folders, b""]) as folder:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        self._add(entry, found, start, top=not folders)
        except OSError as error:
            if not folders or error.errno not in _GONE:
                raise
            # Removed or replaced since its parent was read: its objects are really gone.
        return sorted(found, key=lambda item: item[0] if item[1] else item[0] + b"/")

    def _add(
        self, entry: "os.DirEntry[str]", found: list[_Found], start: bytes, *, top: bool
    ) -> None:
        name = os.fsencode(entry.name)
        is_folder = entry.is_dir(follow_symlinks=False)
        if top and entry.name == STAGING:
            return
        if not (name + b"/" if is_folder else name).startswith(start):
            return
        if is_folder:
            found.append((name, None))
            return
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return  # removed meanwhile
        if is_file(status):
            found.append((name, status))
