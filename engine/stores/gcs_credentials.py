"""Access tokens for Google Cloud Storage: from a key file, or the application default ones.

google-auth does the work, in a thread. A token is renewed shortly before it expires, by one
caller for all; it never stands in a message, a log or a repr.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import ConfigError, Unavailable
from engine.settings import CloudSettings, Secret
from engine.stores.http_errors import printable

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

_SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write",)
_EARLY = 300.0  # seconds before its end that a token is renewed
_AGAIN = 15.0  # seconds until it is tried again while the present token still holds
_UNKNOWN_LIFE = 600.0  # seconds that a token without an expiry is kept
_TODO = (
    "Log in with `gcloud auth application-default login`, or name a key file: "
    'credentials = "key.json" for this cloud, or GOOGLE_APPLICATION_CREDENTIALS.'
)


class TokenSource:
    """Gives the headers that prove who asks. Looks up nothing until asked.

    `anonymous` sends no token at all, as emulators and public buckets need none.
    """

    def __init__(self, settings: CloudSettings, *, anonymous: bool) -> None:
        self.anonymous = anonymous
        self.project = settings.project
        self._file = settings.credentials_file
        self._at = f"clouds.{settings.name}"
        self._credentials: Credentials | None = None
        self._token = Secret()
        self._renew_at = 0.0
        self._expires_at = 0.0
        self._lock = asyncio.Lock()

    async def headers(self) -> dict[str, str]:
        """What to send along. Raises ConfigError if there are no credentials, Unavailable if
        Google's token service cannot be reached."""
        if self.anonymous:
            return {}
        if time.monotonic() >= self._renew_at:
            async with self._lock:
                if time.monotonic() >= self._renew_at:
                    await self._renew()
        headers = {"Authorization": f"Bearer {self._token.reveal()}"}
        payer = getattr(self._credentials, "quota_project_id", None)
        if payer:
            headers["x-goog-user-project"] = str(payer)
        return headers

    def forget(self, used: Mapping[str, str]) -> None:
        """The server refused the token of these headers: get another one next time."""
        if used.get("Authorization") == f"Bearer {self._token.reveal()}":
            self._renew_at = self._expires_at = 0.0

    async def _renew(self) -> None:
        try:
            token, life = await asyncio.to_thread(self._fetch)
        except Unavailable:
            if time.monotonic() < self._expires_at:
                self._renew_at = time.monotonic() + _AGAIN
                return  # the present one still holds
            raise
        now = time.monotonic()
        self._token = Secret(token)
        self._expires_at = now + life
        self._renew_at = now + max(life - _EARLY, min(life / 2, _EARLY))

    def _fetch(self) -> tuple[str, float]:
        """A new token and its life in seconds."""
        import requests
        from google.auth import exceptions
        from google.auth.transport.requests import Request

        if self._credentials is None:
            self._credentials = self._find()
        found = self._credentials
        try:
            with requests.Session() as session:
                found.refresh(Request(session))
        except exceptions.TransportError as error:
            raise Unavailable(
                f"Google's token service cannot be reached: {self._said(error)}.",
                subject=self._at,
                safe="Nothing was sent to the store.",
                todo="Check the network and the clock.",
            ) from None
        except exceptions.GoogleAuthError as error:
            if getattr(error, "retryable", False):
                raise Unavailable(
                    f"Google gave no token: {self._said(error)}.",
                    subject=self._at,
                    safe="Nothing was sent to the store.",
                ) from None
            raise ConfigError(
                f"Google refuses these credentials: {self._said(error)}.",
                subject=self._at,
                safe="Nothing was sent to the store.",
                todo="Take a key that is still valid, and check this machine's clock. " + _TODO,
            ) from None
        if not found.token:
            raise self._none("they give no access token")
        life = _UNKNOWN_LIFE
        if found.expiry is not None:
            ends = found.expiry.replace(tzinfo=UTC)  # google-auth leaves it out
            life = max((ends - datetime.now(UTC)).total_seconds(), 1.0)
        return str(found.token), life

    def _find(self) -> "Credentials":
        import warnings

        import google.auth
        from google.auth import exceptions

        # It warns of users' own credentials on stderr, where a screen may be drawn.
        warnings.filterwarnings("ignore", module=r"google\.auth\..*")
        if self._file is not None:
            return self._of_file(self._file)
        try:
            found, project = google.auth.default(scopes=_SCOPES)
        except exceptions.GoogleAuthError as error:
            raise self._none(self._said(error)) from None
        except (OSError, ValueError) as error:
            raise self._none(f"the default credentials cannot be read ({_kind(error)})") from None
        self.project = self.project or str(project or "")
        return _credentials(found)

    def _of_file(self, path: Path) -> "Credentials":
        from google.auth import exceptions

        info = self._read(path)
        kind, made = info.get("type"), None
        try:
            if kind == "service_account":
                from google.oauth2 import service_account

                made = service_account.Credentials.from_service_account_info(info, scopes=_SCOPES)
            elif kind == "authorized_user":
                from google.oauth2 import credentials

                made = credentials.Credentials.from_authorized_user_info(info)
            elif kind in ("external_account", "impersonated_service_account"):
                from google.auth import load_credentials_from_dict

                made, project = load_credentials_from_dict(info, scopes=_SCOPES)
                self.project = self.project or str(project or "")
        except (exceptions.GoogleAuthError, ValueError, KeyError) as error:
            raise self._wrong(path, f"is no usable {kind} file ({_kind(error)})") from None
        if made is None:
            raise self._wrong(path, "has no type that Google knows, such as service_account")
        self.project = self.project or str(info.get("project_id") or "")
        return _credentials(made)

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            info = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise self._wrong(path, "is not there") from None
        except OSError as error:
            raise self._wrong(path, f"cannot be read ({error.strerror})") from None
        except ValueError:
            raise self._wrong(path, "is not JSON") from None
        if not isinstance(info, dict):
            raise self._wrong(path, "is not a JSON object")
        return info

    def _wrong(self, path: Path, what: str) -> ConfigError:
        return ConfigError(
            f"The credentials file {what}.",
            subject=str(path),
            safe="Nothing was sent.",
            todo=f"Correct `credentials` of [{self._at}]: the JSON key of a service account, as "
            "the Google Cloud console gives it, readable by you.",
        )

    def _none(self, why: str) -> ConfigError:
        return ConfigError(
            f"There are no Google credentials: {why}.",
            subject=self._at,
            safe="Nothing was sent.",
            todo=_TODO,
        )

    def _said(self, error: Exception) -> str:
        """The library's words on one line; the answers it quotes hold no secret of ours."""
        text = printable(str(error.args[0] if error.args else error)).rstrip(".")
        return text or type(error).__name__


def _credentials(found: Any) -> "Credentials":
    made: Credentials = found
    return made


def _kind(error: Exception) -> str:
    return type(error).__name__
