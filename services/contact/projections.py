"""The history: a batch of events in, set-based SQL out; what was seen counts once."""

from collections import Counter as Tally
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from prometheus_client import Counter

from services.contact.inbound import Belongs, Interaction, Refused
from shared.database import Connection, Copy, Statement, in_schema, run
from shared.projection import Event

_conflicts = Counter(
    "rapport_contact_conflicts",
    "Events whose source and id were seen under another subject already.",
)

_RECORD = """
INSERT INTO {s}.interactions (subject, event, time, type, channel, direction, position, record)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[],
                     $6::text[], $7::text[], $8::text[])
ON CONFLICT DO NOTHING
RETURNING subject::text, event::text
"""

_CONFLICTS = """
SELECT count(*) FROM unnest($1::uuid[], $2::uuid[]) g (subject, event)
JOIN {s}.interactions i ON i.event = g.event AND i.subject <> g.subject
"""


async def fold(connection: Connection, schema: str, events: Sequence[Event]) -> None:
    """Write a batch in the open transaction."""
    fresh = await record(
        connection, schema, [event for event in events if isinstance(event.body, Interaction)]
    )
    await run(
        connection,
        schema,
        [
            *_daily(fresh),
            *_quarantine([event for event in events if isinstance(event.body, Refused)]),
            *_belonging([event.body for event in events if isinstance(event.body, Belongs)]),
        ],
    )


async def record(connection: Connection, schema: str, events: Sequence[Event]) -> Sequence[Event]:
    """Write the rows of interactions; those that were not there yet. Nearly always all are new."""
    if not events:
        return ()
    first: dict[tuple[str, str], Event] = {}
    for event in events:
        first.setdefault((event.envelope.partitionkey, event.envelope.event), event)
    rows = [_row(key, event) for key, event in first.items()]
    keys = list(first)
    try:
        async with connection.transaction():
            await Copy("interactions", rows).run(connection, schema)
    except asyncpg.UniqueViolationError:
        columns = list(zip(*rows, strict=True))
        found = await connection.fetch(in_schema(_RECORD, schema), *columns)
        keys = [(row["subject"], row["event"]) for row in found]
    await _count_conflicts(connection, schema, keys)
    return [first[key] for key in keys]


def _row(key: tuple[str, str], event: Event) -> tuple[object, ...]:
    envelope, body = event.envelope, event.body
    assert isinstance(body, Interaction)
    return (
        *key,
        datetime.fromisoformat(envelope.happened),
        envelope.type,
        body.channel,
        body.direction,
        event.record.place.position(),
        event.record.value.decode(),
    )


async def _count_conflicts(
    connection: Connection, schema: str, keys: Sequence[tuple[str, str]]
) -> None:
    if keys:
        found = await connection.fetchval(
            in_schema(_CONFLICTS, schema), [key[0] for key in keys], [key[1] for key in keys]
        )
        _conflicts.inc(found)


def _daily(events: Sequence[Event]) -> list[Statement]:
    tally = Tally(
        (event.record.place.partition, event.envelope.happened[:10], *_kind(event))
        for event in events
    )
    rows = [
        (partition, datetime.fromisoformat(day).date(), channel, type_, n)
        for (partition, day, channel, type_), n in sorted(tally.items())
    ]
    sql = (
        "INSERT INTO {s}.daily AS t (partition, day, channel, type, n)"
        " SELECT * FROM unnest($1::int[], $2::date[], $3::text[], $4::text[], $5::bigint[])"
        " ON CONFLICT (partition, day, channel, type) DO UPDATE SET n = t.n + excluded.n"
    )
    return [Statement(sql, list(zip(*rows, strict=True)))] if rows else []


def _kind(event: Event) -> tuple[str, str]:
    channel = event.body.channel if isinstance(event.body, Interaction) else ""
    return channel, event.envelope.type


def _quarantine(events: Sequence[Event]) -> list[Statement]:
    rows = sorted(_refused(event) for event in events)
    sql = (
        "INSERT INTO {s}.quarantine (id, received, key, code, reasons, content_type, size, bytes,"
        " position) SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[],"
        " $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[]) ON CONFLICT DO NOTHING"
    )
    return [Statement(sql, list(zip(*rows, strict=True)))] if rows else []


def _refused(event: Event) -> tuple[str, datetime, str, str, str, str, int, str, str]:
    envelope, body = event.envelope, event.body
    assert isinstance(body, Refused)
    return (
        envelope.id,
        datetime.fromisoformat(envelope.receivedtime or envelope.recordedtime),
        envelope.ingestkey,
        body.reasons[0].code if body.reasons else "",
        msgspec.json.encode(body.reasons).decode(),
        body.content_type,
        body.size,
        body.bytes,
        event.record.place.position(),
    )


def _belonging(told: Sequence[Belongs]) -> list[Statement]:
    latest: dict[UUID, Belongs] = {}
    for belongs in told:
        former = latest.get(belongs.subject)
        if former is None or belongs.revision > former.revision:
            latest[belongs.subject] = belongs
    rows = [
        (subject, latest[subject].customer, latest[subject].revision) for subject in sorted(latest)
    ]
    sql = (
        "INSERT INTO {s}.belonging AS t (subject, customer, revision)"
        " SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[])"
        " ON CONFLICT (subject) DO UPDATE SET customer = excluded.customer,"
        " revision = excluded.revision WHERE excluded.revision > t.revision"
    )
    return [Statement(sql, list(zip(*rows, strict=True)))] if rows else []
