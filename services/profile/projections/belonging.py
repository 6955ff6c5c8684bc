"""Pairs seen together and decisions about two identifiers: what identity is worked out from."""

from itertools import combinations

from services.profile import tables
from services.profile.inbound import DecisionBody, DisownedBody, SeenBody
from services.profile.projections.rows import Known, Rows
from shared.identifiers import RANK
from shared.literals import Row
from shared.merging import Merge, earliest, latest
from shared.projection import Event

_PLACE = """
split_part(position, '/', 1), split_part(position, '/', 2)::integer,
split_part(position, '/', 3)::bigint + 1
"""

# What changed goes to `pending`: a pair seen again changes nothing and asks for nothing.
_ASK_FOR_PAIRS = f"""
INSERT INTO {{s}}.pending (kind, key, topic, partition, next_offset)
SELECT 'pair', weaker, topic, partition, min(next_offset)
FROM changed CROSS JOIN LATERAL (SELECT {_PLACE}) place (topic, partition, next_offset)
GROUP BY weaker, topic, partition
"""

_ASK_FOR_DECISIONS = f"""
INSERT INTO {{s}}.pending (kind, key, topic, partition, next_offset)
SELECT 'pair', unnest(ARRAY[weaker, stronger]), {_PLACE} FROM changed
"""

_ASK_FOR_KEYS = f"""
INSERT INTO {{s}}.pending (kind, namespace, topic, partition, next_offset)
SELECT 'key', key, {_PLACE} FROM changed
"""

PAIRS = Merge(
    tables.pairs,
    earliest("stamp", "weaker_rank", "stronger_rank", "event_subject", "event", "position"),
    then=_ASK_FOR_PAIRS,
)
DECISIONS = Merge(
    tables.decisions,
    latest(
        "stamp",
        *("weaker_rank", "stronger_rank", "verb", "actor", "reason"),
        *("event_subject", "event", "position"),
    ),
    then=_ASK_FOR_DECISIONS,
)

DISOWNED = Merge(
    tables.disowned,
    earliest("stamp", "actor", "reason", "event_subject", "event", "position"),
    then=_ASK_FOR_KEYS,
)


def pair(rows: Rows, event: Event, known: list[Known]) -> None:
    """Every two identifiers of an event, once per key that let it in, with the earliest event."""
    envelope, position = event.envelope, event.record.place.position()
    stamp, name = envelope.recorded_stamp, envelope.event
    for weaker, stronger in combinations(sorted(set(known)), 2):
        rows["pairs"].append(
            (
                *(weaker[1], stronger[1], envelope.ingestkey, weaker[0], stronger[0]),
                *(stamp, envelope.partitionkey, name, position),
            )
        )


def join_equals(rows: Rows, event: Event, body: SeenBody, known: list[Known]) -> None:
    """identifiers.seen: two of one kind count as the decision *together*."""
    for weaker, stronger in combinations(sorted(set(known)), 2):
        if weaker[0] == stronger[0]:
            _decide(rows, event, weaker, stronger, "together", "identifiers.seen")


def decided_row(event: Event) -> Row:
    """The row of `decided` for a decision."""
    envelope = event.envelope
    return (
        envelope.partitionkey,
        envelope.event,
        envelope.happened,
        envelope.recordedtime,
        envelope.type,
        envelope.source,
        envelope.id,
        envelope.ingestkey,
        envelope.actor,
        event.record.place.position(),
        str(envelope.data, "utf-8"),
    )


def decide(rows: Rows, event: Event, body: DecisionBody) -> None:
    """The latest decision about two identifiers stands."""
    ends: list[Known] = []
    for identifier in body.identifiers:
        if identifier.subject is None:
            raise ValueError("a decision names an identifier that identifies nobody")
        ends.append((RANK[identifier.kind], identifier.subject))
        rows["identifiers"].append(
            (identifier.subject, identifier.kind, identifier.namespace, identifier.value)
        )
    weaker, stronger = sorted(ends)
    _decide(rows, event, weaker, stronger, body.decision, body.reason)


def disown(rows: Rows, event: Event, body: DisownedBody) -> None:
    """No pair that the key let in counts, whenever it came."""
    envelope, place = event.envelope, event.record.place
    rows["disowned"].append(
        (
            *(body.key, envelope.stamp, envelope.actor, body.reason),
            *(envelope.partitionkey, envelope.event, place.position()),
        )
    )


def _decide(
    rows: Rows, event: Event, weaker: Known, stronger: Known, verb: str, reason: str
) -> None:
    envelope = event.envelope
    rows["decisions"].append(
        (
            *(weaker[1], stronger[1], weaker[0], stronger[0], verb),
            *(envelope.stamp, envelope.actor, reason),
            *(envelope.partitionkey, envelope.event, event.record.place.position()),
        )
    )
