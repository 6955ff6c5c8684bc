"""Open leads of one pipeline that belong to one customer by now."""

from collections.abc import Sequence
from typing import NamedTuple

from services.leads.queries.filters import Filter, where
from services.leads.queries.sql import LEAD
from shared.database import Connection, in_schema

SHOWN = 50
"""Leads of one customer and pipeline that are shown, the latest touched."""


class Mark(NamedTuple):
    """A place in the list."""

    customer: str
    pipeline: str


async def page(
    connection: Connection,
    schema: str,
    filters: Sequence[Filter],
    limit: int,
    after: Mark | None,
) -> Sequence[tuple[Mark, int, str]]:
    """Groups of (customer and pipeline, how many leads, their JSON); one more if there are more."""
    args: list[object] = [limit + 1, *(after or (None, None))]
    sql = _PAGE.replace("{where}", where(filters, args))
    rows = await connection.fetch(in_schema(sql, schema), *args)
    return [(Mark(row[0], row[1]), row[2], row[3]) for row in rows]


_PAGE = f"""
WITH standing AS MATERIALIZED (
    SELECT l.lead, l.pipeline, coalesce(b.customer, l.subject) AS customer
    FROM {{s}}.leads l LEFT JOIN {{s}}.belonging b ON b.subject = l.subject
    WHERE l.state = 'open' AND {{where}}
), page AS (
    SELECT customer, pipeline, count(*) AS n FROM standing
    WHERE $2::text IS NULL OR (customer, pipeline) > ($2::text::uuid, $3::text COLLATE "C")
    GROUP BY customer, pipeline HAVING count(*) > 1
    ORDER BY customer, pipeline LIMIT $1
)
SELECT p.customer::text, p.pipeline, p.n, (
    SELECT '[' || string_agg({LEAD}, ',' ORDER BY l.touched DESC, l.lead DESC) || ']'
    FROM (SELECT l.* FROM standing o JOIN {{s}}.leads l ON l.lead = o.lead
          WHERE o.customer = p.customer AND o.pipeline = p.pipeline
          ORDER BY l.touched DESC, l.lead DESC LIMIT {SHOWN}) l)
FROM page p ORDER BY p.customer, p.pipeline
"""
