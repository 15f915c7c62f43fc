"""Object servers on this machine's loopback ports: one harmless request each, with short patience.

No credential is sent: an answer is known by its Server header or by the shape of its refusal.
"""

import asyncio
from collections.abc import Mapping, Sequence

from engine.discovery.candidate import Candidate, candidate
from engine.model import Provider, StoreKind

PORTS = (9000, 9001, 8333, 10000, 4443)
KAFKA_PORT = 9092
_SECONDS = 0.6
_MOST = 4096
_HOST = "127.0.0.1"
_KEYS = (
    ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"),
    ("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"),
    ("RUSTFS_ACCESS_KEY", "RUSTFS_SECRET_KEY"),
)


async def from_ports(
    environ: Mapping[str, str], ports: Sequence[int] = PORTS, *, seconds: float = _SECONDS
) -> list[Candidate]:
    """The servers that answered within `seconds`, in the order of `ports`."""
    answers = await asyncio.gather(*(_ask(port, seconds) for port in ports))
    found = (_judge(port, answer, environ) for port, answer in zip(ports, answers, strict=True))
    return [item for item in found if item is not None]


async def kafka_answers(port: int = KAFKA_PORT, *, seconds: float = _SECONDS) -> bool:
    """Whether somebody listens where brokers usually do."""
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(_HOST, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def _ask(port: int, seconds: float) -> str:
    """The first bytes of the answer to a plain GET, "" where nobody answers."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(_HOST, port)
            writer.write(f"GET / HTTP/1.0\r\nHost: {_HOST}:{port}\r\nAccept: */*\r\n\r\n".encode())
            raw = b""
            while len(raw) < _MOST and (more := await reader.read(_MOST - len(raw))):
                raw += more
    except (OSError, TimeoutError):
        return ""
    finally:
        if writer is not None:
            writer.close()
    return raw.decode("latin-1")


def _judge(port: int, answer: str, environ: Mapping[str, str]) -> Candidate | None:
    if not answer.startswith("HTTP/"):
        return None
    head, _, body = answer.partition("\r\n\r\n")
    head = head.lower()
    endpoint, source = f"http://{_HOST}:{port}", f"port {port} of this machine"
    if "azurite" in head:
        return candidate(
            *("azurite", StoreKind.AZURE, Provider.AZURE, source),
            endpoint=endpoint,
            account="devstoreaccount1",
            key="env:AZURE_STORAGE_KEY" if environ.get("AZURE_STORAGE_KEY") else "",
            note="the emulator of Azure; its key goes into AZURE_STORAGE_KEY",
            likely=bool(environ.get("AZURE_STORAGE_KEY")),
        )
    if port == 4443 and ("fake-gcs" in answer.lower() or "storage" in body.lower()):
        return candidate(*("gcs-emulator", StoreKind.GCS, Provider.GCP, source), endpoint=endpoint)
    speaks = "x-amz-" in head or "<Error>" in body or "ListAllMyBucketsResult" in body
    if not speaks or "text/html" in head:  # a console in a browser is no store
        return None
    names = (("minio", "minio"), ("seaweed", "seaweedfs"), ("rustfs", "rustfs"))
    name = next((name for sign, name in names if sign in head), "s3")
    pair = next((pair for pair in _KEYS if all(environ.get(key) for key in pair)), None)
    access, secret = pair or ("", "")
    return candidate(
        *(name, StoreKind.S3, Provider.ONPREM, source),
        endpoint=endpoint,
        access_key=f"env:{access}" if access else "",
        secret_key=f"env:{secret}" if secret else "",
        path_style=True,
        note="" if access else "an S3 server; name its keys (e)",
        likely=bool(access),
    )
