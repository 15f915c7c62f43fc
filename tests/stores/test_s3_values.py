"""S3 headers and XML as values, and back."""

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadResponse, NotSupported
from engine.model import Checksum, ObjectMeta, Provider, RestoreState
from engine.stores import s3_xml as xml
from engine.stores.s3_classes import StorageClasses
from engine.stores.s3_headers import (
    decode_value,
    encode_value,
    read_checksums,
    read_head,
    read_restore,
    write_headers,
)

CLASSES = StorageClasses(Provider.AWS, native=True)
MD5 = "d41d8cd98f00b204e9800998ecf8427e"
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(ANY_TEXT)
def test_any_metadata_value_comes_back(value: str) -> None:
    sent = encode_value(value)
    assert sent.isascii()
    assert sent.isprintable()
    assert sent == sent.strip()
    assert all(len(word) <= 75 for word in sent.split(" ") if word.startswith("=?"))
    assert decode_value(sent) == value


@given(ANY_TEXT)
def test_what_is_no_encoded_word_stays_as_it_is(value: str) -> None:
    if "=?" not in value:
        assert decode_value(value) == value


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("=?UTF-8?Q?caf=C3=A9_x?=", "café x"),
        ("=?utf-8?b?4pyT?= =?UTF-8?B?4pyT?=", "✓✓"),
        ("=?UTF-8?B?not base64!?=", "=?UTF-8?B?not base64!?="),
        ("=?ISO-8859-1?Q?caf=E9?=", "=?ISO-8859-1?Q?caf=E9?="),
        ("before =?UTF-8?B?4pyT?=", "before =?UTF-8?B?4pyT?="),
    ],
)
def test_encoded_words_of_others(sent: str, meant: str) -> None:
    assert decode_value(sent) == meant


@given(
    st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True), ANY_TEXT, max_size=5),
    st.floats(1, 4e9),
)
def test_metadata_comes_back_from_its_own_headers(user: dict[str, str], modified: float) -> None:
    user.pop("mtime", None)
    meta = ObjectMeta(
        content_type="a/b", user=tuple(sorted(user.items())), modified=round(modified, 3)
    )
    headers = write_headers(meta, "", "at") | {"last-modified": "Sat, 21 Nov 2026 12:00:00 GMT"}
    assert read_head("k", 0, headers, CLASSES, trusted=True).meta == meta


def test_an_mtime_of_somebody_elses_stays_theirs() -> None:
    meta = ObjectMeta(user=(("mtime", "last tuesday"),), modified=5.0)
    headers = write_headers(meta, "", "at") | {"last-modified": formatdate(100, usegmt=True)}
    assert headers["x-amz-meta-mtime"] == "last tuesday"
    found = read_head("k", 0, headers, CLASSES, trusted=True).meta
    assert (found.user, found.modified) == (meta.user, 100.0)


@pytest.mark.parametrize(
    "meta",
    [
        ObjectMeta(content_type="a\nb"),
        ObjectMeta(cache_control="a\x7fb"),
        ObjectMeta(content_disposition="lone \udc80"),
        ObjectMeta(user=(("", "x"),)),
        ObjectMeta(user=(("Ümlaut", "x"),)),
        ObjectMeta(user=(("Upper", "x"),)),
    ],
)
def test_what_no_header_can_carry_is_refused(meta: ObjectMeta) -> None:
    with pytest.raises(NotSupported):
        write_headers(meta, "", "at")


def test_checksums_and_what_they_are_worth() -> None:
    headers = {
        "etag": f'"{MD5}"',
        "x-amz-checksum-crc32c": "AAAAAA==",
        "x-amz-checksum-sha256": "AAAA-3",
        "x-amz-checksum-type": "COMPOSITE",
    }
    assert read_checksums(headers, trusted=True) == (
        Checksum("md5", MD5),
        Checksum("crc32c", "00000000"),
        Checksum("sha256", "000000", parts=3),
    )
    untrusted = read_checksums(headers, trusted=False)
    assert [item.computed_by_provider for item in untrusted] == [True, False, False]


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-server-side-encryption": "aws:kms"},
        {"x-amz-server-side-encryption": "aws:kms:dsse"},
        {"x-amz-server-side-encryption-customer-algorithm": "AES256"},
    ],
)
def test_an_etag_under_such_encryption_is_no_md5(headers: dict[str, str]) -> None:
    assert read_checksums({"etag": f'"{MD5}"', **headers}, trusted=True) == ()
    plain = {"etag": f'"{MD5}"', "x-amz-server-side-encryption": "AES256"}
    assert read_checksums(plain, trusted=True) == (Checksum("md5", MD5),)


@pytest.mark.parametrize("etag", ["", "xyz", MD5 + "0", f"{MD5}-x", MD5.upper()])
def test_another_etag_is_no_md5(etag: str) -> None:
    assert read_checksums({"etag": f'"{etag}"'}, trusted=True) == ()


