"""Ends sessions that keep a lock past their right to it: of a client that was paused or cut off."""

# The server ends a transaction that stands idle by itself; but between two messages of one
# statement a session counts as active for as long as its client says nothing.

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.database import Connection, Pool

_logger = logging.getLogger("rapport.eviction")


@asynccontextmanager
async def evicting(pool: Pool, connection: Connection, seconds: float) -> AsyncIterator[None]:
    """While the body waits for a lock longer than `seconds`, end the sessions that hold it."""
    watching = asyncio.create_task(_evict(pool, connection.get_server_pid(), seconds))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def _evict(pool: Pool, waiting: int, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            ended = await pool.fetch(_END_BLOCKERS, waiting, timeout=seconds)
        except Exception as error:  # who waits has a bound of its own
            _logger.warning("nobody could be evicted: %r", error)
            return
        for row in ended:
            _logger.warning("ended session %d, which kept a lock past its lease", row["pid"])


_END_BLOCKERS = """
SELECT pid FROM unnest(pg_blocking_pids($1)) pid WHERE pg_terminate_backend(pid)
"""
