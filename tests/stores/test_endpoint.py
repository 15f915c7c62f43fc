"""Where requests go, and what the classes are called there."""

import pytest

from engine.errors import ConfigError, UsageError
from engine.model import Provider, StoreKind
from engine.settings import CloudSettings, Secret
from engine.stores import open_store
from engine.stores.base import DeleteGuard
from engine.stores.http_proxy import is_loopback
from engine.stores.s3_classes import ARCHIVES, StorageClasses
from engine.stores.s3_endpoint import Endpoint
from engine.stores.s3_keys import key_problem


def endpoint(
    region: str = "us-east-1",
    *,
    url: str = "",
    provider: Provider = Provider.AWS,
    path_style: bool = False,
) -> Endpoint:
    settings = CloudSettings(
        "cloud", StoreKind.S3, provider, region=region, endpoint=url, path_style=path_style
    )
    return Endpoint.of(settings, region)


def url(where: Endpoint, bucket: str = "bucket") -> str:
    return where.target(bucket, "a b", []).url


def test_amazon_has_a_host_for_each_bucket() -> None:
    where = endpoint("eu-west-1")
    assert url(where) == "https://bucket.s3.eu-west-1.amazonaws.com/a%20b"
    assert where.target("bucket", "k", []).path == "/k"
    assert where.target("", "", []).url == "https://s3.eu-west-1.amazonaws.com/"
    assert url(where, "my.bucket") == "https://s3.eu-west-1.amazonaws.com/my.bucket/a%20b"


def test_paths_where_they_are_asked_for_or_needed() -> None:
    assert url(endpoint(path_style=True)) == "https://s3.us-east-1.amazonaws.com/bucket/a%20b"
    assert url(endpoint(url="http://minio.example:9000")) == (
        "http://minio.example:9000/bucket/a%20b"
    )
    assert url(endpoint(url="http://[::1]:9000")) == "http://[::1]:9000/bucket/a%20b"


def test_regions_of_china_have_a_domain_of_their_own() -> None:
    assert url(endpoint("cn-north-1")) == "https://bucket.s3.cn-north-1.amazonaws.com.cn/a%20b"


def test_the_schemes_own_port_is_left_out_as_the_host_header_leaves_it_out() -> None:
    assert endpoint(url="https://minio.example:443").netloc == "minio.example"
    assert endpoint(url="http://minio.example:443").netloc == "minio.example:443"


@pytest.mark.parametrize(
    "text",
    [
        "minio.example:9000",
        "ftp://minio.example",
        "http://",
        "http://host/path",
        "http://user:secret@host",
        "http://host:notaport",
        "http://host?query",
    ],
)
def test_a_wrong_endpoint_is_said(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        endpoint(url=text)
    assert "secret" not in str(caught.value)


def test_who_is_neither_amazon_nor_google_needs_an_endpoint() -> None:
    assert endpoint(provider=Provider.GCP).netloc == "storage.googleapis.com"
    for provider in (Provider.AZURE, Provider.ONPREM):
        with pytest.raises(ConfigError):
            endpoint(provider=provider)


@pytest.mark.parametrize("bucket", ["..", ".", "a/b", "a?b", "a b", "ü", "x" * 256])
def test_a_bucket_name_cannot_change_the_meaning_of_a_path(bucket: str) -> None:
    with pytest.raises(UsageError):
        endpoint(url="http://host").target(bucket, "key", [])


def test_one_object_has_one_location() -> None:
    assert endpoint("us-east-1").locate("b", "k") == endpoint("eu-west-1").locate("b", "k")
    assert endpoint("cn-north-1").locate("b", "k") != endpoint("eu-west-1").locate("b", "k")
    local = endpoint(url="http://localhost:9000").locate("b", "k")
    assert local == endpoint(url="http://127.0.0.1:9000").locate("b", "k")
    assert local != endpoint(url="http://127.0.0.1:9001").locate("b", "k")


def test_only_amazon_itself_is_trusted_untested() -> None:
    def store(provider: Provider, url: str = ""):
        return open_store(
            CloudSettings("c", StoreKind.S3, provider, region="us-east-1", endpoint=url)
        )

    amazon = store(Provider.AWS).capabilities
    assert amazon.delete_guard is DeleteGuard.KNOWN
    assert "crc64nvme" in amazon.attested
    posing = store(Provider.AWS, "http://127.0.0.1:9000").capabilities
    assert posing.delete_guard is DeleteGuard.PROBE
    assert posing.attested == {"md5"}
    assert store(Provider.GCP).capabilities.attested == {"md5", "crc32c"}


@pytest.mark.parametrize("provider", [Provider.GCP, Provider.AZURE])
def test_stand_in_classes_translate_both_ways(provider: Provider) -> None:
    names = {
        Provider.GCP: ("STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"),
        Provider.AZURE: ("Hot", "Cool", "Cold", "Archive"),
    }[provider]
    classes = StorageClasses(provider, native=False)
    assert [classes.from_wire(classes.to_wire(name)) for name in names] == list(names)
    assert classes.to_wire(names[0]) == ""
    assert classes.from_wire("") == names[0]
    needs_restore = [name for name in names if classes.to_wire(name) in ARCHIVES]
    assert needs_restore == (["Archive"] if provider is Provider.AZURE else [])
    assert classes.from_wire("INTELLIGENT_TIERING") == "INTELLIGENT_TIERING"


def test_the_provider_itself_speaks_its_own_names() -> None:
    assert StorageClasses(Provider.GCP, native=True).to_wire("NEARLINE") == "NEARLINE"
    assert StorageClasses(Provider.AWS, native=False).to_wire("GLACIER_IR") == "GLACIER_IR"


@pytest.mark.parametrize("key", ["a//b", "/a", "a/", "a/../b", "back\\slash", "n" * 256])
def test_a_server_of_files_cannot_hold_every_key(key: str) -> None:
    assert key_problem(key, 1024) == ""
    assert key_problem(key, 1024, server="SeaweedFS 8000GB 4.48") != ""


def test_google_refuses_some_keys() -> None:
    for key in ("..", ".", "a\nb", ".well-known/acme-challenge/x"):
        assert key_problem(key, 1024, gcs=True) != ""
    assert key_problem("a/../b", 1024, gcs=True) == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_what_stays_on_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["127.example.com", "127.0.0.1.example.com", "10.0.0.1", ""])
def test_a_name_that_begins_like_a_loopback_address_is_another_machine(host: str) -> None:
    """A SAS or token must not travel to it in the clear."""
    assert not is_loopback(host)
    if host:
        settings = CloudSettings(
            "c",
            StoreKind.AZURE,
            Provider.AZURE,
            account="account",
            sas=Secret("sv=2023-11-03&sig=abc%3D"),
            endpoint=f"http://{host}",
        )
        with pytest.raises(ConfigError, match="in the clear"):
            open_store(settings)
