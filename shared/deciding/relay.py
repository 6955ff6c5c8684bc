"""The relay: every event of the table, unchanged and in order, to the log."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from shared.checkpoints import transaction
from shared.database import Pool, is_transient
from shared.errors import LogUnavailable
from shared.failpoints import failpoint
from shared.leases import Lease
from shared.log import Log, partition_of
from shared.messages import Entry

PAGE = 1_000
"""Events in one step."""

PAGE_BYTES = 8 * 1024 * 1024
"""Of their records in one step, so that any page fits into what waits for the log."""

POLL = 0.05
BACKOFF, LONGEST_BACKOFF = 0.2, 5.0

_logger = logging.getLogger("rapport.relay")


def relay(log: Log, topic: str, partitions: int) -> Callable[[Pool, Lease], Awaitable[None]]:
    """What relays to a topic in Kafka; one at a time."""

    async def run(pool: Pool, lease: Lease) -> None:
        """Relay until cancelled. Raises LeaseLost; what is away is waited for."""
        relaying = Relay(pool, log, lease, topic, partitions)
        wait = BACKOFF
        while True:
            try:
                busy = await relaying.turn()
                wait = BACKOFF
            except Exception as error:
                if not (isinstance(error, LogUnavailable) or is_transient(error)):
                    raise
                if wait == BACKOFF:
                    _logger.warning("the relay waits: %r", error)
                busy, wait = False, min(wait * 2, LONGEST_BACKOFF)
            if not busy:
                await asyncio.sleep(POLL if wait == BACKOFF else wait)

    return run


async def unrelayed(pool: Pool) -> int:
    """How many events the log does not have yet; positions have no gaps."""
    found: int = await pool.fetchval(_UNRELAYED)
    return found


class Relay:
    """Appends what stands behind the mark, then moves the mark.

    Whatever goes wrong in between, the page is appended again: consumers count an event once, and
    the order of each key is that of its first copies.
    """

    def __init__(self, pool: Pool, log: Log, lease: Lease, topic: str, partitions: int) -> None:
        self._pool = pool
        self._log = log
        self._lease = lease
        self._topic = topic
        self._partitions = partitions

    async def turn(self) -> bool:
        """Relay one page; whether there may be more."""
        rows = _bounded(await self._pool.fetch(_PAGE, PAGE))
        if not rows:
            return False
        failpoint("relay.read")
        await self._append(rows)
        failpoint("relay.appended")
        async with transaction(self._pool) as connection:
            await self._lease.guard(connection)
            await connection.execute(_MOVE, rows[-1]["position"])
        failpoint("relay.moved")
        return True

    async def _append(self, rows: Sequence[asyncpg.Record]) -> None:
        entries: defaultdict[int, list[Entry]] = defaultdict(list)
        for row in rows:
            key = str(row["partitionkey"])
            entry = Entry(key.encode(), row["record"])
            entries[partition_of(key, self._partitions)].append(entry)
        await asyncio.gather(
            *(self._log.append(self._topic, number, some) for number, some in entries.items())
        )


def _bounded(rows: Sequence[asyncpg.Record]) -> Sequence[asyncpg.Record]:
    """The first of them, at least one, that the log takes at once."""
    size = 0
    for number, row in enumerate(rows):
        size += len(row["record"])
        if number and size > PAGE_BYTES:
            return rows[:number]
    return rows


_PAGE = """
SELECT position, partitionkey, record FROM events
WHERE position > (SELECT position FROM relayed) ORDER BY position LIMIT $1
"""

_UNRELAYED = "SELECT coalesce((SELECT max(position) FROM events), 0) - position FROM relayed"

_MOVE = "UPDATE relayed SET position = greatest(position, $1)"
