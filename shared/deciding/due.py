"""The table of due moments in a view: folded from facts that schedule, fire and cancel them."""

from sqlalchemy import Column, Index, Integer, MetaData, Table, Text, Uuid

from shared.columns import When, key
from shared.ids import event_id
from shared.literals import Row
from shared.merging import Merge, latest
from shared.projection import Event


def due_table(metadata: MetaData, name: str = "due") -> Table:
    """A row for each moment that a stream gave a name: as its latest event says.

    One that fired or was cancelled has no `due`. Scheduled again it is another moment, also where
    `due` is the same: that it came is told once more.
    """
    table = Table(
        name,
        metadata,
        key("stream", Uuid),
        key("name"),
        Column("version", Integer, nullable=False),
        Column("due", When),
        Column("moment", Uuid),  # stands for it in the inbox: each time that it is scheduled
        Column("cause", Uuid),  # the event that scheduled it
        Column("correlation", Text),
    )
    Index(f"{name}_due", table.c.due, postgresql_where=table.c.due.is_not(None))
    return table


def merged(table: Table) -> Merge:
    """How its rows become one: the latest version of the stream stands."""
    return Merge(table, latest("version", "due", "moment", "cause", "correlation"))


def scheduled(event: Event, name: str, due: str) -> Row:
    """The row of a decided event that schedules a moment, or moves it; `due` as RFC 3339."""
    envelope = event.envelope
    stream = envelope.stream or ""
    moment = event_id(stream, f"{name}\0{due}\0{envelope.streamversion}")
    correlation = envelope.correlationid
    return stream, name, envelope.streamversion, due, moment, envelope.event, correlation


def settled(event: Event, name: str) -> Row:
    """The row of a decided event after which nobody waits for a moment: it came, or is off."""
    envelope = event.envelope
    return envelope.stream or "", name, envelope.streamversion, None, None, None, None
