"""CloudEvents 1.0 over HTTP: structured, batched and binary, to events as our own dialect. Pure."""

import contextlib
import re
from typing import Any

from services.contact.attributes import MAX_TEXT, printable
from services.contact.dialect import Dialect, Names
from services.contact.faults import Refusal, refuse
from services.contact.intake import Sending
from services.contact.payload import Data, is_known, of_base64, of_bytes, of_json, of_nothing
from services.contact.reading import (
    MAX_EVENT,
    Event,
    is_array,
    read,
    read_array,
    read_value,
    split,
)

REQUIRED = ("specversion", "id", "source", "type")
HEADERS = frozenset(b"ce-" + name.encode() for name in REQUIRED)
"""The headers that say that a body is the data of a CloudEvent."""

_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_INTEGER = re.compile(r"-?[0-9]{1,10}")


def _structured(body: bytes, _: Names, __: Sending) -> Event:
    return _event(read(body))


def _batch(body: bytes, _: Names, __: Sending) -> list[Event | Refusal]:
    if not is_array(body):
        read(body)  # says so where it is not even JSON
        raise refuse("", "type", "A batch is a JSON array of events.")
    return [_event_or_refusal(item) for item in read_array(body)]


def _event_or_refusal(item: Event | Refusal) -> Event | Refusal:
    if isinstance(item, Refusal):
        return item
    try:
        return _event(item)
    except Refusal as refusal:
        id = item.get("id")
        refusal.id = id if type(id) is str else None
        return refusal


def _event(event: Event) -> Event:
    """The event with its payload in its place. Raises Refusal."""
    for name in REQUIRED:
        if event.get(name) is None:
            raise refuse(f"/{name}", "required", f"`{name}` must be there.")
    encoded = event.pop("data_base64", None)
    data, media = event.get("data"), event.get("datacontenttype")
    if encoded is not None:
        if data is not None:
            raise refuse("/data_base64", "combination", "Either `data` or `data_base64`.")
        return _with(event, of_base64(event["type"], encoded, _media(media)))
    if media is None and type(data) is dict and is_known(event["type"]):
        return event  # most are
    if "data" in event:
        return _with(event, of_json(event["type"], data, _media(media)))
    return _with(event, of_nothing(_media(media)))


def _media(media: Any) -> str | None:
    return None if media is None else printable("datacontenttype", media, MAX_TEXT)


def _with(event: Event, data: Data) -> Event:
    """The event with these data, where the content type of a foreign payload stands too."""
    if "content_type" in data:
        event.pop("datacontenttype", None)
    event["data"] = data
    return event


def _binary(body: bytes, names: Names, _: Sending) -> Event:
    event = {
        name[3:].decode("latin-1"): _text(name[3:], value)
        for name, value in names.items()
        if name.startswith(b"ce-")
    }
    for name in ("data", "datacontenttype"):
        if name in event:
            raise refuse(f"/{name}", "attribute", f"`ce-{name}` is no header of a CloudEvent.")
    version = event.get("dataversion")
    if version is not None and _INTEGER.fullmatch(version):
        event["dataversion"] = int(version)
    media = _media(names.get(b"content-type", b"").decode("latin-1") or None)
    event["datacontenttype"] = media
    if len(body) > MAX_EVENT:
        raise refuse("", "too_large", f"An event has at most {MAX_EVENT} bytes.", 413)
    return _with(event, _payload(event["type"], body, media))


def _payload(type_: Any, body: bytes, media: str | None) -> Data:
    """Without a content type it is JSON where it reads as JSON: so SDKs send their objects."""
    if not body:
        return of_nothing(media)
    if media is None:
        with contextlib.suppress(Refusal):
            return of_json(type_, read_value(body, "/data"), None)
    return of_bytes(type_, body, media)


def _text(name: bytes, value: bytes) -> Any:
    """The value in a header: what is quoted unquoted, then one round of percent-decoding."""
    value = value.strip()
    if len(value) > 1 and value[:1] == value[-1:] == b'"':
        value = _ESCAPED.sub(rb"\1", value[1:-1])
    try:
        return _ENCODED.sub(lambda match: bytes.fromhex(match[1].decode()), value).decode()
    except UnicodeDecodeError:
        pointer = f"/{name.decode('latin-1')}"
        raise refuse(pointer, "not_utf8", "This is not UTF-8.", 400) from None


STRUCTURED = Dialect(_structured, split)
BATCH = Dialect(_batch, split)
BINARY = Dialect(_binary, split)
