"""Declarations as the log has them: every version of each, the latest of which stands. Pure."""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec

from shared.ids import event_id
from shared.messages import Record, decode

SOURCE = "/contact/declarations"
Kind = Literal["schema", "mapping"]
SCHEMA: Final = "schema"
MAPPING: Final = "mapping"
Name = tuple[str, str]
"""Kind of declaration, and the type of event that it is about."""

Document = dict[str, Any]


class Declared(msgspec.Struct, frozen=True):
    """schema.declared, mapping.declared: `document` is null where it is taken back.

    `expected` is the version that its author saw; where another came first, it does not count.
    """

    event_type: str
    expected: int
    document: Document | None = None


class Version(NamedTuple):
    """One version of a declaration; `document` is None where it was taken back."""

    number: int
    event: str  # id of the event that says so
    declared: str
    key: str
    actor: str
    document: Document | None


class Versions:
    """All versions, folded from the topic in the order of each partition."""

    def __init__(self) -> None:
        self._versions: dict[Name, list[Version]] = {}

    def fold(self, record: Record) -> None:
        """Take a record in. Raises msgspec.MsgspecError for one that is not of our making."""
        envelope = decode(record.value)
        kind, _, verb = envelope.type.partition(".")
        if verb != "declared" or kind not in (SCHEMA, MAPPING):
            return
        body = _body.decode(envelope.data)
        there = self._versions.setdefault((kind, body.event_type), [])
        if body.expected == len(there) and all(envelope.id != one.event for one in there):
            said = envelope.recordedtime, envelope.ingestkey, envelope.actor
            there.append(Version(len(there) + 1, envelope.id, *said, body.document))

    def of(self, kind: str, type_: str) -> list[Version]:
        """The versions of one, oldest first; empty where nothing was ever declared."""
        return self._versions.get((kind, type_), [])

    def standing(self, kind: str) -> Mapping[str, Version]:
        """What stands now, by type of event."""
        return {
            type_: versions[-1]
            for (each, type_), versions in self._versions.items()
            if each == kind and versions and versions[-1].document is not None
        }


class Author(NamedTuple):
    """Who declares, when, in which request."""

    key: str
    principal: str
    at: str
    traceparent: str | None


def partition_key(kind: str, type_: str) -> str:
    """All versions of one declaration are in one partition."""
    return event_id(SOURCE, f"{kind}\0{type_}")


def record_of(kind: str, declared: Declared, id: str, author: Author) -> bytes:
    """The record by which it is declared."""
    document: dict[str, object] = {
        "specversion": "1.0",
        "id": id,
        "source": SOURCE,
        "type": f"{kind}.declared",
        "time": author.at,
        "receivedtime": author.at,
        "recordedtime": author.at,
        "partitionkey": partition_key(kind, declared.event_type),
        "ingestkey": author.key,
        "actor": author.principal,
        "dataversion": 1,
        "data": {
            "channel": "desk",
            "direction": "internal",
            "identifiers": [],
            **msgspec.to_builtins(declared),
        },
    }
    if author.traceparent is not None:
        document["traceparent"] = author.traceparent
    return msgspec.json.encode(document)


_body = msgspec.json.Decoder(Declared)
