"""Locks of a whole database, kept by a connection for as long as a job takes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncpg.pool import PoolConnectionProxy

from shared.checkpoints import is_lost
from shared.database import Connection, Pool


@asynccontextmanager
async def locked(pool: Pool, name: str) -> AsyncIterator[Connection | None]:
    """A connection that alone has the lock of a name while the body runs; None where another has.

    Raises what asyncpg raises.
    """
    async with pool.acquire() as connection:
        if not await connection.fetchval(_TRY, name):
            yield None
            return
        try:
            yield connection
        finally:
            await _release(connection, name)


async def _release(connection: PoolConnectionProxy, name: str) -> None:
    """A connection that may have the lock still goes to nobody else: it is ended."""
    if is_lost(connection):
        return
    try:
        await connection.execute(_RELEASE, name)
    except BaseException:
        connection.terminate()
        raise


_TRY = "SELECT pg_try_advisory_lock(hashtextextended('rapport ' || $1, 0))"

_RELEASE = "SELECT pg_advisory_unlock(hashtextextended('rapport ' || $1, 0))"
