"""Stores: one protocol (`base`), one module for each kind."""

from engine.errors import ConfigError
from engine.model import StoreKind
from engine.settings import CloudSettings
from engine.stores.base import ObjectStore


def open_store(settings: CloudSettings) -> ObjectStore:
    """The store of a configured cloud; nothing is sent yet. Raises ConfigError."""
    if settings.kind is StoreKind.LOCAL:
        from engine.stores.local import LocalStore

        return LocalStore(settings)
    if settings.kind is StoreKind.S3:
        from engine.stores.s3 import S3Store

        return S3Store(settings)
    if settings.kind is StoreKind.AZURE:
        from engine.stores.azure import AzureStore

        return AzureStore(settings)
    raise ConfigError(
        f"This version speaks to S3-compatible stores, Azure and local folders, not to kind "
        f"{settings.kind.value!r}.",
        subject=f"clouds.{settings.name}",
        todo='Use kind = "s3" with the S3-compatible endpoint of that cloud '
        '(for Google Cloud Storage: endpoint = "https://storage.googleapis.com" and an HMAC key).',
    )
