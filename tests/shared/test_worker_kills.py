"""Workers that are killed or paused are taken over; nothing is lost and nothing counts twice."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.crew import Crew
from shared.database import Pool
from shared.log import Log
from tests.shared.toy import (
    FAST,
    SCHEMA,
    Start,
    append,
    counted,
    counted_is,
    happening,
    partitions,
)
from tests.waiting import until


async def test_a_killed_worker_is_taken_over_when_its_leases_expire(
    pool: Pool, log: Log, topic_prefix: str, start: Start
) -> None:
    a, running = start("a")
    b, _ = start("b")
    await until(lambda: partitions(a) == partitions(b) == 2)
    running.cancel()  # a hard end: nothing is released
    await asyncio.wait([running])
    assert await pool.fetchval("SELECT count(*) FROM leases WHERE owner = 'a'") == 2
    await append(log, topic_prefix, [happening(str(n), who=str(n)) for n in range(100)])
    await until(lambda: partitions(b) == 4, deadline=FAST.lease * 3)
    await until(lambda: counted_is(pool, 100))


@asynccontextmanager
async def another_process(
    database: str, kafka: str, prefix: str
) -> AsyncIterator[subprocess.Popen[bytes]]:
    """A worker named `z` in a process of its own."""
    command = [sys.executable, "-m", "tests.shared.toy_process", database, kafka, prefix]
    process = subprocess.Popen(command)  # noqa: ASYNC220
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait(timeout=10)


async def owned(pool: Pool, owner: str) -> int:
    found = await pool.fetchval("SELECT count(*) FROM leases WHERE owner = $1", owner)
    assert isinstance(found, int)
    return found


async def test_a_process_killed_under_load_loses_nothing_and_doubles_nothing(
    pool: Pool,
    log: Log,
    topic_prefix: str,
    database: str,
    kafka: str,
    start: Start,
) -> None:
    a, _ = start("a")
    async with another_process(database, kafka, topic_prefix) as process:
        await until(lambda: two_of(pool, a))
        await append(log, topic_prefix, [happening(str(n), who=str(n)) for n in range(3000)])
        await until(lambda: some_counted(pool))
        os.kill(process.pid, signal.SIGKILL)
        await append(log, topic_prefix, [happening(str(n), who=str(n)) for n in range(2900, 4000)])
        await until(lambda: counted_is(pool, 4000))
        assert partitions(a) == 4


async def two_of(pool: Pool, one: Crew) -> bool:
    return partitions(one) == 2 and await owned(pool, "z") == 2


async def some_counted(pool: Pool) -> bool:
    return await counted(pool, SCHEMA) > 0


async def test_a_process_paused_past_its_leases_writes_nothing_when_it_wakes(
    pool: Pool,
    log: Log,
    topic_prefix: str,
    database: str,
    kafka: str,
    start: Start,
) -> None:
    a, _ = start("a")
    async with another_process(database, kafka, topic_prefix) as process:
        await until(lambda: two_of(pool, a))
        os.kill(process.pid, signal.SIGSTOP)
        await append(log, topic_prefix, [happening(str(n), who=str(n)) for n in range(1000)])
        await until(lambda: counted_is(pool, 1000))
        assert partitions(a) == 4
        os.kill(process.pid, signal.SIGCONT)
        await until(lambda: two_of(pool, a))
        await append(log, topic_prefix, [happening("last", who="last")])
        await until(lambda: counted_is(pool, 1001))
