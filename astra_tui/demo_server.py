"""The demo world's storage: three S3 servers (moto) in one process of their own.

Started by `astra_tui.demo` as `python -m astra_tui.demo_server`; not meant to be run by hand.
Each cloud has a port, an account and a region of its own, so that none sees the buckets of
another. Classes go over the wire by the names of S3, as with any server that stands in for a
provider. The listening sockets come from the parent: requests sent before moto is imported
wait in their backlog instead of being refused.

The first line on stdin is the order (`Order` as JSON); "ready" on stdout is the answer. When
stdin ends, because the parent closed it or because it died in whatever way, this process tidies
up and ends.
"""

import json
import mimetypes
import os
import shutil
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demo_data import BUCKETS, content, inventory
from engine.model import Provider
from engine.stores.s3_classes import StorageClasses

TEMPORARY = "astra-demo-"  # how the names of folders begin that may be removed
CLOUDS = tuple(BUCKETS)


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud to serve: `fd` is its listening socket."""

    name: str
    region: str
    fd: int


@dataclass(frozen=True, slots=True)
class Order:
    """What to serve. `objects` is a file to load the objects from and to save them to at the
    end ("" neither), `remove` a temporary folder to remove at the end ("" none)."""

    clouds: tuple[Cloud, ...]
    objects: str = ""
    remove: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Order":
        raw = json.loads(text)
        clouds = tuple(Cloud(**cloud) for cloud in raw["clouds"])
        return cls(clouds, raw["objects"], raw["remove"])


def main() -> None:
    """Serve until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl+c is the parent's to handle
    order = Order.from_json(sys.stdin.readline())
    try:
        backends = _backends(order.clouds)
        if not (order.objects and _load(Path(order.objects), backends)):
            _seed(backends)
        _serve(order.clouds)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()
        if order.objects:
            _save(Path(order.objects), backends)
    finally:
        folder = Path(order.remove)
        if order.remove and folder.name.startswith(TEMPORARY):
            shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)  # connections that are still open would keep their threads alive


def account(cloud: str) -> str:
    """The twelve-digit account that stands for a cloud."""
    return str(CLOUDS.index(cloud) + 1) * 12


# -- what is in the clouds ------------------------------------------------------------------


def _backends(clouds: Iterable[Cloud]) -> dict[str, Any]:
    """moto's S3 backend of each cloud, with its bucket made."""
    from moto.s3.models import s3_backends

    made = {}
    for cloud in clouds:
        backend = s3_backends[account(cloud.name)]["aws"]
        backend.create_bucket(BUCKETS[cloud.name], cloud.region)
        made[cloud.name] = backend
    return made


def _seed(backends: dict[str, Any]) -> None:
    now = time.time()
    classes = {name: StorageClasses(Provider(name), native=False) for name in backends}
    for item in inventory():
        backend = backends[item.cloud]
        wire = classes[item.cloud].to_wire(item.storage_class)
        key = backend.put_object(item.bucket, item.key, content(item), storage=wire or None)
        key.last_modified = _moto_time(now - item.age_days * 86_400)
        kind, _ = mimetypes.guess_type(item.key)
        key.set_metadata({"Content-Type": kind or "application/octet-stream"})
        if item.key.startswith(("financial", "compliance")):
            key.set_metadata({"x-amz-meta-owner": "finance"})
            backend.tagger.tag_resource(key.arn, [{"Key": "retention", "Value": "7y"}])


_TABLE = """CREATE TABLE IF NOT EXISTS objects (
    cloud TEXT, bucket TEXT, key TEXT, class TEXT, modified REAL, etag TEXT, checksum TEXT,
    checksum_algorithm TEXT, metadata TEXT, tags TEXT, data BLOB)"""


