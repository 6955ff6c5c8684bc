"""From an event as it was sent to the record that goes into the log. Pure, and the hot way."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from services.contact.additions import COMPLETE
from services.contact.attributes import (
    MAX_ID,
    MAX_TEXT,
    extension_name,
    extension_value,
    id_of,
    is_json,
    printable,
    source_of,
    type_of,
    utc,
)
from services.contact.declared.rules import Rules
from services.contact.faults import Refusal, of_field, refuse
from services.contact.identifying import Resolver
from services.contact.reading import Event
from services.contact.types import CHANNEL_OF, CHANNELS, DIRECTION_OF, DIRECTIONS, NAMESPACED, TYPES
from shared.auth import PUBLIC, Key
from shared.ids import event_id
from shared.messages import Entry
from shared.telemetry import is_traceparent

IGNORED = frozenset(
    ("recordedtime", "receivedtime", "partitionkey", "ingestkey", "causationid", "actor")
)
"""Attributes that only we write; what a client sends under these names is left out."""


class Sending(NamedTuple):
    """What one request says of all its events."""

    key: Key
    received: str
    recorded: str
    traceparent: str
    vouched: frozenset[str] = frozenset()  # subjects that an identity token vouches for


class Admitted(Entry, frozen=True, gc=False):
    """An event that is let in: the entry for the log, its id, what it is partitioned by."""

    id: str
    partitionkey: str


class _Record(msgspec.Struct, omit_defaults=True, gc=False):
    id: str
    source: str
    type: str
    time: str
    receivedtime: str
    recordedtime: str
    partitionkey: str
    ingestkey: str
    actor: str
    traceparent: str
    dataversion: int
    data: dict[str, Any]
    correlationid: str | None = None


class _Type(msgspec.Struct, frozen=True, gc=False):
    """What the door knows of a type, in one place."""

    struct: type[msgspec.Struct] | None = None
    channel: str | None = None
    direction: str = "inbound"
    namespaced: bool = False
    complete: Callable[[dict[str, Any], Key, Resolver], None] | None = None


_TYPES = {
    type_: _Type(
        struct,
        CHANNEL_OF[type_],
        DIRECTION_OF.get(type_, "inbound"),
        type_ in NAMESPACED,
        COMPLETE.get(type_),
    )
    for type_, struct in TYPES.items()
}
_OTHER = _Type()
_SPECVERSIONS = (None, "1.0")
_FIRST = b'{"specversion":"1.0",'
_encode = msgspec.json.Encoder().encode


class Intake:
    """Lets events in; `secret` is the deployment's, which subjects are hashed with."""

    def __init__(self, secret: bytes, rules: Rules | None = None) -> None:
        self._resolver = Resolver(secret)
        self._rules = rules or Rules()

    def admit(self, event: Event, sending: Sending) -> Admitted:
        """The record of an event, which is taken apart. Raises Refusal."""
        id = id_of(event.pop("id", None))
        try:
            if self._rules.mappings:
                event = self._rules.mapped(event)
            record = self._record(id, event, sending)
            added = _attributes(event, record) if event else None
        except Refusal as refusal:
            refusal.id = id
            raise
        text = _encode(record)
        if added:
            text = text[:-1] + b"," + _encode(added)[1:]
        key = record.partitionkey
        return Admitted(key.encode(), _FIRST + text[1:], id, key)

    def subjects(self, given: Any, namespace: str) -> frozenset[str]:
        """The subjects of identifiers as they were given. Raises Refusal."""
        return self._resolver.subjects(given, namespace)

    def _record(self, id: str, event: Event, sending: Sending) -> _Record:
        key, take = sending.key, event.pop
        type_ = type_of(take("type", None))
        if key.types is not None and type_ not in key.types:
            raise refuse("/type", "not_allowed", f"The key {key.name} may not send {type_}.")
        source = source_of(key, take("source", None))
        if take("specversion", None) not in _SPECVERSIONS:
            raise refuse("/specversion", "value", "`specversion` is 1.0.")
        time = take("time", None)
        time = sending.received if time is None else utc(time)
        data = _object(take("data", None))
        if self._rules.checks:
            self._rules.check(type_, data)
        known = _TYPES.get(type_, _OTHER)
        partitionkey = self._envelope(known, data, sending)
        if known.struct is not None:
            self._check(known, data, key)
        return _Record(
            id,
            source,
            type_,
            time,
            sending.received,
            sending.recorded,
            partitionkey or event_id(source, id),
            key.name,
            key.principal,
            sending.traceparent,
            1,
            data,
        )

    def _envelope(self, known: _Type, data: dict[str, Any], sending: Sending) -> str | None:
        """Channel, direction and identifiers in their places; the subject it is partitioned by."""
        channel = data.get("channel")
        if channel is None:
            _default_channel(known, data)
        elif type(channel) is not str or channel not in CHANNELS:
            raise refuse("/data/channel", "value", f"`channel` is one of {_words(CHANNELS)}.")
        direction = data.get("direction")
        if direction is None:
            data["direction"] = known.direction
        elif type(direction) is not str or direction not in DIRECTIONS:
            raise refuse("/data/direction", "value", f"`direction` is one of {_words(DIRECTIONS)}.")
        data["identifiers"], partitionkey = self._identify(data.get("identifiers"), sending)
        return partitionkey

    def _identify(self, given: Any, sending: Sending) -> tuple[list[msgspec.Raw], str | None]:
        """The identifiers of an event, and the subject of the strongest that counts."""
        key, resolver = sending.key, self._resolver
        given = [] if given is None else given
        if PUBLIC in key.scopes:
            return resolver.identify_public(given, key.namespace, sending.vouched)
        return resolver.identify(given, key.namespace)

    def _check(self, known: _Type, data: dict[str, Any], key: Key) -> None:
        """The fields of a known type, and what the door adds to them."""
        try:
            msgspec.convert(data, known.struct)
        except msgspec.ValidationError as error:
            raise Refusal(of_field(error, "/data")) from None
        if known.namespaced and data.get("namespace") is None:
            data["namespace"] = key.namespace
        if known.complete is not None:
            known.complete(data, key, self._resolver)


