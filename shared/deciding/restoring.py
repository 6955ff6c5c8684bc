"""The events of a service restored from the topic they were relayed to, then streams and claims."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from shared.catchup import Tell
from shared.database import Connection, Pool
from shared.decider import Decider
from shared.deciding.batch import POLICY
from shared.deciding.policies import ANYBODY
from shared.deciding.refolding import refold
from shared.deciding.resuming import Resuming, resume
from shared.errors import Conflict, Fatal
from shared.locking import locked
from shared.log import Log, Positions, lane_of, through
from shared.messages import Record, decode

PAGE = 1_000
"""Records in one step."""

PATIENCE = 30.0
"""Seconds without a record, although there are some."""


class Restored(NamedTuple):
    """What there is now."""

    events: int
    streams: int


class Cause(NamedTuple):
    """What a policy decided about: it is in the inbox."""

    event: str
    policy: str
    stream: UUID


class Row(NamedTuple):
    """A row of `events`."""

    position: int
    stream: UUID
    version: int
    category: str
    type: str
    partitionkey: UUID
    record: bytes


async def restore(
    pool: Pool,
    log: Log,
    topic: str,
    partitions: int,
    deciders: Iterable[Decider[Any, Any, Any]],
    tell: Tell,
    resuming: Resuming | None = None,
) -> Restored:
    """Restore from a topic (its name in Kafka) all that it has now; nothing is appended meanwhile.

    Ended on the way, it goes on from there the next time. `tell` is told what is being done, how
    many records are done and how many there are; what it raises ends it. Copies in the topic count
    once, positions are those of the records, so it is the same table. Raises Conflict where events
    are there that were not restored from this topic or somebody is at it already, Fatal for a
    record that is none of these deciders' and where one is missing, LogUnavailable, OffsetLost,
    and what asyncpg raises.

    The policies of `resuming` go on afterwards where they stood: what their decisions name as the
    cause is in the inbox again, and what they had passed without consequence they do not look at.
    """
    by_type = {name: decider for decider in deciders for name in decider.events}
    async with _alone(pool) as connection:
        await _begin(connection, log, topic, partitions)
        policy = resuming and resuming.policy.name
        await _read(connection, log, topic, _Reading(by_type, policy), tell)
        events = await _complete(connection)
        streams = await refold(connection, by_type, events, tell)
        if resuming is not None:
            await resume(pool, log, resuming, tell)
        async with connection.transaction():
            await connection.execute(_RELAYED, events)
            await connection.execute("DELETE FROM restoring")
        return Restored(events, streams)


async def forgotten(pool: Pool, log: Log, topic: str, partitions: int) -> bool:
    """Whether the topic has events and the database none, or is being restored.

    The topic is asked first: what it has then was in the database before. Raises LogUnavailable.
    """
    ends = await log.end_offsets(topic, range(partitions))
    return bool(await pool.fetchval(_FORGOTTEN, any(ends.values())))


@asynccontextmanager
async def _alone(pool: Pool) -> AsyncIterator[Connection]:
    """The one connection that may write: it keeps the lock that every append asks for."""
    async with locked(pool, "events") as connection:
        if connection is None:
            raise Conflict("Events are being restored or appended already.", code="busy")
        yield connection


async def _begin(connection: Connection, log: Log, topic: str, partitions: int) -> None:
    """Note up to where it goes, or find what was noted. Raises Conflict."""
    begun = {row["topic"] for row in await connection.fetch("SELECT topic FROM restoring")}
    if begun == {topic}:
        return
    if begun:
        raise Conflict(f"Events are being restored from {begun.pop()}: finish that first.")
    if await connection.fetchval(_ANYTHING):
        raise Conflict("There are events already; they are restored into an empty table only.")
    ends = await log.end_offsets(topic, range(partitions))
    await connection.execute(_BEGIN, topic, [*ends], [*ends.values()])


async def _read(
    connection: Connection,
    log: Log,
    topic: str,
    reading: "_Reading",
    tell: Tell,
) -> None:
    found = await connection.fetch("SELECT partition, next_offset, end_offset FROM restoring")
    ends = {(topic, row["partition"]): row["end_offset"] for row in found}
    at = {(topic, row["partition"]): row["next_offset"] for row in found}
    async with aclosing(through(log, at, ends, PAGE, PATIENCE)) as pages:
        async for records in pages:
            rows = [reading.row(record) for record in records]
            at |= {lane_of(record): record.place.offset + 1 for record in records}
            await _write(connection, topic, rows, reading.causes(), at)
            tell("reading", sum(at.values()), sum(ends.values()))


async def _write(
    connection: Connection,
    topic: str,
    rows: Sequence[Row],
    causes: Sequence[Cause],
    at: Positions,
) -> None:
    async with connection.transaction():
        if causes:
            await connection.execute(_CAUSES, *zip(*causes, strict=True))
        if rows:
            await connection.execute(_INSERT, *zip(*rows, strict=True))
            positions, records = [row.position for row in rows], [row.record for row in rows]
            other = await connection.fetchval(_OTHER, positions, records)
            if other is not None:
                raise Fatal(f"{topic} has two different events at position {other}.")
        await connection.execute(_MOVE, topic, [partition for _, partition in at], [*at.values()])


async def _complete(connection: Connection) -> int:
    """How many events there are. Raises Fatal where one is missing."""
    (row,) = await connection.fetch(_COUNT)
    count, last = row
    if count != last:
        missing = await connection.fetchval(_MISSING)
        raise Fatal(f"The topic lacks {last - count} events, the first at position {missing}.")
    return int(count)


class _Reading:
    """What the records of a topic are, one page at a time."""

    def __init__(self, deciders: Mapping[str, Decider[Any, Any, Any]], policy: str | None) -> None:
        self._deciders = deciders
        self._policy = policy
        self._causes: list[Cause] = []

    def row(self, record: Record) -> Row:
        """The row that a record was relayed from. Raises Fatal for one that never was."""
        try:
            envelope = decode(record.value)
            stream, key = UUID(envelope.stream or ""), UUID(envelope.partitionkey)
            position = int(envelope.sequence)
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
            raise _foreign(record, "no event that was decided here") from error
        if position < 1 or envelope.streamversion < 1:
            raise _foreign(record, "an event without a place in its stream")
        if envelope.type not in self._deciders:
            raise _foreign(record, f"a {envelope.type}, which this code does not know")
        if self._policy and envelope.actor == POLICY and envelope.causationid is not None:
            self._causes.append(Cause(envelope.causationid, self._policy, stream))
        category = self._deciders[envelope.type].category
        return Row(
            *(position, stream, envelope.streamversion, category, envelope.type, key, record.value)
        )

    def causes(self) -> list[Cause]:
        """What the page's decisions followed from."""
        causes, self._causes = self._causes, []
        return causes


