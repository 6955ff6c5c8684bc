"""Event rows (the memory of what was seen), the identifiers in them, and the counts."""

from services.profile import tables
from services.profile.inbound import Body
from services.profile.projections.rows import Known, Rows
from shared.identifiers import RANK
from shared.literals import Row
from shared.merging import Merge, greatest, least, summed
from shared.projection import Event

IDENTIFIERS = Merge(tables.identifiers)
COUNTS = Merge(
    tables.counts,
    summed("n"),
    least("first"),
    greatest("last"),
    source="SELECT subject, channel, type, 1 AS n, time AS first, time AS last FROM {s}.events",
)


def event_row(event: Event, body: Body) -> Row:
    """The row of `events` for an interaction."""
    envelope = event.envelope
    return (
        envelope.partitionkey,
        envelope.event,
        envelope.happened,
        envelope.recordedtime,
        envelope.type,
        body.channel,
        body.direction,
        envelope.source,
        envelope.id,
        envelope.ingestkey,
        event.record.place.position(),
        str(envelope.data, "utf-8"),
    )


def count(rows: Rows, event: Event, body: Body) -> list[Known]:
    """Count the event under its subject; the identifiers in it that stand for somebody."""
    envelope, happened = event.envelope, event.envelope.happened
    rows["counts"].append(
        (envelope.partitionkey, body.channel, envelope.type, 1, happened, happened)
    )
    known = []
    for identifier in body.identifiers:
        subject = identifier.subject
        if subject is not None and not identifier.claim:
            known.append((RANK[identifier.kind], subject))
            rows["identifiers"].append(
                (subject, identifier.kind, identifier.namespace, identifier.value)
            )
    return known
