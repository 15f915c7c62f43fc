"""Looks at the demo's clouds with another client (boto3) that shares no code with Astra's own.

Everything here blocks; call it in a thread.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from demo_data import content, inventory
from engine.model import Address
from engine.settings import CloudSettings
from engine.stores.s3_classes import StorageClasses

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Seen:
    """An object as the witness found it; `storage_class` by the provider's name.

    `md5` is the store's ETag, empty for multipart ones; `modified` in epoch seconds.
    """

    size: int
    md5: str
    storage_class: str
    modified: float


class Witness:
    """Sees the clouds at their own endpoints, without any proxy between."""

    def __init__(self, clouds: Sequence[CloudSettings]) -> None:
        self._clouds = {cloud.name: cloud for cloud in clouds}
        self._clients: dict[str, S3Client] = {}
        self._known: dict[Address, str] = {}

    def objects(self, cloud: str) -> dict[str, Seen]:
        """Everything in the cloud's bucket, by key."""
        pages = self._client(cloud).get_paginator("list_objects_v2")
        classes = StorageClasses(self._clouds[cloud].provider, native=False)
        found = {}
        for page in pages.paginate(Bucket=self._clouds[cloud].bucket):
            for entry in page.get("Contents", []):
                etag = entry["ETag"].strip('"')
                found[entry["Key"]] = Seen(
                    size=entry["Size"],
                    md5="" if "-" in etag else etag,
                    storage_class=classes.from_wire(entry.get("StorageClass", "")),
                    modified=entry["LastModified"].timestamp(),
                )
        return found

    def read(self, address: Address) -> bytes | None:
        """The object's bytes, None if there is none."""
        from botocore.exceptions import ClientError

        try:
            answer = self._client(address.cloud).get_object(Bucket=address.bucket, Key=address.key)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
                return None
            raise
        return answer["Body"].read()

    def unfinished(self, cloud: str) -> int:
        """How many multipart uploads were begun and neither completed nor aborted."""
        answer = self._client(cloud).list_multipart_uploads(Bucket=self._clouds[cloud].bucket)
        return len(answer.get("Uploads", []))

    def known_md5(self, address: Address) -> str:
        """The digest that the object was created with, made anew from the demo's data."""
        if not self._known:
            for item in inventory():
                place = Address(item.cloud, item.bucket, item.key)
                digest = hashlib.md5(content(item), usedforsecurity=False)
                self._known[place] = digest.hexdigest()
        return self._known[address]

    def _client(self, cloud: str) -> "S3Client":
        if cloud not in self._clients:
            import boto3
            from botocore.config import Config

            settings = self._clouds[cloud]
            self._clients[cloud] = boto3.client(
                "s3",
                endpoint_url=settings.endpoint,
                region_name=settings.region,
                aws_access_key_id="witness",
                aws_secret_access_key="witness",
                config=Config(
                    s3={"addressing_style": "path"},
                    response_checksum_validation="when_required",
                    proxies={},
                ),
            )
        return self._clients[cloud]
