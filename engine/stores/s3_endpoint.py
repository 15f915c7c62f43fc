"""Which host, path and query a request for a bucket and key goes to."""

import functools
import ipaddress
import urllib.parse
from dataclasses import dataclass

from engine.errors import ConfigError, UsageError
from engine.model import Provider
from engine.settings import CloudSettings
from engine.stores.http_proxy import is_loopback
from engine.stores.sigv4 import canonical_query, encode_key

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """Where one request goes: `url` as a whole, and the parts of it that are signed."""

    url: str
    host: str
    path: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A service endpoint. `netloc` is host and, unless it is the scheme's own, port."""

    scheme: str
    netloc: str
    path_style: bool
    is_aws: bool
    is_gcs: bool
    loopback: bool

    @classmethod
    def of(cls, settings: CloudSettings, region: str) -> "Endpoint":
        """The endpoint of a cloud: its own, or that of Amazon or Google. Raises ConfigError."""
        text = settings.endpoint or _default(settings, region)
        parts = urllib.parse.urlsplit(text)
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
                subject=f"clouds.{settings.name}",
                todo='For example endpoint = "http://127.0.0.1:9000".',
            )
        netloc = f"[{host}]" if ":" in host else host
        if port and port != _PORTS[parts.scheme]:
            netloc += f":{port}"
        is_aws = settings.provider is Provider.AWS and host.endswith(
            (".amazonaws.com", ".amazonaws.com.cn")
        )
        # A server of one's own rarely has a DNS name for every bucket: paths, as the SDKs do.
        path_style = settings.path_style or not is_aws or _is_address(host)
        is_gcs = host == "storage.googleapis.com"
        return cls(parts.scheme, netloc, path_style, is_aws, is_gcs, is_loopback(host))

    def target(self, bucket: str, key: str, query: list[tuple[str, str]]) -> Target:
        """Where a request goes; without a bucket it is about the service itself."""
        host, path = self.netloc, "/"
        if bucket:
            check_bucket(bucket)
            if self.path_style or "." in bucket:
                path = f"/{bucket}/{encode_key(key)}" if key else f"/{bucket}"
            else:
                host, path = f"{bucket}.{self.netloc}", f"/{encode_key(key)}"
        text = canonical_query(query)
        url = f"{self.scheme}://{host}{path}"
        return Target(f"{url}?{text}" if text else url, host, path)

    def locate(self, bucket: str, key: str) -> str:
        """The same text for the same object; Amazon's bucket names are the world's."""
        if self.is_aws:
            partition = "aws-cn" if self.netloc.endswith(".cn") else "aws"
            return f"s3://{partition}/{bucket}/{key}"
        host = self.netloc.replace("localhost", "127.0.0.1")
        return f"{self.scheme}://{host}/{bucket}/{key}"


@functools.lru_cache(maxsize=256)
def check_bucket(bucket: str) -> None:
    """Raises UsageError for a name that would change the meaning of the path."""
    allowed = all(char.isascii() and (char.isalnum() or char in ".-_") for char in bucket)
    if not allowed or not bucket or bucket in (".", "..") or len(bucket) > 255:
        raise UsageError(
            "No bucket can have this name: letters, digits, dots and hyphens only.", subject=bucket
        )


def _default(settings: CloudSettings, region: str) -> str:
    if settings.provider is Provider.AWS:
        suffix = ".cn" if region.startswith("cn-") else ""
        return f"https://s3.{region}.amazonaws.com{suffix}"
    if settings.provider is Provider.GCP:
        return "https://storage.googleapis.com"
    raise ConfigError(
        "A cloud of kind s3 that is not Amazon's or Google's needs an endpoint.",
        subject=f"clouds.{settings.name}",
        todo='For example endpoint = "http://127.0.0.1:9000".',
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
