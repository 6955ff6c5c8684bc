"""The answers about types as the documentation shows them."""

from typing import Any

_MOMENT = "2026-01-31T12:00:00.000001Z"

SCHEMA_DECLARED: dict[str, Any] = {
    "schema": {
        "type": "object",
        "required": ["room"],
        "properties": {"room": {"type": "string"}, "nights": {"type": "integer", "minimum": 1}},
    },
    "mode": "observe",
}

RULE: dict[str, Any] = {
    "type": "order.placed",
    "time": "/created",
    "identifiers": [{"kind": "email", "value": "/customer/mail", "required": True}],
    "fields": {
        "order": {"at": "/id", "convert": "text", "required": True},
        "currency": {"constant": "EUR"},
        "amount": {"at": "/total", "convert": "minor_units", "currency": "EUR"},
        "lines": {
            "each": "/items",
            "fields": {
                "sku": "/sku",
                "quantity": {"at": "/count", "convert": "number"},
                "price": {"at": "/price", "convert": "minor_units", "currency": "EUR"},
            },
        },
    },
}

_SEEN = {"type": "com.example.booked", "events": 1042, "first": "2026-01-02", "last": "2026-01-31"}

TYPES: dict[str, Any] = {
    "data": [
        {**_SEEN, "known": False, "schema": {"version": 2, "mode": "observe"}, "mapping": None}
    ],
    "next_cursor": None,
}

_VERSION = {
    "version": 1,
    "declared": _MOMENT,
    "key": "ops",
    "actor": "service:ops",
    "document": SCHEMA_DECLARED,
}

TYPE: dict[str, Any] = {
    **_SEEN,
    "known": False,
    "observed": {
        "events": 200,
        "fields": [{"field": "/room", "types": ["string"], "events": 200}],
        "more": 0,
    },
    "example": {"specversion": "1.0", "type": "com.example.booked", "data": {"room": "7"}},
    "schema": [_VERSION],
    "mapping": [],
}

DECLARED: dict[str, Any] = {"type": "com.example.booked", "kind": "schema", **_VERSION}
