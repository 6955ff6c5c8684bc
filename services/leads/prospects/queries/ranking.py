"""Prospects ranked by the rules of scoring: who looks most like those that were won."""

from collections.abc import Sequence
from typing import NamedTuple

from services.leads.prospects.bounds import MOST_RANKED
from services.leads.prospects.queries.prospects import where
from services.leads.queries import many_scores
from services.leads.queries.filters import Filter
from services.leads.queries.scores import Horizon
from services.leads.scoring import UNIT, Part, Score, score
from services.leads.states import Scored
from shared.clock import rfc3339
from shared.database import Connection, in_schema


class Ranked(NamedTuple):
    """A prospect and its score; `is_whole` False where older interactions were left out."""

    prospect: str
    score: Score
    is_whole: bool

    @property
    def place(self) -> tuple[int, str]:
        """Its place in the order: the most points first."""
        return -self.score.units, self.prospect


async def ranked(
    connection: Connection,
    schema: str,
    scored: Scored,
    filters: Sequence[Filter],
    horizon: Horizon,
) -> tuple[Sequence[Ranked], int]:
    """In their order those looked at, the latest touched; and how many there are in all."""
    args: list[object] = [MOST_RANKED]
    sql = _LOOKED_AT.replace("{where}", where(filters, args))
    rows = await connection.fetch(in_schema(sql, schema), *args)
    whose = await many_scores.members(connection, schema, {row[1] for row in rows})
    known = await many_scores.known_of(connection, schema, scored, whose, horizon)
    at = rfc3339(horizon.as_of)
    found = []
    for prospect, subject, _ in rows:
        about = known[subject]
        points = score(scored, about.happenings, about.person, at)
        found.append(Ranked(prospect, points, about.is_whole))
    return sorted(found, key=lambda each: each.place), rows[0][2] if rows else 0


class Reason(NamedTuple):
    """What a rule, or a cap, gave: the sum over what it matched, how often, what it found last."""

    rule: str
    kind: str
    group: str
    units: int
    times: int
    found: str | None


def reasons(parts: Sequence[Part]) -> list[Reason]:
    """The parts of a score by rule, those that weigh most first; they sum to the score."""
    found: dict[tuple[str, str], Reason] = {}
    for part in parts:
        before = found.get((part.kind, part.rule))
        units, times = (before.units, before.times) if before else (0, 0)
        found[part.kind, part.rule] = Reason(
            part.rule, part.kind, part.group, units + part.units, times + 1, part.found
        )
    return sorted(found.values(), key=lambda each: (-abs(each.units), each.kind, each.rule))


def points(units: int) -> float:
    """Exact: a float has room for units."""
    return units / UNIT


_LOOKED_AT = """
SELECT p.prospect::text, p.subject::text, count(*) OVER ()
FROM {s}.prospects p WHERE {where}
ORDER BY p.touched DESC, p.prospect LIMIT $1
"""
