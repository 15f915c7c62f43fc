"""Stores: one protocol (`base`), one module for each kind."""

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
    from engine.stores.gcs import GCSStore

    return GCSStore(settings)
