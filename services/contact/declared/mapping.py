"""A mapping: how the data of a foreign type become those of one of ours. Pure.

    {"type": "order.placed", "time": "/created",
     "identifiers": [{"kind": "email", "value": "/customer/mail"}],
     "fields": {"order": "/id",
                "currency": {"constant": "EUR"},
                "amount": {"at": "/total", "convert": "minor_units", "currency": "EUR"},
                "lines": {"each": "/items", "fields": {"sku": "/sku", "quantity": "/n"}}}}

Places are JSON pointers (RFC 6901) into the payload - `data.body` of a foreign one, else `data` -
and, inside `each`, into the item. What is not there is left out unless it is `required`. The
payload stays whole under `data.body`.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from jsonpointer import JsonPointer, JsonPointerException
from msgspec import Meta, Struct

from services.contact.declared.schema import OURS
from services.contact.declared.versions import Document
from services.contact.faults import Refusal, of_field, refuse
from services.contact.money import minor_units
from services.contact.reading import Event
from services.contact.types import TYPES

MOST_ITEMS = 1_000
"""Items of a list that `each` takes."""

Pointer = Annotated[str, Meta(pattern=r"^(/([^~/]|~[01])*)*$", max_length=1024)]
Convert = Literal["as_is", "text", "number", "minor_units"]


class Who(Struct, forbid_unknown_fields=True):
    """An identifier; without a namespace it has the key's."""

    kind: Annotated[str, Meta(pattern="^[a-z0-9_]{1,32}$")]
    value: Pointer
    namespace: Annotated[str, Meta(max_length=128)] | None = None
    required: bool = False


class Field(Struct, forbid_unknown_fields=True):
    """Where a field comes from: one of `at`, `each` and `constant`."""

    at: Pointer | None = None
    each: Pointer | None = None
    constant: Any = None
    convert: Convert = "as_is"
    currency: Annotated[str, Meta(max_length=1024)] | None = None  # a code, or where it stands
    fields: dict[str, "Field | Pointer"] | None = None
    required: bool = False

    def __post_init__(self) -> None:
        given = (self.at, self.each, self.constant)
        if sum(one is not None for one in given) != 1:
            raise ValueError("one of `at`, `each` and `constant` must be there")
        if (self.each is None) != (self.fields is None):
            raise ValueError("`fields` must be there where `each` is, and only there")
        if (self.convert == "minor_units") != (self.currency is not None):
            raise ValueError("`currency` must be there where minor units are made, and only there")


class Rule(Struct, forbid_unknown_fields=True):
    """The mapping of one foreign type."""

    type: str
    identifiers: Annotated[list[Who], Meta(max_length=20)] = []
    fields: dict[str, Field | Pointer] = {}
    time: Pointer | None = None

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise ValueError("`type` must be there and be one of the known types")
        if not self.fields.keys().isdisjoint((*OURS[2:], "body", "mapped")):
            raise ValueError("`fields` cannot set identifiers, body or mapped")


Take = Callable[[Any, Any], Any]
"""The value from the payload and the item; _NOTHING where there is none. Raises Refusal."""

_NOTHING = object()


class Mapped:
    """A mapping as it is applied. Raises Refusal for one that is none."""

    def __init__(self, document: Document, version: int = 0) -> None:
        try:
            rule = msgspec.convert(document, Rule)
        except msgspec.ValidationError as error:
            raise Refusal(of_field(error, "")) from None
        self.version = version
        self.type = rule.type
        self._time = _at(Field(at=rule.time)) if rule.time is not None else None
        self._fields = _takes(rule.fields)
        self._who = [
            (who, _at(Field(at=who.value, required=who.required))) for who in rule.identifiers
        ]

    def event(self, event: Event) -> Event:
        """The event as one of our type. Raises Refusal, which points into the event as it came."""
        data = event.get("data")
        if type(data) is not dict:
            raise refuse("/data", "mapping", "`data` is an object where a mapping is declared.")
        payload = data.get("body", data)
        try:
            fields = {name: take(payload, payload) for name, take in self._fields.items()}
            known = [(who, take(payload, payload)) for who, take in self._who]
            time = self._time(payload, payload) if self._time is not None else _NOTHING
        except Refusal as refusal:
            within = "/data/body" if "body" in data else "/data"
            fault = refusal.error
            raise refuse(within + fault.pointer, fault.code, fault.detail) from None
        mapped = self._around(data, payload, event["type"])
        mapped |= {name: value for name, value in fields.items() if value is not _NOTHING}
        found = [_identifier(who, value) for who, value in known if value not in (_NOTHING, None)]
        given = mapped.get("identifiers")
        mapped["identifiers"] = [*(given if type(given) is list else ()), *found]
        said = {} if time is _NOTHING else {"time": time}
        return event | said | {"type": self.type, "data": mapped}

    def _around(self, data: dict[str, Any], payload: Any, type_: str) -> dict[str, Any]:
        """What stays as it is: the payload whole, and whatever stands beside it."""
        beside = data if payload is not data else {n: data[n] for n in OURS if n in data}
        return {**beside, "body": payload, "mapped": {"type": type_, "version": self.version}}


