"""`astra fetch` for real: objects of moto and of a disk as files, in processes of their own."""

import os
import signal
import stat
from pathlib import Path

import boto3
import pytest

from astra_tui.cli.fetch import fetch_target
from engine.errors import UsageError
from engine.model import Address
from engine.settings import CloudSettings
from tests.cli.conftest import SECONDS, Astra, contents, put
from tests.fake_s3 import FakeS3, Fault
from tests.servers import S3Server

MODIFIED = 1_700_000_000


@pytest.fixture
async def cloud(astra: Astra, moto_s3: S3Server, bucket_name: str) -> CloudSettings:
    settings = moto_s3.cloud(bucket=bucket_name)
    await put(settings, {})
    astra.config(("aws", moto_s3, bucket_name))
    return settings


def files(folder: Path) -> dict[str, bytes]:
    """All files below a folder, hidden ones too, by their path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


async def test_a_prefix_becomes_files_below_a_new_folder(
    astra: Astra, cloud: CloudSettings
) -> None:
    objects = {
        "in/empty": b"",
        "in/a/one": b"1",
        "in/a/CON": b"a name that Windows keeps",
        "in/big": os.urandom(3 * 1024**2 + 1),
        "out": b"not asked for",
    }
    await put(cloud, objects)
    done = astra("fetch", f"aws:{cloud.bucket}/in/", "new/folder", "--json", "--strict")
    expected = {key[3:]: content for key, content in objects.items() if key.startswith("in/")}
    assert files(astra.folder / "new" / "folder") == expected
    assert done.summary["successful"] == len(expected)
    for line in done.jobs:
        path = Path(line["destination"])
        assert path.read_bytes() == objects[line["source"].partition("/")[2]]
        assert (line["state"], line["evidence"]) == ("completed", "reread")
        assert line["source_proof"] == "attested"
        assert line["checksum"]["source"] == line["checksum"]["destination"]
    assert await contents(cloud) == objects
    assert not astra.state.exists()  # nothing is left of it in the ledger
    assert not list(astra.folder.rglob(".astra"))


async def test_one_object_becomes_a_file_with_its_time_and_the_usual_mode(
    astra: Astra, cloud: CloudSettings
) -> None:
    source = astra.file("a/report.csv", b"content")
    os.utime(source, (MODIFIED, MODIFIED))
    done = astra("fetch", "disk:box/a/report.csv", "mine.csv", "--json")
    assert done.jobs[0]["source_proof"] == "unattested"
    assert "unattested" in done.err
    strict = astra("fetch", "disk:box/a/report.csv", "--strict", "--json")
    assert strict.jobs[0]["source_proof"] == "reread"
    for name in ("mine.csv", "report.csv"):
        path = astra.folder / name
        assert path.read_bytes() == b"content"
        assert path.stat().st_mtime == MODIFIED
        umask = os.umask(0)
        os.umask(umask)
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


async def test_nothing_is_overwritten(astra: Astra, cloud: CloudSettings) -> None:
    await put(cloud, {"x": b"theirs"})
    (astra.folder / "x").write_bytes(b"mine")
    done = astra("fetch", f"aws:{cloud.bucket}/x", "--json", code=1)
    assert (done.summary["failed"], done.jobs[0]["state"]) == (1, "failed")
    assert (astra.folder / "x").read_bytes() == b"mine"
    (astra.folder / "link").symlink_to("x")
    done = astra("fetch", f"aws:{cloud.bucket}/x", "link", code=1)
    assert "link" in done.err
    assert (astra.folder / "link").is_symlink()
    assert (astra.folder / "x").read_bytes() == b"mine"


async def test_names_that_lead_elsewhere_are_refused(astra: Astra, cloud: CloudSettings) -> None:
    outside = astra.folder / "outside"
    outside.mkdir()
    into = astra.folder / "into"
    into.mkdir()
    (into / "link").symlink_to(outside)
    hostile = {
        "in/../../up": "..",
        "in//etc/absolute": "empty segment",
        "in/a/./b": "..",
        "in/" + "n" * 256: "255 bytes",
    }
    client = boto3.client(
        "s3",
        endpoint_url=cloud.endpoint,
        region_name=cloud.region,
        aws_access_key_id=cloud.access_key.reveal(),
        aws_secret_access_key=cloud.secret_key.reveal(),
    )
    for key in (*hostile, "in/link/through", "in/fine"):
        client.put_object(Bucket=cloud.bucket, Key=key, Body=b"x")
    done = astra("fetch", f"aws:{cloud.bucket}/in/", "into", "--json", code=1)
    lines = {line["source"].partition("/")[2]: line for line in done.jobs}
    for key, reason in hostile.items():
        assert lines[key]["state"] == "refused"
        assert reason in lines[key]["error"]
    assert lines["in/link/through"]["state"] == "failed"
    assert "link" in lines["in/link/through"]["error"]
    assert files(into) == {"fine": b"x"}
    assert files(outside) == {}
    assert not (astra.folder / "up").exists()


def test_a_damaged_download_never_becomes_a_file(astra: Astra) -> None:
    content = os.urandom(300_000)
    with FakeS3() as fake:
        astra.config(
            more='[clouds.fake]\nkind = "s3"\nprovider = "aws"\nregion = "us-east-1"\n'
            f'endpoint = "{fake.endpoint}"\naccess_key = "k"\nsecret_key = "s"\n'
            '[kafka]\nbootstrap = "off"\n'
        )
        fake.state.buckets["b"] = {}
        fake.state.put("b", "x", content)
        fake.on_request = lambda seen: Fault(flip=1000) if seen.method == "GET" else None
        done = astra("fetch", "fake:b/x", "--json", code=1)
        assert "the source itself says" in done.jobs[0]["error"]
        assert done.err.startswith("Failed: ")
    assert not (astra.folder / "x").exists()


async def test_an_archived_object_is_not_asked_back(astra: Astra, cloud: CloudSettings) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=cloud.endpoint,
        region_name=cloud.region,
        aws_access_key_id=cloud.access_key.reveal(),
        aws_secret_access_key=cloud.secret_key.reveal(),
    )
    client.put_object(Bucket=cloud.bucket, Key="cold", Body=b"x", StorageClass="GLACIER")
    done = astra("fetch", f"aws:{cloud.bucket}/cold", "--json", code=1)
    assert "archived in GLACIER" in done.jobs[0]["error"]
    assert "--keep-source" in done.err
    assert "Restore" not in client.head_object(Bucket=cloud.bucket, Key="cold")
    assert not (astra.folder / "cold").exists()


async def test_bad_words_and_absent_objects(astra: Astra, cloud: CloudSettings) -> None:
    astra("fetch", f"aws:{cloud.bucket}/x", "/x", code=2)
    astra("fetch", f"aws:{cloud.bucket}/absent", code=1)
    assert astra("fetch", f"aws:{cloud.bucket}/in/", "to", code=0).err.count("Nothing was fetched")
    assert not (astra.folder / "to").exists()


async def test_an_interrupted_fetch_leaves_whole_files_only(
    astra: Astra, cloud: CloudSettings
) -> None:
    objects = {f"{number}": os.urandom(2 * 1024**2) for number in range(6)}
    await put(cloud, objects)
    command = ("fetch", f"aws:{cloud.bucket}/", "into", "--bwlimit", "2MiB", "--jobs", "2")
    with astra.started(*command, "--json", "--read-only") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=SECONDS)
    assert process.returncode == 4
    assert "fetch again" in told
    assert "astra resume" not in told
    found = files(astra.folder / "into")
    assert 0 < len(found) < len(objects)
    assert all(objects[name] == content for name, content in found.items())
    assert not list(astra.folder.rglob(".astra"))
    astra("fetch", f"aws:{cloud.bucket}/", "into")
    assert files(astra.folder / "into") == objects


def test_where_files_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one, many = Address("aws", "b", "dir/name"), Address("aws", "b", "dir/")
    (tmp_path / "there").mkdir()
    (tmp_path / ".hidden" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("there")
    home = tmp_path.name

    def where(path: str, source: Address) -> tuple[str, str]:
        target = fetch_target(path, source)
        assert target.folder.name == target.address.bucket
        return target.address.bucket, target.address.key

    assert where(".", one) == (home, "")
    assert where("new", one) == (home, "new")
    assert where("new/", one) == (home, "new/")
    assert where("new/er", many) == (home, "new/er/")
    assert where("there", one) == ("there", "")
    assert where("there/x", one) == ("there", "x")
    assert where("link", many) == ("there", "")
    assert where(".hidden", many) == (home, ".hidden/")
    assert where(".hidden/x", one) == (home, ".hidden/x")
    assert where(".hidden/deep/x/y", one) == ("deep", "x/y")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError):
        fetch_target("file", many)
    for path in ("/", "/x", "", "a\0b"):
        with pytest.raises(UsageError):
            fetch_target(path, one)
