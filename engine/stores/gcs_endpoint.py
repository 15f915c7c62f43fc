"""Where requests to Google Cloud Storage, or to an emulator of it, go."""

import os
import urllib.parse
from dataclasses import dataclass

from engine.errors import ConfigError
from engine.settings import CloudSettings
from engine.stores.gcs_keys import encode_name
from engine.stores.http_proxy import is_loopback
from engine.stores.s3_endpoint import check_bucket

GOOGLE = "https://storage.googleapis.com"
_EMULATOR = "STORAGE_EMULATOR_HOST"
_PORTS = {"http": 80, "https": 443}

Query = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`base` is scheme, host and perhaps a port; `is_google` whether Google itself answers."""

    base: str
    is_google: bool
    is_plain: bool  # http, without TLS
    loopback: bool

    @classmethod
    def of(cls, settings: CloudSettings) -> "Endpoint":
        """The cloud's own endpoint, that of STORAGE_EMULATOR_HOST, or Google's.

        Raises ConfigError.
        """
        text, named = settings.endpoint, f"clouds.{settings.name}"
        if not text and (text := os.environ.get(_EMULATOR, "")):
            named = _EMULATOR
            text = text if "://" in text else f"http://{text}"
        parts = urllib.parse.urlsplit(text or GOOGLE)
        try:
            port = parts.port
        except ValueError:
            port = -1
        host = (parts.hostname or "").lower()
        if (
            parts.scheme not in _PORTS
            or not host
            or port == -1
            or parts.path not in ("", "/")
            or parts.query
            or parts.username is not None
        ):
            raise ConfigError(
                "The endpoint must be http:// or https://, a host, and perhaps a port.",
                subject=named,
                todo='For example endpoint = "http://127.0.0.1:4443", or leave it out for Google.',
            )
        netloc = f"[{host}]" if ":" in host else host
        if port and port != _PORTS[parts.scheme]:
            netloc += f":{port}"
        plain = parts.scheme == "http"
        is_google = not plain and (host == "googleapis.com" or host.endswith(".googleapis.com"))
        return cls(f"{parts.scheme}://{netloc}", is_google, plain, is_loopback(host))

    def bucket(self, bucket: str, query: Query) -> str:
        """The URL of a bucket; "" stands for all buckets."""
        if bucket:
            check_bucket(bucket)
        return self._url(f"/storage/v1/b/{bucket}" if bucket else "/storage/v1/b", query)

    def objects(self, bucket: str, query: Query) -> str:
        """The URL of the bucket's list of objects."""
        check_bucket(bucket)
        return self._url(f"/storage/v1/b/{bucket}/o", query)

    def object(self, bucket: str, key: str, query: Query, at: str, *, then: str = "") -> str:
        """The URL of one object; `then` is what follows its name, such as `/compose`."""
        check_bucket(bucket)
        return self._url(f"/storage/v1/b/{bucket}/o/{encode_name(key, at)}{then}", query)

    def upload(self, bucket: str, query: Query) -> str:
        """The URL that takes new objects."""
        check_bucket(bucket)
        return self._url(f"/upload/storage/v1/b/{bucket}/o", query)

    def locate(self, bucket: str, key: str) -> str:
        """The same text for the same object; Google's bucket names are the world's."""
        base = GOOGLE if self.is_google else self.base.replace("localhost", "127.0.0.1")
        return f"{base}/{bucket}/{key}"

    def _url(self, path: str, query: Query) -> str:
        text = urllib.parse.urlencode(query, quote_via=urllib.parse.quote, safe="")
        return f"{self.base}{path}?{text}" if text else f"{self.base}{path}"
