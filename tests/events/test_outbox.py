"""The outbox: durable, in order, and no larger than it must be."""

from engine.database import Database
from engine.events.outbox import Outbox, Outgoing


def message(key: str, value: str, topic: str = "status") -> Outgoing:
    return Outgoing(topic, key.encode(), value.encode())


async def values(outbox: Outbox) -> list[str]:
    return [row.value.decode() for row in await outbox.head(10_000)]


async def test_messages_wait_in_order_and_survive_a_restart(state: Database) -> None:
    outbox = Outbox(state, ("status",))
    await outbox.put([message("a", "1"), message("b", "2")])
    await outbox.put([message("a", "3", "events")])
    again = Outbox(state, ("status",))
    await again.load()
    assert again.waiting == 3
    assert await values(again) == ["1", "2", "3"]
    assert [row.value for row in await again.head(2)] == [b"1", b"2"]
    assert [row.value for row in await again.head(9, {"status"})] == [b"3"]
    rows = await again.head(2)
    await again.remove([row.id for row in rows])
    assert again.waiting == 1
    assert await values(again) == ["3"]


async def test_where_many_wait_only_the_newest_of_a_key_stays(state: Database) -> None:
    outbox = Outbox(state, ("status",), compact_above=10)
    await outbox.put([message("event", str(n), "events") for n in range(3)])
    for n in range(8):
        await outbox.put([message(f"job-{n % 2}", f"{n}")])
    assert outbox.waiting == 5
    assert await values(outbox) == ["0", "1", "2", "6", "7"]


async def test_what_cannot_be_compacted_is_not_compacted_again_and_again(state: Database) -> None:
    outbox = Outbox(state, ("status",), compact_above=10)
    for n in range(40):
        await outbox.put([message("event", str(n), "events")])
    assert outbox.waiting == 40
    assert await values(outbox) == [str(n) for n in range(40)]
    await outbox.put([message("job", str(n)) for n in range(100)])
    assert outbox.waiting == 41
