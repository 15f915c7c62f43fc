"""Connections to be used again: how many there may be, and making new ones."""

import asyncio
import functools
import os
import socket
import ssl
import time
import urllib.parse
from collections import deque

import aiohappyeyeballs

from engine.errors import ConfigError
from engine.stores.http_connection import Connection

_IDLE = 15.0  # seconds that an unused connection is kept
_HEAD_START = 0.25  # seconds that one address of a host has before the next is tried, too


class NotConnected(Exception):
    """No connection to that host and port could be made: nothing was sent. The cause says why."""


class AllInUse(Exception):
    """None of the connections became free in time."""


class Pool:
    """At most `limit` connections; `connect_timeout` seconds to make one."""

    def __init__(self, limit: int, connect_timeout: float) -> None:
        self._limit = limit
        self._connect_timeout = connect_timeout
        self._count = 0
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._reaper: asyncio.TimerHandle | None = None

    async def take(self, origin: str, wait_timeout: float) -> Connection:
        """A connection to that origin (scheme://host:port) for one request.

        Raises NotConnected, AllInUse after `wait_timeout` seconds, ConfigError.
        """
        found = self.idle(origin)
        if found is not None:
            return found
        queue = bool(self._waiting)  # nobody is overtaken
        deadline = asyncio.get_running_loop().time() + wait_timeout
        while queue or not self._room():
            queue = False
            await self._wait(deadline)
            found = self.idle(origin)
            if found is not None:
                return found
        self._count += 1
        try:
            connection = await self._connect(origin)
        except BaseException:
            self._count -= 1
            self._wake()
            raise
        self._busy.add(connection)
        return connection

    def give_back(self, connection: Connection) -> None:
        """The request is over; a connection that cannot be used again is closed."""
        self._busy.discard(connection)
        if connection.usable:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
            if self._reaper is None:
                self._reaper = asyncio.get_running_loop().call_later(_IDLE, self._reap)
        else:
            connection.close()
            self._count -= 1
        self._wake()

    async def close(self) -> None:
        """Close all, those in use as well, and wait for it. Safe to call twice."""
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        connections = [*self._idle, *self._busy]
        self._count -= len(self._idle)
        self._idle.clear()
        for connection in connections:
            connection.close()
        for connection in connections:
            await connection.closed()

    def idle(self, origin: str) -> Connection | None:
        """A connection to that origin for one request, if one is open and nobody uses it."""
        oldest = time.monotonic() - _IDLE
        for index in range(len(self._idle) - 1, -1, -1):
            connection = self._idle[index]
            if connection.origin != origin:
                continue
            del self._idle[index]
            if connection.usable and connection.idle_since > oldest:
                self._busy.add(connection)
                return connection
            connection.close()
            self._count -= 1
        return None

    def _room(self) -> bool:
        """Whether one more may be made; one to another origin that nobody uses gives way."""
        if self._count >= self._limit and self._idle:
            self._idle.pop(0).close()
            self._count -= 1
        return self._count < self._limit

    async def _wait(self, deadline: float) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout_at(deadline):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._wake()  # it was our turn: let somebody else have it
            elif turn in self._waiting:
                self._waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise AllInUse from None
            raise

    def _wake(self) -> None:
        while self._waiting and (self._idle or self._count < self._limit):
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _reap(self) -> None:
        loop = asyncio.get_running_loop()
        self._reaper = None
        oldest = time.monotonic() - _IDLE
        while self._idle and self._idle[0].idle_since <= oldest:
            self._idle.pop(0).close()
            self._count -= 1
        if self._idle:
            wait = self._idle[0].idle_since - oldest
            self._reaper = loop.call_later(max(wait, 0.0), self._reap)

    async def _connect(self, origin: str) -> Connection:
        parts = urllib.parse.urlsplit(origin)
        host, secure = parts.hostname or "", parts.scheme == "https"
        context = tls_context() if secure else None
        loop = asyncio.get_running_loop()
        port = parts.port or (443 if secure else 80)
        try:
            async with asyncio.timeout(self._connect_timeout):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                made = await aiohappyeyeballs.start_connection(
                    found, happy_eyeballs_delay=_HEAD_START
                )
                try:
                    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    _, connection = await loop.create_connection(
                        lambda: Connection(origin),
                        sock=made,
                        ssl=context,
                        server_hostname=host if secure else None,
                    )
                except BaseException:
                    made.close()
                    raise
        except (OSError, ssl.CertificateError) as error:
            raise NotConnected(f"{host}:{port}") from error
        return connection


def tls_context() -> ssl.SSLContext:
    """What certificates are checked with: the system's, or those that AWS_CA_BUNDLE names.

    Raises ConfigError if that cannot be read.
    """
    return _context_of(os.environ.get("AWS_CA_BUNDLE", ""))


@functools.lru_cache(maxsize=4)
def _context_of(bundle: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=bundle or None)
    except OSError as error:
        raise ConfigError(
            f"The certificates named by AWS_CA_BUNDLE cannot be read: {error}.",
            subject=bundle,
            todo="Correct or unset AWS_CA_BUNDLE.",
        ) from error
    context.set_alpn_protocols(["http/1.1"])
    return context
