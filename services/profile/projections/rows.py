"""The rows that events come to, by table, and what is said in many of them."""

from collections import defaultdict

from shared.literals import Row
from shared.projection import Event

Rows = defaultdict[str, list[Row]]

Known = tuple[int, str]
"""An identifier of an event that stands for somebody: its rank and subject; sorts weakest first."""


def mention(rows: Rows, event: Event, kind: str, namespace: str, number: str) -> None:
    """Note that the event says something of a thing; an event does so once."""
    envelope = event.envelope
    rows["mentions"].append((kind, namespace, number, envelope.partitionkey, envelope.event))
