"""Where policies go on after a restore: behind the last event that they are known to have decided.

What stands before it in its partition they had passed: decided by the rules of then, or left alone.
"""

from collections.abc import Sequence
from contextlib import aclosing
from typing import NamedTuple

from shared import schemas
from shared.catchup import Tell
from shared.database import Connection, Pool
from shared.deciding.policies import ANYBODY, Policy, note_belonging
from shared.log import Log, lane_of, through
from shared.messages import Record
from shared.projection import Event, View
from shared.schemas import Schema

PAGE = 3_000
"""Records in one step."""

PATIENCE = 30.0
"""Seconds without a record, although there are some."""


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
    at = await schemas.positions(pool, schema)
    done, total = sum(at.values()), sum(ends.values())
    async with aclosing(through(log, at, ends, PAGE, PATIENCE)) as pages:
        async for records in pages:
            events = [event for record in records if (event := _event(view, record)) is not None]
            async with pool.acquire() as connection, connection.transaction():
                await _pass(connection, schema, policy, events)
            done += len(records)
            tell("passing", done, total)


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
        lane_of(event.record): event.record.place.offset + 1
        for event in events
        if event.envelope.event in decided
    }
    await schemas.move(connection, schema, behind)


_DECIDED = f"""
SELECT event FROM inbox WHERE subject = '{ANYBODY}' AND policy = $1 AND event = ANY ($2::uuid[])
"""
