"""The door in the description of the API: what it takes and what it answers, with examples."""

from typing import Any

from services.contact.reading import MAX_EVENTS
from services.contact.schemas import ref
from shared.documents import problem

# Examples

ORDER = {
    "id": "o-1001",
    "source": "/web/shop",
    "type": "order.placed",
    "time": "2026-01-31T12:00:00Z",
    "data": {
        "channel": "web",
        "identifiers": [
            {"kind": "user", "namespace": "shop", "value": "42"},
            {"kind": "email", "value": "jane@example.com"},
        ],
        "order": "1001",
        "amount": 4990,
        "currency": "EUR",
    },
}
CALL = {
    "id": "c-77",
    "source": "/desk/telephone",
    "type": "call.received",
    "time": "2026-01-31T12:05:00+01:00",
    "data": {
        "identifiers": [{"kind": "phone", "value": "+49 30 123456"}],
        "purpose": "service",
        "duration": 184,
    },
}

CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "A234-1234",
    "source": "/warehouse/gate",
    "type": "com.example.gate.opened",
    "subject": "gate/7",
    "datacontenttype": "application/xml",
    "data": "<gate number='7'/>",
}

_POSITION = "interactions.1/3/1042"
_REFUSED = {
    "status": "refused",
    "id": "c-77",
    "code": "type",
    "pointer": "/1/data/duration",
    "detail": "Expected int | float, got str.",
}
_ACCEPTED = {"status": "accepted", "id": "o-1001", "position": _POSITION}
_UNKNOWN = {"status": "unknown", "id": "o-1001"}
_FIELD = {"pointer": "/data/amount", "code": "required", "detail": "`amount` must be there."}


EVENT = ref("Event")["$ref"]

# Request and answers


def _json(description: str, schema: dict[str, Any], **examples: Any) -> dict[str, Any]:
    shown = {name: {"value": value} for name, value in examples.items()}
    content = {"application/json": {"schema": schema, "examples": shown}}
    return {"description": description, "content": content}


def _results(*statuses: str) -> dict[str, Any]:
    """The schema of results per item."""
    properties = {
        "status": {"enum": list(statuses)},
        **{name: {"type": "string"} for name in ("id", "position", "code", "pointer", "detail")},
    }
    item = {"type": "object", "required": ["status"], "properties": properties}
    return {
        "type": "object",
        "required": ["results"],
        "properties": {"results": {"type": "array", "items": item}},
    }


def _texts(*names: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(names),
        "properties": {name: {"type": "string"} for name in names},
    }


_ARRAY: dict[str, Any] = {"type": "array", "maxItems": MAX_EVENTS, "items": ref("Event")}

_CLOUD_EVENTS = {"type": "array", "maxItems": MAX_EVENTS, "items": ref("CloudEvent")}


def _attribute_header(name: str, description: str) -> dict[str, Any]:
    return {
        "name": f"ce-{name}",
        "in": "header",
        "description": f"Binary mode: {description}",
        "schema": {"type": "string"},
    }


REQUEST: dict[str, Any] = {
    "parameters": [
        {
            "name": "validate",
            "in": "query",
            "description": "True: check only; nothing is stored.",
            "schema": {"type": "boolean", "default": False},
        },
        _attribute_header("specversion", "1.0."),
        _attribute_header("id", "the event's id."),
        _attribute_header("source", "which system it comes from."),
        _attribute_header("type", "its type. Any other attribute likewise."),
        {
            "name": "Identity-Token",
            "in": "header",
            "description": "With a key of the scope `ingest-public`: a JWT that vouches for "
            "identifiers; see `POST /v1/beacon`.",
            "schema": {"type": "string", "maxLength": 8192},
        },
    ],
    "requestBody": {
        "required": True,
        "content": {
            **_json("", {"oneOf": [ref("Event"), _ARRAY]}, one=ORDER, array=[ORDER, CALL])[
                "content"
            ],
            "application/cloudevents+json": {"schema": ref("CloudEvent"), "example": CLOUD_EVENT},
            "application/cloudevents-batch+json": {
                "schema": _CLOUD_EVENTS,
                "example": [CLOUD_EVENT, {"specversion": "1.0", **ORDER}],
            },
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary"},
                "example": "the data of a CloudEvent in binary mode; any other type likewise",
            },
        },
    },
}
"""What the framework cannot know: the door reads the body itself."""

_UNSETTLED = {"code": "log_unavailable", "results": [_ACCEPTED, _UNKNOWN]}

ANSWERS: dict[int | str, dict[str, Any]] = {
    202: _json(
        "The event is in the log",
        _texts("id", "position"),
        one={"id": "o-1001", "position": _POSITION},
    ),
    200: _json(
        "An array: a result per item. With `validate`, one event too: `valid`, or a problem",
        {"oneOf": [_results("accepted", "refused", "valid"), _texts("status", "id")]},
        array={"results": [_ACCEPTED, _REFUSED]},
        validate={"status": "valid", "id": "o-1001"},
    ),
    **{status: problem(status) for status in (400, 401, 403, 408, 413, 415)},
    422: problem(422, {"errors": [_FIELD]}),
    429: problem(429),
    503: problem(503, _UNSETTLED),
}

HANDSHAKE: dict[int | str, dict[str, Any]] = {
    200: {
        **_json(
            "Deliveries are allowed",
            _texts("allowed_origin", "allowed_rate"),
            allowed={"allowed_origin": "eventemitter.example.com", "allowed_rate": "*"},
        ),
        "headers": {
            name: {"schema": {"type": "string"}}
            for name in ("WebHook-Allowed-Origin", "WebHook-Allowed-Rate", "Allow")
        },
    },
    422: problem(422, {"errors": [{**_FIELD, "pointer": "/header/WebHook-Request-Origin"}]}),
}
