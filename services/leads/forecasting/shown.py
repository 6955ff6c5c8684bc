"""Forecasts as JSON: sums with the query that lists their leads, and how they moved."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

from services.leads.api.money import weighted
from services.leads.forecasting.moving import Days, Move
from services.leads.forecasting.parameters import Forecast
from services.leads.forecasting.queries import Both, Levels, Stood, Sum
from shared.clock import rfc3339

PATH = "/v1/forecast/leads"
OPEN = ("commit", "best_case", "pipeline")

Key = tuple[str, str, str]
"""A row: the month as text (one that is none comes last), the group, the currency."""


def rows(found: Iterable[Sum]) -> dict[Key, dict[str, Sum]]:
    """The sums of each row, in order."""
    by_key: dict[Key, dict[str, Sum]] = {}
    for each in found:
        month = str(each.month) if each.month else "none"
        by_key.setdefault((month, each.group, each.currency), {})[each.what] = each
    return dict(sorted(by_key.items()))


def row(parameters: Forecast, key: Key, sums: dict[str, Sum]) -> dict[str, Any]:
    """One row: see `GET /v1/forecast`."""
    month, group, currency = key
    query = _Query(parameters, month, group, currency)
    hundredths = sum(each.hundredths for what, each in sums.items() if what in OPEN)
    won = sums["won"].amount if "won" in sums else 0
    return {
        "month": None if month == "none" else month,
        "group": group or None,
        "currency": currency,
        **{what: _sum(sums.get(what), query.of(what)) for what in (*OPEN, "left_out")},
        "weighted": weighted(hundredths),
        "won": _sum(sums.get("won"), query.of("won")),
        "expected": won + weighted(hundredths),
        "last_year": _sum(sums.get("last_year"), query.of("last_year")),
    }


def _sum(found: Sum | None, query: str) -> dict[str, Any]:
    leads, amount = (found.leads, found.amount) if found else (0, 0)
    return {"leads": leads, "amount": amount, "query": query}


class _Query:
    """Makes the queries of one row."""

    def __init__(self, parameters: Forecast, month: str, group: str, currency: str) -> None:
        given = parameters.model_dump(exclude_none=True)
        by = parameters.by
        self._pairs = [("currency", currency)]
        if month != "none":
            self._pairs.append(("month", month))
        if parameters.as_of is not None:
            self._pairs.append(("as_of", rfc3339(parameters.as_of)))
        for name in ("commit", "best_case", "pipeline"):
            if given[name] != Forecast.model_fields[name].default:
                self._pairs.append((name, str(given[name])))
        for name, value in given.items():
            if name.endswith(("_eq", "_exists")) and (not by or name.rpartition("_")[0] != by):
                alias = str(Forecast.model_fields[name].alias)
                values = value if isinstance(value, list) else [str(value).lower()]
                self._pairs += [(alias, each) for each in values]
        if by:
            told = ("eq", group) if group else ("exists", "false")
            self._pairs.append((f"filter[{by}][{told[0]}]", told[1]))

    def of(self, what: str) -> str:
        return f"{PATH}?{urlencode([('what', what), *self._pairs])}"


def currencies(
    both: Sequence[Both], moved: Sequence[Move], days: Days, levels: Levels
) -> list[dict[str, Any]]:
    """By currency: the forecast before and after, what was won by then, and what moved."""
    sides = [
        _side([each.before for each in both], days, levels),
        _side([each.after for each in both], days, levels),
    ]
    kinds: dict[str, dict[str, Counter[str]]] = {}
    for move in moved:
        of_kind = kinds.setdefault(move.currency, {}).setdefault(move.kind, Counter())
        of_kind.update({"leads": 1, "difference": move.difference, "won": move.won})
    return [
        {
            "currency": currency,
            "before": _classes(sides[0].get(currency, Counter())),
            "after": _classes(sides[1].get(currency, Counter())),
            "moves": [
                {"kind": kind, **{name: tally[name] for name in ("leads", "difference", "won")}}
                for kind, tally in sorted(kinds.get(currency, {}).items())
            ],
        }
        for currency in sorted({*sides[0], *sides[1], *kinds})
    ]


def _side(stood: Iterable[Stood | None], days: Days, levels: Levels) -> dict[str, Counter[str]]:
    """Sums at one moment by currency and class."""
    found: dict[str, Counter[str]] = {}
    for each in stood:
        if each is None or not each.counts or each.amount is None or not days.has(each.day):
            continue
        sums = found.setdefault(each.currency or "", Counter())
        what = "won" if each.state == "won" else levels.of(each.probability)
        if each.state == "won" or (what in OPEN and each.state == "open"):
            sums[what] += each.amount
        if what in OPEN and each.state == "open":
            sums["total"] += each.amount
            sums["hundredths"] += each.amount * each.probability
    return found


def _classes(sums: Counter[str]) -> dict[str, int]:
    return {
        **{what: sums[what] for what in OPEN},
        "weighted": weighted(sums["hundredths"]),
        "total": sums["total"],
        "won": sums["won"],
    }


def move(each: Move) -> dict[str, Any]:
    """One lead that made a difference."""
    names = ("lead", "kind", "currency", "difference", "won", "left", "entered")
    return {
        **{name: getattr(each, name) for name in names},
        "before": _stood(each.before),
        "after": _stood(each.after),
    }


def _stood(stood: Stood | None) -> dict[str, Any] | None:
    if stood is None:
        return None
    shown = stood._asdict()
    del shown["counts"]
    return shown
