"""Which policy decides where none is named: the one that was adopted, else the configured one."""

import time

from engine.errors import UsageError
from engine.model import ActivePolicy
from engine.settings import EngineSettings
from engine.workspace import Workspace


class Adoption:
    """The active policy, kept in the workspace. `current` is the one that was read last."""

    def __init__(self, settings: EngineSettings, workspace: Workspace) -> None:
        self._configured = settings.policy
        self._workspace = workspace
        self.current = self._plain()

    async def load(self) -> ActivePolicy:
        """Read it again: another process may have adopted one. Raises StateError."""
        found = await self._workspace.adopted_policy()
        if found is None or found[0] not in _known():
            self.current = self._plain()
        else:
            self.current = ActivePolicy(found[0], self._configured, True, found[1], self._path)
        return self.current

    async def adopt(self, name: str) -> ActivePolicy:
        """Let that policy decide from now on; "" lets the configured one. Raises UsageError for
        one that Astra cannot run by itself, and StateError."""
        if name and name not in _known():
            raise UsageError(
                f"{name} can be replayed, but Astra cannot decide by it.",
                safe=f"{self.current.name} stays the active policy.",
                todo=f"Adopt one of {', '.join(_known())}.",
            )
        await self._workspace.adopt_policy(name, time.time())
        return await self.load()

    @property
    def _path(self) -> str:
        return str(self._workspace.path)

    def _plain(self) -> ActivePolicy:
        return ActivePolicy(self._configured, self._configured, False, 0.0, self._path)


def _known() -> list[str]:
    from engine.tiering.policy import POLICIES

    return list(POLICIES)
