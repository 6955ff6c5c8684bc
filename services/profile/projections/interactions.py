"""Event rows (the memory of what was seen), the identifiers in them, and the counts."""

from collections.abc import Sequence

import asyncpg

from services.profile.inbound import Body
from services.profile.projections.rows import Rows, in_key_order, insert, moment
from shared.database import Connection, Copy, Statement, in_schema
from shared.identifiers import RANK
from shared.projection import Event

Known = tuple[int, str]
"""An identifier of an event that stands for somebody: its rank and subject; sorts weakest first."""

_RECORD = """
INSERT INTO {s}.events
    (subject, event, time, recorded, type, channel, direction, source, id, position, data)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::text[],
                     $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
ON CONFLICT DO NOTHING
RETURNING subject::text, event::text
"""


async def record(connection: Connection, schema: str, events: Sequence[Event]) -> Sequence[Event]:
    """Write the event rows; the events that were not there yet, in key order.

    Nearly always all are new: COPY tries that first, and only a batch in which one is not goes the
    slower way.
    """
    if not events:
        return ()
    first: dict[tuple[str, str], Event] = {}
    for event in events:
        first.setdefault((event.envelope.partitionkey, event.envelope.event), event)
    keys = sorted(first)
    rows = [_row(key, first[key]) for key in keys]
    try:
        async with connection.transaction():
            await Copy("events", rows).run(connection, schema)
    except asyncpg.UniqueViolationError:
        return [first[key] for key in await _record_new(connection, schema, rows)]
    return [first[key] for key in keys]


async def _record_new(
    connection: Connection, schema: str, rows: Sequence[tuple[object, ...]]
) -> list[tuple[str, str]]:
    columns = list(zip(*rows, strict=True))
    fresh = await connection.fetch(in_schema(_RECORD, schema), *columns)
    return sorted((row["subject"], row["event"]) for row in fresh)


def _row(key: tuple[str, str], event: Event) -> tuple[object, ...]:
    envelope = event.envelope
    body = event.body
    assert isinstance(body, Body)
    return (
        *key,
        moment(envelope.happened),
        moment(envelope.recordedtime),
        envelope.type,
        body.channel,
        body.direction,
        envelope.source,
        envelope.id,
        event.record.place.position(),
        bytes(envelope.data).decode(),
    )


def count(rows: Rows, event: Event, body: Body) -> list[Known]:
    """Count the event under its subject; the identifiers in it that stand for somebody."""
    envelope = event.envelope
    known = []
    for identifier in body.identifiers:
        subject = identifier.subject
        if subject is not None and not identifier.claim:
            known.append((RANK[identifier.kind], subject))
            rows.identifiers[subject] = (identifier.kind, identifier.namespace, identifier.value)
    happened = envelope.happened
    key = (envelope.partitionkey, body.channel, envelope.type)
    counted = rows.counts.get(key)
    if counted is None:
        rows.counts[key] = [1, happened, happened]
    else:
        counted[0] += 1
        counted[1] = min(counted[1], happened)
        counted[2] = max(counted[2], happened)
    if known:
        rows.pending.facts.setdefault(envelope.partitionkey, event.record.place)
    return known


def statements(rows: Rows) -> list[Statement]:
    counts = [
        (*key, n, moment(first), moment(last))
        for key, (n, first, last) in sorted(rows.counts.items())
    ]
    return [
        *insert(
            "INSERT INTO {s}.identifiers (subject, kind, namespace, value)"
            " SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])"
            " ON CONFLICT DO NOTHING",
            in_key_order(rows.identifiers),
        ),
        *insert(
            "INSERT INTO {s}.counts AS t (subject, channel, type, n, first, last)"
            " SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[],"
            " $5::timestamptz[], $6::timestamptz[])"
            " ON CONFLICT (subject, channel, type) DO UPDATE SET n = t.n + excluded.n,"
            " first = least(t.first, excluded.first), last = greatest(t.last, excluded.last)",
            counts,
        ),
    ]
