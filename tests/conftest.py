"""Servers that live as long as the test session, names that no two tests share, and the report.

The session may be shared by processes (pytest-xdist): each has servers of its own.
"""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from tests.fake_azure import FakeAzure
from tests.fake_gcs import FakeGCS
from tests.fake_s3 import FakeS3
from tests.faults.tally import TALLY
from tests.servers import (
    AzureServer,
    GCSServer,
    S3Server,
    fake_gcs_server,
    moto_server,
    rclone_s3,
    seaweed_s3,
)
from tests.servers import azurite as azurite_blob

# A busy machine is no failure: no example has a deadline.
settings.register_profile("astra", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("astra")


def pytest_configure() -> None:
    """Terminals have the size they have: readline tells the processes that share a session one."""
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)


def pytest_collection_finish() -> None:
    """What thousands of tests are made of stays: no search for garbage looks at it again."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process that shares the session tells the first one what it played."""
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["faults"] = TALLY.plain()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Count what it told; one that died told nothing."""
    if (played := getattr(node, "workeroutput", {}).get("faults")) is not None:
        TALLY.add(played)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much was killed, raced and lied, and what was lost."""
    if sum(TALLY.runs.values()):
        terminalreporter.section("faults")
        for line in TALLY.lines():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def moto_s3() -> Iterator[S3Server]:
    """One moto for the session; take a bucket of your own (`bucket_name`)."""
    with moto_server() as server:
        yield server


@pytest.fixture(scope="session")
def moto_endpoint(moto_s3: S3Server) -> str:
    """The URL of the session's moto; any credentials will do."""
    return moto_s3.endpoint


@pytest.fixture(scope="session")
def seaweed() -> Iterator[S3Server]:
    """One SeaweedFS for the session."""
    with seaweed_s3() as server:
        yield server


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One `rclone serve s3` for the session."""
    folder: Path = tmp_path_factory.mktemp("rclone-s3")
    with rclone_s3(folder) as server:
        yield server


@pytest.fixture(scope="session")
def azurite() -> Iterator[AzureServer]:
    """One Azurite for the session."""
    try:
        with azurite_blob() as server:
            yield server
    except FileNotFoundError:
        pytest.skip("Azurite is not installed (npm install --prefix .azurite azurite)")


@pytest.fixture(scope="session")
def fakegcs() -> Iterator[GCSServer]:
    """One fake-gcs-server for the session."""
    with fake_gcs_server() as server:
        yield server


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder as `tmp_path`, near enough to the root for a socket deep in it: for TMPDIR."""
    folder = Path(tempfile.mkdtemp(prefix="astra-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def bucket_name() -> str:
    """A bucket name that nobody else uses; the bucket itself is yours to create."""
    return f"test-{uuid4().hex[:20]}"


@pytest.fixture
def fake() -> Iterator[FakeS3]:
    """A scripted S3 server of the test's own, well-behaved until told otherwise."""
    with FakeS3() as server:
        yield server


@pytest.fixture
def gcs() -> Iterator[FakeGCS]:
    """A scripted Google Cloud Storage of the test's own, well-behaved until told otherwise."""
    with FakeGCS() as server:
        yield server


@pytest.fixture
def fakeazure() -> Iterator[FakeAzure]:
    """A scripted Blob service of the test's own, well-behaved until told otherwise."""
    with FakeAzure() as server:
        yield server
