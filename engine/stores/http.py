"""A thin HTTP client for stores: exact URLs, raw bodies, counted bytes, errors of our own.

Two bounded pools per store: one for downloads, which stay open for as long as somebody reads,
and one for everything else, so that a write never waits for the read that feeds it. Nothing is
retried here (a repeated write may not mean the same again), nothing is decompressed or
redirected, and no call has a total time limit: only waiting for a connection, connecting and
waiting for the next bytes have one.
"""

import asyncio
import functools
import os
import ssl
import time
import urllib.parse
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import BadResponse, ConfigError
from engine.stores.body import CHUNK, Body
from engine.stores.http_errors import all_in_use, network_error, no_connection, wrong_length

if TYPE_CHECKING:
    import aiohttp

_MAX_REPLY = 64 * 1024**2
_HEADER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """A finished answer; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Incoming:
    """An answer whose body is still to be read."""

    def __init__(self, client: "HttpClient", answer: "aiohttp.ClientResponse", at: str) -> None:
        self.status = answer.status
        self.headers = lower_headers(answer)
        self.length = answer.content_length  # None where the server did not say
        self._client = client
        self._answer = answer
        self._at = at

    async def chunks(self, size: int) -> AsyncIterator[bytes]:
        """The body in chunks of 1 MiB. Raises TruncatedBody unless it has `size` bytes."""
        got, have, pieces = 0, 0, list[bytes]()
        while piece := await self._next(CHUNK - have):
            got += len(piece)
            have += len(piece)
            if got > size:
                raise wrong_length(got, size, self._at)
            pieces.append(piece)
            if have == CHUNK:
                yield pieces[0] if len(pieces) == 1 else b"".join(pieces)
                pieces, have = [], 0
        if got != size:
            raise wrong_length(got, size, self._at)
        if pieces:
            yield b"".join(pieces)

    async def whole(self) -> bytes:
        """The body at once; for errors and XML. Raises BadResponse if it is far too long."""
        pieces = []
        left = _MAX_REPLY
        while piece := await self._next(left):
            pieces.append(piece)
            left -= len(piece)
            if left <= 0:
                raise BadResponse("The answer is far too long.", subject=self._at)
        return b"".join(pieces)

    async def _next(self, count: int) -> bytes:
        try:
            piece = await self._answer.content.read(count)
        except Exception as error:
            raise network_error(error, self._at, reading=True) from error
        self._client.received += len(piece)
        return piece


class HttpClient:
    """Requests to one store. `received` and `sent` count body bytes since the start.

    `connections` is the size of either pool: by default as many as jobs may run at once.
    `wait_timeout` is for getting a connection, the wait for a free one included. All in seconds.
    """

    def __init__(
        self,
        *,
        connections: int = 256,
        wait_timeout: float = 120.0,
        connect_timeout: float = 10.0,
        read_timeout: float = 60.0,
    ) -> None:
        self.received = 0
        self.sent = 0
        self._connections = connections
        self._wait_timeout = wait_timeout
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._sessions: dict[bool, aiohttp.ClientSession] = {}  # by whether it is for downloads
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}

    async def close(self) -> None:
        """Close every connection. Safe to call twice."""
        while self._sessions:
            _, session = self._sessions.popitem()
            await session.close()
            await asyncio.sleep(0)  # transports close their sockets one turn later

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        at: str,
        body: bytes | Body = b"",
        patience: float = 0.0,
    ) -> Reply:
        """Send and read the whole answer, whatever its status. `at` names the object in errors.

        `url` is sent exactly as it is. `patience` replaces the read timeout (seconds).
        """
        async with self._open(method, url, headers, at, body, patience) as incoming:
            data = b"" if method == "HEAD" else await incoming.whole()
            return Reply(incoming.status, incoming.headers, data)

    @asynccontextmanager
    async def stream(
        self, url: str, headers: Mapping[str, str], *, at: str
    ) -> AsyncGenerator[Incoming, None]:
        """GET with a body that is read in chunks."""
        async with self._open("GET", url, headers, at, b"", 0.0, download=True) as incoming:
            yield incoming

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        at: str,
        body: bytes | Body,
        patience: float,
        *,
        download: bool = False,
    ) -> AsyncGenerator[Incoming, None]:
        from yarl import URL

        session = self._open_session(download=download)
        limit = patience or self._read_timeout
        if isinstance(body, bytes) and len(body) > CHUNK // 2:
            body = Body.of(body)
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
                    data = body.guarded(guard, limit)
                elif body:
                    data = body
                answer = await stack.enter_async_context(
                    session.request(
                        method,
                        URL(url, encoded=True),
                        headers=headers,
                        data=data,
                        allow_redirects=False,
                        proxy=proxy_for(url[: url.index("/", 8)]),
                        timeout=self._timeout(limit),
                    )
                )
                self.sent += body.given if isinstance(body, Body) else len(body)
                entered = True
                yield Incoming(self, answer, at)
        except Exception as error:
            if entered:
                raise  # of whoever reads the answer
            if isinstance(body, Body) and body.failure is not None:
                raise body.failure from error
            if no_connection(error) and time.monotonic() - begun >= self._wait_timeout:
                raise all_in_use(self._wait_timeout, at) from error
            raise network_error(error, at, reading=method in ("GET", "HEAD")) from error

    def _open_session(self, *, download: bool) -> "aiohttp.ClientSession":
        session = self._sessions.get(download)
        if session is None:
            import aiohttp

            connector = aiohttp.TCPConnector(
                limit=self._connections, ttl_dns_cache=60, keepalive_timeout=15, ssl=_tls()
            )
            session = self._sessions[download] = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout(self._read_timeout),
                headers={"User-Agent": "astra", "Accept-Encoding": "identity"},
                skip_auto_headers=("Content-Type",),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                read_bufsize=CHUNK,
                max_line_size=_HEADER_BYTES,
                max_field_size=_HEADER_BYTES,
            )
            # aiohttp would send a PUT or DELETE again by itself after a dropped connection. The
            # first may have had its effect; then the second one's answer is about that.
            session._retry_connection = False
        return session

    def _timeout(self, read: float) -> "aiohttp.ClientTimeout":
        if read not in self._timeouts:
            import aiohttp

            self._timeouts[read] = aiohttp.ClientTimeout(
                total=None,
                connect=self._wait_timeout,
                sock_connect=self._connect_timeout,
                sock_read=read,
            )
        return self._timeouts[read]


def lower_headers(answer: "aiohttp.ClientResponse") -> dict[str, str]:
    """Headers by lower-case name; repeated ones are joined by a comma."""
    headers: dict[str, str] = {}
    for name, value in answer.headers.items():
        name = name.lower()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


@functools.lru_cache(maxsize=256)
def proxy_for(origin: str) -> str | None:
    """The proxy that the environment asks for; the netrc file is none of our business.

    `origin` is scheme and host. Remembered: the environment of a process does not change.
    Raises ConfigError for what is no URL of a proxy; its text may hold a password and is not told.
    """
    parts = urllib.parse.urlsplit(origin)
    host = parts.hostname or ""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxy = urllib.request.getproxies().get(parts.scheme)
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
    return host == "localhost" or host.startswith("127.") or host == "::1"


def _tls() -> ssl.SSLContext | bool:
    bundle = os.environ.get("AWS_CA_BUNDLE", "")
    if not bundle:
        return True
    try:
        return ssl.create_default_context(cafile=bundle)
    except OSError as error:
        raise ConfigError(
            f"The certificates named by AWS_CA_BUNDLE cannot be read: {error}.",
            subject=bundle,
            todo="Correct or unset AWS_CA_BUNDLE.",
        ) from error
