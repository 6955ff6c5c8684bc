"""Appends of a process, coalesced: while one transaction is under way, the next changes gather."""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import asyncpg

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

TRIES = 5
"""Times that a transaction is begun that the database ended for the sake of another."""


class Appended(NamedTuple):
    """The position of the last event of what was appended together."""

    position: int


class _Waiting(NamedTuple):
    changes: tuple[Change, ...]  # all of them or none
    future: "asyncio.Future[Appended | Stale | Taken]"

    @property
    def streams(self) -> set[str]:
        return {change.stream for change in self.changes}


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
                        _fail(self._waiting, error)
                        self._waiting.clear()
                        raise
        finally:
            self._task = None

    async def _settle(self, batch: Sequence[_Waiting]) -> None:
        """Append all that can be, and tell the others why not.

        Of two changes of one stream the second was decided upon what will not stand any more.
        """
        left, later = _first_of_each_stream(batch)
        while left:
            again = await self._append_what_can_be(left)
            if len(again) == len(left):  # each lost to another one: the first goes alone
                await self._append_what_can_be(again[:1])
                again = again[1:]
            left = again
        for each in later:  # not before: they read the stream anew at once
            _answer(each, Stale(each.changes[0].stream))

    async def _append_what_can_be(self, left: Sequence[_Waiting]) -> list[_Waiting]:
        """One transaction with all that can be in it; those that are to be tried again.

        Who lost a claim to another of these is, as that one may lose something too.
        """
        again: list[_Waiting] = []
        while left:
            whose = [each for each in left for _ in each.changes]
            try:
                positions = await self._once([one for each in left for one in each.changes])
            except Lost as lost:
                losers = {id(whose[number]): loser for number, loser in lost.losers.items()}
                again += _told(left, losers)
                left = [each for each in left if id(each) not in losers]
            else:
                last = {id(each): position for each, position in zip(whose, positions, strict=True)}
                for each in left:
                    _answer(each, Appended(last[id(each)]))
                return again
        return again

    async def _once(self, changes: Sequence[Change]) -> list[int]:
        """Raises what another try may help against only after some of them."""
        for tries in range(TRIES):
            try:
                return await self._transact(changes)
            except asyncpg.TransactionRollbackError:  # a deadlock: nothing of it was written
                if tries == TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    async def _transact(self, changes: Sequence[Change]) -> list[int]:
        async with asyncio.timeout(TIMEOUT), transaction(self._pool) as connection:
            positions = await append(connection, self._source, changes)
            failpoint("events.appended")
        failpoint("events.committed")
        return positions


def _first_of_each_stream(batch: Sequence[_Waiting]) -> tuple[list[_Waiting], list[_Waiting]]:
    """The first for each stream, and the others."""
    first: list[_Waiting] = []
    others: list[_Waiting] = []
    seen: set[str] = set()
    for each in batch:
        if each.streams & seen:
            others.append(each)
        else:
            seen |= each.streams
            first.append(each)
    return first, others


def _told(left: Sequence[_Waiting], losers: Mapping[int, Stale | Taken]) -> list[_Waiting]:
    """Tell the losers why, but for those that lost to one that is not appended yet: these."""
    again = []
    ours = {stream for each in left for stream in each.streams}
    for each in left:
        loser = losers.get(id(each))
        if isinstance(loser, Taken) and loser.stream in ours - each.streams:
            again.append(each)
        elif loser is not None:
            _answer(each, loser)
    return again


def _answer(waiting: _Waiting, outcome: Appended | Stale | Taken) -> None:
    if not waiting.future.done():
        waiting.future.set_result(outcome)


def _fail(batch: Iterable[_Waiting], error: BaseException) -> None:
    told = error if isinstance(error, Exception) else DatabaseUnavailable("the service ends")
    for each in batch:
        if not each.future.done():
            each.future.set_exception(told)
