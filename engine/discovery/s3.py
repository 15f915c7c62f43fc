"""S3: AWS profiles and keys, endpoints of the environment, and what mc, rclone and s3cmd know."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from engine.discovery.candidate import Candidate, candidate, cloud_name
from engine.discovery.files import Reader, text_of
from engine.model import Provider, StoreKind
from engine.settings import Secret

_AMAZON = ".amazonaws.com"
_MOST_PROFILES = 40


def from_aws(reader: Reader) -> Iterator[Candidate]:
    """Profiles of ~/.aws, keys of the environment, and AWS_ENDPOINT_URL."""
    environ = reader.environ
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    endpoint = address(environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or "")
    if endpoint:
        yield candidate(
            *("s3", StoreKind.S3, provider_of(endpoint)),
            "AWS_ENDPOINT_URL of the environment",
            endpoint=endpoint,
            region=region,
            profile=environ.get("AWS_PROFILE", "") if not has_keys(environ) else "",
            path_style=True,
        )
    elif has_keys(environ):
        source = "AWS_ACCESS_KEY_ID of the environment"
        yield candidate("aws", StoreKind.S3, Provider.AWS, source, region=region)
    elif environ.get("AWS_WEB_IDENTITY_TOKEN_FILE") or any(
        name.startswith("AWS_CONTAINER_CREDENTIALS_") for name in environ
    ):
        source = "the role of this machine (environment)"
        yield candidate("aws", StoreKind.S3, Provider.AWS, source, region=region)
    yield from _profiles(reader, region)


def has_keys(environ: Mapping[str, str]) -> bool:
    """Whether the environment holds AWS keys, which then are what is meant."""
    return bool(environ.get("AWS_ACCESS_KEY_ID") and environ.get("AWS_SECRET_ACCESS_KEY"))


def _profiles(reader: Reader, region: str) -> Iterator[Candidate]:
    config_file = reader.place("AWS_CONFIG_FILE", ".aws", "config")
    keys_file = reader.place("AWS_SHARED_CREDENTIALS_FILE", ".aws", "credentials")
    config, keys = reader.ini(config_file), reader.ini(keys_file)
    found: dict[str, dict[str, str]] = {}
    for section, values in config.items():
        kind, _, name = section.partition(" ")
        name = name.strip().strip("\"'")
        if section == "default" or (kind == "profile" and name):
            found[name or "default"] = values
    for name in keys:
        found.setdefault(name, {})
    if len(found) > _MOST_PROFILES:
        reader.trouble(config_file, f"{len(found)} profiles; the first {_MOST_PROFILES} are shown")
    usual = reader.environ.get("AWS_PROFILE") or "default"
    for name, values in list(found.items())[:_MOST_PROFILES]:
        where = reader.short(keys_file if name in keys else config_file)
        endpoint = address(values.get("endpoint_url", "") or _service(config, values))
        how = next((text for key, text in _SIGN_IN if values.get(key)), "")
        if not how and name not in keys and not values.get("aws_access_key_id"):
            how = _NO_KEYS
        likely = (name == usual or len(found) == 1) and how != _NO_KEYS
        yield candidate(
            "aws" if name == "default" and not endpoint else name,
            StoreKind.S3,
            provider_of(endpoint),
            where,
            profile=name,
            region=values.get("region", "") or region,
            endpoint=endpoint,
            path_style=bool(endpoint),
            note=how,
            likely=likely and not has_keys(reader.environ),
        )


_NO_KEYS = "no keys of its own"
_SIGN_IN = (
    ("sso_session", "signs in by SSO (`aws sso login`)"),
    ("sso_start_url", "signs in by SSO (`aws sso login`)"),
    ("role_arn", "assumes a role"),
    ("credential_process", "asks a program for keys"),
)


def _service(config: Mapping[str, Mapping[str, str]], values: Mapping[str, str]) -> str:
    """The endpoint of `services = NAME`, whose section holds indented lines below `s3 =`."""
    nested = config.get(f"services {values.get('services', '')}", {}).get("s3", "")
    found = re.search(r"endpoint_url\s*=\s*(\S+)", nested)
    return found[1] if found else ""


def from_tools(reader: Reader) -> Iterator[Candidate]:
    """Aliases of mc, remotes of rclone, the server of s3cmd, and MINIO_… of the environment."""
    yield from _mc(reader)
    yield from _rclone(reader)
    yield from _s3cmd(reader)


def _mc(reader: Reader) -> Iterator[Candidate]:
    path = reader.place("MC_CONFIG_DIR", ".mc") / "config.json"
    aliases = reader.json(path).get("aliases")
    for name, entry in (aliases if isinstance(aliases, dict) else {}).items():
        if not isinstance(entry, dict):
            continue
        endpoint = address(text_of(entry.get("url")))
        access, secret = text_of(entry.get("accessKey")), text_of(entry.get("secretKey"))
        if not endpoint or "play.min.io" in endpoint or (not access and is_amazon(endpoint)):
            continue  # the examples that mc begins with
        likely = bool(access and secret)
        source = f"mc alias {name} ({reader.short(path)})"
        yield _with_keys(reader, "mc", str(name), source, endpoint, access, secret, likely=likely)


def _s3cmd(reader: Reader) -> Iterator[Candidate]:
    path = reader.place("S3CMD_CONFIG", ".s3cfg")
    values = reader.ini(path).get("default", {})
    access, secret = values.get("access_key", ""), values.get("secret_key", "")
    if not access:
        return
    scheme = "http" if values.get("use_https", "").lower() in ("false", "no", "0") else "https"
    host = values.get("host_base", "") or "s3.amazonaws.com"
    endpoint = address(host if "://" in host else f"{scheme}://{host}")
    region = values.get("bucket_location", "")
    region = "" if region in ("US", "") else region
    source = reader.short(path)
    yield _with_keys(reader, "", "s3cmd", source, endpoint, access, secret, region=region)


def _rclone(reader: Reader) -> Iterator[Candidate]:
    path = reader.place("RCLONE_CONFIG", ".config", "rclone", "rclone.conf")
    if reader.text(path).lstrip().startswith(("# Encrypted rclone", "RCLONE_ENCRYPT")):
        reader.trouble(path, "it is encrypted, so its remotes are not shown")
        return
    for name, values in reader.ini(path).items():
        kind = values.get("type", "")
        source = f"rclone remote {name} ({reader.short(path)})"
        if kind == "s3":
            endpoint = values.get("endpoint", "")
            if endpoint and "://" not in endpoint:
                endpoint = f"https://{endpoint}"
            access, secret = values.get("access_key_id", ""), values.get("secret_access_key", "")
            region = values.get("region", "")
            made = _with_keys(
                *(reader, "rclone", name, source, address(endpoint), access, secret),
                region=region,
            )
            profile = values.get("profile", "")
            yield made.having({"profile": profile}) if profile and not access else made
        elif kind == "google cloud storage":
            yield candidate(
                *(name, StoreKind.GCS, Provider.GCP, source),
                credentials=values.get("service_account_file", ""),
            )
        elif kind == "azureblob" and values.get("account"):
            key = values.get("key", "")
            variable = variable_of("rclone", name, "KEY")
            unset = bool(key) and not reader.environ.get(variable)
            yield candidate(
                *(name, StoreKind.AZURE, Provider.AZURE, source),
                account=values["account"],
                key=f"env:{variable}" if key else "",
                secrets=((variable, Secret(key)),) if unset else (),
            )


def _with_keys(
    reader: Reader,
    tool: str,
    name: str,
    source: str,
    endpoint: str,
    access: str,
    secret: str,
    *,
    region: str = "",
    likely: bool = True,
) -> Candidate:
    """A server whose keys another tool's file holds: they are referred to as variables."""
    amazon = not endpoint or is_amazon(endpoint)
    pairs = (("ACCESS_KEY", access), ("SECRET_KEY", secret))
    variables = [
        (variable_of(tool, name, what), value) for what, value in pairs if access and secret
    ]
    unset = [(var, Secret(value)) for var, value in variables if not reader.environ.get(var)]
    references = [f"env:{variable}" for variable, _ in variables] or ["", ""]
    return candidate(
        name,
        StoreKind.S3,
        Provider.AWS if amazon else provider_of(endpoint),
        source,
        endpoint="" if amazon else endpoint,
        region=region,
        access_key=references[0],
        secret_key=references[1],
        path_style=not amazon,
        likely=likely,
        secrets=tuple(unset),
    )


def variable_of(tool: str, name: str, what: str) -> str:
    """The variable of a cloud's secret, such as `MC_MINIO_SECRET_KEY`."""
    words = "_".join(word for word in (tool, cloud_name(name), what) if word)
    clean = re.sub(r"[^A-Z0-9]+", "_", words.upper()).strip("_")
    return clean if clean[:1].isalpha() else f"CLOUD_{clean}"


def address(text: str) -> str:
    """An http(s) address without path and credentials, "" if the text is none."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or not text.isprintable():
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def is_amazon(endpoint: str) -> bool:
    """Whether Amazon itself answers there."""
    return (urlsplit(endpoint).hostname or "").endswith(_AMAZON)


def provider_of(endpoint: str) -> Provider:
    """Whose prices fit an endpoint: Amazon's own, Google's, else one's own machines."""
    host = urlsplit(endpoint).hostname or ""
    if not endpoint or host.endswith(_AMAZON):
        return Provider.AWS
    return Provider.GCP if host.endswith("googleapis.com") else Provider.ONPREM
