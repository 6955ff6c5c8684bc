"""What was decided for commands that bear a name: their events, found by it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from shared.database import Connection


class Before(NamedTuple):
    """What a command came to: the version and position of its last event, how many there are."""

    version: int
    position: int
    events: int


async def carried_out(
    connection: Connection, streams: Sequence[str], names: Sequence[str]
) -> Mapping[str, Before]:
    """By name, of those among them that have events in these streams."""
    rows = await connection.fetch(_FOUND, streams, names)
    return {row[0]: Before(*row[1:]) for row in rows}


_FOUND = """
SELECT n.name, max(e.version), max(e.position), count(*)::integer
FROM events e JOIN unnest($2::text[]) n (name)
  ON position(convert_to('"correlationid":"' || n.name || '"', 'UTF8') IN e.record) > 0
WHERE e.stream = ANY ($1::text[]::uuid[])
GROUP BY n.name
"""