def _identifier(who: Who, value: Any) -> dict[str, Any]:
    said = {"kind": who.kind, "value": value if type(value) is str else str(value)}
    return said if who.namespace is None else said | {"namespace": who.namespace}


def _takes(fields: Mapping[str, Field | Pointer]) -> dict[str, Take]:
    return {name: _take(Field(at=f) if isinstance(f, str) else f) for name, f in fields.items()}


def _take(field: Field) -> Take:
    if field.constant is not None:
        return lambda payload, item: field.constant
    return _each(field) if field.each is not None else _at(field)


def _at(field: Field) -> Take:
    assert field.at is not None
    pointer, shown = JsonPointer(field.at), field.at
    converted = _CONVERT[field.convert]
    currency = _currency(field.currency)

    def take(payload: Any, item: Any) -> Any:
        value = _resolved(pointer, item)
        if value is _NOTHING or value is None:
            if field.required:
                raise refuse(shown, "required", f"The mapping needs a value at {shown}.")
            return _NOTHING
        try:
            return converted(value, currency(payload))
        except (ValueError, ArithmeticError):
            raise refuse(shown, "mapping", f"{field.convert} cannot be made of this.") from None

    return take


def _each(field: Field) -> Take:
    assert field.each is not None
    assert field.fields is not None
    pointer, shown, takes = JsonPointer(field.each), field.each, _takes(field.fields)

    def take(payload: Any, item: Any) -> Any:
        items = _resolved(pointer, item)
        if items is _NOTHING or items is None:
            if field.required:
                raise refuse(shown, "required", f"The mapping needs a list at {shown}.")
            return _NOTHING
        if type(items) is not list or len(items) > MOST_ITEMS:
            raise refuse(shown, "type", f"This is a list of at most {MOST_ITEMS} items.")
        return [one(payload, each, place) for place, each in enumerate(items)]

    def one(payload: Any, each: Any, place: int) -> dict[str, Any]:
        try:
            found = {name: take(payload, each) for name, take in takes.items()}
        except Refusal as refusal:
            fault = refusal.error
            pointer = f"{shown}/{place}{fault.pointer}"
            raise refuse(pointer, fault.code, fault.detail) from None
        return {name: value for name, value in found.items() if value is not _NOTHING}

    return take


def _resolved(pointer: JsonPointer, item: Any) -> Any:
    try:
        return pointer.resolve(item, _NOTHING)
    except (JsonPointerException, TypeError):
        return _NOTHING  # it leads through what is no object and no list


def _currency(said: str | None) -> Callable[[Any], str]:
    if said is None or not said.startswith("/"):
        return lambda payload: said or ""
    pointer = JsonPointer(said)

    def found(payload: Any) -> str:
        value = _resolved(pointer, payload)
        if type(value) is not str:
            raise ValueError("no currency")
        return value.upper()

    return found


def _text(value: Any, currency: str) -> str:
    if type(value) not in (str, int, float):
        raise ValueError("not a text")
    return str(value)


def _number(value: Any, currency: str) -> int | float:
    if type(value) in (int, float):
        return value  # type: ignore[no-any-return]
    if type(value) is not str or len(value) > 30:
        raise ValueError("not a number")
    number = float(value)
    return int(number) if number.is_integer() and "." not in value else number


_CONVERT: dict[str, Callable[[Any, str], Any]] = {
    "as_is": lambda value, currency: value,
    "text": _text,
    "number": _number,
    "minor_units": minor_units,
}
