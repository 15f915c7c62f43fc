"""astra.toml as text: candidates as tables with comments, and a file that appears whole or not.

No secret is written into it: where another tool's file holds the keys, the table says `env:NAME`,
and the values go, if the operator wants, into `.env` beside it, for this user alone.
"""

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from io import StringIO
from pathlib import Path

from engine.discovery.candidate import FIELDS, Candidate
from engine.errors import ConfigError
from engine.model import StoreKind

HEAD = """\
# astra.toml: the clouds that Astra knows. Everything that is commented out is a default or
# an example. Check it with `astra doctor`.
#
# A variable of the environment (or of a file .env beside this one) beats this file:
# ASTRA_CLOUDS_AWS_BUCKET=other. A secret may be written as "env:NAME" or "file:PATH".
"""

EXAMPLES: Mapping[StoreKind, str] = {
    StoreKind.S3: """\
# [clouds.minio]                 # any S3-compatible server
# kind = "s3"
# endpoint = "http://127.0.0.1:9000"
# path_style = true
# provider = "onprem"            # whose prices and classes: aws, gcp, azure, onprem
# access_key = "env:MINIO_ACCESS_KEY"
# secret_key = "file:minio.secret"
""",
    StoreKind.GCS: """\
# [clouds.gcp]                   # Google Cloud Storage
# kind = "gcs"                   # credentials: application default, or a service account:
# credentials = "service.json"
# project = "my-project"         # only needed to list or make buckets
""",
    StoreKind.AZURE: """\
# [clouds.azure]                 # containers are buckets
# kind = "azure"
# account = "mydata"
# key = "env:AZURE_STORAGE_KEY"  # or sas = "env:..."; neither: azure-identity (az login)
""",
    StoreKind.LOCAL: """\
# [clouds.disk]                  # folders of this machine; each folder in root is a bucket
# kind = "local"
# root = "/srv/objects"
""",
}

KAFKA = """\
# group = "astra"
# access_topic = "access_events"
# jobs_topic = "migration_jobs"
# status_topic = "migration_status"
# recommendations_topic = "recommendations"
# security_protocol = "SASL_SSL" # PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL
# sasl_mechanism = "SCRAM-SHA-512"
# username = "astra"
# password = "env:KAFKA_PASSWORD"
# ca_file = "ca.pem"
# accept_jobs = false            # let messages of jobs_topic start migrations
"""

REST = """\
[engine]
# jobs = 8                       # objects moved at once
# bwlimit = "20MiB"              # bytes a second over all jobs, or "08:00,5MiB 19:00,off"
# max_deletes = 10000            # refuse plans that delete more sources; "off": any number
# policy = "rules"               # rules, recency, reactive, proactive, cost
# horizon_months = 12            # within which a move between clouds must pay for itself
# prices = "prices.toml"         # your own prices, over the built-in ones
# read_only = false

[console]
# theme = "textual-dark"
# mouse = true
# ascii = false                  # no glyphs beyond ASCII
# preview_kib = 64               # of an object that a preview reads

[keys]                           # other keys for the console's actions; `?` lists their names
# migrate = "ctrl+x"
"""

_WHAT = {
    "bucket": "what the pane shows first",
    "prefix": "and below which prefix",
    "profile": "credentials: this profile of ~/.aws",
    "access_key": "a variable, of the environment or of .env beside this file",
    "root": "each folder in it is a bucket",
}
_COLUMN = 33


def config_text(candidates: Sequence[Candidate], *, kafka: str = "embedded") -> str:
    """A whole astra.toml. Raises ValueError for text that no TOML file can hold."""
    parts = [HEAD]
    parts += [_cloud(item) for item in candidates]
    kinds = {item.kind for item in candidates}
    parts += [text for kind, text in EXAMPLES.items() if kind not in kinds]
    bootstrap = _line("bootstrap", kafka, '"embedded", "off", or "host:9092,host:9092"')
    return "\n".join([*parts, f"[kafka]\n{bootstrap}{KAFKA}", REST])


def template(first: str) -> str:
    """An astra.toml to fill in: that table, and an example of every kind."""
    kafka = "[kafka]\n" + _line("bootstrap", "embedded", 'or "off", or "host:9092,host:9092"')
    return "\n".join([HEAD, first, *EXAMPLES.values(), kafka + KAFKA, REST])


