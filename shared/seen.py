"""The memory of what was seen: an event's row is written once, and an event counts once."""

from collections.abc import Collection, Mapping

import asyncpg

from shared.database import Connection, in_schema
from shared.literals import Layout, Row, copy, copy_lines

Key = tuple[str, ...]
"""What a row of a memory is found by: the text of the UUIDs in its key, which comes first in it."""

_STAGE = "CREATE TEMP TABLE IF NOT EXISTS {s}_{t} (LIKE {s}.{t}) ON COMMIT DELETE ROWS"

_MERGE = """
INSERT INTO {s}.{t} SELECT * FROM pg_temp.{s}_{t}
ON CONFLICT DO NOTHING
RETURNING {k}
"""


async def record_new(
    connection: Connection, schema: str, layout: Layout, rows: Mapping[Key, Row]
) -> Collection[Key]:
    """Write rows into a table by their keys, in the open transaction.

    The answer: the keys that were not there yet. Nearly always those are all, so COPY is tried
    first; only a batch with one that was there goes the slower way.
    """
    try:
        async with connection.transaction():
            await copy(connection, schema, layout, list(rows.values()))
    except asyncpg.UniqueViolationError:
        return await _merge(connection, schema, layout, rows)
    return rows.keys()


async def _merge(
    connection: Connection, schema: str, layout: Layout, rows: Mapping[Key, Row]
) -> set[Key]:
    table, width = layout.name, len(next(iter(rows)))
    names = ", ".join(f"{name}::text" for name in layout.columns[:width])
    await connection.execute(in_schema(_STAGE.replace("{t}", table), schema))
    lines = layout.lines(list(rows.values()))
    await copy_lines(connection, "pg_temp", f"{schema}_{table}", lines)
    merge = _MERGE.replace("{t}", table).replace("{k}", names)
    return {tuple(found) for found in await connection.fetch(in_schema(merge, schema))}
