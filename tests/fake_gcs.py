"""A small Google Cloud Storage that misbehaves exactly when told to.

    with FakeGCS() as fake:
        fake.objects.put("bucket", "a", b"bytes")
        fake.on_request = lambda seen: Fault(reset=True) if seen.method == "POST" else None

`FakeS3` in another protocol: it runs in a thread, counts every request, and its objects are
immutable values in generations. Conditions, checksums, holds and versions are as Google's,
unless `GCSQuirks` say otherwise.
"""

from engine.model import Provider, StoreKind
from engine.settings import CloudSettings
from tests.fake_gcs_handlers import GCSQuirks, GCSRequest, error, handle
from tests.fake_gcs_state import GCSBucket, GCSObject, GCSState
from tests.fake_s3 import FakeS3, Fault, Seen, flip
from tests.fake_s3_wire import Answer, Request

__all__ = ["FakeGCS", "Fault", "GCSBucket", "GCSObject", "GCSQuirks", "GCSState", "Seen"]


class FakeGCS(FakeS3):
    """The server. `objects` holds them, `seen` is every request, `on_request` the script."""

    def __init__(self, quirks: GCSQuirks | None = None, *buckets: str) -> None:
        super().__init__()
        self.objects = GCSState()
        self.differs = quirks or GCSQuirks()
        for bucket in buckets:
            self.objects.buckets[bucket] = GCSBucket()

    def cloud(self, name: str = "fake", *, provider: Provider = Provider.GCP) -> CloudSettings:
        """Settings of a cloud that lives here."""
        return CloudSettings(
            name=name, kind=StoreKind.GCS, provider=provider, endpoint=self.endpoint
        )

    def parse(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Request:
        """A request as it came; `key` is the object's name, also of an upload."""
        return GCSRequest.read(method, target, headers, body)

    def damage(self, request: Request, at: int) -> None:
        """One bit of an upload's bytes is wrong; its frame is left as it is."""
        assert isinstance(request, GCSRequest)
        request.media = flip(request.media, at)

    def handle(self, request: Request) -> Answer:
        """Carry it out."""
        assert isinstance(request, GCSRequest)
        return handle(self.objects, self.differs, request)

    def error(self, status: int, code: str) -> Answer:
        """An error answer of the JSON API; `code` is its reason."""
        return error(status, code)
