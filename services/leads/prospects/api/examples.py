"""What operations on prospects answer, as the documentation shows it."""

from typing import Any

_ID = "0197f3f0-7a5e-8c3e-8e1c-2f4f5a6b7c8d"
_SUBJECT = "5f1c2a7e-0d3b-8c4a-9e6f-1a2b3c4d5e6f"
_LEAD = "0197f3f0-7a5e-7c3e-8e1c-2f4f5a6b7c8d"
_AT = "2026-11-02T10:00:00.000000Z"
_POSITION = "leads.events/3/1042"

PROSPECT: dict[str, Any] = {
    "id": _ID,
    "version": 2,
    "state": "waiting",
    "subject": _SUBJECT,
    "name": "Jane Doe",
    "organisation": "Doe & Daughters",
    "source": "/fairs/2026-utrecht",
    "kept": _AT,
    "identifiers": [{"kind": "email", "value": "jane@example.com", "subject": _SUBJECT}],
    "fields": {"country": "NL"},
    "lists": ["spring-2027"],
    "come_back": "2027-03-01T00:00:00.000000Z",
    "due": False,
    "reason": None,
    "lead": None,
    "position": _POSITION,
}

LISTED: dict[str, Any] = {
    **{name: PROSPECT[name] for name in ("id", "version", "state", "subject")},
    "customer": "0c9e4b1d-7f2a-8b3c-a1d4-5e6f7a8b9c0d",
    **{name: PROSPECT[name] for name in ("name", "organisation", "source", "kept")},
    "touched": _AT,
    **{name: PROSPECT[name] for name in ("come_back", "due", "reason", "lead", "lists", "fields")},
}

PROSPECTS: dict[str, Any] = {"data": [LISTED], "next_cursor": None}

PROMOTED = PROSPECT | {"state": "promoted", "lead": _LEAD, "come_back": None}

MANY_PROMOTED: dict[str, Any] = {
    "data": [
        {"id": _ID, "status": 201, "lead": _LEAD, "position": _POSITION},
        {"id": _LEAD, "status": 409, "code": "barred", "detail": "It is not to be contacted."},
    ],
    "next": None,
}

MANY_KEPT: dict[str, Any] = {
    "data": [
        {"status": 201, "id": _ID, "state": "waiting", "position": _POSITION},
        {
            "status": 422,
            "code": "identifier",
            "detail": "This value identifies nobody.",
            "errors": [
                {
                    "pointer": "/items/1/identifiers/0/value",
                    "code": "value",
                    "detail": "This value identifies nobody.",
                }
            ],
        },
    ],
    "kept": 1,
}

TAKEN_OFF: dict[str, Any] = {"data": [{"id": _ID, "status": 200, "position": _POSITION}]}

LIST: dict[str, Any] = {
    "name": "spring-2027",
    "version": 3,
    "purpose": "Bought last year, not this one",
    "since": _AT,
    "filters": {"orders_gte": "1"},
    "state": "ready",
    "seen": 812,
    "kept": 790,
    "prospects": {"barred": 3, "promoted": 40, "waiting": 765},
}

CHANGED_LIST: dict[str, Any] = {
    name: value for name, value in LIST.items() if name != "prospects"
} | {"position": _POSITION}

LISTS: dict[str, Any] = {
    "data": [{name: value for name, value in LIST.items() if name != "prospects"}],
    "next_cursor": None,
}

RANKED: dict[str, Any] = {
    "as_of": _AT,
    "version": 1,
    "looked_at": 765,
    "waiting": 765,
    "data": [
        LISTED
        | {
            "points": 25.0,
            "grade": "C",
            "hot": False,
            "complete": True,
            "reasons": [
                {
                    "points": 15.0,
                    "rule": "quote",
                    "kind": "engagement",
                    "group": "asking",
                    "times": 1,
                    "found": "quote.requested",
                },
                {
                    "points": 10.0,
                    "rule": "country",
                    "kind": "fit",
                    "group": "fit",
                    "times": 1,
                    "found": "NL",
                },
            ],
        }
    ],
    "next_cursor": None,
}

RULES: dict[str, Any] = {
    "version": 1,
    "rules": [
        {"id": "timing", "days": 90, "reasons": ["bad timing"], "into": "win-back"},
        {"id": "price", "days": 180, "reasons": ["price"], "into": "win-back", "promote": True},
    ],
}

CHANGED_RULES = RULES | {"position": _POSITION}

HISTORY: dict[str, Any] = {
    "data": [
        {
            "version": 2,
            "type": "prospect.put_off",
            "time": _AT,
            "recorded": _AT,
            "actor": "representative:7",
            "correlationid": None,
            "causationid": None,
            "position": "leads.1/3/1042",
            "data": {"at": _AT, "come_back": "2027-03-01T00:00:00.000000Z", "reason": "Spring."},
        }
    ],
    "next_cursor": None,
}
