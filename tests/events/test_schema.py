"""Messages: everything understood is exact, everything else is a BadMessage with a reason."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import BadMessage
from engine.events import fields
from engine.events.places import Places
from engine.events.schema import (
    AccessEvent,
    JobRequest,
    access_message,
    job_request_message,
    parse_access,
    parse_job,
    recommendation_message,
    status_message,
)
from engine.model import (
    Address,
    Decision,
    Evidence,
    JobSpec,
    JobState,
    JobView,
    MoveKind,
    MoveOptions,
    Provider,
    Step,
    StoreKind,
    Tier,
    VersionPin,
)
from engine.settings import CloudSettings

NOW = 1_795_000_000.0  # 2026-11-18
CLOUDS = (
    CloudSettings("aws", StoreKind.S3, Provider.AWS, bucket="prod-data", region="us-east-1"),
    CloudSettings(
        "minio", StoreKind.S3, Provider.ONPREM, bucket="lake", endpoint="http://10.0.0.5:9000"
    ),
    CloudSettings("gcp", StoreKind.GCS, Provider.GCP, bucket="cold-data"),
    CloudSettings("azure", StoreKind.AZURE, Provider.AZURE, bucket="blobs"),
)
PLACES = Places(CLOUDS)


def parse(data: Any, *, places: Places = PLACES) -> list[AccessEvent]:
    value = data if isinstance(data, bytes) else json.dumps(data).encode()
    return parse_access(value, stamp=NOW - 7, now=NOW, places=places)


def one(data: Any) -> AccessEvent:
    (event,) = parse(data)
    return event


def why(data: Any) -> str:
    with pytest.raises(BadMessage) as caught:
        parse(data)
    reason = caught.value.what
    assert reason
    assert "\n" not in reason
    assert reason.isprintable()
    assert len(reason) < 200
    return reason


# -- our own schema ----------------------------------------------------------------------


def test_our_own_schema() -> None:
    assert one(
        {
            "address": "aws:prod-data/a/b c.csv",
            "operation": "GET",
            "time": "2026-11-01T12:00:00Z",
            "count": 3,
            "bytes": 4096,
            "actor": "report-service",
        }
    ) == AccessEvent(
        "aws", "prod-data", "a/b c.csv", "GET", 1_793_534_400.0, 3, 4096, "report-service"
    )
    assert one({"cloud": "gcp", "bucket": "b", "key": "k", "operation": "DELETE"}) == (
        AccessEvent("gcp", "b", "k", "DELETE", NOW - 7)
    )


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("2026-11-01T12:00:00", 1_793_534_400.0),
        ("2026-11-01T14:00:00.250+02:00", 1_793_534_400.25),
        ("2026-11-01", 1_793_491_200.0),
        (1_793_534_400, 1_793_534_400.0),
        (1_793_534_400.5, 1_793_534_400.5),
        (1_793_534_400_500, 1_793_534_400.5),
        (1_793_534_400_500_000, 1_793_534_400.5),
        (1_793_534_400_500_000_000, 1_793_534_400.5),
        ("1793534400.5", 1_793_534_400.5),
        (NOW + 299, NOW),  # a clock a little ahead
    ],
)
def test_times(given: Any, seconds: float) -> None:
    event = one({"address": "aws:b/k", "operation": "GET", "time": given})
    assert event.time == pytest.approx(seconds, abs=1e-3)


def test_configured_clouds_bound_what_is_taken() -> None:
    message = {"address": "other:b/k", "operation": "GET"}
    assert "no cloud is named 'other'" in why(message)
    assert parse(message, places=Places())[0].cloud == "other"


@given(
    cloud=st.sampled_from([cloud.name for cloud in CLOUDS]),
    bucket=st.text(min_size=1, max_size=60).filter(lambda text: "/" not in text),
    key=st.text(min_size=1, max_size=200),
    operation=st.sampled_from(["GET", "PUT", "HEAD", "DELETE"]),
    count=st.integers(1, fields.MAX_COUNT),
    nbytes=st.integers(0, fields.MAX_BYTES),
    when=st.floats(fields.EARLIEST, NOW),
    actor=st.text(max_size=60),
)
def test_what_we_write_we_read(
    cloud: str,
    bucket: str,
    key: str,
    operation: str,
    count: int,
    nbytes: int,
    when: float,
    actor: str,
) -> None:
    address = Address(cloud, bucket, key)
    message = access_message(
        address, operation=operation, count=count, when=when, nbytes=nbytes, actor=actor
    )
    (event,) = parse(fields.encode(message))
    assert event == AccessEvent(cloud, bucket, key, operation, when, count, nbytes, actor)


# -- the prototypes' loose form ----------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"file_id": "aws:prod-data/x.csv", "event": "read"}, ("aws", "prod-data", "x.csv", "GET")),
        ({"object": "x", "location": "GCP", "event": "write"}, ("gcp", "cold-data", "x", "PUT")),
        (
            {"dataset": "x/y", "bucket": "lake", "event_type": "accessed"},
            ("minio", "lake", "x/y", "GET"),
        ),
        ({"file": "s3://prod-data/d/x", "action": "Download"}, ("aws", "prod-data", "d/x", "GET")),
        ({"name": "gs://any/x", "op": " DELETED "}, ("gcp", "any", "x", "DELETE")),
        ({"key": "x", "provider": "azure", "event": "upload"}, ("azure", "blobs", "x", "PUT")),
    ],
)
def test_the_prototypes_form(data: Any, expected: tuple[str, ...]) -> None:
    assert one(data)[:4] == expected


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"file_id": "file-17", "event": "read"}, "'file-17' is no address"),
        ({"event": "read"}, "names no object"),
        ({}, "names no object"),
        ({"file_id": "x", "location": "mars", "event": "read"}, "no cloud is named 'mars'"),
        ({"file_id": "x", "bucket": "who", "event": "read"}, "may be in any of"),
        ({"file_id": "x", "cloud": "aws", "event": "juggled"}, "'juggled' is not known"),
        ({"file_id": "x", "cloud": "aws"}, "does not say what happened"),
        ({"file_id": 17, "event": "read"}, "the key is a number, not a text"),
    ],
)
def test_where_no_address_can_be_made(data: Any, reason: str) -> None:
    assert reason in why(data)


# -- others' words -----------------------------------------------------------------------


def s3_record(key: str, **changes: Any) -> dict[str, Any]:
    record: dict[str, Any] = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-11-01T12:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:AIDA"},
        "requestParameters": {"sourceIPAddress": "10.0.0.9"},
        "s3": {"bucket": {"name": "prod-data"}, "object": {"key": key, "size": 1024}},
    }
    return record | changes


def test_an_s3_notification_with_several_records() -> None:
    events = parse(
        {
            "Records": [
                s3_record("red+flower%2B.jpg"),
                s3_record("d%C3%A9j%C3%A0/vu", eventName="s3:ObjectAccessed:Get"),
                s3_record("x", eventName="ObjectRemoved:DeleteMarkerCreated"),
                s3_record("x", eventName="s3:ObjectAccessed:Head"),
            ]
        }
    )
    assert [(event.key, event.operation, event.nbytes) for event in events] == [
        ("red flower+.jpg", "PUT", 0),
        ("déjà/vu", "GET", 1024),
        ("x", "DELETE", 0),
        ("x", "HEAD", 0),
    ]
    assert {(event.cloud, event.bucket) for event in events} == {("aws", "prod-data")}
    assert events[0].time == 1_793_534_400.0
    assert events[0].actor == "AWS:AIDA"


def test_minio_names_its_endpoint() -> None:
    record = s3_record(
        "test%2Fa.txt",
        eventSource="minio:s3",
        eventName="s3:ObjectAccessed:Get",
        awsRegion="",
        responseElements={"x-minio-origin-endpoint": "http://10.0.0.5:9000"},
    )
    record["s3"]["bucket"]["name"] = "anything"
    message = {"EventName": "s3:ObjectAccessed:Get", "Key": "anything/test/a.txt"}
    assert one(message | {"Records": [record]})[:4] == ("minio", "anything", "test/a.txt", "GET")


def test_ceph_does_not_encode_keys() -> None:
    record = s3_record("a+b%20c.jpg", eventSource="ceph:s3", awsRegion="default")
    record["s3"]["object"]["size"] = "1024"
    assert one({"Records": [record]}).key == "a+b%20c.jpg"


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([], "Records is no list"),
        ({"a": 1}, "Records is no list"),
        ([7], "a record is a number"),
        ([s3_record("%FF%FE")], "not UTF-8 once decoded"),
        ([s3_record("")], "s3.object.key is empty"),
        ([s3_record("x", eventName="ObjectEaten:Whole")], "is not known"),
        ([s3_record("x", eventName=None)], "has no eventName"),
        ([s3_record("x", s3={})], "s3.bucket is null"),
        ([s3_record("x"), s3_record("x", eventTime="soon")], "'soon' cannot be read"),
    ],
)
def test_a_broken_record_rejects_the_message(records: Any, reason: str) -> None:
    assert reason in why({"Records": records})


def cloud_event(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "1",
        "source": "//storage.googleapis.com/projects/_/buckets/cold-data",
        "type": kind,
        "time": "2026-11-01T12:00:00Z",
    } | more


def test_cloud_events() -> None:
    when = 1_793_534_400.0
    gcs = cloud_event("google.cloud.storage.object.v1.finalized", subject="objects/a/b.txt")
    assert one(gcs) == AccessEvent("gcp", "cold-data", "a/b.txt", "PUT", when)
    azure = cloud_event(
        "Microsoft.Storage.BlobDeleted",
        source="/subscriptions/s/storageAccounts/acct",
        subject="/blobServices/default/containers/logs/blobs/2024/a.log",
    )
    assert one(azure) == AccessEvent("azure", "logs", "2024/a.log", "DELETE", when)
    ours = cloud_event("com.example.object.read", data={"address": "aws:prod-data/k"})
    assert one(ours) == AccessEvent("aws", "prod-data", "k", "GET", when)
    late = cloud_event("x", data={"address": "aws:b/k", "operation": "PUT", "time": when - 5})
    assert one(late).time == when - 5
    ceph = cloud_event("com.amazonaws.ObjectCreated:Put", data=s3_record("a+b"))
    assert one(ceph)[:4] == ("aws", "prod-data", "a b", "PUT")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (cloud_event("a.b"), "no data that can be read"),
        (cloud_event("a.b", data_base64="e30="), "no data that can be read"),
        (cloud_event("a.b", data="text"), "data is a text"),
        (cloud_event("a.b", data=cloud_event("c", data={})), "CloudEvent inside"),
        (cloud_event("a.sneezed", data={"address": "aws:b/k"}), "'sneezed' is not known"),
        (cloud_event("google.cloud.storage.object.v1.eaten", subject="objects/x"), "not known"),
        (cloud_event("google.cloud.storage.object.v1.deleted", subject="x"), "does not contain"),
        (cloud_event("Microsoft.Storage.BlobCreated", subject=7), "subject is a number"),
        ({"specversion": "1.0", "data": {}}, "type is null"),
    ],
)
def test_cloud_events_that_say_nothing(data: Any, reason: str) -> None:
    assert reason in why(data)


def test_which_cloud_a_bucket_belongs_to() -> None:
    twins = Places(
        [
            CloudSettings("east", StoreKind.S3, Provider.AWS, bucket="a", region="us-east-1"),
            CloudSettings("west", StoreKind.S3, Provider.GCP, bucket="a", region="us-west-1"),
            CloudSettings("disk", StoreKind.LOCAL, Provider.ONPREM, bucket="a"),
        ]
    )
    assert twins.of_bucket("a", StoreKind.S3, region="us-west-1") == "west"
    assert twins.of_bucket("new", StoreKind.S3, region="us-east-1") == "east"
    assert twins.of_bucket("new", StoreKind.LOCAL) == "disk"
    with pytest.raises(BadMessage, match="east, west"):
        twins.of_bucket("a", StoreKind.S3)
    with pytest.raises(BadMessage, match="no configured cloud"):
        twins.of_bucket("a", StoreKind.AZURE)
    with pytest.raises(BadMessage, match="no configured cloud"):
        Places().of_bucket("a")


# -- hostile bytes -----------------------------------------------------------------------

GOOD: dict[str, Any] = {"address": "aws:prod-data/k", "operation": "GET"}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"\x00\x01\xff", "not UTF-8"),
        (b"{", "not JSON"),
        (b"[]", "not a list"),
        (b'"text"', "not a text"),
        (b"null", "not null"),
        (b'{"address": "aws:b/k"} trailing', "Extra data"),
        (b"[" * 100_000, "too deeply"),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "too deeply"),
        (b"9" * 5_000, "too many digits"),
        (b'{"count": ' + b"9" * 5_000 + b"}", "too many digits"),
        (b"x" * 10_000_000, "too large (10,000,000 bytes)"),
        (b'{"address": "aws:b/k", "operation": "GET", "time": NaN}', "NaN is no JSON number"),
        (b'{"address": "aws:b/k", "operation": "GET", "count": Infinity}', "is no JSON number"),
        (b'{"address": "aws:b/\\ud800", "operation": "GET"}', "not valid Unicode"),
    ],
)
def test_bytes_that_are_no_message(value: bytes | None, reason: str) -> None:
    with pytest.raises(BadMessage) as caught:
        parse_access(value, stamp=NOW, now=NOW, places=PLACES)
    assert reason in caught.value.what


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"time": NOW + 3600}, "in the future"),
        ({"time": "2099-01-01T00:00:00Z"}, "in the future"),
        ({"time": 12}, "before 2000"),
        ({"time": -1}, "before 2000"),
        ({"time": "1601-01-01"}, "before 2000"),
        ({"time": 10**400}, "out of range"),
        ({"time": "inf"}, "out of range"),
        ({"time": "nan"}, "out of range"),
        ({"time": "yesterday"}, "cannot be read"),
        ({"time": [1]}, "the time is a list"),
        ({"time": True}, "the time is true or false"),
        ({"count": -1}, "not between 1 and"),
        ({"count": 0}, "not between 1 and"),
        ({"count": 10**18}, "not between 1 and"),
        ({"count": 1.5}, "not a whole number"),
        ({"count": True}, "not a whole number"),
        ({"count": "3"}, "not a whole number"),
        ({"count": [[[1]]]}, "a list, not a whole number"),
        ({"bytes": -5}, "not between 0 and"),
        ({"bytes": 10**30}, "not between 0 and"),
        ({"actor": 5}, "actor is a number"),
        ({"actor": "x" * 300}, "actor is too long"),
        ({"operation": None}, "does not say what happened"),
        ({"operation": 5}, "does not say what happened"),
        ({"operation": "x" * 500}, "is not known"),
        ({"operation": "\x1b]0;x\x07"}, "is not known"),
        ({"address": "aws"}, "no address"),
        ({"address": "aws:b"}, "no address"),
        ({"address": "aws:b/"}, "no address"),
        ({"address": ":b/k"}, "no address"),
        ({"address": "aws:/k"}, "no address"),
        ({"address": 5}, "the address is a number"),
        ({"address": "aws:b/" + "k" * 4097}, "too long"),
        ({"address": "aws:b/" + "€" * 1366}, "too long"),
        ({"address": "aws:b/" + "k" * 900_000}, "too long"),
    ],
)
def test_values_that_make_no_sense(change: dict[str, Any], reason: str) -> None:
    assert reason in why(GOOD | change)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
FIELD_NAMES = (
    "address cloud bucket key object file_id operation event time timestamp count bytes actor "
    "Records specversion type source subject data s3 eventName eventTime name kind options "
    "source destination tier verify checksum"
)
NAMES = st.sampled_from(FIELD_NAMES.split())
MESSAGES = st.one_of(
    st.binary(max_size=300),
    JSON.map(lambda data: json.dumps(data).encode()),
    st.dictionaries(NAMES, JSON | st.sampled_from(["aws:b/k", "GET", "1.0", {}])).map(
        lambda data: json.dumps(data).encode()
    ),
    st.dictionaries(NAMES, JSON).map(lambda data: json.dumps({"Records": [data]}).encode()),
)


@given(value=MESSAGES)
@example(value=b'{"address":"aws:b/k","operation":"GET","count":1e308}')
@example(value=b'{"address":"s3:///k","operation":"GET"}')
def test_only_bad_message_is_ever_raised(value: bytes) -> None:
    reasons = []
    try:
        events = parse_access(value, stamp=NOW, now=NOW, places=PLACES)
    except BadMessage as error:
        reasons.append(error.what)
    else:
        assert events
        for event in events:
            assert event.cloud in {"aws", "minio", "gcp", "azure"}
            assert event.bucket
            assert event.key.encode()
            assert fields.EARLIEST <= event.time <= NOW
            assert 1 <= event.accesses <= fields.MAX_COUNT
            assert 0 <= event.nbytes <= fields.MAX_BYTES
    try:
        request = parse_job(value, places=PLACES)
    except BadMessage as error:
        reasons.append(error.what)
    else:
        assert request.request_key
    assert all(reason.isprintable() for reason in reasons)


# -- migration_jobs ----------------------------------------------------------------------


def job(**changes: Any) -> JobRequest:
    message = {"source": "aws:prod-data/a", "destination": "gcp:cold-data/a"} | changes
    return parse_job(json.dumps(message).encode(), places=PLACES)


def test_a_request_says_what_shall_move_where() -> None:
    request = job(
        kind="copy",
        tier="COLD",
        options={"checksum": "sha256", "verify": "attested", "strict": True},
        actor="scheduler",
    )
    assert request == replace(
        JobRequest(
            Address("aws", "prod-data", "a"),
            Address("gcp", "cold-data", "a"),
            MoveKind.COPY,
            Tier.COLD,
            options=MoveOptions("sha256", Evidence.ATTESTED, strict=True),
            actor="scheduler",
        ),
        request_key=request.request_key,
    )


def test_the_request_key_is_the_same_for_the_same_request_only() -> None:
    assert job().request_key == job().request_key == job(actor="somebody else").request_key
    assert job(request_key="mine").request_key == "mine"
    keys = {
        job(**changes).request_key
        for changes in (
            {},
            {"kind": "copy"},
            {"tier": "COLD"},
            {"storage_class": "COLD"},
            {"destination": "gcp:cold-data/b"},
            {"options": {"overwrite": True}},
        )
    }
    assert len(keys) == 6


def test_a_change_of_tier_needs_no_destination() -> None:
    request = parse_job(b'{"source":"aws:b/k","kind":"tier","tier":"WARM"}', places=PLACES)
    assert request.destination == request.source


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"keep_source": True}, "the field 'keep_source' is not known"),
        ({"options": {"verfy": "reread"}}, "the option 'verfy' is not known"),
        ({"options": {"verify": "size"}}, "verify 'size' is not known"),
        ({"options": {"verify": ""}}, "verify cannot be left out"),
        ({"options": {"overwrite": "yes"}}, "not true or false"),
        ({"options": {"max_attempts": 0}}, "not between 1 and 100"),
        ({"options": {"compress": "zip"}}, "no compression"),
        (
            {"kind": "tier", "tier": "COLD", "options": {"compress": "zstd"}},
            "compresses nothing",
        ),
        ({"kind": "teleport"}, "'teleport' is not known"),
        ({"kind": ["move"]}, "kind a list is not known"),
        ({"kind": "tier"}, "needs tier or storage_class"),
        ({"tier": "TEPID"}, "'TEPID' is not known"),
        ({"source": "mars:b/k"}, "no cloud is named 'mars'"),
        ({"source": "nowhere"}, "is no address"),
        ({"source": None}, "source is null"),
    ],
)
def test_a_request_that_may_be_misread_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadMessage) as caught:
        job(**changes)
    assert reason in caught.value.what
    with pytest.raises(BadMessage, match="no destination"):
        parse_job(b'{"source":"aws:b/k"}', places=PLACES)


TEXT = st.text(min_size=1, max_size=20)


@given(
    request=st.builds(
        JobRequest,
        source=st.builds(Address, st.just("aws"), TEXT.filter(lambda t: "/" not in t), TEXT),
        destination=st.builds(Address, st.just("gcp"), TEXT.filter(lambda t: "/" not in t), TEXT),
        kind=st.sampled_from([MoveKind.MOVE, MoveKind.COPY]),
        tier=st.none() | st.sampled_from(Tier),
        storage_class=st.text(max_size=20),
        options=st.builds(
            MoveOptions,
            checksum=st.sampled_from(["md5", "sha256", "crc32c"]),
            verify=st.sampled_from([Evidence.REREAD, Evidence.ATTESTED]),
            overwrite=st.booleans(),
            strict=st.booleans(),
            max_attempts=st.integers(1, 100),
            compress=st.sampled_from(["", "zstd:3", "zstd:19"]),
        ),
        request_key=TEXT,
        actor=st.text(max_size=20),
    )
)
def test_a_request_written_is_the_request_read(request: JobRequest) -> None:
    value = fields.encode(job_request_message(request))
    assert parse_job(value, places=PLACES) == request


# -- what Astra says ---------------------------------------------------------------------


def test_a_status_message_tells_of_a_job() -> None:
    spec = JobSpec(
        Address("aws", "b", "\udce9[red]\x1b"),
        Address("gcp", "c", "k"),
        MoveKind.MOVE,
        10,
        VersionPin("e", 1.0, 10),
    )
    view = JobView(
        "j1",
        "key1",
        "set1",
        spec,
        JobState.COMPLETED,
        Step.DELETE,
        bytes_done=10,
        checksum_source="aa",
        checksum_destination="aa",
        evidence=Evidence.REREAD,
        guarded=True,
    )
    data = json.loads(fields.encode(status_message(view, NOW)))
    assert data["source"] == "aws:b/\udce9[red]\x1b"
    assert (data["state"], data["step"], data["evidence"]) == ("completed", "delete", "reread")
    assert data["checksum"] == {"algorithm": "md5", "source": "aa", "destination": "aa"}
    assert data["time"] == NOW


def test_a_recommendation_tells_of_a_decision() -> None:
    decision = Decision(
        Address("aws", "b", "k"),
        "STANDARD",
        "GLACIER_IR",
        Tier.HOT,
        Tier.COLD,
        "idle for 120 days",
        math.nan,
        "rules",
        "1",
        decided_at=NOW,
    )
    data = json.loads(fields.encode(recommendation_message(decision)))
    assert data["address"] == "aws:b/k"
    assert (data["from_tier"], data["to_tier"]) == ("HOT", "COLD")
    assert data["saving_per_month"] is None
