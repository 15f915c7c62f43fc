"""What travels with a file's bytes, in one extended attribute of the file.

An attribute moves and disappears with its file, which a second file beside it would not. The
modification time is the file's own. File systems without user attributes keep none of it, and
`Capabilities` says so.
"""

import errno
import json
import os
from pathlib import Path

from engine.errors import NotSupported
from engine.model import ObjectMeta

_ATTRIBUTE = "user.astra.meta"
_HEADERS = (
    "content_type",
    "content_encoding",
    "content_language",
    "content_disposition",
    "cache_control",
)


def keeps_attributes(folder: Path) -> bool:
    """Whether files below this folder (or its nearest parent) can carry user attributes."""
    if not hasattr(os, "getxattr"):
        return False
    for place in (folder, *folder.parents):
        try:
            os.getxattr(place, _ATTRIBUTE)
        except FileNotFoundError:
            continue
        except OSError as error:
            return error.errno == errno.ENODATA
        return True
    return False


def store_meta(handle: int, meta: ObjectMeta, subject: str) -> None:
    """Attach metadata to an open file. Raises NotSupported if the file system cannot hold it."""
    values: dict[str, object] = {name: getattr(meta, name) for name in _HEADERS}
    values |= {"user": meta.user, "tags": meta.tags}
    kept = {name: value for name, value in values.items() if value}
    if not kept:
        return
    try:
        os.setxattr(handle, _ATTRIBUTE, json.dumps(kept).encode())
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.E2BIG, errno.ERANGE, errno.ENOTSUP):
            raise
        raise NotSupported(
            f"The file system cannot hold this object's metadata ({error.strerror}).",
            subject=subject,
            safe="Nothing was written.",
            todo="Move it to a store that can, or shorten its metadata.",
        ) from error


def load_meta(handle: int, modified: float) -> ObjectMeta:
    """The metadata of an open file; `modified` is the file's own time.

    An attribute that is not ours to read, or damaged, counts as none.
    """
    empty = ObjectMeta(modified=modified)
    if not hasattr(os, "getxattr"):
        return empty
    try:
        values = json.loads(os.getxattr(handle, _ATTRIBUTE))
    except (OSError, ValueError):
        return empty
    if not isinstance(values, dict):
        return empty
    content_type, encoding, language, disposition, cache = (
        str(values.get(name, "")) for name in _HEADERS
    )
    return ObjectMeta(
        content_type,
        encoding,
        language,
        disposition,
        cache,
        user=_pairs(values.get("user")),
        tags=_pairs(values.get("tags")),
        modified=modified,
    )


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list):
        return ()
    return tuple(sorted((str(pair[0]), str(pair[1])) for pair in value if len(pair) == 2))
