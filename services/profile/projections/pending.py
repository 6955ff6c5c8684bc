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
        body = event.body
        if isinstance(body, Body) and any(i.subject and not i.claim for i in body.identifiers):
            facts.setdefault(event.envelope.partitionkey, event.record.place)
        if isinstance(body, OrderBody):
            orders.setdefault((body.namespace, body.order), event.record.place)
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
# there waits until it is worked.
_WHERE = "split_part(e.position, '/', 1), split_part(e.position, '/', 2)::integer, 1"

_FACTS = f"""
INSERT INTO {{s}}.pending (kind, key, topic, partition, next_offset)
SELECT 'facts', c.subject, {_WHERE}
FROM (SELECT DISTINCT subject FROM {{s}}.counts) c
CROSS JOIN LATERAL (SELECT position FROM {{s}}.events WHERE subject = c.subject LIMIT 1) e
WHERE EXISTS (SELECT FROM {{s}}.identifiers i WHERE i.subject = c.subject)
"""

_ORDERS = f"""
INSERT INTO {{s}}.pending (kind, namespace, number, topic, partition, next_offset)
SELECT 'order', m.namespace, m.number, {_WHERE}
FROM (SELECT DISTINCT ON (namespace, number) namespace, number, subject, event
      FROM {{s}}.mentions WHERE kind = 'order') m
JOIN {{s}}.events e ON e.subject = m.subject AND e.event = m.event
"""

_PAIRS = f"""
INSERT INTO {{s}}.pending (kind, key, topic, partition, next_offset)
SELECT DISTINCT ON (e.weaker) 'pair', e.weaker, {_WHERE} FROM {{s}}.pairs e
"""

_DECISIONS = f"""
INSERT INTO {{s}}.pending (kind, key, topic, partition, next_offset)
SELECT 'pair', unnest(ARRAY[e.weaker, e.stronger]), {_WHERE} FROM {{s}}.decisions e
"""

PENDING = Queue(tables.pending, ask, _FACTS, _ORDERS, _PAIRS, _DECISIONS)
