"""MD5s that the service computed itself, as far as they can be known.

A blob's Content-MD5 may have been written by anybody. But the answer to our own Put Blob tells
the service's MD5 of what it stored, and every later change of the blob, its properties among
them, gives it another ETag. So while the ETag is the one of that answer, that MD5 is the
service's. Forgotten with the process; then copies are proved by reading them back.
"""

from collections import OrderedDict
from dataclasses import replace

from engine.model import Checksum, ObjectHead

_KEPT = 10_000


class KnownMd5s:
    """The latest writes of this process: ETag and MD5 by container and key."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], tuple[str, str]] = OrderedDict()

    def wrote(self, bucket: str, key: str, etag: str, md5: str) -> None:
        """Remember what the answer to a Put Blob told. `md5` in hex."""
        self._known[bucket, key] = (etag, md5)
        self._known.move_to_end((bucket, key))
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)

    def attest(self, bucket: str, head: ObjectHead) -> ObjectHead:
        """The same head; its MD5 counts as the provider's where that is known."""
        known = self._known.get((bucket, head.key))
        if known is None or known[0] != head.pin.etag:
            return head
        found = tuple(
            replace(item, computed_by_provider=True) if item == _unproved(known[1]) else item
            for item in head.checksums
        )
        return replace(head, checksums=found)


def _unproved(md5: str) -> Checksum:
    return Checksum("md5", md5, computed_by_provider=False)
