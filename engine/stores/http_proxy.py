"""Which proxy the environment asks for, and what needs none."""

import functools
import ipaddress
import os
import sys
import urllib.parse

from engine.errors import ConfigError


@functools.lru_cache(maxsize=256)
def proxy_for(origin: str) -> str | None:
    """The proxy that the environment asks for; the netrc file is none of our business.

    `origin` is scheme and host. Remembered: the environment of a process does not change.
    Raises ConfigError for what is no URL of a proxy; its text may hold a password and is not told.
    """
    parts = urllib.parse.urlsplit(origin)
    host = parts.hostname or ""
    named = any(name.lower().endswith("_proxy") for name in os.environ)
    if not named and sys.platform.startswith("linux"):
        return None  # there it is all that `urllib.request` would look at, which loads slowly
    from urllib.request import getproxies, proxy_bypass

    if is_loopback(host) or proxy_bypass(host):
        return None
    proxy = getproxies().get(parts.scheme)
    if proxy is not None and not _is_proxy(proxy):
        raise ConfigError(
            "The proxy that the environment names is not http://, a host and a port.",
            subject=f"{parts.scheme}_proxy",
            safe="Nothing was sent.",
            todo="Correct the variable; a user or password in it must be percent-encoded.",
        )
    return proxy


def _is_proxy(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        rest = parts.path.strip("/") or parts.query or parts.fragment or parts.port == 0
    except ValueError:  # of an impossible port, or brackets that do not close
        return False
    return bool(parts.scheme in ("http", "https") and parts.hostname) and not rest


def is_loopback(host: str) -> bool:
    """Whether what is sent to that host stays on this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, which may begin with 127. as well
        return False
