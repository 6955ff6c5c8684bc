"""What goals have come to, beside what they were to come to by now."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from services.leads.api.teams import Teams
from services.leads.measuring import periods
from services.leads.measuring.queries import Asked, numbers
from services.leads.planning.decider.goals import MONTHS
from services.leads.planning.queries import Goal
from services.leads.queries.filters import Filter
from shared.database import Connection


class Counted(NamedTuple):
    """The source that a measure is counted from: its rows, or their sum, of one value if named."""

    source: str
    value: str | None = None
    is_sum: bool = False


MEASURES: Mapping[str, Counted] = {
    "won_amount": Counted("won_leads", is_sum=True),
    "won": Counted("won_leads"),
    "new": Counted("new_leads"),
    "revenue": Counted("orders", is_sum=True),
    "new_customers": Counted("new_customers"),
    "calls": Counted("sales_calls"),
    "visits": Counted("contacts", "visit.made"),
    "proposals": Counted("proposals"),
}

_BY = {"representative": "owner", "all": ""}


class Days(NamedTuple):
    """The days of a goal: its first, the one after its last, and where it is looked at from."""

    first: date
    until: date
    seen: date


class Alike(NamedTuple):
    """Goals that one look counts: of one kind, seen on the same days."""

    kind: str
    first: date
    seen: date


def days_of(goal: Goal, as_of: date) -> Days:
    """`seen` is the day after `as_of`, within the period."""
    first = date.fromisoformat(goal.aim.first)
    until = periods.months(first, MONTHS[goal.aim.period])
    return Days(first, until, min(max(as_of + timedelta(days=1), first), until))


async def actual(
    connection: Connection,
    schema: str,
    goals: Sequence[Goal],
    teams: Teams,
    as_of: date,
    now: datetime,
) -> Mapping[str, int]:
    """What each goal has come to by the end of a day; one look for all that are alike."""
    alike: dict[Alike, list[Goal]] = {}
    for goal in goals:
        first, _, seen = days_of(goal, as_of)
        alike.setdefault(Alike(goal.aim.kind, first, seen), []).append(goal)
    found: dict[str, int] = {}
    for key, some in alike.items():
        found |= await _counted(connection, schema, key, some, teams, now)
    return found


async def _counted(
    connection: Connection,
    schema: str,
    key: Alike,
    goals: Sequence[Goal],
    teams: Teams,
    now: datetime,
) -> Mapping[str, int]:
    if key.seen <= key.first:
        return {goal.id: 0 for goal in goals}
    by = _BY.get(key.kind, key.kind)
    names = tuple(sorted({goal.aim.name for goal in goals}))
    filters: tuple[Filter, ...] = ()
    if by == "team":
        members = {member for name in names for member in teams.get(name, ())}
        filters = (Filter("team_eq", tuple(sorted(members))),)
    elif by:
        filters = (Filter(f"{by}_eq", names),)
    asked = Asked(periods.thresholds((key.first, key.seen)), now, filters)
    sources = {MEASURES[goal.aim.measure].source for goal in goals}
    most = len(teams) + len(goals) + 1
    rows = await numbers(connection, schema, asked, by, teams, None, most, sorted(sources))
    found = {}
    for goal in goals:
        counted = MEASURES[goal.aim.measure]
        value = goal.aim.currency or counted.value
        mine = [
            row
            for row in rows
            if (row.what, row.group) == (counted.source, goal.aim.name)
            and value in (None, row.value)
        ]
        found[goal.id] = sum((row.amount or 0) if counted.is_sum else row.rows for row in mine)
    return found


def shown(goal: Goal, actual: int, as_of: date) -> dict[str, Any]:
    """A goal beside what it came to: see `GET /v1/goals`."""
    days = days_of(goal, as_of)
    passed, all_ = (days.seen - days.first).days, (days.until - days.first).days
    expected = (2 * goal.target * passed + all_) // (2 * all_)
    return {
        "id": goal.id,
        "version": goal.version,
        "kind": goal.aim.kind,
        "name": goal.aim.name or None,
        "measure": goal.aim.measure,
        "currency": goal.aim.currency,
        "period": goal.aim.period,
        "first": days.first,
        "until": days.until,
        "retired": goal.retired,
        "as_of": as_of,
        "target": goal.target,
        "actual": actual,
        "percent": round(100 * actual / goal.target, 2),
        "expected": expected,
        "pace": round(actual / expected, 4) if expected else None,
        "query": _query(goal, days),
    }


def _query(goal: Goal, days: Days) -> str | None:
    """What lists what it came to; None where nothing could have been yet."""
    if days.seen <= days.first:
        return None
    counted = MEASURES[goal.aim.measure]
    by = _BY.get(goal.aim.kind, goal.aim.kind)
    value = goal.aim.currency or counted.value
    pairs = [
        *(("what", counted.source), ("from", str(days.first)), ("to", str(days.seen))),
        *([(f"filter[{by}][eq]", goal.aim.name)] if by else []),
        *([("filter[value][eq]", value)] if value else []),
    ]
    return f"/v1/measures/behind?{urlencode(pairs)}"
