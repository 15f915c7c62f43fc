"""The wire: heads, chunked bodies, and when a connection may be used again."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.errors import BadResponse, StoreError, TruncatedBody, Unavailable
from engine.stores.body import CHUNK, Body
from engine.stores.http import HttpClient
from engine.stores.http_wire import Chunked, WireError, read_head, request_head
from tests.conformance.conftest import pieces

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CHUNKS = b"5\r\nhello\r\n1;note=x\r\n,\r\n6\r\n world\r\n0\r\nTrailer: a\r\n\r\n"


@asynccontextmanager
async def serving(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A raw server; what `serve` does is cut off at the end."""
    tasks = set[asyncio.Task[None]]()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=context)
    scheme = "https" if context else "http"
    try:
        yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(*answers: bytes, close: bool = False) -> tuple[Serve, list[int]]:
    """One answer for each request, and how many requests each connection carried."""
    carried: list[int] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carried.append(0)
        number = len(carried) - 1
        while left:
            await reader.readuntil(b"\r\n\r\n")
            carried[number] += 1
            writer.write(left.pop(0))
            await writer.drain()
            if close:
                return
        await reader.read()

    return serve, carried


@pytest.mark.parametrize("step", [1, 2, 3, 7, len(CHUNKS)])
def test_a_chunked_body_in_any_pieces(step: int) -> None:
    taken, body = Chunked(), b""
    for start in range(0, len(CHUNKS), step):
        assert not taken.done
        body += b"".join(taken.feed(CHUNKS[start : start + step]))
    assert body == b"hello, world"
    assert taken.done
    assert taken.rest == b""


@pytest.mark.parametrize(
    "data",
    [
        b"5\nhello\r\n",
        b"5\r\nhelloX\r\n",
        b"-5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b"\r\nhello\r\n",
        b"5" * 20 + b"\r\n",
        b"5;" + b"x" * 9000,
    ],
)
def test_a_damaged_chunk_is_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        Chunked().feed(data)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/2 200 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        b"HTTP/1.1 200 OK\r\nContent-Length: +5",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked",
        b"HTTP/1.1 200 OK\r\nA: b\r\n folded",
        b"HTTP/1.1 200 OK\r\nA : b",
        b"HTTP/1.1 200 OK\r\nA: b\nC: d",
    ],
)
def test_a_doubtful_head_is_refused(head: bytes) -> None:
    with pytest.raises(WireError):
        read_head(head)


def test_repeated_headers_are_joined() -> None:
    head = read_head(b"HTTP/1.1 404\r\nX-A: one \r\nx-a:\ttwo\r\nContent-Length: 7")
    assert (head.status, head.headers["x-a"], head.length) == (404, "one,two", 7)


@pytest.mark.parametrize("value", ["a\r\nB: c", "a\n", "\0"])
def test_no_header_can_begin_another(value: str) -> None:
    with pytest.raises(WireError):
        request_head("GET", "/", "host", {"A": value})


async def test_a_connection_is_used_again_after_a_whole_answer() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS
    plain = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    serve, carried = answering(chunked, plain, b"HTTP/1.1 204 No\r\n\r\n", plain)
    async with serving(serve) as endpoint:
        client = HttpClient()
        got = [await client.request("GET", f"{endpoint}/", {}, at="a") for _ in range(4)]
        await client.close()
    assert [reply.body for reply in got] == [b"hello, world", b"ok", b"", b"ok"]
    assert carried == [4]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
)
async def test_a_connection_that_is_to_be_closed_is(answer: bytes) -> None:
    serve, carried = answering(answer, answer)
    async with serving(serve) as endpoint:
        client = HttpClient()
        for _ in range(2):
            assert (await client.request("GET", f"{endpoint}/", {}, at="a")).body == b"ok"
        await client.close()
    assert carried == [1, 1]


async def test_a_body_may_end_with_the_connection_unless_its_length_was_said() -> None:
    serve, _ = answering(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (CHUNK + 5), close=True)
    async with serving(serve) as endpoint:
        client = HttpClient()
        assert len((await client.request("GET", f"{endpoint}/", {}, at="a")).body) == CHUNK + 5
        await client.close()
    for head in (b"Content-Length: 12", b"Transfer-Encoding: chunked"):
        serve, _ = answering(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n5\r\nhello", close=True)
        async with serving(serve) as endpoint:
            client = HttpClient()
            with pytest.raises(TruncatedBody):
                await client.request("GET", f"{endpoint}/", {}, at="a")
            await client.close()


async def test_what_nobody_asked_for_ends_the_connection() -> None:
    """Bytes after an answer could be taken for the answer to the next request."""
    plain = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    serve, carried = answering(plain + plain, plain)
    async with serving(serve) as endpoint:
        client = HttpClient()
        with pytest.raises(BadResponse):
            await client.request("GET", f"{endpoint}/", {}, at="a")
        assert (await client.request("GET", f"{endpoint}/", {}, at="a")).body == b"ok"
        await client.close()
    assert carried == [1, 1]


async def test_an_answer_before_the_whole_body_counts_and_ends_the_connection() -> None:
    connections = 0

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 412 No\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await asyncio.Event().wait()

    async with serving(refuse) as endpoint:
        client = HttpClient()
        for number in (1, 2):
            body = Body(pieces(b"x" * (64 * CHUNK), CHUNK), 64 * CHUNK)
            reply = await client.request("PUT", f"{endpoint}/", {}, at="a", body=body)
            assert reply.status == 412
            assert body.given < body.size
            assert connections == number
        await client.close()


async def test_a_large_body_is_received_as_it_is_sent() -> None:
    data = bytes(range(251)) * (5 * CHUNK // 251)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data))
        for start in range(0, len(data), 777_777):
            writer.write(data[start : start + 777_777])
            await writer.drain()
        await reader.read()

    async with serving(serve) as endpoint:
        client = HttpClient()
        async with client.stream(f"{endpoint}/", {}, at="a") as incoming:
            got = [chunk async for chunk in incoming.chunks(len(data))]
        assert b"".join(got) == data
        assert {len(chunk) for chunk in got[:-1]} == {CHUNK}
        assert client.received == len(data)
        await client.close()


async def test_a_certificate_that_nobody_signed_is_refused_and_a_known_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = tmp_path / "chain.pem"
    context = _self_signed(chain)
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 2097152\r\n\r\n" + b"x" * (2 * CHUNK)
    serve, _ = answering(body)
    async with serving(serve, context) as endpoint:
        client = HttpClient()
        monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
        with pytest.raises(StoreError, match="certificate") as caught:
            await client.request("GET", f"{endpoint}/", {}, at="a")
        assert not isinstance(caught.value, Unavailable)
        assert caught.value.safe == "Nothing was sent."
        monkeypatch.setenv("AWS_CA_BUNDLE", str(chain))
        reply = await client.request("GET", f"{endpoint}/", {}, at="a")
        assert len(reply.body) == 2 * CHUNK
        await client.close()


def _self_signed(path: Path) -> ssl.SSLContext:
    import datetime
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    host = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
