"""What reads of forecasts give, as the documentation shows it."""

from typing import Any
from urllib.parse import urlencode

_LEAD = "0197f3f0-7a5e-7c3e-8e1c-2f4f5a6b7c8d"


def _sum(what: str, leads: int, amount: int) -> dict[str, Any]:
    pairs = [("what", what), ("currency", "EUR"), ("month", "2026-12-01")]
    more = [("filter[owner][eq]", "representative:7")]
    query = f"/v1/forecast/leads?{urlencode([*pairs, *more])}"
    return {"leads": leads, "amount": amount, "query": query}


FORECAST: dict[str, Any] = {
    "as_of": None,
    "from": "2026-12-01",
    "to": "2027-01-01",
    "by": "owner",
    "data": [
        {
            "month": "2026-12-01",
            "group": "representative:7",
            "currency": "EUR",
            "commit": _sum("commit", 3, 900000),
            "best_case": _sum("best_case", 4, 700000),
            "pipeline": _sum("pipeline", 9, 1500000),
            "left_out": _sum("left_out", 1, 10000),
            "weighted": 1485000,
            "won": _sum("won", 1, 250000),
            "expected": 1735000,
            "last_year": _sum("last_year", 5, 1200000),
        }
    ],
    "next_cursor": None,
}

LEADS: dict[str, Any] = {
    "data": [
        {
            "id": _LEAD,
            "state": "open",
            "pipeline": "sales",
            "stage": "proposal",
            "probability": 80,
            "owner": "representative:7",
            "source": "/web/contact-form",
            "product": "CHAIR-7",
            "category": "chairs",
            "day": "2026-12-15",
            "amount": 398000,
            "currency": "EUR",
            "closed": None,
        }
    ],
    "next_cursor": None,
}


def _stood(amount: int, probability: int) -> dict[str, Any]:
    return {
        "state": "open",
        "day": "2026-12-15",
        "amount": amount,
        "currency": "EUR",
        "probability": probability,
        "owner": "representative:7",
    }


_CLASSES = {"commit": 398000, "best_case": 0, "pipeline": 100000, "weighted": 328400}

MOVES: dict[str, Any] = {
    "month": "2026-12-01",
    "from": "2026-11-01T00:00:00.000000Z",
    "to": "2026-12-01T00:00:00.000000Z",
    "currencies": [
        {
            "currency": "EUR",
            "before": _CLASSES | {"total": 498000, "won": 0},
            "after": _CLASSES | {"total": 500000, "won": 250000},
            "moves": [{"kind": "raised", "leads": 1, "difference": 2000, "won": 0}],
        }
    ],
    "data": [
        {
            "lead": _LEAD,
            "kind": "raised",
            "currency": "EUR",
            "difference": 2000,
            "won": 0,
            "left": "commit",
            "entered": "commit",
            "before": _stood(398000, 80),
            "after": _stood(400000, 80),
        }
    ],
    "next_cursor": None,
}
