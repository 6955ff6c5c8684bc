"""Decided events as consumers read them from the log."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from shared.messages import Record, decode
from shared.projection import Event


def reader(events: Mapping[str, type[Any]]) -> Callable[[Record], Event]:
    """What decodes the records of a topic by their types: the body is the event, None where its
    type is unknown. The stream and its version stand in the envelope.

    Raises msgspec.MsgspecError for a record that is not of our making.
    """
    decoders = {name: msgspec.json.Decoder(kind) for name, kind in events.items()}

    def read(record: Record) -> Event:
        envelope = decode(record.value)
        decoder = decoders.get(envelope.type)
        return Event(record, envelope, decoder.decode(envelope.data) if decoder else None)

    return read
