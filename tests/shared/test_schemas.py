"""View schemas: found or made at the start, built beside the live one, promoted when caught up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from shared import schemas, serving
from shared.crew import Crew
from shared.database import Connection, Pool
from shared.errors import Fatal
from shared.log import Log
from shared.projection import Offsets, View
from shared.status import status
from tests.shared import toy
from tests.shared.toy import VIEW, append, counted, happening
from tests.waiting import until

NEWER = replace(VIEW, version=2)


@asynccontextmanager
async def running(
    pool: Pool, log: Log, prefix: str, name: str, view: View = VIEW
) -> AsyncIterator[Crew]:
    worker = toy.worker(pool, log, prefix, name, view=view)
    task = asyncio.create_task(worker.run())
    yield worker
    worker.stop()
    await asyncio.wait_for(task, 25)


async def live(pool: Pool) -> str | None:
    found: str | None = await pool.fetchval("SELECT schema FROM live WHERE service = 'toy'")
    return found


async def is_live(pool: Pool, schema: str) -> bool:
    return await live(pool) == schema


async def counted_is(pool: Pool, schema: str, number: int) -> bool:
    exists = await pool.fetchval("SELECT to_regclass($1) IS NOT NULL", f"{schema}.counters")
    return bool(exists) and await counted(pool, schema) == number


async def test_the_first_schema_of_a_service_serves_at_once(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    schema = await schemas.prepare(pool, log, VIEW, topic_prefix)
    assert (schema.name, schema.partitions) == ("toy_1_1", 4)
    assert await live(pool) == "toy_1_1"
    assert await serving.live_schema(pool, "toy", 1) == "toy_1_1"


async def test_a_second_start_finds_the_schema_again(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    first, second = await asyncio.gather(
        schemas.prepare(pool, log, VIEW, topic_prefix),
        schemas.prepare(pool, log, VIEW, topic_prefix),
    )
    assert first == second
    assert await schemas.prepare(pool, log, VIEW, topic_prefix) == first


async def test_a_topic_that_is_not_there_halts_the_start(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    with pytest.raises(Fatal, match="reports"):
        await schemas.prepare(pool, log, toy.TWO_TOPICS, topic_prefix)


async def test_another_number_of_partitions_than_recorded_halts_the_start(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    await schemas.prepare(pool, log, VIEW, topic_prefix)
    await pool.execute("UPDATE topics SET partitions = 12")
    with pytest.raises(Fatal, match="12 are recorded"):
        await schemas.prepare(pool, log, VIEW, topic_prefix)


async def test_a_newer_version_builds_beside_and_is_promoted(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    await append(log, topic_prefix, [happening(str(n), who=str(n)) for n in range(200)])
    gate = asyncio.Event()

    async def gated(connection: Connection, schema: str, before: Offsets) -> bool:
        return gate.is_set()

    async with running(pool, log, topic_prefix, "old") as old:
        await until(lambda: old.schema and counted_is(pool, "toy_1_1", 200))
        newer = replace(NEWER, settled=gated)
        async with running(pool, log, topic_prefix, "new", newer) as new:
            await until(lambda: counted_is(pool, "toy_2_1", 200))
            assert await serving.live_schema(pool, "toy", 2) is None
            assert await live(pool) == "toy_1_1"
            assert new.schema
            assert await schemas.progress(pool, log, new.schema) == (200, 200)
            gate.set()
            await until(lambda: is_live(pool, "toy_2_1"))
            assert await serving.live_schema(pool, "toy", 2) == "toy_2_1"
            assert await serving.live_schema(pool, "toy", 1) == "toy_1_1"
            await append(log, topic_prefix, [happening("last")])
            await until(lambda: counted_is(pool, "toy_1_1", 201))
            await until(lambda: counted_is(pool, "toy_2_1", 201))
            assert await live(pool) == "toy_2_1"
    assert await toy.rows(pool, "toy_1_1") == await toy.rows(pool, "toy_2_1")


async def test_code_that_was_taken_back_serves_again_when_nobody_works_on_the_newer(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    async with running(pool, log, topic_prefix, "old"):
        await until(lambda: is_live(pool, "toy_1_1"))
    async with running(pool, log, topic_prefix, "new", NEWER):
        await until(lambda: is_live(pool, "toy_2_1"))
    async with running(pool, log, topic_prefix, "old again"):
        await until(lambda: is_live(pool, "toy_1_1"))


async def test_status_needs_only_the_database_and_the_log(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    await schemas.prepare(pool, log, VIEW, topic_prefix)
    event = happening("1")
    await append(log, topic_prefix, [event])
    (found,) = await status(pool, log, "toy", topic_prefix)
    assert (found.schema, found.live, found.ready) == ("toy_1_1", True, True)
    assert len(found.partitions) == 4
    (behind,) = [row for row in found.partitions if row.lag]
    assert (behind.partition, behind.end, behind.lag) == (toy.partition(event), 1, 1)
    assert behind.lag_seconds
    assert (behind.outcome, behind.owner) == ("idle", None)


async def test_status_without_the_log_says_that_the_lag_is_unknown(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    await schemas.prepare(pool, log, VIEW, topic_prefix)
    (found,) = await status(pool, None, "toy", topic_prefix)
    assert {(row.end, row.lag, row.lag_seconds) for row in found.partitions} == {(None, None, None)}
