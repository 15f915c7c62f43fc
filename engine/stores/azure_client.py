"""Authorised requests to one storage account; every answer that is not a success raises."""

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from engine.errors import AccessDenied, ConfigError, StoreError
from engine.settings import CloudSettings
from engine.stores.azure_credentials import TokenSource, find_access, sas_ended
from engine.stores.azure_endpoint import Endpoint
from engine.stores.azure_errors import error_of
from engine.stores.azure_sign import VERSION, http_date, read_grant, signature, string_to_sign
from engine.stores.body import Body, Pieces
from engine.stores.error_answers import clock_offset
from engine.stores.http import HttpClient
from engine.stores.http_answer import Incoming, Reply

Query = Sequence[tuple[str, str]]
SLOW = 900.0  # seconds of patience with what the service works on before it answers


class AzureClient:
    """One account, by key, SAS or token. A SAS travels in the URL, which no message shows."""

    def __init__(self, settings: CloudSettings) -> None:
        self._access = find_access(settings)
        self.endpoint = Endpoint.of(settings.name, self._access.account, self._access.endpoint)
        self.http = HttpClient()
        self._name = settings.name
        self.server = ""  # what the Server header of the last answer said
        self._dated = ("", 0.0)  # the Date header of the last answer, and what our clock said then
        self._tokens: TokenSource | None = None
        if not self._access.key and not self._access.sas:
            self._tokens = TokenSource(settings.name)
        if not self._access.key and not self.endpoint.private:
            raise ConfigError(
                "A SAS or token would travel in the clear to this endpoint.",
                subject=f"clouds.{settings.name}",
                safe="Nothing was sent.",
                todo="Use https:// in endpoint, or an account key.",
            )

    def at(self, container: str, key: str = "") -> str:
        """The address for messages."""
        return f"{self._name}:{container}/{key}"

    async def call(
        self,
        method: str,
        container: str,
        key: str = "",
        *,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | Pieces | Body = b"",
        patience: float = 0.0,
        size: int = -1,
    ) -> Reply:
        """Send one request and give its successful answer. `size` as in `HttpClient.request`."""
        at = self.at(container, key)
        for attempt in range(2):
            url, sent = await self._authorise(
                method, container, key, list(query), headers or {}, body
            )
            reply = await self.http.request(
                method, url, sent, at=at, body=body, patience=patience, size=size
            )
            self._note(reply.headers)
            if 200 <= reply.status < 300:
                break
            error = self._error(reply, method, at)
            if attempt or not self._expired(error) or isinstance(body, Body):
                raise error
        return reply

    @asynccontextmanager
    async def get(
        self, container: str, key: str, *, query: Query = (), headers: Mapping[str, str]
    ) -> AsyncGenerator[Incoming, None]:
        """Open a download."""
        at = self.at(container, key)
        url, sent = await self._authorise("GET", container, key, list(query), headers, b"")
        async with self.http.stream(url, sent, at=at) as incoming:
            self._note(incoming.headers)
            if not 200 <= incoming.status < 300:
                reply = Reply(incoming.status, incoming.headers, await incoming.whole())
                error = self._error(reply, "GET", at)
                self._expired(error)
                raise error
            yield incoming

    async def close(self) -> None:
        """Close every connection. Safe to call twice."""
        if self._tokens is not None:
            self._tokens.close()
        await self.http.close()

    async def source(self, container: str, key: str) -> dict[str, str]:
        """The headers that name a blob of this account as the source of a copy."""
        path = self.endpoint.path(container, key)
        grant = self._access.sas.reveal()
        headers = {}
        if self._access.key:
            grant = read_grant(
                self.endpoint.account, container, key, self._access.key, datetime.now(UTC)
            )
        if self._tokens is not None:
            headers["x-ms-copy-source-authorization"] = f"Bearer {await self._tokens.get()}"
        return {**headers, "x-ms-copy-source": self.endpoint.url(path, [], grant)}

    @property
    def clock_offset(self) -> float:
        """Seconds that the server was ahead of us in its last answer, 0 unknown."""
        date, ours = self._dated
        return clock_offset({"date": date}, lambda: ours)

    def _note(self, headers: Mapping[str, str]) -> None:
        self.server = headers.get("server", "")
        self._dated = (headers.get("date", ""), time.time())

    async def _authorise(
        self,
        method: str,
        container: str,
        key: str,
        query: list[tuple[str, str]],
        headers: Mapping[str, str],
        body: bytes | Pieces | Body,
    ) -> tuple[str, dict[str, str]]:
        path = self.endpoint.path(container, key)
        sent = {**headers, "x-ms-date": http_date(datetime.now(UTC)), "x-ms-version": VERSION}
        size = body.size if isinstance(body, Body) else len(body)
        if method == "PUT":
            sent["Content-Length"] = str(size)
        if size and "Content-Type" not in sent:
            sent["Content-Type"] = "application/octet-stream"
        grant = self._access.sas.reveal()
        if self._access.key:
            account = self.endpoint.account
            text = string_to_sign(account, method, path, query, sent)
            sent["Authorization"] = f"SharedKey {account}:{signature(text, self._access.key)}"
        elif self._tokens is not None:
            sent["Authorization"] = f"Bearer {await self._tokens.get()}"
        return self.endpoint.url(path, query, grant), sent

    def _error(self, reply: Reply, method: str, at: str) -> StoreError:
        error = error_of(reply, method, at)
        if isinstance(error, AccessDenied):
            ended = sas_ended(self._access.sas.reveal(), datetime.now(UTC))
            if ended:
                error.todo = f"The SAS ended on {ended}: make a new one and set `sas`."
        return error

    def _expired(self, error: Exception) -> bool:
        """Whether the token was refused as too old; the next request then gets another."""
        if self._tokens is None or not isinstance(error, AccessDenied):
            return False
        if error.code not in ("AuthenticationFailed", "InvalidAuthenticationInfo"):
            return False
        self._tokens.forget()
        return True
