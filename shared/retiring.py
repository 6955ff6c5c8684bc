"""Generations that go: a copy that is given up, an old generation that is dropped."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import asyncpg

from shared import administration, copies
from shared.copies import Copy
from shared.database import in_schema
from shared.errors import Conflict, Fatal
from shared.log import Log
from shared.members import Member, alone, is_switched, latest, open_again, under_way
from shared.topics import generation_of, topic_name


@dataclass(frozen=True)
class Old:
    """A generation that could be dropped: its name in Kafka, its records, what it is kept for."""

    name: str
    records: int
    kept_for: tuple[str, ...] = ()


async def abandon(log: Log, members: Sequence[Member], prefix: str) -> list[Copy]:
    """Give up what is being copied: open the topics again, delete what was copied.

    Raises Fatal where it is at work, or has begun to switch; LogUnavailable.
    """
    async with AsyncExitStack() as stack:
        for member in members:
            await stack.enter_async_context(alone(member))
        found = await under_way(members, prefix)
        if found and await is_switched(members, found):
            raise Fatal("The switch has begun: `rapport topics copy` finishes it.")
        if found:
            await open_again(log.address, members, found)
            await administration.delete(log.address, [copy.target for copy in found])
        for copy in found:
            for member in members:
                await copies.forget(member.pool, copy)
        return found


async def old(log: Log, members: Sequence[Member], prefix: str, name: str) -> Old:
    """A generation with what keeps it from being dropped; `name` is without prefix.

    Raises Fatal where it is no generation of a topic, or is not in Kafka; LogUnavailable.
    """
    topic, generation = _parsed(members, name)
    placed = topic_name(prefix, topic, generation)
    partitions = await log.partitions(placed)
    if partitions is None:
        raise Fatal(f"The topic {placed} is not in Kafka.")
    ends = await log.end_offsets(placed, range(partitions))
    made = {copy.target for copy in await under_way(members, prefix)}
    reasons = ["it is being made; `rapport topics abandon` gives it up"] if placed in made else []
    for member in members:
        reasons += await _reasons(member, topic, generation)
        for copy in await copies.begun(member.pool, prefix):
            if copy.source == placed and (left := await copies.behind(member.pool, copy, ends)):
                reasons.append(f"{left} of its records are not in {copy.target}")
    return Old(placed, sum(ends.values()), tuple(reasons))


async def late(log: Log, members: Sequence[Member], prefix: str) -> list[Copy]:
    """Copies that were switched to and whose former generation has got more records since."""
    owners = {topic.name: member.pool for member in members for topic in member.owns}
    found = []
    for copy in await latest(members, prefix):
        if await log.partitions(copy.source):
            ends = await log.end_offsets(copy.source, range(copy.former_partitions))
            if await copies.behind(owners[copy.topic], copy, ends):
                found.append(copy)
    return found


async def drop(log: Log, members: Sequence[Member], prefix: str, name: str) -> Old:
    """Delete an old generation with all its records. Raises as `old`, Conflict where it is kept."""
    found = await old(log, members, prefix, name)
    if found.kept_for:
        raise Conflict(f"{found.name} is kept: {'; '.join(found.kept_for)}.")
    await administration.delete(log.address, [found.name])
    return found


def _parsed(members: Sequence[Member], name: str) -> tuple[str, int]:
    for topic in (owned.name for member in members for owned in member.owns):
        generation = generation_of("", topic, name)
        if generation is not None:
            return topic, generation
    raise Fatal(f"{name} is no generation of a topic, such as interactions.1.")


async def _reasons(member: Member, topic: str, generation: int) -> list[str]:
    """Why a service needs a generation."""
    present = await member.pool.fetchval("SELECT generation FROM topics WHERE topic = $1", topic)
    said = [f"{member.name} records it as the present one"] if present == generation else []
    schemas = [row["schema"] for row in await member.pool.fetch(_SCHEMAS)]
    folded = [name for name in schemas if await _folds(member, name, topic, generation)]
    return [*said, *(f"the view {name} is folded from it" for name in folded)]


async def _folds(member: Member, schema: str, topic: str, generation: int) -> bool:
    try:
        return bool(await member.pool.fetchval(in_schema(_FOLDS, schema), topic, generation))
    except asyncpg.UndefinedTableError:
        return False  # dropped at this moment


_SCHEMAS = "SELECT schema FROM schemas ORDER BY schema"

_FOLDS = "SELECT EXISTS (SELECT FROM {s}.checkpoints WHERE topic = $1 AND generation = $2)"
