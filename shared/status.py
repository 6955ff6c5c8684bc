"""How far every schema of a service has come, from the database and the log alone."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

import asyncpg
import msgspec

from shared.clock import now
from shared.database import Pool, in_schema
from shared.errors import LogUnavailable
from shared.leases import PARTITION
from shared.log import Log
from shared.messages import decode
from shared.schemas import keeps, policies_of

AGE_TIMEOUT = 5.0
"""Seconds for a look at the oldest record that is not folded yet."""


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """One partition of one topic in one schema. Lag is unknown (None) while the log is away."""

    topic: str  # as Kafka knows it
    partition: int
    next_offset: int
    end: int | None
    lag: int | None  # events
    lag_seconds: float | None  # age of the oldest event that is not folded yet
    parked: int
    outcome: str  # ok, retry, halt, or idle where nobody holds it
    reason: str
    owner: str | None


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """One schema of a service."""

    schema: str
    version: int
    live: bool
    ready: bool  # it has caught up once and serves readers of its version
    purpose: str  # serve, rebuild or verify: folded by the services, or by a command
    stands_by: bool  # it served and is folded on, so that it can serve again
    partitions: tuple[PartitionStatus, ...]


async def status(
    pool: Pool, log: Log | None, service: str, prefix: str = "", *, ages: bool = True
) -> list[SchemaStatus]:
    """Every schema of a service, newest first, and of its policies. Raises what asyncpg raises.

    `ages` reads one record per lagging partition to say how old it is.
    """
    found = []
    for kept in [*await keeps(pool, service), *await keeps(pool, policies_of(service))]:
        rows = await partition_status(pool, log, kept.schema, prefix, ages=ages)
        found.append(SchemaStatus(**asdict(kept), partitions=tuple(rows)))
    return found


async def partition_status(
    pool: Pool, log: Log | None, schema: str, prefix: str = "", *, ages: bool = True
) -> list[PartitionStatus]:
    """Every partition of a schema, by topic and number. Raises what asyncpg raises."""
    rows = await pool.fetch(in_schema(_PARTITIONS, schema), schema, PARTITION, prefix)
    ends = await _ends(log, {(row["name"], row["partition"]) for row in rows})
    lagging = {
        (row["name"], row["partition"]): row["next_offset"]
        for row in rows
        if ends.get((row["name"], row["partition"]), 0) > row["next_offset"]
    }
    seconds = await _ages(log, lagging) if log is not None and ages else {}
    return [_row(row, ends, seconds) for row in rows]


def _row(
    row: asyncpg.Record,
    ends: Mapping[tuple[str, int], int],
    seconds: Mapping[tuple[str, int], float],
) -> PartitionStatus:
    place = (row["name"], row["partition"])
    end = ends.get(place)
    lag = max(0, end - row["next_offset"]) if end is not None else None
    return PartitionStatus(
        topic=row["name"],
        partition=row["partition"],
        next_offset=row["next_offset"],
        end=end,
        lag=lag,
        lag_seconds=0.0 if lag == 0 else seconds.get(place),
        parked=row["parked"],
        outcome="halt" if row["halted"] else "ok" if row["owner"] else "idle",
        reason=row["halted"] or "",
        owner=row["owner"],
    )


async def _ends(log: Log | None, places: set[tuple[str, int]]) -> dict[tuple[str, int], int]:
    found: dict[tuple[str, int], int] = {}
    if log is None:
        return found
    for topic in sorted({topic for topic, _ in places}):
        try:
            offsets = await log.end_offsets(topic, [n for name, n in places if name == topic])
        except LogUnavailable:
            return found  # unknown is what the caller shows; the log says so itself
        found.update({(topic, n): offset for n, offset in offsets.items()})
    return found


async def _ages(log: Log, lagging: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], float]:
    ages = await asyncio.gather(
        *(_age(log, topic, partition, offset) for (topic, partition), offset in lagging.items())
    )
    return {place: age for place, age in zip(lagging, ages, strict=True) if age is not None}


async def _age(log: Log, topic: str, partition: int, offset: int) -> float | None:
    """Seconds since the record was appended; None where it cannot be read in time."""
    try:
        async with asyncio.timeout(AGE_TIMEOUT):
            records = await log.read(topic, partition, offset, 1)
    except (LogUnavailable, TimeoutError):
        return None
    return age(records[0].value) if records else None


def age(value: bytes) -> float | None:
    """Seconds since a record was appended, as its own bytes say."""
    try:
        return seconds_since(decode(value).recordedtime)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def seconds_since(recordedtime: str) -> float:
    """Seconds since a time as records spell it. Raises ValueError for another spelling."""
    return max(0.0, (now() - datetime.fromisoformat(recordedtime)).total_seconds())


_PARTITIONS = """
SELECT $3 || c.topic || '.' || c.generation AS name, c.partition, c.next_offset,
    (SELECT count(*) FROM {s}.parked p
     WHERE p.partition = c.partition AND p.topic = $3 || c.topic || '.' || c.generation) AS parked,
    f.halted, CASE WHEN l.until > clock_timestamp() THEN l.owner END AS owner
FROM {s}.checkpoints c
LEFT JOIN {s}.failures f ON f.partition = c.partition
LEFT JOIN leases l ON l.schema = $1 AND l.unit = $2 || c.partition
ORDER BY c.topic, c.generation, c.partition
"""
