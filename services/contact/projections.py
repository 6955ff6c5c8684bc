"""The history: a batch of events in, set-based SQL out; what was seen counts once."""

from collections import Counter as Tally
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from prometheus_client import Counter

from services.contact.inbound import Belongs, Interaction, Refused
from shared.database import Connection, Statement, in_schema, run
from shared.projection import Event
from shared.seen import record_new

_conflicts = Counter(
    "rapport_contact_conflicts",
    "Events whose source and id were seen under another subject already.",
)

_CONFLICTS = """
SELECT count(*) FROM unnest($1::uuid[], $2::uuid[]) g (subject, event)
JOIN {s}.interactions i ON i.event = g.event AND i.subject <> g.subject
"""


async def fold(connection: Connection, schema: str, events: Sequence[Event]) -> None:
    """Write a batch in the open transaction."""
    happened = [event for event in events if isinstance(event.body, Interaction)]
    fresh = await record_new(connection, schema, "interactions", happened, _row)
    await _count_conflicts(connection, schema, fresh)
    await run(
        connection,
        schema,
        [
            *_daily(fresh),
            *_quarantine([event for event in events if isinstance(event.body, Refused)]),
            *_belonging([event.body for event in events if isinstance(event.body, Belongs)]),
        ],
    )


def _row(subject: str, name: str, event: Event) -> tuple[object, ...]:
    envelope, body, record = event.envelope, event.body, event.record
    assert isinstance(body, Interaction)
    return (
        subject,
        name,
        datetime.fromisoformat(envelope.happened),
        envelope.type,
        body.channel,
        body.direction,
        record.place.position(),
        record.value.decode(),
    )


async def _count_conflicts(connection: Connection, schema: str, events: Sequence[Event]) -> None:
    if events:
        subjects = [event.envelope.partitionkey for event in events]
        names = [event.envelope.event for event in events]
        _conflicts.inc(await connection.fetchval(in_schema(_CONFLICTS, schema), subjects, names))


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
    first: dict[str, Event] = {}
    for event in events:
        first.setdefault(event.envelope.id, event)
    rows = sorted(_refused(event) for event in first.values())
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
