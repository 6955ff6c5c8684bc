"""The present scores of several leads at once."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

from services.leads.queries import scores
from services.leads.queries.scores import Horizon, person_of
from services.leads.queries.sql import customer_of, moment, subjects_of
from services.leads.scoring import Happening, Score, score
from shared.clock import rfc3339
from shared.database import Connection, in_schema

MOST = 1_000
"""Interactions of a subject that count, the latest."""


async def scored(
    connection: Connection, schema: str, leads: Sequence[str], horizon: Horizon
) -> Mapping[str, Score]:
    """The score of each lead at a moment; none where there are no rules.

    As `GET /v1/leads/{id}/score` explains it, but for subjects with more than MOST interactions.
    """
    rules = await scores.rules(connection, schema, horizon)
    if rules is None or not leads:
        return {}
    types = sorted({rule.type for rule in rules.rules.engagement})
    pairs = await connection.fetch(in_schema(_SUBJECTS, schema), [*leads])
    columns = [str(row[0]) for row in pairs], [str(row[1]) for row in pairs]
    happened = defaultdict[str, list[Happening]](list)
    for row in await connection.fetch(
        in_schema(_ACTIVITY, schema), *columns, types, *horizon, MOST
    ):
        happened[row[0]].append(Happening(*row[1:]))
    told = defaultdict[str, dict[str, str]](dict)
    for row in await connection.fetch(in_schema(_TRAITS, schema), *columns, *horizon):
        if row[2] is not None:
            told[row[0]][row[1]] = row[2]
    found, at = {}, rfc3339(horizon.as_of)
    for lead in leads:
        found[lead] = score(rules, happened[lead], person_of(told[lead]), at)
        await asyncio.sleep(0)  # others have their turn
    return found


_SUBJECTS = f"""
SELECT c.lead, unnest({subjects_of("c.customer")})
FROM (SELECT l.lead, {customer_of("l.subject")} AS customer
      FROM {{s}}.leads l WHERE l.lead = ANY ($1::text[]::uuid[])) c
"""

_ACTIVITY = f"""
SELECT g.lead, a.event::text, a.type, {moment("a.time")}, a.channel, a.purpose, a.product
FROM unnest($1::text[], $2::text[]::uuid[]) g (lead, subject) CROSS JOIN LATERAL (
    SELECT * FROM {{s}}.activity a
    WHERE a.subject = g.subject AND a.type = ANY ($3::text[]) AND a.time <= $4 AND a.recorded <= $5
    ORDER BY a.time DESC, a.event LIMIT $6) a
"""

# A stamp begins with when it happened and when it was recorded.
_TRAITS = f"""
SELECT DISTINCT ON (g.lead, t.name) g.lead, t.name, t.value
FROM unnest($1::text[], $2::text[]::uuid[]) g (lead, subject)
JOIN {{s}}.traits t ON t.subject = g.subject
WHERE left(t.stamp, 27) <= {moment("$3::timestamptz")} COLLATE "C"
  AND substr(t.stamp, 28, 27) <= {moment("$4::timestamptz")} COLLATE "C"
ORDER BY g.lead, t.name, t.stamp DESC
"""
