"""Where policies go on after a restore: behind the last event that they are known to have decided.

What stands before it in its partition they had passed: decided by the rules of then, or left alone.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from shared import schemas
from shared.catchup import Tell
from shared.database import Connection, Pool, in_schema
from shared.deciding.policies import ANYBODY, Policy, note_belonging
from shared.errors import LogUnavailable
from shared.log import Log
from shared.messages import Record
from shared.projection import Event, View
from shared.schemas import Schema

PAGE = 3_000
"""Records in one step."""

PATIENCE = 30.0
"""Seconds without a record, although there are some."""

Offsets = Mapping[tuple[str, int], int]
"""By topic in Kafka and partition."""


class Resuming(NamedTuple):
    """The policies that go on: what they read, what they decide, and the prefix of topics."""

    view: View
    policy: Policy
    prefix: str = ""


async def resume(pool: Pool, log: Log, resuming: Resuming, tell: Tell) -> None:
    """Make the schema of the policies and put its checkpoints where they stood.

    The inbox has what their decisions followed from. Who belongs to whom is noted on the way, so
    that nothing is decided without it. A topic of which nothing was decided is read from its start
    again. Ended on the way, it goes on behind what was decided last. Raises as `schemas.prepare`,
    LogUnavailable and OffsetLost.
    """
    view, policy, prefix = resuming
    schema = await schemas.prepare(pool, log, view, prefix)
    ends = await schemas.ends(log, schema)
    at = dict(await schemas.positions(pool, schema))
    left = {place: offset for place, offset in at.items() if offset < ends[place]}
    if not left:
        return
    reader = log.reader()
    try:
        await reader.start(left)
        while any(at[place] < end for place, end in ends.items()):
            records = await reader.batch(PAGE, PATIENCE)
            if not records:
                raise LogUnavailable(f"the log gave no record for {PATIENCE:.0f} s")
            at |= {_of(record): record.place.offset + 1 for record in records}
            wanted = [each for each in records if each.place.offset < ends[_of(each)]]
            events = [event for record in wanted if (event := _event(view, record)) is not None]
            async with pool.acquire() as connection, connection.transaction():
                await _pass(connection, schema, policy, events)
            done = sum(min(at[place], end) for place, end in ends.items())
            tell("passing", done, sum(ends.values()))
    finally:
        await reader.close()


def _event(view: View, record: Record) -> Event | None:
    """What the policies would see; None for what cannot be read, of which nothing ever followed."""
    try:
        return view.decode(record)
    except Exception:  # the fold that parked it caught whatever this code may raise
        return None


async def _pass(
    connection: Connection, schema: Schema, policy: Policy, events: Sequence[Event]
) -> None:
    """Note who belongs to whom, and move the checkpoints behind what was decided."""
    await note_belonging(connection, policy, events)
    names = [event.envelope.event for event in events]
    rows = await connection.fetch(_DECIDED, policy.name, names)
    decided = {str(row["event"]) for row in rows}
    behind = {
        _of(event.record): event.record.place.offset + 1
        for event in events
        if event.envelope.event in decided
    }
    if behind:
        await connection.execute(in_schema(_MOVE, schema.name), *_columns(schema, behind))


def _columns(schema: Schema, behind: Offsets) -> tuple[list[str], list[int], list[int], list[int]]:
    """Topic, generation, partition and offset of each."""
    sources = {source.name: source for source in schema.sources}
    rows = [
        (sources[name].topic, sources[name].generation, partition, offset)
        for (name, partition), offset in behind.items()
    ]
    topics, generations, partitions, offsets = zip(*rows, strict=True)
    return [*topics], [*generations], [*partitions], [*offsets]


def _of(record: Record) -> tuple[str, int]:
    return record.place.topic, record.place.partition


_DECIDED = f"""
SELECT event FROM inbox WHERE subject = '{ANYBODY}' AND policy = $1 AND event = ANY ($2::uuid[])
"""

_MOVE = """
UPDATE {s}.checkpoints c SET next_offset = g.next_offset
FROM unnest($1::text[], $2::integer[], $3::integer[], $4::bigint[])
    g (topic, generation, partition, next_offset)
WHERE (c.topic, c.generation, c.partition) = (g.topic, g.generation, g.partition)
"""
