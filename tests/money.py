"""A small world whose moves save amounts that can be read: few bytes, at made-up high prices."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3

from engine.engine import Engine
from engine.model import Address
from engine.settings import CloudSettings, EngineSettings, KafkaSettings
from tests.servers import S3Server

DAY = 86_400
# name, KiB, reads in the last 30 days (all of one day, ten days ago), days that it looks older
OBJECTS = (
    ("archive/2019.tar", 900, 0, 400),
    ("photos/a.jpg", 700, 0, 60),
    ("photos/b.jpg", 500, 1, 120),
    ("reports/busy.csv", 300, 2, 200),
)
PRICES = """
[sources.own]
title = "made up"
""" + "".join(
    f'[[classes]]\nprovider = "aws"\nregion = "us-east-1"\nname = "{name}"\nsource = "own"\n'
    f"as_of = 2026-11-01\nstorage = {storage}\nretrieval = {retrieval}\nput = 0.05\nget = 0.004\n"
    "transition = 0.05\nmin_days = 0\n"
    for name, storage, retrieval in (
        ("STANDARD", 2300.0, 0.0),
        ("STANDARD_IA", 1250.0, 100.0),
        ("GLACIER_IR", 400.0, 300.0),
    )
)


def fill(server: S3Server, bucket: str) -> None:
    """Make the bucket with its objects, all in STANDARD."""
    client: Any = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name=server.region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
    )
    client.create_bucket(Bucket=bucket)
    for key, kib, _, _ in OBJECTS:
        client.put_object(Bucket=bucket, Key=key, Body=key[:1].encode() * (kib * 1024))


def settings(server: S3Server, bucket: str, folder: Path, policy: str) -> EngineSettings:
    """One cloud `aws` with these objects, the prices above, and that policy."""
    fill(server, bucket)
    prices = folder / "own-prices.toml"
    prices.write_text(PRICES)
    cloud: CloudSettings = replace(server.cloud(bucket=bucket), name="aws", region="us-east-1")
    return EngineSettings(
        (cloud,),
        folder / "state",
        KafkaSettings(bootstrap="off"),
        prices,
        policy=policy,
    )


def today() -> int:
    """The epoch day, UTC."""
    return int(time.time()) // DAY


async def grow_old(engine: Engine, bucket: str) -> None:
    """Let the objects look as old as they are meant to be, and be read as they were."""
    reads = [
        (Address("aws", bucket, key), today() - 10, count, count * kib * 1024)
        for key, kib, count, _ in OBJECTS
        if count
    ]
    await engine.import_access(reads)
    for key, _, _, days in OBJECTS:
        await engine.age(Address("aws", bucket, key), days)
