"""Stage two: one leased resolver per schema works `pending` off, each pass in one transaction."""

import asyncio
import logging

from services.profile.identity import SHARED_ABOVE
from services.profile.passes import Batch, Outcome, Pass, Waiting
from shared.clock import monotonic
from shared.database import Connection, Pool, in_schema, is_transient
from shared.failpoints import failpoint
from shared.leases import Lease

PAGE = 5_000
"""Rows of `pending` worked in one pass."""

IDLE, LONGEST_IDLE = 0.03, 1.0
"""Seconds between two looks at an empty `pending`; longer where a look takes long."""

BACKOFF, LONGEST_BACKOFF = 0.1, 5.0
FIRST_ANALYSIS, LAST_ANALYSIS = 2_000, 1_000_000
"""Rows worked before the planner is told how the tables grew, each time four times as many.

Between them autovacuum may not have come by; after the last it will have.
"""

SWEEP_AFTER = 100_000
"""Rows deleted from `pending` after which their space is given back."""

_logger = logging.getLogger("rapport.profile.resolver")


async def resolve_once(
    pool: Pool, schema: str, lease: Lease | None = None, *, shared_above: int = SHARED_ABOVE
) -> int:
    """One pass over the first rows of `pending`; how many were worked off."""
    return await Resolver(pool, schema, lease, shared_above=shared_above).turn()


async def resolve_within(
    connection: Connection, schema: str, shared_above: int = SHARED_ABOVE
) -> None:
    """Work all of `pending` off inside the open transaction; nothing rests, however large."""
    await connection.execute(_BY_INDEX)
    while (batch := await _read(connection, schema, _START, PAGE)).seen:
        await Pass(connection, schema, batch, Waiting(), shared_above).run()


async def _read(connection: Connection, schema: str, after: object, page: int) -> Batch:
    """The next page of `pending`."""
    batch = Batch()
    for row in await connection.fetch(in_schema(_READ, schema), after, page):
        batch.add(row)
    return batch


async def run(pool: Pool, lease: Lease) -> None:
    """Resolve until cancelled. Raises LeaseLost; what is away is waited for."""
    resolver, wait = Resolver(pool, lease.schema, lease), BACKOFF
    while True:
        try:
            await resolver.round()
            wait = BACKOFF
        except Exception as error:
            if not is_transient(error):
                raise
            if wait == BACKOFF:
                _logger.warning("the resolver waits for the database: %r", error)
            resolver.rewind()
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_BACKOFF)


class Resolver:
    """Sweeps through `pending` again and again, page by page."""

    def __init__(
        self,
        pool: Pool,
        schema: str,
        lease: Lease | None = None,
        *,
        shared_above: int = SHARED_ABOVE,
        page: int = PAGE,
    ) -> None:
        self._pool = pool
        self._schema = schema
        self._lease = lease
        self._shared_above = shared_above
        self._page = page
        self._after: object = _START
        self._waiting = Waiting()
        self._deleted = 0
        self._worked = 0
        self._analysis = FIRST_ANALYSIS

    def rewind(self) -> None:
        """Begin the next sweep at the start."""
        self._after = _START

    async def round(self) -> None:
        """One pass, and then a wait that is the longer the less there was to do."""
        began = monotonic()
        done = await self.turn()
        taken = monotonic() - began
        if self._deleted >= (SWEEP_AFTER if done else self._page):
            await self._give_back(idle=not done)
        if self._worked >= self._analysis <= LAST_ANALYSIS:
            await self._analyse()
        if self._after == _START:
            await asyncio.sleep(IDLE if done else min(max(IDLE, 4 * taken), LONGEST_IDLE))

    async def turn(self) -> int:
        """One pass over the next page, in one transaction; how many rows were worked off."""
        if self._after == _START and not await self._pool.fetchval(in_schema(_ANY, self._schema)):
            return 0
        async with self._pool.acquire() as connection, connection.transaction():
            if self._lease is not None:
                await self._lease.guard(connection)
            await connection.execute(_BY_INDEX)
            batch = await _read(connection, self._schema, self._after, self._page)
            failpoint("resolve.read")
            outcome = await self._work(connection, batch) if batch.seen else Outcome()
            failpoint("resolve.written")
        failpoint("resolve.committed")
        self._after = batch.last if batch.seen == self._page else _START
        self._deleted += outcome.done
        self._worked += outcome.done
        self._waiting.learn(outcome)
        return outcome.done

    async def _work(self, connection: Connection, batch: Batch) -> Outcome:
        return await Pass(connection, self._schema, batch, self._waiting, self._shared_above).run()

    async def _give_back(self, *, idle: bool) -> None:
        """Give the space of deleted rows back: a scan of `pending` reads the dead ones too.

        Only when idle is the table also made shorter, which waits for a lock that folds hold.
        """
        await self._pool.execute(
            in_schema(_VACUUM.format("true" if idle else "false"), self._schema)
        )
        self._deleted = 0

    async def _analyse(self) -> None:
        """Tell the planner how the tables of a young schema have grown."""
        await self._pool.execute(in_schema(_ANALYSE, self._schema))
        self._analysis *= 4


_START = (0, 0)

# A pass looks a page of keys up in tables that grow by the second: always by index, even where the
# planner still believes that a table is empty.
_BY_INDEX = """
SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off
"""

_ANY = "SELECT EXISTS (SELECT FROM {s}.pending)"

_READ = """
SELECT ctid, kind, key, namespace, number FROM {s}.pending WHERE ctid > $1 LIMIT $2
"""

_ANALYSE = """
ANALYZE {s}.pairs, {s}.decisions, {s}.owners, {s}.derived, {s}.identities, {s}.identifiers,
    {s}.counts, {s}.orders, {s}.traits, {s}.customers, {s}.counted
"""

_VACUUM = "VACUUM (SKIP_LOCKED, TRUNCATE {}) {{s}}.pending"
