"""The types of event that came in, and some events of one."""

from typing import Any

from shared.database import Pool, in_schema

Stored = tuple[str, str]

_TYPES = """
SELECT type, sum(n)::bigint AS events, min(day)::text AS first, max(day)::text AS last
FROM {s}.daily
WHERE ($1::text IS NULL OR type > $1) AND ($2::text[] IS NULL OR type <> ALL ($2))
GROUP BY type ORDER BY type LIMIT $3
"""

_ONE = """
SELECT type, sum(n)::bigint AS events, min(day)::text AS first, max(day)::text AS last
FROM {s}.daily WHERE type = $1 GROUP BY type
"""

_LATEST = """
SELECT position, record, time, subject, event FROM {s}.interactions
WHERE type = $1 AND ($2::timestamptz IS NULL OR (time, subject, event) < ($2, $3, $4))
ORDER BY time DESC, subject DESC, event DESC LIMIT $5
"""


async def page(
    pool: Pool, schema: str, after: str | None, without: list[str] | None, limit: int
) -> list[dict[str, Any]]:
    """Types by name, each with its number of events and its first and last day (UTC)."""
    rows = await pool.fetch(in_schema(_TYPES, schema), after, without, limit)
    return [dict(row) for row in rows]


async def one(pool: Pool, schema: str, type_: str) -> dict[str, Any] | None:
    """One type, None where no event of it came."""
    row = await pool.fetchrow(in_schema(_ONE, schema), type_)
    return None if row is None else dict(row)


class Latest:
    """The latest events of a type, page by page."""

    def __init__(self, pool: Pool, schema: str, type_: str) -> None:
        self._pool = pool
        self._sql = in_schema(_LATEST, schema)
        self._type = type_
        self._mark: tuple[Any, ...] = (None, None, None)

    async def page(self, limit: int) -> list[Stored]:
        """Positions and records of the next ones."""
        rows = await self._pool.fetch(self._sql, self._type, *self._mark, limit)
        if rows:
            self._mark = tuple(rows[-1][2:])
        return [(row[0], row[1]) for row in rows]
