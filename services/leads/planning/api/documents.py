"""What operations on plans give, as the documentation shows it."""

from typing import Any

_LEAD = "0197f3f0-7a5e-7c3e-8e1c-2f4f5a6b7c8d"
_POSITION = {"position": "leads.events/3/1042"}

GOAL: dict[str, Any] = {
    "id": "7d3c1b2a-9e8f-8a7b-b6c5-d4e3f2a1b0c9",
    "version": 1,
    "kind": "representative",
    "name": "representative:7",
    "measure": "won_amount",
    "currency": "EUR",
    "period": "quarter",
    "first": "2026-10-01",
    "until": "2027-01-01",
    "retired": False,
    "target": 5000000,
}

CHANGED: dict[str, Any] = GOAL | _POSITION

SEEN: dict[str, Any] = GOAL | {
    "as_of": "2026-11-15",
    "actual": 2300000,
    "percent": 46.0,
    "expected": 2500000,
    "pace": 0.92,
    "query": "/v1/measures/behind?what=won_leads&from=2026-10-01&to=2026-11-16"
    "&filter%5Bowner%5D%5Beq%5D=representative%3A7&filter%5Bvalue%5D%5Beq%5D=EUR",
}

GOALS: dict[str, Any] = {"data": [SEEN], "next_cursor": None}

RULES: dict[str, Any] = {
    "version": 1,
    "rules": [
        {
            "id": "sales",
            "rate": 500,
            "shares": [{"role": "owner", "share": 8000}, {"role": "captured", "share": 2000}],
            "pipelines": ["sales"],
        }
    ],
}

_LINE: dict[str, Any] = {
    "at": "2026-11-12T10:00:00.000000Z",
    "lead": _LEAD,
    "representative": "representative:7",
    "role": "owner",
    "rule": "sales",
    "version": 1,
    "share": 8000,
    "won": {"amount": 398000, "currency": "EUR"},
    "amount": 15920,
    "currency": "EUR",
    "events": [
        {
            "event": "5f1c2a7e-0d3b-8c4a-9e6f-1a2b3c4d5e6f",
            "type": "lead.won",
            "at": "2026-11-12T10:00:00.000000Z",
            "actor": "representative:7",
        }
    ],
}

STATEMENT: dict[str, Any] = {
    "from": "2026-11-01",
    "to": "2026-12-01",
    "sums": [
        {
            "representative": "representative:7",
            "currency": "EUR",
            "earned": 15920,
            "taken_back": 0,
            "amount": 15920,
        }
    ],
    "data": [_LINE],
    "next_cursor": None,
}
