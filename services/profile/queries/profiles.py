"""One customer whole: its subjects summed on the spot, as JSON, in one statement."""

from services.profile.queries.sql import MINE, PRESENT, STANDING, event_of, moment, rows

MOST = 500
"""Rows of one list inside a profile (identifiers, consents, products ...), at most."""

_IDENTIFIERS = rows(
    f"""
    SELECT d.kind, d.namespace, d.value, d.subject, coalesce(i.shared, false) AS shared
    FROM {{s}}.identifiers d LEFT JOIN {{s}}.identities i USING (subject)
    WHERE d.subject = {MINE}
    ORDER BY coalesce(i.rank, -1) DESC, d.subject LIMIT {MOST}"""
)

_TRAITS = f"""coalesce((SELECT json_object_agg(name, json_build_object(
    'value', value::json, 'time', time, 'event', event, 'source', source, 'id', id,
    'position', position) ORDER BY name)
FROM (SELECT DISTINCT ON (name) name, value, event, position, {event_of("stamp")}
      FROM {{s}}.traits WHERE subject = {MINE}
      ORDER BY name, stamp DESC) latest
WHERE value <> 'null'), '{{}}')"""


def _counts_by(column: str) -> str:
    return f"""coalesce((SELECT json_object_agg(name, n ORDER BY name)
    FROM (SELECT {column} AS name, sum(n) AS n FROM counted GROUP BY 1) c), '{{}}')"""


_INTERACTIONS = f"""json_build_object(
    'total', (SELECT coalesce(sum(n), 0) FROM counted),
    'by_channel', {_counts_by("channel")},
    'by_type', {_counts_by("type")})"""

_ORDERS = f"""json_build_object(
    'count', (SELECT count(*) FROM ordered WHERE {STANDING}),
    'by_status', coalesce((SELECT json_object_agg(status, n ORDER BY status)
        FROM (SELECT status, count(*) AS n FROM ordered GROUP BY 1) o), '{{}}'),
    'first', (SELECT {moment("min(ordered)")} FROM ordered WHERE {STANDING}),
    'last', (SELECT {moment("max(ordered)")} FROM ordered WHERE {STANDING}),
    'returns', (SELECT coalesce(sum(returns), 0) FROM ordered))"""

_REVENUE = f"""coalesce((SELECT json_object_agg(currency, json_build_object(
    'orders', orders, 'amount', amount, 'returned', returned, 'net', amount - returned,
    'average', round(amount / orders)) ORDER BY currency)
FROM (SELECT currency, count(*) AS orders, trunc(sum(amount)) AS amount,
             trunc(sum(returned)) AS returned
      FROM ordered
      WHERE {STANDING} AND currency IS NOT NULL AND amount IS NOT NULL
      GROUP BY currency) r), '{{}}')"""

_SATISFACTION = f"""(SELECT json_build_object(
    'csat', json_build_object('responses', csat_n,
        'average', round(csat_sum / nullif(csat_n, 0), 2)),
    'nps', json_build_object('responses', nps_n, 'promoters', promoters,
        'detractors', detractors,
        'score', round(100 * (promoters - detractors) / nullif(nps_n, 0), 1)))
FROM (SELECT coalesce(sum(csat_n), 0) AS csat_n, coalesce(sum(csat_sum), 0) AS csat_sum,
             coalesce(sum(nps_n), 0) AS nps_n, coalesce(sum(nps_promoters), 0) AS promoters,
             coalesce(sum(nps_detractors), 0) AS detractors
      FROM {{s}}.satisfaction WHERE subject = {MINE}) s)"""


def _values(amount: str, currency: str, state: str) -> str:
    return f"""coalesce((SELECT json_object_agg(currency, amount ORDER BY currency)
    FROM (SELECT {currency} AS currency, sum({amount}) AS amount FROM worked
          WHERE state = '{state}' AND {amount} IS NOT NULL GROUP BY 1) v), '{{}}')"""


_OPEN = rows(
    f"""
    SELECT lead AS id, pipeline, stage, title, amount, currency, expected_close, owner,
           {moment("captured")} AS captured, subject
    FROM worked WHERE state = 'open' ORDER BY worked.captured DESC, lead LIMIT {MOST}"""
)

