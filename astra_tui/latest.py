"""One question at a time; of those that come meanwhile only the newest is asked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

QuestionT = TypeVar("QuestionT")
AnswerT = TypeVar("AnswerT")


class Latest(Generic[QuestionT, AnswerT]):
    """Asks, and shows an answer only if its question is still the one to answer.

    `request()` may come at any rate: a slow answer is never cancelled, so that a listing that
    grows four times a second is drawn all the same, and an answer to another question than the
    newest is dropped. Each request gets a number, `generation`; equal questions count as one.
    """

    def __init__(
        self,
        ask: Callable[[QuestionT], Awaitable[AnswerT]],
        show: Callable[[AnswerT], None],
    ) -> None:
        self._ask = ask
        self._show = show
        self._wanted: tuple[QuestionT] | None = None
        self._newest: QuestionT | None = None
        self._running = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.generation = 0

    async def settled(self) -> None:
        """Wait until the newest question is answered, or its answer failed."""
        await self._idle.wait()

    @property
    def busy(self) -> bool:
        """Whether a question is being answered, or waits for that."""
        return not self._idle.is_set()

    def request(self, question: QuestionT) -> bool:
        """Note a question. True if `run()` has to be started to answer it."""
        self.generation += 1
        self._wanted = (question,)
        self._newest = question
        self._idle.clear()
        return not self._running

    async def run(self) -> None:
        """Answer until nothing newer is wanted. Errors of `ask` come out here."""
        if self._running:
            return
        self._running = True
        try:
            while self._wanted is not None:
                (question,) = self._wanted
                self._wanted = None
                answer = await self._ask(question)
                if question == self._newest:
                    self._show(answer)
                await asyncio.sleep(0)
        finally:
            self._running = False
            self._idle.set()
