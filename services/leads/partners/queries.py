"""Partners with what they won, lost, and have open; and what became of the leads they gave."""

from collections.abc import Sequence
from typing import NamedTuple

from services.leads.queries.sql import moment
from shared.database import Connection, in_schema


class Found(NamedTuple):
    """A partner, by its principal, and its JSON."""

    principal: str
    shown: str


class Tally(NamedTuple):
    """Leads that a partner has, or gave: how many in a state, and what they come to.

    `amount` is what open ones are expected to bring, won ones did, in minor units of `currency`.
    """

    principal: str
    given: bool
    state: str
    currency: str | None
    leads: int
    amount: int | None


async def partners(connection: Connection, schema: str, after: str, limit: int) -> Sequence[Found]:
    """By principal; one more than the limit if there are more."""
    rows = await connection.fetch(in_schema(_PARTNERS, schema), after, limit + 1)
    return [Found(*row) for row in rows]


async def tallies(
    connection: Connection, schema: str, principals: Sequence[str]
) -> Sequence[Tally]:
    """Merged leads count nowhere: those that they went into do."""
    rows = await connection.fetch(in_schema(_TALLIES, schema), principals)
    return [
        Tally(row[0], row[1], row[2], row[3], row[4], None if row[5] is None else int(row[5]))
        for row in rows
    ]


_PARTNERS = f"""
SELECT p.principal, json_build_object('principal', p.principal, 'name', p.name,
    'price_list', p.price_list, 'release', p.release::json, 'active', p.active,
    'version', p.version, 'touched', {moment("p.touched")})::text
FROM {{s}}.partners p WHERE p.principal > $1 ORDER BY p.principal LIMIT $2
"""

_TALLY = """
SELECT l.{who}, {given}, l.state,
    CASE l.state WHEN 'won' THEN l.won_currency ELSE l.currency END AS currency, count(*),
    sum(CASE l.state WHEN 'won' THEN l.won_amount ELSE l.amount END)
FROM {s}.leads l WHERE l.{who} = ANY ($1::text[]) AND l.state <> 'merged'{more}
GROUP BY 1, 3, 4
"""

_TALLIES = (
    _TALLY.replace("{who}", "owner").replace("{given}", "false").replace("{more}", "")
    + " UNION ALL "
    + _TALLY.replace("{who}", "source")
    .replace("{given}", "true")
    .replace("{more}", " AND l.source LIKE 'partner:%'")
    + " ORDER BY 1, 2, 3, 4"
)