_LEADS = f"""json_build_object(
    'open', (SELECT count(*) FROM worked WHERE state = 'open'),
    'won', (SELECT count(*) FROM worked WHERE state = 'won'),
    'lost', (SELECT count(*) FROM worked WHERE state = 'lost'),
    'pipeline_value', {_values("amount", "currency", "open")},
    'won_value', {_values("won_amount", "won_currency", "won")},
    'open_leads', {_OPEN})"""

_CONSENTS = rows(  # a consent's stamp has one digit between its times: a withdrawal wins a tie
    f"""
    SELECT channel, address, purpose, granted, choices::json AS choices, event,
           {event_of("stamp", skip=55)}, position
    FROM {{s}}.consents WHERE subject = {MINE}
    ORDER BY channel, address, purpose LIMIT {MOST}"""
)

_SUBSCRIPTIONS = rows(
    f"""
    SELECT namespace, number, status, term, amount, currency, {moment("started")} AS started,
           renewals, subject
    FROM {{s}}.subscriptions WHERE subject = {MINE}
    ORDER BY namespace, number LIMIT {MOST}"""
)

_PRODUCTS = rows(
    f"""
    SELECT namespace, number, sku, name, {moment("registered")} AS registered, subject
    FROM {{s}}.products WHERE subject = {MINE}
    ORDER BY namespace, number LIMIT {MOST}"""
)

_MEMBERSHIPS = rows(
    f"""
    SELECT m.namespace, m.number, o.name, m.role, left(m.stamp, 27) AS since, m.subject, m.event
    FROM (SELECT DISTINCT ON (namespace, number) *
          FROM {{s}}.memberships WHERE subject = {MINE}
          ORDER BY namespace, number, stamp DESC) m
    LEFT JOIN {{s}}.organisations o USING (namespace, number)
    WHERE m.member ORDER BY m.namespace, m.number LIMIT {MOST}"""
)

TIMELINE_ROW = f"""event, subject, {moment("time")} AS time, {moment("recorded")} AS recorded,
    type, channel, direction, source, id, position, data::json AS data"""
"""One event as a timeline shows it."""

NEWEST_FIRST = "time DESC, recorded DESC, source DESC, id DESC, subject DESC"
"""By stamp, and by subject where two subjects have an event of the same name."""

_TIMELINE = rows(
    f"""
    SELECT {TIMELINE_ROW}
    FROM (SELECT * FROM {{s}}.events WHERE subject = {MINE}
          ORDER BY {NEWEST_FIRST} LIMIT $2) e
    ORDER BY e.time DESC, e.recorded DESC, source DESC, id DESC, subject DESC"""
)

PROFILE = f"""
WITH {PRESENT}, counted AS MATERIALIZED (
    SELECT channel, type, n, first, last FROM {{s}}.counts WHERE subject = {MINE}
), ordered AS MATERIALIZED (
    SELECT amount, currency, placed, cancelled, ordered, status, returns, returned
    FROM {{s}}.orders WHERE subject = {MINE}
), worked AS MATERIALIZED (
    SELECT * FROM {{s}}.leads WHERE subject = {MINE}
)
SELECT json_build_object(
    'id', customer,
    'subjects', cardinality(subjects),
    'identifiers', {_IDENTIFIERS},
    'traits', {_TRAITS},
    'first_seen', (SELECT {moment("min(first)")} FROM counted),
    'last_seen', (SELECT {moment("max(last)")} FROM counted),
    'interactions', {_INTERACTIONS},
    'orders', {_ORDERS},
    'revenue', {_REVENUE},
    'leads', {_LEADS},
    'complaints', (SELECT coalesce(sum(n), 0) FROM counted WHERE type = 'complaint.raised'),
    'satisfaction', {_SATISFACTION},
    'consents', {_CONSENTS},
    'subscriptions', {_SUBSCRIPTIONS},
    'products', {_PRODUCTS},
    'memberships', {_MEMBERSHIPS},
    'timeline', CASE WHEN $2 > 0 THEN {_TIMELINE} END)::text
FROM members
WHERE EXISTS (SELECT FROM {{s}}.identifiers WHERE subject = ANY (members.subjects))
   OR EXISTS (SELECT FROM worked)
"""
"""$1 any subject, $2 timeline rows (0: `timeline` is null); no row where nothing is known."""
