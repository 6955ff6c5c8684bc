"""Possible duplicates: customers whose identifiers were seen together and yet are two."""

from collections.abc import Sequence

from asyncpg import Record

from services.profile.queries.sql import IDENTIFIER, moment
from shared.database import Connection, in_schema

MOST = 50
"""Pairs shown as evidence of one possible duplicate, at most."""


def _crossing(mine: str, theirs: str) -> str:
    """Pairs whose one end is `a` and whose other end belongs to another customer."""
    return f"""
        SELECT p.*, b.customer AS other
        FROM {{s}}.pairs p JOIN {{s}}.identities b ON b.subject = p.{theirs}
        WHERE p.{mine} = a.subject AND b.customer <> a.customer AND NOT b.shared
          AND NOT EXISTS (SELECT FROM {{s}}.decisions d
                          WHERE d.weaker = p.weaker AND d.stronger = p.stronger
                            AND d.verb = 'apart')"""


_CROSSING = f"""
    {{s}}.identities a CROSS JOIN LATERAL ({_crossing("weaker", "stronger")}
        UNION ALL {_crossing("stronger", "weaker")}) c"""

_OF_ONE = f"""
    SELECT DISTINCT a.customer AS one, c.other FROM {_CROSSING}
    WHERE a.customer = $2 AND NOT a.shared AND ($3::uuid IS NULL OR c.other > $3)
    ORDER BY 1, 2 LIMIT $1"""

# Walks the index on customers, so that a page ends as soon as it is full.
_OF_ALL = f"""
    SELECT DISTINCT a.customer AS one, c.other FROM {_CROSSING}
    WHERE NOT a.shared AND c.other > a.customer
      AND ($2::uuid IS NULL OR (a.customer >= $2 AND (a.customer, c.other) > ($2, $3)))
    ORDER BY 1, 2 LIMIT $1"""


def _with_evidence(page: str) -> str:
    return f"""
WITH page AS MATERIALIZED ({page}), evidence AS (
    SELECT DISTINCT ON (page.one, page.other, c.weaker, c.stronger)
           page.one, page.other, c.weaker, c.stronger, c.weaker_rank = c.stronger_rank AS hint,
           c.key, c.event_subject, c.event, c.position, left(c.stamp, 27) AS recorded
    FROM page JOIN {_CROSSING} ON a.customer = page.one AND c.other = page.other
    WHERE NOT a.shared
    ORDER BY page.one, page.other, c.weaker, c.stronger, c.stamp
)
SELECT page.one::text, page.other::text, (SELECT json_agg(r) FROM (
    SELECT {IDENTIFIER.format("w")} AS weaker, {IDENTIFIER.format("x")} AS stronger, hint, key,
           e.event, e.position, {moment("v.time")} AS time, e.recorded
    FROM evidence e JOIN {{s}}.identifiers w ON w.subject = e.weaker
    JOIN {{s}}.identifiers x ON x.subject = e.stronger
    LEFT JOIN {{s}}.events v ON v.subject = e.event_subject AND v.event = e.event
    WHERE e.one = page.one AND e.other = page.other
    ORDER BY e.recorded, e.weaker, e.stronger LIMIT {MOST}) r)::text
FROM page ORDER BY 1, 2"""


_ONE, _ALL = _with_evidence(_OF_ONE), _with_evidence(_OF_ALL)


async def of_customer(
    connection: Connection, schema: str, customer: str, limit: int, after: str | None
) -> Sequence[tuple[str, str, str]]:
    """Rows of (customer, other, evidence as JSON); one more than the limit where there are more."""
    return _rows(await connection.fetch(in_schema(_ONE, schema), limit + 1, customer, after))


async def page(
    connection: Connection, schema: str, limit: int, after: tuple[str, str] | None
) -> Sequence[tuple[str, str, str]]:
    """Every two customers once, the smaller id first, with the evidence as JSON."""
    return _rows(
        await connection.fetch(in_schema(_ALL, schema), limit + 1, *(after or (None, None)))
    )


def _rows(found: Sequence[Record]) -> list[tuple[str, str, str]]:
    return [(row[0], row[1], row[2]) for row in found]
