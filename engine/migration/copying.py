"""Steps 1 to 3: download, checksum and upload in one pass.

Small objects are read whole and proved before anything is sent; larger ones stream through;
from the store's threshold on they go in parts. A destination is never overwritten unless that
was asked for, and what already lies there is used only if its bytes are the same.
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import replace

from engine.errors import (
    AstraError,
    NotFound,
    NotSupported,
    PreconditionFailed,
    StoreError,
    TruncatedBody,
)
from engine.migration.answers import refused
from engine.migration.copy_limits import attestable, check_limits
from engine.migration.digest import MULTIPART_MD5, check_algorithm
from engine.migration.job import Job, StartOver, Stopped
from engine.migration.multipart import abandon_upload
from engine.migration.occupied import Occupied
from engine.migration.packing import STORED, Packer, described, level_of
from engine.migration.parts import put_parts
from engine.migration.records import Effect, Outcome
from engine.migration.server_copy import copy_on_server, known_digests, may_copy
from engine.migration.services import SMALL, Services, peek
from engine.migration.source import Expected, Read, SourcePass, changed, expectations
from engine.migration.travel import travelling
from engine.model import (
    SERVER_COPY,
    Evidence,
    JobState,
    ObjectHead,
    ObjectMeta,
    SourceProof,
    Step,
)
from engine.stores.base import Written


async def copy(job: Job, services: Services, head: ObjectHead, given: Read | None = None) -> None:
    """Bring the source's bytes to the destination, or find them there. `given` were read already.

    Afterwards the record has the destination's pin and the source's digest, on disk.
    """
    await _Copy(job, services, head, given).run()


class _Copy(Occupied):
    def __init__(self, job: Job, services: Services, head: ObjectHead, given: Read | None) -> None:
        super().__init__(job, services, head)
        self.given = given
        self.source = services.store(self.spec.source)
        self.expected = Expected()
        self.packer: Packer | None = None
        # The intent to write is on disk already, and nothing was sent yet.
        self.early = given is not None and given.intended

    async def run(self) -> None:
        try:
            await self._run()
        except (AstraError, Stopped):
            if self.early:
                self.job.settle(Effect.WRITE, Outcome.REFUSED)  # nothing was sent
            raise

    async def _run(self) -> None:
        check_limits(self.spec, self.head, self.destination)
        if self.given is None:
            self.job.set(state=JobState.COPYING, step=Step.DOWNLOAD)
        self.job.begin_pass()
        self.expected = await self._expectations()
        if self._must_look() and await self._use_existing():
            return
        try:
            await self._write()
        except PreconditionFailed as error:
            await self._refused(error)

    # -- before -------------------------------------------------------------------------

    async def _expectations(self) -> Expected:
        options = self.spec.options
        found = await expectations(
            self.source, self.spec.source, self.head, check_algorithm(options.checksum)
        )
        if found.proof is not SourceProof.UNATTESTED or not options.strict:
            return found
        # `--strict` and nothing that proves the source: read it twice.
        first = self._pass(found, [options.checksum])
        return Expected(await first.run(), proof=SourceProof.REREAD)

    def _must_look(self) -> bool:
        """Whether to look at the destination before sending anything.

        A store refuses by itself to overwrite; where that costs it more than it costs us,
        where much would be sent in vain, or where an earlier try may have written, looking
        first is the cheaper way.
        """
        capabilities = self.destination.capabilities
        return (
            self.spec.options.overwrite
            or (bool(self.spec.options.compress) and self.head.size > SMALL)
            or self.head.size >= capabilities.multipart_threshold
            or (self.job.intended(Effect.WRITE) is not None and not self.early)
            or self.job.intended(Effect.COMPLETE) is not None
        )

    async def _digest_only(self) -> None:
        reading = self._pass(self.expected, self._algorithms())
        await reading.run()
        self._took(reading, 0.0)

    # -- the pass -----------------------------------------------------------------------

    def _pass(self, expected: Expected, algorithms: list[str]) -> SourcePass:
        return SourcePass(
            self.job,
            self.services,
            self.spec.source,
            self.head.pin,
            self.head.size,
            algorithms=algorithms,
            expected=expected,
            given=self.given,
        )

    def _algorithms(self) -> list[str]:
        """The job's own, and one that the destination can attest where that may be needed."""
        wanted, wanted_class = [self.spec.options.checksum], self.spec.to_class
        unreadable = wanted_class and wanted_class not in self.destination.capabilities.readable
        if self.spec.options.verify is Evidence.ATTESTED or unreadable:
            wanted += attestable(self.spec.options, self.destination)
        return wanted

    async def _write(self) -> None:
        if self.spec.options.compress:
            await self._compress()
        elif not await self._copied_by_server():
            await self._stream()

    async def _copied_by_server(self) -> bool:
        """Let the provider copy, where that is exact and the copy can be proved afterwards."""
        job, began = self.job, time.perf_counter()
        if not await may_copy(job, self.source, self.destination, self.head):
            return False
        digests = known_digests(self.head, self.expected)
        if not digests:
            return False
        try:
            written = await copy_on_server(
                job, self.services, self.head, self._meta(), self.replace
            )
        except (PreconditionFailed, NotFound):
            found = await peek(self.source, self.spec.source)
            if found is None or not self.head.pin.matches(found.pin):
                raise changed(self.spec.source) from None
            raise
        except NotSupported:
            await abandon_upload(job, self.destination)
            job.settle(Effect.COMPLETE, Outcome.REFUSED)
            return False
        job.spent(Step.UPLOAD, time.perf_counter() - began)
        job.note(SERVER_COPY)
        self._known(digests)
        await self._written(written)
        return True

    async def _stream(self) -> None:
        job, began = self.job, time.perf_counter()
        reading = self._pass(self.expected, self._algorithms())
        if self.head.size >= self.destination.capabilities.multipart_threshold:
            written = await put_parts(
                job, self.services, reading, self.head, self._meta(), self.replace
            )
        elif self.head.size <= SMALL:
            written = await self._put_small(reading)
        else:
            written = await self._put_stream(reading)
        self._took(reading, time.perf_counter() - began)
        await self._written(written)

    async def _compress(self) -> None:
        job, began, options = self.job, time.perf_counter(), self.spec.options
        algorithms = self._algorithms()
        reading = self._pass(self.expected, algorithms)
        level = level_of(options.compress)
        self.packer = packer = Packer(reading, self.head.size, level, algorithms)
        if self.head.size <= SMALL:
            written = await self._put_packed(reading, packer)
        else:
            known = known_digests(self.head, self.expected)
            meta = described(self._meta(), self.head.size, known)
            written = await put_parts(
                job, self.services, reading, self.head, meta, self.replace, packer
            )
        self._took(reading, time.perf_counter() - began)
        job.note(
            f"Compressed with {options.compress}: {packer.size:,} of {self.head.size:,} bytes"
            f"{', so the copy is larger' if packer.size > self.head.size else ''}."
        )
        await self._written(written)

    async def _put_packed(self, reading: SourcePass, packer: Packer) -> Written:
        held, reading.reserve = 2 * reading.reserve + packer.memory, 0
        async with self.services.buffers.hold(held):
            data = await packer.pack(await reading.read_all())
            await self._intend()

            async def body() -> AsyncIterator[bytes]:
                yield data

            meta = described(self._meta(), self.head.size, reading.digests)
            return await self._put(body(), packer.digests.get("md5", ""), len(data), meta)

    async def _written(self, written: Written) -> None:
        job = self.job
        size = self.head.size if self.packer is None else self.packer.size
        job.settle(Effect.WRITE)
        job.settle(Effect.COMPLETE)
        job.set(destination_pin=written.pin, wrote=written.sure)
        if written.pin.size not in (-1, size):
            raise StartOver(self._short(written.pin.size))
        if self.head.size > SMALL:
            # A small one is proved in a moment: both go to disk together. Until then the open
            # intent makes a successor look for it.
            await job.commit()

    async def _put_small(self, reading: SourcePass) -> Written:
        held, reading.reserve = reading.reserve, 0  # for longer than the pass
        async with self.services.buffers.hold(held):
            data = await reading.read_all()
            await self._intend()

            async def body() -> AsyncIterator[bytes]:
                if data:
                    yield data

            return await self._put(body(), reading.digests.get("md5", ""))

    async def _put_stream(self, reading: SourcePass) -> Written:
        await self._intend()
        async with aclosing(reading.chunks()) as body:
            try:
                written = await self._put(body, "")
            except (AstraError, Stopped) as error:
                if reading.error is None:
                    raise
                # The store saw a body that ended early; why it ended is what counts.
                self.job.settle(Effect.WRITE, Outcome.REFUSED)
                raise reading.error from error
        if not reading.complete:
            self.job.set(destination_pin=written.pin, wrote=True)  # so that it is rolled back
            raise StartOver(self._short())
        return written

    def _short(self, size: int = -1) -> TruncatedBody:
        has = f" It has {size:,} of {self.head.size:,}." if size >= 0 else ""
        return TruncatedBody(
            f"The destination said done before it had all bytes.{has}",
            subject=str(self.spec.destination),
            safe="The copy is rolled back and the source is kept.",
        )

    async def _intend(self) -> None:
        self.job.set(step=Step.UPLOAD)
        if self.early:
            return
        self.job.intend(Effect.WRITE, **({"replaces": True} if self.replace else {}))
        await self.job.commit()

    async def _put(
        self,
        body: AsyncIterator[bytes],
        md5: str,
        size: int = -1,
        meta: ObjectMeta | None = None,
    ) -> Written:
        address, self.early = self.spec.destination, False
        try:
            return await self.destination.write(
                address.bucket,
                address.key,
                body,
                size=self.head.size if size < 0 else size,
                meta=self._meta() if meta is None else meta,
                storage_class=self.spec.to_class,
                replace=self.replace,
                md5=md5,
            )
        except StoreError as error:
            if refused(error):
                self.job.settle(Effect.WRITE, Outcome.REFUSED)
            raise

    def _meta(self) -> ObjectMeta:
        """What travels with the bytes, the original modification time among it."""
        meta = self.head.meta
        if not meta.modified:
            meta = replace(meta, modified=self.head.pin.modified)
        meta, lost = travelling(meta, self.source, self.destination)
        if lost:
            self.job.note(f"Not kept by the destination: {', '.join(lost)}.")
        return meta

    def _took(self, reading: SourcePass, seconds: float) -> None:
        job = self.job
        job.spent(Step.DOWNLOAD, reading.reading)
        job.spent(Step.CHECKSUM, reading.hashing)
        job.spent(Step.UPLOAD, seconds - reading.reading - reading.hashing)
        known = {n: value for n, value in reading.digests.items() if n != MULTIPART_MD5}
        if self.packer is not None:
            known |= {f"{STORED}{name}": value for name, value in self.packer.digests.items()}
        self._known(known)

    def _known(self, digests: Mapping[str, str]) -> None:
        """Remember what the source's bytes have as their digests."""
        job, wanted, proof = self.job, self.spec.options.checksum, self.expected.proof
        name = wanted if wanted in digests else next(iter(digests))
        shown = digests[name] if name == wanted else f"{name}:{digests[name]}"
        job.set(digests=dict(digests), checksum_source=shown, source_proof=proof)
        if proof is SourceProof.UNATTESTED:
            if self.expected.digests:
                job.note("The source is unattested: it has only an MD5 that somebody noted.")
            else:
                job.note("The source is unattested: it has no checksum of its own.")
