"""Tells the others, on the topic `customers`, who belongs to whom: what changed and no more."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import msgspec

from shared.clock import now, rfc3339
from shared.database import Connection, Pool, in_schema, is_transient
from shared.errors import LogUnavailable
from shared.failpoints import failpoint
from shared.leases import Lease
from shared.log import Log, partition_of
from shared.messages import Entry
from shared.service import Site

SOURCE = "/profile"
PAGE = 1_000
"""Subjects looked at, and records appended, in one step."""

POLL = 0.1
BACKOFF, LONGEST_BACKOFF = 0.2, 5.0
SWEEP_AFTER = 50_000
"""Rows deleted from `changed` after which their space is given back."""

_logger = logging.getLogger("rapport.profile.teller")


class Belongs(NamedTuple):
    """What is told: a subject, its customer, and which of its revisions this is."""

    subject: str
    customer: str
    revision: int

    def entry(self, at: str) -> Entry:
        """The record; told again it has the same id."""
        record = {
            "specversion": "1.0",
            "id": f"{self.subject}/{self.revision}",
            "source": SOURCE,
            "type": "belongs",
            "time": at,
            "receivedtime": at,
            "recordedtime": at,
            "datacontenttype": "application/json",
            "dataversion": 1,
            "partitionkey": self.subject,
            "actor": "service:profile",
            "data": self._asdict(),
        }
        return Entry(self.subject.encode(), msgspec.json.encode(record))


def teller(site: Site) -> Callable[[Pool, Lease], Awaitable[None]]:
    """What runs the teller of a site; one at a time, and only for the schema that serves."""

    async def run(pool: Pool, lease: Lease) -> None:
        """Tell until cancelled. Raises LeaseLost; what is away is waited for."""
        telling = Teller(pool, site.log, lease, site.topics["customers"], site.partitions)
        wait = BACKOFF
        while True:
            try:
                busy = await telling.turn()
                wait = BACKOFF
            except Exception as error:
                if not (isinstance(error, LogUnavailable) or is_transient(error)):
                    raise
                if wait == BACKOFF:
                    _logger.warning("the teller waits: %r", error)
                busy, wait = False, min(wait * 2, LONGEST_BACKOFF)
            if not busy:
                await asyncio.sleep(POLL if wait == BACKOFF else wait)

    return run


class Teller:
    """Notes in `told` what is wanted and not told yet, appends exactly that, marks it sent."""

    def __init__(
        self,
        pool: Pool,
        log: Log,
        lease: Lease,
        topic: str,
        partitions: int,
        *,
        page: int = PAGE,
    ) -> None:
        self._pool = pool
        self._log = log
        self._lease = lease
        self._topic = topic
        self._partitions = partitions
        self._page = page
        self._compared = False
        self._deleted = 0

    async def turn(self) -> bool:
        """One round of all steps; whether there may be more to do."""
        may = await self.compare()
        if not await self._pool.fetchval(self._sql(_ANY)):
            return False
        noted = await self.note() if may else 0
        told = await self.unsent()
        if told:
            failpoint("tell.noted")
            await self.append(told)
            failpoint("tell.appended")
            await self.mark(told)
            failpoint("tell.marked")
        if self._deleted >= SWEEP_AFTER and not noted:
            await self._give_back()
        return bool(told or noted)

    async def compare(self) -> bool:
        """After a switch, compare the whole mapping once; False where our schema does not serve."""
        if not self._compared:
            known = await self._pool.fetchval("SELECT schema FROM compared")
            if known != self._lease.schema and not await self._compare_whole():
                return False
            self._compared = True
        return True

    async def note(self) -> int:
        """Work rows of `changed` off: what differs from `told` is its next revision."""
        async with self._pool.acquire() as connection, connection.transaction():
            if not await self._may(connection):
                return 0
            seen: int = await connection.fetchval(self._sql(_NOTE), self._page)
        self._deleted += seen
        return seen

    async def unsent(self) -> list[Belongs]:
        """What was noted and not marked sent, also by a teller that is gone."""
        async with self._pool.acquire() as connection, connection.transaction():
            await self._lease.guard(connection)
            return [Belongs(*row) for row in await connection.fetch(_UNSENT, self._page)]

    async def append(self, told: Sequence[Belongs]) -> None:
        """Append exactly that. Raises LogUnavailable: then some may be in the log, some not."""
        at = rfc3339(now())
        entries: dict[int, list[Entry]] = defaultdict(list)
        for belongs in told:
            entries[partition_of(belongs.subject, self._partitions)].append(belongs.entry(at))
        appends = [
            self._log.append(self._topic, partition, batch) for partition, batch in entries.items()
        ]
        for settled in await asyncio.gather(*appends, return_exceptions=True):
            if isinstance(settled, BaseException):
                raise settled

    async def mark(self, told: Sequence[Belongs]) -> None:
        """Mark these revisions sent; a subject that has a later one by now stays unsent."""
        if not told:
            return
        async with self._pool.acquire() as connection, connection.transaction():
            await self._lease.guard(connection)
            await connection.execute(
                _MARK, [one.subject for one in told], [one.revision for one in told]
            )

    async def _compare_whole(self) -> bool:
        """Page through all that either side knows of; False where our schema does not serve."""
        for known in (_IDENTITIES, _TOLD):
            last: str | None = _FIRST
            while last is not None:
                async with self._pool.acquire() as connection, connection.transaction():
                    if not await self._may(connection):
                        return False
                    last = await connection.fetchval(self._sql(known + _COMPARE), last, self._page)
        async with self._pool.acquire() as connection, connection.transaction():
            if not await self._may(connection):
                return False
            await connection.execute(_COMPARED, self._lease.schema)
        return True

    async def _may(self, connection: Connection) -> bool:
        """Whether we hold the lease and our schema serves, both until the transaction ends.

        The lease is one per schema: only both together say that there is no other teller.
        """
        await self._lease.guard(connection)
        live = await connection.fetchval(_LIVE)
        return bool(live == self._lease.schema)

    async def _give_back(self) -> None:
        await self._pool.execute(self._sql("VACUUM (SKIP_LOCKED) {s}.changed"))
        self._deleted = 0

    def _sql(self, statement: str) -> str:
        return in_schema(statement, self._lease.schema)


_ANY = """
SELECT EXISTS (SELECT FROM {s}.changed) OR EXISTS (SELECT FROM told WHERE NOT sent)
"""

_FIRST = "00000000-0000-0000-0000-000000000000"

_LIVE = "SELECT schema FROM live WHERE service = 'profile' FOR SHARE"

_DIFFERENT = """
INSERT INTO told (subject, customer, revision)
SELECT p.subject, coalesce(i.customer, p.subject), 1
FROM page p
LEFT JOIN {s}.identities i ON i.subject = p.subject
LEFT JOIN told t ON t.subject = p.subject
WHERE coalesce(i.customer, p.subject) <> coalesce(t.customer, p.subject)
ORDER BY p.subject
ON CONFLICT (subject) DO UPDATE
    SET customer = excluded.customer, revision = told.revision + 1, sent = false
