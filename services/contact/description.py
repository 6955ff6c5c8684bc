"""The door in the description of the API; its schemas come from the types that it checks with."""

from typing import Any

import msgspec
from msgspec import Struct

from services.contact.attributes import MAX_ID, MAX_TEXT, MAX_TYPE
from services.contact.identifying import MAX_NAMESPACE, MOST
from services.contact.reading import MAX_EVENTS
from services.contact.types import CHANNELS, DIRECTIONS, TYPES
from shared.documents import problem
from shared.identifiers import KINDS, MAX_LENGTH

_REF = "#/components/schemas/{name}"


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(name=name)}


# Schemas

_IDENTIFIER: dict[str, Any] = {
    "type": "object",
    "required": ["kind", "value"],
    "properties": {
        "kind": {
            "type": "string",
            "pattern": "^[a-z0-9_]{1,32}$",
            "description": f"These identify, weakest first: {', '.join(KINDS)}. Any other is kept.",
        },
        "namespace": {
            "type": ["string", "null"],
            "maxLength": MAX_NAMESPACE,
            "description": "Whose numbers these are; left out: the key's. E-mail and phone have "
            "none.",
        },
        "value": {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH},
        "claim": {
            "type": "boolean",
            "description": "True: only claimed, not proven; kept, and nobody is found by it.",
        },
    },
    "example": {"kind": "email", "value": "jane@example.com"},
}

_ENVELOPE: dict[str, Any] = {
    "channel": {
        "enum": [*sorted(CHANNELS), None],
        "description": "Where it happened; left out: that of the type, if it has one.",
    },
    "direction": {
        "enum": [*sorted(DIRECTIONS), None],
        "description": "Left out: that of the type, else inbound.",
    },
    "identifiers": {
        "type": ["array", "null"],
        "maxItems": MOST,
        "items": _ref("Identifier"),
        "description": "Whom it is about; the strongest is what the event belongs to. With none "
        "it belongs to nobody.",
    },
}
"""What the data of every type has."""

_ATTRIBUTES: dict[str, Any] = {
    "id": {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_ID,
        "description": "With `source` the event's name for ever: the same is counted once. Left "
        "out: a new one, so that an event sent again may count twice.",
    },
    "source": {
        "type": "string",
        "format": "uri-reference",
        "minLength": 1,
        "maxLength": MAX_ID,
        "description": "Which system it comes from; left out: the key's.",
    },
    "specversion": {"const": "1.0"},
    "time": {
        "type": ["string", "null"],
        "format": "date-time",
        "description": "When it happened, with its offset; left out: when it reached us.",
    },
    "subject": {
        "type": ["string", "null"],
        "maxLength": MAX_TEXT,
        "description": "The producer's own; kept as `data.producer_subject`.",
    },
    "correlationid": {"type": ["string", "null"], "maxLength": MAX_ID},
    "traceparent": {"type": ["string", "null"], "description": "W3C Trace Context."},
    "dataversion": {
        "type": ["integer", "null"],
        "minimum": 1,
        "description": "The version of the type; 1 of every known type.",
    },
}

_EXTENSION = {"type": ["string", "integer", "boolean", "null"], "maxLength": MAX_TEXT}
_ANY_TYPE = {"type": "string", "minLength": 1, "maxLength": MAX_TYPE}


def schemas() -> dict[str, Any]:
    """The components that the door's description refers to."""
    structs = list(dict.fromkeys(TYPES.values()))
    _, found = msgspec.json.schema_components(structs, ref_template=_REF)
    data = {name: _data(schema) for name, schema in found.items()}
    events = {_event_name(struct): _event(_types_of(struct), struct.__name__) for struct in structs}
    return {
        **found,
        **{struct.__name__: data[struct.__name__] for struct in structs},
        **events,
        "Identifier": _IDENTIFIER,
        "Data": _data({"type": "object", "description": "Any fields of the sender's own."}),
        "OtherEvent": _other(),
        "Event": {
            "oneOf": [_ref(name) for name in (*events, "OtherEvent")],
            "discriminator": {
                "propertyName": "type",
                "mapping": {
                    type_: _ref(_event_name(struct))["$ref"] for type_, struct in TYPES.items()
                },
            },
            "description": "An interaction. `type` says which fields `data` has; a type that is "
            "not known here is kept as it came.",
        },
    }


def _event_name(struct: type[Struct]) -> str:
    return f"{struct.__name__}Event"


def _types_of(struct: type[Struct]) -> list[str]:
    return [type_ for type_, each in TYPES.items() if each is struct]


def _data(schema: dict[str, Any]) -> dict[str, Any]:
    """The data of a type: its own fields beside those of every type."""
    return {**schema, "properties": {**_ENVELOPE, **schema.get("properties", {})}}


def _event(types: list[str], data: str) -> dict[str, Any]:
    return _cloud_event({"enum": types}, data, ["type", "data"], ", ".join(types))


def _other() -> dict[str, Any]:
    unknown = {**_ANY_TYPE, "not": {"enum": list(TYPES)}}
    return _cloud_event(unknown, "Data", ["type"], "Any other type.")


def _cloud_event(
    type_: dict[str, Any], data: str, required: list[str], description: str
) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "required": required,
        "properties": {**_ATTRIBUTES, "type": type_, "data": _ref(data)},
        "patternProperties": {"^[a-z0-9]{1,20}$": {}},
        "additionalProperties": False,
    }


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


_ARRAY: dict[str, Any] = {"type": "array", "maxItems": MAX_EVENTS, "items": _ref("Event")}

REQUEST: dict[str, Any] = {
    "parameters": [
        {
            "name": "validate",
            "in": "query",
            "description": "True: check only; nothing is stored.",
            "schema": {"type": "boolean", "default": False},
        }
    ],
    "requestBody": {
        "required": True,
        "content": _json("", {"oneOf": [_ref("Event"), _ARRAY]}, one=ORDER, array=[ORDER, CALL])[
            "content"
        ],
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
    503: problem(503, _UNSETTLED),
}
