"""Where the keys for signing come from: the settings, or the usual AWS chain."""

import asyncio
import os
import time
from collections.abc import Callable

from engine.errors import ConfigError
from engine.settings import CloudSettings, Secret
from engine.stores.sigv4 import Credentials

_REFRESH = 60.0  # seconds between questions to the chain, which itself knows when keys expire


class CredentialSource:
    """Gives credentials, and looks again for ones that expire. Looks up nothing until asked."""

    def __init__(self, settings: CloudSettings) -> None:
        self._cloud = settings.name
        self._profile = settings.profile
        self._known: Credentials | None = None
        self._fixed = bool(settings.access_key)
        self._asked = 0.0
        self._frozen: Callable[[], tuple[str, str, str]] | None = None
        self._lock = asyncio.Lock()
        if self._fixed:
            self._known = Credentials(
                settings.access_key.reveal(), settings.secret_key, settings.session_token
            )

    def known(self) -> Credentials | None:
        """Credentials to sign with now, None if they must be asked for."""
        if self._fixed or time.monotonic() - self._asked < _REFRESH:
            return self._known
        return None

    async def get(self) -> Credentials:
        """Credentials to sign with now. Raises ConfigError if there are none."""
        known = self.known()
        if known is not None:
            return known
        async with self._lock:
            if self._known is None or time.monotonic() - self._asked >= _REFRESH:
                access_key, secret_key, token = await asyncio.to_thread(self._ask)
                self._known = Credentials(access_key, Secret(secret_key), Secret(token))
                self._asked = time.monotonic()
            return self._known

    def forget(self) -> None:
        """Ask the chain again next time: the server called the keys expired."""
        self._asked = -_REFRESH

    def _ask(self) -> tuple[str, str, str]:
        if self._frozen is None:
            self._frozen = self._find()
        return self._frozen()

    def _find(self) -> Callable[[], tuple[str, str, str]]:
        keys = None if self._profile else _from_environment()
        if keys is not None:
            return keys
        import botocore.session
        from botocore.exceptions import BotoCoreError

        try:
            session = botocore.session.Session(profile=self._profile or None)
            found = session.get_credentials()
        except BotoCoreError as error:
            raise self._none(str(error)) from error
        if found is None:
            raise self._none("no key, profile, SSO session or instance role was found")

        def frozen() -> tuple[str, str, str]:
            try:
                keys = found.get_frozen_credentials()
            except BotoCoreError as error:
                raise self._none(str(error)) from error
            return keys.access_key or "", keys.secret_key or "", keys.token or ""

        return frozen

    def _none(self, why: str) -> ConfigError:
        return ConfigError(
            f"There are no credentials for this cloud: {why}.",
            subject=f"clouds.{self._cloud}",
            safe="Nothing was sent.",
            todo="Set access_key and secret_key for it, or log in with the AWS tools "
            "(`aws configure`, `aws sso login`).",
        )


def _from_environment() -> Callable[[], tuple[str, str, str]] | None:
    """What the chain asks first unless a profile was named, without loading an SDK for it.

    None where that is not all: keys that are not there whole, or that say when they expire.
    """

    def keys() -> tuple[str, str, str]:
        found = os.environ
        token = found.get("AWS_SESSION_TOKEN") or found.get("AWS_SECURITY_TOKEN") or ""
        return (
            found.get("AWS_ACCESS_KEY_ID", ""),
            found.get("AWS_SECRET_ACCESS_KEY", ""),
            token,
        )

    access, secret, _ = keys()
    if access and secret and not os.environ.get("AWS_CREDENTIAL_EXPIRATION"):
        return keys
    return None
