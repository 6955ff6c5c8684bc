"""The schemas of what the door takes, made from the types that it checks with."""

from typing import Any

import msgspec
from msgspec import Struct

from services.contact.attributes import MAX_ID, MAX_TEXT, MAX_TYPE
from services.contact.identifying import MAX_NAMESPACE, MOST
from services.contact.types import CHANNELS, DIRECTIONS, TYPES
from shared.identifiers import KINDS, MAX_LENGTH

_REF = "#/components/schemas/{name}"


def ref(name: str) -> dict[str, str]:
    """A reference to a component."""
    return {"$ref": _REF.format(name=name)}


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
        "items": ref("Identifier"),
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
        "CloudEvent": _STRUCTURED,
        "Event": {
            "oneOf": [ref(name) for name in (*events, "OtherEvent")],
            "discriminator": {
                "propertyName": "type",
                "mapping": {
                    type_: ref(_event_name(struct))["$ref"] for type_, struct in TYPES.items()
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
        "properties": {**_ATTRIBUTES, "type": type_, "data": ref(data)},
        "patternProperties": {"^[a-z0-9]{1,20}$": {}},
        "additionalProperties": False,
    }


_STRUCTURED: dict[str, Any] = {
    "type": "object",
    "description": "A CloudEvent, structured. `null` is unset; of `data` and `data_base64` one.",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        **_ATTRIBUTES,
        "type": _ANY_TYPE,
        "datacontenttype": {"type": ["string", "null"]},
        "data": {"description": "Of a known type as `Event` has it; else any JSON value."},
        "data_base64": {"type": ["string", "null"], "contentEncoding": "base64"},
    },
    "patternProperties": {"^[a-z0-9]{1,20}$": {}},
    "additionalProperties": False,
}
