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

_REFRESH = f"""
WITH wanted AS MATERIALIZED (
    SELECT unnest($1::uuid[]) AS customer
), member AS MATERIALIZED (
    SELECT w.customer, i.subject
    FROM wanted w JOIN {{s}}.identities i ON i.customer = w.customer
    UNION ALL
    SELECT w.customer, w.customer FROM wanted w
    WHERE NOT EXISTS (SELECT FROM {{s}}.identities i WHERE i.subject = w.customer)
), sized AS (
    SELECT customer, count(*) AS subjects FROM member GROUP BY customer
), seen AS MATERIALIZED (
    SELECT m.customer, sum(c.n) AS interactions, min(c.first) AS first_seen,
           max(c.last) AS last_seen
    FROM member m
    JOIN {{s}}.identifiers d ON d.subject = m.subject
    JOIN {{s}}.counts c ON c.subject = m.subject
    GROUP BY m.customer
), sold AS (
    SELECT m.customer, o.currency, count(*) AS orders, max(o.ordered) AS last_order,
           sum(o.amount) AS amount, count(o.amount) AS priced
    FROM member m JOIN {{s}}.orders o ON o.subject = m.subject
    WHERE o.placed IS NOT NULL AND (o.cancelled IS NULL OR o.cancelled <= o.placed)
    GROUP BY m.customer, o.currency
), bought AS (
    SELECT customer, sum(orders) AS orders, max(last_order) AS last_order,
           (array_agg(currency ORDER BY priced DESC, currency) FILTER (WHERE priced > 0
                AND currency IS NOT NULL))[1] AS currency,
           (array_agg(amount ORDER BY priced DESC, currency) FILTER (WHERE priced > 0
                AND currency IS NOT NULL))[1] AS revenue,
           (jsonb_object_agg(currency, amount) FILTER (WHERE priced > 0
                AND currency IS NOT NULL))::text AS revenues
    FROM sold GROUP BY customer
), trait AS (
    SELECT DISTINCT ON (m.customer, t.name) m.customer, t.name, {_TEXT} AS value
    FROM member m JOIN {{s}}.traits t ON t.subject = m.subject
    WHERE t.name IN ('name', 'first_name', 'last_name')
    ORDER BY m.customer, t.name, t.stamp DESC, t.subject
), named AS (
    SELECT customer,
           coalesce(nullif(max(value) FILTER (WHERE name = 'name'), ''),
                    nullif(concat_ws(' ', nullif(max(value) FILTER (WHERE name = 'first_name'), ''),
                                     nullif(max(value) FILTER (WHERE name = 'last_name'), '')),
                           '')) AS name
    FROM trait GROUP BY customer
), gone AS (
    DELETE FROM {{s}}.customers c USING wanted w
    WHERE c.customer = w.customer
      AND NOT EXISTS (SELECT FROM seen WHERE seen.customer = w.customer)
)
INSERT INTO {{s}}.customers AS c (customer, subjects, first_seen, last_seen, interactions, orders,
                                  currency, revenue, revenues, last_order, name)
SELECT customer, subjects, first_seen, last_seen, interactions, coalesce(orders, 0), currency,
       coalesce(revenue, 0), coalesce(revenues, '{{}}'), last_order, name
FROM seen JOIN sized USING (customer)
LEFT JOIN bought USING (customer)
LEFT JOIN named USING (customer)
ORDER BY customer
ON CONFLICT (customer) DO UPDATE
    SET subjects = excluded.subjects, first_seen = excluded.first_seen,
        last_seen = excluded.last_seen, interactions = excluded.interactions,
        orders = excluded.orders, currency = excluded.currency, revenue = excluded.revenue,
        revenues = excluded.revenues, last_order = excluded.last_order, name = excluded.name
    WHERE c IS DISTINCT FROM excluded
"""
