"""A thin HTTP client for stores: exact URLs, raw bodies, counted bytes, errors of our own.

Two bounded pools per store: one for downloads, which stay open for as long as somebody reads,
and one for everything else, so that a write never waits for the read that feeds it. Nothing is
retried here (a repeated write may not mean the same again), nothing is decompressed or
redirected, and no call has a total time limit: only waiting for a connection, connecting and
waiting for the next bytes have one.

The wire is our own (`http_connection`): for objects of a few KiB a general client costs more
than all the rest of a move. Through a proxy the requests go by aiohttp (`http_proxied`).
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from types import TracebackType
from typing import TYPE_CHECKING

from engine.errors import AstraError
from engine.stores.body import CHUNK, Body, Pieces, pieces_of
from engine.stores.http_answer import Incoming, Reply
from engine.stores.http_connection import Connection
from engine.stores.http_errors import all_in_use, network_error, wrong_length
from engine.stores.http_pool import AllInUse, Pool
from engine.stores.http_proxy import proxy_for
from engine.stores.http_wire import Head, request_head

if TYPE_CHECKING:
    from engine.stores.http_proxied import ProxiedClient

_PIECE = CHUNK // 2
_ALWAYS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "astra"}


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
        self.wait_timeout = wait_timeout
        self.read_timeout = read_timeout
        self.downloads = Pool(connections, connect_timeout)
        self.others = Pool(connections, connect_timeout)
        self._limits = (connections, wait_timeout, connect_timeout, read_timeout)
        self._proxied: ProxiedClient | None = None

    async def close(self) -> None:
        """Close every connection. Safe to call twice."""
        await self.downloads.close()
        await self.others.close()
        if self._proxied is not None:
            await self._proxied.close()

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        at: str,
        body: bytes | Pieces | Body = b"",
        patience: float = 0.0,
        size: int = -1,
    ) -> Reply:
        """Send and read the whole answer, whatever its status. `at` names the object in errors.

        `url` is sent exactly as it is. `patience` replaces the read timeout (seconds). With
        `size` a body of status 200 must be announced with, and have, so many bytes.
        """
        slash = url.index("/", 8)
        origin = url[:slash]
        if not isinstance(body, bytes) or len(body) > _PIECE or proxy_for(origin) is not None:
            opened = self._open(method, url, headers, at, body, patience, self.others)
            async with opened as incoming:
                if method == "HEAD":
                    data = b""
                elif size >= 0 and incoming.status == 200:
                    if incoming.length != size:
                        raise wrong_length(incoming.length or 0, size, at)
                    data = await incoming.exactly(size)
                else:
                    data = await incoming.whole()
                return Reply(incoming.status, incoming.headers, data)
        # The common case, with as little as it takes.
        patience = patience or self.read_timeout
        connection: Connection | None = None
        reading = method in ("GET", "HEAD")
        try:
            sent = {**_ALWAYS, **headers}
            if body or method in ("PUT", "POST"):
                sent["Content-Length"] = str(len(body))
            asked = request_head(method, url[slash:], origin.partition("//")[2], sent)
            connection = self.others.idle(origin)
            if connection is None:
                connection = await self.others.take(origin, self.wait_timeout)
            connection.begin(asked + body, bodiless=method == "HEAD", more=False)
            self.sent += len(body)
            head = await connection.answered(patience)
            reading = True
            if size >= 0 and head.status == 200 and head.length != size:
                raise wrong_length(head.length or 0, size, at)
            data_at_hand = connection.at_hand()
            if data_at_hand is None:
                rest = _Rest(self, connection, patience)
                data = await Incoming(head.status, head.headers, head.length, rest, at).whole()
            else:
                data = data_at_hand
                self.received += len(data)
        except BaseException as error:
            if connection is not None:
                connection.close()
            if isinstance(error, AllInUse):
                raise all_in_use(self.wait_timeout, at) from error
            if isinstance(error, AstraError) or not isinstance(error, Exception):
                raise
            raise network_error(error, at, reading=reading) from error
        finally:
            if connection is not None:
                self.others.give_back(connection)
        return Reply(head.status, head.headers, data)

    def stream(
        self, url: str, headers: Mapping[str, str], *, at: str
    ) -> AbstractAsyncContextManager[Incoming]:
        """GET with a body that is read in chunks."""
        return self._open("GET", url, headers, at, b"", 0.0, self.downloads)

    def _open(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        at: str,
        body: bytes | Pieces | Body,
        patience: float,
        pool: Pool,
    ) -> AbstractAsyncContextManager[Incoming]:
        slash = url.index("/", 8)
        origin = url[:slash]
        proxy = proxy_for(origin)
        if proxy is not None:
            if isinstance(body, Pieces) or (isinstance(body, bytes) and len(body) > _PIECE):
                body = Body.of(body)
            return self._by(proxy, method, url, headers, at, body, patience, pool)
        return _Exchange(self, pool, method, origin, url[slash:], headers, at, body, patience)

    def _by(
        self,
        proxy: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        at: str,
        body: bytes | Body,
        patience: float,
        pool: Pool,
    ) -> AbstractAsyncContextManager[Incoming]:
        from engine.stores.http_proxied import ProxiedClient

        if self._proxied is None:
            self._proxied = ProxiedClient(self, *self._limits)
        return self._proxied.open(
            proxy,
            method,
            url,
            {**_ALWAYS, **headers},
            at,
            body,
            patience or self.read_timeout,
            download=pool is self.downloads,
        )


class _Rest:
    """The body of an answer that is not there yet."""

    __slots__ = ("_client", "_connection", "_patience")

    def __init__(self, client: HttpClient, connection: Connection, patience: float) -> None:
        self._client = client
        self._connection = connection
        self._patience = patience

    async def next_bytes(self, count: int) -> bytes:
        piece = await self._connection.next_chunk(self._patience)
        self._client.received += len(piece)
        return piece


class _Exchange:
    """One request and its answer, as an async context manager.

    Whatever happens in the block, a connection that is not at the clean end of an answer is
    closed, never used again.
    """

    __slots__ = (
        "_at",
        "_body",
        "_client",
        "_connection",
        "_headers",
        "_method",
        "_origin",
        "_patience",
        "_pool",
        "_target",
    )

    def __init__(
        self,
        client: HttpClient,
        pool: Pool,
        method: str,
        origin: str,
        target: str,
        headers: Mapping[str, str],
        at: str,
        body: bytes | Pieces | Body,
        patience: float,
    ) -> None:
        self._client = client
        self._pool = pool
        self._method = method
        self._origin = origin
        self._target = target
        self._headers = headers
        self._at = at
        self._body = body
        self._patience = patience or client.read_timeout
        self._connection: Connection | None = None

    async def __aenter__(self) -> Incoming:
        body, client = self._body, self._client
        if isinstance(body, Body):
            await body.prime()
        try:
            head = await self._ask(body)
        except BaseException as error:
            self._hang_up()
            if isinstance(body, Body) and body.failure is not None:
                raise body.failure from error
            if isinstance(error, AllInUse):
                raise all_in_use(client.wait_timeout, self._at) from error
            if isinstance(error, Exception):
                reading = self._method in ("GET", "HEAD")
                raise network_error(error, self._at, reading=reading) from error
            raise
        return Incoming(head.status, head.headers, head.length, self, self._at)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.give_back(connection)

    async def _ask(self, body: bytes | Pieces | Body) -> Head:
        client, method = self._client, self._method
        headers = {**_ALWAYS, **self._headers}
        size = body.size if isinstance(body, Body) else len(body)
        if size or method in ("PUT", "POST"):
            headers["Content-Length"] = str(size)
        data = request_head(method, self._target, self._origin.partition("//")[2], headers)
        connection = await self._pool.take(self._origin, client.wait_timeout)
        self._connection = connection
        at_once = isinstance(body, bytes) and size <= _PIECE
        if isinstance(body, bytes) and at_once:
            data += body
        connection.begin(data, bodiless=method == "HEAD", more=not at_once)
        if isinstance(body, Body):
            await self._send(connection, body)
            client.sent += body.given
        else:
            if not at_once:
                await self._send_large(connection, pieces_of(body))
            client.sent += size
        return await connection.answered(self._patience)

    async def _send(self, connection: Connection, body: Body) -> None:
        async with aclosing(body.pieces()) as pieces:
            async for piece in pieces:
                if not await connection.send(piece, self._patience):
                    return  # answered before it had everything: no use to go on
        connection.sent()

    async def _send_large(self, connection: Connection, pieces: Iterable[bytes]) -> None:
        """Bytes at hand, in slices that do not block the loop for long, and without copies."""
        for piece in pieces:
            view = memoryview(piece)
            for start in range(0, len(view), _PIECE):
                if not await connection.send(view[start : start + _PIECE], self._patience):
                    return
        connection.sent()

    async def next_bytes(self, count: int) -> bytes:
        connection = self._connection
        assert connection is not None
        try:
            piece = await connection.next_chunk(self._patience)
        except Exception as error:
            raise network_error(error, self._at, reading=True) from error
        self._client.received += len(piece)
        return piece

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
            self._pool.give_back(connection)
