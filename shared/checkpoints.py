"""Where one partition of a view schema stands: read, locked and moved in the view's transaction."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

import asyncpg

from shared.database import ERRORS, Connection, Pool, in_schema
from shared.errors import DatabaseUnavailable
from shared.eviction import evicting
from shared.leases import LeaseLost
from shared.outcomes import Tally, describe
from shared.schemas import Schema

ACQUIRE_TIMEOUT = 10.0


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """A transaction that lets go at once when it is cancelled, even where the server hangs.

    Raises DatabaseUnavailable where no connection is to be had, or the one in use was lost.
    """
    connection = await _acquire(pool)
    try:
        opened = connection.transaction()
        try:
            await opened.start()
            yield connection
            await opened.commit()
        except (asyncio.CancelledError, GeneratorExit):
            _drop(connection)  # a rollback would wait for the server
            raise
        except BaseException as error:
            if is_lost(connection) or _is_confused(error):
                _drop(connection)
                raise DatabaseUnavailable(describe(error)) from error
            await _roll_back(opened, connection)
            raise
    finally:
        await pool.release(connection, timeout=ACQUIRE_TIMEOUT)


async def _acquire(pool: Pool) -> asyncpg.pool.PoolConnectionProxy:
    try:
        return await pool.acquire(timeout=ACQUIRE_TIMEOUT)
    except ERRORS as error:
        raise DatabaseUnavailable(describe(error)) from error


async def _roll_back(
    opened: asyncpg.transaction.Transaction, connection: asyncpg.pool.PoolConnectionProxy
) -> None:
    try:
        await opened.rollback()
    except ERRORS:
        _drop(connection)  # the server rolls back what it has no client for


def is_lost(connection: asyncpg.pool.PoolConnectionProxy) -> bool:
    """Whether the server has ended a connection of a pool."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:  # the pool took it back when the server closed it
        return True


def _is_confused(error: BaseException) -> bool:
    """Whether the driver has lost count of what its connection does, as it does when a server dies
    at the wrong moment: nothing can be told from that of the event that was being folded."""
    busy = isinstance(error, asyncpg.InterfaceError) and "another operation" in str(error)
    return busy or isinstance(error, asyncpg.InternalClientError)


def _drop(connection: asyncpg.pool.PoolConnectionProxy) -> None:
    if not is_lost(connection):
        connection.terminate()


class Move(NamedTuple):
    """How a batch moves the checkpoint of one topic."""

    next_offset: int
    events: int


