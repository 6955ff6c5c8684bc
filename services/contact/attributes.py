"""The attributes of an event: what each must look like."""

import re
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from services.contact.faults import Refusal, escape, refuse
from services.contact.types import TYPES
from shared.auth import Key
from shared.clock import rfc3339
from shared.ids import uuid7

MAX_ID = 256
MAX_TYPE = 128
MAX_NAME = 20
MAX_TEXT = 4096
"""Characters of a text attribute that a producer adds."""


def id_of(id: Any) -> str:
    """The id of an event; a new one where it has none. Raises Refusal, as all here."""
    if id is None:
        return str(uuid7())
    return printable("id", id, MAX_ID)


def type_of(type_: Any) -> str:
    """A type: one we know, or any text that can be printed."""
    if type(type_) is str and type_ in TYPES:
        return type_
    if type_ is None:
        raise refuse("/type", "required", "`type` must be there.")
    return printable("type", type_, MAX_TYPE)


def printable(name: str, text: Any, longest: int) -> str:
    """A text attribute without control characters."""
    if type(text) is not str:
        raise refuse(f"/{name}", "type", f"`{name}` is a text.")
    if not 0 < len(text) <= longest:
        raise refuse(f"/{name}", "length", f"`{name}` has 1 to {longest} characters.")
    if not text.isprintable() and has_control(text):
        raise refuse(f"/{name}", "pattern", f"`{name}` has no control characters.")
    return text


def has_control(text: str) -> bool:
    """Whether a text has a control character or breaks a line."""
    return any(c < " " or "\x7f" <= c < "\xa0" or c in "\u2028\u2029" for c in text)


def source_of(key: Key, source: Any) -> str:
    """A source that this key may send; the key's own where the event names none."""
    if source is None:
        return key.source_prefix or f"/keys/{key.name}"
    if type(source) is str and _is_reference(source):
        prefix = key.source_prefix
        if not prefix or is_within(source, prefix):
            return source
    printable("source", source, MAX_ID)
    if not _is_reference(source):
        raise refuse("/source", "pattern", "`source` is a URI reference: no blanks, no quotes.")
    raise refuse(
        "/source", "prefix", f"A source sent with this key begins with {key.source_prefix}."
    )


def own_source(key: Key, name: str) -> str:
    """The source of what an adapter reads with a key, so that ids are its own."""
    return f"{key.source_prefix.removesuffix('/') or f'/keys/{key.name}'}/{name}"


def is_within(source: str, prefix: str) -> bool:
    """Whether a source begins with a prefix and goes on with a part of its own, if at all.

    `/keys/shop` and `/keys/shop/1` begin with `/keys/shop`; `/keys/shop2` is another key's.
    """
    if not prefix or source == prefix:
        return True
    return source.startswith(prefix) and (
        prefix[-1] in _BETWEEN_PARTS or source[len(prefix)] in _BETWEEN_PARTS
    )


_BETWEEN_PARTS = frozenset("/:#?")


@lru_cache(4096)
def _is_reference(source: str) -> bool:
    return (
        0 < len(source) <= MAX_ID and source.isprintable() and not _NOT_IN_URI.intersection(source)
    )


_NOT_IN_URI = frozenset(' <>"{}|\\^`')


class Spelled(str):
    """A moment that a dialect has spelled as the log does; JSON never holds one."""

    __slots__ = ()


def utc(text: Any) -> str:
    """A moment, RFC 3339 with its offset, in our one spelling: UTC, 27 characters."""
    if type(text) is Spelled:
        return str(text)
    try:
        moment = msgspec.convert(text, datetime) if type(text) is str else None
        if moment is None or moment.tzinfo is None:
            raise _not_a_moment()
        if text[-1] == "Z" and text[10] == "T" and len(text) in _UTC_ENDS:
            return str(text[:-1] + _UTC_ENDS[len(text)])
        return rfc3339(moment)
    except (msgspec.ValidationError, OverflowError):
        raise _not_a_moment() from None


_UTC_ENDS = {20: ".000000Z", 24: "000Z", 27: "Z"}


def _not_a_moment() -> Refusal:
    return refuse("/time", "time", "`time` is RFC 3339 with its offset: 2026-01-31T12:00:00Z.")


def extension_name(name: str) -> str:
    """The name of an attribute that the producer adds."""
    if not _NAME.fullmatch(name):
        raise refuse(
            f"/{escape(name)}",
            "attribute",
            f"An attribute's name is 1 to {MAX_NAME} of a-z and 0-9; all else stands in `data`.",
        )
    return name


_NAME = re.compile(rf"[a-z0-9]{{1,{MAX_NAME}}}")


@lru_cache(256)
def is_json(media: str) -> bool:
    """Whether a content type says JSON: */json or */*+json."""
    return _JSON.fullmatch(media.partition(";")[0].strip()) is not None


_JSON = re.compile(r"[^/;]+/(?:[^/;]+\+)?json", re.IGNORECASE)
_TEXTS = frozenset(("datacontenttype", "dataschema"))
"""Attributes that CloudEvents has as texts that are not empty."""


def extension_value(name: str, value: Any) -> str | int | bool:
    """The value of an attribute that the producer adds."""
    if name in _TEXTS:
        return printable(name, value, MAX_TEXT)
    if type(value) is str and len(value) <= MAX_TEXT:
        return value
    if type(value) is bool or (type(value) is int and -(2**31) <= value < 2**31):
        return value
    raise refuse(
        f"/{escape(name)}",
        "attribute",
        f"An attribute is a text of at most {MAX_TEXT} characters, a truth value or a 32-bit "
        "integer; all else stands in `data`.",
    )
