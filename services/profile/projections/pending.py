"""What the resolver is asked to look at: by a batch, and by all rows of a schema."""

from collections.abc import Sequence

from services.profile import tables
from services.profile.inbound import Body, OrderBody
from shared.literals import Row
from shared.messages import Place
from shared.projection import Event, Queue


def ask(events: Sequence[Event]) -> list[Row]:
    """Subjects and orders, each with the earliest place that asks for it; pairs ask themselves."""
    facts: dict[str, Place] = {}
    orders: dict[tuple[str, str], Place] = {}
    for event in events:
        body, place = event.body, event.record.place
        if isinstance(body, Body):
            for identifier in body.identifiers:
                if identifier.subject is not None and not identifier.claim:
                    facts.setdefault(event.envelope.partitionkey, place)
                    break
        if isinstance(body, OrderBody):
            orders.setdefault((body.namespace, body.order), place)
    return [
        *(
            ("facts", subject, None, None, place.topic, place.partition, place.offset + 1)
            for subject, place in facts.items()
        ),
        *(
            ("order", None, *key, place.topic, place.partition, place.offset + 1)
            for key, place in orders.items()
        ),
    ]


# Everything, as if it came with the first record of its partition: whoever waits for any position
# there waits until it is worked. The partition of a subject is as `shared.log.partition_of` says.
_PLACES = """
(SELECT greatest(count(DISTINCT partition), 1) AS partitions FROM {s}.checkpoints) c,
(SELECT split_part(position, '/', 1) AS topic FROM {s}.events LIMIT 1) e
"""
_PARTITION = "(('x' || right(t.subject::text, 8))::bit(32)::bigint % c.partitions)::integer"

_FACTS = f"""
INSERT INTO {{s}}.pending (kind, key, topic, partition, next_offset)
SELECT 'facts', t.subject, e.topic, {_PARTITION}, 1
FROM (SELECT DISTINCT subject FROM {{s}}.counts) t, {_PLACES}
WHERE EXISTS (SELECT FROM {{s}}.identifiers i WHERE i.subject = t.subject)
"""

_ORDERS = f"""
INSERT INTO {{s}}.pending (kind, namespace, number, topic, partition, next_offset)
SELECT 'order', t.namespace, t.number, e.topic, {_PARTITION}, 1
FROM (SELECT DISTINCT ON (namespace, number) namespace, number, subject
      FROM {{s}}.mentions WHERE kind = 'order') t, {_PLACES}
"""

_WHERE = "split_part(position, '/', 1), split_part(position, '/', 2)::integer, 1"

_PAIRS = f"""
INSERT INTO {{s}}.pending (kind, key, topic, partition, next_offset)
SELECT DISTINCT ON (weaker) 'pair', weaker, {_WHERE} FROM {{s}}.pairs
"""

_DECISIONS = f"""
INSERT INTO {{s}}.pending (kind, key, topic, partition, next_offset)
SELECT 'pair', unnest(ARRAY[weaker, stronger]), {_WHERE} FROM {{s}}.decisions
"""

PENDING = Queue(tables.pending, ask, _FACTS, _ORDERS, _PAIRS, _DECISIONS)
