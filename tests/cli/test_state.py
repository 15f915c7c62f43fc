"""A state directory that cannot be used: what is told, how a command ends, what still works."""

import resource

import pytest

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
