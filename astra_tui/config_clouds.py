"""`[clouds.NAME]` of astra.toml."""

import re
from collections.abc import Mapping
from typing import Any

from astra_tui.config_table import Findings, Override, Table
from engine.model import Provider, StoreKind
from engine.settings import CloudSettings

RESERVED_CLOUD = "file"  # this machine's own files, for `astra ingest`

_DEFAULT_PROVIDER = {
    StoreKind.S3: Provider.AWS,
    StoreKind.GCS: Provider.GCP,
    StoreKind.AZURE: Provider.AZURE,
    StoreKind.LOCAL: Provider.ONPREM,
}
_COMMON = ("kind", "provider", "bucket", "prefix", "region", "read_only")
_BY_KIND: Mapping[StoreKind, tuple[str, ...]] = {
    StoreKind.S3: (
        *("endpoint", "path_style", "profile"),
        *("access_key", "secret_key", "session_token"),
    ),
    StoreKind.GCS: ("endpoint", "credentials", "project"),
    StoreKind.AZURE: ("endpoint", "account", "key", "sas"),
    StoreKind.LOCAL: ("root",),
}
CLOUD_KEYS = frozenset(_COMMON).union(*_BY_KIND.values())
_CLOUD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def read_cloud(
    findings: Findings, name: str, data: object, overrides: Mapping[str, Override]
) -> CloudSettings | None:
    """The cloud of that name, None if it cannot be used; `findings` say why."""
    place = findings.place(f"clouds.{name}")
    if not isinstance(data, dict):
        findings.problems.append(f"{place}: found a plain value; allowed: a table [clouds.{name}].")
        return None
    if not _CLOUD_NAME.fullmatch(name) or name == RESERVED_CLOUD:
        why = "is kept for this machine's files" if name == RESERVED_CLOUD else "is no cloud's name"
        findings.problems.append(
            f"{place}: found a name that {why}; allowed: letters, digits, - _ . (such as aws)."
        )
        return None
    table = Table(findings, f"clouds.{name}", data, overrides)
    kinds = tuple(StoreKind)
    if "kind" not in table:
        variables = ", ".join(item.variable for item in overrides.values())
        hint = f" It is named only by {variables}." if not data and variables else ""
        table.missing("kind", ", ".join(kinds), hint)
        return None
    text = table.text("kind", choices=kinds)
    if text not in kinds:
        return None  # without it no other key can be judged
    kind = StoreKind(text)
    cloud = CloudSettings(
        name=name,
        kind=kind,
        provider=Provider(
            table.text("provider", _DEFAULT_PROVIDER[kind], choices=tuple(Provider))
            or _DEFAULT_PROVIDER[kind]
        ),
        bucket=table.pattern("bucket", "", r"[^/\x00-\x1f]+", "a bucket's name, without /"),
        prefix=table.text("prefix"),
        region=table.text("region") or _region(kind, findings.environ),
        read_only=table.flag("read_only"),
        **_connection(table, kind),
    )
    if kind is StoreKind.S3:
        if bool(cloud.access_key) != bool(cloud.secret_key):
            table.missing(
                "secret_key" if cloud.access_key else "access_key",
                "access_key and secret_key together, or neither",
            )
        if cloud.endpoint and "provider" not in table and "amazonaws.com" not in cloud.endpoint:
            table.warn(
                "provider",
                "costs are shown at AWS prices because nothing else is said; set provider, for "
                'example to "onprem".',
            )
    elif kind is StoreKind.AZURE and cloud.account_key and cloud.sas:
        table.wrong("sas", "a key as well", "one of key and sas")
    table.finish(dict.fromkeys(CLOUD_KEYS, f"has no meaning for kind {kind}, ignored."))
    return cloud


def _region(kind: StoreKind, environ: Mapping[str, str]) -> str:
    if kind is not StoreKind.S3:
        return ""
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""


def _connection(table: Table, kind: StoreKind) -> dict[str, Any]:
    """The settings that only some kinds have."""
    if kind is StoreKind.LOCAL:
        root = table.path("root")
        if root is None:
            table.missing("root", "the folder whose folders are the buckets")
        return {"root": root}
    values: dict[str, Any] = {"endpoint": table.endpoint("endpoint")}
    if kind is StoreKind.AZURE:
        allowed = "a storage account's name: 3 to 24 lower-case letters and digits"
        values["account"] = table.pattern("account", "", r"[a-z0-9]{3,24}", allowed)
        values["account_key"] = table.secret("key")
        values["sas"] = table.secret("sas")
        return values
    if kind is StoreKind.S3:
        values["path_style"] = table.flag("path_style", bool(values["endpoint"]))
        values["profile"] = table.text("profile")
        for key in ("access_key", "secret_key", "session_token"):
            values[key] = table.secret(key)
    if kind is StoreKind.GCS:
        values["credentials_file"] = table.path("credentials", must_exist=True)
        allowed = "the id of a Google Cloud project"
        values["project"] = table.pattern("project", "", r"[a-z0-9.:-]{1,100}", allowed)
    return values
