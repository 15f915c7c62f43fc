"""CSV files into an inventory and a history, and what is said of bad ones."""

import datetime as dt
import gzip
from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.lab.history import read_history, read_inventory

OBJECTS = "object,size_bytes,count,created\na,100,1,2023-01-01\nb,50,3,2023-01-03\n"


def test_days_without_reads_are_filled_and_rows_of_one_day_add_up(tmp_path: Path) -> None:
    (tmp_path / "objects.csv").write_text(OBJECTS)
    inventory = read_inventory(tmp_path / "objects.csv")
    daily = (
        "date,object,bytes_read,reads\n2023-01-02,a,100,1\n2023-01-04,b,10,2\n2023-01-04,b,5,1\n"
    )
    with gzip.open(tmp_path / "daily.csv.gz", "wt") as file:
        file.write(daily)
    history = read_history(tmp_path / "daily.csv.gz", inventory)
    assert inventory.names == ("a", "b")
    assert history.first_day == dt.date(2023, 1, 2).toordinal()
    assert history.reads.tolist() == [[1, 0, 0], [0, 0, 3]]
    assert history.bytes_read.tolist() == [[100, 0, 0], [0, 0, 15]]
    wide = history.covering(history.first_day - 1, history.last_day + 2)
    assert wide.reads.tolist() == [[0, 1, 0, 0, 0, 0], [0, 0, 0, 3, 0, 0]]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "column 'object' is missing"),
        ("object,size_bytes,count\n", "column 'created' is missing"),
        ("object,size_bytes,count,created\n", "lists no object"),
        (OBJECTS + "a,1,1,2023-01-01\n", "line 4: The object is listed twice"),
        (OBJECTS + "c,-1,1,2023-01-01\n", "line 4: '-1' is no number from 0 on"),
        (OBJECTS + "c,nan,1,2023-01-01\n", "'nan' is no number"),
        (OBJECTS + "c,1,0,2023-01-01\n", "Count must be 1 or more"),
        (OBJECTS + "c,1,1,yesterday\n", "'yesterday' is no date"),
        (OBJECTS + "c\n", "line 4: '' is no number"),
    ],
)
def test_a_bad_inventory_is_refused_with_its_line(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "objects.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=complaint):
        read_inventory(path)


def test_a_bad_history_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "objects.csv").write_text(OBJECTS)
    inventory = read_inventory(tmp_path / "objects.csv")
    path = tmp_path / "daily.csv"
    head = "object,date,reads,bytes_read\n"
    for text, complaint in (
        (head, "has no accesses"),
        (head + "z,2023-01-01,1,1\n", "line 2: The object is not in the inventory"),
        (head + "a,2023-01-01,1,1\na,1-1-1,1,1\n", "line 3: '1-1-1' is no date"),
        (head + "a,0001-01-01,1,1\nb,9999-01-01,1,1\na,5000-01-01,1,1\n", ""),
    ):
        path.write_text(text)
        if complaint:
            with pytest.raises(UsageError, match=complaint):
                read_history(path, inventory)
        else:
            assert read_history(path, inventory).days > 3_000_000
    (tmp_path / "daily.csv.gz").write_bytes(b"no gzip")
    with pytest.raises(UsageError, match=r"daily\.csv\.gz"):
        read_history(tmp_path / "daily.csv.gz", inventory)


def test_more_than_fits_into_memory_is_refused(tmp_path: Path) -> None:
    lines = [f"o{i},1,1,2023-01-01\n" for i in range(30)]
    (tmp_path / "objects.csv").write_text("object,size_bytes,count,created\n" + "".join(lines))
    inventory = read_inventory(tmp_path / "objects.csv")
    path = tmp_path / "daily.csv"
    path.write_text("object,date,reads,bytes_read\no1,0001-01-01,1,1\no2,9999-01-01,1,1\n")
    with pytest.raises(UsageError, match="more than the lab can hold"):
        read_history(path, inventory)
