"""All that is known of one customer, in one statement."""

from collections.abc import Sequence

from services.leads.queries.filters import Filter, where
from services.leads.queries.sql import LEAD, moment
from services.leads.tables import metadata
from shared.database import Connection, in_schema

MOST = 20
"""Of each: leads, interactions, orders, quotes, steps."""


async def known(
    connection: Connection, schema: str, subjects: Sequence[str], seen: Sequence[Filter]
) -> str:
    """The JSON of what is known of a customer by all its subjects; leads, and what follows from
    them, as far as they are seen."""
    args: list[object] = [[*subjects]]
    conditions = where(seen, args)
    quotes = _QUOTES if "quotes" in metadata.tables else "NULL::json"
    sql = _KNOWN.replace("{quotes}", quotes).replace("{seen}", conditions)
    found: str = await connection.fetchval(in_schema(sql, schema), *args)
    return found


_QUOTES = f"""(SELECT json_agg(json_build_object('quote', q.quote, 'number', q.number,
        'lead', q.lead, 'state', q.state, 'amount', q.amount, 'currency', q.currency,
        'valid_until', q.valid_until, 'sent', {moment("q.sent_at")})
        ORDER BY q.drafted_at DESC, q.quote)
    FROM (SELECT q.* FROM mine l JOIN {{s}}.quotes q ON q.lead = l.lead
          WHERE q.state IN ('drafted', 'sent', 'accepted')
          ORDER BY q.drafted_at DESC, q.quote LIMIT {MOST}) q)"""

_KNOWN = f"""
WITH subjects AS MATERIALIZED (SELECT unnest($1::text[]::uuid[]) AS subject),
mine AS MATERIALIZED (
    SELECT l.* FROM {{s}}.leads l WHERE l.subject IN (SELECT subject FROM subjects) AND {{seen}}
)
SELECT json_build_object(
'traits', (SELECT json_object_agg(t.name, t.value::json ORDER BY t.name)
    FROM (SELECT DISTINCT ON (name) name, value FROM {{s}}.traits
          WHERE subject IN (SELECT subject FROM subjects) ORDER BY name, stamp DESC) t
    WHERE t.value IS NOT NULL),
'open_leads', (SELECT json_agg({LEAD}::json ORDER BY l.touched DESC, l.lead)
    FROM (SELECT * FROM mine WHERE state = 'open'
          ORDER BY touched DESC, lead LIMIT {MOST}) l),
'interactions', (SELECT json_agg(json_build_object('event', a.event, 'type', a.type,
        'time', {moment("a.time")}, 'channel', a.channel, 'purpose', a.purpose,
        'product', a.product, 'position', a.position) ORDER BY a.time DESC, a.event)
    FROM (SELECT * FROM {{s}}.activity WHERE subject IN (SELECT subject FROM subjects)
          ORDER BY time DESC, event LIMIT {MOST}) a),
'orders', (SELECT json_agg(json_build_object('namespace', o.namespace, 'number', o.number,
        'amount', o.amount, 'currency', o.currency, 'ordered', {moment("o.ordered")},
        'cancelled', o.cancelled IS NOT NULL AND o.cancelled > o.placed)
        ORDER BY o.ordered DESC, o.namespace, o.number)
    FROM (SELECT * FROM {{s}}.orders
          WHERE subject IN (SELECT subject FROM subjects) AND ordered IS NOT NULL
          ORDER BY ordered DESC, namespace, number LIMIT {MOST}) o),
'quotes', {{quotes}},
'steps', (SELECT json_agg(json_build_object('lead', s.lead, 'step', s.step, 'state', s.state,
        'title', s.title, 'kind', s.kind, 'due', {moment("s.due")}, 'owner', s.owner)
        ORDER BY s.due, s.lead, s.step)
    FROM (SELECT s.*, l.owner FROM mine l JOIN {{s}}.steps s ON s.lead = l.lead
          WHERE s.state IN ('pending', 'due', 'overdue')
          ORDER BY s.due, s.lead, s.step LIMIT {MOST}) s)
)::text
"""
