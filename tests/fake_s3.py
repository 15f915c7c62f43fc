"""A small S3 server that misbehaves exactly when told to.

    with FakeS3() as fake:
        fake.state.put("src", "a", b"bytes")
        fake.on_request = lambda seen: Fault(reset=True) if seen.method == "PUT" else None
        ...
        assert fake.count("GET", "src", "a") == 1

It runs in a thread of the test's process, so it outlives a client that is killed. Objects are
immutable values: a reader never sees half of one and half of another. Signatures are not
checked; everything else is (conditions, Content-MD5, sizes), unless a `Quirks` says otherwise.
"""

import asyncio
import contextlib
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from engine.model import Provider, StoreKind
from engine.settings import CloudSettings, Secret
from tests.fake_s3_handlers import handle
from tests.fake_s3_state import FakeObject, FakeState
from tests.fake_s3_wire import Answer, Quirks, Request, error

__all__ = ["FakeObject", "FakeS3", "FakeState", "Fault", "Quirks", "Seen", "fake_s3"]

_PIECE = 256 * 1024
_REASONS = {100: "Continue", 200: "OK", 204: "No Content", 206: "Partial Content"}


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came. `path` is the raw target, still percent-encoded; `number` from 1."""

    number: int
    method: str
    path: str
    bucket: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def is_upload_part(self) -> bool:
        return self.method == "PUT" and "partNumber" in self.query


@dataclass(frozen=True, slots=True)
class Fault:
    """How one request goes wrong.

    `status`, `code`, `headers`, `body`: this answer instead (an S3 error body is made of
    `code` where there is no body). `after`: carry the request out first, then answer so.
    `reset`: close the connection without an answer. `truncate`: the answer announces its whole
    length and ends after so many bytes. `flip`: one bit of that byte is wrong, in what a PUT
    stores or what a GET gives. `before`: run this first (another client at work), `then`: run
    this once the request is carried out, before the answer. `hold`: wait for this event before
    the answer begins. `request` changes the request before it is carried out, `answer` the
    answer before it is sent; `quirks` holds for this request alone; `phantom`: answer as if it
    had been carried out, and do nothing.
    """

    status: int = 0
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    after: bool = False
    reset: bool = False
    truncate: int = -1
    flip: int = -1
    before: Callable[[], object] | None = None
    then: Callable[[], object] | None = None
    hold: threading.Event | None = None
    request: Callable[[Request], object] | None = None
    answer: Callable[[Answer], Answer] | None = None
    quirks: Quirks | None = None
    phantom: bool = False


Hook = Callable[[Seen], Fault | None]


class FakeS3:
    """The server. `state` holds the objects, `seen` every request, `on_request` the script."""

    def __init__(self, quirks: Quirks | None = None) -> None:
        self.state = FakeState()
        self.quirks = quirks or Quirks()
        self.seen: list[Seen] = []
        self.on_request: Hook | None = None
        self.endpoint = ""
        self.open_connections = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fake-s3", daemon=True)
        self._ready = threading.Event()
        self._stopping: asyncio.Event | None = None

    def cloud(self, name: str = "fake", *, provider: Provider = Provider.AWS) -> CloudSettings:
        """Settings of a cloud that lives here."""
        return CloudSettings(
            name=name,
            kind=StoreKind.S3,
            provider=provider,
            region="us-east-1",
            endpoint=self.endpoint,
            path_style=True,
            access_key=Secret("fake"),
            secret_key=Secret("fake-secret"),
        )

    # What another protocol does otherwise (see `fake_gcs`).

    def damage(self, request: Request, at: int) -> None:
        """One bit of the bytes that a request brings is wrong."""
        if request.method == "PUT":
            request.body = flip(request.body, at)

    def parse(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Request:
        """A request as it came."""
        return Request.parse(method, target, headers, body)

    def handle(self, request: Request) -> Answer:
        """Carry it out."""
        return handle(self.state, self.quirks, request)

    def _handle(self, request: Request, fault: Fault) -> Answer:
        """Carry it out as the fault says; who changes the state meanwhile waits for the lock."""
        state, quirks = self.state, self.quirks
        with state.lock:
            try:
                self.state = state.twin() if fault.phantom else state
                self.quirks = fault.quirks or quirks
                return self.handle(request)
            finally:
                self.state, self.quirks = state, quirks

    def error(self, status: int, code: str) -> Answer:
        """An error answer of this protocol."""
        return error(status, code)

    def count(self, method: str = "", bucket: str = "", key: str | None = None) -> int:
        """How many requests of that method, bucket and key came."""
        return sum(
            (not method or seen.method == method)
            and (not bucket or seen.bucket == bucket)
            and (key is None or seen.key == key)
            for seen in list(self.seen)
        )

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise TimeoutError("the fake S3 server did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)

    # -- in the server's thread ---------------------------------------------------------

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        tasks: set[asyncio.Task[None]] = set()
        writers: set[asyncio.StreamWriter] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.add(writer)
            task = asyncio.ensure_future(self._connection(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            task.add_done_callback(lambda task: writers.discard(writer))

        server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=2**20)
        self.endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._stopping.wait()
        server.close()
        for writer in list(writers):
            writer.transport.abort()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
        await asyncio.sleep(0)  # transports close their sockets one turn later

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open_connections += 1
        try:
            while (request := await self._request(reader, writer)) is not None:
                if not await self._respond(request, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away
        finally:
            self.open_connections -= 1
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _request(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Request | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if colon:
                headers[name.lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return self.parse(method, target, headers, body)

    async def _respond(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        seen = Seen(
            len(self.seen) + 1,
            request.method,
            request.target,
            request.bucket,
            request.key,
            request.query,
            request.headers,
            request.body,
        )
        self.seen.append(seen)
        fault = (self.on_request(seen) if self.on_request else None) or Fault()
        if fault.before is not None:
            await asyncio.to_thread(fault.before)
        if fault.flip >= 0:
            self.damage(request, fault.flip)
        if fault.request is not None:
            fault.request(request)
        answers_itself = bool(fault.status) or fault.reset
        answer = Answer(500)
        if not answers_itself or fault.after:
            answer = self._handle(request, fault)
        if fault.then is not None:
            await asyncio.to_thread(fault.then)
        if fault.hold is not None:
            await asyncio.to_thread(fault.hold.wait, 30)
        if fault.reset:
            return False
        if fault.status:
            answer = Answer(fault.status)
            if fault.body is None:
                answer = self.error(fault.status, fault.code)
            answer.body = fault.body if fault.body is not None else answer.body
            answer.headers |= fault.headers
        if fault.answer is not None:
            answer = fault.answer(answer)
        if fault.flip >= 0 and request.method == "GET":
            answer.body = flip(answer.body, fault.flip)
        await send(writer, request, answer, fault.truncate)
        return fault.truncate < 0


async def send(
    writer: asyncio.StreamWriter, request: Request, answer: Answer, truncate: int = -1
) -> None:
    """Write an answer, or only the first `truncate` bytes of its body."""
    headers = {"content-length": str(len(answer.body)), "x-amz-request-id": "FAKE"}
    headers |= answer.headers
    lines = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Said')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    if request.method != "HEAD" and answer.status != 304:
        view = memoryview(answer.body if truncate < 0 else answer.body[:truncate])
        for start in range(0, len(view), _PIECE):
            writer.write(view[start : start + _PIECE])
            await writer.drain()
    await writer.drain()
    if truncate >= 0:
        writer.write_eof()


def flip(body: bytes, at: int) -> bytes:
    """The same bytes with one bit wrong."""
    at %= max(len(body), 1)
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :] if body else body


@contextmanager
def fake_s3(quirks: Quirks | None = None, **objects: bytes) -> Iterator[FakeS3]:
    """A running `FakeS3` with bucket `test`, holding these objects."""
    with FakeS3(quirks) as fake:
        fake.state.buckets["test"] = {}
        for key, body in objects.items():
            fake.state.put("test", urllib.parse.unquote(key), body)
        yield fake
