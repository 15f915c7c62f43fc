"""What each kind of access log says, line by line."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import UsageError
from engine.events.places import Places
from engine.imports.cloudtrail import CloudTrail
from engine.imports.files import Reading, files_of, records_of
from engine.imports.records import Bad, DayReads, Other, Read, Record
from engine.imports.s3_log import S3Log
from engine.imports.table import Table
from engine.model import Address, Provider, StoreKind
from engine.settings import CloudSettings

NOW = 1.8e9
PLACES = Places(
    [
        CloudSettings("aws", StoreKind.S3, Provider.AWS, bucket="photos"),
        CloudSettings("disk", StoreKind.LOCAL, Provider.ONPREM, bucket="box"),
    ]
)
TIME = "06/Feb/2019:00:00:38 +0000"
SECONDS = 1549411238.0


def line(
    key: str = "a/b.jpg",
    operation: str = "REST.GET.OBJECT",
    *,
    uri: str | None = None,
    status: str = "200",
    sent: str = "113",
    size: str = "113",
    time: str = TIME,
    request: str = "3E57427F3EXAMPLE",
    agent: str = '"S3Console/0.4"',
) -> str:
    shown = f'"GET /{key} HTTP/1.1"' if uri is None else uri
    return (
        f"79a59df900b949e5 photos [{time}] 192.0.2.3 79a59df900b949e5 {request} {operation} {key} "
        f'{shown} {status} - {sent} {size} 7 6 "-" {agent} - s9lzHYrFp76 SigV4 '
        "ECDHE-RSA-AES128-GCM-SHA256 AuthHeader photos.s3.amazonaws.com TLSv1.2 - -\n"
    )


def parse(text: str) -> Record:
    return S3Log(PLACES).parse(text)


def read(text: str) -> Read:
    found = parse(text)
    assert isinstance(found, Read), found
    return found


def test_a_get_of_an_s3_log_is_a_read_of_its_bytes() -> None:
    found = read(line())
    assert found[:6] == ("aws", "photos", "a/b.jpg", SECONDS, 1.0, 113)
    assert read(line(time="06/Feb/2019:01:00:38 +0100")).when == SECONDS
    assert read(line(agent='"a "quoted" [agent] \\" x"')).key == "a/b.jpg"
    assert read(line(uri="-")).key == "a/b.jpg"
    assert read(line(uri='"GET /a/b.jpg?x="y" HTTP/1.1"')).nbytes == 113
    assert read(line(sent="-", size="0")).nbytes == 0
    assert read(line(operation="WEBSITE.GET.OBJECT")).share == 1.0


@pytest.mark.parametrize(
    ("field", "uri", "key"),
    [
        ("my%2520file%2528a%2529.txt", '"GET /my%20file%28a%29.txt HTTP/1.1"', "my file(a).txt"),
        ("my%2520file.txt", '"GET /photos/my%20file.txt?versionId=1 HTTP/1.1"', "my file.txt"),
        ("my%20file.txt", '"GET /my%20file.txt HTTP/1.1"', "my file.txt"),
        ("my+file.txt", '"GET /my%20file.txt HTTP/1.1"', "my file.txt"),
        ("1%252B1.txt", '"GET /1%2B1.txt HTTP/1.1"', "1+1.txt"),
        ("1+1.txt", '"GET /1+1.txt HTTP/1.1"', "1+1.txt"),
        ("foo-%2525Y", '"GET /foo-%25Y HTTP/1.1"', "foo-%Y"),
        ("%25E3%2581%2582", '"GET /%E3%81%82 HTTP/1.1"', "あ"),
        ("a%2520b", "-", "a b"),
    ],
)
def test_keys_of_s3_logs_are_decoded_as_they_were_encoded(field: str, uri: str, key: str) -> None:
    assert read(line(field, uri=uri)).key == key


def test_what_reads_nothing_is_no_read() -> None:
    for operation in ("REST.HEAD.OBJECT", "REST.PUT.OBJECT", "REST.GET.BUCKET", "S3.EXPIRE.OBJECT"):
        assert parse(line(operation=operation)) is Other.RECORD
    for status in ("304", "403", "404", "500", "-"):
        assert parse(line(status=status, sent="-")) is Other.RECORD


def test_a_range_counts_by_its_share() -> None:
    assert read(line(status="206", sent="25", size="100")).share == 0.25
    assert read(line(status="206", sent="25", size="-")).share == 1.0
    assert read(line(status="206", sent="300", size="100")).share == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "nonsense\n",
        line()[:80],
        line("-"),
        line(time="06/Foo/2019:00:00:38 +0000"),
        line(time="06/Feb/2019:25:00:38 +0000"),
        line(time=""),
        line("%25ff", uri='"GET /%ff HTTP/1.1"'),
    ],
)
def test_lines_that_do_not_fit_are_bad_with_a_reason(text: str) -> None:
    found = parse(text)
    assert isinstance(found, Bad)
    assert found.reason


def test_a_bucket_that_several_clouds_may_hold_asks_for_the_cloud() -> None:
    two = Places(
        [CloudSettings(name, StoreKind.S3, Provider.AWS, bucket=name) for name in ("one", "two")]
    )
    assert isinstance(S3Log(two).parse(line()), Bad)
    named = S3Log(two, "two").parse(line())
    assert isinstance(named, Read)
    assert named.cloud == "two"


# -- CloudTrail -----------------------------------------------------------------------------


def event(**changes: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.09",
        "eventTime": "2019-02-06T00:00:38Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": "us-east-1",
        "requestParameters": {"bucketName": "photos", "key": "a b+c.jpg", "Host": "h"},
        "responseElements": None,
        "additionalEventData": {"bytesTransferredIn": 0, "bytesTransferredOut": 113.0},
        "eventID": "05aee1dc-0000",
    } | changes


def trail(text: str) -> list[Record]:
    return list(CloudTrail(PLACES, NOW).records(io.StringIO(text)))


def test_a_get_object_of_cloudtrail_is_a_read() -> None:
    for text in (
        json.dumps({"Records": [event()]}),
        json.dumps({"Records": [event()]}, indent=2),
        json.dumps(event()) + "\n",
    ):
        (found,) = trail(text)
        assert isinstance(found, Read)
        assert found[:6] == ("aws", "photos", "a b+c.jpg", SECONDS, 1.0, 113)
    others = [
        event(eventName="HeadObject"),
        event(errorCode="AccessDenied"),
        event(eventSource="s3express.amazonaws.com"),
    ]
    assert trail(json.dumps({"Records": others})) == [Other.RECORD] * 3
    assert trail('{"Records": []}') == []


def test_cloudtrail_files_larger_than_the_window_are_read_whole() -> None:
    records = [event(eventID=str(n), padding="é" * 3000) for n in range(400)]
    found = trail(json.dumps({"Records": records}, ensure_ascii=False))
    assert len({item.identity for item in found if isinstance(item, Read)}) == 400
    found = trail("\n".join(json.dumps(item) for item in records))
    assert len({item.identity for item in found if isinstance(item, Read)}) == 400


def test_what_is_no_cloudtrail_is_bad_and_loses_nothing_before_or_beside_it() -> None:
    whole = json.dumps({"Records": [event(), event(eventID="2")]})
    kinds = [type(item) for item in trail(whole[:-40])]
    assert kinds == [Read, Bad]
    lines = [json.dumps(event()), "{broken", json.dumps(event(eventID="2"))]
    assert [type(item) for item in trail("\n".join(lines))] == [Read, Bad, Read]
    strange = [event(requestParameters=None), event(eventTime="soon"), 7, {"x": 1}]
    assert [type(item) for item in trail(json.dumps({"Records": strange}))] == [Bad] * 4
    assert [type(item) for item in trail('{"Records": [' + "[" * 100_000)] == [Bad]


# -- tables ---------------------------------------------------------------------------------


def table(text: str, base: Address | None = None) -> list[tuple[int, Record]]:
    return list(Table(PLACES, NOW, base).records(io.StringIO(text, newline="\n")))


def test_a_table_of_days() -> None:
    found = table("object,date,reads,bytes_read\naws:photos/x,2019-02-06,3,300\n")
    assert found == [(2, DayReads("aws", "photos", "x", 17933, 3, 300))]
    below = table('date,reads,object\n2019-02-06,3.0,"a,""b"""\n', Address("disk", "box", "p/"))
    assert below == [(2, DayReads("disk", "box", 'p/a,"b"', 17933, 3, 0))]
    bad = table(
        "object,date,reads\naws:photos/x,2019-02-30,3\naws:photos/x,2019-02-06,-3\nx,2019-02-06,1\n"
        "aws:photos/x,2999-01-01,3\naws:photos/x\naws:photos/y,2019-02-06,many\n"
    )
    assert [(number, type(item)) for number, item in bad] == [(n, Bad) for n in range(2, 8)]