def test_google_tells_its_crc32c() -> None:
    headers = {"etag": '"x-2"', "x-goog-hash": "crc32c=AAAAAA==,md5=ignored"}
    assert read_checksums(headers, trusted=False) == (Checksum("crc32c", "00000000"),)


def test_restore_headers() -> None:
    assert read_restore("") == (RestoreState.NONE, 0.0)
    assert read_restore('ongoing-request="true"') == (RestoreState.ONGOING, 0.0)
    later = int(time.time()) + 86_400
    header = f'ongoing-request="false", expiry-date="{formatdate(later, usegmt=True)}"'
    assert read_restore(header) == (RestoreState.AVAILABLE, float(later))
    past = f'ongoing-request="false", expiry-date="{formatdate(1000, usegmt=True)}"'
    assert read_restore(past) == (RestoreState.NONE, 0.0)


@pytest.mark.parametrize(
    ("headers", "archived"),
    [
        ({}, False),
        ({"x-amz-storage-class": "GLACIER"}, True),
        ({"x-amz-storage-class": "DEEP_ARCHIVE"}, True),
        ({"x-amz-storage-class": "GLACIER_IR"}, False),
        ({"x-amz-storage-class": "INTELLIGENT_TIERING"}, False),
        (
            {
                "x-amz-storage-class": "INTELLIGENT_TIERING",
                "x-amz-archive-status": "ARCHIVE_ACCESS",
            },
            True,
        ),
        ({"x-amz-storage-class": "GLACIER", "x-amz-restore": 'ongoing-request="true"'}, True),
        ({"x-amz-storage-class": "GLACIER", "x-amz-restore": 'ongoing-request="false"'}, False),
    ],
)
def test_archived_is_what_cannot_be_read(headers: dict[str, str], archived: bool) -> None:
    assert read_head("k", 0, headers, CLASSES, trusted=True).archived is archived


def test_how_the_bytes_were_sent_is_not_what_they_are() -> None:
    for sent, meant in (("aws-chunked", ""), ("gzip,aws-chunked", "gzip"), ("gzip", "gzip")):
        head = read_head("k", 0, {"content-encoding": sent}, CLASSES, trusted=True)
        assert head.meta.content_encoding == meant


def test_url_encoded_keys_are_decoded_exactly() -> None:
    body = (
        "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
        "<Contents><Key>a+b%2Bc%0A%1B%25/%C3%A9%FF</Key><Size>1</Size>"
        "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents></ListBucketResult>"
    )
    (entry,) = xml.listing(body.encode(), "at").entries
    assert entry.key == "a b+c\n\x1b%/é\udcff"


def test_a_namespace_changes_nothing() -> None:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        "<IsTruncated>true</IsTruncated><NextContinuationToken>next</NextContinuationToken>"
        "<Contents><Key>k</Key><Size>7</Size><ETag>&quot;abc&quot;</ETag>"
        "<StorageClass>GLACIER</StorageClass>"
        "<LastModified>1970-01-01T00:01:40.5Z</LastModified></Contents></ListBucketResult>"
    )
    page = xml.listing(body.encode(), "at")
    assert page.token == "next"
    assert page.entries[0] == ("k", 7, 100.5, "abc", "GLACIER")


def test_uploads_and_parts_in_pages() -> None:
    body = (
        "<ListMultipartUploadsResult><EncodingType>url</EncodingType>"
        "<IsTruncated>true</IsTruncated><NextKeyMarker>a%20b</NextKeyMarker>"
        "<NextUploadIdMarker>u1</NextUploadIdMarker><Upload><Key>a%20b</Key>"
        "<UploadId>u1</UploadId></Upload></ListMultipartUploadsResult>"
    )
    page = xml.uploads(body.encode(), "at")
    assert (page.found[0].key, page.key_marker, page.id_marker) == ("a b", "a b", "u1")
    parts, marker = xml.parts(
        b"<ListPartsResult><IsTruncated>true</IsTruncated>"
        b"<NextPartNumberMarker>1</NextPartNumberMarker><Part><PartNumber>1</PartNumber>"
        b'<ETag>"e"</ETag><Size>5</Size></Part></ListPartsResult>',
        "at",
    )
    assert (parts[0].number, parts[0].etag, parts[0].size, marker) == (1, "e", 5, "1")
    with pytest.raises(BadResponse):
        xml.parts(b"<ListPartsResult><Part/></ListPartsResult>", "at")


def test_what_is_written_into_xml_is_escaped() -> None:
    assert b"<Tier>&lt;x&gt;</Tier>" in xml.restore_request(1, "<x>")
    assert xml.location("us-east-1") == b""
    assert b">eu-west-1<" in xml.location("eu-west-1")
