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
    """The position of the last event of what was appended together."""

    position: int


class _Waiting(NamedTuple):
    changes: tuple[Change, ...]  # all of them or none
    future: "asyncio.Future[Appended | Stale | Taken]"


class Writer:
    """Appends for the commands of one process; one transaction at a time."""

    def __init__(self, pool: Pool, source: str) -> None:
        self._pool = pool
        self._source = source
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    async def append(self, *changes: Change) -> Appended | Stale | Taken:
        """Append changes of different streams together, in one transaction with those of others.

        Raises DatabaseUnavailable, and what asyncpg raises. Cancelled meanwhile they may be
        appended all the same.
        """
        if len(self._waiting) >= MOST_WAITING:
            raise DatabaseUnavailable("too many changes wait to be appended")
        future: asyncio.Future[Appended | Stale | Taken]
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(changes, future))
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
        left, last = _first_of_each_stream(batch), dict[int, int]()
        while left:
            whose = [each for each in left for _ in each.changes]
            try:
                positions = await self._once([one for each in left for one in each.changes])
            except Lost as lost:
                losers = {id(whose[number]): loser for number, loser in lost.losers.items()}
                for each in left:
                    if id(each) in losers:
                        _answer(each, losers[id(each)])
                left = [each for each in left if id(each) not in losers]
            else:
                for each, position in zip(whose, positions, strict=True):
                    last[id(each)] = max(position, last.get(id(each), 0))
                for each in left:
                    _answer(each, Appended(last[id(each)]))
                return

    async def _once(self, changes: Sequence[Change]) -> list[int]:
        async with asyncio.timeout(TIMEOUT), transaction(self._pool) as connection:
            positions = await append(connection, self._source, changes)
            failpoint("events.appended")
        failpoint("events.committed")
        return positions


def _first_of_each_stream(batch: Sequence[_Waiting]) -> list[_Waiting]:
    """The others were decided upon a version that will not stand any more."""
    first: list[_Waiting] = []
    seen: set[str] = set()
    for each in batch:
        streams = {change.stream for change in each.changes}
        if again := streams & seen:
            _answer(each, Stale(min(again)))
        else:
            seen |= streams
            first.append(each)
    return first


def _answer(waiting: _Waiting, outcome: Appended | Stale | Taken) -> None:
    if not waiting.future.done():
        waiting.future.set_result(outcome)


def _fail(batch: Sequence[_Waiting], error: BaseException) -> None:
    told = error if isinstance(error, Exception) else DatabaseUnavailable("the service ends")
    for each in batch:
        if not each.future.done():
            each.future.set_exception(told)
