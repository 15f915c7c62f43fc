"""Keys from the settings or from the usual chain, looked up late and off the loop."""

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.model import Provider, StoreKind
from engine.settings import CloudSettings, Secret
from engine.stores.credentials import CredentialSource

CLEAN = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An AWS configuration of the test's own, and nothing in the environment."""
    for name in CLEAN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path


def settings(profile: str = "", **keys: str) -> CloudSettings:
    return CloudSettings(
        "aws",
        StoreKind.S3,
        Provider.AWS,
        profile=profile,
        **{name: Secret(value) for name, value in keys.items()},
    )


async def test_keys_of_the_settings(home: Path) -> None:
    source = CredentialSource(settings(access_key="AK", secret_key="SK", session_token="ST"))
    found = await source.get()
    assert (found.access_key, found.secret_key.reveal(), found.session_token.reveal()) == (
        "AK",
        "SK",
        "ST",
    )


async def test_keys_of_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")
    found = await CredentialSource(settings()).get()
    assert (found.access_key, bool(found.session_token)) == ("ENV", False)


async def test_keys_of_a_profile(home: Path) -> None:
    (home / "credentials").write_text(
        "[other]\naws_access_key_id = PROFILE\naws_secret_access_key = SK\n"
        "aws_session_token = TOKEN\n"
    )
    found = await CredentialSource(settings("other")).get()
    assert (found.access_key, found.session_token.reveal()) == ("PROFILE", "TOKEN")


async def test_no_keys_is_said_with_what_to_do(home: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        await CredentialSource(settings()).get()
    assert caught.value.subject == "clouds.aws"
    assert "aws configure" in caught.value.todo


async def test_a_missing_profile_is_named(home: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        await CredentialSource(settings("nobody")).get()
    assert "nobody" in str(caught.value)


async def test_keys_that_expire_are_asked_for_again(home: Path) -> None:
    counter = home / "count"
    program = home / "keys.py"
    program.write_text(
        "import json, pathlib\n"
        f"count = pathlib.Path({str(counter)!r})\n"
        "number = int(count.read_text()) + 1 if count.exists() else 1\n"
        "count.write_text(str(number))\n"
        "print(json.dumps({'Version': 1, 'AccessKeyId': f'AK{number}', 'SecretAccessKey': 'SK',"
        " 'SessionToken': 'T', 'Expiration': '2020-01-01T00:00:00Z' if number == 1 else"
        " '2099-01-01T00:00:00Z'}))\n"
    )
    (home / "config").write_text(
        f"[profile made]\ncredential_process = {sys.executable} {program}\n"
    )
    source = CredentialSource(settings("made"))
    first = await source.get()
    assert (await source.get()).access_key == first.access_key
    source.forget()
    assert (await source.get()).access_key == "AK2"


async def test_the_chain_is_asked_once_at_a_time_and_not_on_the_loop(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")
    source = CredentialSource(settings())
    threads: list[threading.Thread] = []
    real = source._find

    def find():
        threads.append(threading.current_thread())
        return real()

    monkeypatch.setattr(source, "_find", find)
    await asyncio.gather(*(source.get() for _ in range(5)))
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


def test_opening_a_store_loads_no_sdk_and_no_http_library() -> None:
    program = (
        "import sys\n"
        "from engine.model import Provider, StoreKind\n"
        "from engine.settings import CloudSettings\n"
        "from engine.stores import open_store\n"
        "open_store(CloudSettings('a', StoreKind.S3, Provider.AWS, region='us-east-1'))\n"
        "heavy = ('aiohttp', 'botocore', 'boto3', 'textual', 'numpy')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
