"""The event store: streams loaded, and changes of many streams appended in one transaction."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from shared.clock import now, rfc3339
from shared.database import Connection
from shared.decider import Decider
from shared.deciding.claiming import claim
from shared.deciding.streams import Change as Change
from shared.deciding.streams import Decided as Decided
from shared.deciding.streams import Kept as Kept
from shared.deciding.streams import Lost as Lost
from shared.deciding.streams import Origin as Origin
from shared.deciding.streams import Stale as Stale
from shared.deciding.streams import Taken as Taken

MOST_EVENTS = 10_000
"""Events that one change may have."""


async def load(
    connection: Connection,
    decider: Decider[Any, Any, Any],
    streams: Iterable[str],
    *,
    lock: bool = False,
) -> dict[str, Kept]:
    """The streams as they stand, also those that are not there; with `lock` until the transaction
    ends. A stream of another kind counts as one that is not there."""
    asked = sorted({*streams})
    rows = await connection.fetch(_LOAD + (_LOCKING if lock else ""), asked, decider.category)
    found = {
        str(row["stream"]): Kept(
            *(str(row["stream"]), row["version"]),
            msgspec.json.decode(row["state"], type=decider.states),
            *(str(row["partitionkey"]), decider.category),
        )
        for row in rows
    }
    return {stream: found.get(stream) or Kept(stream, 0, decider.initial) for stream in asked}


async def append(connection: Connection, source: str, changes: Sequence[Change]) -> list[int]:
    """Append all changes, each of another stream, in the open transaction; the last position of
    each.

    Raises Lost where some cannot be. What is written last, the events, is behind a lock that is
    kept until the transaction ends: so positions become visible in order, and without gaps. Do
    nothing slow afterwards.
    """
    await _advance(connection, changes)
    await claim(connection, changes)
    position = await connection.fetchval(_LAST)
    at = rfc3339(now())
    rows, last = [], []
    for change in changes:
        for number, decided in enumerate(change.decided, change.kept.version + 1):
            position += 1
            rows.append(_row(source, change, decided, number, position, at))
        last.append(position)
    await connection.execute(_APPEND, *zip(*rows, strict=True))
    return last


async def _advance(connection: Connection, changes: Sequence[Change]) -> None:
    """Every stream to its next version, in the order of their ids so that none deadlock."""
    ordered = sorted(changes, key=lambda change: change.stream)
    begun = [change for change in ordered if change.kept.version == 0]
    going_on = [change for change in ordered if change.kept.version]
    moved: set[str] = set()
    if going_on:
        rows = await connection.fetch(_LOCK, [change.stream for change in going_on])
        versions = {str(row["stream"]): row["version"] for row in rows}
        fresh = [each for each in going_on if versions.get(each.stream) == each.kept.version]
        columns = zip(*((each.stream, _next(each), _state(each)) for each in fresh), strict=True)
        await connection.execute(_MOVE, *(columns if fresh else ([], [], [])))
        moved |= {each.stream for each in fresh}
    if begun:
        columns = zip(
            *(
                (each.stream, each.decider.category, _next(each), each.partitionkey, _state(each))
                for each in begun
            ),
            strict=True,
        )
        moved |= {str(row["stream"]) for row in await connection.fetch(_BEGIN, *columns)}
    stale = {n: Stale(each.stream) for n, each in enumerate(changes) if each.stream not in moved}
    if stale:
        raise Lost(stale, changes)


def _next(change: Change) -> int:
    return change.kept.version + len(change.decided)


def _state(change: Change) -> bytes:
    return msgspec.json.encode(change.after)


def _row(
    source: str, change: Change, decided: Decided, version: int, position: int, at: str
) -> tuple[object, ...]:
    name = change.decider.name_of(decided.event)
    origin, key = decided.origin, change.kept.partitionkey or change.partitionkey
    record: dict[str, object] = {
        "specversion": "1.0",
        "id": f"{change.stream}/{version}",
        "source": source,
        "type": name,
        "time": decided.event.at,
        "receivedtime": at,
        "recordedtime": at,
        "datacontenttype": "application/json",
        "dataversion": 1,
        "partitionkey": key,
        "stream": change.stream,
        "streamversion": version,
        "sequence": f"{position:016}",
        "actor": origin.actor,
    }
    if origin.key:
        record["ingestkey"] = origin.key
    for attribute in ("correlationid", "causationid", "traceparent"):
        if (value := getattr(origin, attribute)) is not None:
            record[attribute] = value
    record["data"] = decided.event
    encoded = msgspec.json.encode(record)
    return position, change.stream, version, change.decider.category, name, key, encoded


_LOAD = """
SELECT stream, version, partitionkey, state FROM streams
WHERE stream = ANY ($1::uuid[]) AND category = $2
ORDER BY stream
"""

_LOCKING = "FOR UPDATE"

_LOCK = """
SELECT stream, version FROM streams WHERE stream = ANY ($1::uuid[]) ORDER BY stream FOR UPDATE
"""

_MOVE = """
UPDATE streams s SET version = g.version, state = g.state
FROM unnest($1::uuid[], $2::integer[], $3::bytea[]) g (stream, version, state)
WHERE s.stream = g.stream
"""

_BEGIN = """
INSERT INTO streams (stream, category, version, partitionkey, state)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::uuid[], $5::bytea[])
ON CONFLICT DO NOTHING
RETURNING stream
"""

_LAST = "SELECT last_position()"

_APPEND = """
INSERT INTO events (position, stream, version, category, type, partitionkey, record)
SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::uuid[],
    $7::bytea[])
"""
