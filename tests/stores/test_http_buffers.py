"""Receive buffers are used again: what was handed on never changes afterwards."""

import asyncio
import random
from collections.abc import Callable

import pytest
import uvloop

from engine.errors import StoreError
from engine.stores import http_connection
from engine.stores.body import CHUNK, Pieces
from engine.stores.http import HttpClient
from tests.stores.test_http import serving

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


def body_of(number: int) -> bytes:
    return random.Random(number).randbytes(1000) * (2500 + 37 * number)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """`/NUMBER` gives that body; of every third only a half, and then it hangs up."""
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        number = int(head.split(b" ")[1][1:])
        data = body_of(number)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data))
        writer.write(data[: len(data) // 2] if number % 3 == 2 else data)
        await writer.drain()
        if number % 3 == 2:
            return


@pytest.mark.parametrize("make_loop", LOOPS)
def test_chunks_that_were_handed_on_stay_as_they_were(
    make_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    held: dict[int, list[bytes]] = {}

    async def read(client: HttpClient, endpoint: str, number: int) -> None:
        got = held[number] = []
        try:
            async with client.stream(f"{endpoint}/{number}", {}, at="a") as incoming:
                async for chunk in incoming.chunks(len(body_of(number))):
                    got.append(chunk)
                    if number % 3 == 1 and len(got) == 2:
                        return  # nobody reads the rest
        except StoreError:
            assert number % 3 == 2

    async def run() -> None:
        async with serving(_answer) as endpoint:
            client = HttpClient(connections=4)
            for start in (0, 8):
                tasks = [
                    asyncio.create_task(read(client, endpoint, number))
                    for number in range(start, start + 8)
                ]
                await asyncio.sleep(0)
                tasks[3].cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            await client.close()

    http_connection._spare.clear()
    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(run())
    for number, chunks in held.items():
        whole = body_of(number)
        assert b"".join(chunks) == whole[: sum(map(len, chunks))]
    assert all(sum(map(len, held[n])) == len(body_of(n)) for n in (0, 6, 9, 12, 15))
    spare = http_connection._spare
    assert 0 < len(spare) <= 8
    assert len({id(buffer) for buffer in spare}) == len(spare), "given back once"
    assert {len(buffer) for buffer in spare} == {CHUNK}


@pytest.mark.parametrize("make_loop", LOOPS)
def test_pieces_arrive_as_one_body(make_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    pieces = Pieces([body_of(1), b"", b"x", body_of(2)[: CHUNK + 1]])
    came: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"Content-Length: %d\r\n" % len(pieces) in head
            came.append(await reader.readexactly(len(pieces)))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def run() -> None:
        async with serving(take) as endpoint:
            client = HttpClient()
            for _ in range(2):  # they can be sent again
                await client.request("PUT", f"{endpoint}/", {}, at="a", body=pieces)
            assert client.sent == 2 * len(pieces)
            await client.close()

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(run())
    assert came == [b"".join(pieces.pieces)] * 2
