"""Copying a topic into its next generation: every record once, in the order of its key, proven."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from shared import copies
from shared.clock import monotonic
from shared.copies import Copy, Marks
from shared.copy_session import Change, CopySession, Pace, unchanged
from shared.database import Connection
from shared.errors import LogUnavailable
from shared.failpoints import failpoint
from shared.outcomes import backoff, describe

TRIES = 6
"""Sessions in a row that come no further before the copy gives up."""

NOTE_TIMEOUT = 10.0
"""Seconds in which the database notes how far it has come."""

_logger = logging.getLogger("rapport.copying")


Told = Callable[[str, int], None]
"""Is told the topic, and how many of its records are copied and proven."""


class Copier:
    """Copies one topic, as far as it is told to; goes on where an earlier one was killed.

    `connection` is that of the database in which it notes how far it has come, and holds the lock
    that keeps a second copy away: when it is lost, the copy ends.
    """

    def __init__(
        self,
        address: str,
        connection: Connection,
        copy: Copy,
        pace: Pace,
        told: Told,
        change: Change = unchanged,
    ) -> None:
        self.copy = copy
        self.marks = Marks()
        self._address = address
        self._connection = connection
        self._pace = pace
        self._told = told
        self._change = change
        self.late = False
        self._session: CopySession | None = None
        self._saved_at = 0.0
        self._began = 0.0
        self._paced = 0

    async def resume(self) -> None:
        """Look up how far an earlier one has come."""
        self.marks = await copies.marks(self._connection, self.copy)

    @property
    def records(self) -> int:
        """How many are copied and proven."""
        return copies.total(self.marks.former).records

    def behind(self, ends: Mapping[int, int]) -> int:
        """How many records are left up to these offsets of the source."""
        return copies.left(self.marks.former, ends)

    async def reach(self, ends: Mapping[int, int]) -> None:
        """Copy and prove all records before these offsets of the source, and note it.

        Raises Spoiled where the next generation is not what it must be, OffsetLost, LogUnavailable
        after some tries, and what asyncpg raises.
        """
        tries = 0
        self._began, self._paced = monotonic(), 0
        while self.behind(ends):
            before = self.records
            try:
                await self._go_on()
            except LogUnavailable as error:
                await self.close()
                tries = 0 if self.records > before else tries + 1
                if tries == TRIES:
                    raise
                _logger.warning("copying %s: %s", self.copy.source, describe(error))
                await asyncio.sleep(backoff(tries))
        await self._save()

    def hurry(self) -> None:
        """From now on copy as fast as can be."""
        self._pace = replace(self._pace, rate=0.0)

    async def come_late(self) -> None:
        """From now on the next generation is in use: others append to it too."""
        if not self.late:
            await self.close()
            self.late = True

    async def close(self) -> None:
        """Let go of the log."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _go_on(self) -> None:
        """One chunk further."""
        if self._session is None:
            self._session = await CopySession.begin(
                *(self._address, self.copy, self.marks, self._pace, self._change), late=self.late
            )
        session = self._session
        count = await session.step()
        if session.balanced():
            self.marks = session.marks()
            self._told(self.copy.topic, self.records)
        if monotonic() - self._saved_at >= self._pace.save:
            await self._save()
        await self._keep_pace(count)

    async def _save(self) -> None:
        async with asyncio.timeout(NOTE_TIMEOUT):
            await copies.save(self._connection, self.copy, self.marks)
        self._saved_at = monotonic()
        failpoint("copy.saved")

    async def _keep_pace(self, count: int) -> None:
        self._paced += count
        if self._pace.rate:
            due = self._began + self._paced / self._pace.rate
            await asyncio.sleep(max(0.0, due - monotonic()))
