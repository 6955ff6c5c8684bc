"""What operations on opportunities and quotes answer, as the documentation shows it."""

from typing import Any

from services.leads.api import examples

_LEAD = examples.LEAD["id"]
_SUBJECT = examples.LEAD["subject"]
_QUOTE = "0197f3f0-9b1c-7d2e-8f3a-4b5c6d7e8f90"
_AT = "2026-11-23T09:30:00.000000Z"
_POSITION = "leads.events/3/1042"
_LINES = [
    {"sku": "KETTLE-1", "quantity": 2, "discount": 500, "price": None},
    {"sku": "TEA-7", "quantity": 4, "discount": 0, "price": None},
]
_PRICED: dict[str, Any] = {
    "lines": [
        {
            "sku": "KETTLE-1",
            "name": "Kettle",
            "unit": "piece",
            "quantity": 2,
            "list_price": 4990,
            "unit_price": 4990,
            "discount": 500,
            "amount": 9481,
            "parts": None,
            "saved": 0,
        },
        {
            "sku": "TEA-7",
            "name": "Tea",
            "unit": "packet",
            "quantity": 4,
            "list_price": 350,
            "unit_price": 350,
            "discount": 0,
            "amount": 1400,
            "parts": None,
            "saved": 0,
        },
    ],
    "total": 10881,
    "currency": "EUR",
    "price_list": "standard",
    "version": 3,
    "day": "2026-11-23",
    "saved": 0,
    "on": {},
}

OPPORTUNITY: dict[str, Any] = {
    "lead": _LEAD,
    "version": 2,
    "since": _AT,
    "people": [
        {"role": "decides", "subject": _SUBJECT, "name": "Jane Doe", "note": ""},
        {"role": "uses", "subject": None, "name": "John Doe", "note": ""},
    ],
    "organisation": None,
    "lines": _LINES,
    "priced": _PRICED,
    "amount": 10881,
    "currency": "EUR",
    "expected_close": "2026-12-15",
    "next_step": "Show it to the kitchen.",
    "categories": {"KETTLE-1": "kitchen", "TEA-7": "food"},
    "of_lead": {
        "state": "open",
        "amount": 10881,
        "currency": "EUR",
        "expected_close": "2026-12-15",
        "product": "KETTLE-1",
    },
}
DESCRIBED = OPPORTUNITY | {"position": _POSITION}

_VERSION: dict[str, Any] = {
    "version": 1,
    "lines": _LINES,
    "priced": _PRICED,
    "valid_until": "2026-12-31",
    "terms": "Payable within 30 days.",
    "language": "en",
    "address": ["Jane Doe", "Acme Ltd", "1 High Street", "London"],
    "document": f"/v1/quotes/{_QUOTE}/document?version=1",
    "sent": [
        {
            "version": 1,
            "at": _AT,
            "channel": "email",
            "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "template": 1,
            "recipient": "jane@example.com",
        }
    ],
}

QUOTE: dict[str, Any] = {
    "id": _QUOTE,
    "version": 2,
    "number": "Q-2026-7K3MZ-9Q2XD",
    "state": "sent",
    "lead": _LEAD,
    "drafted": _AT,
    "latest": 1,
    "sent": 1,
    "accepted": None,
    "order": None,
    "reason": None,
    "versions": [_VERSION],
}
CHANGED = QUOTE | {"position": _POSITION}
DRAFTED = (
    QUOTE
    | {"version": 1, "state": "drafted", "sent": None, "versions": [_VERSION | {"sent": []}]}
    | {"position": _POSITION}
)

LISTED: dict[str, Any] = {
    "id": _QUOTE,
    "version": 4,
    "number": "Q-2026-7K3MZ-9Q2XD",
    "state": "ordered",
    "lead": _LEAD,
    "owner": "representative:7",
    "subject": _SUBJECT,
    "customer": _SUBJECT,
    "latest": 1,
    "amount": 10881,
    "currency": "EUR",
    "valid_until": "2026-12-31",
    "drafted": _AT,
    "sent_version": 1,
    "sent": _AT,
    "channel": "email",
    "accepted": _AT,
    "closed": _AT,
    "reason": None,
    "ordering": "placed",
    "ordered": _AT,
    "order_position": "interactions.1/3/1042",
    "problem": None,
    "touched": _AT,
}
QUOTES: dict[str, Any] = {"data": [LISTED], "next_cursor": None}

OFFERS: dict[str, Any] = {
    "price_list": "standard",
    "version": 3,
    "day": "2026-11-23",
    "currency": "EUR",
    "findings": [
        {
            "pointer": "/lines/0/sku",
            "code": "requires",
            "sku": "KETTLE-1",
            "sets": [["CABLE-2"]],
            "detail": "'KETTLE-1' requires CABLE-2.",
        }
    ],
    "offers": [
        {
            "kind": "bundle",
            "sku": "SET-1",
            "name": "Tea set",
            "quantity": 2,
            "price": 5200,
            "difference": -481,
            "lines": [0, 1],
            "covers": {"KETTLE-1": 2, "TEA-7": 4},
        }
    ],
}


def _history(type_: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": [
            {
                "version": 2,
                "type": type_,
                "time": _AT,
                "recorded": _AT,
                "actor": "representative:7",
                "correlationid": None,
                "causationid": None,
                "position": "leads.1/3/1042",
                "data": {"at": _AT, "lead": _LEAD} | data,
            }
        ],
        "next_cursor": None,
    }


HISTORY = _history("quote.declined", {"number": QUOTE["number"], "version": 1, "reason": "Price"})
OPPORTUNITY_HISTORY = _history(
    "opportunity.described", {"content": {"next_step": "Call back."}, "changed": ["next_step"]}
)

DOCUMENT = '<!DOCTYPE html>\n<html lang="en">...</html>\n'
