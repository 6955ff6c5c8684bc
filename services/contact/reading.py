"""From the bytes of a body to events, and back to the exact bytes of each."""

import re
from typing import Any

import msgspec

from services.contact.faults import MAX_DEPTH, Refusal, nul, of_bytes, refuse, too_deep

MAX_EVENT = 256 * 1024
MAX_BODY = 5 * 1024 * 1024
MAX_EVENTS = 1000

Event = dict[str, Any]

_MANY = 200_000
_MOST_BRACKETS = 500_000
_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


_SHALLOW = 6
"""The depth that is checked while decoding; a type for more would double with each step."""


def _within(depth: int) -> Any:
    """JSON values of at most `depth` objects and arrays in each other: checked while decoding."""
    shape: Any = str | int | float | bool | None
    for _ in range(depth):
        shape = str | int | float | bool | list[shape] | dict[str, shape] | None
    return shape


_shape: Any = dict.__class_getitem__((str, _within(_SHALLOW - 1)))
SHALLOW: Any = list.__class_getitem__(_shape)
"""The type of events that are no deeper than most: what decodes as such is right but for NUL."""

_event = msgspec.json.Decoder(_shape)
_events = msgspec.json.Decoder(SHALLOW)
_value = msgspec.json.Decoder(_within(_SHALLOW))
_pieces = msgspec.json.Decoder(list[msgspec.Raw])


def is_array(body: bytes) -> bool:
    """Whether a body holds an array of events rather than one."""
    return body[:64].lstrip()[:1] == b"[" or body.lstrip()[:1] == b"["


def read(raw: bytes) -> Event:
    """The event in these bytes. Raises Refusal."""
    if len(raw) > MAX_EVENT:
        raise refuse("", "too_large", f"An event has at most {MAX_EVENT} bytes.", 413)
    try:
        event: Event = _event.decode(raw)
    except _ERRORS as error:
        event = _deeper(raw, of_bytes(raw, error), Event, MAX_DEPTH)
    if may_have_nul(raw):
        _without_nul(event)
    return event


def read_value(raw: bytes, within: str) -> Any:
    """The JSON value in these bytes; `within` points to where it stands. Raises Refusal."""
    try:
        try:
            value = _value.decode(raw)
        except _ERRORS as error:
            value = _deeper(raw, of_bytes(raw, error), Any, MAX_DEPTH - within.count("/"))
        if may_have_nul(raw):
            _without_nul(value)
    except Refusal as refusal:
        found = refusal.error
        raise refuse(within + found.pointer, found.code, found.detail, refusal.status) from None
    return value


def _deeper(raw: bytes, refusal: Refusal, kind: Any, depth: int) -> Any:
    """The value, where it is only deeper than most; else raises the refusal."""
    if refusal.error.code == too_deep().error.code:
        try:
            value = msgspec.json.decode(raw, type=kind)
        except _ERRORS as error:
            raise of_bytes(raw, error) from None
        if not _exceeds(value, depth):
            return value
    raise refusal from None


def _exceeds(value: Any, depth: int) -> bool:
    """Whether more than `depth` objects and arrays stand in each other."""
    level = [value]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in (dict, list)
        ]
    return bool(level)


def read_array(body: bytes) -> list[Event | Refusal]:
    """The events of an array, and why the others are none. Raises Refusal for what is no array."""
    if len(body) <= MAX_EVENT and not may_have_nul(body):
        try:
            return _counted(_events.decode(body))
        except _ERRORS:
            pass  # one of them is bad: read each alone
    return [_read_or_refuse(raw) for raw in _counted(split(body))]


def _counted(items: list[Any]) -> list[Any]:
    if len(items) > MAX_EVENTS:
        raise refuse("", "too_many", f"An array has at most {MAX_EVENTS} events.", 413)
    return items


def _read_or_refuse(raw: bytes) -> Event | Refusal:
    try:
        return read(raw)
    except Refusal as refusal:
        return refusal


def may_have_nul(raw: bytes) -> bool:
    """Whether a U+0000 may stand in it, which is looked for where it may."""
    return b"\\" in raw and b"\\u0000" in raw  # most have no backslash: that is found at once


def _without_nul(value: Any) -> None:
    error = nul(value)
    if error:
        raise Refusal(error)


def split(body: bytes) -> list[bytes]:
    """The exact bytes of each item of an array, bad ones included. Raises Refusal for no array."""
    if body.count(b",") < _MANY:
        try:
            return [bytes(raw) for raw in _pieces.decode(body)]
        except _ERRORS:
            pass  # not JSON as it stands: the brackets still say where items end
    items = _split_by_brackets(body)
    if items is None:
        raise refuse("", "not_json", "This is not a JSON array: it does not end.", 400)
    return items


_STRING = rb'"(?:[^"\\]|\\.)*+"'
_NEXT_COMMA = re.compile(rb'(?:[^"\[\]{},]|' + _STRING + rb")*+([\[\]{},])", re.DOTALL)
_NEXT_BRACKET = re.compile(rb'(?:[^"\[\]{}]|' + _STRING + rb")*+([\[\]{}])", re.DOTALL)


def _split_by_brackets(body: bytes) -> list[bytes] | None:
    """Items by matching brackets outside strings; None where they do not match. Bounded."""
    items: list[bytes] = []
    start = at = body.index(b"[") + 1
    depth, brackets = 1, 0
    while depth and brackets < _MOST_BRACKETS and len(items) <= MAX_EVENTS:
        match = (_NEXT_COMMA if depth == 1 else _NEXT_BRACKET).match(body, at)
        if match is None:
            return None
        at, sign = match.end(), match[1]
        brackets += 1
        depth += _STEP[sign]
        if depth == 0 or sign == b",":
            items.append(body[start : at - 1].strip())
            start = at
    if depth == 0 and body[at:].strip():
        return None
    return items if depth == 0 or len(items) > MAX_EVENTS else None


_STEP = {b"[": 1, b"{": 1, b"]": -1, b"}": -1, b",": 0}
