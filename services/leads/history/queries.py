"""The events of all streams that tell of a lead, as they stand in the log."""

from collections.abc import Sequence
from typing import Literal, get_args

from services.leads.follow_ups.decider.follow_up import stream_of as follow_up_of
from services.leads.queries.history import EVENT
from services.leads.quotes.decider.opportunity import stream_of as opportunity_of
from shared.database import Connection, in_schema

Kind = Literal["lead", "follow_up", "opportunity", "quote"]
KINDS: tuple[Kind, ...] = get_args(Kind)


async def page(
    connection: Connection, schema: str, lead: str, kinds: Sequence[Kind], after: int, limit: int
) -> Sequence[tuple[int, str]]:
    """Events of (sequence, JSON) after a sequence, oldest first; one more if there are more.

    All are of one partition, so that whatever is folded later comes later in this order.
    """
    named = {"lead": lead, "follow_up": follow_up_of(lead), "opportunity": opportunity_of(lead)}
    streams = {named[kind]: kind for kind in kinds if kind in named}
    quoted = lead if "quote" in kinds else None
    sql, args = in_schema(_PAGE, schema), ([*streams], [*streams.values()], quoted)
    rows = await connection.fetch(sql, *args, after, limit + 1)
    return [(row[0], row[1]) for row in rows]


# Each stream alone, so that its events come in the order of the index; JSON of the page alone.
_PAGE = f"""
WITH streams AS MATERIALIZED (
    SELECT stream, kind FROM unnest($1::text[]::uuid[], $2::text[]) named (stream, kind)
    UNION ALL SELECT q.quote, 'quote' FROM {{s}}.quotes q WHERE q.lead = $3::text::uuid
), page AS MATERIALIZED (
    SELECT k.kind, d.* FROM streams k CROSS JOIN LATERAL (
        SELECT * FROM {{s}}.decided d WHERE d.stream = k.stream AND d.sequence > $4
        ORDER BY d.sequence LIMIT $5) d
    ORDER BY d.sequence LIMIT $5
)
SELECT d.sequence, (SELECT row_to_json(r)::text FROM (
    SELECT d.kind, d.stream, {EVENT}) r)
FROM page d, json_to_record(d.record::json)
     c (recordedtime text, correlationid text, causationid text, data json)
ORDER BY d.sequence
"""
