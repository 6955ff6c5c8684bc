"""The door as OpenAPI describes it: schemas out of the types that it checks with."""

from typing import Any

import msgspec

from services.contact.identifying import MOST
from services.contact.reading import MAX_EVENTS
from services.contact.types import CHANNELS, DIRECTIONS, TYPES
from shared.documents import problem

_REF = "#/components/schemas/{name}"

_IDENTIFIER = {
    "type": "object",
    "title": "Identifier",
    "description": "The kinds user > crm > loyalty > email > phone > device identify, the "
    "strongest first; any other kind is kept and identifies nobody.",
    "required": ["kind", "value"],
    "properties": {
        "kind": {"type": "string", "pattern": "^[a-z0-9_]{1,32}$"},
        "value": {"type": "string", "minLength": 1, "maxLength": 512},
        "namespace": {"type": "string", "description": "Whose numbers; left out: the key's."},
    },
}

_ENVELOPE = {
    "type": "object",
    "title": "Envelope",
    "description": "What `data` of every event has; the fields of its type stand beside them, and "
    "fields that nobody knows are kept as they came.",
    "properties": {
        "channel": {"enum": sorted(CHANNELS), "description": "Left out: by the type's family."},
        "direction": {"enum": sorted(DIRECTIONS), "description": "Left out: by the type."},
        "identifiers": {
            "type": "array",
            "maxItems": MOST,
            "items": {"$ref": _REF.format(name="Identifier")},
        },
    },
}

_ATTRIBUTES = {
    "type": {"type": "string", "maxLength": 128, "description": "Known, or any of your own."},
    "id": {"type": "string", "minLength": 1, "maxLength": 256},
    "source": {"type": "string", "format": "uri-reference", "maxLength": 256},
    "specversion": {"const": "1.0"},
    "time": {"type": "string", "format": "date-time"},
    "subject": {"type": "string", "description": "Kept as `data.producer_subject`."},
    "correlationid": {"type": "string", "maxLength": 256},
    "traceparent": {"type": "string", "description": "Left out: the request's."},
    "dataversion": {"type": "integer", "minimum": 1},
    "data": {"$ref": _REF.format(name="Envelope")},
}

_EVENT = {
    "type": "object",
    "title": "Event",
    "description": "A CloudEvent of which only `type` must be there. Other attributes have names "
    "of a-z and 0-9 and simple values, and are kept.",
    "required": ["type"],
    "properties": _ATTRIBUTES,
}


def schemas() -> dict[str, Any]:
    """The components that the door's description refers to."""
    known = list(dict.fromkeys(TYPES.values()))
    _, found = msgspec.json.schema_components(known, ref_template=_REF)
    variants = [
        {
            "properties": {
                "type": {"enum": [type_ for type_, used in TYPES.items() if used is struct]},
                "data": {"$ref": _REF.format(name=struct.__name__)},
            }
        }
        for struct in known
    ]
    other = {"properties": {"type": {"type": "string"}}, "title": "A type of your own"}
    return {
        **found,
        "Identifier": _IDENTIFIER,
        "Envelope": _ENVELOPE,
        "Event": {**_EVENT, "anyOf": [*variants, other]},
    }


_EXAMPLE = {
    "type": "order.placed",
    "id": "o-1001",
    "source": "/web/shop",
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
        "lines": [{"sku": "KETTLE-1", "quantity": 1, "price": 4990}],
    },
}

_ONE = {"$ref": _REF.format(name="Event")}

REQUEST: dict[str, Any] = {
    "parameters": [
        {
            "name": "validate",
            "in": "query",
            "required": False,
            "description": "Check and store nothing; results say `valid` or `refused`.",
            "schema": {"type": "boolean", "default": False},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [
                        _ONE,
                        {"type": "array", "maxItems": MAX_EVENTS, "items": _ONE},
                    ]
                },
                "examples": {
                    "one": {"summary": "One event", "value": _EXAMPLE},
                    "array": {
                        "summary": "An array, the second with a fault",
                        "value": [_EXAMPLE, {"type": "order.placed", "id": "o-1002"}],
                    },
                },
            }
        },
    },
}


_POSITION = "interactions.1/3/1042"
_WRONG = {"pointer": "/data/order", "code": "required", "detail": "`order` must be there."}
_ACCEPTED = {"id": "o-1001", "position": _POSITION}
_RESULTS = {
    "results": [
        {"status": "accepted", **_ACCEPTED},
        {"status": "refused", "id": "o-1002", **_WRONG, "pointer": "/1/data/order"},
    ]
}
_UNSETTLED = {"code": "log_unavailable", "results": [{"status": "unknown", "id": "o-1001"}]}


def _answer(description: str, example: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}, "example": example}}
    return {"description": description, "content": content}


ANSWERS: dict[int | str, dict[str, Any]] = {
    202: _answer("One event is in the log", _ACCEPTED),
    200: _answer("An array: a result per item; or the result of `validate`", _RESULTS),
    400: problem(400),
    401: problem(401),
    403: problem(403),
    408: problem(408),
    413: problem(413),
    415: problem(415),
    422: problem(422, {"errors": [_WRONG]}),
    503: problem(503, _UNSETTLED),
}
