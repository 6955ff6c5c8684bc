"""Members of an organisation, the open leads of its people, notes about it."""

from collections.abc import Sequence
from typing import NamedTuple

from services.leads.queries.filters import Filter, where
from services.leads.queries.sql import LEAD, customer_of, moment
from shared.database import Connection, in_schema

MOST = 500
"""Members, and 50 leads, that are shown."""

MOST_LEADS = 50


class Member(NamedTuple):
    """Who belongs to an organisation, as the log says."""

    person: str
    customer: str
    role: str
    organisation: str | None
    since: str


async def members(connection: Connection, schema: str, account: str) -> Sequence[Member]:
    rows = await connection.fetch(in_schema(_MEMBERS, schema), account)
    return [Member(*row) for row in rows]


async def open_leads(
    connection: Connection, schema: str, people: Sequence[str], seen: Sequence[Filter]
) -> tuple[str, str]:
    """The JSON of sums by currency, and of the latest touched, of all that people belong to."""
    args: list[object] = [[*people]]
    conditions = where(seen, args)
    row = await connection.fetchrow(in_schema(_LEADS.replace("{seen}", conditions), schema), *args)
    assert row is not None
    return row[0], row[1]


async def notes(
    connection: Connection, schema: str, stream: str, before: int | None, limit: int
) -> Sequence[tuple[int, str]]:
    """Notes of (sequence, JSON), the latest first; one more than the limit if there are more."""
    rows = await connection.fetch(in_schema(_NOTES, schema), stream, before, limit + 1)
    return [(row[0], row[1]) for row in rows]


_MEMBERS = f"""
SELECT m.person::text, {customer_of("m.person")}::text, m.role, m.organisation, {moment("m.at")}
FROM {{s}}.account_members m WHERE m.account = $1::text::uuid AND m.member
ORDER BY m.at, m.person LIMIT {MOST}
"""

_LEADS = f"""
WITH customers AS MATERIALIZED (
    SELECT DISTINCT {customer_of("p.subject")} AS customer
    FROM unnest($1::text[]::uuid[]) p (subject)
), subjects AS MATERIALIZED (
    SELECT b.subject FROM {{s}}.belonging b JOIN customers c ON c.customer = b.customer
    UNION SELECT customer FROM customers UNION SELECT unnest($1::text[]::uuid[])
), mine AS MATERIALIZED (
    SELECT l.* FROM {{s}}.leads l
    WHERE l.subject IN (SELECT subject FROM subjects) AND l.state = 'open' AND {{seen}}
)
SELECT coalesce((SELECT json_agg(json_build_object('currency', s.currency, 'leads', s.leads,
        'amount', s.amount) ORDER BY s.currency)
    FROM (SELECT currency, count(*) AS leads, sum(amount) AS amount FROM mine
          GROUP BY currency) s), '[]'::json)::text,
    coalesce((SELECT json_agg({LEAD}::json ORDER BY l.touched DESC, l.lead)
    FROM (SELECT * FROM mine ORDER BY touched DESC, lead LIMIT {MOST_LEADS}) l), '[]'::json)::text
"""

_NOTES = f"""
SELECT d.sequence, json_build_object('version', d.version, 'time', {moment("d.time")},
    'actor', d.actor, 'text', d.record::json -> 'data' ->> 'text')::text
FROM {{s}}.decided d
WHERE d.stream = $1::text::uuid AND d.type = 'account.noted'
  AND ($2::bigint IS NULL OR d.sequence < $2)
ORDER BY d.sequence DESC LIMIT $3
"""
