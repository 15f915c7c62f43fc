"""Which configured cloud a message means by the names it uses."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from engine.errors import BadMessage
from engine.events.fields import MAX_KEY, reject, shown, text
from engine.model import StoreKind
from engine.settings import CloudSettings

_SCHEMES = {"s3": StoreKind.S3, "gs": StoreKind.GCS}
_REMEMBERED = 4096


class Places:
    """The clouds of the config. Without any, every name of a cloud is taken as it is."""

    def __init__(self, clouds: Sequence[CloudSettings] = ()) -> None:
        self._clouds = tuple(clouds)
        self._by_name = {cloud.name: cloud for cloud in clouds}
        self._answers: dict[tuple[str, StoreKind | None, str, str], str] = {}

    def address(self, value: object) -> tuple[str, str, str]:
        """Cloud, bucket and key of `cloud:bucket/key`, or of an s3:// or gs:// URL."""
        whole = text(value, "the address", 64 + 256 + MAX_KEY)
        cloud, colon, rest = whole.partition(":")
        if rest.startswith("//") and cloud in _SCHEMES:
            bucket, _, key = rest[2:].partition("/")
            cloud = self.of_bucket(bucket, _SCHEMES[cloud])
        else:
            bucket, _, key = rest.partition("/")
        if not colon or not cloud or not bucket or not key:
            reject(f"{shown(whole)} is no address; write cloud:bucket/key")
        if len(key) > MAX_KEY // 4:
            text(key, "the key", MAX_KEY)
        self.check(cloud)
        return cloud, bucket, key

    def check(self, cloud: str) -> None:
        """Raises BadMessage if that is no cloud of ours."""
        if self._by_name and cloud not in self._by_name:
            reject(f"no cloud is named {shown(cloud)} in the configuration")

    def named(self, value: object) -> str:
        """The cloud of that name, or the only one of that provider; case does not matter."""
        name = text(value, "the cloud", 64)
        if not self._by_name or name in self._by_name:
            return name
        low = name.casefold()
        found = [cloud.name for cloud in self._clouds if cloud.name.casefold() == low]
        found = found or [cloud.name for cloud in self._clouds if cloud.provider == low]
        if len(found) != 1:
            reject(f"no cloud is named {shown(name)} in the configuration")
        return found[0]

    def default_bucket(self, cloud: str) -> str:
        """The bucket that the config names for that cloud."""
        known = self._by_name.get(cloud)
        if known is None or not known.bucket:
            reject("it names no bucket")
        return known.bucket

    def of_bucket(
        self, bucket: str, kind: StoreKind | None = None, *, region: str = "", endpoint: str = ""
    ) -> str:
        """The cloud that holds a bucket which the message names without naming a cloud.

        Of the clouds of that kind: the one with that endpoint, else the one whose bucket it is,
        else the one of that region, else the only one. Raises BadMessage where that is none or
        several.
        """
        question = (bucket, kind, region, endpoint)
        answer = self._answers.get(question)
        if answer is None:
            answer = self._find(bucket, kind, region, endpoint)
            if len(self._answers) >= _REMEMBERED:
                self._answers.clear()
            self._answers[question] = answer
        return answer

    def _find(self, bucket: str, kind: StoreKind | None, region: str, endpoint: str) -> str:
        left = [cloud for cloud in self._clouds if kind is None or cloud.kind == kind]
        host = _host(endpoint)
        # Each hint narrows the choice, unless nothing would be left of it.
        for chosen in (
            [cloud for cloud in left if host and _host(cloud.endpoint) == host],
            [cloud for cloud in left if cloud.bucket == bucket],
            [cloud for cloud in left if region and cloud.region == region],
        ):
            if chosen:
                left = [cloud for cloud in left if cloud in chosen] or left
        if len(left) == 1:
            return left[0].name
        if not left:
            reject(f"no configured cloud can hold the bucket {shown(bucket)}")
        names = ", ".join(cloud.name for cloud in left[:4])
        raise BadMessage(f"the bucket {shown(bucket)} may be in any of {names}; name the cloud")


def _host(endpoint: str) -> str:
    """Host and port in lower case, with the scheme's port where none is written."""
    try:
        parts = urlsplit(endpoint if "//" in endpoint else f"//{endpoint}")
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return ""
    return f"{parts.hostname}:{port}" if parts.hostname and port else (parts.hostname or "")
