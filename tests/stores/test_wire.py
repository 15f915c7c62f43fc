"""What really goes over the wire, read from a raw socket."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from engine.errors import AstraError, BadResponse, StoreTimeout, Unavailable
from engine.model import Provider, StoreKind, VersionPin
from engine.settings import CloudSettings, Secret
from engine.stores import open_store
from engine.stores.body import CHUNK, Body
from engine.stores.http import HttpClient
from tests.conformance.conftest import pieces
from tests.conformance.test_keys import HOSTILE

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: "0"\r\n\r\n'


@dataclass
class RawServer:
    """Keeps each request's head as bytes; `answer` gets the target and returns what to send."""

    endpoint: str = ""
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    answer: Callable[[bytes], bytes] = lambda target: OK
    reads_bodies: bool = True

    @property
    def targets(self) -> list[bytes]:
        return [head.split(b" ")[1] for head in self.heads]

    def header(self, name: bytes) -> bytes:
        """A header of the last request, b"" if it was not sent."""
        for line in self.heads[-1].split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name:
                return value.strip()
        return b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                if not self.reads_bodies:
                    await reader.read(0)
                    await asyncio.sleep(3600)
                length = self.header(b"content-length") or b"0"
                self.bodies.append(await reader.readexactly(int(length)))
                reply = self.answer(self.targets[-1])
                if not reply:
                    return
                writer.write(reply)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@pytest.fixture
async def raw() -> AsyncIterator[RawServer]:
    server = RawServer()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=2**20)
    server.endpoint = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    yield server
    listener.close()
    pending = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


def cloud(raw: RawServer) -> CloudSettings:
    return CloudSettings(
        "raw",
        StoreKind.S3,
        Provider.AWS,
        region="us-east-1",
        endpoint=raw.endpoint,
        access_key=Secret("key"),
        secret_key=Secret("secret"),
    )


def expected_target(key: str) -> bytes:
    """Percent-encoding written out by hand: what is not unreserved is %XX."""
    kept = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"
    return b"/bucket/" + b"".join(
        bytes([byte]) if byte in kept else b"%%%02X" % byte for byte in key.encode()
    )


@pytest.mark.parametrize(
    "key",
    [key for key in HOSTILE if key and len(key) <= 1024 and "\udc80" not in key],
    ids=lambda key: ascii(key)[:24],
)
async def test_a_key_goes_out_exactly(raw: RawServer, key: str) -> None:
    store = open_store(cloud(raw))
    pin = VersionPin("0", size=0)
    await store.delete("bucket", key, pin=pin)
    await store.head("bucket", key, pin=pin)
    async with store.read("bucket", key, pin=pin) as reader:
        assert [chunk async for chunk in reader] == []
    await store.close()
    assert raw.targets == [expected_target(key)] * 3


async def test_nothing_is_added_to_a_request(raw: RawServer) -> None:
    store = open_store(cloud(raw))
    await store.head("bucket", "key", pin=VersionPin("0", size=0))
    await store.close()
    names = {line.split(b":")[0].lower() for line in raw.heads[-1].split(b"\r\n")[1:] if line}
    assert names == {
        b"host",
        b"accept",
        b"accept-encoding",
        b"authorization",
        b"if-match",
        b"user-agent",
        b"x-amz-checksum-mode",
        b"x-amz-content-sha256",
        b"x-amz-date",
    }
    assert raw.header(b"accept-encoding") == b"identity"
    assert raw.header(b"host") == raw.endpoint.removeprefix("http://").encode()


async def test_a_body_has_no_content_type_unless_it_was_given(raw: RawServer) -> None:
    client = HttpClient()
    await client.request("PUT", f"{raw.endpoint}/a", {}, at="a", body=b"bytes")
    assert raw.header(b"content-type") == b""
    await client.request("PUT", f"{raw.endpoint}/a", {}, at="a", body=b"")
    assert raw.header(b"content-length") == b"0"
    await client.close()


async def test_a_large_body_goes_out_whole_with_its_length(raw: RawServer) -> None:
    client = HttpClient()
    data = bytes(range(256)) * (3 * CHUNK // 256) + b"end"
    await client.request("PUT", f"{raw.endpoint}/a", {}, at="a", body=data)
    stream = Body(pieces(data, 100_000), len(data))
    await client.request("PUT", f"{raw.endpoint}/b", {}, at="b", body=stream)
    await client.close()
    assert raw.bodies == [data, data]
    assert raw.header(b"content-length") == str(len(data)).encode()
    assert raw.header(b"transfer-encoding") == b""
    assert client.sent == 2 * len(data)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "HEAD"])
async def test_no_request_is_sent_twice(raw: RawServer, method: str) -> None:
    """Not even when a connection that was kept open is dropped at the next request."""
    client = HttpClient()
    await client.request("GET", f"{raw.endpoint}/first", {}, at="a")
    raw.answer = lambda target: b""
    with pytest.raises(Unavailable):
        await client.request(method, f"{raw.endpoint}/second", {}, at="a")
    await client.close()
    assert raw.targets == [b"/first", b"/second"]


async def test_a_redirect_is_an_error_that_names_the_region(raw: RawServer) -> None:
    raw.answer = lambda target: (
        b"HTTP/1.1 301 Moved\r\nContent-Length: 0\r\nLocation: http://127.0.0.1:1/\r\n"
        b"x-amz-bucket-region: eu-west-3\r\n\r\n"
    )
    store = open_store(cloud(raw))
    with pytest.raises(AstraError) as caught:
        await store.head("bucket", "key")
    await store.close()
    assert "eu-west-3" in caught.value.todo
    assert len(raw.heads) == 1


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_a_bad_response(raw: RawServer, reply: bytes) -> None:
    raw.answer = lambda target: reply
    client = HttpClient(read_timeout=5)
    with pytest.raises(BadResponse):
        await client.request("GET", f"{raw.endpoint}/", {}, at="a")
    await client.close()


async def test_a_server_that_never_answers_times_out(raw: RawServer) -> None:
    raw.reads_bodies = False
    client = HttpClient(read_timeout=0.2)
    with pytest.raises(StoreTimeout):
        await client.request("GET", f"{raw.endpoint}/", {}, at="a")
    await client.close()


async def test_a_server_that_takes_no_more_bytes_times_out(raw: RawServer) -> None:
    raw.reads_bodies = False
    client = HttpClient(read_timeout=0.2)
    body = Body(pieces(b"x" * (64 * CHUNK)), 64 * CHUNK)
    with pytest.raises(StoreTimeout):
        await client.request("PUT", f"{raw.endpoint}/", {}, at="a", body=body)
    assert body.given < body.size
    await client.close()


async def test_a_slow_source_is_not_the_servers_fault(raw: RawServer) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"one"
        await asyncio.sleep(0.5)  # longer than the client waits for the server
        yield b"two"

    client = HttpClient(read_timeout=0.2)
    await client.request("PUT", f"{raw.endpoint}/", {}, at="a", body=Body(slow(), 6))
    await client.close()
    assert raw.bodies == [b"onetwo"]
