"""Turns: whoever decides about refused items does so alone, and knows what was decided before."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from services.contact.intake import Admitted
from services.contact.lanes import Lanes, Topics
from services.contact.queries import quarantine
from shared.clock import monotonic
from shared.database import Connection, Pool, in_schema
from shared.errors import NotFound, NotReady
from shared.log import Log
from shared.topics import generation_of

TURN_TIMEOUT = 5.0
"""Seconds to wait while others have their turn."""

VIEW_TIMEOUT = 2.0
"""Seconds to wait until the view has all that became of items so far."""


class Turns:
    """One at a time in a whole deployment; what is decided is appended to the log."""

    def __init__(self, pool: Pool, log: Log, topics: Topics, prefix: str) -> None:
        self._pool = pool
        self._log = log
        self._topics = topics
        self._prefix = prefix
        self._lanes = Lanes(log, topics.partitions)

    @asynccontextmanager
    async def turn(self, schema: str) -> AsyncIterator[Connection]:
        """Alone, with a view that has what became of items before. Raises NotReady."""
        async with self._pool.acquire() as connection, connection.transaction():

            async def alone() -> bool:
                return bool(await connection.fetchval(_TRY))

            await _until(alone, TURN_TIMEOUT, "Others are at the quarantine; try again.", "busy")
            topic = self._topics.quarantine
            ends = await self._log.end_offsets(topic, range(self._topics.partitions))
            generation = generation_of(self._prefix, "quarantine", topic)

            async def folded() -> bool:
                rows = await connection.fetch(in_schema(_FOLDED, schema), generation)
                at = {row["partition"]: row["next_offset"] for row in rows}
                return all(at.get(number, 0) >= end for number, end in ends.items())

            await _until(folded, VIEW_TIMEOUT, "The view is not up to date yet.", "not_yet")
            yield connection

    async def let_in(self, events: Sequence[Admitted]) -> list[str]:
        """Append to `interactions`; the positions. Raises NotReady, as `keep` does."""
        return await self._settled(self._topics.interactions, events)

    async def keep(self, records: Sequence[Admitted]) -> list[str]:
        """Append to `quarantine`; the positions."""
        return await self._settled(self._topics.quarantine, records)

    async def _settled(self, topic: str, records: Sequence[Admitted]) -> list[str]:
        positions = await self._lanes.many([(topic, record) for record in records])
        settled = [position for position in positions if position is not None]
        if len(settled) < len(records):
            raise NotReady(
                "The log did not settle this in time. Do it again: nothing counts twice.",
                code="log_unavailable",
                headers={"Retry-After": "2"},
            )
        return settled


async def item_of(connection: Connection, schema: str, id: str) -> dict[str, Any]:
    """A refused item. Raises NotFound."""
    found = await quarantine.items(connection, schema, [id])
    if not found:
        raise NotFound("Nothing of this id was refused.")
    return found[0]


async def _until(
    condition: Callable[[], Awaitable[bool]], seconds: float, detail: str, code: str
) -> None:
    deadline, pause = monotonic() + seconds, 0.01
    while not await condition():
        if monotonic() > deadline:
            raise NotReady(detail, code=code, headers={"Retry-After": "1"})
        await asyncio.sleep(pause)
        pause = min(pause * 2, 0.2)


_TRY = "SELECT pg_try_advisory_xact_lock(hashtextextended('rapport quarantine', 0))"

_FOLDED = """
SELECT partition, next_offset FROM {s}.checkpoints WHERE topic = 'quarantine' AND generation = $1
"""
