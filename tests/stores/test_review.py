"""What stores once got wrong: pools that starve, secrets in texts, lists that go in circles."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.errors import AstraError, ConfigError, StoreTimeout
from engine.model import ObjectMeta
from engine.stores import http
from engine.stores.body import CHUNK
from engine.stores.http import HttpClient
from engine.stores.http_errors import printable
from engine.stores.s3 import S3Store
from tests.fake_s3 import FakeS3
from tests.stores.fault_tools import BUCKET, get, put

# -- connections ----------------------------------------------------------------------------


async def test_a_write_never_waits_for_the_reads_that_feed_it(fake: FakeS3, store: S3Store) -> None:
    """Every connection for downloads is held open by somebody who wants to write."""
    data, jobs = b"x" * (8 * CHUNK), 2
    await store.close()
    store._client.http = HttpClient(connections=jobs)
    everybody = asyncio.Barrier(jobs)

    async def move(number: int) -> None:
        source = f"source-{number}"
        fake.state.put(BUCKET, source, data)
        pin = (await store.head(BUCKET, source)).pin
        async with store.read(BUCKET, source, pin=pin) as reader:

            async def body() -> AsyncIterator[bytes]:
                async for chunk in reader:
                    yield chunk

            await everybody.wait()
            await store.write(BUCKET, f"copy-{number}", body(), size=len(data), meta=ObjectMeta())

    async with asyncio.timeout(20):
        await asyncio.gather(*(move(number) for number in range(jobs)))
    for number in range(jobs):
        assert await get(store, f"copy-{number}") == data


async def test_the_wait_for_a_connection_ends(fake: FakeS3, store: S3Store) -> None:
    pin = await put(store, "a", b"x" * (8 * CHUNK))
    await store.close()
    store._client.http = HttpClient(connections=1, wait_timeout=0.2)
    async with store.read(BUCKET, "a", pin=pin):
        with pytest.raises(StoreTimeout) as caught:
            async with store.read(BUCKET, "a", pin=pin):
                pass
    assert caught.value.retryable
    assert caught.value.safe == "Nothing was sent."
    assert len(await get(store, "a")) == 8 * CHUNK  # the pool has recovered


# -- secrets --------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_password_of_a_proxy_is_in_no_text(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    texts = [await _said(scheme, f"http://user:s3cret@127.0.0.1:{port}", monkeypatch)]
    server.close()
    await server.wait_closed()
    texts.append(await _said(scheme, f"http://user:s3cret@127.0.0.1:{port}", monkeypatch))
    texts.append(await _said(scheme, f"http://user:s3cret/@127.0.0.1:{port}", monkeypatch))
    assert b"Proxy-Authorization: Basic" in seen[0]
    assert "127.0.0.1" in texts[1]
    for text in texts:
        assert "s3cret" not in text


async def _said(scheme: str, proxy: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(f"{scheme}_proxy", proxy)
    http.proxy_for.cache_clear()
    client = HttpClient()
    try:
        reply = await client.request("HEAD", f"{scheme}://s3.example.com/b", {}, at="a")
    except AstraError as error:
        return str(error)
    finally:
        http.proxy_for.cache_clear()
        await client.close()
    return str(reply)


def test_a_proxy_that_is_none_is_told_by_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://user:12/s3cret@proxy:3128")
    http.proxy_for.cache_clear()
    with pytest.raises(ConfigError) as caught:
        http.proxy_for("https://s3.example.com")
    http.proxy_for.cache_clear()
    assert "https_proxy" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_words_of_others_lose_names_and_passwords() -> None:
    assert printable("at 'http://u:p@ss@host:1/a@b?c'") == "at 'http://host:1/a@b?c'"
