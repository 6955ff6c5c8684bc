"""Possible duplicates: customers whose identifiers were seen together and yet are two."""

from collections.abc import Sequence

from asyncpg import Record

from services.profile.belonging_sql import COUNTS
from services.profile.queries.sql import IDENTIFIER, moment
from shared.database import Connection, in_schema

MOST = 50
"""Pairs shown as evidence of one possible duplicate, at most."""

WALK = 10_000
"""Subjects looked at for one page of all, at most: so a page may be short, and is never slow."""

_FIRST = "00000000-0000-0000-0000-000000000000"


def _crossing(mine: str, theirs: str) -> str:
    """Pairs whose one end is `a` and whose other end belongs to another customer than `one`."""
    return f"""
        SELECT p.*, coalesce(b.customer, p.{theirs}) AS other
        FROM {{s}}.pairs p LEFT JOIN {{s}}.identities b ON b.subject = p.{theirs}
        WHERE p.{mine} = a.subject AND coalesce(b.customer, p.{theirs}) <> c.one
          AND b.shared IS NOT TRUE AND p.{COUNTS}
          AND NOT EXISTS (SELECT FROM {{s}}.decisions d
                          WHERE d.weaker = p.weaker AND d.stronger = p.stronger
                            AND d.verb = 'apart')"""


_SUSPECTS = f"""
    CROSS JOIN LATERAL (
        SELECT i.subject FROM {{s}}.identities i WHERE i.customer = c.one AND NOT i.shared
        UNION ALL
        SELECT c.one WHERE NOT EXISTS (SELECT FROM {{s}}.identities i WHERE i.subject = c.one)) a
    CROSS JOIN LATERAL ({_crossing("weaker", "stronger")}
        UNION ALL {_crossing("stronger", "weaker")}) p"""
"""Of each customer `c.one`: its subjects, and the pairs `p` that lead to another, `p.other`."""

_OF_ONE = f"""
    SELECT DISTINCT c.one, p.other FROM (SELECT $2::uuid AS one) c {_SUSPECTS}
    WHERE $3::uuid IS NULL OR p.other > $3
    ORDER BY 1, 2 LIMIT $1"""

# Walks subjects in the order of their index, for a customer's id is one of them.
_OF_ALL = f"""
    SELECT DISTINCT c.one, p.other
    FROM (SELECT subject AS one FROM {{s}}.identifiers
          WHERE subject >= $2 AND ($4::uuid IS NULL OR subject < $4) ORDER BY subject) c
         {_SUSPECTS}
    WHERE p.other > c.one AND (c.one, p.other) > ($2, $3)
    ORDER BY 1, 2 LIMIT $1"""

_BOUNDARY = """
SELECT subject::text FROM {s}.identifiers WHERE subject >= $1 ORDER BY subject
OFFSET $2 LIMIT 1
"""


def _with_evidence(page: str) -> str:
    return f"""
WITH c AS MATERIALIZED ({page}), evidence AS (
    SELECT DISTINCT ON (c.one, c.other, p.weaker, p.stronger)
           c.one, c.other, p.weaker, p.stronger, p.weaker_rank = p.stronger_rank AS hint,
           p.key, p.event_subject, p.event, p.position, left(p.stamp, 27) AS recorded
    FROM c {_SUSPECTS} WHERE p.other = c.other
    ORDER BY c.one, c.other, p.weaker, p.stronger, p.stamp
)
SELECT c.one::text, c.other::text, (SELECT json_agg(r) FROM (
    SELECT {IDENTIFIER.format("w")} AS weaker, {IDENTIFIER.format("x")} AS stronger, hint, e.key,
           e.event, e.position, {moment("v.time")} AS time, e.recorded
    FROM evidence e JOIN {{s}}.identifiers w ON w.subject = e.weaker
    JOIN {{s}}.identifiers x ON x.subject = e.stronger
    LEFT JOIN {{s}}.events v ON v.subject = e.event_subject AND v.event = e.event
    WHERE e.one = c.one AND e.other = c.other
    ORDER BY e.recorded, e.weaker, e.stronger LIMIT {MOST}) r)::text
FROM c ORDER BY 1, 2"""


_ONE, _ALL = _with_evidence(_OF_ONE), _with_evidence(_OF_ALL)


async def of_customer(
    connection: Connection, schema: str, customer: str, limit: int, after: str | None
) -> Sequence[tuple[str, str, str]]:
    """Rows of (customer, other, evidence as JSON); one more than the limit where there are more."""
    return _rows(await connection.fetch(in_schema(_ONE, schema), limit + 1, customer, after))


async def page(
    connection: Connection,
    schema: str,
    limit: int,
    after: tuple[str, str] | None,
    *,
    walk: int = WALK,
) -> tuple[Sequence[tuple[str, str, str]], tuple[str, str] | None]:
    """Every two customers once, the smaller id first, with the evidence as JSON.

    The second is the mark of the next page, which there may be even where this one is not full.
    """
    one, other = after or (_FIRST, _FIRST)
    boundary = await connection.fetchval(in_schema(_BOUNDARY, schema), one, walk)
    rows = _rows(await connection.fetch(in_schema(_ALL, schema), limit + 1, one, other, boundary))
    if len(rows) > limit:
        return rows[:limit], rows[limit - 1][:2]
    return rows, (boundary, _FIRST) if boundary else None


def _rows(found: Sequence[Record]) -> list[tuple[str, str, str]]:
    return [(row[0], row[1], row[2]) for row in found]
