"""A small view on the runtime: event rows, and a counter per subject derived from new ones."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
from sqlalchemy import BigInteger, CheckConstraint, Column, MetaData, Table, Text, Uuid

from shared.consumer import Pace
from shared.crew import Crew
from shared.database import Connection, Pool
from shared.folder import Folder
from shared.leases import Single
from shared.literals import Row
from shared.log import Log, Topic, partition_of
from shared.merging import Merge, Rows, summed
from shared.messages import Entry, Place, Record, decode
from shared.projection import Event, Projection, View
from shared.schemas import Schema, Source, make
from tests import records

PARTITIONS = 4
SCHEMA = "toy_1_1"

Start = Callable[..., tuple[Crew, asyncio.Task[None]]]
"""Starts a worker by name, with settings of `worker`."""

metadata = MetaData()
Table(
    "events",
    metadata,
    Column("subject", Uuid, primary_key=True),
    Column("event", Uuid, primary_key=True),
    Column("amount", BigInteger, CheckConstraint("amount >= 0"), nullable=False),
    Column("id", Text, nullable=False),
    Column("position", Text, nullable=False),
)
Table(
    "counters",
    metadata,
    Column("subject", Uuid, primary_key=True),
    Column("n", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
)


class Body(msgspec.Struct):
    """What the toy reads of an event."""

    amount: int = 0


def remember(event: Event) -> tuple[str, Row]:
    """An event's row; an amount below zero is refused by the table."""
    assert isinstance(event.body, Body)
    envelope = event.envelope
    key = (envelope.partitionkey, envelope.event)
    return "events", (*key, event.body.amount, envelope.id, event.record.place.position())


def count(events: Sequence[Event]) -> Rows:
    """One more for the subject, and the amount."""
    return {
        "counters": [
            (event.envelope.partitionkey, 1, event.body.amount)
            for event in events
            if isinstance(event.body, Body)
        ]
    }


PROJECTION = Projection(
    memory=(metadata.tables["events"],),
    record=remember,
    project=count,
    tables=(Merge(metadata.tables["counters"], summed("n", "total")),),
)
fold = PROJECTION.fold


def read(record: Record) -> Event:
    """Decodes strictly: an amount that is no number cannot be read."""
    envelope = decode(record.value)
    return Event(record, envelope, msgspec.json.decode(envelope.data, type=Body))


def read_leniently(record: Record) -> Event:
    """The fix: whatever cannot be counted counts nothing."""
    envelope = decode(record.value)
    try:
        body = msgspec.json.decode(envelope.data, type=Body)
    except msgspec.ValidationError:
        body = Body()
    return Event(record, envelope, Body(max(0, body.amount)))


def read_carelessly(record: Record) -> Event:
    """No fix: what cannot be read is now refused by the table."""
    try:
        return read(record)
    except msgspec.ValidationError:
        return Event(record, decode(record.value), Body(-1))


class Preparing:
    """The fold in two steps; `stale`: what is prepared never holds when it is to be written."""

    def __init__(self, *, stale: bool = False) -> None:
        self._stale = stale

    async def prepare(self, records: Sequence[Record]) -> list[Event]:
        return [read(record) for record in records]

    async def write(self, connection: Connection, schema: str, prepared: list[Event]) -> bool:
        if not self._stale:
            await fold(connection, schema, prepared)
        return not self._stale


VIEW = View("toy", 1, ("happenings",), metadata, read, PROJECTION, fold)
FIXED = replace(VIEW, decode=read_leniently)
PREPARED = replace(VIEW, ahead=Preparing())
STALE = replace(VIEW, ahead=Preparing(stale=True))
TWO_TOPICS = replace(VIEW, topics=("happenings", "reports"))

FAST = Pace(lease=2.0, tick=0.1, survey=0.2, wait=0.1, mirror=0.5, grace=10.0)


