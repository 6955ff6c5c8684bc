"""What every number is made of: one select each, from which it is counted and listed alike.

A row says what it is (`kind`, `id`), when (`at`), in which period (`n`, from 1; what is so now is
in the first), of which `customer`, and whose: the lead, owner, pipeline, source, product, country
and region that it is told by. `value` is a currency or a type; `amount` and `other` are sums.
"""

from collections.abc import Mapping

from services.leads.queries.sql import customer_of

# $1: where the periods begin and end, the two before the first one included; $2: now.
SHARED = """
led AS MATERIALIZED (
    SELECT l.lead, coalesce(b.customer, l.subject) AS customer, l.state, l.captured, l.closed_at,
           l.owner, l.pipeline, l.source, l.product, l.won_amount, l.won_currency,
           c.value::json #>> '{}' AS country, r.value::json #>> '{}' AS region
    FROM {s}.leads l LEFT JOIN {s}.belonging b ON b.subject = l.subject
    LEFT JOIN {s}.fields c ON c.lead = l.lead AND c.name = 'country'
    LEFT JOIN {s}.fields r ON r.lead = l.lead AND r.name = 'region'
    WHERE l.begun IS NOT NULL AND l.state <> 'merged'
), people AS MATERIALIZED (  -- the lead that a customer is told by: the one captured last
    SELECT DISTINCT ON (customer) * FROM led ORDER BY customer, captured DESC, lead DESC
), ordered AS MATERIALIZED (  -- the orders that stand
    SELECT o.namespace, o.number, coalesce(b.customer, o.subject) AS customer, o.ordered AS at,
           o.amount, o.currency, o.cost, (
               SELECT sum(r.amount) FROM {s}.returns r
               WHERE (r.namespace, r.number) = (o.namespace, o.number)
                 AND coalesce(r.currency, o.currency) = o.currency) AS returned
    FROM {s}.orders o LEFT JOIN {s}.belonging b ON b.subject = o.subject
    WHERE o.placed IS NOT NULL AND (o.cancelled IS NULL OR o.cancelled < o.placed)
), spans AS MATERIALIZED (  -- what a subscription is from one event until the next
    SELECT t.namespace, t.number, t.kind, t.at, t.stamp, t.until,
           coalesce(b.customer, t.subject) AS customer
    FROM (SELECT namespace, number, kind, at, stamp, lead(at) OVER w AS until,
                 first_value(subject) OVER (PARTITION BY namespace, number
                     ORDER BY subject IS NULL, stamp) AS subject
          FROM {s}.terms WHERE kind <> 'due'
          WINDOW w AS (PARTITION BY namespace, number ORDER BY stamp)) t
    LEFT JOIN {s}.belonging b ON b.subject = t.subject
), became AS MATERIALIZED (  -- since when somebody is a customer
    SELECT customer, min(at) AS at
    FROM (SELECT customer, at FROM ordered
          UNION ALL SELECT customer, at FROM spans WHERE kind <> 'cancelled'
          UNION ALL SELECT customer, closed_at FROM led WHERE state = 'won') bought
    WHERE customer IS NOT NULL GROUP BY customer
), ends AS (
    SELECT m, at FROM unnest(($1::timestamptz[])[2:]) WITH ORDINALITY e (at, m)
), active AS MATERIALIZED (  -- who bought in a period, or was a subscriber at its end
    SELECT DISTINCT customer, m
    FROM (SELECT customer, width_bucket(at, $1::timestamptz[]) FROM ordered
          UNION ALL
          SELECT customer, width_bucket(at, $1::timestamptz[]) FROM spans WHERE kind <> 'cancelled'
          UNION ALL
          SELECT s.customer, e.m FROM spans s
          JOIN ends e ON s.at < e.at AND (s.until IS NULL OR s.until >= e.at)
          WHERE s.kind <> 'cancelled') a (customer, m)
    WHERE customer IS NOT NULL AND m >= 1 AND m < cardinality($1::timestamptz[])
)"""

_IN = "width_bucket({at}, $1::timestamptz[]) - 2"
_TOLD = "p.owner, p.pipeline, p.source, p.product, p.country, p.region"
_OF = "LEFT JOIN people p ON p.customer = x.customer"
_NOTHING = "NULL::text AS value, NULL::numeric AS amount, NULL::numeric AS other"


