"""The memory of what was seen: an event's row is written once, and an event counts once."""

from collections.abc import Callable, Sequence

import asyncpg

from shared.database import Connection, Copy, in_schema
from shared.projection import Event

Row = Sequence[object]
"""All columns of the table, in their order."""

_STAGE = "CREATE TEMP TABLE IF NOT EXISTS {s}_{t} (LIKE {s}.{t}) ON COMMIT DELETE ROWS"

_MERGE = """
INSERT INTO {s}.{t} SELECT * FROM pg_temp.{s}_{t}
ON CONFLICT DO NOTHING
RETURNING subject::text, event::text
"""


async def record_new(
    connection: Connection,
    schema: str,
    table: str,
    events: Sequence[Event],
    row: Callable[[str, str, Event], Row],
) -> list[Event]:
    """Write the rows of events into a table with the key (subject, event), in the open transaction.

    The answer: the events that were not there yet. Nearly always that is all of them, so COPY is
    tried first; only a batch with one that was there goes the slower way.
    """
    first: dict[tuple[str, str], Event] = {}
    for event in events:
        first.setdefault((event.envelope.partitionkey, event.envelope.event), event)
    if not first:
        return []
    rows = [row(*key, event) for key, event in first.items()]
    try:
        async with connection.transaction():
            await Copy(table, rows).run(connection, schema)
    except asyncpg.UniqueViolationError:
        fresh = await _merge(connection, schema, table, rows)
        return [event for key, event in first.items() if key in fresh]
    return list(first.values())


async def _merge(
    connection: Connection, schema: str, table: str, rows: Sequence[Row]
) -> set[tuple[str, str]]:
    await connection.execute(in_schema(_STAGE.replace("{t}", table), schema))
    await connection.copy_records_to_table(f"{schema}_{table}", records=rows, schema_name="pg_temp")
    fresh = await connection.fetch(in_schema(_MERGE.replace("{t}", table), schema))
    return {(found["subject"], found["event"]) for found in fresh}