def happening(id: str, who: str = "a", amount: object = 1, **place: int | str) -> Record:
    """An event of the toy; `amount=-1` cannot be folded, `amount="x"` cannot be decoded."""
    place.setdefault("topic", "happenings.1")
    return records.record("thing.happened", f"user:{who}", id=id, amount=amount, **place)  # type: ignore[arg-type]


def numbered(found: Sequence[Record], start: int = 0, partition: int = 0) -> list[Record]:
    """The records at successive offsets of one partition, topic by topic."""
    ends: dict[str, int] = {}
    placed = []
    for record in found:
        topic = record.place.topic
        offset = ends.setdefault(topic, start)
        ends[topic] += 1
        placed.append(record._replace(place=Place(topic, partition, offset)))
    return placed


async def make_schema(pool: Pool, view: View = VIEW, partitions: int = PARTITIONS) -> Schema:
    """The next schema of the view, made without Kafka."""
    sources = tuple(Source(topic, 1, f"{topic}.1") for topic in sorted(view.topics))
    async with pool.acquire() as connection, connection.transaction():
        return await make(connection, view, sources, partitions)


async def folder(
    pool: Pool,
    schema: Schema,
    view: View = VIEW,
    partition: int = 0,
    epoch: int = 1,
    lease_seconds: float = 10.0,
) -> Folder:
    """A fold step that has taken its partition over."""
    found = Folder(pool, view, schema, partition, epoch, lease_seconds=lease_seconds)
    await found.take_over()
    return found


async def rows(pool: Pool, schema: Schema | str) -> list[tuple[object, ...]]:
    """All rows of the toy view; where an event stood is left out, as some stand in two topics."""
    name = schema if isinstance(schema, str) else schema.name
    return [
        tuple(row)
        for columns in ("subject, event, amount, id FROM {}.events", "* FROM {}.counters")
        for row in await pool.fetch(f"SELECT {columns.format(name)} ORDER BY 1, 2")
    ]


async def ids(pool: Pool, schema: Schema | str) -> set[str]:
    """The ids of the events in the view."""
    name = schema if isinstance(schema, str) else schema.name
    return {row["id"] for row in await pool.fetch(f"SELECT id FROM {name}.events")}


async def counted(pool: Pool, schema: Schema | str) -> int:
    """The sum of all counters: each event once, or there is something wrong."""
    name = schema if isinstance(schema, str) else schema.name
    found = await pool.fetchval(f"SELECT coalesce(sum(n), 0)::bigint FROM {name}.counters")
    assert isinstance(found, int)
    return found


def partition(record: Record) -> int:
    """The partition that the record's key belongs to."""
    assert record.key is not None
    return partition_of(record.key.decode(), PARTITIONS)


async def append(log: Log, prefix: str, found: Sequence[Record], topic: str = "happenings") -> None:
    """Put the records into the log, each into the partition of its key."""
    by_partition: dict[int, list[Entry]] = {}
    for record in found:
        entry = Entry(record.key or b"", record.value)
        by_partition.setdefault(partition(record), []).append(entry)
    for number, entries in by_partition.items():
        await log.append(f"{prefix}{topic}.1", number, entries)


async def counted_is(pool: Pool, number: int) -> bool:
    """Whether the first schema has counted so many events."""
    return await counted(pool, SCHEMA) == number


def partitions(one: Crew) -> int:
    """How many partitions a worker folds."""
    return len(one.consumers)


@asynccontextmanager
async def topics(kafka: str, prefix: str, *names: str) -> AsyncIterator[Log]:
    """A log with the topics of the toy."""
    log = await Log.connect(kafka)
    try:
        await log.ensure_topics(
            prefix, [Topic(name) for name in names or ("happenings",)], PARTITIONS
        )
        yield log
    finally:
        await log.close()


def worker(
    pool: Pool,
    log: Log,
    prefix: str,
    name: str | None = None,
    *,
    view: View = VIEW,
    pace: Pace = FAST,
    singles: Sequence[Single] = (),
    schema: Schema | None = None,
) -> Crew:
    """A worker on the toy view."""
    return Crew(pool, log, view, singles, prefix=prefix, pace=pace, schema=schema, name=name)
