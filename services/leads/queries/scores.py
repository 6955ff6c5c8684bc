"""What a score is worked out from: the rules that stood, what happened, who somebody was."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from services.leads.events import RuleSet
from services.leads.queries.sql import customer_of, moment, subjects_of
from services.leads.scoring import Happening, Person
from services.leads.states import Scored
from shared.database import Connection, in_schema

MOST = 10_000
"""Interactions that the rules look at of one customer."""


class Horizon(NamedTuple):
    """The moments: what happened, and what was recorded, no later than these."""

    as_of: datetime
    known_at: datetime


async def rules(connection: Connection, schema: str, horizon: Horizon) -> Scored | None:
    """The rules that stood then; None where there were none yet."""
    row = await connection.fetchrow(in_schema(_RULES, schema), min(horizon))
    if row is None:
        return None
    return Scored(row[0], msgspec.json.decode(row[2], type=RuleSet), row[1])


async def members(
    connection: Connection, schema: str, subject: str, then: datetime | None = None
) -> tuple[str, Sequence[str]]:
    """The customer that a subject belongs to, and all subjects of that one.

    As it was told no later than a moment; without one as it is now.
    """
    if then is None:
        rows = await connection.fetch(in_schema(_MEMBERS, schema), subject)
    else:
        rows = await connection.fetch(in_schema(_MEMBERS_THEN, schema), subject, then)
    return rows[0][0], rows[0][1]


async def happenings(
    connection: Connection,
    schema: str,
    subjects: Sequence[str],
    types: Sequence[str],
    horizon: Horizon,
) -> Sequence[Happening]:
    """What happened by then, of these types, in the order of time; one more than MOST at most."""
    rows = await connection.fetch(in_schema(_ACTIVITY, schema), subjects, types, *horizon, MOST + 1)
    return [Happening(*row) for row in rows]


async def person(
    connection: Connection, schema: str, subjects: Sequence[str], horizon: Horizon
) -> Person:
    """Who somebody was by then: of each trait the latest over all subjects.

    The company is the trait `company`, or the `name` in it; the country is the trait `country`, or
    that of the trait `address`.
    """
    rows = await connection.fetch(in_schema(_TRAITS, schema), subjects, *horizon)
    return person_of({row[0]: row[1] for row in rows if row[1] is not None})


def person_of(told: Mapping[str, str]) -> Person:
    """Who somebody is by traits, JSON by name."""
    traits = {name: msgspec.json.decode(value) for name, value in told.items()}
    company = _text(traits.get("company"), "name")
    country = _text(traits.get("country")) or _text(_part(traits.get("address")), "country")
    return Person(traits, company, country)


def _part(value: object) -> object:
    return value if isinstance(value, Mapping) else None


def _text(value: object, within: str | None = None) -> str | None:
    if within is not None and isinstance(value, Mapping):
        value = value.get(within)
    return value if isinstance(value, str) else None


_RULES = f"""
SELECT version, {moment("epoch")}, rules FROM {{s}}.scorings
WHERE epoch <= $1 ORDER BY version DESC LIMIT 1
"""

_MEMBERS = f"""
SELECT a.customer::text, {subjects_of("a.customer")}::text[]
FROM (SELECT {customer_of("$1::text::uuid")} AS customer) a
"""

# Of each subject the highest revision that was told by then.
_MEMBERS_THEN = """
SELECT a.customer::text, ARRAY(
    SELECT b.subject FROM {s}.belonged b
    WHERE b.customer = a.customer AND b.told <= $2 AND NOT EXISTS (
        SELECT FROM {s}.belonged n
        WHERE n.subject = b.subject AND n.revision > b.revision AND n.told <= $2)
    UNION SELECT a.customer WHERE NOT EXISTS (
        SELECT FROM {s}.belonged b WHERE b.subject = a.customer AND b.told <= $2)
    )::text[]
FROM (SELECT coalesce((
    SELECT b.customer FROM {s}.belonged b WHERE b.subject = $1::text::uuid AND b.told <= $2
    ORDER BY b.revision DESC LIMIT 1), $1::text::uuid) AS customer) a
"""

_ACTIVITY = f"""
SELECT event::text, type, {moment("time")}, channel, purpose, product FROM {{s}}.activity
WHERE subject = ANY ($1::text[]::uuid[]) AND type = ANY ($2::text[])
  AND time <= $3 AND recorded <= $4
ORDER BY activity.time, activity.event LIMIT $5
"""

# A stamp begins with when it happened and when it was recorded.
_TRAITS = f"""
SELECT DISTINCT ON (name) name, value FROM {{s}}.traits
WHERE subject = ANY ($1::text[]::uuid[])
  AND left(stamp, 27) <= {moment("$2::timestamptz")} COLLATE "C"
  AND substr(stamp, 28, 27) <= {moment("$3::timestamptz")} COLLATE "C"
ORDER BY name, stamp DESC
"""
