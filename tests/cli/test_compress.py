"""`astra migrate --compress` and back by `astra fetch`, and by zstd itself."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import zstandard

from tests.cli.conftest import Astra, contents, put
from tests.servers import S3Server

BODIES = {"in/empty": b"", "in/text": b"text " * 9000, "in/noise": os.urandom(1_700_000)}


async def test_compressed_to_a_cloud_checked_and_fetched_back(
    astra: Astra, moto_s3: S3Server, bucket_name: str
) -> None:
    cloud = moto_s3.cloud(bucket=bucket_name)
    await put(cloud, {})
    astra.config(("aws", moto_s3, bucket_name))
    for key, content in BODIES.items():
        os.utime(astra.file(key, content), (1_700_000_000, 1_700_000_000))
    target = f"aws:{bucket_name}/cold/"
    command = ("migrate", "disk:box/in/", target, "--compress", "zstd:9")
    *moves, plan = astra(*command, "--dry-run", "--json").lines
    assert {move["destination"] for move in moves} == {f"{target}{key[3:]}.zst" for key in BODIES}
    assert all(move["saving_per_month"] is None for move in moves)
    assert all(any("compressed on the way" in risk for risk in move["risks"]) for move in moves)
    assert plan["plan"]["compress"] == "zstd:9"
    done = astra(*command, "--yes", "--json")
    assert [job["state"] for job in done.jobs] == ["completed"] * 3
    assert not (astra.folder / "objects" / "box" / "in").exists()
    there = await contents(cloud)
    unpack = zstandard.ZstdDecompressor().decompressobj
    assert {key: unpack().decompress(content) for key, content in there.items()} == {
        f"cold/{key[3:]}.zst": content for key, content in BODIES.items()
    }
    found = astra("check", "latest", "--json", "--all").lines
    assert [line["outcome"] for line in found if "outcome" in line] == ["same"] * 3
    report = astra("report", "latest", "--format", "json").lines
    sizes = {line["destination"]: line["stored_bytes"] for line in report if "job_id" in line}
    assert sizes == {f"aws:{bucket_name}/{key}": len(content) for key, content in there.items()}

    astra("fetch", target, "as-it-is", "--no-decompress")
    for key, content in there.items():
        path = astra.folder / "as-it-is" / key[5:]
        assert path.read_bytes() == content
        if shutil.which("zstd"):
            plain = subprocess.run(
                ["zstd", "-dc", str(path)], check=True, capture_output=True, timeout=60
            )
            assert plain.stdout == BODIES[f"in/{key[5:].removesuffix('.zst')}"]
    back = astra.folder / "back"
    back.mkdir()
    (back / "text").write_bytes(b"mine")
    done = astra("fetch", target, "back", "--json", code=1)
    assert done.summary["failed"] == 1
    assert "was not decompressed" in done.err
    assert (back / "text").read_bytes() == b"mine"
    assert (back / "text.zst").exists()
    (back / "text").unlink()
    astra("fetch", target, "back")
    assert {path.name: path.read_bytes() for path in back.iterdir()} == {
        key[3:]: content for key, content in BODIES.items()
    }
    assert (back / "noise").stat().st_mtime == 1_700_000_000


def test_other_words_are_refused(astra: Astra, tmp_path: Path) -> None:
    astra.config()
    bad = astra("migrate", "disk:box/a", "disk:box/b/", "--compress", "zip", code=2)
    assert "no compression" in bad.err


@pytest.mark.parametrize("name", ["n" * 252])
def test_a_key_that_is_too_long_with_its_ending_is_refused(astra: Astra, name: str) -> None:
    astra.config()
    astra.file(f"a/{name}")
    command = ("migrate", "disk:box/a/", "disk:box/b/", "--compress", "zstd")
    move, _ = astra(*command, "--dry-run", "--json").lines
    assert "255 bytes" in move["refused"]
