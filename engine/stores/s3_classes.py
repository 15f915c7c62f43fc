"""Storage classes: what a provider calls them, and what goes over the wire.

Amazon and Google speak their own names. A server that only stands in for a provider (an
emulator, a gateway) knows Amazon's names alone, so that each class of the provider gets the one
that behaves like it: readable at once stays so, archived stays archived.
"""

from collections.abc import Mapping
from types import MappingProxyType

from engine.model import Provider

ARCHIVES = frozenset({"GLACIER", "DEEP_ARCHIVE"})  # on the wire: unreadable until restored
_READABLE = ("STANDARD", "STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "REDUCED_REDUNDANCY")

_STAND_INS: Mapping[Provider, Mapping[str, str]] = MappingProxyType(
    {
        Provider.GCP: {
            "STANDARD": "STANDARD",
            "NEARLINE": "STANDARD_IA",
            "COLDLINE": "ONEZONE_IA",
            "ARCHIVE": "GLACIER_IR",
        },
        Provider.AZURE: {
            "Hot": "STANDARD",
            "Cool": "STANDARD_IA",
            "Cold": "GLACIER_IR",
            "Archive": "DEEP_ARCHIVE",
        },
    }
)


class StorageClasses:
    """Translates between a provider's names and the wire's. Unknown names pass as they are."""

    def __init__(self, provider: Provider, *, native: bool) -> None:
        names = {} if native else _STAND_INS.get(provider, {})
        self._to_wire = dict(names)
        self._from_wire = {wire: name for name, wire in names.items()}

    def to_wire(self, storage_class: str) -> str:
        """For the x-amz-storage-class header; "" (send none) for the default."""
        wire = self._to_wire.get(storage_class, storage_class)
        return "" if wire == "STANDARD" else wire

    @property
    def readable(self) -> frozenset[str]:
        """The provider's names of classes that are always read at once."""
        return frozenset(map(self.from_wire, _READABLE))

    def from_wire(self, wire: str) -> str:
        """What the provider calls it; S3 leaves the header out for STANDARD."""
        return self._from_wire.get(wire or "STANDARD", wire or "STANDARD")