class Checkpoint:
    """One partition over all topics of a schema, and our right to move it: the epoch."""

    def __init__(self, schema: Schema, partition: int, epoch: int, seconds: float) -> None:
        self.schema = schema
        self.partition = partition
        self.epoch = epoch
        self.label = f"partition {partition} of {schema.name}"
        self.positions: dict[str, int] = {}
        self.folded = 0
        self.tally = Tally()
        self.halted: str | None = None
        self.discards: dict[str, set[str]] = {}
        self._discards_seen = 0
        self._seconds = seconds
        self._idle_limit = str(int(seconds * 1000))
        self._names = {(s.topic, s.generation): s.name for s in schema.sources}
        self._keys = {s.name: (s.topic, s.generation) for s in schema.sources}

    async def take_over(self, pool: Pool) -> None:
        """Put our epoch in, so that whoever folded before folds no more; read where we stand.

        Raises LeaseLost where a later holder has been here already. Who still keeps the lock after
        the time of a lease is ended.
        """
        async with transaction(pool) as connection:
            async with evicting(pool, connection, self._seconds):
                rows = await self._rows(connection)
            await self._take_over(connection, rows)

    async def _take_over(self, connection: Connection, rows: list[asyncpg.Record]) -> None:
        self._read(rows, lowest=0)
        await connection.execute(self._sql(_TAKE_OVER), self.partition, self.epoch)
        await self._read_failures(connection)

    async def resume(self, connection: Connection) -> None:
        """Read again where we stand: a commit may have happened although its answer was lost."""
        self._read(await self._rows(connection), lowest=self.epoch)
        await self._read_failures(connection)

    async def lock(self, connection: Connection) -> None:
        """Lock it until the transaction ends; LeaseLost unless it is as we left it."""
        rows = await self._rows(connection)
        found = {self._name(row): row["next_offset"] for row in rows}
        if found != self.positions or any(row["epoch"] != self.epoch for row in rows):
            raise LeaseLost(f"{self.label} is no longer ours")
        if rows[0]["discards"] != self._discards_seen:
            await self._read_discards(connection, rows[0]["discards"])

    async def move(self, connection: Connection, moves: Mapping[str, Move]) -> None:
        """Move it, by topic in Kafka."""
        keys = [self._keys[name] for name in moves]
        await connection.execute(
            self._sql(_MOVE),
            self.partition,
            [topic for topic, _ in keys],
            [generation for _, generation in keys],
            [move.next_offset for move in moves.values()],
            [move.events for move in moves.values()],
        )

    async def save_failures(self, connection: Connection, tally: Tally, halted: str | None) -> None:
        """Keep how much was parked lately, and why nothing more is folded here, if so."""
        await connection.execute(
            self._sql(_SAVE_FAILURES), self.partition, tally.streak, tally.recent, halted
        )

    async def _rows(self, connection: Connection) -> list[asyncpg.Record]:
        try:
            found = await connection.fetch(self._sql(_LOCK), self.partition, self._idle_limit)
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError) as error:
            raise LeaseLost(f"the schema {self.schema.name} is gone") from error
        rows = [row for row in found if (row["topic"], row["generation"]) in self._names]
        if len(rows) != len(self._names):
            raise LeaseLost(f"{self.label} has not a checkpoint for each topic")
        return rows

    def _read(self, rows: list[asyncpg.Record], *, lowest: int) -> None:
        if any(not lowest <= row["epoch"] <= self.epoch for row in rows):
            raise LeaseLost(f"{self.label} has another holder")
        self.positions = {self._name(row): row["next_offset"] for row in rows}
        self.folded = sum(row["folded"] for row in rows)

    async def _read_failures(self, connection: Connection) -> None:
        row = await connection.fetchrow(self._sql(_FAILURES), self.partition)
        if row is not None:
            self.tally = Tally(tuple(row["streak"]), tuple(row["recent"]))
            self.halted = row["halted"]

    async def _read_discards(self, connection: Connection, count: int) -> None:
        discards: dict[str, set[str]] = {}
        for row in await connection.fetch("SELECT subject, event FROM discards"):
            discards.setdefault(str(row["subject"]), set()).add(str(row["event"]))
        self.discards, self._discards_seen = discards, count

    def _name(self, row: asyncpg.Record) -> str:
        return self._names[row["topic"], row["generation"]]

    def _sql(self, sql: str) -> str:
        return in_schema(sql, self.schema.name)


# A holder that is paused inside its transaction is cut off, so that its lock keeps nobody out.
_LOCK = """
SELECT topic, generation, next_offset, epoch, folded,
    (SELECT count(*) FROM discards) AS discards,
    set_config('idle_in_transaction_session_timeout', $2, true)
FROM {s}.checkpoints WHERE partition = $1
ORDER BY topic, generation
FOR UPDATE
"""

_TAKE_OVER = "UPDATE {s}.checkpoints SET epoch = $2 WHERE partition = $1"

_FAILURES = "SELECT streak, recent, halted FROM {s}.failures WHERE partition = $1"

_MOVE = """
UPDATE {s}.checkpoints c SET next_offset = m.next_offset, folded = c.folded + m.n
FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[])
    m (topic, generation, next_offset, n)
WHERE c.partition = $1 AND c.topic = m.topic AND c.generation = m.generation
"""

_SAVE_FAILURES = """
INSERT INTO {s}.failures (partition, streak, recent, halted) VALUES ($1, $2, $3, $4)
ON CONFLICT (partition) DO UPDATE
SET streak = excluded.streak, recent = excluded.recent, halted = excluded.halted
"""
