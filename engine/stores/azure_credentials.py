"""Who asks: an account key, a SAS, or a token of Microsoft Entra ID (azure-identity).

In this order: what the configuration says of the cloud; AZURE_STORAGE_CONNECTION_STRING; the
other AZURE_STORAGE_… variables; and last azure-identity's default chain (environment, workload
and managed identity, Azure CLI), which is only loaded when it is needed.
"""

import asyncio
import base64
import binascii
import logging
import os
import re
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, cast

from engine.errors import AccessDenied, ConfigError
from engine.settings import CloudSettings, Secret
from engine.stores.azure_endpoint import account_of

_SCOPE = "https://storage.azure.com/.default"
_URL = re.compile(r"[!-\"$-~]+")  # printable ASCII without a #
_EARLY = 300.0  # seconds before its end that a token is asked for anew


@dataclass(frozen=True, slots=True)
class Access:
    """What is known of an account. At most one of `key` and `sas` is set; neither: a token."""

    account: str
    endpoint: str
    key: Secret = Secret()
    sas: Secret = Secret()


def find_access(settings: CloudSettings, environ: Mapping[str, str] | None = None) -> Access:
    """Account, endpoint and secret of a cloud. Raises ConfigError for what cannot be used.

    A secret of the environment is used only for the account that the environment names, unless
    the configuration names none.
    """
    environ = os.environ if environ is None else environ
    place = f"clouds.{settings.name}"
    own = Access(settings.account, settings.endpoint, settings.account_key, settings.sas)
    if own.key and own.sas:
        raise ConfigError(
            "Both a key and a SAS are set.", subject=place, todo="Keep one of key and sas."
        )
    if not (own.key or own.sas):
        found = _of_environment(environ)
        if found is not None and own.account in ("", found.account):
            endpoint = own.endpoint or found.endpoint
            own = Access(own.account or found.account, endpoint, found.key, found.sas)
        elif found is not None and not found.account and not found.endpoint:
            own = Access(own.account, own.endpoint, found.key, found.sas)
    if own.key:
        try:
            base64.b64decode(own.key.reveal(), validate=True)
        except (binascii.Error, ValueError):
            raise ConfigError(
                "The account key is not base64.",
                subject=place,
                todo="Copy one of the two access keys of the account whole.",
            ) from None
    if own.sas:
        own = Access(own.account, own.endpoint, sas=Secret(_bare_sas(own.sas.reveal(), place)))
    return own


def _of_environment(environ: Mapping[str, str]) -> Access | None:
    text = environ.get("AZURE_STORAGE_CONNECTION_STRING", "")
    if text:
        return _connection_string(text)
    key, sas = environ.get("AZURE_STORAGE_KEY", ""), environ.get("AZURE_STORAGE_SAS_TOKEN", "")
    account = environ.get("AZURE_STORAGE_ACCOUNT", "")
    if not (account or key or sas):
        return None
    return Access(account, "", Secret(key), Secret("" if key else sas))


def _connection_string(text: str) -> Access:
    fields = dict[str, str]()
    for part in text.split(";"):
        name, equals, value = part.strip().partition("=")
        if equals:
            fields[name.lower()] = value
    endpoint, account = fields.get("blobendpoint", ""), fields.get("accountname", "")
    key, sas = fields.get("accountkey", ""), fields.get("sharedaccesssignature", "")
    if fields.get("usedevelopmentstorage", "").lower() == "true" or not (account or endpoint):
        raise ConfigError(
            "AZURE_STORAGE_CONNECTION_STRING names neither AccountName nor BlobEndpoint.",
            subject="AZURE_STORAGE_CONNECTION_STRING",
            todo="Copy the connection string of the account whole (for Azurite, its long form).",
        )
    suffix = fields.get("endpointsuffix", "")
    if not endpoint and suffix:
        scheme = fields.get("defaultendpointsprotocol", "https")
        endpoint = f"{scheme}://{account}.blob.{suffix}"
    account = account or account_of(endpoint)
    return Access(account, endpoint, Secret(key), Secret("" if key else sas))


def _bare_sas(text: str, place: str) -> str:
    sas = text.strip().removeprefix("?")
    names = {name for name, _ in urllib.parse.parse_qsl(sas, keep_blank_values=True)}
    if not {"sig", "sv"} <= names or not _URL.fullmatch(sas):
        raise ConfigError(
            "The SAS is not the query string that the service makes (sv=...&sig=...).",
            subject=place,
            todo="Copy it whole, from sv= to the end of sig=, without the URL before it.",
        )
    return sas


def sas_ended(sas: str, now: datetime) -> str:
    """When the SAS ended, as it says itself; "" while it holds, or where it does not say."""
    told = urllib.parse.parse_qs(sas).get("se", [""])[0]
    try:
        end = datetime.fromisoformat(told)
    except ValueError:
        return ""
    end = end if end.tzinfo is not None else end.replace(tzinfo=UTC)
    return f"{end.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if end <= now else ""


class _Token(Protocol):
    token: str
    expires_on: int


class _Chain(Protocol):
    def get_token(self, *scopes: str) -> _Token: ...

    def close(self) -> None: ...


class TokenSource:
    """Bearer tokens, asked for in a thread, kept until shortly before they end."""

    def __init__(self, cloud: str, chain: _Chain | None = None) -> None:
        self._cloud = cloud
        self._chain = chain
        self._token = Secret()
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def get(self) -> str:
        """A token that is valid now. Raises ConfigError or AccessDenied."""
        if time.time() >= self._until:
            async with self._lock:
                if time.time() >= self._until:
                    await asyncio.to_thread(self._ask)
        return self._token.reveal()

    def forget(self) -> None:
        """Ask anew next time: the service called the token expired."""
        self._until = 0.0

    def close(self) -> None:
        """Let the chain close what it opened. Safe to call twice."""
        chain, self._chain = self._chain, None
        if chain is not None:
            chain.close()

    def _ask(self) -> None:
        if self._chain is None:
            self._chain = _default_chain(self._cloud)
        try:
            found = self._chain.get_token(_SCOPE)
        except Exception as error:  # noqa: BLE001 - whatever the chain raises means: no token
            raise AccessDenied(
                f"No token could be had ({type(error).__name__}).",
                subject=f"clouds.{self._cloud}",
                safe="Nothing was sent to the store.",
                todo="Set key or sas for it, log in with `az login`, or run where a managed"
                " identity is.",
                code="NoToken",
            ) from None
        self._token = Secret(found.token)
        self._until = max(found.expires_on - _EARLY, time.time() + 1)


def _default_chain(cloud: str) -> _Chain:
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError:
        raise ConfigError(
            "There is neither key nor SAS for this cloud, and azure-identity is not installed.",
            subject=f"clouds.{cloud}",
            safe="Nothing was sent.",
            todo="Set key or sas for it (AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN), or"
            ' `pip install "astra-tui[azure]"`.',
        ) from None
    # It tells page after page of what it tried; the error that is raised says what to do.
    logging.getLogger("azure.identity").setLevel(logging.ERROR)
    return cast(_Chain, DefaultAzureCredential())
