"""The address of an object as other tools take it."""

import os
import urllib.parse

from engine.errors import ConfigError, Refused
from engine.model import Address, StoreKind
from engine.settings import CloudSettings


def url_of(cloud: CloudSettings, address: Address) -> str:
    """`s3://bucket/key`, `gs://bucket/key`, the blob's https address, or `file:///…`.

    The first two are no real URLs: their tools take the key as it is, so it is not quoted.
    Raises Refused if the settings do not tell the address.
    """
    bucket, key = address.bucket, address.key
    match cloud.kind:
        case StoreKind.S3:
            return f"s3://{bucket}/{key}"
        case StoreKind.GCS:
            return f"gs://{bucket}/{key}"
        case StoreKind.AZURE:
            from engine.stores.azure_endpoint import Endpoint

            account = cloud.account or os.environ.get("AZURE_STORAGE_ACCOUNT", "")
            try:
                endpoint = Endpoint.of(cloud.name, account, cloud.endpoint)
            except ConfigError as error:
                raise Refused(error.what, subject=str(address), todo=error.todo) from error
            return endpoint.url(endpoint.path(bucket, key), [])
        case StoreKind.LOCAL:
            if cloud.root is None:
                raise Refused("It is not known which folder this is.", subject=str(address))
            return f"file://{_quoted(os.path.abspath(cloud.root))}/{_quoted(bucket)}/{_quoted(key)}"


def _quoted(text: str) -> str:
    return urllib.parse.quote(text.encode("utf-8", "surrogateescape"), safe="/~")
