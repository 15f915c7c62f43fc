"""What is found of clouds: files of other tools as they are, as they should not be, and ports."""

import asyncio
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from astra_tui.config import load_settings, read_environment
from astra_tui.setup.config_text import add_to_dotenv, config_text, secrets_of, write_new
from engine.discovery.candidate import Candidate, candidate, cloud_name
from engine.discovery.files import LARGEST, Reader
from engine.discovery.ports import from_ports
from engine.discovery.search import Found, search
from engine.errors import ConfigError
from engine.model import Provider, StoreKind
from tests.servers import free_ports

SECRET = "do'not\\show\"me"


def write(home: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


async def found(home: Path, environ: Mapping[str, str] | None = None) -> Found:
    steps = [step async for step in search(environ or {}, home, home, ports=())]
    assert [step.done for step in steps] == [False, True]
    return steps[-1]


def by_name(result: Found) -> dict[str, Candidate]:
    # Folders of the machine that runs the test are whatever they are.
    return {c.name: c for c in result.candidates if c.kind is not StoreKind.LOCAL}


AWS = {
    ".aws/config": "[default]\nregion = eu-west-1\n[profile ops]\nrole_arn = arn:x\n"
    "[profile far]\nservices = here\nregion = r1\n[services here]\ns3 =\n"
    "    endpoint_url = https://s3.example.net\n[sso-session x]\nsso_region = y\n",
    ".aws/credentials": f"[default]\naws_access_key_id = AKIA\naws_secret_access_key = {SECRET}\n",
}


async def test_aws_profiles(tmp_path: Path) -> None:
    write(tmp_path, AWS)
    clouds = by_name(await found(tmp_path))
    assert set(clouds) == {"aws", "ops", "far"}
    assert clouds["aws"].get("region") == "eu-west-1"
    assert clouds["aws"].likely
    assert not clouds["ops"].likely
    assert "role" in clouds["ops"].note
    assert clouds["far"].get("endpoint") == "https://s3.example.net"
    assert clouds["far"].provider is Provider.ONPREM
    assert SECRET not in repr(clouds)


async def test_keys_of_the_environment_come_before_profiles(tmp_path: Path) -> None:
    write(tmp_path, AWS)
    environ = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-west-2"}
    clouds = by_name(await found(tmp_path, environ))
    assert [c.get("profile") for c in clouds.values() if c.likely] == [""]
    assert clouds["aws"].get("region") == "us-west-2"
    environ["AWS_ENDPOINT_URL_S3"] = "http://127.0.0.1:9000"
    clouds = by_name(await found(tmp_path, environ))
    assert clouds["s3"].get("endpoint") == "http://127.0.0.1:9000"
    assert clouds["s3"].path_style


async def test_google_and_azure(tmp_path: Path) -> None:
    gcloud = ".config/gcloud/"
    write(
        tmp_path,
        {
            f"{gcloud}application_default_credentials.json": '{"quota_project_id": "billed"}',
            f"{gcloud}configurations/config_default": "[core]\nproject = mine\n",
            ".azure/azureProfile.json": '\ufeff{"subscriptions": [{"name": "Pay", '
            '"isDefault": true}]}',
        },
    )
    clouds = by_name(await found(tmp_path))
    assert clouds["gcp"].get("project") == "mine"
    assert "Pay" in clouds["azure"].note
    assert not clouds["azure"].likely  # nobody said which account
    key = tmp_path / "sa.json"
    key.write_text(
        '{"client_email": "bot@x", "project_id": "p1", "private_key": "' + "x" * 9 + '"}'
    )
    text = f"DefaultEndpointsProtocol=https;AccountName=mydata;AccountKey={SECRET}=="
    environ = {
        "GOOGLE_APPLICATION_CREDENTIALS": str(key),
        "GOOGLE_CLOUD_PROJECT": "p2",
        "AZURE_STORAGE_CONNECTION_STRING": text,
    }
    clouds = by_name(await found(tmp_path, environ))
    assert "bot@x" in clouds["gcp"].note
    assert clouds["gcp"].get("project") == "p2"
    assert clouds["azure"].get("account") == "mydata"
    assert SECRET not in json.dumps([c.to_json() for c in clouds.values()])


TOOLS = {
    ".mc/config.json": json.dumps(
        {"aliases": {
            "lab": {"url": "http://127.0.0.1:9100/", "accessKey": "u", "secretKey": SECRET},
            "play": {"url": "https://play.min.io", "accessKey": "Q", "secretKey": "z"},
            "gcs": {"url": "https://storage.googleapis.com", "accessKey": "", "secretKey": ""},
        }}
    ),
    ".config/rclone/rclone.conf": "[away]\ntype = s3\nendpoint = store.example.org\n"
    f"access_key_id = r\nsecret_access_key = {SECRET}\n[blob]\ntype = azureblob\naccount = acc1\n"
    f"key = {SECRET}\n[disk]\ntype = local\n",
    ".s3cfg": f"[default]\naccess_key = k\nsecret_key = {SECRET}\nhost_base = s3.amazonaws.com\n",
}  # fmt: skip


async def test_keys_of_other_tools_are_referred_to_and_never_written(tmp_path: Path) -> None:
    write(tmp_path, TOOLS)
    result = await found(tmp_path)
    clouds = by_name(result)
    assert {"lab", "away", "blob", "s3cmd"} <= set(clouds)
    assert "play" not in clouds
    chosen = list(clouds.values())
    secrets = secrets_of(chosen)
    assert set(secrets) >= {"MC_LAB_SECRET_KEY", "RCLONE_AWAY_SECRET_KEY", "RCLONE_BLOB_KEY"}
    text = config_text(chosen)
    told = [text, repr(result), json.dumps([c.to_json() for c in chosen])]
    assert not [one for one in told if SECRET in one or "do'not" in one]
    # And what is written can be used as it is.
    config, dotenv = tmp_path / "astra.toml", tmp_path / ".env"
    write_new(config, text)
    dotenv.write_text("OTHER=1")
    dotenv.chmod(0o600)
    add_to_dotenv(dotenv, secrets)
    add_to_dotenv(dotenv, secrets)  # twice is once
    assert dotenv.read_text().count("MC_LAB_SECRET_KEY=") == 1
    assert read_environment(config, {}).values["OTHER"] == "1"
    settings, _, warnings = load_settings(config, tmp_path / "state", {})
    lab = settings.cloud("lab")
    assert lab is not None
    assert lab.secret_key.reveal() == SECRET
    assert warnings == []


def test_keys_go_into_no_file_that_others_read_and_beside_no_other_key(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("OTHER=1\n")
    dotenv.chmod(0o644)
    add_to_dotenv(dotenv, {"KEY": SECRET})
    assert dotenv.stat().st_mode & 0o777 == 0o600
    dotenv.chmod(0o644)
    add_to_dotenv(dotenv, {"KEY": SECRET})
    assert dotenv.stat().st_mode & 0o777 == 0o600
    before = dotenv.read_text()
    with pytest.raises(ConfigError, match="another value of KEY") as error:
        add_to_dotenv(dotenv, {"NEW": "1", "KEY": "changed"})
    assert "changed" not in str(error.value)
    assert SECRET not in str(error.value)
    assert dotenv.read_text() == before


async def test_files_of_no_use_are_told_of_and_end_nothing(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            ".aws/config": f"[default\naws_secret_access_key = {SECRET}\n",
            ".mc/config.json": "[" * 100_000,
            ".config/rclone/rclone.conf": "# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT",
            ".azure/azureProfile.json": "[]",
        },
    )
    (tmp_path / ".s3cfg").write_bytes(b"x" * (LARGEST + 1))
    (tmp_path / ".aws" / "credentials").mkdir()
    result = await found(tmp_path, {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "gone.json")})
    assert by_name(result) == {}
    told = "\n".join(result.troubles)
    for name in ("~/.aws/config", "config.json", "rclone.conf", "azureProfile", ".s3cfg", "gone"):
        assert name in told
    assert SECRET not in told


@pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("[a]\n")
    path.chmod(0)
    reader = Reader({}, tmp_path)
    assert reader.ini(path) == {}
    assert "Permission denied" in reader.troubles[0]


HOSTILE = (
    'a"b',
    "x\x1b[31my",
    "[red]z[/]",
    "é\u202eevil",
    "a\nb",
    "..",
    "file",
    "\U0001f600",
    "\x7f",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_become_clouds_of_valid_toml(name: str, tmp_path: Path) -> None:
    item = candidate(
        name, StoreKind.S3, Provider.AWS, f"profile {name}", profile=name, note=f"{name}\nkind = 1"
    )
    text = config_text([item])
    assert tomllib.loads(text)["clouds"][item.name]["profile"] == name
    assert "\x1b" not in text
    path = tmp_path / "astra.toml"
    path.write_text(text)
    settings, _, _ = load_settings(path, tmp_path / "state", {})
    assert [cloud.profile for cloud in settings.clouds] == [name]


def test_names_are_short_distinct_and_never_reserved() -> None:
    assert cloud_name("file") != "file"
    assert cloud_name("\x1b") == "cloud"
    assert len(cloud_name("x" * 300)) <= 24


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "astra.toml"
    target.write_text("mine")
    with pytest.raises(ConfigError, match="There is a file already"):
        write_new(target, "other")
    assert target.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["astra.toml"]
    write_new(tmp_path / "deep" / "er" / "astra.toml", "new")
    assert (tmp_path / "deep" / "er" / "astra.toml").stat().st_mode & 0o077 == 0


async def test_servers_on_ports_are_known_by_their_answers() -> None:
    silent, minio, web, azurite, closed = free_ports(5)
    answers = {
        minio: b"HTTP/1.0 403 F\r\nServer: MinIO\r\n\r\n<Error><Code>AccessDenied</Code></Error>",
        web: b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nServer: MinIO Console\r\n\r\n<html>",
        azurite: b"HTTP/1.1 400 B\r\nServer: Azurite-Blob/3.35\r\n\r\n<Error>",
    }
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        assert b"uthorization" not in request
        port = writer.get_extra_info("sockname")[1]
        if port == silent:
            await done.wait()
        else:
            writer.write(answers[port])
        writer.close()

    servers = [await asyncio.start_server(serve, "127.0.0.1", port) for port in (silent, *answers)]
    ports = (silent, minio, web, azurite, closed)
    items = await from_ports({"MINIO_ROOT_USER": "u", "MINIO_ROOT_PASSWORD": "p"}, ports)
    done.set()
    for server in servers:
        server.close()
        await server.wait_closed()
    assert [item.name for item in items] == ["minio", "azurite"]
    assert items[0].get("secret_key") == "env:MINIO_ROOT_PASSWORD"
    assert items[0].likely
    assert not items[1].likely
