"""Which schemas of a view the services fold now."""

from typing import NamedTuple

from shared.database import Pool
from shared.projection import View


class Duty(NamedTuple):
    """A schema that the services fold: whether it serves, or is to serve and does not yet."""

    schema: str
    live: bool
    rising: bool


async def duties(pool: Pool, view: View) -> list[Duty]:
    """What the services of this version fold: what serves their readers, what is to serve next,
    and what served until a short while ago."""
    return [Duty(*row) for row in await pool.fetch(_DUTIES, view.service, view.version)]


_DUTIES = """
WITH mine AS (
    SELECT s.schema, s.number, s.purpose, s.ready, s.folded_until, l.schema IS NOT NULL AS live
    FROM schemas s LEFT JOIN live l ON l.schema = s.schema
    WHERE s.service = $1 AND s.version = $2
), serving AS (
    SELECT schema, live, NOT live AS rising FROM mine WHERE ready IS NOT NULL
    ORDER BY live DESC, number DESC LIMIT 1
), building AS (
    SELECT schema, live, true FROM mine
    WHERE ready IS NULL AND purpose = 'serve' ORDER BY number DESC LIMIT 1
)
SELECT * FROM serving
UNION ALL SELECT * FROM building
UNION ALL SELECT schema, live, false FROM mine
    WHERE folded_until > clock_timestamp() AND schema NOT IN (SELECT schema FROM serving)
      AND schema NOT IN (SELECT schema FROM building)
"""
