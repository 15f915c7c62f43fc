"""Requests to Google Cloud Storage's JSON API; every answer that is not a success raises."""

import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from engine.errors import BadResponse, ConfigError
from engine.settings import CloudSettings
from engine.stores.body import Body, Pieces
from engine.stores.error_answers import clock_offset
from engine.stores.gcs_credentials import TokenSource
from engine.stores.gcs_endpoint import Endpoint, Query
from engine.stores.gcs_errors import error_of
from engine.stores.http import HttpClient
from engine.stores.http_answer import Incoming, Reply

SLOW = 900.0  # seconds of patience with what a server works on before it answers
Payload = bytes | Pieces | Body | Callable[[], Body]
Resource = dict[str, Any]


class GCSClient:
    """One endpoint with one account."""

    def __init__(self, settings: CloudSettings) -> None:
        self.endpoint = Endpoint.of(settings)
        self.http = HttpClient()
        self._name = settings.name
        self._dated = ("", 0.0)
        anonymous = self.endpoint.is_plain and settings.credentials_file is None
        if self.endpoint.is_plain and not anonymous and not self.endpoint.loopback:
            raise ConfigError(
                "The access token would travel unencrypted: the endpoint is http://.",
                subject=f"clouds.{settings.name}",
                safe="Nothing was sent.",
                todo="Use https://, or leave `credentials` out for an emulator that needs none.",
            )
        self.tokens = TokenSource(settings, anonymous=anonymous)

    def at(self, bucket: str, key: str = "") -> str:
        """The address for messages."""
        return f"{self._name}:{bucket}/{key}"

    async def call(
        self,
        method: str,
        url: str,
        *,
        at: str,
        headers: Mapping[str, str] | None = None,
        body: Payload = b"",
        patience: float = 0.0,
    ) -> Reply:
        """Send one request and give its successful answer.

        A refused token is renewed once, where `body` can be given again.
        """
        for attempt in range(2):
            token = await self.tokens.headers()
            payload = body() if callable(body) else body
            reply = await self.http.request(
                method, url, {**(headers or {}), **token}, at=at, body=payload, patience=patience
            )
            self._dated = (reply.headers.get("date", ""), time.time())
            if 200 <= reply.status < 300:
                break
            if reply.status == 401 and not self.tokens.anonymous:
                self.tokens.forget(token)
                if not attempt and not isinstance(body, Body):
                    continue
            raise error_of(reply, method, at)
        return reply

    async def ask(
        self,
        method: str,
        url: str,
        *,
        at: str,
        send: Resource | None = None,
        patience: float = 0.0,
    ) -> Resource:
        """A request with and for JSON. Raises BadResponse if a success carries something else."""
        headers, body = {}, b""
        if send is not None:
            headers = {"Content-Type": "application/json; charset=UTF-8"}
            body = json.dumps(send).encode()
        reply = await self.call(method, url, at=at, headers=headers, body=body, patience=patience)
        return as_object(reply.body, at)

    @asynccontextmanager
    async def get(
        self, bucket: str, key: str, *, query: Query, headers: Mapping[str, str]
    ) -> AsyncGenerator[Incoming, None]:
        """Open a download of stored bytes: what is stored compressed stays so."""
        at = self.at(bucket, key)
        url = self.endpoint.object(bucket, key, [("alt", "media"), *query], at)
        for attempt in range(2):
            token = await self.tokens.headers()
            # Without this header, what is stored as gzip would arrive decompressed.
            sent = {"Accept-Encoding": "gzip", **headers, **token}
            async with self.http.stream(url, sent, at=at) as incoming:
                self._dated = (incoming.headers.get("date", ""), time.time())
                if 200 <= incoming.status < 300:
                    yield incoming
                    return
                reply = Reply(incoming.status, incoming.headers, await incoming.whole())
            if reply.status == 401 and not self.tokens.anonymous:
                self.tokens.forget(token)
                if not attempt:
                    continue
            raise error_of(reply, "GET", at)

    async def project(self) -> str:
        """The project whose buckets are meant, "" if that is not known."""
        await self.tokens.headers()
        return self.tokens.project or ("astra" if self.tokens.anonymous else "")

    async def close(self) -> None:
        """Close every connection. Safe to call twice."""
        await self.http.close()

    @property
    def clock_offset(self) -> float:
        """Seconds that the server was ahead of us in its last answer, 0 unknown."""
        date, ours = self._dated
        return clock_offset({"date": date}, lambda: ours)


def as_object(body: bytes, at: str) -> Resource:
    """The JSON object that a body holds. Raises BadResponse."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict) or "error" in found:
        raise BadResponse(
            "The server said it was done, and gave no JSON of its API.",
            subject=at,
            safe="It is not known what was done.",
            todo="Check the endpoint and what stands in front of it.",
        )
    return found
