"""TLS and SASL, by a guard in front of a real broker: tansu has no TLS of its own that works."""

import asyncio
import contextlib
import datetime
import ipaddress
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from engine.access import AccessStatistics
from engine.database import Database
from engine.events.bus import EventBus
from engine.model import Address, KafkaState
from engine.settings import KafkaSettings, Secret
from tests.events.conftest import until
from tests.kafka_servers import tansu_broker
from tests.servers import free_ports

SASL_HANDSHAKE, SASL_AUTHENTICATE = 17, 36
PASSWORD = "pass-word-of-the-test"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "cert.pem", folder / "key.pem"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_file, key_file


class Guard:
    """Terminates TLS and checks SASL PLAIN, then lets everything through to the broker."""

    def __init__(self, broker_port: int, credentials: bytes) -> None:
        self._broker_port = broker_port
        self._credentials = credentials
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, out = await asyncio.open_connection("127.0.0.1", self._broker_port)
        answers = asyncio.create_task(self._copy(inner, writer))
        try:
            while True:
                size = struct.unpack(">i", await reader.readexactly(4))[0]
                frame = await reader.readexactly(size)
                api, version, correlation = struct.unpack(">hhi", frame[:8])
                if api == SASL_HANDSHAKE and self._credentials:
                    body = struct.pack(">hi", 0, 1) + struct.pack(">h", 5) + b"PLAIN"
                elif api == SASL_AUTHENTICATE and self._credentials:
                    right = frame.endswith(self._credentials)
                    body = struct.pack(">hhi", 0 if right else 58, -1, 0)
                    body += struct.pack(">q", 0) if version >= 1 else b""
                else:
                    out.write(struct.pack(">i", size) + frame)
                    continue
                reply = struct.pack(">i", correlation) + body
                writer.write(struct.pack(">i", len(reply)) + reply)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            answers.cancel()
            for stream in (out, writer):
                stream.close()
                with contextlib.suppress(OSError):
                    await stream.wait_closed()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)


@asynccontextmanager
async def guarded(
    context: ssl.SSLContext | None = None, credentials: bytes = b""
) -> AsyncIterator[str]:
    """The address of a guarded broker."""
    (port,) = free_ports(1)
    with tansu_broker(advertised=port) as broker:
        guard = Guard(broker.port, credentials)
        server = await asyncio.start_server(guard.serve, "127.0.0.1", port, ssl=context)
        before = asyncio.all_tasks()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.close()
            await server.wait_closed()
            serving = asyncio.all_tasks() - before
            if serving:
                await asyncio.wait(serving, timeout=10)


async def counts_one(settings: KafkaSettings, state: Database, access: AccessStatistics) -> None:
    bus = EventBus(settings, state, access)
    await bus.start()
    try:
        await bus.send_access(Address("aws", "b", "k"))
        await until(lambda: access.columns("aws", "b", ["k"]).reads_1d[0] == 1)
    finally:
        await bus.stop()


async def error_of(settings: KafkaSettings, state: Database, access: AccessStatistics) -> str:
    bus = EventBus(settings, state, access)
    await bus.start()
    try:
        assert await bus.wait_for(KafkaState.AWAY, 30)
        return bus.status().error
    finally:
        await bus.stop()


async def test_tls(state: Database, statistics: AccessStatistics, tmp_path: Path) -> None:
    certificate_file, key_file = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    async with guarded(context) as bootstrap:
        settings = KafkaSettings(
            bootstrap=bootstrap, group="", security_protocol="SSL", ca_file=certificate_file
        )
        await counts_one(settings, state, statistics)
        unknown = KafkaSettings(bootstrap=bootstrap, group="", security_protocol="SSL")
        assert "certificate verify failed" in await error_of(unknown, state, statistics)
        missing = KafkaSettings(
            bootstrap=bootstrap, security_protocol="SSL", ca_file=tmp_path / "none.pem"
        )
        assert "Correct ca_file" in await error_of(missing, state, statistics)


async def test_sasl_plain(
    state: Database, statistics: AccessStatistics, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarded(credentials=b"\x00astra\x00" + PASSWORD.encode()) as bootstrap:
        settings = KafkaSettings(
            bootstrap=bootstrap,
            group="",
            security_protocol="SASL_PLAINTEXT",
            username="astra",
            password=Secret(PASSWORD),
        )
        await counts_one(settings, state, statistics)
        wrong = KafkaSettings(
            bootstrap=bootstrap,
            group="",
            security_protocol="SASL_PLAINTEXT",
            username="astra",
            password=Secret("not-" + PASSWORD),
        )
        error = await error_of(wrong, state, statistics)
        assert "uthentication" in error
        assert PASSWORD not in error
    assert PASSWORD not in caplog.text


async def test_scram_for_a_user_that_is_not_known(
    state: Database, statistics: AccessStatistics
) -> None:
    with tansu_broker(options=["--authentication"]) as broker:
        settings = KafkaSettings(
            bootstrap=broker.bootstrap,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="SCRAM-SHA-512",
            username="nobody",
            password=Secret(PASSWORD),
        )
        assert "did not accept the credentials" in await error_of(settings, state, statistics)
