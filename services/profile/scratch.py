"""Some events folded anew by the very same code, to be looked at and thrown away.

Tables, rows and all stand in one transaction that is always rolled back: nothing is committed,
nobody is told. The tables are temporary ones, so that no two of them can meet; measured, making
them takes 35-60 ms, about as long as ordinary ones.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from services.profile.identity import SHARED_ABOVE
from services.profile.resolver import resolve_within
from shared.database import Connection, Pool, ddl
from shared.errors import NotReady
from shared.messages import Record
from shared.projection import Event, View

TABLES = "pg_temp"
"""The schema of the tables: whatever reads a view schema reads them by this name."""

AT_ONCE = 2
"""How many are made at the same time for requests to this process; others are told to come back."""

LONGEST = 20.0
"""Seconds that one may take for a request."""

BATCH = 1_000
"""Events folded in one go."""


class Scratch:
    """Empty tables of a view inside an open transaction, and what folds records into them."""

    def __init__(self, connection: Connection, view: View) -> None:
        self.connection = connection
        self.events = 0
        self._view = view

    async def fold(self, records: Sequence[Record]) -> None:
        """Fold records as the view does. Raises what its decoder raises."""
        await self.fold_events([self._view.decode(record) for record in records])

    async def fold_events(self, events: Sequence[Event]) -> None:
        """Fold what was decoded already."""
        for start in range(0, len(events), BATCH):
            await self._view.fold(self.connection, TABLES, events[start : start + BATCH])
        self.events += len(events)

    async def resolve(self, shared_above: int = SHARED_ABOVE) -> None:
        """Work the second stage to its end."""
        await resolve_within(self.connection, TABLES, shared_above)


@asynccontextmanager
async def scratch(pool: Pool, view: View) -> AsyncIterator[Scratch]:
    """Empty tables beside the view schemas, which all are seen as of one moment meanwhile."""
    async with pool.acquire() as connection:
        transaction = connection.transaction(isolation="repeatable_read")
        await transaction.start()
        try:
            await connection.execute(";".join(ddl(view.metadata, TABLES)[1:]))
            yield Scratch(connection, view)
        finally:
            await transaction.rollback()


_places = asyncio.Semaphore(AT_ONCE)


@asynccontextmanager
async def bounded() -> AsyncIterator[None]:
    """At most so many at once, and so long. Raises NotReady, at once or when the time is over."""
    if _places.locked():
        raise NotReady(
            "The past of other customers is being worked out; try again.",
            code="busy",
            headers={"Retry-After": "2"},
        )
    async with _places:
        try:
            async with asyncio.timeout(LONGEST):
                yield
        except TimeoutError as error:
            raise NotReady(
                f"It was not worked out within {LONGEST:.0f} s; try again when less is going on.",
                code="busy",
                headers={"Retry-After": "10"},
            ) from error
