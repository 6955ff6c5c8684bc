"""The end of a bulk fold: staged rows merged, keys made, what was set aside folded one by one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

import asyncpg
from sqlalchemy import Table

from shared import staging
from shared.checkpoints import transaction
from shared.database import Connection, Pool, in_schema
from shared.errors import RapportError
from shared.failpoints import failpoint
from shared.messages import Place, Record
from shared.outcomes import Park, classify
from shared.parking import culprit, park
from shared.projection import View

Report = Callable[[str, int, int], None]
"""What is being done, how much of it is done, how much there is: `("merging", 3, 14)`."""

Step = Callable[[], Awaitable[None]]

AT_ONCE = 2
"""Tables that are merged, and statements that ask, at the same time."""

PAGE = 2_000
"""Events that were set aside and are folded in one transaction."""


async def finish(pool: Pool, view: View, schema: str, report: Report) -> None:
    """Merge what was staged, make keys and indexes, fold the few events that were set aside.

    To be called when all partitions have been folded as far as they shall be, and nobody folds. It
    can be cancelled or killed and called again: each table is one transaction. Several processes
    may be at it at the same time. Raises BeginAnew, DatabaseUnavailable, and what asyncpg raises.
    Does nothing to a schema that is finished.
    """
    if not await staging.is_begun(pool, schema):
        return
    with suppress(staging.Over):  # somebody else has ended it
        async with transaction(pool) as connection:
            await staging.close(connection, schema)
        failpoint("rebuild.closed")
        await _merge(pool, view, schema, report)
        await _fold_suspects(pool, view, schema, report)
        await _end(pool, view, schema, report)


async def _merge(pool: Pool, view: View, schema: str, report: Report) -> None:
    """Complete all tables, a few at once; first those that read another one, which has to wait for
    its key until they have, then by how much is in them."""
    reading = {each.name for each in staging.merges(view.projection) if not each.is_staged}
    sizes = await staging.sizes(pool, view, schema)
    tables = sorted(staging.filled(view), key=lambda t: (t.name not in reading, -sizes[t.name]))
    steps = [partial(_complete, pool, view, schema, table) for table in tables]
    await _few_at_once(steps, partial(report, "merging"))


async def _few_at_once(steps: Sequence[Step], report: Callable[[int, int], None]) -> None:
    """Take the steps, begun in their order."""
    done, left = 0, iter(steps)

    async def work() -> None:
        nonlocal done
        for step in left:
            await step()
            done += 1
            report(done, len(steps))

    report(0, len(steps))
    workers = [asyncio.create_task(work()) for _ in range(AT_ONCE)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _complete(pool: Pool, view: View, schema: str, table: Table) -> None:
    """One table, in one transaction; nothing where that was done before."""
    async with _alone(pool, schema, table.name) as connection:
        if not await staging.has_key(connection, schema, table):
            for statement in staging.completion(view, schema, table):
                await connection.execute(statement, timeout=staging.DAY)
            failpoint("rebuild.merging")
    failpoint("rebuild.merged")


@asynccontextmanager
async def _alone(pool: Pool, schema: str, what: str = "suspects") -> AsyncIterator[Connection]:
    """A transaction with room for large sorts, in which nobody else is at work on the same."""
    async with transaction(pool) as connection:
        await connection.execute(_ROOM)
        await connection.execute(_ALONE, f"{schema}.{what}", timeout=staging.DAY)
        await staging.state(connection, schema, staging.FINISHING)
        yield connection


async def _fold_suspects(pool: Pool, view: View, schema: str, report: Report) -> None:
    """Fold what was set aside and turns out to be new; nearly all of it was seen indeed."""
    async with _alone(pool, schema) as connection:
        for name in view.projection.memory:
            forget = staging.forgetting(view.metadata.tables[name])
            await connection.execute(in_schema(forget, schema), timeout=staging.DAY)
        total = await connection.fetchval(in_schema(_COUNT, schema))
    done = 0
    while folded := await _fold_page(pool, view, schema, PAGE):
        done += folded
        report("folding what was set aside", done, total)


async def _fold_page(pool: Pool, view: View, schema: str, size: int) -> int:
    """Fold the next events that were set aside; how many. A lone one that cannot be is parked."""
    try:
        async with _alone(pool, schema) as connection:
            rows = await _taken(connection, schema, size)
            events = [view.decode(_record(row)) for row in rows]
            await view.projection.fold(connection, schema, events)
        return len(rows)
    except RapportError:
        raise
    except Exception as error:
        outcome = classify(error)
        if not isinstance(outcome, Park):
            raise
    if size > 1:
        return sum([await _fold_page(pool, view, schema, 1) for _ in range(size)])
    async with _alone(pool, schema) as connection:
        await _park(connection, schema, await _taken(connection, schema, 1), outcome)
    return 1


async def _taken(connection: Connection, schema: str, size: int) -> Sequence[asyncpg.Record]:
    """The next events that were set aside, in the order of the log, and no more set aside."""
    rows: Sequence[asyncpg.Record] = await connection.fetch(in_schema(_TAKE, schema), size)
    return sorted(rows, key=lambda row: (row["topic"], row["partition"], row["record"]))


async def _park(
    connection: Connection, schema: str, rows: Sequence[asyncpg.Record], outcome: Park
) -> None:
    for row in rows:
        found = culprit(_record(row), outcome.reason, outcome.error)
        ordinal = await connection.fetchval(in_schema(_ORDINAL, schema), row["partition"])
        await park(connection, schema, [(found, ordinal)])


def _record(row: asyncpg.Record) -> Record:
    return Record(Place(row["topic"], row["partition"], row["record"]), row["name"], row["bytes"])


async def _end(pool: Pool, view: View, schema: str, report: Report) -> None:
    """Ask the second stage to look at everything, and let the schema be like any other."""
    queue = view.projection.queue
    asking = (*view.projection.closing, *(queue.ask_all if queue else ()))
    steps = [partial(_ask, pool, schema, *one) for one in enumerate(asking)]
    await _few_at_once(steps, partial(report, "asking the second stage"))
    async with _alone(pool, schema) as connection:
        await staging.end(connection, schema)


async def _ask(pool: Pool, schema: str, number: int, statement: str) -> None:
    """One of the statements, in one transaction; nothing where that was done before."""
    async with _alone(pool, schema, f"asking {number}") as connection:
        if await staging.is_asked_first(connection, schema, number):
            await connection.execute(in_schema(statement, schema), timeout=staging.DAY)


_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('rapport merge ' || $1, 0))"

# Sorts mostly fit, and the memory of a server that merges large tables stays small.
_ROOM = """
SET LOCAL maintenance_work_mem = '48MB'; SET LOCAL work_mem = '24MB';
SET LOCAL statement_timeout = 0
"""

_COUNT = "SELECT count(*) FROM {s}.suspects"

_TAKE = """
DELETE FROM {s}.suspects WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {s}.suspects ORDER BY partition, topic, record LIMIT $1))
RETURNING topic, partition, record, name, bytes
"""

_ORDINAL = "SELECT sum(folded)::bigint FROM {s}.checkpoints WHERE partition = $1"
"""How many the partition had folded, of which nothing more exact is known by now."""
