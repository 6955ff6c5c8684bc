"""The record of what was refused at the door: exact bytes, who sent it how, why. Pure."""

import re
from binascii import b2a_base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from services.contact.attributes import MAX_ID, MAX_TYPE
from services.contact.intake import Admitted, Sending
from shared.auth import Key
from shared.errors import FieldError
from shared.ids import uuid7

SOURCE = "/contact/door"
TYPE = "event.refused"
MAX_CONTENT_TYPE = 256
MAX_HEADERS = 64
MAX_HEADER = 4096
EVENTS = "/v1/events"

_SECRET = re.compile(rb"rk_[A-Za-z0-9_-]{43}")
_BLANK = b"rk_" + b"*" * 43


class Way(NamedTuple):
    """Where a body was sent to, what stood before and after the item in it, and its source where
    the dialect says it rather than the item."""

    path: str = EVENTS
    around: tuple[bytes, bytes] | None = None
    source: str | None = None


class _Said(msgspec.Struct):
    source: Any = None
    type: Any = None


_said = msgspec.json.Decoder(_Said)
_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_WHOLE = Way()
_MATTER = (b"ce-", b"content-encoding", b"envelope-")


class Keeping:
    """Keeps what is refused of one request: what all its items share is worked out once."""

    def __init__(
        self,
        content_type: str,
        headers: Mapping[str, str],
        sending: Sending,
        way: Way = _WHOLE,
    ) -> None:
        self._headers = headers
        self._key = sending.key
        self._source = way.source
        shared = {
            "specversion": "1.0",
            "source": SOURCE,
            "type": TYPE,
            "time": sending.received,
            "receivedtime": sending.received,
            "recordedtime": sending.recorded,
            "ingestkey": sending.key.name,
            "actor": sending.key.principal,
            "traceparent": sending.traceparent,
            "dataversion": 1,
        }
        data = {
            "direction": "internal",
            "identifiers": [],
            "content_type": content_type[:MAX_CONTENT_TYPE],
            "path": way.path,
            **({"headers": headers} if headers else {}),
            **({"around": _around(way.around)} if way.around else {}),
            **({"vouched": sorted(sending.vouched)} if sending.vouched else {}),
        }
        self._head = _encode(shared)[:-1]
        self._data = _encode(data)[1:]
        self._ids = _numbered()

    def keep(self, raw: bytes, reasons: Sequence[FieldError]) -> Admitted:
        """The record for the topic `quarantine`; its partition key follows from its own id.

        The bytes are exactly those that came, but for the secrets of keys, which are blanked. With
        them stands all that is needed to send them through the same door again.
        """
        id, partitionkey = next(self._ids)
        source, type_ = _claimed(raw, self._headers, self._key, self._source)
        value = b'%b,"id":"%b","partitionkey":"%b","data":{"bytes":"%b","size":%d,%b,%b}' % (
            *(self._head, id.encode(), partitionkey.encode()),
            *(b2a_base64(without_secrets(raw), newline=False), len(raw)),
            _encode(_Own(reasons, source, type_))[1:-1],
            self._data,
        )
        return Admitted(partitionkey.encode(), value, id, partitionkey)


class _Own(msgspec.Struct, gc=False):
    reasons: Sequence[FieldError]
    event_source: str
    event_type: str


_encode = msgspec.json.Encoder().encode


def keeping(names: Mapping[bytes, bytes], sending: Sending, way: Way = _WHOLE) -> Keeping:
    """For what came under these headers, of which those are kept that matter."""
    content_type = names.get(b"content-type", b"").decode("latin-1")
    matter = [name for name in names if name.startswith(_MATTER)]
    headers = {
        name.decode("latin-1"): names[name].decode("latin-1")[:MAX_HEADER]
        for name in matter[:MAX_HEADERS]
    }
    return Keeping(content_type, headers, sending, way)


def of_request(
    raw: bytes,
    names: Mapping[bytes, bytes],
    sending: Sending,
    reasons: Sequence[FieldError],
    way: Way = _WHOLE,
) -> Admitted:
    """The record of bytes that came under these headers."""
    return keeping(names, sending, way).keep(raw, reasons)


def record(
    raw: bytes,
    content_type: str,
    sending: Sending,
    reasons: Sequence[FieldError],
    headers: Mapping[str, str] | None = None,
    way: Way = _WHOLE,
) -> Admitted:
    """The record of bytes that came as this content type."""
    return Keeping(content_type, headers or {}, sending, way).keep(raw, reasons)


def partition_key(id: str) -> str:
    """What a refused item, and all that becomes of it, is partitioned by: its id, ended otherwise.

    The end, which the partition is taken from, is of the moment in the id: what is refused within
    a quarter of a second stands in one partition, so that it waits for one append rather than for
    one in each.
    """
    return id[:28] + _end(id)


def _end(id: str) -> str:
    return f"{int(id[:8] + id[9:13], 16) >> 8 & 0xFFFF_FFFF:08x}"


def _numbered() -> Iterator[tuple[str, str]]:
    """Ids, version 7 of RFC 9562, that only a number tells apart; with their partition keys."""
    while True:
        shared = str(uuid7())
        before, after, key = shared[:15], shared[18:], shared[18:28] + _end(shared)
        for number in _NUMBERS:
            start = before + number
            yield start + after, start + key


_NUMBERS = [f"{number:03x}" for number in range(4096)]


def without_secrets(raw: bytes) -> bytes:
    """The bytes with the secrets of keys blanked, and as long as they were."""
    return _SECRET.sub(_BLANK, raw) if b"rk_" in raw else raw


def _around(around: tuple[bytes, bytes]) -> list[str]:
    return [without_secrets(part).decode() for part in around]


def _claimed(
    raw: bytes, headers: Mapping[str, str], key: Key, source: str | None
) -> tuple[str, str]:
    """The source and the type that the bytes name, as far as they can be read; else the key's."""
    if source is not None:
        return source, ""
    if "ce-source" in headers:
        found, type_ = headers["ce-source"], headers.get("ce-type")
    else:
        found, type_ = _read(raw)
    own = key.source_prefix or f"/keys/{key.name}"
    return _line(found, MAX_ID) or own, _line(type_, MAX_TYPE)


def _read(raw: bytes) -> tuple[Any, Any]:
    try:
        found = _said.decode(raw)
    except _ERRORS:
        return None, None
    return found.source, found.type


def _line(text: Any, longest: int) -> str:
    return text if type(text) is str and len(text) <= longest and text.isprintable() else ""