def test_a_table_of_events() -> None:
    text = (
        "timestamp,address,op,bytes\n"
        "2019-02-06T00:00:38Z,aws:photos/x,GET,10\n"
        "1549411238,aws:photos/x,read,10\n"
        "2019-02-06T00:00:38Z,aws:photos/x,PUT,10\n"
        "2019-02-06T00:00:38Z,aws:photos/x,GET,10\n"
        "2019-02-06T00:00:38Z,nowhere:photos/x,GET,10\n"
        "2019-02-06T00:00:38Z,aws:photos/x,dance,10\n"
    )
    found = [item for _, item in table(text)]
    assert [type(item) for item in found] == [Read, Read, Other, Read, Bad, Bad]
    reads = [item for item in found if isinstance(item, Read)]
    assert {item.when for item in reads} == {SECONDS}
    assert len({item.identity for item in reads}) == 3  # equal lines are accesses of their own
    assert [item for _, item in table(text)] == found  # … and the same ones every time


def test_a_heading_that_does_not_fit_is_told_once() -> None:
    for text in ("a,b,c\n1,2,3\n4,5,6\n", "object,date\nx,2019-02-06\n"):
        ((number, item),) = table(text)
        assert number == 1
        assert isinstance(item, Bad)
        assert "heading" in item.reason
    assert table("") == []


