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
from engine.stores.http_connection import Truncated
from engine.stores.http_pool import NotConnected

_UNKNOWN = "It is not known whether the change was made."
_USERINFO = re.compile(r"//[^\s/?#]*@")
_QUERY = re.compile(r"(//[^\s?'\"]*)\?[^\s'\"]*")  # of a URL: it may hold a signature


def network_error(error: Exception, at: str, *, reading: bool) -> AstraError:
    """The store error for anything that asyncio, the socket or the wire raised."""
    safe = "" if reading else _UNKNOWN
    if isinstance(error, AstraError):
        return error
    if isinstance(error, NotConnected):
        cause = error.__cause__
        if isinstance(cause, (ssl.SSLError, ssl.CertificateError)):
            return not_trusted(cause, at)
        return not_reached(cause if isinstance(cause, Exception) else error, at, str(error))
    if isinstance(error, TimeoutError):
        return StoreTimeout("The store gave no answer in time.", subject=at, safe=safe)
    if isinstance(error, Truncated):
        return TruncatedBody(f"The answer broke off: {said(error)}.", subject=at)
    if isinstance(error, ValueError):  # WireError among them
        return BadResponse(f"This is no proper HTTP: {said(error)}.", subject=at, safe=safe)
    if isinstance(error, OSError):
        return Unavailable(f"The connection was lost: {said(error)}.", subject=at, safe=safe)
    return StoreError(f"The request failed: {said(error)}.", subject=at, safe=safe)


def not_trusted(error: Exception, at: str) -> StoreError:
    """The server's certificate, or its TLS, is not acceptable."""
    return StoreError(
        f"The server's certificate or TLS cannot be accepted: {said(error)}.",
        subject=at,
        safe="Nothing was sent.",
        todo="Check the endpoint's scheme and certificate; AWS_CA_BUNDLE names your own CA.",
    )


def not_reached(error: Exception, at: str, where: str = "") -> Unavailable:
    """There is no connection to the store, whose host and port are `where`."""
    place = f" at {printable(where)}" if where else ""
    return Unavailable(
        f"The store cannot be reached{place}: {said(error)}.",
        subject=at,
        safe="Nothing was sent.",
        todo="Check the endpoint and the network.",
    )


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

    Names and passwords in URLs (of a proxy, say) are left out, and so are their queries.
    """
    text = _QUERY.sub(r"\1", _USERINFO.sub("//", text.strip()))
    shown = "".join(char if char.isprintable() else "?" for char in text)
    return shown if len(shown) <= limit else shown[:limit] + "…"


def said(error: Exception) -> str:
    """What an error says, or at least what it is."""
    if isinstance(error, TimeoutError) and not str(error):
        return "no connection in time"
    if isinstance(error, ssl.SSLError):
        return printable(error.reason or str(error))
    return printable(str(error) or type(error).__name__)
