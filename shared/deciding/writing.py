"""Appends of a process, coalesced: while one transaction is under way, the next changes gather."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from shared.checkpoints import transaction
from shared.database import Pool
from shared.deciding.store import Change, Lost, Stale, Taken, append
from shared.errors import DatabaseUnavailable
from shared.failpoints import failpoint

MOST = 500
"""Changes in one transaction."""

MOST_WAITING = 5_000
"""Changes that may wait for theirs."""

TIMEOUT = 10.0
"""Seconds that one transaction may take."""


class Appended(NamedTuple):
    """The position of the last event of a change."""

    position: int


class _Waiting(NamedTuple):
    change: Change
    future: "asyncio.Future[Appended | Stale | Taken]"


class Writer:
    """Appends for the commands of one process; one transaction at a time."""

    def __init__(self, pool: Pool, source: str) -> None:
        self._pool = pool
        self._source = source
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    async def append(self, change: Change) -> Appended | Stale | Taken:
        """Append a change with those of others. Raises DatabaseUnavailable, what asyncpg raises.

        Cancelled meanwhile it may be appended all the same.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise DatabaseUnavailable("too many changes wait to be appended")
        future: asyncio.Future[Appended | Stale | Taken]
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(change, future))
        if self._task is None:
            self._task = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
                try:
                    await self._settle(batch)
                except BaseException as error:
                    _fail(batch, error)
                    if not isinstance(error, Exception):
                        raise
        finally:
            self._task = None

    async def _settle(self, batch: Sequence[_Waiting]) -> None:
        """Append all that can be; what cannot is told why, and the rest is tried once more."""
        left = _first_of_each_stream(batch)
        while left:
            try:
                positions = await self._once([each.change for each in left])
            except Lost as lost:
                for number, loser in lost.losers.items():
                    _answer(left[number], loser)
                left = [each for number, each in enumerate(left) if number not in lost.losers]
            else:
                for each, position in zip(left, positions, strict=True):
                    _answer(each, Appended(position))
                return

    async def _once(self, changes: Sequence[Change]) -> list[int]:
        async with asyncio.timeout(TIMEOUT), transaction(self._pool) as connection:
            positions = await append(connection, self._source, changes)
            failpoint("events.appended")
        failpoint("events.committed")
        return positions


def _first_of_each_stream(batch: Sequence[_Waiting]) -> list[_Waiting]:
    """The others were decided upon a version that will not stand any more."""
    first: dict[str, _Waiting] = {}
    for each in batch:
        if first.setdefault(each.change.stream, each) is not each:
            _answer(each, Stale(each.change.stream))
    return [*first.values()]


def _answer(waiting: _Waiting, outcome: Appended | Stale | Taken) -> None:
    if not waiting.future.done():
        waiting.future.set_result(outcome)


def _fail(batch: Sequence[_Waiting], error: BaseException) -> None:
    told = error if isinstance(error, Exception) else DatabaseUnavailable("the service ends")
    for each in batch:
        if not each.future.done():
            each.future.set_exception(told)
