"""What reads of leads give, as the documentation shows it."""

from typing import Any

from services.leads.api import examples

_SUBJECT = examples.LEAD["subject"]
_CUSTOMER = "0c9e4b1d-7f2a-8b3c-a1d4-5e6f7a8b9c0d"
_EVENT = "7d3c1b2a-9e8f-8a7b-b6c5-d4e3f2a1b0c9"

LISTED: dict[str, Any] = {
    **{name: examples.LEAD[name] for name in ("id", "version", "state", "pipeline", "stage")},
    "since": examples.LEAD["since"],
    "subject": _SUBJECT,
    "customer": _CUSTOMER,
    **{name: examples.LEAD[name] for name in ("source", "channel", "title", "captured")},
    "touched": "2026-11-02T10:00:00.000000Z",
    "closed": None,
    **{name: examples.LEAD[name] for name in ("product", "amount", "currency")},
    **{name: examples.LEAD[name] for name in ("expected_close", "owner", "rule", "inquiries")},
    "hot": True,
    "heated": "2026-11-02T10:00:00.000000Z",
    "prequalified": None,
    "reached": 0,
    "fields": examples.LEAD["fields"],
    "won": None,
    "lost": None,
    "merged": None,
}

LEADS: dict[str, Any] = {"data": [LISTED], "next_cursor": None}

DUPLICATES: dict[str, Any] = {
    "data": [
        {
            "customer": _CUSTOMER,
            "pipeline": "sales",
            "count": 2,
            "leads": [LISTED, LISTED | {"id": "0197f3f0-7a5e-7c3e-8e1c-2f4f5a6b7c8e"}],
        }
    ],
    "next_cursor": None,
}

HISTORY: dict[str, Any] = {
    "data": [
        {
            "kind": "lead",
            "stream": LISTED["id"],
            "version": 2,
            "type": "lead.moved",
            "time": "2026-11-02T10:00:00.000000Z",
            "recorded": "2026-11-02T10:00:00.012345Z",
            "actor": "representative:7",
            "correlationid": None,
            "causationid": None,
            "position": "leads.1/3/1042",
            "data": {
                "at": "2026-11-02T10:00:00.000000Z",
                "left": "new",
                "stage": "qualified",
                "revision": 1,
                "reason": "She called back.",
            },
        }
    ],
    "next_cursor": None,
}

_AMOUNT: dict[str, Any] = {"currency": "EUR", "leads": 3, "amount": 1200000, "weighted": 300000}

BOARD: dict[str, Any] = {
    "pipeline": "sales",
    "revision": 1,
    "leads": 4,
    "amounts": [_AMOUNT],
    "columns": [
        {
            "stage": "qualified",
            "probability": 25,
            "leads": 4,
            "amounts": [_AMOUNT],
            "data": [LISTED],
            "next_cursor": "Zm9yIHRoaXMgY29sdW1uIGFsb25l",
        }
    ],
}

SCORE: dict[str, Any] = {
    "lead": examples.LEAD["id"],
    "customer": _CUSTOMER,
    "as_of": "2026-12-01T09:30:00.000000Z",
    "known_at": None,
    "version": 1,
    "score": 25.0,
    "grade": "C",
    "hot": False,
    "prequalified": None,
    "failed": None,
    "parts": [
        {
            "points": 10.0,
            "kind": "fit",
            "rule": "country",
            "given": 10,
            "group": "fit",
            "found": "NL",
        },
        {
            "points": 15.0,
            "kind": "engagement",
            "rule": "quote",
            "given": 30,
            "group": "engagement",
            "event": _EVENT,
            "at": "2026-11-01T09:30:00.000000Z",
            "age": 30.0,
            "found": "quote.requested",
        },
    ],
}

_QUERY = "filter%5Bstate%5D%5Beq%5D=open"
_CLOSED = (
    "filter%5Bclosed%5D%5Bgte%5D=2026-11-01T00%3A00%3A00Z"
    "&filter%5Bclosed%5D%5Blt%5D=2026-12-01T00%3A00%3A00Z&filter%5Bstate%5D%5Beq%5D=won"
)
_CAPTURED = _CLOSED.replace("closed", "captured")

MEASURES: dict[str, Any] = {
    "from": "2026-11-01",
    "to": "2026-12-01",
    "by": None,
    "data": [
        {
            "group": None,
            "open": {"leads": 4, "query": _QUERY, "amounts": [_AMOUNT | {"query": _QUERY}]},
            "new": {"leads": 9, "query": _CAPTURED},
            "won": {
                "leads": 3,
                "query": _CLOSED,
                "amounts": [{"currency": "EUR", "leads": 3, "amount": 950000, "query": _CLOSED}],
            },
            "lost": {
                "leads": 2,
                "query": _CLOSED.replace("won", "lost"),
                "reasons": [{"reason": "price", "leads": 2, "query": _CLOSED}],
                "competitors": [{"competitor": "Acme", "leads": 1, "query": _CLOSED}],
            },
            "closing_rate": {"value": 0.6, "query": _CLOSED},
            "cycle_days": {"value": 12.5, "query": _CLOSED},
        }
    ],
    "funnel": [
        {"stage": "new", "reached": 9, "conversion": 0.6667, "days": 1.5, "query": _CAPTURED},
        {"stage": None, "reached": 3, "conversion": None, "days": None, "query": _CAPTURED},
    ],
    "next_cursor": None,
}
