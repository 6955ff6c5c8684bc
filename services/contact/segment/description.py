"""Segment's tracking API in the description of ours: what each call takes, what is answered."""

from collections.abc import Sequence
from typing import Any

from services.contact.segment.requests import MAX_CALLS
from shared.documents import problem

_OBJECT = {"type": ["object", "null"]}
_ID = {"type": ["string", "integer", "null"]}
_MOMENT = {"type": ["string", "null"], "description": "ISO 8601; in UTC where it does not say."}

_KEY = {
    "type": ["string", "null"],
    "description": "An ingest key, where no header has it: `Authorization: Basic` of "
    "base64(key + `:`), or `Authorization: Bearer`.",
}

_COMMON: dict[str, Any] = {
    "userId": {**_ID, "description": "Identifier of kind `user`, in the key's namespace."},
    "anonymousId": {**_ID, "description": "Identifier of kind `device`. One of both is needed."},
    "messageId": {
        "type": ["string", "null"],
        "maxLength": 100,
        "description": "The id of the event among those of the key: sent again it counts once.",
    },
    "timestamp": _MOMENT,
    "sentAt": {
        **_MOMENT,
        "description": "The client's clock when it sent; how far it is from ours is taken off.",
    },
    "context": {
        **_OBJECT,
        "description": "Kept as it came; `traits.email`, `traits.phone`, `externalIds` identify.",
    },
    "integrations": _OBJECT,
}

_FIELDS: dict[str, dict[str, Any]] = {
    "identify": {"traits": _OBJECT},
    "track": {"event": {"type": "string", "minLength": 1}, "properties": _OBJECT},
    "page": {"name": {"type": ["string", "null"]}, "properties": _OBJECT},
    "screen": {"name": {"type": ["string", "null"]}, "properties": _OBJECT},
    "group": {"groupId": _ID, "traits": _OBJECT},
    "alias": {"previousId": _ID},
}

_PERSON = {"userId": "42", "messageId": "m-1", "timestamp": "2026-01-31T12:00:00Z"}

EXAMPLES: dict[str, dict[str, Any]] = {
    "identify": {**_PERSON, "traits": {"email": "jane@example.com", "name": "Jane Doe"}},
    "track": {
        **_PERSON,
        "event": "Order Completed",
        "properties": {
            "order_id": "1001",
            "revenue": 49.9,
            "currency": "EUR",
            "products": [{"sku": "KETTLE-1", "quantity": 1, "price": 49.9}],
        },
    },
    "page": {**_PERSON, "name": "Kettles", "properties": {"url": "https://shop.example/kettles"}},
    "screen": {**_PERSON, "name": "Basket"},
    "group": {**_PERSON, "groupId": "acme", "traits": {"name": "Acme Ltd"}},
    "alias": {**_PERSON, "previousId": "6f1c2f9e-6d3a-4b0a-9a55-8d1c7d0e4b11"},
}

SUMMARIES = {
    "identify": "Who somebody is (Segment): customer.described",
    "track": "What somebody did (Segment): a type that its name means, else `track`",
    "page": "A page that somebody saw (Segment): page.viewed",
    "screen": "A screen that somebody saw (Segment): screen.viewed",
    "group": "Where somebody belongs (Segment): membership.changed",
    "alias": "Who somebody was before (Segment): identifiers.seen",
}

_TYPED = {"type": {"enum": list(_FIELDS)}}


def _body(
    properties: dict[str, Any], required: Sequence[str], example: dict[str, Any]
) -> dict[str, Any]:
    schema = {"type": "object", "required": list(required), "properties": properties}
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


def request(kind: str) -> dict[str, Any]:
    """The body of one call."""
    fields = _FIELDS[kind]
    required = [name for name in ("event", "groupId", "previousId") if name in fields]
    return _body({**_COMMON, **fields, "writeKey": _KEY}, required, EXAMPLES[kind])


BATCH: dict[str, Any] = _body(
    {
        "batch": {
            "type": "array",
            "maxItems": MAX_CALLS,
            "items": {
                "type": "object",
                "required": ["type"],
                "properties": {**_COMMON, **_TYPED},
            },
        },
        "context": _OBJECT,
        "integrations": _OBJECT,
        "sentAt": _COMMON["sentAt"],
        "writeKey": _KEY,
    },
    ["batch"],
    {
        "batch": [{"type": kind, **call} for kind, call in EXAMPLES.items()],
        "context": {"campaign": {"name": "spring", "source": "newsletter"}},
        "sentAt": "2026-01-31T12:00:01Z",
    },
)
"""The body of a batch."""

_SUCCESS = {
    "type": "object",
    "required": ["success"],
    "properties": {"success": {"const": True}},
}

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "All that is right is in the log; what is wrong is kept aside",
        "content": {"application/json": {"schema": _SUCCESS, "example": {"success": True}}},
    },
    **{status: problem(status) for status in (400, 401, 403, 408, 415, 422, 429)},
    503: problem(503, {"code": "log_unavailable"}),
}