def _save(path: Path, backends: dict[str, Any]) -> None:
    """Write all objects to a new file, then put it in the place of the old one."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    connection = sqlite3.connect(fresh)
    connection.execute(_TABLE)
    for cloud, backend in backends.items():
        for bucket in backend.buckets.values():
            for key in list(bucket.keys.values()):
                row = (
                    cloud,
                    bucket.name,
                    key.name,
                    key.storage_class,
                    key.last_modified.replace(tzinfo=UTC).timestamp(),
                    key.etag.strip('"'),
                    key.checksum_value,
                    key.checksum_algorithm,
                    json.dumps(dict(key.metadata)),
                    json.dumps(backend.tagger.get_tag_dict_for_resource(key.arn)),
                    key.value,
                )
                connection.execute("INSERT INTO objects VALUES (?,?,?,?,?,?,?,?,?,?,?)", row)
    connection.commit()
    connection.close()
    os.replace(fresh, path)


def _load(path: Path, backends: dict[str, Any]) -> bool:
    """Put the saved objects back; False if none were saved, or the file is damaged (it is set
    aside then)."""
    if not path.exists():
        return False
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute("SELECT * FROM objects").fetchall()
    except sqlite3.DatabaseError as error:
        aside = path.with_suffix(f".damaged-{int(time.time())}")
        os.replace(path, aside)
        sys.stderr.write(f"{path} is damaged ({error}) and kept as {aside.name}\n")
        return False
    finally:
        connection.close()
    for row in rows:
        cloud, bucket, name, storage, modified, etag, checksum, algorithm, *rest = row
        metadata, tags, data = rest
        backend = backends[cloud]
        if bucket not in backend.buckets:
            backend.create_bucket(bucket, "us-east-1")
        key = backend.put_object(
            bucket, name, data, storage=storage, etag=etag, checksum_value=checksum
        )
        key.checksum_algorithm = algorithm
        key.last_modified = _moto_time(modified)
        key.set_metadata(json.loads(metadata))
        pairs = [{"Key": tag, "Value": value} for tag, value in json.loads(tags).items()]
        backend.tagger.tag_resource(key.arn, pairs)
    return True


def _moto_time(seconds: float) -> datetime:
    """moto keeps UTC without a zone."""
    return datetime.fromtimestamp(int(seconds), UTC).replace(tzinfo=None)


# -- how they are served --------------------------------------------------------------------

Environ = dict[str, Any]
Start = Callable[..., Any]


def _serve(clouds: Iterable[Cloud]) -> None:
    """Answer on every cloud's socket, each in a thread."""
    from moto.moto_server import werkzeug_app
    from moto.moto_server.utilities import RegexConverter
    from moto.s3.responses import S3Response
    from werkzeug.serving import make_server

    class AnyKey(RegexConverter):
        """Lets a route match keys with a newline, which a plain dot does not."""

        def __init__(self, url_map: Any, *items: Any) -> None:
            super().__init__(url_map, *items)
            self.regex: str = f"(?s:{items[0]})"

    class Handler(werkzeug_app.MotoRequestHandler):
        disable_nagle_algorithm = True  # head and body are sent apart; no 40 ms between them

        def log_request(self, code: Any = "-", size: Any = "-") -> None:
            """A line for each request would be all that the log holds."""

    read_key = S3Response._get_key

    def read_key_or_tags(self: S3Response, validate_storage_class: bool = True) -> Any:
        """An archived object's tags can be read and set; moto refuses them like its bytes."""
        return read_key(self, validate_storage_class and "tagging" not in self.querystring)

    vars(werkzeug_app)["RegexConverter"] = AnyKey  # moto looks it up there when it makes an app
    S3Response._get_key = read_key_or_tags  # type: ignore[method-assign]
    app = werkzeug_app.create_backend_app("s3")
    for cloud in clouds:
        server = make_server(
            "127.0.0.1",
            0,
            _one_cloud(app, cloud.name),
            threaded=True,
            request_handler=Handler,
            fd=cloud.fd,
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()


def _one_cloud(app: Callable[[Environ, Start], Any], cloud: str) -> Callable[..., Any]:
    """The app as one cloud shows it: with an account of its own."""

    def answer(environ: Environ, start_response: Start) -> Any:
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = account(cloud)
        return app(environ, start_response)

    return answer


if __name__ == "__main__":
    main()
