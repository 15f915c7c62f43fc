"""Signed requests to an S3 endpoint; every answer that is not a success raises."""

import asyncio
import base64
import hashlib
import os
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager

from engine.errors import AccessDenied
from engine.settings import CloudSettings
from engine.stores.body import Body, Pieces, pieces_of
from engine.stores.credentials import CredentialSource
from engine.stores.error_answers import clock_offset
from engine.stores.http import HttpClient
from engine.stores.http_answer import Incoming, Reply
from engine.stores.s3_endpoint import Endpoint, Target
from engine.stores.s3_errors import error_of
from engine.stores.sigv4 import EMPTY_SHA256, UNSIGNED, Signer

Query = Sequence[tuple[str, str]]
SLOW = 900.0  # seconds of patience with what a server works on before it answers
_HASH_IN_THREAD = 128 * 1024
_TARGETS = 1024  # to remember


class S3Client:
    """One endpoint, one region, one set of credentials.

    Payloads at hand are hashed and signed where the way is plain HTTP to another machine;
    over TLS and loopback, and for streams, the signature leaves the payload out.
    """

    def __init__(self, settings: CloudSettings) -> None:
        self.region = settings.region or _region()
        self.endpoint = Endpoint.of(settings, self.region)
        self.http = HttpClient()
        self.server = ""  # what the Server header of the last answer said
        self._dated = ("", 0.0)  # its Date header, and what our clock said then
        self.signs_payload = self.endpoint.scheme == "http" and not self.endpoint.loopback
        self._name = settings.name
        self._credentials = CredentialSource(settings)
        self._signer = Signer(self.region)
        self._targets: dict[tuple[str, str], Target] = {}

    def at(self, bucket: str, key: str = "") -> str:
        """The address for messages."""
        return f"{self._name}:{bucket}/{key}"

    async def call(
        self,
        method: str,
        bucket: str,
        key: str = "",
        *,
        query: Query = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | Pieces | Body = b"",
        patience: float = 0.0,
        size: int = -1,
    ) -> Reply:
        """Send one request and give its successful answer. `size` as in `HttpClient.request`."""
        target, at = self._target(bucket, key, query), f"{self._name}:{bucket}/{key}"
        payload = EMPTY_SHA256 if not body else await self._payload_hash(body)
        for attempt in range(2):
            credentials = self._credentials.known() or await self._credentials.get()
            signed = self._signer.sign(
                credentials, method, target.host, target.path, query, headers or {}, payload
            )
            reply = await self.http.request(
                method, target.url, signed, at=at, body=body, patience=patience, size=size
            )
            self._note(reply.headers)
            if 200 <= reply.status < 300:
                break
            error = error_of(reply, method, at)
            if attempt or not _expired(error) or isinstance(body, Body):
                raise error
            self._credentials.forget()
        return reply

    def _target(self, bucket: str, key: str, query: Query) -> Target:
        """Where a request goes. An object is asked for several times in a row."""
        if query:
            return self.endpoint.target(bucket, key, list(query))
        found = self._targets.get((bucket, key))
        if found is None:
            if len(self._targets) >= _TARGETS:
                self._targets.clear()
            found = self._targets[bucket, key] = self.endpoint.target(bucket, key, [])
        return found

    @asynccontextmanager
    async def get(
        self, bucket: str, key: str, *, query: Query = (), headers: Mapping[str, str]
    ) -> AsyncGenerator[Incoming, None]:
        """Open a download."""
        target, at = self._target(bucket, key, query), self.at(bucket, key)
        signed = self._signer.sign(
            await self._credentials.get(),
            "GET",
            target.host,
            target.path,
            query,
            headers,
            EMPTY_SHA256,
        )
        async with self.http.stream(target.url, signed, at=at) as incoming:
            self._note(incoming.headers)
            if not 200 <= incoming.status < 300:
                reply = Reply(incoming.status, incoming.headers, await incoming.whole())
                error = error_of(reply, "GET", at)
                if _expired(error):
                    self._credentials.forget()
                raise error
            yield incoming

    async def close(self) -> None:
        """Close every connection. Safe to call twice."""
        await self.http.close()

    def _note(self, headers: Mapping[str, str]) -> None:
        self.server = headers.get("server", "")
        self._dated = (headers.get("date", ""), time.time())

    @property
    def clock_offset(self) -> float:
        """Seconds that the server was ahead of us in its last answer, 0 unknown."""
        date, ours = self._dated
        return clock_offset({"date": date}, lambda: ours)

    async def _payload_hash(self, body: bytes | Pieces | Body) -> str:
        if isinstance(body, Body) or not self.signs_payload:
            return UNSIGNED
        if len(body) < _HASH_IN_THREAD:
            return _sha256(body)
        return await asyncio.to_thread(_sha256, body)


def _sha256(body: bytes | Pieces) -> str:
    made = hashlib.sha256()
    for piece in pieces_of(body):
        made.update(piece)
    return made.hexdigest()


def md5_header(digest: str) -> dict[str, str]:
    """Content-MD5 for a digest in hex; nothing for ""."""
    return {"Content-MD5": base64.b64encode(bytes.fromhex(digest)).decode()} if digest else {}


def _expired(error: Exception) -> bool:
    return isinstance(error, AccessDenied) and error.code in ("ExpiredToken", "InvalidToken")


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
