"""Requests about parked events, carried out by the holder of their partition: retry, discard."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from shared.checkpoints import Checkpoint, transaction
from shared.clock import monotonic
from shared.database import Connection, Pool
from shared.errors import Fatal
from shared.leases import LeaseLost
from shared.messages import Place, Record
from shared.outcomes import Ok, Outcome, Park, classify
from shared.parking import BEHIND, Culprit, first_of, keep_parked, request_next, requests, unpark
from shared.projection import Event, View

PATIENCE = 30.0
"""Seconds that one transaction may take before it counts as hanging."""

LOOK = 2.0
"""Seconds after which folding goes on; what is left is found again."""

Item = Event | Culprit
Decode = Callable[[Sequence[Record]], Awaitable[list[Item]]]


class Answering:
    """Answers what is asked for in one partition of a schema.

    In an ordered view an event is retried only when nothing earlier of its subject is parked, and
    when it leaves, the next one that was only behind it follows.
    """

    def __init__(
        self, pool: Pool, view: View, at: Checkpoint, decode: Decode, stopping: asyncio.Event
    ) -> None:
        self._pool = pool
        self._view = view
        self._at = at
        self._decode = decode
        self._stopping = stopping

    async def answer(self) -> None:
        """Carry out the retries and discards that somebody asked for, or that follow from them."""
        until = monotonic() + LOOK
        while not self._stopping.is_set():
            async with self._pool.acquire(timeout=PATIENCE) as connection:
                rows = await requests(connection, self._at.schema.name, self._at.partition)
            for row in rows:
                await self._answer(row)
            if not (rows and self._view.ordered and monotonic() < until):
                return

    async def _answer(self, row: asyncpg.Record) -> None:
        place = Place(row["topic"], row["partition"], row["record"])
        item = (await self._decode([Record(place, row["key"], row["bytes"])]))[0]
        outcome = await self._take_out(place, item, row)
        if isinstance(outcome, Park):
            async with asyncio.timeout(PATIENCE), transaction(self._pool) as connection:
                await self._at.lock(connection)
                said = (outcome.reason, outcome.error)
                await keep_parked(connection, self._at.schema.name, place, *said)

    async def _take_out(self, place: Place, item: Item, row: asyncpg.Record) -> Outcome:
        """Take an event out of `parked`, folded or discarded; Park says why it stays."""
        if isinstance(item, Culprit) and not row["discarded"]:
            return Park(item.reason, item.error)
        schema = self._at.schema.name
        try:
            async with asyncio.timeout(PATIENCE), transaction(self._pool) as connection:
                await self._at.lock(connection)
                if not (row["discarded"] or await self._may(connection, row)):
                    return Park(BEHIND, "an earlier event of its subject is parked")
                tally = self._at.tally.forgiven(row["subject"], row["ordinal"])
                await unpark(connection, schema, place)
                if self._view.ordered:
                    await request_next(connection, schema, row)
                await self._at.save_failures(connection, tally, self._at.halted)
                if isinstance(item, Event) and not row["discarded"]:
                    await self._view.fold(connection, schema, [item])
        except (LeaseLost, Fatal):
            raise
        except Exception as error:
            return classify(error)
        self._at.tally = tally
        return Ok()

    async def _may(self, connection: Connection, row: asyncpg.Record) -> bool:
        """Whether it is the turn of a parked event."""
        return not self._view.ordered or await first_of(connection, self._at.schema.name, row)
