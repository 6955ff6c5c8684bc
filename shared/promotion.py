"""The switch: which schema serves."""

from dataclasses import replace

from shared.database import Connection, Pool
from shared.failpoints import failpoint
from shared.log import Log
from shared.projection import Offsets, View
from shared.schemas import READY, Schema, ends, is_live, live_name, lock, positions

STANDS_BY = 3600
"""Seconds that one which served is folded on, so that it can serve again at once."""


class Promotion:
    """Lets a schema serve once it has caught up: with the ends of the log, the live one, resolved.

    Both are looked at once and then reached, so that a steady stream of events cannot put it off.
    """

    def __init__(
        self, pool: Pool, log: Log, view: View, schema: Schema, *, back: bool = False
    ) -> None:
        self._pool = pool
        self._log = log
        self._view = view
        self._schema = schema
        self._back = back
        self._targets: Offsets | None = None
        self._met_live = False

    async def step(self) -> bool:
        """Promote the schema if it is time; True when it serves its readers.

        `live` moves to a newer version and to a later number; to an earlier number only on request
        (`back`), and to an older version (the code was taken back) only when nobody works on the
        live schema any more. What served until then is folded on for an hour.
        """
        if await is_live(self._pool, self._view.service, self._schema.name):
            return True
        if self._targets is None:
            self._targets = await ends(self._log, self._schema)
        async with self._pool.acquire() as connection, connection.transaction():
            await lock(connection, self._view.service)
            if not await self._caught_up(connection, self._targets):
                return False
            await connection.execute(READY, self._schema.name)
            await connection.execute(
                _PROMOTE, self._view.service, self._schema.name, self._back, STANDS_BY
            )
            failpoint("switch.written")
        failpoint("switch.committed")
        return True

    async def _caught_up(self, connection: Connection, targets: Offsets) -> bool:
        folded = await positions(connection, self._schema)
        if not _reached(folded, targets):
            return False
        if not self._met_live:
            self._targets = targets = {**targets, **await self._live_positions(connection)}
            self._met_live = True
        if not _reached(folded, targets):
            return False
        settled = self._view.settled
        return settled is None or await settled(connection, self._schema.name, targets)

    async def _live_positions(self, connection: Connection) -> dict[tuple[str, int], int]:
        live = await live_name(connection, self._view.service)
        return await positions(connection, replace(self._schema, name=live)) if live else {}


def _reached(folded: Offsets, targets: Offsets) -> bool:
    return all(folded.get(place, target) >= target for place, target in targets.items())


_PROMOTE = """
WITH former AS (
    SELECT f.schema FROM live l JOIN schemas f ON f.schema = l.schema, schemas mine
    WHERE l.service = $1 AND mine.schema = $2 AND f.schema <> $2
    AND ($3 OR (f.version, f.number) < (mine.version, mine.number)
        OR f.version > mine.version AND NOT EXISTS (
            SELECT FROM workers w WHERE w.schema = f.schema AND w.until > clock_timestamp()))
), pointed AS (
    UPDATE live SET schema = $2, since = now() FROM former WHERE live.service = $1
)
UPDATE schemas SET folded_until =
    CASE WHEN schemas.schema <> $2 THEN clock_timestamp() + make_interval(secs => $4) END
FROM former WHERE schemas.schema IN ($2, former.schema)
"""
