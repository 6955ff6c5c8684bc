"""The payload of a CloudEvent: our envelope where it is one, else kept whole beside its type. Pure.

A foreign payload stands in `data` under `body` - a JSON value, or text - or under `body_base64`,
with its `content_type` where the producer named one.
"""

import base64
import binascii
import re
from functools import lru_cache
from typing import Any

from services.contact.attributes import is_json
from services.contact.faults import refuse
from services.contact.reading import read_value
from services.contact.types import CHANNELS, DIRECTIONS, TYPES

Data = dict[str, Any]

_TEXT = re.compile(
    r"text/[^/;]+|[^/;]+/(?:[^/;]+\+)?(?:xml|yaml|csv)"
    r"|application/(?:javascript|x-www-form-urlencoded)",
    re.IGNORECASE,
)
_UTF8 = frozenset(("", "utf-8", "utf8", "us-ascii"))
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^";\s]*)', re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_TAKEN = frozenset(("body", "body_base64", "content_type", "producer_subject"))
"""Names in `data` that say something of a foreign payload."""


@lru_cache(256)
def _is_text(media: str) -> bool:
    """Whether a content type says text in UTF-8."""
    charset = _CHARSET.search(media)
    known = charset is None or charset[1].lower() in _UTF8
    return known and _TEXT.fullmatch(media.partition(";")[0].strip()) is not None


def is_known(type_: Any) -> bool:
    """Whether a type is one of ours, whose data are our envelope."""
    return type(type_) is str and type_ in TYPES


def of_nothing(media: str | None) -> Data:
    """The data of an event without a payload."""
    return {} if media is None or is_json(media) else {"content_type": media}


def of_json(type_: Any, value: Any, media: str | None) -> Data:
    """The data of an event whose payload is a JSON value."""
    if (media is None or is_json(media)) and _is_ours(type_, value):
        return value if value is not None else {}
    return _whole("body", value, media)


def of_base64(type_: Any, encoded: Any, media: str | None) -> Data:
    """The data of an event whose payload is bytes in base64. Raises Refusal."""
    if type(encoded) is not str:
        raise refuse("/data_base64", "type", "`data_base64` is a text.")
    try:
        raw = binascii.a2b_base64(encoded.encode(), strict_mode=True)
    except (binascii.Error, ValueError):
        raise refuse("/data_base64", "base64", "`data_base64` is not Base64.") from None
    return of_bytes(type_, raw, media)


def of_bytes(type_: Any, raw: bytes, media: str | None) -> Data:
    """The data of an event whose payload is these bytes. Raises Refusal for broken JSON."""
    if media is not None and is_json(media):
        return of_json(type_, read_value(raw, "/data"), media) if raw else {}
    if media is not None and _is_text(media) and not _CONTROL.search(raw):
        try:
            return _whole("body", raw.decode(), media)
        except UnicodeDecodeError:
            pass  # not what it says it is: kept as bytes
    return _whole("body_base64", base64.b64encode(raw).decode(), media)


def _whole(name: str, value: Any, media: str | None) -> Data:
    data = {name: value}
    if media is not None:
        data["content_type"] = media
    return data


def _is_ours(type_: Any, value: Any) -> bool:
    """Whether a payload is the envelope: always of a known type, else where it reads as one."""
    if is_known(type_):
        return value is None or type(value) is dict
    return (
        type(value) is dict
        and _TAKEN.isdisjoint(value)
        and _is_one_of(value.get("channel"), CHANNELS)
        and _is_one_of(value.get("direction"), DIRECTIONS)
        and _are_identifiers(value.get("identifiers"))
    )


def _is_one_of(word: Any, words: frozenset[str]) -> bool:
    return word is None or (type(word) is str and word in words)


def _are_identifiers(found: Any) -> bool:
    if found is None:
        return True
    return type(found) is list and all(
        type(one) is dict and "kind" in one and "value" in one for one in found
    )
