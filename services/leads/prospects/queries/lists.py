"""Target lists: how far each is filled, how many stand on one."""

from collections.abc import Sequence

from services.leads.queries.sql import moment
from shared.database import Connection, in_schema


async def page(
    connection: Connection, schema: str, after: str | None, limit: int
) -> Sequence[tuple[str, str]]:
    """(name, JSON) of the lists after one, by name; one more than the limit if there are more."""
    rows = await connection.fetch(in_schema(_PAGE, schema), after, limit + 1)
    return [(row[0], row[1]) for row in rows]


async def standing(connection: Connection, schema: str, name: str) -> dict[str, int]:
    """How many stand on a list, by their states."""
    rows = await connection.fetch(in_schema(_STANDING, schema), name)
    return {row[0]: row[1] for row in rows}


_PAGE = f"""
SELECT l.name, json_build_object('name', l.name, 'version', l.version, 'purpose', l.purpose,
    'since', {moment("l.since")}, 'filters', l.filters::json,
    'state', CASE WHEN l.closed IS NOT NULL THEN 'closed'
                  WHEN l.filters <> '{{}}' AND (l.filled IS NULL OR l.cursor IS NOT NULL)
                  THEN 'filling' ELSE 'ready' END,
    'seen', l.seen, 'kept', l.kept)::text
FROM {{s}}.target_lists l
WHERE l.defined IS NOT NULL AND ($1::text IS NULL OR l.name > $1 COLLATE "C")
ORDER BY l.name LIMIT $2
"""

_STANDING = """
SELECT p.state, count(*) FROM {s}.prospect_lists t
JOIN {s}.prospects p ON p.prospect = t.prospect
WHERE t.list = $1 AND t.there AND p.state IS NOT NULL GROUP BY p.state ORDER BY p.state
"""
