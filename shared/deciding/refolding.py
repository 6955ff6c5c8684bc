"""Streams and claims made anew from the events: the fold of each, in pages."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec

from shared.catchup import Tell
from shared.database import Connection
from shared.decider import Decider
from shared.errors import Fatal
from shared.messages import decode

PAGE = 1_000
"""Events in one step."""

Deciders = Mapping[str, Decider[Any, Any, Any]]
"""By type of event."""


@dataclass
class _Stream:
    """One that is being folded."""

    stream: str
    partitionkey: str
    decider: Decider[Any, Any, Any]
    state: Any
    version: int = 0

    def evolve(self, row: asyncpg.Record) -> None:
        """Raises Fatal where an event before this one is missing, or this one cannot be read."""
        if row["version"] != self.version + 1:
            raise Fatal(f"The stream {self.stream} has no event {self.version + 1}.")
        kind = self.decider.events[row["type"]]
        try:
            event = msgspec.json.decode(decode(row["record"]).data, type=kind)
        except msgspec.MsgspecError as error:
            place = f"event {row['version']} of the stream {self.stream}"
            raise Fatal(f"The {place} cannot be read: {error}.") from error
        self.state = self.decider.evolve(self.state, event)
        self.version = row["version"]


async def refold(connection: Connection, deciders: Deciders, events: int, tell: Tell) -> int:
    """Fold every stream that is not there yet, with what it claims; how many there are then.

    Only one page and one state are held at a time. Raises Fatal.
    """
    found: list[_Stream] = []
    current: _Stream | None = None
    done = int(await connection.fetchval(_DONE))
    async for page in _pages(connection):
        for row in page:
            if current is None or current.stream != str(row["stream"]):
                found += [current] if current else []
                decider = deciders[row["type"]]
                names = (str(row["stream"]), str(row["partitionkey"]))
                current = _Stream(*names, decider, decider.initial)
            current.evolve(row)
        await _write(connection, found)
        found.clear()
        done += len(page)
        tell("folding", done, events)
    if current is not None:
        await _write(connection, [current])
    return int(await connection.fetchval("SELECT count(*) FROM streams"))


async def _pages(connection: Connection) -> AsyncIterator[list[asyncpg.Record]]:
    """The events by stream and version, after the last stream that is there."""
    stream = await connection.fetchval("SELECT stream FROM streams ORDER BY stream DESC LIMIT 1")
    after = (stream or "00000000-0000-0000-0000-000000000000", 2**31 - 1)
    while page := await connection.fetch(_PAGE, *after, PAGE):
        yield page
        after = (page[-1]["stream"], page[-1]["version"])


async def _write(connection: Connection, found: list[_Stream]) -> None:
    if not found:
        return
    rows = [
        (
            *(each.stream, each.decider.category, each.version, each.partitionkey),
            msgspec.json.encode(each.state),
        )
        for each in found
    ]
    claims = [(*claim, each.stream) for each in found for claim in each.decider.claims(each.state)]
    async with connection.transaction():
        await connection.execute(_STREAMS, *zip(*rows, strict=True))
        taken = await connection.fetch(_CLAIMS, *zip(*claims, strict=True)) if claims else []
        if len(taken) != len(claims):
            raise Fatal("Two streams claim the same: their events are not of one service.")


_DONE = "SELECT coalesce(sum(version), 0) FROM streams"

_PAGE = """
SELECT stream, version, type, partitionkey, record FROM events
WHERE (stream, version) > ($1, $2) ORDER BY stream, version LIMIT $3
"""

_STREAMS = """
INSERT INTO streams (stream, category, version, partitionkey, state)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::uuid[], $5::bytea[])
"""

_CLAIMS = """
INSERT INTO claims (scope, subject, stream)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[])
ON CONFLICT DO NOTHING RETURNING stream
"""
