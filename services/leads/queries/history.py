"""What happened to one lead: the events of its stream, as they stand in the log."""

from collections.abc import Sequence

from services.leads.queries.sql import moment
from shared.database import Connection, in_schema


async def page(
    connection: Connection, schema: str, lead: str, after: int, limit: int
) -> Sequence[tuple[int, str]]:
    """Events of (version, JSON) after a version, oldest first; one more if there are more."""
    rows = await connection.fetch(in_schema(_PAGE, schema), lead, after, limit + 1)
    return [(row[0], row[1]) for row in rows]


_PAGE = f"""
SELECT d.version, json_build_object('version', d.version, 'type', d.type,
    'time', {moment("d.time")}, 'recorded', c.recordedtime, 'actor', d.actor,
    'correlationid', c.correlationid, 'causationid', c.causationid,
    'position', d.position, 'data', c.data)::text
FROM {{s}}.decided d, json_to_record(d.record::json)
     c (recordedtime text, correlationid text, causationid text, data json)
WHERE d.stream = $1::text::uuid AND d.version > $2 ORDER BY d.version LIMIT $3
"""
