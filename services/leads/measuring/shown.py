"""The numbers of a group as JSON, each with the query that lists what is behind it."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from services.leads.measuring.parameters import Measured
from services.leads.measuring.periods import BUCKETS
from services.leads.measuring.queries import Number

PATH = "/v1/measures/behind"


class Links:
    """Makes the queries of one group and period."""

    def __init__(self, parameters: Measured, group: str, days: tuple[date, date]) -> None:
        by = parameters.by
        narrowed = by if by and by not in BUCKETS else None
        given = parameters.model_dump(exclude_none=True)
        self._pairs = [
            (str(Measured.model_fields[name].alias), _spelt(each))
            for name, value in given.items()
            if name.endswith(("_eq", "_exists")) and name.rpartition("_")[0] != narrowed
            for each in (value if isinstance(value, list) else [value])
        ]
        if narrowed:
            told = ("eq", group) if group else ("exists", "false")
            self._pairs.append((f"filter[{narrowed}][{told[0]}]", told[1]))
        self._days = [("from", str(days[0])), ("to", str(days[1]))]

    def query(self, what: str, value: str | None = None) -> str:
        narrowed = [] if value is None else [("filter[value][eq]", value)]
        return f"{PATH}?{urlencode([('what', what), *self._days, *self._pairs, *narrowed])}"


def _spelt(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Found:
    """The numbers of one group and period, by what they are."""

    def __init__(self, rows: Iterable[Number], links: Links) -> None:
        self._rows: dict[str, list[Number]] = {}
        self.links = links
        for row in rows:
            self._rows.setdefault(row.what, []).append(row)

    def of(self, what: str) -> Sequence[Number]:
        return self._rows.get(what, ())

    def count(self, what: str) -> int:
        return sum(row.rows for row in self.of(what))

    def number(self, what: str) -> dict[str, Any]:
        return {"count": self.count(what), "query": self.links.query(what)}

    def money(self, what: str) -> dict[str, Number]:
        """By currency."""
        return {row.value or "": row for row in self.of(what)}


def group(found: Found, *, now: bool) -> dict[str, Any]:
    """All numbers; `now`: also what is so now."""
    new, calls = found.count("new_leads"), found.count("sales_calls")
    return {
        "customers": _customers(found, now),
        "leads": {
            "open": found.number("open_leads") if now else None,
            "new": found.number("new_leads"),
            "won": found.number("won_leads"),
        },
        "sales_calls": found.number("sales_calls"),
        "sales_calls_per_lead": round(calls / new, 4) if new else None,
        "proposals": found.number("proposals"),
        "activity": _activity(found),
        "overdue_steps": found.number("overdue_steps"),
        "revenue": _revenue(found),
        "recurring": _recurring(found),
        "costs": _costs(found),
        "lifetime": _lifetime(found) if now else None,
    }


def _customers(found: Found, now: bool) -> dict[str, Any]:
    rate = _churn(found.count("customers_before"), found.count("retained_customers"))
    earlier = _churn(found.count("earlier_customers"), found.count("earlier_retained"))
    both = rate is not None and earlier is not None
    return {
        "prospective": found.number("prospective_customers") if now else None,
        "new": found.number("new_customers"),
        "before": found.number("customers_before"),
        "retained": found.number("retained_customers"),
        "churned": found.number("churned_customers"),
        "repeat": found.number("repeat_customers"),
        "churn_rate": rate,
        "churn_rate_before": earlier,
        "churn_reduction": round(earlier - rate, 4) if both else None,  # type: ignore[operator]
    }


def _churn(before: int, retained: int) -> float | None:
    return round((before - retained) / before, 4) if before else None


def _activity(found: Found) -> list[dict[str, Any]]:
    return [
        {
            "type": row.value,
            "count": row.rows,
            "query": found.links.query("contacts", row.value),
        }
        for row in found.of("contacts")
    ]


def _revenue(found: Found) -> list[dict[str, Any]]:
    first = found.money("new_revenue")
    return [
        {
            "currency": currency,
            "orders": row.rows,
            "amount": row.amount,
            "returned": row.other or 0,
            "net": (row.amount or 0) - (row.other or 0),
            "query": found.links.query("orders", currency),
            "new": (first[currency].amount or 0) if currency in first else 0,
            "new_query": found.links.query("new_revenue", currency),
        }
        for currency, row in found.money("orders").items()
    ]


def _recurring(found: Found) -> list[dict[str, Any]]:
    return [
        {
            "currency": currency or None,
            "subscriptions": row.rows,
            "yearly": row.amount,
            "query": found.links.query("recurring", currency),
        }
        for currency, row in found.money("recurring").items()
    ]


def _costs(found: Found) -> list[dict[str, Any]]:
    of_leads, of_sales = found.money("costs_of_leads"), found.money("costs_of_sales")
    new, won = found.count("new_leads"), found.count("won_leads")
    return [
        {
            "currency": currency,
            "amount": row.amount,
            "query": found.links.query("costs", currency),
            "per_lead": each(of_leads.get(currency), new),
            "per_lead_query": found.links.query("costs_of_leads", currency),
            "per_sale": each(of_sales.get(currency), won),
            "per_sale_query": found.links.query("costs_of_sales", currency),
        }
        for currency, row in found.money("costs").items()
    ]


def _lifetime(found: Found) -> list[dict[str, Any]]:
    return [
        {
            "currency": currency,
            "customers": row.rows,
            "amount": row.amount,
            "mean": each(row, row.rows),
            "query": found.links.query("lifetime", currency),
        }
        for currency, row in found.money("lifetime").items()
    ]


def each(row: Number | None, number: int) -> int | None:
    """A sum shared among so many, in minor units rounded half up; null among none."""
    if not number:
        return None
    amount = (row.amount or 0) if row else 0
    return (2 * amount + number) // (2 * number)
