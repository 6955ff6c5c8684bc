"""The numbers of a group of leads, and the query that lists what is behind each."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from services.leads.api.money import Sum, summed
from services.leads.api.parameters import Measured
from services.leads.queries.measures import PERIODS, Counted, Reached
from services.leads.states import Defined

MOST_NAMED = 50
"""Reasons, and competitors, that are named."""


class Behind:
    """Makes the query strings of `GET /v1/leads`."""

    def __init__(self, parameters: Measured, days: tuple[date, date]) -> None:
        self.by = parameters.by
        self._days = days
        self._base = [
            (Measured.model_fields[name].alias or name, _spelt(value))
            for name, values in parameters.model_dump(exclude_none=True).items()
            if name.endswith(("_eq", "_exists"))
            for value in (values if isinstance(values, list) else [values])
        ]

    def query(self, group: str | None, range_: str = "", **filters: str | Sequence[str]) -> str:
        """Of a group, in the period by `captured` or `closed`, with these filters besides."""
        pairs = self._of(group)
        if range_:
            since, until = self._period(group)
            pairs.append((f"filter[{range_}][gte]", f"{since}T00:00:00Z"))
            pairs.append((f"filter[{range_}][lt]", f"{until}T00:00:00Z"))
        for name, values in filters.items():
            for value in [values] if isinstance(values, str) else values:
                pairs.append((f"filter[{name}][eq]", value))
        return urlencode(pairs)

    def _of(self, group: str | None) -> list[tuple[str, str]]:
        """What was asked for, narrowed to the group."""
        if group is None or not self.by or self.by in PERIODS:
            return [*self._base]
        rest = [each for each in self._base if not each[0].startswith(f"filter[{self.by}]")]
        if group == "":
            return [*rest, (f"filter[{self.by}][exists]", "false")]
        return [*rest, (f"filter[{self.by}][eq]", group)]

    def _period(self, group: str | None) -> tuple[date, date]:
        """The days of a group, of those that are measured."""
        since, until = self._days
        if group is None or self.by not in PERIODS:
            return since, until
        first = date.fromisoformat(group)
        return max(since, first), min(until, _after(first, self.by))


def _after(first: date, by: str) -> date:
    """The day after a day, a week, a month."""
    if by == "month":
        return (first + timedelta(days=31)).replace(day=1)
    return first + timedelta(days=7 if by == "week" else 1)


def _spelt(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def group(behind: Behind, name: str, rows: Sequence[Counted]) -> dict[str, Any]:
    """The numbers of one group."""
    total = {row.what: row for row in rows if not row.within}
    won, lost = (total[what].leads if what in total else 0 for what in ("won", "lost"))
    closed = behind.query(name, "closed", state=("won", "lost"))
    queried = behind.query(name, "closed", state="won")
    return {
        "group": (name or None) if behind.by else None,
        "open": _open(behind, name, rows, total),
        "new": {
            "leads": total["new"].leads if "new" in total else 0,
            "query": behind.query(name, "captured", state=("open", "won", "lost")),
        },
        "won": {"leads": won, "query": queried, "amounts": _won(behind, name, rows)},
        "lost": {
            "leads": lost,
            "query": behind.query(name, "closed", state="lost"),
            "reasons": _named(behind, name, rows, "reason"),
            "competitors": _named(behind, name, rows, "competitor"),
        },
        "closing_rate": {"value": _share(won, won + lost), "query": closed},
        "cycle_days": {"value": _days(total["won"].days if won else None), "query": queried},
    }


def _open(
    behind: Behind, name: str, rows: Sequence[Counted], total: dict[str, Counted]
) -> dict[str, Any] | None:
    if behind.by in PERIODS:
        return None
    sums = [
        Sum(row.value, row.leads, row.amount, row.hundredths)
        for row in _within(rows, "open", "currency")
        if row.value is not None and row.amount is not None and row.hundredths is not None
    ]
    return {
        "leads": total["open"].leads if "open" in total else 0,
        "query": behind.query(name, state="open"),
        "amounts": [
            {**each, "query": behind.query(name, state="open", currency=each["currency"])}
            for each in summed(sums)
        ],
    }


def _won(behind: Behind, name: str, rows: Sequence[Counted]) -> list[dict[str, Any]]:
    return [
        {
            "currency": row.value,
            "leads": row.leads,
            "amount": row.amount,
            "query": behind.query(name, "closed", state="won", won_currency=row.value or ""),
        }
        for row in _within(rows, "won", "currency")
    ]


def _named(behind: Behind, name: str, rows: Sequence[Counted], within: str) -> list[dict[str, Any]]:
    """Why they were lost, or to whom: those of the most leads first."""
    return [
        {
            within: row.value,
            "leads": row.leads,
            "query": behind.query(name, "closed", state="lost", **{within: row.value or ""}),
        }
        for row in _within(rows, "lost", within)[:MOST_NAMED]
    ]


def _within(rows: Sequence[Counted], what: str, within: str) -> list[Counted]:
    return [row for row in rows if (row.what, row.within) == (what, within)]


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _days(days: float | None) -> float | None:
    return None if days is None else round(days, 3)


def funnel(behind: Behind, pipeline: Defined, reached: Sequence[Reached]) -> list[dict[str, Any]]:
    """How far leads came, stage by stage; at the end those that are won."""
    leads = {each.stage: each.leads for each in reached}
    days = {each.stage: each.days for each in reached}
    stages = [
        {
            "stage": stage.name,
            "reached": leads.get(number, 0),
            "conversion": _share(leads.get(number + 1, 0), leads.get(number, 0)),
            "days": _days(days.get(number)),
            "query": behind.query(
                None, "captured", reached=stage.name, state=("open", "won", "lost")
            ),
        }
        for number, stage in enumerate(pipeline.stages)
    ]
    won = {
        "stage": None,
        "reached": leads.get(len(pipeline.stages), 0),
        "conversion": None,
        "days": None,
        "query": behind.query(None, "captured", state="won"),
    }
    return [*stages, won]
