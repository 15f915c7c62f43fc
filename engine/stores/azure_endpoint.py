"""Which URL a request for a container and blob goes to."""

import ipaddress
import re
import urllib.parse
from dataclasses import dataclass

from engine.errors import ConfigError, UsageError
from engine.stores.azure_sign import encode_path, encode_query
from engine.stores.http_proxy import is_loopback

_PORTS = {"http": 80, "https": 443}
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_CONTAINER = re.compile(r"[a-z0-9-]{1,63}|\$(root|web|logs)")
_REAL = re.compile(
    r".*\.blob\.(storage\.azure\.net|core\.(windows\.net|chinacloudapi\.cn|usgovcloudapi\.net))"
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The Blob endpoint of one account. `root` is "" or, where the account stands in the path
    (an emulator), `/account`."""

    scheme: str
    netloc: str
    account: str
    root: str
    is_azure: bool
    loopback: bool

    @classmethod
    def of(cls, cloud: str, account: str, endpoint: str) -> "Endpoint":
        """The account's own endpoint, or the one that is named. Raises ConfigError."""
        subject = f"clouds.{cloud}"
        if not account and endpoint:
            account = account_of(endpoint)
        if not _ACCOUNT.fullmatch(account):
            raise ConfigError(
                "It is not known which storage account this is: 3 to 24 lower-case letters and"
                " digits.",
                subject=subject,
                todo='Set account = "..." for it, or AZURE_STORAGE_ACCOUNT.',
            )
        text = endpoint or f"https://{account}.blob.core.windows.net"
        try:
            parts = urllib.parse.urlsplit(text)
            port = parts.port
        except ValueError:
            parts, port = urllib.parse.urlsplit(""), None
        host = (parts.hostname or "").lower()
        if (
            parts.scheme not in _PORTS
            or not host
            or parts.path.strip("/") not in ("", account)
            or parts.query
            or parts.username is not None
        ):
            raise ConfigError(
                "The endpoint must be http:// or https://, a host, and perhaps a port.",
                subject=subject,
                todo='For example endpoint = "http://127.0.0.1:10000" for Azurite.',
            )
        netloc = f"[{host}]" if ":" in host else host
        if port and port != _PORTS[parts.scheme]:
            netloc += f":{port}"
        in_path = bool(parts.path.strip("/")) or "." not in host or _is_address(host)
        root = f"/{account}" if in_path else ""
        real = bool(_REAL.fullmatch(host))
        return cls(parts.scheme, netloc, account, root, real, is_loopback(host))

    @property
    def private(self) -> bool:
        """Whether nobody on the way can read what is sent."""
        return self.scheme == "https" or self.loopback

    def path(self, container: str, key: str = "") -> str:
        """The encoded path; without a container it is about the account itself."""
        if not container:
            return f"{self.root}/"
        check_container(container)
        return f"{self.root}/{container}/{encode_path(key)}" if key else f"{self.root}/{container}"

    def url(self, path: str, query: list[tuple[str, str]], grant: str = "") -> str:
        """The whole URL; `grant` is a SAS, added as it is."""
        text = "&".join(part for part in (encode_query(query), grant) if part)
        url = f"{self.scheme}://{self.netloc}{path}"
        return f"{url}?{text}" if text else url

    def locate(self, container: str, key: str) -> str:
        """The same text for the same blob, however the account is reached."""
        if self.is_azure:
            return f"azure://{self.account}/{container}/{key}"
        host = self.netloc.replace("localhost", "127.0.0.1")
        return f"{self.scheme}://{host}/{self.account}/{container}/{key}"


def check_container(container: str) -> None:
    """Raises UsageError for a name that would change the meaning of the path."""
    if not _CONTAINER.fullmatch(container):
        raise UsageError(
            "No container can have this name: lower-case letters, digits and hyphens, 63 at most.",
            subject=container,
        )


def account_of(endpoint: str) -> str:
    """The account of one of Azure's own addresses, "" where another address does not tell it."""
    host = urllib.parse.urlsplit(endpoint).hostname or ""
    return host.partition(".")[0].lower() if _REAL.fullmatch(host.lower()) else ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
