"""Parked events: set aside with their bytes, reason and place; retried or discarded on request."""

from collections.abc import Collection, Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from shared.database import Connection, Pool, in_schema
from shared.errors import FieldError, NotFound, Unprocessable
from shared.ids import uuid8
from shared.messages import Place, Record, decode

BEHIND = "behind"
"""The reason of an event that is parked because an earlier one of its subject is."""


class Culprit(NamedTuple):
    """A record that cannot be folded, and why. Named by its bytes where it cannot be decoded."""

    record: Record
    reason: str
    error: str
    subject: UUID
    event: UUID


class ParkedEvent(NamedTuple):
    """A parked event as operators see it; `bytes` are the record's, exactly."""

    place: Place
    subject: UUID
    event: UUID
    reason: str
    error: str
    attempts: int
    since: datetime
    tried: datetime
    bytes: bytes


def culprit(record: Record, reason: str, error: str) -> Culprit:
    """The record as one that is to be parked."""
    try:
        envelope = decode(record.value)
        subject, event = UUID(envelope.partitionkey), UUID(envelope.event)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        subject = event = uuid8(sha256(record.value).digest())
    return Culprit(record, reason, error, subject, event)


async def parked(
    pool: Pool, schema: str, *, after: Place | None = None, limit: int = 50
) -> list[ParkedEvent]:
    """A page of what is parked in a schema, by partition, topic and offset."""
    start = (after.partition, after.topic, after.offset) if after else (-1, "", -1)
    rows = await pool.fetch(in_schema(_PAGE, schema), *start, limit)
    return [_parked_event(row) for row in rows]


async def find(pool: Pool, schema: str, place: Place) -> ParkedEvent:
    """The event that is parked from this place. Raises NotFound."""
    row = await pool.fetchrow(in_schema(_ONE, schema), place.partition, place.topic, place.offset)
    if row is None:
        raise NotFound(f"No event from {place.position()} is parked in {schema}.")
    return _parked_event(row)


async def request_retry(pool: Pool, schema: str, place: Place | None = None) -> int:
    """Ask the holder of the partition to fold a parked event again; with no place, all of them.

    How many were asked for. Raises NotFound where a place is given and nothing is parked from it.
    """
    if place is not None:
        await find(pool, schema, place)
    where = (place.partition, place.topic, place.offset) if place else (None, None, None)
    return len(await pool.fetch(in_schema(_REQUEST, schema), schema, *where))


async def discard(pool: Pool, schema: str, place: Place, reason: str) -> ParkedEvent:
    """Give a parked event up: every fold and every rebuild leaves it out from now on.

    Raises Unprocessable without a reason, NotFound where nothing is parked from the place.
    """
    if not reason.strip():
        raise Unprocessable(
            "A discard has a reason.",
            errors=(FieldError("/reason", "missing", "Say why the event is given up."),),
        )
    found = await find(pool, schema, place)
    await pool.execute(_DISCARD, found.subject, found.event, place.position(), reason.strip())
    return found


async def park(
    connection: Connection, schema: str, culprits: Sequence[tuple[Culprit, int]]
) -> None:
    """Set events aside, each with its ordinal; part of the transaction that moves past them."""
    rows = [
        (
            *(one.record.place.partition, one.record.place.topic, one.record.place.offset),
            *(one.subject, one.event, one.reason, one.error),
            *(one.record.key, one.record.value, ordinal),
        )
        for one, ordinal in culprits
    ]
    await connection.executemany(in_schema(_PARK, schema), rows)


async def requests(connection: Connection, schema: str, partition: int) -> list[asyncpg.Record]:
    """What somebody asked for in a partition: parked rows, each with `discarded` yes or no."""
    found: list[asyncpg.Record] = await connection.fetch(
        in_schema(_REQUESTS, schema), schema, partition
    )
    return found


async def parked_subjects(
    connection: Connection, schema: str, partition: int, subjects: Collection[str]
) -> set[str]:
    """Those of the subjects of which something is parked in a partition."""
    rows = await connection.fetch(in_schema(_SUBJECTS, schema), partition, subjects)
    return {str(row["subject"]) for row in rows}


