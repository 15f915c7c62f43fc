"""Tokens of Google: from a key file or the defaults, renewed in time, and never shown."""

import asyncio
import json
import logging
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from engine.errors import AccessDenied, ConfigError, Unavailable
from engine.model import Provider, StoreKind
from engine.settings import CloudSettings
from engine.stores.gcs import GCSStore
from engine.stores.gcs_credentials import TokenSource
from tests.fake_gcs import FakeGCS, GCSQuirks
from tests.servers import free_ports
from tests.stores.gcs_tools import BUCKET, get, put


class TokenServer:
    """Google's token endpoint: gives token-1, token-2, … or what the test says.

    Status 0 hangs up.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.life = 3600
        self.answer: tuple[int, dict[str, object]] | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", "0")))
                outer.asked += 1
                token = {"access_token": f"token-{outer.asked}", "token_type": "Bearer"}
                status, body = outer.answer or (200, {**token, "expires_in": outer.life})
                if not status:
                    self.close_connection = True
                    return
                raw = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *args: object) -> None:
                del args

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/token"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    made = TokenServer()
    made.thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    made.thread.join(10)


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No Google credentials anywhere, and no metadata server."""
    for name in list(os.environ):
        if name.startswith(("GOOGLE_", "GCLOUD_", "CLOUDSDK_", "STORAGE_EMULATOR")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("PATH", str(tmp_path))  # no gcloud command that is asked for a project
    return tmp_path


@pytest.fixture
def key_file(home: Path, tokens: TokenServer, private_key: str) -> Path:
    path = home / "key.json"
    info = {
        "type": "service_account",
        "project_id": "my-project",
        "private_key_id": "id",
        "private_key": private_key,
        "client_email": "astra@my-project.iam.gserviceaccount.com",
        "token_uri": tokens.url,
    }
    path.write_text(json.dumps(info))
    return path


def cloud(path: Path | None = None, endpoint: str = "") -> CloudSettings:
    return CloudSettings("g", StoreKind.GCS, Provider.GCP, endpoint=endpoint, credentials_file=path)


def source(path: Path | None = None) -> TokenSource:
    return TokenSource(cloud(path), anonymous=False)


async def test_a_key_file_gives_tokens_and_the_project(key_file: Path, tokens: TokenServer) -> None:
    made = source(key_file)
    assert (await made.headers())["Authorization"] == "Bearer token-1"
    assert (await made.headers())["Authorization"] == "Bearer token-1"
    assert (made.project, tokens.asked) == ("my-project", 1)


async def test_many_callers_ask_once(key_file: Path, tokens: TokenServer) -> None:
    made = source(key_file)
    found = await asyncio.gather(*(made.headers() for _ in range(20)))
    assert {item["Authorization"] for item in found} == {"Bearer token-1"}
    assert tokens.asked == 1


async def test_a_token_is_renewed_before_it_ends(
    key_file: Path, tokens: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("engine.stores.gcs_credentials.time.monotonic", lambda: now[0])
    made = source(key_file)
    await made.headers()
    now[0] += 3600 - 400
    assert (await made.headers())["Authorization"] == "Bearer token-1"
    now[0] += 200
    assert (await made.headers())["Authorization"] == "Bearer token-2"
    now[0] += 3600 - 200  # the token service is down, and the token still good for a while
    tokens.answer = (0, {})
    assert (await made.headers())["Authorization"] == "Bearer token-2"
    now[0] += 300
    with pytest.raises(Unavailable):
        await made.headers()


async def test_a_refused_token_is_renewed_once_for_every_request(
    key_file: Path, tokens: TokenServer
) -> None:
    with FakeGCS(GCSQuirks(tokens=frozenset({"token-2"})), BUCKET) as fake:
        fake.objects.put(BUCKET, "a", b"x" * 5)
        store = GCSStore(cloud(key_file, fake.endpoint))
        try:
            pin = (await store.head(BUCKET, "a")).pin  # token-1 is refused, token-2 taken
            assert tokens.asked == 2
            assert await get(store, "a", pin) == b"xxxxx"
            await put(store, "b", b"y" * 3_000_000)
            fake.differs = GCSQuirks(tokens=frozenset({"token-3"}))
            assert await get(store, "a", pin) == b"xxxxx"
            assert tokens.asked == 3
            fake.differs = GCSQuirks(tokens=frozenset({"never"}))
            with pytest.raises(AccessDenied):
                await store.head(BUCKET, "a")
            assert tokens.asked == 4
        finally:
            await store.close()


async def test_the_defaults_of_the_environment_and_of_gcloud(
    home: Path, key_file: Path, tokens: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
    made = source()
    assert (await made.headers())["Authorization"] == "Bearer token-1"
    assert made.project == "my-project"
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    (home / "gcloud").mkdir()
    adc = home / "gcloud" / "application_default_credentials.json"
    adc.write_text(key_file.read_text())
    assert (await source().headers())["Authorization"] == "Bearer token-2"


async def test_a_user_s_own_login_pays_with_its_project(home: Path, tokens: TokenServer) -> None:
    path = home / "user.json"
    info = {
        "type": "authorized_user",
        "client_id": "c",
        "client_secret": "s",
        "refresh_token": "r",
        "quota_project_id": "payer",
        "token_uri": tokens.url,
    }
    path.write_text(json.dumps(info))
    made = source(path)
    found = made._of_file(path)
    assert found.quota_project_id == "payer"


async def test_no_credentials_at_all(home: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        await source().headers()
    assert "gcloud auth application-default login" in caught.value.todo
    assert caught.value.subject == "clouds.g"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "not there"),
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "no type"),
        ('{"type": "service_account"}', "no usable service_account file"),
        ('{"type": "service_account", "private_key": "PRIVATE"}', "no usable"),
        ('{"type": "authorized_user", "refresh_token": "PRIVATE"}', "no usable"),
        ('{"type": "external_account"}', "no usable"),
    ],
)
async def test_a_key_file_that_cannot_be_used(home: Path, content: str | None, words: str) -> None:
    path = home / "key.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        await source(path).headers()
    assert words in caught.value.what
    assert caught.value.subject == str(path)
    assert "credentials" in caught.value.todo
    assert "PRIVATE" not in str(caught.value)


