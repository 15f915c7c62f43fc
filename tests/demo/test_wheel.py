"""What is installed from a wheel: everything that `astra demo` needs travels in it."""

import os
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from demo_data import FOLDER, inventory
from tests.demo.run import run_program

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def wheel(tmp_path: Path) -> Path:
    """A wheel built from the clone."""
    out = tmp_path / "dist"
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    done = await run_program([*build, str(ROOT)], cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    (found,) = out.glob("*.whl")
    return found


async def test_the_demo_passes_where_only_the_wheel_is_installed(wheel: Path, tmp_path: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    for item in inventory():
        assert not item.file or f"demo_data/files/{item.file}" in names
    assert {
        "demo_data/inventory.csv",
        "engine/pricing/prices.toml",
        "engine/pricing/regions.toml",
        "engine/py.typed",
    } <= names
    assert {"demo_data/lab/objects.csv", "demo_data/lab/daily.csv.gz"} <= names
    assert not any(name.startswith(("tests/", "tools/")) for name in names)

    place = tmp_path / "empty"
    venv.EnvBuilder(with_pip=False).create(place)
    python = place / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q"]
    done = await run_program([*pip, "--no-deps", "--no-index", str(wheel)], cwd=tmp_path)
    assert done.code == 0, done.err
    # The dependencies are lent, to spare a minute and a package index. The clone is not: what
    # makes it importable here are .pth files, and those are not read in a lent folder.
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    own = place / "lib" / version / "site-packages"
    (own / "lent.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    where = "import astra_tui, demo_data, engine; print(astra_tui.__file__, demo_data.__file__)"
    done = await run_program([str(python), "-c", where], cwd=tmp_path, env=env)
    assert done.out.count(str(own)) == 2, done.out + done.err
    assert str(FOLDER) not in done.out

    done = await run_program(
        [str(place / "bin" / "astra"), "demo", "--script"], cwd=tmp_path, env=env
    )
    assert done.code == 0, done.out + done.err
    assert "All ten phases held" in done.out
