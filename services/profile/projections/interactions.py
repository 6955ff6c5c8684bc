"""Event rows (the memory of what was seen), the identifiers in them, and the counts."""

from services.profile.inbound import Body
from services.profile.projections.rows import Rows, in_key_order, insert, moment
from shared.database import Statement
from shared.identifiers import RANK
from shared.projection import Event

Known = tuple[int, str]
"""An identifier of an event that stands for somebody: its rank and subject; sorts weakest first."""


def event_row(subject: str, name: str, event: Event) -> tuple[object, ...]:
    """The row of `events` for an interaction."""
    envelope, body = event.envelope, event.body
    assert isinstance(body, Body)
    return (
        subject,
        name,
        moment(envelope.happened),
        moment(envelope.recordedtime),
        envelope.type,
        body.channel,
        body.direction,
        envelope.source,
        envelope.id,
        envelope.ingestkey,
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