async def test_a_folder_is_no_key_file(home: Path) -> None:
    (home / "key.json").mkdir()
    with pytest.raises(ConfigError) as caught:
        await source(home / "key.json").headers()
    assert "cannot be read" in caught.value.what


async def test_credentials_that_google_refuses(key_file: Path, tokens: TokenServer) -> None:
    tokens.answer = (400, {"error": "invalid_grant", "error_description": "no such account"})
    with pytest.raises(ConfigError) as caught:
        await source(key_file).headers()
    assert "invalid_grant" in caught.value.what


async def test_a_token_service_that_is_away(key_file: Path) -> None:
    (port,) = free_ports(1)
    info = json.loads(key_file.read_text())
    key_file.write_text(json.dumps({**info, "token_uri": f"http://127.0.0.1:{port}/token"}))
    with pytest.raises(Unavailable) as caught:
        await source(key_file).headers()
    assert "token service" in caught.value.what


async def test_neither_key_nor_token_is_ever_shown(
    key_file: Path, private_key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with FakeGCS(GCSQuirks(tokens=frozenset({"none"})), BUCKET) as fake:
        store = GCSStore(cloud(key_file, fake.endpoint))
        try:
            with pytest.raises(AccessDenied) as caught:
                await store.head(BUCKET, "a")
        finally:
            await store.close()
    shown = caplog.text + str(caught.value) + repr(vars(store._client.tokens))
    assert "token-" not in shown
    assert private_key.splitlines()[3] not in shown


async def test_an_emulator_is_asked_without_any(home: Path) -> None:
    with FakeGCS(None, BUCKET) as fake:
        store = GCSStore(cloud(None, fake.endpoint))
        try:
            assert await store.buckets() == [BUCKET]
        finally:
            await store.close()
        assert all("authorization" not in seen.headers for seen in fake.seen)
