"""Clouds tested in a process: one that is wrong keeps no other from its test."""

import asyncio
import os
from dataclasses import replace
from typing import Any

import pytest

from astra_tui.setup.tester import Step, try_clouds
from engine.discovery.candidate import Candidate, candidate
from engine.model import Check, CheckState, Provider, StoreKind
from engine.stores import open_store
from tests.servers import S3Server


@pytest.fixture
async def server(seaweed: S3Server, bucket_name: str) -> S3Server:
    store = open_store(seaweed.cloud())
    await store.create_bucket(bucket_name)
    await store.close()
    return seaweed


def made(name: str, server: S3Server, **given: Any) -> Candidate:
    given = {"access_key": "env:GOOD_ID", "secret_key": "env:GOOD_KEY", **given}
    item = candidate(name, StoreKind.S3, Provider.ONPREM, "here", endpoint=server.endpoint, **given)
    return replace(item, path_style=True)


async def test_every_cloud_gets_its_own_answer(server: S3Server, bucket_name: str) -> None:
    environ = {
        **os.environ,
        "GOOD_ID": server.access_key,
        "GOOD_KEY": server.secret_key,
        "BAD_KEY": "nonsense-key",
    }
    clouds = (
        made("good", server),
        made("named", server, bucket=bucket_name),
        made("wrong", server, secret_key="env:BAD_KEY"),
        made("gone", server, bucket="is-not-there"),
        made("unset", server, secret_key="env:NEVER_SET_KEY"),
    )
    steps: list[Step] = [step async for step in try_clouds(clouds, environ)]
    checks = [step.check for step in steps if step.check is not None]
    assert [step.cloud for step in steps if step.done].count("good") == 1
    assert {step.cloud for step in steps if step.done} == {item.name for item in clouds}
    assert any(bucket_name in step.buckets for step in steps if step.cloud == "good")
    failed: dict[str, Check] = {c.subject: c for c in checks if c.state is CheckState.FAILED}
    assert {name: check.name for name, check in failed.items()} == {
        "wrong": "login",
        "gone": "list",
        "unset": "config",
    }
    assert all(check.todo for check in failed.values())
    assert "NEVER_SET_KEY" in failed["unset"].detail
    assert not [check for check in checks if "nonsense-key" in f"{check.detail}{check.todo}"]
    assert not [check for check in checks if check.name in ("write", "delete", "conditions")]


async def test_writing_is_tried_only_when_asked(server: S3Server, bucket_name: str) -> None:
    environ = {**os.environ, "GOOD_ID": server.access_key, "GOOD_KEY": server.secret_key}
    cloud = made("named", server, bucket=bucket_name)
    steps = [step async for step in try_clouds([cloud], environ, write=True)]
    found = {step.check.name: step.check.state for step in steps if step.check is not None}
    assert found["write"] is found["delete"] is CheckState.OK
    store = open_store(server.cloud(bucket=bucket_name))
    pages = [page async for page in store.list_pages(bucket_name)]
    await store.close()
    assert [entry.key for page in pages for entry in page.entries] == []


async def test_a_cloud_that_never_answers_fails_in_time(server: S3Server) -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(never, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    cloud = made("silent", server).having({"endpoint": f"http://127.0.0.1:{port}"})
    environ = {**os.environ, "GOOD_ID": "a", "GOOD_KEY": "b"}
    steps = [step async for step in try_clouds([cloud], environ, seconds=3.0)]
    silent.close()
    await silent.wait_closed()
    (check,) = [step.check for step in steps if step.check is not None]
    assert check.state is CheckState.FAILED
    assert "No answer within 3 seconds" in check.detail
    assert steps[-1].done