def _customers(n: str, at: str, what: str) -> str:
    return f"""
SELECT 'customer' AS kind, x.customer::text AS id, {at} AS at, {n} AS n, x.customer, p.lead,
       {_TOLD}, {_NOTHING}
FROM {what} {_OF}"""


def _leads(n: str, at: str, which: str, told: str = _NOTHING) -> str:
    return f"""
SELECT 'lead' AS kind, p.lead::text AS id, {at} AS at, {n} AS n, p.customer, p.lead,
       {_TOLD}, {told}
FROM led p WHERE {which}"""


_WON = "p.won_currency AS value, p.won_amount::numeric AS amount, NULL::numeric AS other"


def _orders(of: str) -> str:
    return f"""
SELECT 'order' AS kind, x.namespace || ':' || x.number AS id, x.at, {_IN.format(at="x.at")} AS n,
       x.customer, p.lead, {_TOLD}, x.currency AS value, x.amount::numeric AS amount,
       coalesce(x.returned, 0) AS other
FROM {of} {_OF}"""


# The period of who is a customer for the first time is that of the order too. Not by `=`, by
# which the few periods would be joined rather than the many customers.
_FIRST = f"""(SELECT o.* FROM ordered o JOIN became c ON c.customer = o.customer
      WHERE {_IN.format(at="c.at")} IS NOT DISTINCT FROM {_IN.format(at="o.at")}) x"""

_KEPT = "EXISTS (SELECT FROM active t WHERE t.customer = a.customer AND t.m = a.m + 1)"


def _stayed(which: str, back: int) -> str:
    """Customers who were active in the period before, or in the one before that."""
    what = f"(SELECT a.customer, a.m FROM active a WHERE {which}) x"
    return _customers(f"x.m - {back}", "NULL::timestamptz", what)


_REPEAT = f"""(
    SELECT o.customer, {_IN.format(at="o.at")} AS n, max(o.at) AS at FROM ordered o
    WHERE EXISTS (SELECT FROM ordered e WHERE e.customer = o.customer
                  AND (e.at, e.namespace, e.number) < (o.at, o.namespace, o.number))
    GROUP BY 1, 2) x"""

_PROSPECTS = """(
    SELECT DISTINCT l.customer FROM led l
    WHERE l.state = 'open' AND NOT EXISTS (SELECT FROM became c WHERE c.customer = l.customer)) x"""

_RECURRING = f"""
SELECT 'subscription' AS kind, x.namespace || ':' || x.number AS id, x.at, e.m - 2 AS n,
       x.customer, p.lead, {_TOLD}, coalesce(t.currency, '') AS value, t.yearly::numeric AS amount,
       NULL::numeric AS other
FROM spans x
JOIN ends e ON x.at < least(e.at, $2::timestamptz)
           AND (x.until IS NULL OR x.until >= least(e.at, $2::timestamptz))
LEFT JOIN LATERAL (
    SELECT t.currency, t.yearly FROM {{s}}.terms t
    WHERE (t.namespace, t.number) = (x.namespace, x.number) AND t.stamp <= x.stamp
      AND t.amount IS NOT NULL AND t.kind <> 'due'
    ORDER BY t.stamp DESC LIMIT 1) t ON true
{_OF}
WHERE x.kind <> 'cancelled'"""


def _costs(which: str) -> str:
    return f"""
SELECT 'cost' AS kind, x.event::text AS id, x.at, {_IN.format(at="x.at")} AS n,
       CASE WHEN x.known THEN {customer_of("x.subject")} END AS customer, NULL::uuid AS lead,
       x.owner, x.pipeline, x.source, x.product, x.country, x.region,
       x.currency AS value, x.amount::numeric AS amount, NULL::numeric AS other
FROM {{s}}.costs x WHERE {which}"""


def _contacts(which: str) -> str:
    return f"""
SELECT 'contact' AS kind, x.event::text AS id, x.at, {_IN.format(at="x.at")} AS n,
       x.customer, p.lead, x.representative AS owner,
       p.pipeline, p.source, p.product, p.country, p.region,
       x.type AS value, NULL::numeric AS amount, NULL::numeric AS other
FROM (SELECT c.*, CASE WHEN c.known THEN coalesce(b.customer, c.subject) END AS customer
      FROM {{s}}.contacts c LEFT JOIN {{s}}.belonging b ON b.subject = c.subject
      WHERE {which}) x {_OF}"""