def _foreign(record: Record, what: str) -> Fatal:
    return Fatal(f"At {record.place.position()} there is {what}.")


_ANYTHING = """
SELECT EXISTS (SELECT FROM events) OR EXISTS (SELECT FROM streams) OR EXISTS (SELECT FROM claims)
"""

_FORGOTTEN = """
SELECT $1 AND NOT EXISTS (SELECT FROM events) OR EXISTS (SELECT FROM restoring)
"""

_BEGIN = """
INSERT INTO restoring (topic, partition, end_offset)
SELECT $1, * FROM unnest($2::integer[], $3::bigint[])
"""

_INSERT = """
INSERT INTO events (position, stream, version, category, type, partitionkey, record)
SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::uuid[],
    $7::bytea[])
ON CONFLICT DO NOTHING
"""

# also where the (stream, version) of one was there under another position
_OTHER = """
SELECT g.position FROM unnest($1::bigint[], $2::bytea[]) g (position, record)
LEFT JOIN events e ON e.position = g.position
WHERE e.record IS DISTINCT FROM g.record LIMIT 1
"""

_CAUSES = f"""
INSERT INTO inbox (subject, event, policy, outcome, stream)
SELECT '{ANYBODY}', g.event, g.policy, 'decided', g.stream
FROM unnest($1::uuid[], $2::text[], $3::uuid[]) g (event, policy, stream)
ON CONFLICT DO NOTHING
"""

_MOVE = """
UPDATE restoring r SET next_offset = g.next_offset
FROM unnest($2::integer[], $3::bigint[]) g (partition, next_offset)
WHERE r.topic = $1 AND r.partition = g.partition
"""

_COUNT = "SELECT count(*), coalesce(max(position), 0) FROM events"

_MISSING = """
SELECT min(g.position) FROM (
    SELECT position, lag(position, 1, 0::bigint) OVER (ORDER BY position) + 1 AS next FROM events
) e, LATERAL (SELECT e.next AS position WHERE e.next < e.position) g
"""

_RELAYED = "UPDATE relayed SET position = greatest(position, $1)"
