"""Questions to the database, gathered: while one is under way, the next ones wait for theirs."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from shared.errors import DatabaseUnavailable

Question = TypeVar("Question")
Answer = TypeVar("Answer")

MOST = 500
"""Questions that are asked at once."""

MOST_WAITING = 5_000
"""Questions that may wait."""


class Gathering(Generic[Question, Answer]):
    """Asks many in one go. What is asked now is answered by a statement that begins afterwards."""

    def __init__(self, ask: Callable[[Sequence[Question]], Awaitable[Sequence[Answer]]]) -> None:
        """`ask` gives an answer for each question, in order."""
        self._ask = ask
        self._waiting: deque[tuple[Question, asyncio.Future[Answer]]] = deque()
        self._task: asyncio.Task[None] | None = None

    async def answer(self, question: Question) -> Answer:
        """Raises DatabaseUnavailable where too many wait, and what `ask` raises."""
        if len(self._waiting) >= MOST_WAITING:
            raise DatabaseUnavailable("too many questions wait for the database")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._task is None:
            self._task = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
                await self._settle([each for each in batch if not each[1].done()])
        finally:
            self._task = None
            for _, future in self._waiting:  # only where this ends before its time
                future.cancel()
            self._waiting.clear()

    async def _settle(self, batch: Sequence[tuple[Question, "asyncio.Future[Answer]"]]) -> None:
        try:
            answers = await self._ask([question for question, _ in batch]) if batch else ()
        except BaseException as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(_told(error))
            if not isinstance(error, Exception):
                raise
            return
        for (_, future), found in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(found)


def _told(error: BaseException) -> Exception:
    return error if isinstance(error, Exception) else DatabaseUnavailable("the service ends")
