"""Names, ids, metadata, endpoints and credentials of Azure, as values."""

import re
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError, NotFound, NotSupported, UsageError
from engine.model import ObjectMeta, Provider, RestoreState, StoreKind
from engine.settings import CloudSettings, Secret
from engine.stores import azure_xml as xml
from engine.stores import open_store
from engine.stores.azure_credentials import TokenSource, find_access, sas_ended
from engine.stores.azure_endpoint import Endpoint, check_container
from engine.stores.azure_headers import (
    decode_name,
    encode_name,
    meta_headers,
    read_head,
    write_headers,
)
from engine.stores.azure_keys import key_problem
from engine.stores.azure_upload_id import ABORTED, UploadId, split_name
from engine.stores.base import DeleteGuard
from engine.stores.http_errors import printable

SECRET = "aHVudGVyMi1kby1ub3Qtc2hvdw=="
SAS = f"sv=2023-11-03&ss=b&sp=rwdl&sig={SECRET[:-2]}%3D%3D"
NAMES = st.text(st.sampled_from("abcxyz019_-.!#$%&'*+^`|~"), min_size=1, max_size=20)


def settings(**fields: object) -> CloudSettings:
    return CloudSettings("z", StoreKind.AZURE, Provider.AZURE, **fields)  # type: ignore[arg-type]


# -- metadata -------------------------------------------------------------------------------


@given(NAMES)
def test_a_name_of_metadata_is_an_identifier_and_comes_back(name: str) -> None:
    encoded = encode_name(name)
    assert re.fullmatch("[a-z_][a-z0-9_]*", encoded)
    assert decode_name(encoded) == name


@given(NAMES, NAMES)
def test_no_two_names_become_one(one: str, two: str) -> None:
    assert (encode_name(one) == encode_name(two)) is (one == two)


def test_plain_names_stay_as_they_are() -> None:
    assert [encode_name(name) for name in ("owner", "a_1")] == ["owner", "a_1"]
    assert encode_name("cost-centre") == "astra_n_cost_2dcentre"
    assert decode_name("astra_n_zz_not_ours") == "astra_n_zz_not_ours"
    assert decode_name("CamelCase") == "camelcase"


def test_empty_values_and_times_travel() -> None:
    headers = meta_headers(ObjectMeta(user=(("empty", ""),), modified=1.5), "at")
    assert headers == {
        "x-ms-meta-empty": "=?UTF-8?B??=",
        "x-ms-meta-mtime": "1970-01-01T00:00:01.5Z",
    }
    head = read_head("k", 1, headers)
    assert (head.meta.user, head.meta.modified) == ((("empty", ""),), 1.5)
    rclone = read_head("k", 1, {"x-ms-meta-mtime": "2020-09-13T12:26:40.123456789Z"})
    assert rclone.meta.modified == 1_600_000_000.123456789
    assert read_head("k", 1, {"x-ms-meta-mtime": "1.5"}).meta.modified == 1.5
    old = read_head("k", 1, {"x-ms-meta-mtime": "1969-12-31T23:59:54.5Z"})
    assert old.meta.modified == -5.5
    odd = read_head("k", 1, {"x-ms-meta-mtime": "yesterday"})
    assert odd.meta.user == (("mtime", "yesterday"),)


@pytest.mark.parametrize(
    "meta",
    [
        ObjectMeta(content_disposition="attachment; filename=é"),
        ObjectMeta(cache_control="a\r\nx-ms-blob-type: x"),
        ObjectMeta(tags=(("owner", "a@b"),)),
        ObjectMeta(tags=(("é", "x"),)),
        ObjectMeta(tags=(("", "x"),)),
        ObjectMeta(tags=tuple((f"t{number}", "") for number in range(11))),
    ],
)
def test_what_azure_does_not_take_is_refused(meta: ObjectMeta) -> None:
    with pytest.raises(NotSupported):
        write_headers(meta, "", "at")


def test_tiers_archive_and_rehydration_are_read() -> None:
    def state(**headers: str) -> tuple[str, bool, RestoreState]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        head = read_head("k", 1, named)
        return head.storage_class, head.archived, head.restore

    assert state() == ("Hot", False, RestoreState.NONE)
    assert state(x_ms_access_tier="Cold") == ("Cold", False, RestoreState.NONE)
    assert state(x_ms_access_tier="Archive") == ("Archive", True, RestoreState.NONE)
    pending = state(x_ms_access_tier="Archive", x_ms_archive_status="rehydrate-pending-to-hot")
    assert pending == ("Archive", True, RestoreState.ONGOING)


