"""Listing a bucket's folder in key order, one page at a time."""

import errno
import os
from collections.abc import Generator
from contextlib import ExitStack
from itertools import islice

from engine.model import ListEntry, ListPage
from engine.stores.local_files import (
    STAGING,
    etag_of,
    is_file,
    name_text,
    open_folder,
    parent_folder,
)

_PAGE = 1000


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
        base = b"".join(name + b"/" for name in folders)
        with ExitStack() as stack:
            try:
                folder = stack.enter_context(parent_folder(self._bucket, [*folders, b""]))
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG):
                    return  # no folder of that name, so no object below it
                raise
            yield from self._below(folder, base, start)

    def _below(
        self, folder: int, base: bytes, start: bytes = b""
    ) -> Generator[ListEntry, None, None]:
        with os.scandir(folder) as entries:
            found = [(_sort_name(entry), entry) for entry in entries]
        for sort_name, entry in sorted(found, key=lambda pair: pair[0]):
            if not sort_name.startswith(start) or (not base and entry.name == STAGING):
                continue
            if sort_name.endswith(b"/"):
                try:
                    below = open_folder(entry.name, folder)
                except OSError as error:
                    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                        continue  # removed or replaced meanwhile
                    raise
                try:
                    yield from self._below(below, base + sort_name)
                finally:
                    os.close(below)
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # removed meanwhile
            if is_file(status):
                key = name_text(base + sort_name)
                yield ListEntry(
                    key, status.st_size, status.st_mtime, etag_of(status), self._storage_class
                )


def _sort_name(entry: "os.DirEntry[str]") -> bytes:
    name = os.fsencode(entry.name)
    return name + b"/" if entry.is_dir(follow_symlinks=False) else name
