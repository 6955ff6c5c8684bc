"""How often tactics were used, and what became of those leads."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.leads.follow_ups.queries.lists import Shown
from services.leads.queries import filters as core
from services.leads.queries.filters import Filter
from services.leads.queries.sql import LEAD
from shared.database import Connection, in_schema

CONDITIONS: Mapping[str, str] = {
    "tactic_eq": "u.tactic = ANY ({v}::text[])",
    "pipeline_eq": "u.pipeline = ANY ({v}::text[])",
    "stage_eq": "u.stage = ANY ({v}::text[])",
    "objection_eq": "u.objection = ANY ({v}::text[])",
    "used_gte": "u.at >= {v}::timestamptz",
    "used_lt": "u.at < {v}::timestamptz",
    "owner_eq": "l.owner = ANY ({v}::text[])",
    "seen_eq": core.CONDITIONS["seen_eq"],
    "state_eq": "l.state = ANY ({v}::text[])",
    "closed_exists": "(l.state IN ('won', 'lost') AND l.closed_at >= u.at) = {v}::boolean",
}


class Used(NamedTuple):
    """A tactic: its uses, the leads that it was used on, those won and lost afterwards."""

    tactic: str
    uses: int
    leads: int
    won: int
    lost: int


async def used(connection: Connection, schema: str, filters: Sequence[Filter]) -> Sequence[Used]:
    """All tactics that were used, merged leads left out."""
    args: list[object] = []
    sql = _USED.replace("{where}", _where(filters, args))
    return [Used(*row) for row in await connection.fetch(in_schema(sql, schema), *args)]


async def leads(
    connection: Connection,
    schema: str,
    filters: Sequence[Filter],
    limit: int,
    after: str | None,
) -> Sequence[Shown]:
    """The leads that are counted, by id; one more than the limit if there are more."""
    args: list[object] = [limit + 1, after]
    sql = _LEADS.replace("{where}", _where(filters, args))
    rows = await connection.fetch(in_schema(sql, schema), *args)
    return [Shown((row[0],), row[1]) for row in rows]


def _where(filters: Sequence[Filter], args: list[object]) -> str:
    conditions = ["l.state <> 'merged'"]
    for name, value in filters:
        args.append([*value] if isinstance(value, tuple) else value)
        conditions.append(CONDITIONS[name].replace("{v}", f"${len(args)}"))
    return " AND ".join(conditions)


_USED = """
SELECT u.tactic, count(*), count(DISTINCT u.lead),
       count(DISTINCT u.lead) FILTER (WHERE l.state = 'won' AND l.closed_at >= u.at),
       count(DISTINCT u.lead) FILTER (WHERE l.state = 'lost' AND l.closed_at >= u.at)
FROM {s}.tactics_used u JOIN {s}.leads l ON l.lead = u.lead
WHERE {where} GROUP BY u.tactic ORDER BY u.tactic
"""

_LEADS = f"""
WITH page AS MATERIALIZED (
    SELECT l.* FROM {{s}}.leads l
    WHERE ($2::text IS NULL OR l.lead > $2::text::uuid) AND EXISTS (
        SELECT FROM {{s}}.tactics_used u WHERE u.lead = l.lead AND {{where}})
    ORDER BY l.lead LIMIT $1
)
SELECT l.lead::text, {LEAD} FROM page l ORDER BY l.lead
"""
