"""Decided events as consumers read them from the log."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from shared.decider import Decider
from shared.messages import Record, decode
from shared.projection import Event


def reader(deciders: Iterable[Decider[Any, Any, Any]]) -> Callable[[Record], Event]:
    """What decodes the records of a topic: the body is the event, None where its type is unknown.

    Raises msgspec.MsgspecError for a record that is not of our making.
    """
    decoders = {
        name: msgspec.json.Decoder(kind)
        for decider in deciders
        for name, kind in decider.events.items()
    }

    def read(record: Record) -> Event:
        envelope = decode(record.value)
        decoder = decoders.get(envelope.type)
        return Event(record, envelope, decoder.decode(envelope.data) if decoder else None)

    return read
