"""What happened to one thing: the events of its stream, as they stand in the log."""

from collections.abc import Sequence

from services.leads.queries.sql import moment
from shared.database import Connection, in_schema

EVENT = f"""d.version, d.type, {moment("d.time")} AS time, c.recordedtime AS recorded, d.actor,
    c.correlationid, c.causationid, d.position, c.data"""
"""A row `d` of `decided`, with `c` out of its record, as it is shown."""


async def page(
    connection: Connection, schema: str, stream: str, after: int, limit: int
) -> Sequence[tuple[int, str]]:
    """Events of (sequence, JSON) after a sequence, oldest first; one more if there are more."""
    rows = await connection.fetch(in_schema(_PAGE, schema), stream, after, limit + 1)
    return [(row[0], row[1]) for row in rows]


async def one(connection: Connection, schema: str, stream: str, version: int) -> str | None:
    """The JSON of the event of a version; None where there is none."""
    rows = await connection.fetch(in_schema(_ONE, schema), stream, version)
    return rows[0][1] if rows else None


_EVENTS = f"""
SELECT d.sequence, (SELECT row_to_json(r)::text FROM (SELECT {EVENT}) r)
FROM {{s}}.decided d, json_to_record(d.record::json)
     c (recordedtime text, correlationid text, causationid text, data json)
WHERE d.stream = $1::text::uuid
"""

_PAGE = f"{_EVENTS} AND d.sequence > $2 ORDER BY d.sequence LIMIT $3"

_ONE = f"{_EVENTS} AND d.version = $2"
