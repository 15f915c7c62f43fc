"""Multipart uploads as staged files: `.astra/up-<id>/` holds `info` and a file for each part.

Parts are not forced to disk one by one: the object made of them is, before it gets its name.
All functions block, take the bucket's open directory and raise OSError and store errors.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from uuid import uuid4

from engine.errors import NotFound, PreconditionFailed, UsageError
from engine.model import ObjectMeta
from engine.stores.base import Part, UploadInfo
from engine.stores.body import Pieces, pieces_of
from engine.stores.local_files import etag_of, open_folder, temporary_name
from engine.stores.local_staging import Temporary, check_md5, make_staging, staging_folder

_ID = re.compile(r"[0-9a-f]{32}")
_PART = re.compile(r"[0-9]{5,}")
_CHUNK = 64 * 1024**2


def begin(bucket: int, key: str, meta: ObjectMeta, now: float) -> str:
    """Make an upload's folder; it has its final name only once it is whole."""
    upload_id = uuid4().hex
    making = temporary_name("new")
    info = json.dumps({"key": key, "initiated": now, "meta": asdict(meta)}).encode()
    make_staging(bucket)
    with staging_folder(bucket) as staging:
        os.mkdir(making, 0o700, dir_fd=staging)
        folder = open_folder(making, staging)
        try:
            _write_file(folder, b"info", info)
        finally:
            os.close(folder)
        os.rename(making, f"up-{upload_id}", src_dir_fd=staging, dst_dir_fd=staging)
    return upload_id


def put_part(
    bucket: int, key: str, upload_id: str, number: int, data: bytes | Pieces, md5: str
) -> Part:
    """Keep one part; sent again it replaces the earlier one."""
    if number < 1:
        raise UsageError(f"Part numbers begin at 1, not {number}.", subject=key)
    if md5:
        made = hashlib.md5(usedforsecurity=False)
        for piece in pieces_of(data):
            made.update(piece)
        check_md5(made.hexdigest(), md5, key)
    with _folder(bucket, key, upload_id) as folder:
        making = temporary_name("part")
        _write_file(folder, making, data)
        name = f"{number:05d}"
        os.rename(making, name, src_dir_fd=folder, dst_dir_fd=folder)
        return _part(folder, name, md5)


def list_parts(bucket: int, key: str, upload_id: str) -> list[Part]:
    """The parts that are there, by number."""
    with _folder(bucket, key, upload_id) as folder:
        names = [name for name in os.listdir(folder) if _PART.fullmatch(name)]
        return sorted((_part(folder, name) for name in names), key=lambda part: part.number)


def check_parts(bucket: int, key: str, upload_id: str, parts: Sequence[Part]) -> None:
    """Raises PreconditionFailed unless exactly these parts, in this order, are there."""
    kept = {part.number: part.etag for part in list_parts(bucket, key, upload_id)}
    numbers = [part.number for part in parts]
    if (
        not parts
        or numbers != sorted(set(numbers))
        or any(kept.get(part.number) != part.etag for part in parts)
    ):
        raise PreconditionFailed(
            "The upload does not hold the parts that it shall be made of.",
            subject=key,
            safe="Nothing was written.",
            code="InvalidPart",
        )


def append_part(bucket: int, key: str, upload_id: str, part: Part, target: Temporary) -> None:
    """Append a part's bytes to the file being made, inside the kernel where it can."""
    with _folder(bucket, key, upload_id) as folder:
        source = os.open(f"{part.number:05d}", os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
        try:
            while True:
                count = _copy(source, target.handle)
                if not count:
                    return
                target.size += count
        finally:
            os.close(source)


def load_info(bucket: int, key: str, upload_id: str) -> ObjectMeta:
    """The metadata that the upload was begun with."""
    with _folder(bucket, key, upload_id) as folder:
        return _meta(_read_info(folder))


def abort(bucket: int, upload_id: str) -> None:
    """Throw the upload away; nothing happens if it is not there."""
    if not _ID.fullmatch(upload_id):
        return
    with contextlib.suppress(FileNotFoundError), staging_folder(bucket) as staging:
        shutil.rmtree(f"up-{upload_id}", dir_fd=staging)


def list_uploads(bucket: int, prefix: str) -> list[UploadInfo]:
    """Unfinished uploads whose key starts with `prefix`, by key."""
    found: list[UploadInfo] = []
    with contextlib.suppress(FileNotFoundError), staging_folder(bucket) as staging:
        for name in os.listdir(staging):
            if not name.startswith("up-"):
                continue
            with contextlib.suppress(FileNotFoundError):  # just completed or aborted
                folder = open_folder(name, staging)
                try:
                    info = _read_info(folder)
                finally:
                    os.close(folder)
                key = str(info["key"])
                if key.startswith(prefix):
                    found.append(UploadInfo(key, name[3:], float(str(info["initiated"]))))
    return sorted(found, key=lambda upload: (upload.key, upload.initiated))


@contextmanager
def _folder(bucket: int, key: str, upload_id: str) -> Iterator[int]:
    missing = NotFound("There is no such upload.", subject=key, code="NoSuchUpload")
    if not _ID.fullmatch(upload_id):
        raise missing
    with ExitStack() as stack:
        try:
            staging = stack.enter_context(staging_folder(bucket))
            folder = open_folder(f"up-{upload_id}", staging)
        except FileNotFoundError as error:
            raise missing from error
        stack.callback(os.close, folder)
        if _read_info(folder)["key"] != key:
            raise missing
        yield folder


def _read_info(folder: int) -> dict[str, object]:
    with open(os.open("info", os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder), "rb") as handle:
        info: dict[str, object] = json.load(handle)
        return info


def _meta(info: dict[str, object]) -> ObjectMeta:
    values = info["meta"]
    assert isinstance(values, dict)
    for name in ("user", "tags"):
        values[name] = tuple((pair[0], pair[1]) for pair in values[name])
    return ObjectMeta(**values)


def _write_file(folder: int, name: bytes, data: bytes | Pieces) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(name, flags, 0o600, dir_fd=folder), "wb", buffering=0) as handle:
        try:
            for piece in pieces_of(data):
                view = memoryview(piece)
                while view:
                    view = view[handle.write(view) :]
        except OSError:
            os.unlink(name, dir_fd=folder)
            raise


def _part(folder: int, name: str, md5: str = "") -> Part:
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    # Without the change time, which differs before and after a rename.
    etag = etag_of(status).rpartition(".")[0]
    return Part(number=int(name), etag=etag, size=status.st_size, md5=md5)


def _copy(source: int, target: int) -> int:
    if hasattr(os, "copy_file_range"):
        with contextlib.suppress(OSError):  # another file system, or an old kernel
            return os.copy_file_range(source, target, _CHUNK)
    data = os.read(source, 1024**2)
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]
    return len(data)
