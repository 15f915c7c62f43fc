"""`astra show` and `astra cat`, as a process of their own."""

import base64
import gzip
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.cli.conftest import Astra
from tests.servers import S3Server

HOSTILE = "a[red]b\x1b]52;c;x\x07 é.csv"


@pytest.fixture
def client(moto_s3: S3Server, bucket_name: str) -> Any:
    made = boto3.client(
        "s3",
        endpoint_url=moto_s3.endpoint,
        region_name=moto_s3.region,
        aws_access_key_id=moto_s3.access_key,
        aws_secret_access_key=moto_s3.secret_key,
    )
    made.create_bucket(Bucket=bucket_name)
    return made


@pytest.fixture
def run(tmp_path: Path, moto_s3: S3Server, bucket_name: str) -> Astra:
    (tmp_path / "astra.toml").write_text(
        "[kafka]\nbootstrap = 'off'\n[clouds.aws]\nkind = 's3'\nprovider = 'aws'\n"
        f"bucket = '{bucket_name}'\nregion = 'us-east-1'\nendpoint = '{moto_s3.endpoint}'\n"
        f"path_style = true\naccess_key = '{moto_s3.access_key}'\n"
        f"secret_key = '{moto_s3.secret_key}'\n"
    )
    return Astra(tmp_path)


def test_an_object_and_its_beginning(run: Astra, client: Any, bucket_name: str) -> None:
    body = b"x,\x1b[31my\n1,2\n"
    client.put_object(Bucket=bucket_name, Key=HOSTILE, Body=body, Tagging="t=u")
    where = f"aws:{bucket_name}/{HOSTILE}"
    shown = run("show", where, "--preview")
    assert "cost in each class" in shown.out
    assert "t = u" in shown.out
    assert "\x1b" not in shown.out + shown.err
    (line,) = run("show", where, "--json").lines
    assert line["address"] == where
    assert sum(item["here"] for item in line["classes"]) == 1
    assert run("cat", where).out.split() == ["x", "␛[31my", "1", "2"]
    (begin,) = run("cat", where, "--head", "2", "--json").lines
    assert (begin["text"], begin["whole"], begin["read"]) == ("x,", False, 2)


def test_versions_of_an_object(run: Astra, client: Any, bucket_name: str) -> None:
    status = {"Status": "Enabled"}
    client.put_bucket_versioning(Bucket=bucket_name, VersioningConfiguration=status)
    client.put_object(Bucket=bucket_name, Key="k", Body=b"old\n")
    client.put_object(Bucket=bucket_name, Key="k", Body=b"new\n")
    where = f"aws:{bucket_name}/k"
    assert "earlier" in run("show", where, "--versions").out
    (line,) = run("show", where, "--versions", "--json").lines
    assert [item["current"] for item in line["versions"]] == [True, False]
    old = line["versions"][1]["version"]
    assert run("cat", where, "--version", old, "--raw").out == "old\n"
    assert old in run("cat", where, "--version", "nosuch", code=2).err


def test_what_is_not_read(run: Astra, client: Any, bucket_name: str) -> None:
    for key, name in (("cold", "STANDARD_IA"), ("old", "GLACIER")):
        client.put_object(Bucket=bucket_name, Key=key, Body=b"bytes", StorageClass=name)
    priced = run("cat", f"aws:{bucket_name}/cold", code=3)
    assert priced.out == ""
    assert "--paid" in priced.err
    assert run("cat", f"aws:{bucket_name}/cold", "--paid").out.split() == ["1", "bytes"]
    archived = run("cat", f"aws:{bucket_name}/old", "--paid", code=3)
    assert "Nothing was read" in archived.err


def test_packed_and_binary_bytes(run: Astra, client: Any, bucket_name: str) -> None:
    client.put_object(Bucket=bucket_name, Key="a.gz", Body=gzip.compress(b'{"a":[1]}'))
    client.put_object(Bucket=bucket_name, Key="b", Body=bytes(range(40)))
    assert run("cat", f"aws:{bucket_name}/a.gz").out.split() == ["{", '"a":', "[", "1", "]", "}"]
    assert "unpacked from gzip" in run("cat", f"aws:{bucket_name}/a.gz").err
    run("cat", f"aws:{bucket_name}/a.gz", "--raw", code=2)
    dump = run("cat", f"aws:{bucket_name}/b").out
    assert dump.splitlines()[0].startswith("000000  00 01 02 03")
    (line,) = run("cat", f"aws:{bucket_name}/b", "--json").lines
    assert base64.b64decode(line["base64"]) == bytes(range(40))


def test_wrong_usage(run: Astra, client: Any, bucket_name: str) -> None:
    run("cat", f"aws:{bucket_name}/", code=2)
    run("cat", f"aws:{bucket_name}/k", "--head", "1GiB", code=2)
    run("show", f"aws:{bucket_name}/absent", code=1)
