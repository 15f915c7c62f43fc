"""`astra access import` for real, and `astra access` as it was."""

from tests.cli.conftest import Astra
from tests.imports.test_formats import line


def test_import_tells_what_it_did_and_what_it_could_not_read(astra: Astra) -> None:
    astra.config()
    text = (
        "timestamp,address,op,bytes\n2026-01-05T10:00:00Z,disk:box/a,GET,10\nnow,disk:box/a,GET,1\n"
    )
    (astra.folder / "events.csv").write_text(text)
    result = astra("access", "import", "events.csv", "--json", code=1)
    assert result.lines[0]["bad"]["line"] == 3
    summary = result.summary
    assert (summary["reads"], summary["bad"], summary["first_day"]) == (1, 1, "2026-01-05")
    again = astra("access", "import", "events.csv", "--json", code=1).summary
    assert (again["reads"], again["known"]) == (0, 1)
    (astra.folder / "days.csv").write_text("object,date,reads\na,2026-01-06,4\n")
    told = astra("access", "import", "days.csv", "--under", "disk:box/")
    assert "1 day of reads of 1 object imported, 2026-01-06 to 2026-01-06" in told.out


def test_logs_of_a_cloud_that_is_not_known_are_refused(astra: Astra) -> None:
    astra.config()
    (astra.folder / "log").write_text(line())
    assert "no configured cloud" in astra("access", "import", "log", code=1).err
    assert "1 read of 1 object" in astra("access", "import", "log", "--cloud", "disk").out
    assert "No cloud is named" in astra("access", "import", "log", "--cloud", "x", code=2).err
    assert "no such file" in astra("access", "import", "gone", code=2).err
    assert "Kafka is off" in astra("access", "disk:box/a", "--count", "3", code=2).err
    assert "import" in astra("access", "--help").out