def test_an_md5_of_unknown_origin_is_not_the_providers() -> None:
    (found,) = read_head("k", 0, {"content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}).checksums
    assert found.value == "d41d8cd98f00b204e9800998ecf8427e"
    assert not found.computed_by_provider
    ranged = {"content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    assert read_head("k", 0, ranged, ranged=True).checksums == ()
    assert read_head("k", 0, {"content-md5": "bm90IGFuIG1kNQ=="}).checksums == ()


# -- keys -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        *("", ".", "..", "a/../b", "../c2/victim", "a/.", "dot.", "dot./b", "back\\slash"),
        *("nul\0", "new\nline", "del\x7f", "c1\x81", "lone\udc80"),
        *("k" * 1025, "\U0001f600" * 513, "/".join("a" * 255)),
    ],
)
def test_keys_that_the_service_would_change_are_refused(key: str) -> None:
    assert key_problem(key) != ""


@pytest.mark.parametrize(
    "key",
    ["a", ".a", "..a", "a.b", "a//b", "/lead", "trail/", "%2F", "é" * 1024, "\U0001f600" * 512],
)
def test_other_keys_are_held(key: str) -> None:
    assert key_problem(key) == ""


@pytest.mark.parametrize("key", ["a//b", "/lead", "trail/"])
def test_folders_of_a_hierarchical_namespace_are_no_part_of_a_name(key: str) -> None:
    assert "hierarchical" in key_problem(key, directories=True)
    assert "not known" in key_problem(key, directories=None)
    assert key_problem("a/b", directories=None) == ""


# -- uploads --------------------------------------------------------------------------------


def test_an_upload_id_carries_what_the_commit_needs() -> None:
    headers = {"x-ms-meta-owner": "me", "x-ms-access-tier": "Cool"}
    upload = UploadId.new(headers, 1_700_000_000.9)
    again = UploadId.parse(str(upload), "at")
    assert again == upload
    assert again.begun == 1_700_000_000
    assert UploadId.parse(str(UploadId(upload.token)), "at").headers == {}


@given(st.integers(0, ABORTED))
def test_block_ids_have_one_length_and_are_never_shared(number: int) -> None:
    one, two = UploadId.new({}, time.time()), UploadId.new({}, time.time())
    assert len(one.block(number)) == 28
    assert one.block(number) != two.block(number)
    assert split_name(one.token + number.to_bytes(4, "big")) == (one.token, number)
    assert split_name(b"somebody else's block id") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "0" * 32,
        "az1-",
        "az1-" + "g" * 32,
        "az1-" + "0" * 32 + ".!!",
        "az1-" + "0" * 32 + ".AAAA",
    ],
)
def test_other_ids_are_of_no_upload(text: str) -> None:
    with pytest.raises(NotFound) as caught:
        UploadId.parse(text, "at")
    assert caught.value.code == "NoSuchUpload"


# -- listings -------------------------------------------------------------------------------


def test_a_page_is_read_with_names_that_xml_cannot_carry() -> None:
    data = (
        "\ufeff<?xml version='1.0' encoding='utf-8'?><EnumerationResults><Blobs>"
        "<Blob><Name Encoded='true'>a%EF%BF%BE%2Fb%25</Name><Properties><Content-Length>3"
        "</Content-Length><Etag>0x8D</Etag><AccessTier>Cool</AccessTier>"
        "<Last-Modified>Sat, 21 Nov 2026 12:00:00 GMT</Last-Modified></Properties></Blob>"
        "<Blob><Name>folder</Name><Properties><Content-Length>0</Content-Length>"
        "<ResourceType>directory</ResourceType></Properties></Blob>"
        "<BlobPrefix><Name>p/</Name></BlobPrefix>"
        "</Blobs><NextMarker>next</NextMarker></EnumerationResults>"
    ).encode()
    page = xml.listing(data, "at")
    (row,) = page.rows
    assert row.entry == ("a\ufffe/b%", 3, 1795262400.0, "0x8D", "Cool")
    assert page.marker == "next"


# -- endpoints ------------------------------------------------------------------------------


