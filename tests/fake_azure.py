"""A small Azure Blob service that misbehaves exactly when told to.

    with FakeAzure() as fake:
        fake.blobs.put("container", "a", b"bytes")
        fake.on_request = lambda seen: Fault(reset=True) if seen.method == "PUT" else None

`FakeS3` in another protocol: it runs in a thread, counts every request, and its blobs are
immutable values. It has what Azurite lacks: versions, snapshots, leases and policies in the way,
slow rehydration, a hierarchical namespace, copies of ranges, and pages of any size.
"""

from engine.model import Provider, StoreKind
from engine.settings import CloudSettings, Secret
from tests.fake_azure_handlers import AzureQuirks, AzureRequest, error, handle
from tests.fake_azure_state import AzureContainer, AzureState, FakeBlob
from tests.fake_s3 import FakeS3, Fault, Seen
from tests.fake_s3_wire import Answer, Request

__all__ = [
    "KEY",
    "AzureContainer",
    "AzureQuirks",
    "AzureState",
    "FakeAzure",
    "FakeBlob",
    "Fault",
    "Seen",
]

ACCOUNT = "fakeaccount"
KEY = "ZmFrZS1henVyZS1hY2NvdW50LWtleQ=="


class FakeAzure(FakeS3):
    """The server. `blobs` holds them, `seen` is every request, `on_request` the script."""

    def __init__(self, quirks: AzureQuirks | None = None, *containers: str) -> None:
        super().__init__()
        self.blobs = AzureState()
        self.differs = quirks or AzureQuirks()
        for container in containers:
            self.blobs.containers[container] = AzureContainer()

    def cloud(
        self, name: str = "fake", *, provider: Provider = Provider.AZURE, sas: str = ""
    ) -> CloudSettings:
        """Settings of a cloud that lives here: by key, or by a SAS."""
        return CloudSettings(
            name=name,
            kind=StoreKind.AZURE,
            provider=provider,
            endpoint=self.endpoint,
            account=ACCOUNT,
            account_key=Secret("" if sas else KEY),
            sas=Secret(sas),
        )

    def parse(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Request:
        """A request as it came; `bucket` is the container."""
        return AzureRequest.read(method, target, headers, body)

    def handle(self, request: Request) -> Answer:
        """Carry it out."""
        assert isinstance(request, AzureRequest)
        return handle(self.blobs, self.differs, request)

    def error(self, status: int, code: str) -> Answer:
        """An error answer of the service."""
        return error(status, code)
