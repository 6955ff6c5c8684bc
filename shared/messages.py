"""The record in the log: one CloudEvent, its place, its stamp."""

from typing import Annotated, NamedTuple

import msgspec

from shared.ids import event_id

CONTENT_TYPE = "application/cloudevents+json"

Time = Annotated[str, msgspec.Meta(min_length=27, max_length=27)]
"""A moment as `shared.clock.rfc3339` writes it."""


class Place(NamedTuple):
    """Where a record stands: topic with generation (`interactions.1`), partition, offset."""

    topic: str
    partition: int
    offset: int

    def position(self) -> str:
        """The place as the opaque text that the API hands out."""
        return "%s/%d/%d" % self  # noqa: UP031  (the fastest way)


def parse_position(position: str) -> Place:
    """The place behind a position. Raises ValueError for what `Place.position` did not make."""
    topic, partition, offset = position.split("/")
    place = Place(topic, int(partition), int(offset))
    if place.position() != position or place.partition < 0 or place.offset < 0:
        raise ValueError(position)
    return place


class Record(NamedTuple):
    """What the log hands out: a place and the bytes there, undecoded."""

    place: Place
    key: bytes | None
    value: bytes


class Entry(msgspec.Struct, frozen=True, gc=False):
    """What is appended: the record's key (the partition key as text) and its bytes."""

    key: bytes
    value: bytes


class Identifier(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An identifier in a record: normalised; without a subject it identifies nobody."""

    kind: str
    value: str
    namespace: str = ""
    subject: str | None = None
    claim: bool = False


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """The CloudEvent attributes of a record that folds read; `data` stays raw until a fold asks.

    Times are text as `shared.clock.rfc3339` writes it: 27 characters, text order is time order.
    """

    id: str
    source: str
    type: str
    time: Time
    recordedtime: Time
    partitionkey: str
    data: msgspec.Raw
    receivedtime: str | None = None
    ingestkey: str = ""
    actor: str = ""
    dataversion: int = 1
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None
    stream: str | None = None  # of a decided event: its stream,
    streamversion: int = 0  # its place in it,
    sequence: str = ""  # and its place in the table of events

    @property
    def event(self) -> str:
        """The 128-bit name of the event within its subject, as UUID text."""
        return event_id(self.source, self.id)

    @property
    def happened(self) -> str:
        """When it happened, but never later than when it was recorded."""
        return self.time if self.time < self.recordedtime else self.recordedtime

    @property
    def stamp(self) -> str:
        """The total order (min(time, recordedtime), recordedtime, source, id, subject), as text."""
        return self.happened + self.recorded_stamp

    @property
    def recorded_stamp(self) -> str:
        """The order in which events reached us: (recordedtime, source, id, subject), as text.

        With the subject, no two events are equal: one name under two subjects is two events.
        """
        return f"{self.recordedtime}{self.source}\x1f{self.id}\x1f{self.partitionkey}"


_envelope = msgspec.json.Decoder(Envelope)


def decode(value: bytes) -> Envelope:
    """The envelope in a record's bytes.

    Raises msgspec.MsgspecError, UnicodeDecodeError or RecursionError.
    """
    return _envelope.decode(value)
