"""The profile's rows as one would write them: pydantic models, a statement a row, executemany."""

from collections.abc import Sequence
from datetime import datetime
from itertools import combinations
from typing import Any

from pydantic import BaseModel, ConfigDict

from shared.database import Connection, in_schema
from shared.identifiers import RANK
from shared.ids import event_id


class Known(BaseModel):
    """An identifier of a record."""

    kind: str
    value: str
    namespace: str = ""
    subject: str


class Content(BaseModel):
    """The data of a record; what is not named is kept."""

    model_config = ConfigDict(extra="allow")

    channel: str
    direction: str
    identifiers: list[Known]
    namespace: str = ""
    order: str | None = None
    amount: int | None = None
    currency: str | None = None
    lines: list[dict[str, Any]] = []


class Interaction(BaseModel):
    """A record of the topic `interactions`."""

    id: str
    source: str
    type: str
    time: str
    recordedtime: str
    partitionkey: str
    ingestkey: str
    data: Content

    @property
    def happened(self) -> str:
        return min(self.time, self.recordedtime)


Placed = tuple[Interaction, str, int, int]
"""An interaction with its topic, partition and offset."""


async def write(connection: Connection, schema: str, batch: Sequence[Placed]) -> None:
    """Write a batch in the open transaction. No event is looked for that was there before."""
    for sql, rows in statements(batch):
        if rows:
            await connection.executemany(in_schema(sql, schema), rows)


def statements(batch: Sequence[Placed]) -> list[tuple[str, list[tuple[object, ...]]]]:
    """What is executed, and with which rows."""
    return [
        (_EVENT, [_event(*one) for one in batch]),
        (_IDENTIFIER, [row for one in batch for row in _identifiers(one[0])]),
        (_COUNT, [_count(one[0]) for one in batch]),
        (_ORDER, [_order(one[0]) for one in batch if one[0].type == "order.placed"]),
        (_MENTION, [_mention(one[0]) for one in batch if one[0].type == "order.placed"]),
        (_PAIR, [row for one in batch for row in _pairs(*one)]),
        (_PENDING, [row for one in batch for row in _pending(*one)]),
    ]


def _event(one: Interaction, topic: str, partition: int, offset: int) -> tuple[object, ...]:
    return (
        one.partitionkey,
        event_id(one.source, one.id),
        datetime.fromisoformat(one.happened),
        datetime.fromisoformat(one.recordedtime),
        one.type,
        one.data.channel,
        one.data.direction,
        one.source,
        one.id,
        one.ingestkey,
        f"{topic}/{partition}/{offset}",
        one.data.model_dump_json(exclude_unset=True),
    )


def _identifiers(one: Interaction) -> list[tuple[object, ...]]:
    return [(k.subject, k.kind, k.namespace, k.value) for k in one.data.identifiers]


def _count(one: Interaction) -> tuple[object, ...]:
    happened = datetime.fromisoformat(one.happened)
    return one.partitionkey, one.data.channel, one.type, happened


def _recorded(one: Interaction) -> str:
    return f"{one.recordedtime}{one.source}\x1f{one.id}\x1f{one.partitionkey}"


def _order(one: Interaction) -> tuple[object, ...]:
    stamp = one.happened + _recorded(one)
    data = one.data.model_dump_json(include={"lines"})
    happened = datetime.fromisoformat(one.happened)
    amount, currency = one.data.amount, one.data.currency
    key = (one.data.namespace, one.data.order, one.partitionkey)
    return *key, stamp, amount, currency, data[len('{"lines":') : -1], happened


def _mention(one: Interaction) -> tuple[object, ...]:
    return one.data.namespace, one.data.order, one.partitionkey, event_id(one.source, one.id)


def _pairs(one: Interaction, topic: str, partition: int, offset: int) -> list[tuple[object, ...]]:
    known = sorted({(RANK[k.kind], k.subject) for k in one.data.identifiers})
    return [
        (
            *(weaker[1], stronger[1], one.ingestkey, weaker[0], stronger[0]),
            _recorded(one),
            one.partitionkey,
            event_id(one.source, one.id),
            f"{topic}/{partition}/{offset}",
        )
        for weaker, stronger in combinations(known, 2)
    ]


def _pending(one: Interaction, topic: str, partition: int, offset: int) -> list[tuple[object, ...]]:
    place = (topic, partition, offset + 1)
    rows: list[tuple[object, ...]] = [("facts", one.partitionkey, None, None, *place)]
    if one.type == "order.placed":
        rows.append(("order", None, one.data.namespace, one.data.order, *place))
    rows += [("pair", row[0], None, None, *place) for row in _pairs(one, *place)]
    return rows


_EVENT = """
INSERT INTO {s}.events
    (subject, event, time, recorded, type, channel, direction, source, id, key, position, data)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING
"""

_IDENTIFIER = """
INSERT INTO {s}.identifiers (subject, kind, namespace, value) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING
"""

_COUNT = """
INSERT INTO {s}.counts AS t (subject, channel, type, n, first, last)
VALUES ($1, $2, $3, 1, $4, $4)
ON CONFLICT (subject, channel, type) DO UPDATE SET n = t.n + 1,
    first = least(t.first, excluded.first), last = greatest(t.last, excluded.last)
"""

_ORDER = """
INSERT INTO {s}.orders AS t (namespace, number, subject, attached, amount, currency, lines,
    placed, ordered, status, status_stamp, returns, returned)
VALUES ($1, $2, $3, $4, $5, $6, $7, $4, $8, 'placed', $4, 0, 0)
ON CONFLICT (namespace, number) DO UPDATE SET amount = excluded.amount,
    currency = excluded.currency, lines = excluded.lines, placed = excluded.placed
WHERE excluded.placed > t.placed
"""

_MENTION = """
INSERT INTO {s}.mentions (kind, namespace, number, subject, event)
VALUES ('order', $1, $2, $3, $4) ON CONFLICT DO NOTHING
"""

_PAIR = """
INSERT INTO {s}.pairs AS t (weaker, stronger, key, weaker_rank, stronger_rank, stamp,
    event_subject, event, position)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (weaker, stronger, key) DO UPDATE SET stamp = excluded.stamp,
    event_subject = excluded.event_subject, event = excluded.event, position = excluded.position
WHERE excluded.stamp < t.stamp
"""

_PENDING = """
INSERT INTO {s}.pending (kind, key, namespace, number, topic, partition, next_offset)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
