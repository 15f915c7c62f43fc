"""What went wrong below HTTP, as store errors."""

import re
import ssl

from engine.errors import (
    AstraError,
    BadResponse,
    StoreError,
    StoreTimeout,
    TruncatedBody,
    Unavailable,
)

_UNKNOWN = "It is not known whether the change was made."
_USERINFO = re.compile(r"//[^\s/?#]*@")


def network_error(error: Exception, at: str, *, reading: bool) -> AstraError:
    """The store error for anything that aiohttp, asyncio or the socket raised."""
    import aiohttp

    safe = "" if reading else _UNKNOWN
    if isinstance(error, AstraError):
        return error
    if isinstance(error, (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch)):
        return StoreError(
            f"The server's certificate or TLS cannot be accepted: {_said(error)}.",
            subject=at,
            safe="Nothing was sent.",
            todo="Check the endpoint's scheme and certificate; AWS_CA_BUNDLE names your own CA.",
        )
    if isinstance(error, (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError)):
        return Unavailable(
            f"The store cannot be reached: {_said(error)}.",
            subject=at,
            safe="Nothing was sent.",
            todo="Check the endpoint and the network.",
        )
    if isinstance(error, TimeoutError):
        return StoreTimeout("The store gave no answer in time.", subject=at, safe=safe)
    if isinstance(error, aiohttp.ClientPayloadError):
        return TruncatedBody(f"The answer broke off: {_said(error)}.", subject=at)
    if isinstance(error, (aiohttp.ClientResponseError, aiohttp.InvalidURL, ValueError)):
        return BadResponse(f"This is no proper HTTP: {_said(error)}.", subject=at, safe=safe)
    if isinstance(error, (aiohttp.ClientConnectionError, OSError)):
        return Unavailable(f"The connection was lost: {_said(error)}.", subject=at, safe=safe)
    return StoreError(f"The request failed: {_said(error)}.", subject=at, safe=safe)


def no_connection(error: Exception) -> bool:
    """Whether there was none in time: neither a free one nor a new one."""
    import aiohttp

    return isinstance(error, aiohttp.ConnectionTimeoutError)


def all_in_use(seconds: float, at: str) -> StoreTimeout:
    """No connection of the pool became free."""
    return StoreTimeout(
        f"No connection to the store became free within {seconds:g} s.",
        subject=at,
        safe="Nothing was sent.",
        todo="Run fewer jobs at once.",
    )


def wrong_length(got: int, size: int, at: str) -> TruncatedBody:
    """A body that ended early or went on too long."""
    return TruncatedBody(f"{got:,} bytes arrived where {size:,} were announced.", subject=at)


def printable(text: str, limit: int = 200) -> str:
    """A server's or library's words, fit for one line of a message.

    Names and passwords in URLs (of a proxy, say) are left out.
    """
    text = _USERINFO.sub("//", text.strip())
    shown = "".join(char if char.isprintable() else "?" for char in text)
    return shown if len(shown) <= limit else shown[:limit] + "…"


def _said(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return printable(error.reason or str(error))
    return printable(str(error) or type(error).__name__)
