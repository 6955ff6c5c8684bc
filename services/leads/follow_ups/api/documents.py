"""What reads and commands answer, as the documentation shows it."""

from typing import Any

_LEAD = "0197f3f0-7a5e-7c3e-8e1c-2f4f5a6b7c8d"
_CUSTOMER = "0c9e4b1d-7f2a-8b3c-a1d4-5e6f7a8b9c0d"
_MEETING = "0197f3f0-7a5e-7c3e-8e1c-2f4f5a6b7c90"
_FEED = "0197f3f0-7a5e-7c3e-8e1c-2f4f5a6b7c91"

_STEP: dict[str, Any] = {
    "step": 1,
    "sequence": "first-contact",
    "id": "call",
    "title": "Call and ask what they need",
    "kind": "call",
    "since": "2026-11-02T10:00:00.000000Z",
    "due": "2026-11-02T12:00:00.000000Z",
    "overdue": "2026-11-03T12:00:00.000000Z",
    "state": "due",
    "completed_by": ["call.placed", "call.received"],
    "guide": "Who decides? By when?",
    "until": "new",
}
_SETTLED: dict[str, Any] = {
    "step": 2,
    "sequence": "first-contact",
    "id": "write",
    "title": "Sum it up in an e-mail",
    "kind": "email",
    "due": "2026-11-04T10:00:00.000000Z",
    "state": "done",
    "at": "2026-11-03T15:00:00.000000Z",
    "by": "representative:7",
    "interaction": None,
    "reason": "",
}
_BOOKED: dict[str, Any] = {
    "appointment": _MEETING,
    "title": "Show the chairs",
    "from": "2026-12-01T09:00:00.000000Z",
    "to": "2026-12-01T10:00:00.000000Z",
    "place": "1 Tea Lane, Leeds",
}

FOLLOW_UPS: dict[str, Any] = {
    "lead": _LEAD,
    "version": 3,
    "steps": [_STEP],
    "settled": [_SETTLED],
    "appointments": [_BOOKED],
}
COMMANDED = FOLLOW_UPS | {"position": "leads.events/3/1042"}

LISTED_STEP: dict[str, Any] = {
    "lead": _LEAD,
    "step": 1,
    "state": "due",
    "pipeline": "sales",
    "owner": "representative:7",
    "customer": _CUSTOMER,
    "about": "Wants a quote for 20 chairs",
    "sequence": "first-contact",
    "version": 1,
    **{name: _STEP[name] for name in ("id", "title", "kind", "guide", "since", "due", "overdue")},
    "postponed": 0,
    "settled": None,
    "by": None,
    "interaction": None,
    "type": None,
    "reason": None,
}
STEPS: dict[str, Any] = {"data": [LISTED_STEP], "next_cursor": None}

LISTED_APPOINTMENT: dict[str, Any] = {
    "appointment": _MEETING,
    "lead": _LEAD,
    "state": "booked",
    "pipeline": "sales",
    "owner": "representative:7",
    "customer": _CUSTOMER,
    "about": "Wants a quote for 20 chairs",
    "title": "Show the chairs",
    "from": _BOOKED["from"],
    "to": _BOOKED["to"],
    "place": _BOOKED["place"],
    "made": "2026-11-02T10:00:00.000000Z",
    "moved": 0,
    "reason": None,
}
APPOINTMENTS: dict[str, Any] = {"data": [LISTED_APPOINTMENT], "next_cursor": None}

SEQUENCE: dict[str, Any] = {
    "name": "first-contact",
    "version": 1,
    "retired": False,
    "title": "First contact",
    "steps": [
        {
            "id": "call",
            "title": "Call and ask what they need",
            "kind": "call",
            "days": 0,
            "hours": 2,
            "grace": 24,
            "completed_by": ["call.placed", "call.received"],
            "guide": "Who decides? By when?",
        }
    ],
    "starts": [{"pipeline": "sales", "stage": "new", "source": None}],
    "ends": "stage",
}
SEQUENCES: dict[str, Any] = {"data": [SEQUENCE]}

_TACTIC: dict[str, Any] = {
    "name": "samples",
    "version": 1,
    "retired": False,
    "title": "Samples",
    "text": "Send two of what they asked for, with the price per year.",
    "pipelines": ["sales"],
    "stages": ["proposal", "negotiation"],
    "objections": ["too dear"],
}
TACTIC = _TACTIC
_LEADS = "/v1/tactics/samples/leads"
_CLOSED = f"{_LEADS}?filter%5Bclosed%5D%5Bexists%5D=true"
_STATE = "&filter%5Bstate%5D%5Beq%5D="
TACTICS: dict[str, Any] = {
    "data": [
        _TACTIC
        | {
            "uses": 9,
            "leads": {"value": 8, "query": _LEADS},
            "won": {"value": 3, "query": f"{_CLOSED}{_STATE}won"},
            "lost": {"value": 1, "query": f"{_CLOSED}{_STATE}lost"},
            "win_rate": {"value": 0.75, "query": _CLOSED},
        }
    ]
}

_VALUED: dict[str, Any] = LISTED_STEP | {
    "amount": 398000,
    "currency": "EUR",
    "probability": 25,
    "expected": 99500,
    "score": 25.0,
    "grade": "C",
}
DAY: dict[str, Any] = {
    "representative": "representative:7",
    "date": "2026-12-01",
    "time_zone": "Europe/London",
    "from": "2026-12-01T00:00:00.000000Z",
    "to": "2026-12-02T00:00:00.000000Z",
    "at": "2026-12-01T08:15:00.000000Z",
    "due": [_VALUED],
    "later": [_VALUED | {"state": "pending", "due": "2026-12-01T16:00:00.000000Z"}],
    "appointments": [LISTED_APPOINTMENT],
    "more": False,
}

_CALENDAR: dict[str, Any] = {
    "calendar": _FEED,
    "title": "My telephone",
    "since": "2026-11-02T10:00:00.000000Z",
}
CALENDARS: dict[str, Any] = {"representative": "representative:7", "data": [_CALENDAR]}
_TOKEN = "Zm9yLXRoZS1kb2N1bWVudGF0aW9uLWFsb25lLW5vd2g"
OPENED: dict[str, Any] = _CALENDAR | {
    "representative": "representative:7",
    "url": f"https://rapport.example/v1/calendars/{_TOKEN}.ics",
    "position": "leads.events/3/1042",
}

FEED = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//Rapport//follow-ups//EN\r
BEGIN:VEVENT\r
UID:0197f3f0-7a5e-7c3e-8e1c-2f4f5a6b7c90@rapport\r
DTSTAMP:20261102T100000Z\r
DTSTART:20261201T090000Z\r
DTEND:20261201T100000Z\r
SUMMARY:Show the chairs\r
LOCATION:1 Tea Lane\\, Leeds\r
END:VEVENT\r
END:VCALENDAR\r
"""
