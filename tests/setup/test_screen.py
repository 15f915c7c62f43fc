"""The first run as one would do it, with the keys; clouds are tested for real, in a process."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from astra_tui.config import load_settings
from astra_tui.screens.dialogs import Choice, Confirm, Tell
from astra_tui.setup import finish
from astra_tui.setup.app import SetupApp
from astra_tui.setup.form import Form
from astra_tui.setup.rows import Tried
from engine.model import StoreKind
from tests.console.waiting import on, shows, until, words
from tests.servers import S3Server, free_ports
from tests.setup.test_discovery import AWS, SECRET, TOOLS, write

USUAL, SMALL = (120, 40), (80, 24)


def setup(home: Path, monkeypatch: pytest.MonkeyPatch, **environ: str) -> Any:
    monkeypatch.setattr(finish, "user_config", lambda: home / ".config" / "astra" / "astra.toml")
    here = home / "here"
    here.mkdir(exist_ok=True)
    return SetupApp(environ=environ, home_dir=home, here=here, ports=())


async def looked(pilot: Any) -> Any:
    screen = pilot.app.screen
    await until(pilot, lambda: screen.found.done, "the search ends")
    # What else the machine that runs this has is not what this is about.
    ours = str(pilot.app.home_dir)
    keep = [e for e in screen.entries if ours in e.candidate.get("root") or
            e.candidate.kind is not StoreKind.LOCAL]  # fmt: skip
    screen.entries = keep
    screen.show_all()
    return screen


async def choose(pilot: Any, *names: str) -> None:
    """Mark these and no others, by the keys."""
    screen = pilot.app.screen
    for number, entry in enumerate(screen.entries):
        if entry.taken != (entry.candidate.name in names):
            screen.query_one("#entries").move_cursor(number)
            await pilot.press("space")
    assert {e.candidate.name for e in screen.taken} == set(names)
    at = [e.candidate.name for e in screen.entries].index(names[0])
    screen.query_one("#entries").move_cursor(at)


async def test_from_nothing_to_a_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {**AWS, "data/box/a.txt": "x"})
    app = setup(tmp_path, monkeypatch)
    async with app.run_test(size=SMALL) as pilot:
        screen = await looked(pilot)
        await choose(pilot, "data")
        await pilot.press("t")
        await until(pilot, lambda: screen.taken[0].tried is Tried.WELL, "the test")
        assert {check.name for check in screen.taken[0].checks} >= {"reachable", "list", "read"}
        assert [p.name for p in (tmp_path / "data" / "box").iterdir()] == ["a.txt"]
        await pilot.press("r", "w")
        await until(pilot, on(pilot, Choice))
        await pilot.press("1")
        await until(pilot, on(pilot, Tell))
        await shows(pilot, "Open the console")
        await pilot.press("enter")
        await until(pilot, lambda: app._exit)
    path = tmp_path / ".config" / "astra" / "astra.toml"
    assert app.outcome.written == path
    assert app.outcome.opens
    settings, _, warnings = load_settings(path, tmp_path / "state", {})
    (cloud,) = settings.clouds
    assert (cloud.root, cloud.bucket, cloud.read_only) == (tmp_path / "data", "box", True)
    assert warnings == []


async def test_keys_of_another_tool_go_into_a_private_file_or_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moto_s3: S3Server, bucket_name: str
) -> None:
    mc = TOOLS[".mc/config.json"].replace("http://127.0.0.1:9100/", moto_s3.endpoint)
    write(tmp_path, {".mc/config.json": mc})
    app = setup(tmp_path, monkeypatch)
    async with app.run_test(size=USUAL) as pilot:
        screen = await looked(pilot)
        await choose(pilot, "lab")
        await pilot.press("e")
        await until(pilot, on(pilot, Form))
        app.screen.query_one("#in-secret_key").value = "a secret"
        await pilot.press("enter")
        await shows(pilot, "goes into no config")
        app.screen.query_one("#in-secret_key").value = "env:MC_LAB_SECRET_KEY"
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("t")
        await until(pilot, lambda: screen.taken[0].tried in (Tried.WELL, Tried.WARNED), "the test")
        assert SECRET not in words(pilot)
        await pilot.press("w")
        await until(pilot, on(pilot, Choice))
        await pilot.press("2")
        await shows(pilot, "Where do the keys go?")
        await pilot.press("1")
        await until(pilot, on(pilot, Tell))
        await pilot.press("escape")
        await until(pilot, lambda: app._exit)
    config = tmp_path / "here" / "astra.toml"
    assert not app.outcome.opens
    assert SECRET not in config.read_text()
    assert (tmp_path / "here" / ".env").stat().st_mode & 0o077 == 0
    settings, _, _ = load_settings(config, tmp_path / "state", {})
    assert settings.clouds[0].secret_key.reveal() == SECRET


async def test_what_cannot_be_reached_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, TOOLS)
    (port,) = free_ports(1)
    text = (tmp_path / ".mc/config.json").read_text().replace("9100", str(port))
    (tmp_path / ".mc/config.json").write_text(text)
    app = setup(tmp_path, monkeypatch)
    async with app.run_test(size=SMALL) as pilot:
        screen = await looked(pilot)
        await choose(pilot, "lab")
        await pilot.press("t")
        await until(pilot, lambda: screen.taken[0].tried is Tried.FAILED, "it fails")
        assert all(check.todo for check in screen.taken[0].checks)
        await shows(pilot, "cannot be reached")
        await pilot.resize_terminal(120, 40)
        await shows(pilot, "found in")
        await pilot.press("q")
        await until(pilot, on(pilot, Confirm))  # something was chosen by hand
        await pilot.press("y")
        await until(pilot, lambda: app._exit)
    assert app.outcome.written is None
    assert not (tmp_path / "here" / "astra.toml").exists()


async def test_leaving_in_the_middle_of_a_test_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    mc = TOOLS[".mc/config.json"].replace("9100", str(port))
    write(tmp_path, {".mc/config.json": mc})
    app = setup(tmp_path, monkeypatch)
    async with app.run_test(size=USUAL) as pilot:
        await looked(pilot)
        await choose(pilot, "lab")
        await pilot.press("t")
        await until(pilot, heard.is_set, "the server is asked")
        await pilot.press("ctrl+c")
        await until(pilot, lambda: app._exit)
    server.close()
    await server.wait_closed()  # the process that asked is gone, and with it the connection
    assert app.outcome.written is None
    assert list((tmp_path / "here").iterdir()) == []


async def test_a_cloud_by_hand_and_the_way_to_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = setup(tmp_path, monkeypatch)
    async with app.run_test(size=SMALL) as pilot:
        screen = await looked(pilot)
        await shows(pilot, "No cloud was found")
        await pilot.press("w")
        assert app.screen is screen
        await pilot.press("a")
        await until(pilot, on(pilot, Choice))
        await pilot.press("4")
        await until(pilot, on(pilot, Form))
        app.screen.query_one("#in-root").value = str(tmp_path)
        await pilot.press("enter")
        await until(pilot, lambda: len(screen.entries) == 1)
        assert screen.entries[0].candidate.get("root") == str(tmp_path)
        await pilot.press("b")
        await until(pilot, on(pilot, Choice))
        await pilot.press("2")
        await until(pilot, lambda: screen.kafka == "off")
        await pilot.press("d")
        await until(pilot, lambda: app._exit)
    assert app.outcome.demo
    assert app.outcome.written is None


@pytest.mark.parametrize(
    ("text", "right"),
    [("a:9092,b:9092", True), ("[::1]:9092", True), ("http://a", False), ("", False)],
)
def test_servers(text: str, right: bool) -> None:
    if right:
        assert finish.read_servers(text) == text
    else:
        with pytest.raises(ValueError, match="host:port"):
            finish.read_servers(text)
