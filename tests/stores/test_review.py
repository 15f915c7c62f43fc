"""What stores once got wrong: pools that starve, secrets in texts, lists that go in circles."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from engine.errors import AstraError, BadResponse, ConfigError, StoreError, StoreTimeout
from engine.model import ObjectMeta, Provider
from engine.stores import http, s3_xml
from engine.stores.body import CHUNK
from engine.stores.error_answers import clock_offset, retry_after
from engine.stores.http import HttpClient
from engine.stores.http_errors import printable
from engine.stores.s3 import S3Store
from tests.fake_s3 import FakeS3, Fault, Quirks, Seen
from tests.servers import S3Server
from tests.stores.fault_tools import BUCKET, get, on, put

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
    assert printable("at 'http://u:p@ss@host:1/a@b?c'") == "at 'http://host:1/a@b'"


# -- canaries -------------------------------------------------------------------------------


@pytest.mark.parametrize("quirks", [Quirks(), Quirks(ignores_delete_if_match=True)])
async def test_only_a_canary_is_removed_as_one(quirks: Quirks) -> None:
    canary = f".astra-canary-{1:032x}"
    others = {
        ".astra-canary-notes/2023.txt": b"precious",
        ".astra-canary-old": b"astra",
        f"{canary}/a": b"astra",
        f".astra-canary-{2:032x}": b"other",  # as long
        f".astra-canary-{3:032x}": b"astra and more",
    }
    with FakeS3(quirks) as fake:
        for key, data in {canary: b"astra", **others}.items():
            fake.state.put(BUCKET, key, data)
            fake.state.change(BUCKET, key, modified=time.time() - 9999)
        store = S3Store(fake.cloud())
        await store.guards_deletes(BUCKET)
        await store.close()
        assert sorted(fake.state.buckets[BUCKET]) == sorted(others)


async def test_a_canarys_name_that_is_written_anew_meanwhile_is_left_alone(fake: FakeS3) -> None:
    canary = f".astra-canary-{1:032x}"
    fake.state.put(BUCKET, canary, b"astra")
    fake.state.change(BUCKET, canary, modified=time.time() - 9999)
    again = Fault(before=lambda: fake.state.put(BUCKET, canary, b"other"))
    fake.on_request = on("DELETE", again, lambda seen: seen.key == canary)
    store = S3Store(fake.cloud())
    assert await store.guards_deletes(BUCKET)
    await store.close()
    kept = fake.state.get(BUCKET, canary)
    assert kept is not None
    assert kept.body == b"other"


# -- answers that do not end ----------------------------------------------------------------


ROUND = {
    "list-type": "<ListBucketResult>{more}<NextContinuationToken>{mark}</NextContinuationToken>"
    "</ListBucketResult>",
    "uploads": "<ListMultipartUploadsResult>{more}<NextKeyMarker>k</NextKeyMarker>"
    "<NextUploadIdMarker>{mark}</NextUploadIdMarker></ListMultipartUploadsResult>",
    "uploadId": "<ListPartsResult>{more}<NextPartNumberMarker>{mark}</NextPartNumberMarker>"
    "</ListPartsResult>",
}


@pytest.mark.parametrize("question", list(ROUND))
async def test_marks_that_come_back_are_an_error(
    fake: FakeS3, store: S3Store, question: str
) -> None:
    def answer(seen: Seen) -> Fault | None:
        if seen.method != "GET" or question not in seen.query:
            return None
        mark = ("11", "22")[len(fake.seen) % 2]
        more = "<IsTruncated>true</IsTruncated>"
        return Fault(status=200, body=ROUND[question].format(more=more, mark=mark).encode())

    async def ask() -> None:
        async with asyncio.timeout(10):
            if question == "list-type":
                [page async for page in store.list_pages(BUCKET)]
            elif question == "uploads":
                await store.uploads(BUCKET)
            else:
                await store.parts(BUCKET, "a", "some-upload")

    fake.on_request = answer
    with pytest.raises(BadResponse):
        await ask()
    assert len(fake.seen) == 3


def test_a_list_of_parts_that_does_not_say_how_it_goes_on_is_an_error() -> None:
    cut = b"<ListPartsResult><IsTruncated>true</IsTruncated></ListPartsResult>"
    with pytest.raises(BadResponse):
        s3_xml.parts(cut, "at")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("Fri, 31 Dec 9999 23:59:59 GMT", 900),
        ("Fri, 31 Dec 99999999999 23:59:59 GMT", 0),  # later than can be said
        ("999999", 900),
        ("1e300", 900),
        ("inf", 900),
        ("nan", 0),
        ("-5", 0),
        ("900", 900),
        ("7", 7),
        ("", 0),
    ],
)
def test_no_server_makes_a_job_wait_for_longer_than_15_minutes(value: str, seconds: int) -> None:
    assert retry_after(value, clock=lambda: 1e9) == seconds
    assert isinstance(clock_offset({"date": value}), float)


# -- making buckets -------------------------------------------------------------------------


@pytest.mark.parametrize("provider", [Provider.AWS, Provider.GCP, Provider.AZURE, Provider.ONPREM])
async def test_a_bucket_is_made_in_the_clouds_region(
    moto_s3: S3Server, bucket_name: str, provider: Provider
) -> None:
    store = S3Store(moto_s3.cloud(provider=provider, region="us-west-1"))
    await store.create_bucket(bucket_name)
    await store.create_bucket(bucket_name)
    assert bucket_name in await store.buckets()
    await store.close()


async def test_a_bucket_is_made_where_the_server_knows_no_regions(fake: FakeS3) -> None:
    store = S3Store(replace(fake.cloud(provider=Provider.GCP), region="europe-west3"))
    refusal = Fault(status=400, code="InvalidLocationConstraint")
    fake.on_request = on("PUT", refusal, lambda seen: bool(seen.body))
    await store.create_bucket(BUCKET)
    assert [b"europe-west3" in seen.body for seen in fake.seen] == [True, False]
    fake.on_request = on("PUT", refusal)
    with pytest.raises(StoreError) as caught:
        await store.create_bucket("other")
    await store.close()
    assert caught.value.code == "InvalidLocationConstraint"
