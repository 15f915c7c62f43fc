"""Google, Azure and folders of this machine."""

import os
from collections.abc import Iterator
from pathlib import Path

from engine.discovery.candidate import Candidate, candidate
from engine.discovery.files import Reader, text_of
from engine.discovery.s3 import address
from engine.model import Provider, StoreKind

_MOST_FOLDERS = 8
_LOOKED_AT = 200  # entries of a folder


def from_google(reader: Reader) -> Iterator[Candidate]:
    """GOOGLE_APPLICATION_CREDENTIALS, gcloud's application default login, an emulator."""
    environ = reader.environ
    folder = reader.place("CLOUDSDK_CONFIG", ".config", "gcloud")
    project = environ.get("GOOGLE_CLOUD_PROJECT") or environ.get("CLOUDSDK_CORE_PROJECT") or ""
    if not project:
        active = reader.text(folder / "active_config").strip() or "default"
        if active.isprintable() and "/" not in active:
            chosen = reader.ini(folder / "configurations" / f"config_{active}")
            project = chosen.get("core", {}).get("project", "")
    if emulator := environ.get("STORAGE_EMULATOR_HOST"):
        endpoint = address(emulator if "://" in emulator else f"http://{emulator}")
        if endpoint:
            yield candidate(
                *("gcs-emulator", StoreKind.GCS, Provider.GCP, "STORAGE_EMULATOR_HOST"),
                endpoint=endpoint,
                project=project,
            )
    named = environ.get("GOOGLE_APPLICATION_CREDENTIALS", "")
    if named:
        path = Path(named).expanduser()
        found = reader.json(path)
        if not found and not reader.troubled(path):
            reader.trouble(path, "GOOGLE_APPLICATION_CREDENTIALS names it, and it is not there")
        if found:
            who = text_of(found.get("client_email"))
            yield candidate(
                *("gcp", StoreKind.GCS, Provider.GCP),
                f"GOOGLE_APPLICATION_CREDENTIALS ({reader.short(path)})",
                project=project or text_of(found.get("project_id")),
                note=f"service account {who}" if who else "",
            )
        return  # it wins over the login, for Google's own libraries too
    login = folder / "application_default_credentials.json"
    found = reader.json(login)
    if found:
        yield candidate(
            *("gcp", StoreKind.GCS, Provider.GCP, f"gcloud login ({reader.short(login)})"),
            project=project or text_of(found.get("quota_project_id")),
        )


def from_azure(reader: Reader) -> Iterator[Candidate]:
    """The connection string, the other variables, and what the az command line knows."""
    environ = reader.environ
    folder = reader.place("AZURE_CONFIG_DIR", ".azure")
    storage = reader.ini(folder / "config").get("storage", {})
    if text := environ.get("AZURE_STORAGE_CONNECTION_STRING"):
        pairs = (part.partition("=") for part in text.split(";"))
        parts = {key.strip().lower(): value.strip() for key, _, value in pairs}
        # The key stays where it is: Astra reads the variable itself.
        yield candidate(
            *("azure", StoreKind.AZURE, Provider.AZURE, "AZURE_STORAGE_CONNECTION_STRING"),
            account=parts.get("accountname", ""),
        )
        return
    account = environ.get("AZURE_STORAGE_ACCOUNT", "")
    if account:
        key, sas = (environ.get(f"AZURE_STORAGE_{what}") for what in ("KEY", "SAS_TOKEN"))
        yield candidate(
            *("azure", StoreKind.AZURE, Provider.AZURE, "AZURE_STORAGE_ACCOUNT"),
            account=account,
            key="env:AZURE_STORAGE_KEY" if key else "",
            sas="env:AZURE_STORAGE_SAS_TOKEN" if sas and not key else "",
        )
        return
    needs = "name the storage account (e)"
    account = storage.get("account", "")
    if environ.get("AZURE_CLIENT_ID") and environ.get("AZURE_TENANT_ID"):
        yield candidate(
            *("azure", StoreKind.AZURE, Provider.AZURE, "AZURE_CLIENT_ID of the environment"),
            account=account,
            note="" if account else needs,
            likely=bool(account),
        )
        return
    profile = reader.json(folder / "azureProfile.json")
    subscriptions = profile.get("subscriptions")
    if not isinstance(subscriptions, list) or not subscriptions:
        return
    default = next((s for s in subscriptions if isinstance(s, dict) and s.get("isDefault")), None)
    who = text_of(default.get("name")) if default else ""
    told = [f"subscription {who}"] if who else []
    yield candidate(
        *("azure", StoreKind.AZURE, Provider.AZURE, f"az login ({reader.short(folder)})"),
        account=account,
        note=", ".join([*told, *([] if account else [needs])]),
        likely=bool(account),
    )


def from_folders(reader: Reader, here: Path) -> Iterator[Candidate]:
    """Folders with folders in them where people keep data. None is taken unasked."""
    places = [here] if here not in (reader.home, Path("/")) else []
    names = ("data", "Data", "objects", "archive", "backups")
    places += [reader.home / name for name in names]
    places += [Path("/data"), Path("/srv")]
    for above in (Path("/mnt"), Path("/media") / reader.home.name):
        places += [above / name for name in _folders(above)]
    seen: set[Path] = set()
    for place in places:
        real = Path(os.path.realpath(place))
        inside = _folders(place)
        if real in seen or not inside or not str(place).isprintable():
            continue
        seen.add(real)
        if len(seen) > _MOST_FOLDERS:
            return
        yield candidate(
            *(place.name, StoreKind.LOCAL, Provider.ONPREM, "a folder of this machine"),
            root=str(place),
            bucket=inside[0] if len(inside) == 1 else "",
            note=f"{len(inside)} folders, the buckets" if len(inside) > 1 else "",
            likely=False,
        )


def _folders(place: Path) -> list[str]:
    """The folders in a folder that may be looked into, among its first entries."""
    found: list[str] = []
    try:
        with os.scandir(place) as entries:
            for number, entry in enumerate(entries):
                if number >= _LOOKED_AT:
                    break
                if not entry.name.startswith(".") and entry.is_dir():
                    found.append(entry.name)
    except OSError:
        return []  # such a guess need not be there, or be ours
    return sorted(name for name in found if name.isprintable())