def _cloud(item: Candidate) -> str:
    lines = [f"[clouds.{_key(item.name)}]"]
    lines[0] = _commented(lines[0], _plain(item.source))
    lines.append(_line("kind", item.kind.value).rstrip("\n"))
    if item.note:
        lines.append(f"# {_plain(item.note)}")
    # Azure and Google say it by their kind.
    if item.kind in (StoreKind.S3, StoreKind.LOCAL):
        lines.append(_line("provider", item.provider.value, "whose prices").rstrip("\n"))
    for key in FIELDS:
        if value := item.get(key):
            lines.append(_line(key, value, _WHAT.get(key, "")).rstrip("\n"))
    if not item.get("bucket"):
        lines.append(_commented('# bucket = "…"', "without it: the first one"))
    if item.path_style:
        lines.append("path_style = true")
    lines.append("read_only = true" if item.read_only else "# read_only = true")
    return "\n".join(lines) + "\n"


def _line(key: str, value: str, comment: str = "") -> str:
    return _commented(f"{key} = {quoted(value)}", comment) + "\n"


def _commented(text: str, comment: str) -> str:
    if not comment:
        return text
    gap = " " * (_COLUMN - len(text)) if len(text) < _COLUMN else "  "
    return f"{text}{gap}# {comment}"


def _key(name: str) -> str:
    plain = name.replace("-", "").replace("_", "")
    return name if plain.isalnum() and plain.isascii() else quoted(name)


def _plain(text: str) -> str:
    """Anybody's text as a comment, which ends at no line break of its own."""
    return "".join(char if char.isprintable() else "?" for char in text)


def quoted(text: str) -> str:
    """A TOML basic string. Raises ValueError for half a surrogate pair, which none can hold."""
    out = []
    for char in text:
        code = ord(char)
        if 0xD800 <= code <= 0xDFFF:
            raise ValueError(f"{text!a} is no text that a config file can hold")
        if char in '"\\':
            out.append(f"\\{char}")
        elif char.isprintable():
            out.append(char)
        else:
            out.append(f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}")
    return f'"{"".join(out)}"'


def write_new(target: Path, text: str) -> None:
    """Write a file that is not there yet: whole and for this user alone, or not at all.

    Raises ConfigError, also if there is a file already; that one stays as it is.
    """
    temporary = ""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".astra-", dir=target.parent)
        with open(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(temporary, target)  # never over another file, whoever makes it meanwhile
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            with open(target, "x", encoding="utf-8", opener=_private) as stream:
                stream.write(text)
    except FileExistsError as error:
        raise ConfigError(
            "There is a file already.",
            subject=str(target),
            safe="It was not touched.",
            todo="Edit it, or write another: `astra init PATH`.",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"The config cannot be written: {error.strerror}.",
            subject=str(target),
            safe="Nothing was written.",
            todo="Choose another place.",
        ) from error
    finally:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)


def secrets_of(candidates: Iterable[Candidate]) -> dict[str, str]:
    """The variables that these clouds refer to and that are set nowhere, with their values."""
    return {
        name: secret.reveal()
        for item in candidates
        for name, secret in item.secrets
        if any(value == f"env:{name}" for _, value in item.values)
    }


def add_to_dotenv(path: Path, secrets: Mapping[str, str]) -> None:
    """Add variables to a `.env` that this user alone can read afterwards; what is in it stays.

    Raises ConfigError if it cannot be written, or holds another value for one of them.
    """
    from dotenv.parser import parse_stream

    try:
        before = path.read_text(encoding="utf-8-sig") if path.exists() else ""
        known = {item.key: item.value for item in parse_stream(StringIO(before)) if item.key}
        for name, value in secrets.items():
            if known.get(name, value) != value:
                raise ConfigError(
                    f"It has another value of {name} already.",
                    subject=str(path),
                    safe="Nothing was written.",
                    todo="Correct or remove that line, or set the variables yourself.",
                )
        lines = [f"{name}={_shell(value)}" for name, value in secrets.items() if name not in known]
        start = "" if not before or before.endswith("\n") else "\n"
        with open(path, "a", encoding="utf-8", opener=_private) as stream:
            # One that was there may be open to others; what comes in now is not for them.
            os.fchmod(stream.fileno(), os.fstat(stream.fileno()).st_mode & 0o600)
            if lines:
                stream.write(start + "\n".join(lines) + "\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError(
            f"The keys cannot be written: {reason}.",
            subject=str(path),
            safe="astra.toml was not written.",
            todo="Set the variables yourself, or make that file writable.",
        ) from error


def _shell(value: str) -> str:
    """A value in single quotes, which take everything but themselves and backslashes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
