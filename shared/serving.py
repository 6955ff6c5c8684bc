"""Which schema readers read: looked up now and then, kept when away, left when it may be."""

from collections.abc import Sequence
from typing import NamedTuple

import asyncpg

from shared.clock import monotonic
from shared.database import Pool, in_schema, is_transient
from shared.projection import View

LOOK = 0.05
"""Seconds between two looks while readers wait to move."""

MOVE = 5.0
"""Seconds after which they move, although what serves now knows less than they have read."""


async def live_schema(pool: Pool, service: str, version: int) -> str | None:
    """The schema that a reader of this version reads; None while it is still being built."""
    found: str | None = await pool.fetchval(_SERVING, service, version)
    return found


class _Move(NamedTuple):
    """From what was read to what serves now, once that knows as much."""

    to: str
    known: Sequence[asyncpg.Record]  # topic, generation, partition, next offset
    deadline: float


class Serving:
    """Which schema a reader of this code reads: looked up at most once a second, kept when away.

    After a switch readers stay with the former one, which is folded on, until the other has passed
    what they may have read there: the workers that take it over need a moment for that.
    """

    def __init__(
        self, pool: Pool, view: View, *, fresh: float = 1.0, patience: float = MOVE
    ) -> None:
        self._pool = pool
        self._view = view
        self._fresh = fresh
        self._patience = patience
        self._schema: str | None = None
        self._until = 0.0
        self._move: _Move | None = None

    async def schema(self) -> str | None:
        """Its name; None while it is still being built. Raises what asyncpg raises."""
        if self._schema is None or monotonic() >= self._until:
            try:
                self._schema = await self._look()
            except Exception as error:
                if self._schema is None or not is_transient(error):
                    raise
        return self._schema

    async def _look(self) -> str | None:
        found = await live_schema(self._pool, self._view.service, self._view.version)
        former = self._schema
        waits = found and former and found != former and await self._waits(former, found)
        self._until = monotonic() + (min(self._fresh, LOOK) if waits else self._fresh)
        if waits:
            return former
        self._move = None
        return found

    async def _waits(self, former: str, found: str) -> bool:
        """Whether it is too early to leave the former one."""
        try:
            if self._move is None or self._move.to != found:
                known = await self._pool.fetch(in_schema(_KNOWN, former))
                self._move = _Move(found, known, monotonic() + self._patience)
            if monotonic() >= self._move.deadline:
                return False
            columns = list(zip(*self._move.known, strict=True)) or [(), (), (), ()]
            return bool(await self._pool.fetchval(in_schema(_BEHIND, found), *columns))
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
            return False  # the former one is dropped


_KNOWN = "SELECT topic, generation, partition, next_offset FROM {s}.checkpoints"

_BEHIND = """
SELECT EXISTS (
    SELECT FROM {s}.checkpoints c
    JOIN unnest($1::text[], $2::integer[], $3::integer[], $4::bigint[])
        k (topic, generation, partition, next_offset) USING (topic, generation, partition)
    WHERE c.next_offset < k.next_offset)
"""

_SERVING = """
SELECT s.schema FROM schemas s LEFT JOIN live l ON l.schema = s.schema
WHERE s.service = $1 AND s.version = $2 AND s.ready IS NOT NULL
ORDER BY l.schema IS NULL, s.number DESC LIMIT 1
"""
