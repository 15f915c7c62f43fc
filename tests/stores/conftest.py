"""A folder and the scripted server as stores."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.stores.local import LocalStore
from engine.stores.s3 import S3Store
from tests.fake_s3 import FakeS3
from tests.stores.fault_tools import BUCKET
from tests.stores.local_tools import cloud


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[LocalStore]:
    store = LocalStore(cloud(tmp_path))
    await store.create_bucket("b")
    yield store
    await store.close()


@pytest.fixture
async def store(fake: FakeS3) -> AsyncIterator[S3Store]:
    """A store on the scripted server, its canary already asked."""
    fake.state.buckets[BUCKET] = {}
    store = S3Store(fake.cloud())
    await store.guards_deletes(BUCKET)
    fake.seen.clear()
    yield store
    await store.close()
