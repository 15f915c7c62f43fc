"""Checks the clouds of a config, in a process of its own: it loads the stores, the console not.

Run as `python -m astra_tui.setup.probe CONFIG`. Prints a line of JSON for every check as soon as it
is known, all clouds side by side; a cloud without a bucket is looked at in its first one.
"""

import asyncio
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from astra_tui.config import export_credentials, load_settings, read_environment
from engine.doctor import check_cloud
from engine.errors import AstraError
from engine.model import CheckState, StoreKind
from engine.settings import CloudSettings
from engine.stores import open_store

_MOST_BUCKETS = 200


def main(config: Path) -> int:
    """Check every cloud of that file; 0 once all were looked at."""
    settings, _, _ = load_settings(config, config.parent, os.environ)
    export_credentials(read_environment(config, os.environ))
    asyncio.run(_all(settings.clouds))
    return 0


async def _all(clouds: tuple[CloudSettings, ...]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for cloud in clouds:
            tasks.create_task(_look(cloud))


async def _look(cloud: CloudSettings) -> None:
    try:
        store = open_store(cloud)
    except AstraError as error:
        _tell(cloud.name, "reachable", CheckState.FAILED, error.what, error.todo)
        return
    try:
        if not cloud.bucket:
            cloud = replace(cloud, bucket=await _first_bucket(cloud, store))
        if not cloud.bucket and cloud.kind is not StoreKind.LOCAL:
            async for check in check_cloud(store, cloud):
                if check.name == "bucket":
                    todo = "Name a bucket (e): this login may not list all of them, or has none."
                    check = replace(check, todo=todo)
                _tell(cloud.name, check.name, check.state, check.detail, check.todo)
            return
        async for check in check_cloud(store, cloud):
            _tell(cloud.name, check.name, check.state, check.detail, check.todo)
    except AstraError as error:
        _tell(cloud.name, "reachable", CheckState.FAILED, error.what, error.todo)
    finally:
        _print({"cloud": cloud.name, "done": True})
        await store.close()


async def _first_bucket(cloud: CloudSettings, store: Any) -> str:
    try:
        buckets: list[str] = await store.buckets()
    except AstraError:
        return ""  # the checks say why
    _print({"cloud": cloud.name, "buckets": buckets[:_MOST_BUCKETS]})
    return buckets[0] if buckets else ""


def _tell(cloud: str, name: str, state: CheckState, detail: str, todo: str) -> None:
    line = {"cloud": cloud, "check": name, "state": state.value, "detail": detail, "todo": todo}
    _print(line)


def _print(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1])))
    except AstraError as error:
        sys.exit(str(error))
