"""What contact reads of the log: a tolerant reader, only the fields it folds."""

from uuid import UUID

import msgspec

from shared.messages import Record, decode
from shared.projection import Event


class Interaction(msgspec.Struct, frozen=True, gc=False):
    """Any interaction: where it happened."""

    channel: str = "unknown"
    direction: str = "inbound"


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


class Belongs(msgspec.Struct, frozen=True):
    """belongs: the customer of a subject, by revision."""

    subject: UUID
    customer: UUID
    revision: int


_interaction = msgspec.json.Decoder(Interaction)
_refused = msgspec.json.Decoder(Refused)
_belongs = msgspec.json.Decoder(Belongs)


def interaction(record: Record) -> Event:
    """A record of `interactions`. Raises msgspec.MsgspecError for one that is not of our making."""
    envelope = decode(record.value)
    return Event(record, envelope, _interaction.decode(envelope.data))


def refused(record: Record) -> Event:
    """A record of `quarantine`; of other types than event.refused nothing is read."""
    envelope = decode(record.value)
    body = _refused.decode(envelope.data) if envelope.type == "event.refused" else None
    return Event(record, envelope, body)


def belongs(record: Record) -> Event:
    """A record of `customers`; of other types than belongs nothing is read."""
    envelope = decode(record.value)
    body = _belongs.decode(envelope.data) if envelope.type == "belongs" else None
    return Event(record, envelope, body)
