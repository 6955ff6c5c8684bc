"""The rows of the list of customers: recomputed whole from their subjects, never incremented."""

from collections.abc import Collection

from shared.database import Connection, in_schema

LARGE = 1_000
"""Rows behind a customer above which its row is refreshed at intervals."""

PER_SECOND = 10_000
"""Rows of a large customer that are summed again per second, at most."""

LONGEST = 60.0
"""Seconds between two refreshes, however large."""


def interval(size: int) -> float:
    """Seconds to the next refresh of a customer of so many rows."""
    return min(LONGEST, size / PER_SECOND) if size > LARGE else 0.0


async def refresh(connection: Connection, schema: str, customers: Collection[object]) -> None:
    """Recompute the rows of these customers; one without events has none."""
    if customers:
        await connection.execute(in_schema(_REFRESH, schema), sorted(customers, key=str))


# A trait that is a JSON string, as text; one with U+0000 or half a surrogate pair is none.
_TEXT = r"""CASE
        WHEN t.value NOT LIKE '"%' THEN NULL
        WHEN strpos(t.value, '\') = 0 THEN substr(t.value, 2, length(t.value) - 2)
        WHEN regexp_replace(t.value, '\\\\|\\u[dD][89abAB]..\\u[dD][c-fC-F]..', '', 'g')
             !~ '\\u(0000|[dD][89a-fA-F])' THEN t.value::json #>> '{}'
    END"""

# One look by index per customer and table (`OFFSET 0` keeps it so), whatever the planner believes.
_REFRESH = f"""
WITH listed AS MATERIALIZED (
    SELECT w.customer, cardinality(m.subjects) AS subjects, seen.*, bought.*, named.name
    FROM unnest($1::uuid[]) w (customer)
    CROSS JOIN LATERAL (
        SELECT ARRAY(SELECT subject FROM {{s}}.identities WHERE customer = w.customer
                     UNION ALL
                     SELECT w.customer WHERE NOT EXISTS (
                         SELECT FROM {{s}}.identities WHERE subject = w.customer)) AS subjects
        OFFSET 0) m
    CROSS JOIN LATERAL (
        SELECT sum(n) AS interactions, min(first) AS first_seen, max(last) AS last_seen
        FROM {{s}}.counts c
        WHERE c.subject = ANY (m.subjects)
          AND EXISTS (SELECT FROM {{s}}.identifiers d WHERE d.subject = c.subject)) seen
    CROSS JOIN LATERAL (
        SELECT sum(orders) AS orders, max(last_order) AS last_order,
               (array_agg(currency ORDER BY priced DESC, currency) FILTER (WHERE money))[1]
                   AS currency,
               (array_agg(amount ORDER BY priced DESC, currency) FILTER (WHERE money))[1]
                   AS revenue,
               (jsonb_object_agg(currency, amount) FILTER (WHERE money))::text AS revenues
        FROM (SELECT currency, count(*) AS orders, max(ordered) AS last_order,
                     sum(amount) AS amount, count(amount) AS priced,
                     currency IS NOT NULL AND count(amount) > 0 AS money
              FROM {{s}}.orders
              WHERE subject = ANY (m.subjects)
                AND placed IS NOT NULL AND (cancelled IS NULL OR cancelled <= placed)
              GROUP BY currency) sold) bought
    CROSS JOIN LATERAL (
        SELECT coalesce(nullif(max(value) FILTER (WHERE name = 'name'), ''),
                   nullif(concat_ws(' ',
                       nullif(max(value) FILTER (WHERE name = 'first_name'), ''),
                       nullif(max(value) FILTER (WHERE name = 'last_name'), '')), '')) AS name
        FROM (SELECT DISTINCT ON (t.name) t.name, {_TEXT} AS value
              FROM {{s}}.traits t
              WHERE t.subject = ANY (m.subjects)
                AND t.name IN ('name', 'first_name', 'last_name')
              ORDER BY t.name, t.stamp DESC) trait) named
), gone AS (
    DELETE FROM {{s}}.customers c USING listed l
    WHERE c.customer = l.customer AND l.interactions IS NULL
)
INSERT INTO {{s}}.customers AS c (customer, subjects, first_seen, last_seen, interactions, orders,
                                  currency, revenue, revenues, last_order, name)
SELECT customer, subjects, first_seen, last_seen, interactions, coalesce(orders, 0), currency,
       coalesce(revenue, 0), coalesce(revenues, '{{}}'), last_order, name
FROM listed WHERE interactions IS NOT NULL
ORDER BY customer
ON CONFLICT (customer) DO UPDATE
    SET subjects = excluded.subjects, first_seen = excluded.first_seen,
        last_seen = excluded.last_seen, interactions = excluded.interactions,
        orders = excluded.orders, currency = excluded.currency, revenue = excluded.revenue,
        revenues = excluded.revenues, last_order = excluded.last_order, name = excluded.name
    WHERE c IS DISTINCT FROM excluded
"""
