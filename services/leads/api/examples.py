"""What commands answer, as the documentation shows it."""

from typing import Any

_ID = "0197f3f0-7a5e-7c3e-8e1c-2f4f5a6b7c8d"
_SUBJECT = "5f1c2a7e-0d3b-8c4a-9e6f-1a2b3c4d5e6f"

LEAD: dict[str, Any] = {
    "id": _ID,
    "version": 3,
    "state": "open",
    "pipeline": "sales",
    "stage": "qualified",
    "since": "2026-11-02T10:00:00.000000Z",
    "subject": _SUBJECT,
    "source": "/web/contact-form",
    "channel": "web",
    "title": "Wants a quote for 20 chairs",
    "captured": "2026-11-01T09:30:00.000000Z",
    "identifiers": [{"kind": "email", "value": "jane@example.com", "subject": _SUBJECT}],
    "product": "CHAIR-7",
    "amount": 398000,
    "currency": "EUR",
    "expected_close": "2026-12-15",
    "owner": "representative:7",
    "fields": {"seats": 20},
    "inquiries": 1,
    "absorbed": [],
    "heated": 1,
    "judged": 1,
    "failed": [],
    "rule": "north",
    "reached": 0,
    "hot": True,
    "prequalified": True,
    "position": "leads.events/3/1042",
}

CAPTURED = LEAD | {
    "version": 1,
    "stage": "new",
    "since": LEAD["captured"],
    "owner": None,
    "rule": None,
}

CHANGES: dict[str, Any] = {
    "data": [
        {
            "specversion": "1.0",
            "id": f"{_ID}/2",
            "source": "/leads",
            "type": "lead.moved",
            "time": "2026-11-02T10:00:00.000000Z",
            "recordedtime": "2026-11-02T10:00:00.000000Z",
            "partitionkey": _SUBJECT,
            "stream": _ID,
            "streamversion": 2,
            "sequence": "0000000000001042",
            "actor": "representative:7",
            "data": {
                "at": "2026-11-02T10:00:00.000000Z",
                "left": "new",
                "stage": "qualified",
                "revision": 1,
            },
        }
    ],
    "next": "1042",
}

PIPELINE: dict[str, Any] = {
    "version": 1,
    "retired": False,
    "name": "sales",
    "kind": "sales",
    "stages": [
        {"name": "new", "probability": 10, "moves": ["proposal"]},
        {"name": "proposal", "probability": 50, "moves": ["new"], "required": ["amount"]},
    ],
    "reasons": ["price", "no answer"],
    "revision": 1,
    "replaced": {},
}

PIPELINES = {"data": [PIPELINE]}

SCORING: dict[str, Any] = {
    "version": 1,
    "since": "2026-11-01T09:00:00.000000Z",
    "rules": {
        "fit": [{"id": "country", "on": "country", "values": ["NL"], "points": 10}],
        "engagement": [{"id": "quote", "type": "quote.requested", "points": 30}],
        "half_life": 30,
        "thresholds": {"a": 60, "b": 30, "c": 10},
        "hot": 80,
        "interest": {"points": 30, "pipeline": "sales"},
        "prequalify": {
            "conditions": [{"id": "known", "on": "company"}],
            "least": 10,
        },
    },
}
