"""The proxy that breaks one upload: transparent until armed, and then only once."""

import asyncio
import hashlib

import aiohttp
import pytest

from astra_tui.demo import DemoWorld
from astra_tui.demo_proxy import FaultProxy

BODY = bytes(range(256)) * 4096
# The storage checks no signature, but it refuses requests that have none.
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request"}


def different_bits(left: bytes, right: bytes) -> int:
    assert len(left) == len(right)
    return sum((a ^ b).bit_count() for a, b in zip(left, right, strict=True))


async def test_nothing_is_changed_until_armed_and_then_one_bit_once():
    async with DemoWorld() as world:
        upstream = int(world.settings.clouds[1].endpoint.rpartition(":")[2])
        async with FaultProxy(upstream) as proxy, aiohttp.ClientSession(headers=SIGNED) as session:
            base = f"http://127.0.0.1:{proxy.port}/cold-data"

            async def round_trip(key: str) -> bytes:
                async with session.put(f"{base}/{key}", data=BODY) as answer:
                    assert answer.status == 200
                async with session.get(f"{base}/{key}") as answer:
                    return await answer.read()

            assert await round_trip("first") == BODY
            proxy.arm("wanted")
            assert await round_trip("other") == BODY
            assert proxy.armed
            assert different_bits(await round_trip("wanted"), BODY) == 1
            assert not proxy.armed
            assert await round_trip("wanted") == BODY
            (flip,) = proxy.flips
            assert flip.request.startswith("PUT /cold-data/wanted")
            assert flip.size == len(BODY)


async def test_chunked_bodies_and_many_connections_pass():
    async with DemoWorld() as world:
        upstream = int(world.settings.clouds[0].endpoint.rpartition(":")[2])

        async def pieces():
            for start in range(0, len(BODY), 100_000):
                yield BODY[start : start + 100_000]

        async with FaultProxy(upstream) as proxy, aiohttp.ClientSession(headers=SIGNED) as session:
            base = f"http://127.0.0.1:{proxy.port}/prod-data"

            async def one(number: int) -> str:
                async with session.put(f"{base}/{number}", data=pieces()) as answer:
                    assert answer.status == 200
                    return answer.headers["ETag"].strip('"')

            etags = await asyncio.gather(*map(one, range(8)))
        assert set(etags) == {hashlib.md5(BODY).hexdigest()}


async def test_a_dead_upstream_is_a_closed_connection():
    closed = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = closed.sockets[0].getsockname()[1]
    closed.close()
    await closed.wait_closed()
    async with FaultProxy(port) as proxy, aiohttp.ClientSession(headers=SIGNED) as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(f"http://127.0.0.1:{proxy.port}/")


async def test_leaving_ends_open_connections():
    async with DemoWorld() as world:
        await world.ready()
        upstream = int(world.settings.clouds[0].endpoint.rpartition(":")[2])
        async with FaultProxy(upstream) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            writer.write(b"PUT /prod-data/x HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nabc")
            await writer.drain()
        assert await reader.read() == b""
        writer.close()
