"""Pairs seen together and decisions about two identifiers: what identity is worked out from."""

from itertools import combinations

from services.profile.inbound import DecisionBody
from services.profile.projections.interactions import Known
from services.profile.projections.rows import Key, Rows, in_key_order, insert, moment
from shared.database import Statement
from shared.identifiers import RANK
from shared.projection import Event


def pair(rows: Rows, event: Event, known: list[Known]) -> None:
    """Every two identifiers of an event, once per key that let it in, with the earliest event."""
    if len(known) < 2:
        return
    envelope = event.envelope
    stamp = envelope.recorded_stamp
    for weaker, stronger in combinations(sorted(set(known)), 2):
        key = (weaker[1], stronger[1], envelope.ingestkey)
        there = rows.pairs.get(key)
        if there is None or stamp < there[2]:
            rows.pairs[key] = (
                weaker[0],
                stronger[0],
                stamp,
                envelope.partitionkey,
                envelope.event,
                *event.record.place,
            )


def join_equals(rows: Rows, event: Event, known: list[Known]) -> None:
    """identifiers.seen: two of one kind count as the decision *together*."""
    for weaker, stronger in combinations(sorted(set(known)), 2):
        if weaker[0] == stronger[0]:
            _decide(rows, event, weaker, stronger, "together", "identifiers.seen")


def decided_row(subject: str, name: str, event: Event) -> tuple[object, ...]:
    """The row of `decided` for a decision."""
    envelope = event.envelope
    return (
        subject,
        name,
        moment(envelope.happened),
        moment(envelope.recordedtime),
        envelope.type,
        envelope.source,
        envelope.id,
        envelope.ingestkey,
        envelope.actor,
        event.record.place.position(),
        bytes(envelope.data).decode(),
    )


def decide(rows: Rows, event: Event, body: DecisionBody) -> None:
    """The latest decision about two identifiers stands."""
    ends: list[Known] = []
    for identifier in body.identifiers:
        if identifier.subject is None:
            raise ValueError("a decision names an identifier that identifies nobody")
        ends.append((RANK[identifier.kind], identifier.subject))
        rows.identifiers[identifier.subject] = (
            identifier.kind,
            identifier.namespace,
            identifier.value,
        )
    weaker, stronger = sorted(ends)
    _decide(rows, event, weaker, stronger, body.decision, body.reason)


def _decide(
    rows: Rows, event: Event, weaker: Known, stronger: Known, verb: str, reason: str
) -> None:
    envelope = event.envelope
    key: Key = (weaker[1], stronger[1])
    there = rows.decisions.get(key)
    if there is None or there[3] < envelope.stamp:
        rows.decisions[key] = (
            weaker[0],
            stronger[0],
            verb,
            envelope.stamp,
            envelope.actor,
            reason,
            envelope.partitionkey,
            envelope.event,
            *event.record.place,
        )


# What changed goes to `pending` from the very rows that were written: a pair seen again changes
# nothing and asks for nothing.
_PAIRS = """
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::smallint[], $5::smallint[],
                         $6::text[], $7::uuid[], $8::uuid[], $9::text[], $10::int[], $11::bigint[])
        AS g (weaker, stronger, key, weaker_rank, stronger_rank, stamp, event_subject, event,
              topic, partition, record)
), changed AS (
    INSERT INTO {s}.pairs AS t (weaker, stronger, key, weaker_rank, stronger_rank, stamp,
                                event_subject, event, position)
    SELECT weaker, stronger, key, weaker_rank, stronger_rank, stamp, event_subject, event,
           topic || '/' || partition || '/' || record
    FROM given
    ON CONFLICT (weaker, stronger, key) DO UPDATE
        SET stamp = excluded.stamp, event_subject = excluded.event_subject,
            event = excluded.event, position = excluded.position
        WHERE excluded.stamp < t.stamp
    RETURNING weaker, stronger, key
)
INSERT INTO {s}.pending (kind, key, topic, partition, next_offset)
SELECT 'pair', weaker, topic, partition, min(record) + 1
FROM changed JOIN given USING (weaker, stronger, key)
GROUP BY weaker, topic, partition
"""

_DECISIONS = """
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::smallint[], $5::text[],
                         $6::text[], $7::text[], $8::text[], $9::uuid[], $10::uuid[], $11::text[],
                         $12::int[], $13::bigint[])
        AS g (weaker, stronger, weaker_rank, stronger_rank, verb, stamp, actor, reason,
              event_subject, event, topic, partition, record)
), changed AS (
    INSERT INTO {s}.decisions AS t (weaker, stronger, weaker_rank, stronger_rank, verb, stamp,
                                    actor, reason, event_subject, event, position)
    SELECT weaker, stronger, weaker_rank, stronger_rank, verb, stamp, actor, reason,
           event_subject, event, topic || '/' || partition || '/' || record
    FROM given
    ON CONFLICT (weaker, stronger) DO UPDATE
        SET verb = excluded.verb, stamp = excluded.stamp, actor = excluded.actor,
            reason = excluded.reason, event_subject = excluded.event_subject,
            event = excluded.event, position = excluded.position
        WHERE excluded.stamp > t.stamp
    RETURNING weaker, stronger
)
INSERT INTO {s}.pending (kind, key, topic, partition, next_offset)
SELECT 'pair', unnest(ARRAY[weaker, stronger]), topic, partition, record + 1
FROM changed JOIN given USING (weaker, stronger)
"""


def statements(rows: Rows) -> list[Statement]:
    return [
        *insert(_PAIRS, in_key_order(rows.pairs)),
        *insert(_DECISIONS, in_key_order(rows.decisions)),
    ]