def _decided(type_: str) -> str:
    """Events of ours: told by the lead that they name, else by the customer's."""
    return f"""
SELECT 'event' AS kind, x.event::text AS id, x.at, {_IN.format(at="x.at")} AS n, p.customer, p.lead,
       coalesce(x.owner, p.owner) AS owner, p.pipeline, p.source, p.product, p.country, p.region,
       NULL::text AS value, NULL::numeric AS amount, NULL::numeric AS other
FROM (SELECT d.event, d.time AS at, coalesce(b.customer, d.subject) AS customer,
             d.record::json #>> '{{data,lead}}' AS named,
             d.record::json #>> '{{data,owner}}' AS owner
      FROM {{s}}.decided d LEFT JOIN {{s}}.belonging b ON b.subject = d.subject
      WHERE d.type = '{type_}') x
LEFT JOIN LATERAL (
    SELECT * FROM led WHERE led.lead::text = x.named
    UNION ALL SELECT p.* FROM people p WHERE p.customer = x.customer
      AND NOT EXISTS (SELECT FROM led WHERE led.lead::text = x.named)) p ON true"""


_SPENT_ON = f"""(
    SELECT {customer_of("c.subject")} AS customer, c.at, c.currency, -c.amount AS amount
    FROM {{s}}.costs c WHERE c.known)"""

# So far: until the end of the first period.
_LIFETIME = f"""
SELECT 'customer' AS kind, x.customer::text AS id, c.at, 1 AS n, x.customer, p.lead, {_TOLD},
       x.currency AS value, x.amount, NULL::numeric AS other
FROM (SELECT customer, currency, sum(amount)::numeric AS amount
      FROM (SELECT customer, at, currency, amount - coalesce(returned, 0) - coalesce(cost, 0)
            FROM ordered
            UNION ALL SELECT customer, at, currency, amount FROM {_SPENT_ON} spent)
           v (customer, at, currency, amount)
      WHERE at < (SELECT max(at) FROM ends) GROUP BY customer, currency) x
JOIN became c ON c.customer = x.customer AND c.at < (SELECT max(at) FROM ends)
{_OF}"""

_SALES_CALLS = """type IN ('call.placed', 'call.received') AND purpose = 'sales'
    OR type = 'visit.made' AND coalesce(purpose, 'sales') = 'sales'"""

NOW: Mapping[str, str] = {
    "prospective_customers": _customers("1", "NULL::timestamptz", _PROSPECTS),
    "open_leads": _leads("1", "p.captured", "p.state = 'open'"),
    "lifetime": _LIFETIME,
}
"""What is so now, or so far; not told by days, weeks or months."""

THEN: Mapping[str, str] = {
    "new_customers": _customers(_IN.format(at="x.at"), "x.at", "became x"),
    "customers_before": _stayed("true", 1),
    "retained_customers": _stayed(_KEPT, 1),
    "earlier_customers": _stayed("true", 0),
    "earlier_retained": _stayed(_KEPT, 0),
    "churned_customers": _stayed(f"NOT {_KEPT}", 1),
    "repeat_customers": _customers("x.n", "x.at", _REPEAT),
    "new_leads": _leads(_IN.format(at="p.captured"), "p.captured", "true"),
    "won_leads": _leads(_IN.format(at="p.closed_at"), "p.closed_at", "p.state = 'won'", _WON),
    "orders": _orders("ordered x"),
    "new_revenue": _orders(_FIRST),
    "recurring": _RECURRING,
    "costs": _costs("true"),
    "costs_of_leads": _costs("purpose = 'leads'"),
    "costs_of_sales": _costs("purpose <> 'retention'"),
    "sales_calls": _contacts(_SALES_CALLS),
    "contacts": _contacts("true"),
    "proposals": _decided("quote.sent"),
    "overdue_steps": _decided("step.became_overdue"),
}
"""What happened in a period."""

SOURCES: Mapping[str, str] = {**NOW, **THEN}
