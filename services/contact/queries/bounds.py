"""How much each key has in the quarantine, and what of it is beyond its bounds."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.database import Connection, Pool, in_schema

NEAR = 0.8
"""The part of a bound from which operators are warned."""


class Bounds(NamedTuple):
    """What each key may have open in the quarantine."""

    items: int
    bytes: int
    days: float


class Usage(NamedTuple):
    """What a key has there: items, their bytes, and the age of the oldest in days."""

    key: str
    items: int
    bytes: int
    days: float

    def near(self, bounds: Bounds) -> Iterator[str]:
        """Each bound of which most is used, as a sentence."""
        for name, used, most in (
            ("items", self.items, bounds.items),
            ("bytes", self.bytes, bounds.bytes),
            ("days for the oldest", self.days, bounds.days),
        ):
            if used >= NEAR * most:
                yield (
                    f"The key {self.key} has {used:,.0f} of at most {most:,.0f} {name} in the "
                    "quarantine; beyond that the oldest are set aside. "
                    f"`rapport quarantine list --key {self.key}` shows them."
                )


async def usage(pool: Pool, schema: str, now: datetime) -> list[Usage]:
    """What every key has open, by name."""
    rows = await pool.fetch(in_schema(_USAGE, schema))
    day = timedelta(days=1)
    return [Usage(key, items, size, (now - oldest) / day) for key, items, size, oldest in rows]


async def beyond(
    connection: Connection, schema: str, key: str, most: Bounds, now: datetime, limit: int
) -> list[tuple[str, str]]:
    """The oldest items of a key that are beyond its bounds, each with which: ids, a page."""
    last = now - timedelta(days=most.days)
    rows = await connection.fetch(
        in_schema(_BEYOND, schema), key, most.items, most.bytes, last, limit
    )
    return [(row["id"], row["which"]) for row in rows]


_USAGE = """
SELECT key, count(*) AS items, sum(size)::bigint AS bytes, min(received) AS oldest
FROM {s}.quarantine WHERE state IS NULL AND received IS NOT NULL GROUP BY key ORDER BY key
"""

_BEYOND = """
SELECT id::text AS id, CASE WHEN n > $2 THEN 'items' WHEN bytes > $3 THEN 'bytes'
                            ELSE 'days' END AS which
FROM (SELECT id, received, row_number() OVER newest AS n, sum(size) OVER newest AS bytes
      FROM {s}.quarantine WHERE state IS NULL AND key = $1
      WINDOW newest AS (ORDER BY received DESC, id DESC)) q
WHERE n > $2 OR bytes > $3 OR received < $4
ORDER BY received, id LIMIT $5
"""
