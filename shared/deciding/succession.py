"""Policies in the next generation of a topic: they go on behind what they passed in the former one.

A view is folded from the start again; of policies that would let rules of now judge what was long
decided or left alone.
"""

import logging
from collections.abc import Mapping

from shared import schemas
from shared.database import Pool, in_schema
from shared.errors import LogUnavailable
from shared.log import Log, Original, Positions
from shared.projection import View
from shared.schemas import Schema, Source

PAGE = 5_000
"""Records in one step."""

PATIENCE = 30.0
"""Seconds without a record, although there are some."""

Passed = Mapping[int, int]
"""By partition: the offset before which everything is done with."""

_logger = logging.getLogger("rapport.succession")


async def prepare(pool: Pool, log: Log, view: View, prefix: str = "") -> Schema:
    """The schema of a service's policies, as `schemas.prepare` finds or makes it.

    One that is made for a next generation begins, in each partition, at the first record that is
    no copy of what the live one has passed; what that one has parked is not passed. A generation
    that was not copied from the one before it is read from its start. Ended on the way, it begins
    anew: nothing is made before. Raises as `schemas.prepare`, and OffsetLost.
    """
    sources, partitions = await schemas.record_topics(pool, log, view.topics, prefix)
    live = await schemas.live_name(pool, view.service)
    at: dict[tuple[str, int], int] = {}
    if live is not None and await schemas.find(pool, view, sources, prefix) is None:
        former = await schemas.load(pool, live, prefix)
        for source in sources:
            at |= await _behind(pool, log, former, source, partitions)
    return await schemas.prepare(pool, log, view, prefix, at)


async def _behind(
    pool: Pool, log: Log, former: Schema, source: Source, partitions: int
) -> Positions:
    """Where a topic is gone on with."""
    before = next((each for each in former.sources if each.topic == source.topic), None)
    if before is None:
        return {}
    passed = await _passed(pool, former, before)
    found = passed
    if before.generation != source.generation:
        found = await _first_left(log, source, before.generation, passed, partitions)
        _logger.info(
            "%s is gone on with behind %s records that were passed in generation %d",
            *(source.name, f"{sum(found.values()):,}", before.generation),
        )
    return {(source.name, partition): offset for partition, offset in found.items()}


async def _passed(pool: Pool, schema: Schema, source: Source) -> Passed:
    """What a schema has behind it of a topic, up to the first record that it has parked."""
    rows = await pool.fetch(
        in_schema(_PASSED, schema.name), source.topic, source.generation, source.name
    )
    return {row["partition"]: row["passed"] for row in rows}


async def _first_left(
    log: Log, source: Source, generation: int, passed: Passed, partitions: int
) -> Passed:
    """By partition of a topic, the first record that is no copy of what was passed in the former
    generation; the end where all are. Raises LogUnavailable and OffsetLost."""
    ends = await log.end_offsets(source.name, range(partitions))
    found, left = dict(ends), {partition for partition, end in ends.items() if end}
    reader = log.reader()
    try:
        if left:
            await reader.start({(source.name, partition): 0 for partition in left})
        while left:
            records = await reader.originals(PAGE, PATIENCE)
            if not records:
                raise LogUnavailable(f"the log gave no record for {PATIENCE:.0f} s")
            for record in (each for each in records if each.partition in left):
                if not _is_passed(record, generation, passed):
                    found[record.partition] = record.offset
                    left.discard(record.partition)
                elif record.offset + 1 >= ends[record.partition]:
                    left.discard(record.partition)
    finally:
        await reader.close()
    return found


def _is_passed(record: Original, generation: int, passed: Passed) -> bool:
    origin = record.origin
    if origin is None or origin.generation != generation:
        return False
    return origin.offset < passed.get(origin.partition, 0)


_PASSED = """
SELECT c.partition, least(c.next_offset, (
    SELECT min(p.record) FROM {s}.parked p WHERE p.topic = $3 AND p.partition = c.partition
)) AS passed
FROM {s}.checkpoints c WHERE c.topic = $1 AND c.generation = $2
"""
