"""Requests through a proxy, by aiohttp: CONNECT, TLS inside TLS, and the proxy's own login."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

import aiohttp
from yarl import URL

from engine.errors import AstraError, TruncatedBody
from engine.stores.body import CHUNK, Body
from engine.stores.http_answer import Incoming
from engine.stores.http_errors import (
    all_in_use,
    network_error,
    not_reached,
    not_trusted,
    said,
)
from engine.stores.http_pool import tls_context
from engine.stores.http_wire import HEAD_LIMIT, WireError


class Counters(Protocol):
    """Body bytes since the start."""

    received: int
    sent: int


class ProxiedClient:
    """The same promises as `HttpClient`, whose `counters` it keeps."""

    def __init__(
        self,
        counters: Counters,
        connections: int,
        wait_timeout: float,
        connect_timeout: float,
        read_timeout: float,
    ) -> None:
        self._counters = counters
        self._connections = connections
        self._wait_timeout = wait_timeout
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._sessions: dict[bool, aiohttp.ClientSession] = {}  # by whether it is for downloads

    async def close(self) -> None:
        """Close every connection. Safe to call twice."""
        while self._sessions:
            _, session = self._sessions.popitem()
            await session.close()
            await asyncio.sleep(0)  # transports close their sockets one turn later

    @asynccontextmanager
    async def open(
        self,
        proxy: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        at: str,
        body: bytes | Body,
        patience: float,
        *,
        download: bool,
    ) -> AsyncGenerator[Incoming, None]:
        """Send the request; the answer is read within the block."""
        session = self._open_session(download=download)
        if isinstance(body, Body):
            headers = {**headers, "Content-Length": str(body.size)}
            await body.prime()
        entered = False
        begun = time.monotonic()
        try:
            async with AsyncExitStack() as stack:
                data: bytes | AsyncIterator[bytes] | None = None
                if isinstance(body, Body):
                    guard = await stack.enter_async_context(asyncio.timeout(None))
                    data = body.guarded(guard, patience)
                elif body:
                    data = body
                answer = await stack.enter_async_context(
                    session.request(
                        method,
                        URL(url, encoded=True),
                        headers=headers,
                        data=data,
                        allow_redirects=False,
                        proxy=proxy,
                        timeout=self._timeout(patience),
                    )
                )
                self._counters.sent += body.given if isinstance(body, Body) else len(body)
                entered = True
                source = _Answer(answer, self._counters, at)
                yield Incoming(
                    answer.status, lower_headers(answer), answer.content_length, source, at
                )
        except Exception as error:
            if entered:
                raise  # of whoever reads the answer
            if isinstance(body, Body) and body.failure is not None:
                raise body.failure from error
            late = time.monotonic() - begun >= self._wait_timeout
            if late and isinstance(error, aiohttp.ConnectionTimeoutError):
                raise all_in_use(self._wait_timeout, at) from error
            raise _translated(error, at, reading=method in ("GET", "HEAD")) from error

    def _open_session(self, *, download: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(download)
        if session is None:
            connector = aiohttp.TCPConnector(
                limit=self._connections, ttl_dns_cache=60, keepalive_timeout=15, ssl=tls_context()
            )
            session = self._sessions[download] = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout(self._read_timeout),
                skip_auto_headers=("Content-Type",),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                read_bufsize=CHUNK,
                max_line_size=HEAD_LIMIT,
                max_field_size=HEAD_LIMIT,
            )
            # aiohttp would send a PUT or DELETE again by itself after a dropped connection. The
            # first may have had its effect; then the second one's answer is about that.
            session._retry_connection = False
        return session

    def _timeout(self, read: float) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(
            total=None,
            connect=self._wait_timeout,
            sock_connect=self._connect_timeout,
            sock_read=read,
        )


class _Answer:
    """The body of an answer of aiohttp."""

    def __init__(self, answer: aiohttp.ClientResponse, counters: Counters, at: str) -> None:
        self._answer = answer
        self._counters = counters
        self._at = at

    async def next_bytes(self, count: int) -> bytes:
        try:
            piece = await self._answer.content.read(count)
        except Exception as error:
            raise _translated(error, self._at, reading=True) from error
        self._counters.received += len(piece)
        return piece


def lower_headers(answer: aiohttp.ClientResponse) -> dict[str, str]:
    """Headers by lower-case name; repeated ones are joined by a comma."""
    headers: dict[str, str] = {}
    for name, value in answer.headers.items():
        name = name.lower()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _translated(error: Exception, at: str, *, reading: bool) -> AstraError:
    """The store error for anything that aiohttp raised."""
    if isinstance(error, (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch)):
        return not_trusted(error, at)
    if isinstance(error, (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError)):
        return not_reached(error, at)
    if isinstance(error, aiohttp.ClientPayloadError):
        return TruncatedBody(f"The answer broke off: {said(error)}.", subject=at)
    if isinstance(error, (aiohttp.ClientResponseError, aiohttp.InvalidURL)):
        return network_error(WireError(said(error)), at, reading=reading)
    if isinstance(error, aiohttp.ClientConnectionError) and not isinstance(error, OSError):
        return network_error(ConnectionError(said(error)), at, reading=reading)
    return network_error(error, at, reading=reading)


__all__ = ["ProxiedClient"]
