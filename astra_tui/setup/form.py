"""Adding or changing one cloud by hand. A secret is referred to, never typed in."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input, Static

from astra_tui.screens.dialogs import Dialog
from astra_tui.setup.config_text import quoted
from engine.discovery.candidate import REFERENCES, Candidate
from engine.discovery.s3 import address, provider_of
from engine.model import Provider, StoreKind
from widgets.text import visible

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+")


@dataclass(frozen=True, slots=True)
class Asked:
    """One line of the form."""

    key: str
    label: str
    hint: str = ""


_BUCKET = (
    Asked("bucket", "bucket", "none: the first one"),
    Asked("prefix", "prefix", "folder/ below which to look"),
)
ASKED: Mapping[StoreKind, tuple[Asked, ...]] = {
    StoreKind.S3: (
        Asked("endpoint", "endpoint", "none: Amazon; else http://127.0.0.1:9000"),
        Asked("region", "region", "us-east-1"),
        *_BUCKET,
        Asked("profile", "profile", "of ~/.aws; none: the usual AWS chain"),
        Asked("access_key", "access key", "env:NAME or file:PATH, never the key"),
        Asked("secret_key", "secret key", "env:NAME or file:PATH, never the key"),
    ),
    StoreKind.GCS: (
        Asked("credentials", "key file", "none: gcloud's application default login"),
        Asked("project", "project", "only needed to list or make buckets"),
        *_BUCKET,
        Asked("endpoint", "endpoint", "none: Google"),
    ),
    StoreKind.AZURE: (
        Asked("account", "account", "the storage account's name"),
        *(Asked("bucket", "container", "none: the first one"), _BUCKET[1]),
        Asked("key", "key", "env:NAME or file:PATH; none: az login"),
        Asked("sas", "SAS", "env:NAME or file:PATH"),
        Asked("endpoint", "endpoint", "none: Azure"),
    ),
    StoreKind.LOCAL: (
        Asked("root", "folder", "the folders in it are the buckets"),
        *(Asked("bucket", "bucket", "one of those folders"), _BUCKET[1]),
    ),
}

KINDS: tuple[tuple[StoreKind, str], ...] = (
    (StoreKind.S3, "Amazon S3, MinIO, and whatever else speaks S3"),
    (StoreKind.GCS, "Google Cloud Storage"),
    (StoreKind.AZURE, "Azure Blob Storage"),
    (StoreKind.LOCAL, "folders of this machine"),
)


def judge(item: Candidate, texts: Mapping[str, str], taken: Collection[str]) -> Candidate:
    """The candidate that these texts make. Raises ValueError with the reason why not."""
    name = texts["name"].strip()
    if not _NAME.fullmatch(name) or name == "file":
        raise ValueError("name: letters, digits, - _ . (such as aws); not `file`")
    if name in taken:
        raise ValueError(f"name: {name} is there already")
    values = {asked.key: texts[asked.key].strip() for asked in ASKED[item.kind]}
    for key, value in values.items():
        if value and key in REFERENCES and not _REFERENCE.fullmatch(value):
            raise ValueError(f"{key}: env:NAME or file:PATH; the secret itself goes into no config")
        if value != item.get(key).strip() and not value.isprintable():
            raise ValueError(f"{key}: it holds characters that cannot be typed")
        quoted(value)
    if values.get("endpoint") and address(values["endpoint"]) != values["endpoint"].rstrip("/"):
        raise ValueError("endpoint: an address such as http://127.0.0.1:9000")
    if bool(values.get("access_key")) != bool(values.get("secret_key")):
        raise ValueError("access key and secret key: both, or neither")
    if "/" in values.get("bucket", ""):
        raise ValueError("bucket: a name without /; what follows belongs to the prefix")
    if item.kind is StoreKind.LOCAL:
        if not values["root"]:
            raise ValueError("folder: name one")
        values["root"] = str(Path(values["root"]).expanduser().absolute())
    if values.get("credentials"):
        values["credentials"] = str(Path(values["credentials"]).expanduser().absolute())
    if item.kind is StoreKind.AZURE and not (values["account"] or values["endpoint"]):
        raise ValueError("account: name it")
    if item.kind is StoreKind.AZURE and values["key"] and values["sas"]:
        raise ValueError("key and SAS: one of them")
    provider = item.provider
    if item.kind is StoreKind.S3 and values["endpoint"] != item.get("endpoint"):
        provider = provider_of(values["endpoint"])
    style = bool(values.get("endpoint")) and item.kind is StoreKind.S3
    return replace(item.having(values), name=name, provider=provider, path_style=style)


def blank(kind: StoreKind, name: str) -> Candidate:
    """A cloud to be filled in."""
    usual = {
        StoreKind.S3: Provider.AWS,
        StoreKind.GCS: Provider.GCP,
        StoreKind.AZURE: Provider.AZURE,
        StoreKind.LOCAL: Provider.ONPREM,
    }
    return Candidate(name, kind, usual[kind], "named by hand")


class Form(Dialog[Candidate | None]):
    """All keys of one cloud, a line each."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    DEFAULT_CSS = """
    Form {
        & .fields { height: auto; max-height: 12; }
        & .fields Horizontal { height: 1; }
        & .fields .label { width: 12; color: $text-muted; }
        & Input { height: 1; border: none; padding: 0; background: $panel; width: 1fr; }
        & Input:focus { border: none; background: $boost; text-style: bold; }
        & .problem { color: $text-error; height: auto; min-height: 1; margin-top: 1; }
    }
    """

    def __init__(self, item: Candidate, taken: Collection[str], buckets: Collection[str]) -> None:
        hint = "tab or arrows to move   enter take it   esc leave"
        lines = []
        if buckets:
            shown = visible(", ".join(list(buckets)[:20]), width=200)
            lines = [Text.assemble(("there are ", "dim"), shown)]
        super().__init__(f"Cloud: {item.kind.value}", lines, hint=hint)
        self._item = item
        self._taken = frozenset(taken) - {item.name}

    def compose_answer(self) -> ComposeResult:
        with VerticalScroll(classes="fields", can_focus=False):
            for asked in (Asked("name", "name", "as Astra shall call it"), *ASKED[self._item.kind]):
                value = self._item.name if asked.key == "name" else self._item.get(asked.key)
                with Horizontal():
                    yield Static(asked.label, markup=False, classes="label")
                    field = Input(visible(value), placeholder=asked.hint, id=f"in-{asked.key}")
                    field.cursor_blink = False
                    yield field
        yield Static("", markup=False, classes="problem")

    def answer_height(self) -> int:
        return min(len(ASKED[self._item.kind]) + 4, 13)

    def on_mount(self) -> None:
        self.query(Input).first().focus()

    def _judged(self) -> Candidate | None:
        texts: dict[str, str] = {}
        for field in self.query(Input):
            key = (field.id or "").removeprefix("in-")
            raw = self._item.name if key == "name" else self._item.get(key)
            # What was not touched stays as it was found, whatever it looks like.
            texts[key] = raw if field.value == visible(raw) else field.value
        problem, made = "", None
        try:
            made = judge(self._item, texts, self._taken)
        except ValueError as error:
            problem = visible(str(error))
        self.query_one(".problem", Static).update(problem)
        return made

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._judged()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        made = self._judged()
        if made is not None:
            self.dismiss(made)
