"""The scores of many customers at once, in three queries."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from services.leads.queries.scores import Horizon, person_of
from services.leads.queries.sql import moment
from services.leads.scoring import Happening, Person
from services.leads.states import Scored
from shared.database import Connection, in_schema

MOST_EACH = 1_000
"""Latest interactions of a subject that the rules look at here."""


class Known(NamedTuple):
    """What is known of a customer: `is_whole` False where a subject has more than MOST_EACH."""

    customer: str
    happenings: Sequence[Happening]
    person: Person
    is_whole: bool


class Members(NamedTuple):
    """Customers by the subjects that were asked for, and by all subjects that belong to them."""

    asked: Mapping[str, str]
    customers: Mapping[str, str]


async def known_of(
    connection: Connection, schema: str, scored: Scored, whose: Members, horizon: Horizon
) -> dict[str, Known]:
    """By subject, whatever the rules look at of the customer that it belongs to now."""
    types = sorted({rule.type for rule in scored.rules.engagement})
    theirs = [*whose.customers]
    happened = await connection.fetch(
        in_schema(_ACTIVITY, schema), theirs, types, *horizon, MOST_EACH + 1
    )
    told = await connection.fetch(in_schema(_TRAITS, schema), theirs, *horizon)
    happenings: defaultdict[str, list[Happening]] = defaultdict(list)
    counts: defaultdict[str, int] = defaultdict(int)
    clipped = set()
    for subject, *row in happened:
        counts[subject] += 1
        if counts[subject] > MOST_EACH:
            clipped.add(whose.customers[subject])
        else:
            happenings[whose.customers[subject]].append(Happening(*row))
    persons = _persons(whose, [tuple(row) for row in told])
    return {
        subject: Known(
            customer,
            happenings[customer],
            persons.get(customer, Person()),
            customer not in clipped,
        )
        for subject, customer in whose.asked.items()
    }


async def members(connection: Connection, schema: str, subjects: Collection[str]) -> Members:
    """Whom subjects belong to now, and who else belongs to those."""
    rows = await connection.fetch(in_schema(_CUSTOMERS, schema), sorted({*subjects}))
    asked = {row[0]: row[1] for row in rows}
    rows = await connection.fetch(in_schema(_SUBJECTS, schema), sorted({*asked.values()}))
    return Members(asked, {row[0]: row[1] for row in rows})


def _persons(whose: Members, told: Sequence[tuple[str, str, str, str | None]]) -> dict[str, Person]:
    """Of each trait the latest over all subjects of a customer."""
    latest: defaultdict[str, dict[str, tuple[str, str | None]]] = defaultdict(dict)
    for subject, name, stamp, value in told:
        traits = latest[whose.customers[subject]]
        if name not in traits or traits[name][0] < stamp:
            traits[name] = (stamp, value)
    return {
        customer: person_of(
            {name: value for name, (_, value) in traits.items() if value is not None}
        )
        for customer, traits in latest.items()
    }


_CUSTOMERS = """
SELECT g.subject::text, coalesce(b.customer, g.subject)::text
FROM unnest($1::text[]::uuid[]) g (subject) LEFT JOIN {s}.belonging b ON b.subject = g.subject
"""

_SUBJECTS = """
SELECT b.subject::text, b.customer::text FROM {s}.belonging b
WHERE b.customer = ANY ($1::text[]::uuid[])
UNION ALL
SELECT g.customer::text, g.customer::text FROM unnest($1::text[]::uuid[]) g (customer)
WHERE NOT EXISTS (SELECT FROM {s}.belonging b WHERE b.subject = g.customer)
"""

_ACTIVITY = f"""
SELECT g.subject::text, a.event::text, a.type, {moment("a.time")}, a.channel, a.purpose, a.product
FROM unnest($1::text[]::uuid[]) g (subject) CROSS JOIN LATERAL (
    SELECT * FROM {{s}}.activity
    WHERE subject = g.subject AND type = ANY ($2::text[]) AND time <= $3 AND recorded <= $4
    ORDER BY time DESC, event LIMIT $5) a
"""

# A stamp begins with when it happened and when it was recorded.
_TRAITS = f"""
SELECT DISTINCT ON (subject, name) subject::text, name, stamp, value FROM {{s}}.traits
WHERE subject = ANY ($1::text[]::uuid[])
  AND left(stamp, 27) <= {moment("$2::timestamptz")} COLLATE "C"
  AND substr(stamp, 28, 27) <= {moment("$3::timestamptz")} COLLATE "C"
ORDER BY subject, name, stamp DESC
"""