def _default_channel(known: _Type, data: dict[str, Any]) -> None:
    if known.channel is not None:
        data["channel"] = known.channel
    else:
        data.pop("channel", None)


def _words(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _object(data: Any) -> dict[str, Any]:
    if data is None:
        return {}
    if type(data) is not dict:
        raise refuse("/data", "type", "`data` is an object.")
    return data


def _attributes(event: Event, record: _Record) -> dict[str, Any]:
    """Attributes beyond the usual ones: set in the record, or given back to stand beside it."""
    added = {}
    for name, value in event.items():
        if value is None or name in IGNORED:
            continue
        special = _SPECIAL.get(name)
        if special:
            special(record, value)
        else:
            added[extension_name(name)] = extension_value(name, value)
    media = added.get("datacontenttype")
    if type(media) is str and not is_json(media):
        record.data["content_type"] = added.pop("datacontenttype")  # the record itself is JSON
    return added


def _subject(record: _Record, value: Any) -> None:
    record.data["producer_subject"] = printable("subject", value, MAX_TEXT)


def _correlation(record: _Record, value: Any) -> None:
    record.correlationid = printable("correlationid", value, MAX_ID)


def _traceparent(record: _Record, value: Any) -> None:
    if type(value) is not str or not is_traceparent(value):
        raise refuse("/traceparent", "pattern", "`traceparent` is not as W3C Trace Context has it.")
    record.traceparent = value


def _dataversion(record: _Record, value: Any) -> None:
    known = record.type in TYPES
    if type(value) is not int or not 1 <= value < 2**31 or (known and value != 1):
        raise refuse("/dataversion", "value", "`dataversion` is a version of this type there is.")
    record.dataversion = value


_SPECIAL: dict[str, Callable[[_Record, Any], None]] = {
    "subject": _subject,
    "correlationid": _correlation,
    "traceparent": _traceparent,
    "dataversion": _dataversion,
}
