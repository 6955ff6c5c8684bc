"""Leases: who folds which partition of a view schema, and who runs its single units."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from shared.database import Connection, Pool
from shared.errors import RapportError
from shared.eviction import evicting

PARTITION = "partition/"
"""Units that begin so are partitions; every other unit is a single one."""

EVICT_AFTER = 0.5
"""Seconds to wait for the lock of a lease that expired a lease's time ago."""


class LeaseLost(RapportError):
    """Somebody else has taken the unit over; whatever this transaction wrote is rolled back."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one unit of a schema. The epoch grows with every change of hands."""

    schema: str
    unit: str
    owner: str
    epoch: int
    seconds: float = 10.0

    async def guard(self, connection: Connection) -> None:
        """Lock the lease until the transaction ends. Raises LeaseLost where it is no longer ours.

        A holder that is paused inside the transaction is cut off after the lease's time, so that
        its lock does not keep the unit from others.
        """
        epoch = await connection.fetchval(_GUARD, self.schema, self.unit, self.owner, _ms(self))
        if epoch != self.epoch:
            raise LeaseLost(f"{self.schema} {self.unit} is no longer held by {self.owner}")


@dataclass(frozen=True)
class Single:
    """A unit that one worker runs for the whole schema; `run` loops until it is cancelled."""

    name: str
    run: Callable[[Pool, Lease], Awaitable[None]]
    live_only: bool = False


@dataclass
class Change:
    """What one heartbeat brought: units gained, units lost to others, units to let go of."""

    gained: list[Lease] = field(default_factory=list)
    lost: list[Lease] = field(default_factory=list)
    surplus: list[Lease] = field(default_factory=list)


class Leases:
    """The leases that one worker holds in one schema. Only the database's clock counts."""

    def __init__(self, pool: Pool, schema: str, owner: str, seconds: float) -> None:
        self._pool = pool
        self.schema = schema
        self.owner = owner
        self.seconds = seconds
        self.held: dict[str, Lease] = {}

    async def beat(self, units: Collection[str], refused: Collection[str] = ()) -> Change:
        """Say that we live, renew what is held, and take or give up units towards a fair share.

        `refused` names units that this worker will not take. Raises what asyncpg raises.
        """
        async with self._pool.acquire(timeout=self.seconds) as connection:
            await connection.execute(_ALIVE, self.schema, self.owner, self._span)
            change = Change(lost=await self._renew(connection))
            workers = [row["owner"] for row in await connection.fetch(_WORKERS, self.schema)]
            for group in _groups(units):
                target = fair_share(len(group), workers, self.owner, spread=group[0])
                await self._towards(connection, target, group, refused, change)
        change.surplus += [lease for unit, lease in self.held.items() if unit not in units]
        return change

    async def renew(self) -> None:
        """Only keep what is held: a worker that is about to leave."""
        async with self._pool.acquire(timeout=self.seconds) as connection:
            await self._renew(connection)

    async def release(self, lease: Lease) -> None:
        """Give a unit up so that another worker can take it at once."""
        if self.held.get(lease.unit) == lease:
            del self.held[lease.unit]
        await self._pool.execute(
            _RELEASE, lease.schema, self.owner, [lease.unit], [lease.epoch], timeout=self.seconds
        )

    async def leave(self) -> None:
        """Give everything up: a clean shutdown."""
        units, epochs = [*self.held], [lease.epoch for lease in self.held.values()]
        self.held.clear()
        async with self._pool.acquire(timeout=self.seconds) as connection:
            await connection.execute(_RELEASE, self.schema, self.owner, units, epochs)
            await connection.execute(_GONE, self.schema, self.owner)

    @property
    def _span(self) -> timedelta:
        return timedelta(seconds=self.seconds)

    async def _renew(self, connection: Connection) -> list[Lease]:
        """Renew all that is held in one statement; what is no longer ours.

        A row that our own guard has locked is skipped: nobody else can take it meanwhile.
        """
        if not self.held:
            return []
        await connection.execute(_RENEW, self.schema, self.owner, *self._holdings(), self._span)
        rows = await connection.fetch(_OURS, self.schema, self.owner)
        ours = {(row["unit"], row["epoch"]) for row in rows}
        lost = [lease for lease in self.held.values() if (lease.unit, lease.epoch) not in ours]
        for lease in lost:
            del self.held[lease.unit]
        return lost

    def _holdings(self) -> tuple[list[str], list[int]]:
        return [*self.held], [lease.epoch for lease in self.held.values()]

    async def _towards(
        self,
        connection: Connection,
        target: int,
        group: Sequence[str],
        refused: Collection[str],
        change: Change,
    ) -> None:
        mine = sorted(unit for unit in group if unit in self.held)
        if len(mine) > target:
            change.surplus += [self.held[unit] for unit in mine[target:]]
        elif len(mine) < target:
            free = [unit for unit in group if unit not in refused and unit not in self.held]
            rows = await connection.fetch(
                _TAKE, self.schema, self.owner, free, target - len(mine), self._span
            )
            for row in rows:
                lease = Lease(
                    self.schema, row["unit"], self.owner, row["epoch"], seconds=self.seconds
                )
                self.held[lease.unit] = lease
                change.gained.append(lease)
            if len(rows) < target - len(mine):
                await self._evict(connection, free)

    async def _evict(self, connection: Connection, free: Sequence[str]) -> None:
        """End who keeps a lease locked long after it expired; the next heartbeat takes it."""
        for row in await connection.fetch(_OVERDUE, self.schema, free, self._span):
            async with evicting(self._pool, connection, EVICT_AFTER):
                await connection.fetch(_WAIT_FOR, self.schema, row["unit"])


