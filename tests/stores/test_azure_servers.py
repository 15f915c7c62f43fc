"""The Azure kind on Azurite: signatures, SAS, copies, tiers, and what the doctor says."""

import urllib.parse
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from engine.doctor import check_cloud
from engine.errors import AccessDenied, NotSupported, PreconditionFailed
from engine.model import CheckState, ObjectMeta, VersionPin
from engine.settings import Secret
from engine.stores.azure import AzureStore
from engine.stores.azure_sign import VERSION, signature
from tests.conformance.conftest import pieces
from tests.fake_azure import AzureQuirks, FakeAzure
from tests.servers import AzureServer


@pytest.fixture
async def store(azurite: AzureServer, bucket_name: str) -> AsyncIterator[AzureStore]:
    """A store on Azurite, with an empty container of the test's own."""
    made = AzureStore(azurite.cloud(bucket=bucket_name))
    await made.create_bucket(bucket_name)
    yield made
    await made.close()


def account_sas(server: AzureServer, permissions: str) -> str:
    """A SAS of the whole account, as its owner would make one."""
    end = "2099-01-01T00:00:00Z"
    fields = [server.account, permissions, "b", "sco", "", end, "", "", VERSION, "", ""]
    signed = signature("\n".join(fields), Secret(server.key))
    query = {"sv": VERSION, "ss": "b", "srt": "sco", "sp": permissions, "se": end, "sig": signed}
    return urllib.parse.urlencode(query)


async def put(store: AzureStore, bucket: str, key: str, meta: ObjectMeta) -> VersionPin:
    return (await store.write(bucket, key, pieces(b"bytes"), size=5, meta=meta)).pin


async def test_names_with_underscores_and_digits_are_signed_in_order(
    store: AzureStore, bucket_name: str
) -> None:
    names = ("a0", "a_b", "ab", "a", "a__b", "a_0", "b-c", "b_c", "b1c")
    meta = ObjectMeta(user=tuple(sorted((name, f"of {name}") for name in names)), modified=1.5)
    pin = await put(store, bucket_name, "k", meta)
    assert (await store.head(bucket_name, "k", pin=pin)).meta.user == meta.user


async def test_a_sas_opens_what_it_allows(
    azurite: AzureServer, store: AzureStore, bucket_name: str
) -> None:
    pin = await put(store, bucket_name, "a b/é", ObjectMeta())
    grant = account_sas(azurite, "rl")
    reader = AzureStore(replace(azurite.cloud(), account_key=Secret(), sas=Secret(grant)))
    pages = [page async for page in reader.list_pages(bucket_name)]
    assert [entry.key for page in pages for entry in page.entries] == ["a b/é"]
    async with reader.read(bucket_name, "a b/é", pin=pin, start=1, stop=3) as found:
        assert b"".join([chunk async for chunk in found]) == b"yt"
    with pytest.raises(AccessDenied) as caught:
        await put(reader, bucket_name, "new", ObjectMeta())
    signed = dict(urllib.parse.parse_qsl(grant))["sig"]
    assert signed not in str(caught.value)
    assert urllib.parse.quote(signed, safe="") not in str(caught.value)
    await reader.close()


async def test_a_wrong_key_is_refused(azurite: AzureServer, bucket_name: str) -> None:
    wrong = replace(azurite.cloud(), account_key=Secret("d3Jvbmc="))
    store = AzureStore(wrong)
    with pytest.raises(AccessDenied, match="does not allow"):
        await store.buckets()
    await store.close()


async def test_the_environment_alone_describes_azurite(
    azurite: AzureServer, bucket_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"DefaultEndpointsProtocol=http;AccountName={azurite.account};AccountKey={azurite.key};"
    text += f"BlobEndpoint={azurite.endpoint}/{azurite.account};"
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text)
    bare = replace(azurite.cloud(), account="", account_key=Secret(), endpoint="")
    store = AzureStore(bare)
    await store.create_bucket(bucket_name)
    assert bucket_name in await store.buckets()
    await store.close()


async def test_azurite_copies_exactly_the_pinned_version(
    store: AzureStore, bucket_name: str
) -> None:
    meta = ObjectMeta(content_type="text/x", user=(("owner", "me"),), modified=1.5)
    pin = await put(store, bucket_name, "a b+%", meta)

    async def copy(key: str, source: VersionPin) -> VersionPin:
        written = await store.copy(
            bucket_name, "a b+%", bucket_name, key, pin=source, size=5, meta=meta
        )
        return written.pin

    made = await copy("copies/é", pin)
    head = await store.head(bucket_name, "copies/é", pin=made)
    assert (head.meta, head.size) == (meta, 5)
    async with store.read(bucket_name, "copies/é", pin=made) as reader:
        assert b"".join([chunk async for chunk in reader]) == b"bytes"
    with pytest.raises(PreconditionFailed):
        await copy("copies/é", pin)
    with pytest.raises(PreconditionFailed):
        await copy("other", replace(pin, etag="0x1"))
    assert not await store.copies_parts(bucket_name)


async def test_azurite_copies_no_parts_and_says_so(store: AzureStore, bucket_name: str) -> None:
    pin = await put(store, bucket_name, "k", ObjectMeta())
    upload = await store.begin_upload(bucket_name, "new", meta=ObjectMeta())
    with pytest.raises(NotSupported):
        await store.copy_part(
            bucket_name, "k", bucket_name, "new", upload, 1, pin=pin, start=0, stop=5
        )


async def test_the_doctor_finds_all_well(
    azurite: AzureServer, store: AzureStore, bucket_name: str
) -> None:
    checks = [check async for check in check_cloud(store, azurite.cloud(bucket=bucket_name))]
    found = {check.name: (check.state, check.detail) for check in checks}
    assert {state for state, _ in found.values()} == {CheckState.OK}, found
    assert set(found) >= {"reachable", "list", "clock", "write", "read", "conditions", "delete"}
    assert [page async for page in store.list_pages(bucket_name) if page.entries] == []


async def test_the_doctor_names_what_a_credential_lacks(
    azurite: AzureServer, store: AzureStore, bucket_name: str
) -> None:
    await put(store, bucket_name, "k", ObjectMeta())
    sas = Secret(account_sas(azurite, "rl"))
    settings = replace(azurite.cloud(bucket=bucket_name), account_key=Secret(), sas=sas)
    reader = AzureStore(settings)
    checks = {check.name: check async for check in check_cloud(reader, settings)}
    assert checks["write"].state is CheckState.FAILED
    assert "key, SAS or role" in checks["write"].todo
    assert checks["read"].state is CheckState.OK
    assert sas.reveal() not in repr(checks)
    await reader.close()


async def test_the_doctor_asks_azure_itself_whether_tags_may_be_set() -> None:
    with FakeAzure(AzureQuirks(no_tags=True), "box") as fake:
        settings = replace(fake.cloud(), bucket="box")
        store = AzureStore(settings)
        store._trusted = store._conditions._trusted = True  # as at Azure's own address
        checks = {check.name: check async for check in check_cloud(store, settings)}
        assert checks["conditions"].state is CheckState.OK
        assert checks["metadata"].state is CheckState.WARNING
        assert "no tags" in checks["metadata"].detail
        assert fake.blobs.containers["box"].blobs == {}
        await store.close()
