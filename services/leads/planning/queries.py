"""What is read of plans: goals by what they are about, the events that commissions follow from."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import asyncpg
import msgspec

from services.leads.decider import LEAD
from services.leads.planning.commissions import Happened, Rules
from services.leads.planning.events import Aim, CommissionRule
from services.leads.queries.sql import moment
from shared.database import Connection, in_schema

MOST_LEADS = 5_000
"""Leads that were won or reopened in the days of one statement."""


class Goal(NamedTuple):
    """A goal as the list has it."""

    id: str
    version: int
    aim: Aim
    target: int
    retired: bool


async def goals(
    connection: Connection,
    schema: str,
    wanted: Mapping[str, Any],
    after: tuple[str, str] | None,
    limit: int,
) -> Sequence[Goal]:
    """Goals of a page, the latest period first; one more if there are more.

    `wanted`: what columns must be equal to; `since` and `until` bound the first day.
    """
    args: list[object] = [limit + 1]
    conditions = []
    for name, value in wanted.items():
        args.append(value)
        conditions.append(_CONDITIONS[name].replace("{v}", f"${len(args)}"))
    if after:
        args += [date.fromisoformat(after[0]), after[1]]
        conditions.append(f"(first, g.goal) < (${len(args) - 1}::date, ${len(args)}::text::uuid)")
    sql = _GOALS.replace("{where}", "".join(f" AND {each}" for each in conditions))
    rows = await connection.fetch(in_schema(sql, schema), *args)
    return [_goal(row) for row in rows]


def _goal(row: asyncpg.Record) -> Goal:
    aim = Aim(
        kind=row["kind"],
        measure=row["measure"],
        period=row["period"],
        first=str(row["first"]),
        name=row["name"],
        currency=row["currency"],
    )
    return Goal(row["goal"], row["version"], aim, row["target"], row["retired"])


_CONDITIONS = {
    **{name: f"{name} = {{v}}::text" for name in ("kind", "name", "measure", "period")},
    "retired": "retired = {v}::boolean",
    "since": "first >= {v}::date",
    "until": "first < {v}::date",
}

_GOALS = """
SELECT goal::text AS goal, version, kind, measure, period, first, name, currency, target, retired
FROM {s}.goals g WHERE kind IS NOT NULL{where} ORDER BY first DESC, g.goal DESC LIMIT $1
"""


async def rules(connection: Connection, schema: str) -> Sequence[Rules]:
    """The rules of commissions, all that ever were."""
    rows = await connection.fetch(in_schema(_RULES, schema))
    return [
        Rules(row[0], row[1], msgspec.json.decode(row[2], type=tuple[CommissionRule, ...]))
        for row in rows
    ]


async def courses(
    connection: Connection, schema: str, since: datetime, until: datetime
) -> Mapping[str, Sequence[Happened]]:
    """The events, up to a moment, of the leads that were won or reopened since another one.

    By lead; of one lead more than MOST_LEADS if there are more.
    """
    rows = await connection.fetch(in_schema(_COURSES, schema), since, until, MOST_LEADS + 1)
    found: dict[str, list[Happened]] = {}
    for row in rows:
        kind = LEAD.events.get(row["type"])
        if kind is not None:
            body = msgspec.json.decode(row["data"], type=kind)
            told = (row["event"], row["type"], row["at"], row["actor"])
            found.setdefault(row["stream"], []).append(Happened(*told, body))
    return found


async def quotes(
    connection: Connection, schema: str, leads: Sequence[str], until: datetime
) -> Mapping[str, Sequence[Happened]]:
    """The quotes that were sent up to a moment, by lead."""
    rows = await connection.fetch(in_schema(_QUOTES, schema), [*leads], until)
    found: dict[str, list[Happened]] = {}
    for row in rows:
        told = (row["event"], "quote.sent", row["at"], row["actor"])
        found.setdefault(row["lead"], []).append(Happened(*told, None))
    return found


_RULES = f"SELECT version, {moment('since')}, rules FROM {{s}}.commission_rules ORDER BY version"

_COURSES = f"""
SELECT d.stream::text, d.event::text, d.type, {moment("d.time")} AS at, d.actor,
       (d.record::json -> 'data')::text AS data
FROM {{s}}.decided d
WHERE d.time < $2 AND d.stream IN (
    SELECT DISTINCT stream FROM {{s}}.decided
    WHERE type IN ('lead.won', 'lead.reopened') AND time >= $1 AND time < $2
    ORDER BY stream LIMIT $3)
ORDER BY d.stream, d.version
"""

_QUOTES = f"""
SELECT q.lead::text AS lead, d.event::text, {moment("d.time")} AS at, d.actor
FROM {{s}}.quotes q JOIN {{s}}.decided d ON d.stream = q.quote
WHERE q.lead = ANY ($1::text[]::uuid[]) AND d.type = 'quote.sent' AND d.time < $2
ORDER BY d.time, d.event
"""
