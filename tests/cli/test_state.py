"""A state directory that cannot be used: what is told, how a command ends, what still works."""

import resource
from pathlib import Path

import pytest

from astra_tui.cli.entry import run
from engine.errors import StateError
from tests.cli.conftest import Astra

OBJECTS = 150


def limited(size: int) -> None:
    """No file of this process grows beyond so many bytes, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("ahead", [80_000, 400_000])
def test_a_disk_that_fills_up_ends_a_migration_with_its_reason(astra: Astra, ahead: int) -> None:
    astra.config()
    (astra.folder / "objects" / "other").mkdir()
    files = {f"m/{number:03}": f"{number}".encode() for number in range(OBJECTS)}
    for key, content in files.items():
        astra.file(key, content)
    astra("jobs")  # makes the state file
    largest = max(path.stat().st_size for path in astra.state.iterdir())
    done = astra(
        *("migrate", "disk:box/m/", "disk:other/", "--yes", "--json"),
        code=1,
        preexec_fn=lambda: limited(largest + ahead),
    )
    assert "Error: " in done.err
    assert "deleted" in done.err  # what is safe
    assert "Next: " in done.err
    assert "`astra resume`" in done.err
    assert "Logging error" not in done.err
    root = astra.folder / "objects"
    for key, content in files.items():  # every object is in one place at least, and whole
        places = (root / "box" / key, root / "other" / key.removeprefix("m/"))
        found = [path.read_bytes() for path in places if path.exists()]
        assert found
        assert set(found) == {content}
    astra("resume", "--json")
    again = astra("migrate", "disk:box/m/", "disk:other/", "--yes", "--json", code=None)
    assert again.code == 0, again
    assert not (root / "box" / "m").exists()
    assert len(list((root / "other").iterdir())) == OBJECTS


@pytest.fixture
def no_state(astra: Astra) -> Astra:
    """A state directory that nobody may write, whoever runs the test: it is a file."""
    astra.config()
    astra.file("x")
    astra.state.write_text("")
    return astra


@pytest.mark.parametrize(
    "arguments",
    [("migrate", "disk:box/x", "disk:box/y", "--yes"), ("jobs",), ("dashboard",), ("resume",)],
)
def test_a_state_directory_that_is_none_exits_2(
    no_state: Astra, arguments: tuple[str, ...]
) -> None:
    done = no_state(*arguments, code=2)
    assert "state directory cannot be written" in done.err
    assert "--state DIR" in done.err
    assert (no_state.folder / "objects" / "box" / "x").exists()


def test_what_only_looks_at_clouds_works_without_a_state_directory(no_state: Astra) -> None:
    listed = no_state("ls", "--json")
    assert [line["key"] for line in listed.lines] == ["x"]
    assert "Warning" in listed.err
    assert no_state("prices", "aws", "--json").lines
    checks = no_state("doctor", "--json", code=1).lines
    states = {check["check"]: check["state"] for check in checks if check["subject"] == "state"}
    assert states == {"open": "failed"}
    disk = [check for check in checks if check["subject"] == "disk"]
    assert len(disk) > 1
    assert all(check["state"] != "failed" for check in disk)


def test_so_it_does_on_a_full_disk(
    astra: Astra, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    astra.config()
    astra.file("x")

    def full(directory: Path) -> None:
        raise StateError("No space left on device.", subject=str(directory))

    monkeypatch.setattr("astra_tui.cli.state.check_state", full)
    config = ["--config", str(astra.folder / "astra.toml"), "--state", str(astra.state)]
    assert run([*config, "ls", "--json"]) == 0
    captured = capsys.readouterr()
    assert '"disk:box/x"' in captured.out
    assert "No space left" in captured.err
    assert not astra.state.exists()
    assert run([*config, "resume"]) == 1


def test_a_cloud_without_a_default_bucket_shows_its_first(astra: Astra) -> None:
    astra.config()
    astra.file("x")
    path = astra.folder / "astra.toml"
    path.write_text(path.read_text().replace('bucket = "box"\n', ""))
    for arguments in (("ls",), ("ls", "disk:"), ("ls", "disk")):
        (line,) = astra(*arguments, "--json").lines
        assert line["address"] == "disk:box/x"
    refused = astra("migrate", "disk:", "disk:box/y/", "--yes", code=2)
    assert "no default bucket" in refused.err
    path.write_text(path.read_text().replace("[kafka]", 'bucket = "box"\n[kafka]'))
    moved = astra("migrate", "disk:", "disk:box/y/", "--dry-run", "--json").lines
    assert moved[0]["source"] == "disk:box/x"