"""

# One snapshot: whoever sees a row of `changed` sees the belonging that it was written with.
_NOTE = f"""
WITH seen AS (
    DELETE FROM {{s}}.changed
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM {{s}}.changed LIMIT $1)) RETURNING subject
), page AS (
    SELECT DISTINCT subject FROM seen
), noted AS ({_DIFFERENT})
SELECT count(*) FROM seen
"""

_IDENTITIES = """
WITH page AS MATERIALIZED (
    SELECT subject FROM {s}.identities WHERE subject > $1 ORDER BY subject LIMIT $2
)"""

_TOLD = """
WITH page AS MATERIALIZED (
    SELECT subject FROM told WHERE subject > $1 ORDER BY subject LIMIT $2
)"""

_COMPARE = f""", noted AS ({_DIFFERENT})
SELECT subject::text FROM page ORDER BY page.subject DESC LIMIT 1
"""

_COMPARED = """
INSERT INTO compared (schema) VALUES ($1) ON CONFLICT (one) DO UPDATE SET schema = excluded.schema
"""

_UNSENT = """
SELECT subject::text, customer::text, revision FROM told
WHERE NOT sent ORDER BY told.subject LIMIT $1
"""

_MARK = """
UPDATE told SET sent = true FROM unnest($1::uuid[], $2::bigint[]) g (subject, revision)
WHERE told.subject = g.subject AND told.revision = g.revision
"""
