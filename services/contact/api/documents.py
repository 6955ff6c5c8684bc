"""The answers of contact's API as its documentation shows them."""

from typing import Any

CUSTOMER = "5b2f0b0e-5a55-8c1d-9f0a-2d6f3a1c7e42"
OTHER = "a1c9d3e4-7b60-8f25-8a3c-90de41b7f6c8"
_EVENT = "7d0e6c1f-2f4b-8e3a-b1d5-6a9c8e7f0b21"
_MOMENT = "2026-01-31T12:00:00.000001Z"
_POSITION = "interactions.1/3/1042"

_DATA = {
    "channel": "web",
    "direction": "inbound",
    "identifiers": [
        {"kind": "user", "namespace": "shop", "value": "42", "subject": CUSTOMER},
    ],
    "namespace": "shop",
    "order": "1001",
    "amount": 4990,
    "currency": "EUR",
}

INTERACTIONS: dict[str, Any] = {
    "data": [
        {
            "event": _EVENT,
            "subject": CUSTOMER,
            "time": _MOMENT,
            "recorded": _MOMENT,
            "type": "order.placed",
            "channel": "web",
            "direction": "inbound",
            "source": "/web/shop",
            "id": "o-1001",
            "position": _POSITION,
            "data": _DATA,
        }
    ],
    "next_cursor": None,
}

INTERACTION: dict[str, Any] = {
    "event": _EVENT,
    "subject": CUSTOMER,
    "customer": CUSTOMER,
    "position": _POSITION,
    "record": {
        "specversion": "1.0",
        "id": "o-1001",
        "source": "/web/shop",
        "type": "order.placed",
        "time": _MOMENT,
        "receivedtime": _MOMENT,
        "recordedtime": _MOMENT,
        "partitionkey": CUSTOMER,
        "ingestkey": "shop",
        "actor": "service:shop",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "dataversion": 1,
        "data": _DATA,
    },
}

TWINS: dict[str, Any] = {
    "code": "several_subjects",
    "subjects": [
        {"subject": CUSTOMER, "customer": CUSTOMER, "position": _POSITION},
        {"subject": OTHER, "customer": OTHER, "position": "interactions.1/1/77"},
    ],
}

COUNTS: dict[str, Any] = {
    "from": "2026-01-01",
    "to": "2026-02-01",
    "data": [
        {"day": "2026-01-30", "channel": "phone", "interactions": 2},
        {"day": "2026-01-31", "channel": "web", "interactions": 17},
    ],
}

KEY: dict[str, Any] = {
    "name": "shop",
    "scopes": ["ingest"],
    "principal": "service:shop",
    "namespace": "shop",
    "source_prefix": "/web/",
}
