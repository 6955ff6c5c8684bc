"""Locks of a database: one has it at a time, and a connection goes back to its pool without it."""

import asyncio

import asyncpg
import pytest

from shared.database import Pool
from shared.locking import locked
from tests.waiting import until

HELD = """
SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE l.locktype = 'advisory' AND d.datname = current_database()
"""


async def held(pool: Pool) -> int:
    found = await pool.fetchval(HELD)
    assert isinstance(found, int)
    return found


async def test_one_alone_has_it_until_the_end(pool: Pool) -> None:
    async with locked(pool, "job") as first, locked(pool, "job") as second:
        assert first is not None
        assert second is None
        async with locked(pool, "another job") as third:
            assert third is not None
    async with locked(pool, "job") as again:
        assert again is not None
    assert await held(pool) == 0


async def test_it_is_free_after_an_error_and_after_being_cancelled(pool: Pool) -> None:
    with pytest.raises(ValueError, match="broken"):
        async with locked(pool, "job"):
            raise ValueError("broken")
    assert await held(pool) == 0

    async def hold() -> None:
        async with locked(pool, "job"):
            waiting.set()
            await asyncio.Event().wait()

    waiting = asyncio.Event()
    holding = asyncio.create_task(hold())
    await waiting.wait()
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding
    assert await held(pool) == 0


async def broken(pool: Pool) -> None:
    """The body leaves its connection in a transaction that failed."""
    async with locked(pool, "job") as connection:
        assert connection is not None
        await connection.transaction().start()
        with pytest.raises(asyncpg.PostgresSyntaxError):
            await connection.execute("no statement")


async def test_a_connection_that_cannot_give_it_back_is_ended(pool: Pool) -> None:
    with pytest.raises(asyncpg.InFailedSQLTransactionError):
        await broken(pool)

    async def is_free() -> bool:
        return await held(pool) == 0

    await until(is_free)