def test_the_account_stands_in_the_host_or_in_the_path() -> None:
    real = Endpoint.of("z", "mydata", "")
    assert real.url(real.path("c", "a b"), []) == "https://mydata.blob.core.windows.net/c/a%20b"
    assert real.is_azure
    local = Endpoint.of("z", "devstoreaccount1", "http://127.0.0.1:10000")
    assert local.url(local.path("c"), []) == "http://127.0.0.1:10000/devstoreaccount1/c"
    assert not local.is_azure
    assert Endpoint.of("z", "devstoreaccount1", "http://localhost:10000/devstoreaccount1") != local
    named = Endpoint.of("z", "", "https://other.blob.core.chinacloudapi.cn")
    assert (named.account, named.is_azure) == ("other", True)


def test_a_container_cannot_change_the_meaning_of_a_path() -> None:
    for name in ("..", "a/b", "A", "a?b", "", "a" * 64, "$other"):
        with pytest.raises(UsageError):
            check_container(name)
    check_container("$web")


@pytest.mark.parametrize("endpoint", ["ftp://x", "http://", "http://x/y", "http://x:99999"])
def test_a_strange_endpoint_is_no_endpoint(endpoint: str) -> None:
    with pytest.raises(ConfigError):
        Endpoint.of("z", "mydata", endpoint)


def test_deletes_are_guarded_by_azure_itself() -> None:
    store = open_store(settings(account="mydata", account_key=Secret(SECRET)))
    assert store.capabilities.delete_guard is DeleteGuard.KNOWN
    assert store.capabilities.attested == {"md5"}
    proxied = settings(
        account="mydata", account_key=Secret(SECRET), endpoint="https://blobs.example.org"
    )
    assert open_store(proxied).capabilities.attested == frozenset()
    assert open_store(proxied).capabilities.delete_guard is DeleteGuard.PROBE
    local = "http://127.0.0.1:10000"
    store = open_store(settings(account="mydata", account_key=Secret(SECRET), endpoint=local))
    assert store.capabilities.delete_guard is DeleteGuard.PROBE


# -- credentials ----------------------------------------------------------------------------


def test_what_the_configuration_says_comes_first() -> None:
    environ = {"AZURE_STORAGE_ACCOUNT": "other", "AZURE_STORAGE_KEY": "b3RoZXI="}
    own = find_access(settings(account="mine", account_key=Secret(SECRET)), environ)
    assert (own.account, own.key.reveal()) == ("mine", SECRET)


def test_the_environment_gives_account_and_secret() -> None:
    found = find_access(settings(), {"AZURE_STORAGE_ACCOUNT": "a1b", "AZURE_STORAGE_KEY": SECRET})
    assert (found.account, found.key.reveal()) == ("a1b", SECRET)
    found = find_access(
        settings(), {"AZURE_STORAGE_ACCOUNT": "a1b", "AZURE_STORAGE_SAS_TOKEN": f"?{SAS}"}
    )
    assert (found.sas.reveal(), bool(found.key)) == (SAS, False)
    alone = find_access(settings(account="mine"), {"AZURE_STORAGE_KEY": SECRET})
    assert (alone.account, alone.key.reveal()) == ("mine", SECRET)


def test_a_secret_is_not_used_for_another_account() -> None:
    environ = {"AZURE_STORAGE_ACCOUNT": "other", "AZURE_STORAGE_KEY": SECRET}
    found = find_access(settings(account="mine"), environ)
    assert (found.account, bool(found.key), bool(found.sas)) == ("mine", False, False)


def test_a_connection_string_comes_before_the_single_variables() -> None:
    text = f"DefaultEndpointsProtocol=https;AccountName=conn;AccountKey={SECRET};"
    environ = {
        "AZURE_STORAGE_CONNECTION_STRING": text + "EndpointSuffix=core.chinacloudapi.cn",
        "AZURE_STORAGE_ACCOUNT": "other",
    }
    found = find_access(settings(), environ)
    assert (found.account, found.key.reveal()) == ("conn", SECRET)
    assert found.endpoint == "https://conn.blob.core.chinacloudapi.cn"
    text = f"BlobEndpoint=https://conn.blob.core.windows.net/;SharedAccessSignature={SAS}"
    found = find_access(settings(), {"AZURE_STORAGE_CONNECTION_STRING": text})
    assert (found.endpoint, found.sas.reveal()) == ("https://conn.blob.core.windows.net/", SAS)
    assert Endpoint.of("z", found.account, found.endpoint).account == "conn"


