"""Schemas filled in bulk by tests, with accidents on the way."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

from hypothesis import strategies as st

from shared import bulk
from shared.bulk import Bulk, Holding
from shared.database import Connection, Pool, ddl
from shared.messages import Record
from shared.projection import View
from shared.tables import runtime

LOST, TAKEN = "rolled back, then tried again", "by another holder"
GIVEN_UP, REFUSED = "read again after it was prepared", "folded in another transaction"

accidents = st.lists(
    st.sampled_from(["", "", LOST, TAKEN, GIVEN_UP, REFUSED]), min_size=12, max_size=12
)
"""What goes wrong with each batch."""


class Stop(Exception):
    """Somebody has had enough."""


async def begin(pool: Pool, view: View, schema: str) -> None:
    """An empty schema that is filled in bulk."""
    async with pool.acquire() as connection, connection.transaction():
        for statement in [*ddl(view.metadata, schema), *ddl(runtime, schema)[1:]]:
            await connection.execute(statement)
        await bulk.begin(connection, view, schema)


async def fill(
    pool: Pool,
    view: View,
    schema: str,
    batches: Sequence[Sequence[Record]],
    accidents: Sequence[str] = (),
    expected: int = 1000,
) -> None:
    """Stage batches, each of one partition and prepared while the one before is written."""
    filling = Bulk(view, schema, expected=expected, partitions=2)
    lanes: dict[int, list[Sequence[Record]]] = {}
    for batch in batches:
        lanes.setdefault(batch[0].place.partition, []).append(batch)
    what: Iterator[str] = iter([*accidents, *repeat("", len(batches))])
    async with pool.acquire() as connection:
        for partition, lane in lanes.items():
            await _fill(connection, filling.holding, partition, view, schema, lane, what)


async def _fill(
    connection: Connection,
    holding_of: Callable[[int], Holding],
    partition: int,
    view: View,
    schema: str,
    lane: Sequence[Sequence[Record]],
    what: Iterator[str],
) -> None:
    holding = holding_of(partition)
    prepared = await holding.prepare(lane[0])
    for n, batch in enumerate(lane):
        accident = next(what)
        if accident == TAKEN:
            holding = holding_of(partition)
        if accident in (TAKEN, GIVEN_UP):
            prepared = await holding.prepare(batch)
        ahead = await holding.prepare(lane[n + 1]) if n + 1 < len(lane) else prepared
        if accident in (LOST, REFUSED):
            transaction = connection.transaction()
            await transaction.start()
            await holding.write(connection, schema, prepared)
            await transaction.rollback()
        async with connection.transaction():
            if accident == REFUSED or not await holding.write(connection, schema, prepared):
                await holding.fold(connection, schema, map(view.decode, batch))
        prepared = ahead


async def finish(pool: Pool, view: View, schema: str, stops: Sequence[int] = ()) -> None:
    """Finish, after it was stopped at each of these reports."""
    for stop in stops:
        try:
            await bulk.finish(pool, view, schema, stopping(stop))
        except Stop:
            continue
    await bulk.finish(pool, view, schema, lambda *_: None)
    assert not await bulk.is_begun(pool, schema)


def stopping(after: int) -> Callable[[str, int, int], None]:
    """Takes so many reports and stops at the next one."""
    left = iter(range(after))

    def report(what: str, done: int, total: int) -> None:
        if next(left, None) is None:
            raise Stop(what)

    return report


async def rows(pool: Pool, schema: str, tables: Sequence[str]) -> Mapping[str, list[Any]]:
    """All rows of the tables, as text."""
    return {
        table: [
            row[0] for row in await pool.fetch(f"SELECT t::text FROM {schema}.{table} t ORDER BY 1")
        ]
        for table in tables
    }
