"""`astra lab` as a command: JSON, table, chart, bad files, and ctrl+c."""

import datetime as dt
import os
import signal
from pathlib import Path

import pytest

from astra_tui.cli.entry import run
from astra_tui.cli.linechart import line_chart
from tests.cli.conftest import SECONDS, Astra

FIELDS = [
    "policy",
    "cost_usd",
    "ratio_to_optimum",
    "storage_usd",
    "requests_usd",
    "retrieval_usd",
    "transitions_usd",
    "early_deletion_usd",
    "moves",
    "reads_delayed",
]


def write_files(folder: Path) -> None:
    objects = ["object,size_bytes,count,created"]
    daily = ["object,date,reads,bytes_read"]
    for number in range(1, 6):
        objects.append(f"o{number},{number}000000000,3,2022-11-01")
        for day in range(0, 200, number * 7):
            date = dt.date(2022, 11, 1) + dt.timedelta(day)
            daily.append(f"o{number},{date},1,{number}000000000")
    (folder / "objects.csv").write_text("\n".join(objects))
    (folder / "daily.csv").write_text("\n".join(daily))


FILES = ("--inventory", "objects.csv", "--history", "daily.csv")
CHOICE = (
    *("--prices", "aws/us-east-1", "--classes", "standard,STANDARD_IA,GLACIER_IR,DEEP_ARCHIVE"),
    *("--start-class", "STANDARD", "--from", "2023-01-01", "--to", "2023-04-30"),
)


def test_json_has_one_object_a_policy_and_nothing_else(astra: Astra) -> None:
    write_files(astra.folder)
    names = ("rules", "always:DEEP_ARCHIVE", "optimum")
    asked = [word for name in names for word in ("--policy", name)]
    found = astra("lab", *FILES, *CHOICE, *asked, "--json")
    assert [line["policy"] for line in found.lines] == list(names)
    for line in found.lines:
        assert list(line) == FIELDS
        parts = sum(line[name] for name in FIELDS[3:8])
        assert abs(parts - line["cost_usd"]) < 1e-9
        assert line["ratio_to_optimum"] >= 1
    assert found.lines[-1]["ratio_to_optimum"] == 1
    assert found.lines[1]["reads_delayed"] > 0
    assert found.err == ""


def test_people_get_a_table_a_chart_and_the_sentence(astra: Astra) -> None:
    write_files(astra.folder)
    policies = ("--policy", "last-access", "--policy", "age:10/20", "--policy", "optimum")
    out = astra("lab", *FILES, *CHOICE, *policies).out
    assert "2023-01-01 to 2023-04-30, 15 objects" in out
    assert "prices of aws us-east-1" in out
    table = [line for line in out.splitlines() if line.endswith(("optimum", "age:10/20"))]
    assert len(table) == 2
    assert table[0].startswith("* ")
    assert "Over these 120 days last-access would have cost $" in out
    assert "hindsight" in out
    assert out.splitlines()[-3].strip().startswith("2023-01-01")


def test_what_does_not_fit_is_a_usage_error(
    astra: Astra, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(astra.folder)
    for name in ("ASTRA_STATE", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, astra.environ[name])
    write_files(astra.folder)
    (astra.folder / "bad.csv").write_text("object,size_bytes,count,created\n\x1b[31mo,-1,1,x\n")
    for arguments, complaint in (
        ((*FILES, "--policy", "magic"), "no policy 'magic'"),
        (("--inventory", "objects.csv"), "both an inventory and a history"),
        (("--inventory", "none.csv", "--history", "daily.csv"), "cannot be read"),
        (("--inventory", "bad.csv", "--history", "daily.csv"), "line 2"),
        ((*FILES, "--demo"), "Name one history"),
        ((*FILES, "--from", "2023-02-30"), "does not match"),
        ((*FILES, "--price-file", "none.toml"), "none.toml"),
        ((*FILES, "--config", "none.toml"), "none.toml"),
    ):
        assert run(["lab", *arguments]) == 2, arguments
        found = capsys.readouterr()
        assert complaint in found.err, found
        assert "\x1b" not in found.err
        assert not found.out


def test_without_files_it_replays_what_is_kept_else_the_demo(astra: Astra) -> None:
    arguments = ("--policy", "always:STANDARD", "--json")
    found = astra("lab", *arguments)
    assert "The demo history is replayed instead" in found.err
    assert found.lines[0]["requests_usd"] > 0
    astra.config(more='[kafka]\nbootstrap = "off"\n')
    astra.file("a", b"x" * 1000)
    assert "the demo history is replayed instead" in astra("lab", *arguments).err
    assert "No accesses are known" in astra("lab", "--cloud", "disk", *arguments, code=2).err


def test_ctrl_c_ends_it_with_4_and_prints_nothing(astra: Astra) -> None:
    write_files(astra.folder)
    pipe = astra.folder / "pipe.csv"
    os.mkfifo(pipe)
    arguments = ("lab", "--inventory", "objects.csv", "--history", "pipe.csv", "--json")
    with astra.started(*arguments) as process:
        with pipe.open("w") as history:  # open as soon as the lab reads it
            history.write("object,date,reads,bytes_read\no1,2022-11-01,1,1\no1,2023-11-01,1,1\n")
            history.flush()
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 4, err
    assert not out
    assert "Interrupted. The lab changes nothing" in err


def test_a_chart_has_one_scale_and_the_first_line_on_top() -> None:
    lines = line_chart([("a", [0, 1, 2]), ("b", [0, 2, 4])], ("first", "last"), width=30, height=5)
    assert lines[0].startswith("$4.00 |")
    assert lines[0].endswith("b")
    assert lines[4].startswith("$0.00 |a")
    assert "a" in lines[2]
    assert lines[-1].split() == ["first", "last"]
    assert all(len(line) <= 30 for line in lines)
    assert line_chart([("a", [0.0, 0.0])], ("", ""), width=30)[0].startswith("$0")


def test_a_policy_is_adopted_kept_and_forgotten(astra: Astra) -> None:
    astra.config(more='[kafka]\nbootstrap = "off"\n')
    shown = astra("tier", "policy", "--json").lines[0]
    assert (shown["policy"], shown["adopted"], shown["path"]) == ("rules", False, None)
    out = astra("tier", "policy", "recency").out
    assert out.startswith("recency (adopted, kept in ")
    assert "workspace.json; the configuration says rules" in out
    assert astra("tier", "policy", "--json").lines[0]["policy"] == "recency"
    assert "cannot decide by it" in astra("tier", "policy", "ski-rental", code=2).err
    assert astra("tier", "policy", "--configured").out.strip() == "rules (as configured)"
