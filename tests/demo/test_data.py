"""The objects of the demo world: what they are named, hold, and how they were read."""

import csv
import io
import struct
import wave
import zipfile
import zlib

import pytest

import demo_data
from demo_data import BUCKETS, DemoObject, content, inventory
from demo_data.history import DAYS, daily_reads

TODAY = 20_700


def one(key: str) -> DemoObject:
    return next(item for item in inventory() if item.key == key)


def test_every_object_has_the_size_it_announces_and_a_key_of_its_own():
    assert len(inventory()) > 150
    assert len({(item.cloud, item.key) for item in inventory()}) == len(inventory())
    for item in inventory():
        assert len(content(item)) == item.size, item.key
        assert len(item.key.encode()) <= 1024
        assert item.bucket == BUCKETS[item.cloud]


def test_sizes_run_from_nothing_to_a_few_mebibytes():
    sizes = [item.size for item in inventory()]
    assert min(sizes) == 0
    assert 4 * 2**20 <= max(sizes) <= 8 * 2**20
    assert sum(sizes) < 200 * 2**20


def test_content_is_the_same_each_time_and_differs_between_objects():
    first, second = one("photos/2024/sunset_001.jpg"), one("photos/2024/sunset_002.jpg")
    assert content(first) == content(first)
    assert content(first)[:2048] == content(second)[:2048], "the same picture"
    assert content(first)[-2048:] != content(second)[-2048:]


def test_grown_files_still_open_as_what_they_are():
    with zipfile.ZipFile(io.BytesIO(content(one("backup_database_Q2.zip")))) as archive:
        assert archive.testzip() is None
        assert "backup_Q2/schema.sql" in archive.namelist()
    table = content(one("customer_transactions.csv")).decode().splitlines()[:-1]
    assert {len(row) for row in csv.reader(table)} == {7}
    assert content(one("photos/2025/coast_001.jpg"))[:3] == b"\xff\xd8\xff"
    assert content(one("monthly_report_october.pdf")).startswith(b"%PDF-1.4")
    with wave.open(io.BytesIO(content(one("web/chime.wav")))) as sound:
        assert sound.getnframes() == 8000


def test_the_picture_without_padding_is_a_whole_png():
    data = content(one("web/logo.png"))
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    position, kinds = 8, []
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        body = data[position + 4 : position + 8 + length]
        (stated,) = struct.unpack_from(">I", data, position + 8 + length)
        assert zlib.crc32(body) == stated
        kinds.append(body[:4])
        position += 12 + length
    assert kinds[-1] == b"IEND"


@pytest.mark.parametrize(
    "part", ["[", "\n", "\t", "\x1b", "\u202e", "🚀", "+", "%2F", "//", "<xml>"]
)
def test_hostile_names_are_among_them(part: str):
    assert any(part in item.key for item in inventory())


def test_the_past_is_the_same_each_time_and_only_where_an_object_existed():
    for item in inventory():
        counts = daily_reads(item, TODAY)
        assert counts == daily_reads(item, TODAY)
        assert len(counts) == DAYS
        if item.age_days < DAYS - 2:
            assert not any(counts[: DAYS - 2 - int(item.age_days)])


def test_shapes_look_like_their_names():
    steady = daily_reads(one("web/index.html"), TODAY)
    assert min(steady[-28:]) > 5
    spike = daily_reads(one("press/kit.zip"), TODAY)
    assert sum(spike[-2:]) > 5 * max(spike[:-2])
    assert sum(daily_reads(one("backup_database_Q2.zip"), TODAY)) == 0
    growing = daily_reads(one("ml/embeddings.bin"), TODAY)
    assert sum(growing[-7:]) > sum(growing[-21:-14])


def test_the_inventory_is_plain_ascii():
    (demo_data.FOLDER / "inventory.csv").read_text(encoding="ascii")
