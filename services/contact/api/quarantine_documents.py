"""The answers of the quarantine as its documentation shows them."""

from typing import Any

_ID = "019c13a0-5c3e-7c52-8a6e-2f3f1f6f7a10"
_MOMENT = "2026-01-31T12:00:00.000001Z"
_REASONS = [{"pointer": "/data/amount", "code": "required", "detail": "`amount` must be there."}]

_REFUSED = {
    "id": _ID,
    "received": _MOMENT,
    "key": "shop",
    "source": "/web/shop",
    "type": "order.placed",
    "code": "required",
    "reasons": _REASONS,
    "path": "/v1/events",
    "content_type": "application/json",
    "size": 37,
    "state": "open",
    "closed": None,
    "closed_by": None,
    "outcome": None,
    "position": "quarantine.1/2/17",
}

QUARANTINE: dict[str, Any] = {"data": [_REFUSED], "next_cursor": None}

QUARANTINED: dict[str, Any] = {
    **_REFUSED,
    "headers": {},
    "around": [],
    "bytes": "eyJ0eXBlIjoib3JkZXIucGxhY2VkIiwiZGF0YSI6e319",
}

DRIVEN: dict[str, Any] = {
    "id": _ID,
    "status": "driven",
    "events": [{"id": "o-1001", "position": "interactions.1/3/1042"}],
    "position": "quarantine.1/2/18",
}

DRIVEN_PAGE: dict[str, Any] = {
    "data": [
        DRIVEN,
        {
            "id": "019c13a0-5c3f-7c52-8a6e-2f3f1f6f7a11",
            "status": "refused",
            "reasons": _REASONS,
        },
    ],
    "next_cursor": None,
}

DISCARDED: dict[str, Any] = {
    "id": _ID,
    "status": "discarded",
    "position": "quarantine.1/2/19",
}

DISCARDED_PAGE: dict[str, Any] = {"discarded": 1, "ids": [_ID]}