# -- files ----------------------------------------------------------------------------------


def test_files_are_told_apart_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2019-02-06-00-00-38-ABC").write_text(line())
    (tmp_path / "b" / "trail.json.gz").write_bytes(
        gzip.compress(json.dumps({"Records": [event()]}).encode())
    )
    (tmp_path / "a.csv").write_text("object,date,reads\naws:photos/x,2019-02-06,3\n")
    (tmp_path / "empty").touch()
    found = files_of([tmp_path])
    assert [path.name for path in found] == ["a.csv", "2019-02-06-00-00-38-ABC", "trail.json.gz"]
    reading = Reading(PLACES, NOW)
    kinds = [type(item) for path in found for _, item in records_of(path, reading)]
    assert kinds == [DayReads, Read, Read]
    with pytest.raises(UsageError):
        files_of([tmp_path / "missing"])


def test_binary_rubbish_costs_no_memory_and_ends(tmp_path: Path) -> None:
    (tmp_path / "rubbish").write_bytes(bytes(range(256)) * 20_000)
    found = [item for _, item in records_of(tmp_path / "rubbish", Reading(PLACES, NOW, "s3-log"))]
    assert found
    assert all(isinstance(item, Bad) for item in found)
    (tmp_path / "long").write_bytes(b"x" * 5_000_000 + b"\n" + line().encode())
    found = [item for _, item in records_of(tmp_path / "long", Reading(PLACES, NOW, "s3-log"))]
    assert [type(item) for item in found] == [Bad, Read]
