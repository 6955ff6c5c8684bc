"""All that is known of one customer, in one statement."""

from collections.abc import Sequence

from services.leads.queries.filters import Filter, where
from services.leads.queries.sql import LEAD, moment
from shared.database import Connection, in_schema

MOST = 20
"""Of each: leads, interactions, orders, products, quotes, steps."""


async def naming(
    connection: Connection, schema: str, subject: str, seen: Sequence[Filter]
) -> Sequence[str]:
    """The subjects of the latest leads that name an identifier, of those that are seen."""
    args: list[object] = [subject]
    sql = _NAMING.replace("{seen}", where(seen, args))
    rows = await connection.fetch(in_schema(sql, schema), *args)
    return list(dict.fromkeys(row[0] for row in rows))


async def known(
    connection: Connection,
    schema: str,
    subject: str,
    subjects: Sequence[str],
    seen: Sequence[Filter],
) -> str:
    """The JSON of what is known of a customer by all its subjects; leads, also those that name the
    one asked for, and what follows from them, as far as they are seen."""
    args: list[object] = [[*subjects], subject]
    conditions = where(seen, args)
    found: str = await connection.fetchval(
        in_schema(_KNOWN.replace("{seen}", conditions), schema), *args
    )
    return found


_NAMED = "SELECT n.lead FROM {s}.lead_identifiers n WHERE n.subject = {subject}::text::uuid"

_NAMING = f"""
SELECT l.subject::text FROM {{s}}.leads l
WHERE l.lead IN ({_NAMED.format(s="{s}", subject="$1")}) AND {{seen}}
ORDER BY l.touched DESC, l.lead LIMIT {MOST}
"""

_KNOWN = f"""
WITH subjects AS MATERIALIZED (SELECT unnest($1::text[]::uuid[]) AS subject),
mine AS MATERIALIZED (
    SELECT l.* FROM {{s}}.leads l
    WHERE l.lead IN (
        SELECT lead FROM {{s}}.leads WHERE subject IN (SELECT subject FROM subjects)
        UNION {_NAMED.format(s="{s}", subject="$2")}) AND {{seen}}
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
'products', (SELECT json_agg(json_build_object('product', p.product, 'name', c.name,
        'asked', p.asked, 'ordered', p.ordered, 'registered', p.registered)
        ORDER BY p.latest DESC, p.product)
    FROM (SELECT product, max(asked) AS asked, max(ordered) AS ordered,
                 max(registered) AS registered,
                 greatest(max(asked), max(ordered), max(registered)) AS latest
          FROM (SELECT product, {moment("time")} AS asked, NULL AS ordered, NULL AS registered
                FROM {{s}}.activity
                WHERE subject IN (SELECT subject FROM subjects) AND product IS NOT NULL
                  AND type NOT IN ('product.registered', 'stock.counted')
                UNION ALL
                SELECT product, {moment("captured")}, NULL, NULL FROM mine WHERE product IS NOT NULL
                UNION ALL
                SELECT o.sku, {moment("l.touched")}, NULL, NULL
                FROM mine l JOIN {{s}}.opportunity_lines o ON o.lead = l.lead
                WHERE o.sku IS NOT NULL
                UNION ALL
                SELECT product, NULL, left(ordered, 27), left(registered, 27)
                FROM {{s}}.products_had
                WHERE subject IN (SELECT subject FROM subjects)) e
          GROUP BY product ORDER BY latest DESC, product LIMIT {MOST}) p
    LEFT JOIN {{s}}.products c ON c.sku = p.product),
'quotes', (SELECT json_agg(json_build_object('quote', q.quote, 'number', q.number,
        'lead', q.lead, 'state', q.state, 'amount', q.amount, 'currency', q.currency,
        'valid_until', q.valid_until, 'sent', {moment("q.sent_at")})
        ORDER BY q.drafted_at DESC, q.quote)
    FROM (SELECT q.* FROM mine l JOIN {{s}}.quotes q ON q.lead = l.lead
          WHERE q.state IN ('drafted', 'sent', 'accepted')
          ORDER BY q.drafted_at DESC, q.quote LIMIT {MOST}) q),
'steps', (SELECT json_agg(json_build_object('lead', s.lead, 'step', s.step, 'state', s.state,
        'title', s.title, 'kind', s.kind, 'due', {moment("s.due")}, 'owner', s.owner)
        ORDER BY s.due, s.lead, s.step)
    FROM (SELECT s.*, l.owner FROM mine l JOIN {{s}}.steps s ON s.lead = l.lead
          WHERE s.state IN ('pending', 'due', 'overdue')
          ORDER BY s.due, s.lead, s.step LIMIT {MOST}) s)
)::text
"""
