"""The event store: streams loaded, and changes of many streams appended in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from shared.clock import now, rfc3339
from shared.database import Connection
from shared.decider import Claim, Decider

MOST_EVENTS = 10_000
"""Events that one change may have."""


class Origin(NamedTuple):
    """Where an event comes from: who wanted it, by which key, and what it follows from."""

    actor: str
    key: str = ""
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None


class Decided(NamedTuple):
    """An event and where it comes from."""

    event: Any
    origin: Origin


@dataclass(frozen=True)
class Kept:
    """A stream as it stands; version 0 where there is none."""

    stream: str
    version: int
    state: Any
    partitionkey: str | None = None
    category: str = ""


@dataclass(frozen=True)
class Change:
    """What is to be appended to one stream, decided at a version of it, and what it comes to.

    `partitionkey` is the subject with which a stream begins; one that is there has its own.
    """

    decider: Decider[Any, Any, Any]
    kept: Kept
    decided: Sequence[Decided]
    after: Any
    partitionkey: str

    @property
    def stream(self) -> str:
        return self.kept.stream

    @property
    def takes(self) -> frozenset[Claim]:
        return self.decider.claims(self.after) - self.decider.claims(self.kept.state)

    @property
    def frees(self) -> frozenset[Claim]:
        return self.decider.claims(self.kept.state) - self.decider.claims(self.after)


class Stale(NamedTuple):
    """Another version stands than the one that was decided upon."""

    stream: str


class Taken(NamedTuple):
    """Another stream holds what this one claims."""

    claim: Claim
    stream: str


class Lost(Exception):
    """Some of the changes cannot be appended, by their number; nothing was written that may stay.

    The transaction is to be rolled back, and tried again without them.
    """

    def __init__(self, losers: Mapping[int, Stale | Taken]) -> None:
        super().__init__(f"{len(losers)} changes lost")
        self.losers = losers


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
    await _claim(connection, changes)
    await connection.execute(_LAST_LOCK)
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
        raise Lost(stale)


async def _claim(connection: Connection, changes: Sequence[Change]) -> None:
    freed = sorted((*claim, change.stream) for change in changes for claim in change.frees)
    if freed:
        await connection.execute(_FREE, *zip(*freed, strict=True))
    taken = sorted((*claim, change.stream) for change in changes for claim in change.takes)
    if not taken:
        return
    mine = [(scope, subject) for scope, subject, _ in taken]
    await connection.execute(_TAKE, *zip(*taken, strict=True))
    rows = await connection.fetch(_HOLDERS, *zip(*mine, strict=True))
    holders = {Claim(row["scope"], str(row["subject"])): str(row["stream"]) for row in rows}
    lost = {
        number: Taken(claim, holders[claim])
        for number, change in enumerate(changes)
        for claim in change.takes
        if holders[claim] != change.stream
    }
    if lost:
        raise Lost(lost)


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

_FREE = """
DELETE FROM claims c USING unnest($1::text[], $2::uuid[], $3::uuid[]) g (scope, subject, stream)
WHERE c.scope = g.scope AND c.subject = g.subject AND c.stream = g.stream
"""

_TAKE = """
INSERT INTO claims (scope, subject, stream)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[])
ON CONFLICT DO NOTHING
"""

_HOLDERS = """
SELECT c.scope, c.subject, c.stream
FROM claims c JOIN unnest($1::text[], $2::uuid[]) g (scope, subject)
    ON c.scope = g.scope AND c.subject = g.subject
"""

_LAST_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('rapport events', 0))"

_LAST = "SELECT coalesce(max(position), 0) FROM events"

_APPEND = """
INSERT INTO events (position, stream, version, category, type, partitionkey, record)
SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::uuid[],
    $7::bytea[])
"""
