"""Sessions on PostgreSQL that are left behind."""

import asyncio

from shared.database import Pool
from tests.waiting import until

LOCK = "SELECT pg_advisory_xact_lock(7262002)"
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory' AND objid = $1"


async def test_what_we_gave_up_waits_for_no_lock(pool: Pool) -> None:
    async def waiting() -> int:
        return int(await pool.fetchval(WAITING, 7262002))

    async def gone() -> bool:
        return await waiting() == 0

    async with pool.acquire() as holder, holder.transaction():
        await holder.execute(LOCK)
        waiter = await pool.acquire()
        task = asyncio.create_task(waiter.execute(LOCK))
        await until(waiting, what="it waits")
        waiter.terminate()
        await asyncio.wait([task])
        assert task.exception() is not None
        await until(gone, what="the server ends it")
