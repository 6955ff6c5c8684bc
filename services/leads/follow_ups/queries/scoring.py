"""The present scores of several leads at once."""

import asyncio
from collections.abc import Mapping

from services.leads.queries import many_scores, scores
from services.leads.queries.scores import Horizon
from services.leads.scoring import Score, score
from shared.clock import rfc3339
from shared.database import Connection


async def scored(
    connection: Connection, schema: str, leads: Mapping[str, str], horizon: Horizon
) -> Mapping[str, Score]:
    """The score of each lead, by its subject, at a moment; none where there are no rules.

    As `GET /v1/leads/{id}/score` explains it, but for subjects with more than 1,000 interactions,
    of which the latest count here.
    """
    rules = await scores.rules(connection, schema, horizon)
    if rules is None or not leads:
        return {}
    whose = await many_scores.members(connection, schema, [*leads.values()])
    known = await many_scores.known_of(connection, schema, rules, whose, horizon)
    found, at = {}, rfc3339(horizon.as_of)
    for lead, subject in leads.items():
        theirs = known[subject]
        found[lead] = score(rules, theirs.happenings, theirs.person, at)
        await asyncio.sleep(0)  # others have their turn
    return found
