"""The door: accesses as they come, their history, what to expect of them, and the lab."""

import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from engine.door import Door
from engine.errors import StateError
from engine.model import (
    Address,
    LabChoices,
    LabRequest,
    LabResult,
    LabStep,
)

if TYPE_CHECKING:
    from pathlib import Path

    from engine.forecast.live import Training
    from engine.imports.records import ImportSummary
    from engine.learning import Prediction


class Accesses(Door):
    """What is read, was read and will be read."""

    async def send_access(
        self, address: Address, *, operation: str = "GET", count: int = 1, when: float = 0.0
    ) -> None:
        """Publish access events for an object; they come back like anybody else's."""
        await self._parts.bus.send_access(address, operation=operation, count=count, when=when)

    async def age(self, address: Address, days: float) -> None:
        """Let an object look older by so many days, for demonstrations (shown as simulated)."""
        await self._owned.access.shift_age(address, days)
        await self._parts.clouds.refresh()

    async def import_access(self, rows: Iterable[tuple[Address, int, int, int]]) -> None:
        """Take (address, day, reads, bytes) into the access history; days in epoch days (UTC).

        A day that is known already is replaced, so importing twice is importing once.
        """
        await self._owned.access.import_daily(rows)
        await self._parts.clouds.refresh()

    async def train(
        self, *, history: "Path | None" = None, inventory: "Path | None" = None
    ) -> "Training":
        """Fit the forecast of accesses on the history, and judge it on weeks held out of it.

        `history`: that file (as `import_logs` reads them) instead of the state's own history;
        `inventory` (`object,size_bytes,count,created`) tells of objects that were never read.
        The model is kept in the state directory, unless there is too little to learn from.
        """
        from engine.learning import train

        return await train(self._owned, self.settings, history, inventory)

    async def predict(self, addresses: Sequence[Address]) -> "list[Prediction]":
        """What to expect of these objects, by the trained model, or by TSB where there is none.

        Raises NotFound for one that is neither in its store nor in the history.
        """
        from engine.learning import predict

        return await predict(self._parts, self.settings, addresses)

    async def import_logs(
        self,
        paths: "Sequence[Path]",
        *,
        format: str = "auto",
        cloud: str = "",
        base: Address | None = None,
        progress: "Callable[[ImportSummary], None] | None" = None,
    ) -> "ImportSummary":
        """Read access logs (`s3-log`, `cloudtrail`, `csv`) into the access history, streamed.

        Importing twice is importing once. `cloud` is whose objects the logs tell of, "" to find
        it by bucket; `base` what the keys of tables lie below. What does not fit is counted in
        the summary and stops nothing.
        """
        from engine.learning import import_logs

        options = (format, cloud, base)
        return await import_logs(self._owned, self.settings, paths, *options, progress)

    # -- the lab ------------------------------------------------------------------------

    def lab_steps(self, request: LabRequest) -> AsyncGenerator[LabStep, None]:
        """Replay policies over an access history, in a thread; nothing is changed.

        Tells what is being done and the share that is done; the last step has the result. Closing
        the stream ends the run. The engine must be started, and the cloud listed, only where the
        request names no files. Raises UsageError for what cannot be replayed.
        """
        from engine.laboratory import lab_cloud, lab_files, lab_steps

        if request.inventory or request.history:
            return lab_steps(lambda tell: lab_files(request, self.settings.prices_file, tell))
        parts = self._parts
        return lab_steps(lambda tell: lab_cloud(parts, request, tell))

    async def lab(
        self, request: LabRequest, progress: Callable[[str, float], None] | None = None
    ) -> LabResult:
        """The same with one answer; `progress` is told what is being done and the share done.
        Whoever cancels the call ends the run."""
        async with contextlib.aclosing(self.lab_steps(request)) as steps:
            async for step in steps:
                if step.result is not None:
                    return step.result
                if progress is not None:
                    progress(step.what, step.share)
        raise StateError("The lab ended without a result.", todo="Run it again.")

    async def lab_choices(self, request: LabRequest) -> LabChoices:
        """What a run can be made of, for the request's provider and classes.

        Raises UsageError for what there is not, ConfigError for a bad price file.
        """
        from engine.laboratory import lab_choices

        return await lab_choices(request, self.settings)
