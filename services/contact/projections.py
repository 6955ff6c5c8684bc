"""The history: the rows that events come to, and how the rows of each table merge."""

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Sequence

import msgspec
from prometheus_client import Counter

from services.contact import tables
from services.contact.inbound import Belongs, Interaction, Refused
from shared.database import Connection, in_schema
from shared.literals import Row
from shared.merging import Merge, Rows, latest, summed
from shared.projection import Event, Projection

_conflicts = Counter(
    "rapport_contact_conflicts",
    "Events whose source and id were seen under another subject already.",
)

_CONFLICTS = """
SELECT count(*) FROM unnest($1::uuid[], $2::uuid[]) g (subject, event)
JOIN {s}.interactions i ON i.event = g.event AND i.subject <> g.subject
"""


def record(event: Event) -> tuple[str, Row] | None:
    """The row by which an event is remembered, and its table."""
    match event.body:
        case Interaction():
            return "interactions", _interaction(event, event.body)
        case Refused():
            return "quarantine", _refused(event, event.body)
        case _:
            return None  # what is told of belonging has a revision, and may be told again


def _interaction(event: Event, body: Interaction) -> Row:
    envelope, record = event.envelope, event.record
    return (
        envelope.partitionkey,
        envelope.event,
        envelope.happened,
        envelope.type,
        body.channel,
        body.direction,
        record.place.position(),
        record.value.decode(),
    )


def _refused(event: Event, body: Refused) -> Row:
    envelope = event.envelope
    return (
        envelope.id,
        envelope.receivedtime or envelope.recordedtime,
        envelope.ingestkey,
        body.reasons[0].code if body.reasons else "",
        msgspec.json.encode(body.reasons).decode(),
        body.content_type,
        body.size,
        body.bytes,
        event.record.place.position(),
    )


def project(events: Sequence[Event]) -> Rows:
    """The rows that events which count come to."""
    rows: dict[str, list[Row]] = defaultdict(list)
    days: Tally[Row] = Tally()
    for event in events:
        envelope = event.envelope
        match event.body:
            case Interaction() as body:
                day = envelope.happened[:10]
                days[event.record.place.partition, day, body.channel, envelope.type] += 1
            case Belongs(subject, customer, revision):
                rows["belonging"].append((str(subject), str(customer), revision))
            case _:
                pass  # kept as it is
    rows["daily"] = [(*key, n) for key, n in days.items()]
    return rows


_DAYS = """
SELECT split_part(position, '/', 2)::integer AS partition, (time AT TIME ZONE 'UTC')::date AS day,
       channel, type, 1 AS n
FROM {s}.interactions
"""


async def _count_conflicts(connection: Connection, schema: str, events: Sequence[Event]) -> None:
    happened = [event.envelope for event in events if isinstance(event.body, Interaction)]
    if happened:
        subjects = [envelope.partitionkey for envelope in happened]
        names = [envelope.event for envelope in happened]
        _conflicts.inc(await connection.fetchval(in_schema(_CONFLICTS, schema), subjects, names))


PROJECTION = Projection(
    memory=(tables.interactions, tables.quarantine),
    record=record,
    project=project,
    tables=(
        Merge(tables.daily, summed("n"), source=_DAYS),
        Merge(tables.belonging, latest("revision", "customer")),
    ),
    notice=_count_conflicts,
)