def test_a_connection_string_of_another_account_is_not_used() -> None:
    for endpoint in ("https://conn.blob.core.windows.net/", "https://blobs.example.org"):
        text = f"BlobEndpoint={endpoint};SharedAccessSignature={SAS}"
        found = find_access(settings(account="mine"), {"AZURE_STORAGE_CONNECTION_STRING": text})
        assert (found.account, found.endpoint, bool(found.sas)) == ("mine", "", False)


@pytest.mark.parametrize(
    ("fields", "environ"),
    [
        ({"account_key": Secret(SECRET), "sas": Secret(SAS)}, {}),
        ({"account_key": Secret("hunter2 no base64")}, {}),
        ({"sas": Secret("hunter2")}, {}),
        ({"sas": Secret(f"{SAS}#fragment")}, {}),
        ({"sas": Secret(f"{SAS}\r\nx-ms-version: 1")}, {}),
        ({"sas": Secret(f"https://mine.blob.core.windows.net/?{SAS}")}, {}),
        ({}, {"AZURE_STORAGE_CONNECTION_STRING": "UseDevelopmentStorage=true"}),
        ({}, {"AZURE_STORAGE_CONNECTION_STRING": f"AccountKey={SECRET}"}),
    ],
)
def test_what_is_wrong_is_told_without_the_secret(
    fields: dict[str, object], environ: dict[str, str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        find_access(settings(account="mine", **fields), environ)
    said = f"{caught.value} {caught.value.todo}"
    assert "hunter2" not in said
    assert SECRET[:8] not in said


@pytest.mark.parametrize("fields", [{"sas": Secret(SAS)}, {}])
def test_nothing_readable_goes_to_another_machine(fields: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="in the clear"):
        open_store(settings(account="mine", endpoint="http://10.0.0.7:10000", **fields))


def test_no_account_is_an_error_that_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCOUNT", "KEY", "SAS_TOKEN", "CONNECTION_STRING"):
        monkeypatch.delenv(f"AZURE_STORAGE_{name}", raising=False)
    with pytest.raises(ConfigError) as caught:
        open_store(settings())
    assert "AZURE_STORAGE_ACCOUNT" in caught.value.todo


def test_urls_in_messages_have_no_query() -> None:
    text = f"400, message='x', url='https://a.blob.core.windows.net/c/b?{SAS}' and more"
    assert printable(text) == "400, message='x', url='https://a.blob.core.windows.net/c/b' and more"


class Chain:
    """What azure-identity gives; counts how often it is asked."""

    def __init__(self, seconds: float) -> None:
        self.asked = 0
        self.closed = False
        self.seconds = seconds

    def get_token(self, *scopes: str) -> "Chain":
        assert scopes == ("https://storage.azure.com/.default",)
        self.asked += 1
        return self

    @property
    def token(self) -> str:
        return f"token {self.asked}"

    @property
    def expires_on(self) -> int:
        return int(time.time() + self.seconds)

    def close(self) -> None:
        self.closed = True


async def test_a_token_is_kept_until_it_nears_its_end() -> None:
    chain = Chain(3600)
    tokens = TokenSource("z", chain)
    assert [await tokens.get() for _ in range(3)] == ["token 1"] * 3
    tokens.forget()
    assert await tokens.get() == "token 2"
    tokens.close()
    tokens.close()
    assert chain.closed


async def test_no_token_says_how_to_get_one() -> None:
    class Broken(Chain):
        def get_token(self, *scopes: str) -> Chain:
            raise RuntimeError(f"the chain failed with {SECRET}")

    with pytest.raises(Exception, match="No token could be had") as caught:
        await TokenSource("z", Broken(1)).get()
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_without_azure_identity_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "azure.identity", None)
    with pytest.raises(ConfigError) as caught:
        await TokenSource("z").get()
    assert "astra-tui[azure]" in caught.value.todo


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("2020-01-01T00:00:00Z", "2020-01-01 00:00 UTC"),
        ("2020-01-01T01%3A30%3A00%2B01%3A00", "2020-01-01 00:30 UTC"),
        ("2020-01-01", "2020-01-01 00:00 UTC"),
        ("2999-01-01T00:00:00Z", ""),
        ("soon", ""),
        ("", ""),
    ],
)
def test_a_sas_tells_when_it_ended(end: str, said: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert sas_ended(f"sv=2021-06-08&se={end}&sig=x", now) == said