def fair_share(units: int, workers: Sequence[str], owner: str, *, spread: str = PARTITION) -> int:
    """How many of `units` are this worker's: the first by name take one more than the others.

    Single units are dealt from the other end, so that who has a partition less takes one of them.
    """
    ranked = sorted({*workers, owner}, reverse=not spread.startswith(PARTITION))
    each, over = divmod(units, len(ranked))
    return each + (ranked.index(owner) < over)


def partition_unit(partition: int) -> str:
    """The name of a partition's unit."""
    return f"{PARTITION}{partition}"


async def register(connection: Connection, schema: str, units: Collection[str]) -> None:
    """Make the rows of units that are not there yet, free for anybody."""
    await connection.execute(
        "INSERT INTO leases (schema, unit) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING",
        schema,
        [*units],
    )


def _groups(units: Collection[str]) -> list[list[str]]:
    partitions = [unit for unit in units if unit.startswith(PARTITION)]
    singles = [unit for unit in units if not unit.startswith(PARTITION)]
    return [group for group in (partitions, singles) if group]


def _ms(lease: Lease) -> str:
    return str(int(lease.seconds * 1000))


_GUARD = """
SELECT epoch FROM leases, set_config('idle_in_transaction_session_timeout', $4, true)
WHERE schema = $1 AND unit = $2 AND owner = $3
FOR UPDATE OF leases
"""

_ALIVE = """
INSERT INTO workers (schema, owner, until) VALUES ($1, $2, clock_timestamp() + $3::interval)
ON CONFLICT (schema, owner) DO UPDATE SET until = excluded.until
"""

_WORKERS = "SELECT owner FROM workers WHERE schema = $1 AND until > clock_timestamp()"

_GONE = """
DELETE FROM workers
WHERE schema = $1 AND (owner = $2 OR until < clock_timestamp() - interval '1 hour')
"""

_RENEW = """
WITH mine AS (
    SELECT l.unit FROM leases l JOIN unnest($3::text[], $4::bigint[]) h (unit, epoch)
        ON l.unit = h.unit AND l.epoch = h.epoch
    WHERE l.schema = $1 AND l.owner = $2
    FOR UPDATE OF l SKIP LOCKED
)
UPDATE leases l SET until = clock_timestamp() + $5::interval
FROM mine WHERE l.schema = $1 AND l.unit = mine.unit
"""

_OURS = "SELECT unit, epoch FROM leases WHERE schema = $1 AND owner = $2"

_TAKE = """
WITH free AS (
    SELECT unit FROM leases
    WHERE schema = $1 AND unit = ANY ($3::text[]) AND (owner IS NULL OR until < clock_timestamp())
    ORDER BY unit LIMIT $4
    FOR UPDATE SKIP LOCKED
)
UPDATE leases l SET owner = $2, epoch = l.epoch + 1, until = clock_timestamp() + $5::interval
FROM free WHERE l.schema = $1 AND l.unit = free.unit
RETURNING l.unit, l.epoch
"""

_OVERDUE = """
SELECT unit FROM leases
WHERE schema = $1 AND unit = ANY ($2::text[]) AND owner IS NOT NULL
AND until < clock_timestamp() - $3::interval
"""

_WAIT_FOR = "SELECT FROM leases WHERE schema = $1 AND unit = $2 FOR UPDATE"

_RELEASE = """
UPDATE leases l SET owner = NULL, until = '-infinity'
FROM unnest($3::text[], $4::bigint[]) h (unit, epoch)
WHERE l.schema = $1 AND l.owner = $2 AND l.unit = h.unit AND l.epoch = h.epoch
"""
