"""What contact reads of the log: a tolerant reader, only the fields it folds."""

from typing import Any
from uuid import UUID

import msgspec

from shared.messages import Record, decode
from shared.projection import Event

_NONE = msgspec.Raw(b"")


class Interaction(msgspec.Struct, frozen=True, gc=False):
    """Any interaction: where it happened, and, undecoded, what may hold words."""

    channel: str = "unknown"
    direction: str = "inbound"
    subject: msgspec.Raw = _NONE
    title: msgspec.Raw = _NONE
    name: msgspec.Raw = _NONE
    text: msgspec.Raw = _NONE
    body: msgspec.Raw = _NONE
    comment: msgspec.Raw = _NONE
    query: msgspec.Raw = _NONE
    about: msgspec.Raw = _NONE
    reason: msgspec.Raw = _NONE
    note: msgspec.Raw = _NONE
    description: msgspec.Raw = _NONE
    summary: msgspec.Raw = _NONE
    event: msgspec.Raw = _NONE
    fields: msgspec.Raw = _NONE
    transcript: msgspec.Raw = _NONE
    messages: msgspec.Raw = _NONE


class Reason(msgspec.Struct, frozen=True):
    """Why an event was refused."""

    pointer: str
    code: str
    detail: str


class Refused(msgspec.Struct, frozen=True):
    """event.refused: what came, exactly, in base64."""

    bytes: str
    size: int
    reasons: list[Reason]
    content_type: str = ""
    path: str = "/v1/events"
    event_source: str = ""
    event_type: str = ""
    headers: dict[str, str] = {}
    around: list[str] = []
    vouched: list[str] = []


class Driven(msgspec.Struct, frozen=True):
    """event.driven: a refused item was let in, as these events."""

    refused: UUID
    events: list[dict[str, str]]


class Discarded(msgspec.Struct, frozen=True):
    """event.discarded: a refused item was given up."""

    refused: UUID
    reason: str
    detail: str = ""


class RefusedAgain(msgspec.Struct, frozen=True):
    """drive.refused: a refused item went through the door again, and is refused for these."""

    refused: UUID
    reasons: list[Reason]


class Belongs(msgspec.Struct, frozen=True):
    """belongs: the customer of a subject, by revision."""

    subject: UUID
    customer: UUID
    revision: int


_interaction = msgspec.json.Decoder(Interaction)
_of_quarantine: dict[str, msgspec.json.Decoder[Any]] = {
    "event.refused": msgspec.json.Decoder(Refused),
    "event.driven": msgspec.json.Decoder(Driven),
    "event.discarded": msgspec.json.Decoder(Discarded),
    "drive.refused": msgspec.json.Decoder(RefusedAgain),
}
_belongs = msgspec.json.Decoder(Belongs)


def interaction(record: Record) -> Event:
    """A record of `interactions`. Raises msgspec.MsgspecError for one that is not of our making."""
    envelope = decode(record.value)
    return Event(record, envelope, _interaction.decode(envelope.data))


def quarantined(record: Record) -> Event:
    """A record of `quarantine`; of types that are not known here nothing is read."""
    envelope = decode(record.value)
    decoder = _of_quarantine.get(envelope.type)
    return Event(record, envelope, decoder and decoder.decode(envelope.data))


def belongs(record: Record) -> Event:
    """A record of `customers`; of other types than belongs nothing is read."""
    envelope = decode(record.value)
    body = _belongs.decode(envelope.data) if envelope.type == "belongs" else None
    return Event(record, envelope, body)