async def first_of(connection: Connection, schema: str, row: asyncpg.Record) -> bool:
    """Whether nothing earlier of the same subject is parked in the partition of a parked row."""
    where = (row["partition"], row["subject"], row["ordinal"])
    return not await connection.fetchval(in_schema(_EARLIER, schema), *where)


async def request_next(connection: Connection, schema: str, row: asyncpg.Record) -> None:
    """Ask for the next event of a subject to be retried that was only behind this one."""
    where = (row["partition"], row["subject"])
    await connection.execute(in_schema(_REQUEST_NEXT, schema), schema, *where, BEHIND)


async def unpark(connection: Connection, schema: str, place: Place) -> None:
    """Take an event out of `parked`: it was folded after all, or given up."""
    where = (place.partition, place.topic, place.offset)
    await connection.execute(in_schema(_UNPARK, schema), *where)
    await connection.execute(_ANSWERED, schema, *where)


async def keep_parked(
    connection: Connection, schema: str, place: Place, reason: str, error: str
) -> None:
    """Note that a retry failed too."""
    where = (place.partition, place.topic, place.offset)
    await connection.execute(in_schema(_TRIED, schema), *where, reason, error)
    await connection.execute(_ANSWERED, schema, *where)


def _parked_event(row: asyncpg.Record) -> ParkedEvent:
    return ParkedEvent(
        Place(row["topic"], row["partition"], row["record"]),
        *(row[name] for name in ParkedEvent._fields[1:]),
    )


_COLUMNS = """
SELECT partition, topic, record, subject, event, reason, error, attempts, since, tried, bytes
FROM {s}.parked
"""

_PAGE = (
    _COLUMNS
    + "WHERE (partition, topic, record) > ($1, $2, $3) ORDER BY partition, topic, record LIMIT $4"
)

_ONE = _COLUMNS + "WHERE partition = $1 AND topic = $2 AND record = $3"

_REQUEST = """
INSERT INTO retries (schema, partition, topic, record)
SELECT $1, partition, topic, record FROM {s}.parked
WHERE $2::integer IS NULL OR (partition = $2 AND topic = $3 AND record = $4::bigint)
ON CONFLICT DO NOTHING
RETURNING record
"""

_DISCARD = """
INSERT INTO discards (subject, event, place, reason) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""

_PARK = """
INSERT INTO {s}.parked
    (partition, topic, record, subject, event, reason, error, attempts, key, bytes, ordinal)
VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10)
"""

_REQUESTS = """
SELECT p.partition, p.topic, p.record, p.subject, p.key, p.bytes, p.ordinal,
    d.event IS NOT NULL AS discarded
FROM {s}.parked p
LEFT JOIN discards d ON d.subject = p.subject AND d.event = p.event
LEFT JOIN retries r ON r.schema = $1 AND r.partition = p.partition AND r.topic = p.topic
    AND r.record = p.record
WHERE p.partition = $2 AND (d.event IS NOT NULL OR r.record IS NOT NULL)
ORDER BY p.ordinal LIMIT 100
"""

_SUBJECTS = """
SELECT DISTINCT subject FROM {s}.parked WHERE partition = $1 AND subject = ANY ($2::uuid[])
"""

_EARLIER = """
SELECT EXISTS (SELECT FROM {s}.parked WHERE partition = $1 AND subject = $2 AND ordinal < $3)
"""

_REQUEST_NEXT = """
INSERT INTO retries (schema, partition, topic, record)
SELECT $1, n.partition, n.topic, n.record FROM (
    SELECT * FROM {s}.parked WHERE partition = $2 AND subject = $3 ORDER BY ordinal LIMIT 1
) n WHERE n.reason = $4
ON CONFLICT DO NOTHING
"""

_UNPARK = "DELETE FROM {s}.parked WHERE partition = $1 AND topic = $2 AND record = $3"

_TRIED = """
UPDATE {s}.parked
SET attempts = attempts + 1, reason = $4, error = $5, tried = clock_timestamp()
WHERE partition = $1 AND topic = $2 AND record = $3
"""

_ANSWERED = """
DELETE FROM retries WHERE schema = $1 AND partition = $2 AND topic = $3 AND record = $4
"""
