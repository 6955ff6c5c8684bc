"""Stage two: one leased resolver per schema works `pending` off, each pass in one transaction."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.profile.belonging import belong
from services.profile.identity import SHARED_ABOVE
from services.profile.listing import interval, refresh
from shared.clock import monotonic
from shared.database import Connection, Pool, in_schema, is_transient
from shared.leases import Lease

PAGE = 5_000
"""Rows of `pending` worked in one pass."""

IDLE, LONGEST_IDLE = 0.02, 1.0
"""Seconds between two looks at an empty `pending`; longer where a look takes long."""

BACKOFF, LONGEST_BACKOFF = 0.1, 5.0
RESTING = 100_000
"""Rows that may wait for a large customer's next refresh; beyond that they are worked at once."""

FIRST_ANALYSIS, LAST_ANALYSIS = 2_000, 1_000_000
"""Rows worked before the planner is told how the tables grew, each time four times as many.

Between them autovacuum may not have come by; after the last it will have.
"""

SWEEP_AFTER = 100_000
"""Rows deleted from `pending` after which their space is given back."""

_logger = logging.getLogger("rapport.profile.resolver")
Order = tuple[str, str]


@dataclass
class Batch:
    """What one pass saw in `pending`: where it stands, by what it asks to look at again."""

    facts: dict[UUID, list[object]] = field(default_factory=lambda: defaultdict(list))
    orders: dict[Order, list[object]] = field(default_factory=lambda: defaultdict(list))
    pairs: dict[UUID, list[object]] = field(default_factory=lambda: defaultdict(list))
    last: object = None
    seen: int = 0

    def add(self, row: Any) -> None:
        place, kind, key, namespace, number = row
        if kind == "facts":
            self.facts[key].append(place)
        elif kind == "pair":
            self.pairs[key].append(place)
        else:
            self.orders[namespace, number].append(place)
        self.last = place
        self.seen += 1


@dataclass
class Outcome:
    """What a pass did: rows deleted, customers refreshed, and what waits for which moment."""

    done: int = 0
    due: dict[UUID, float] = field(default_factory=dict)
    resting: dict[object, float] = field(default_factory=dict)


async def resolve_once(
    pool: Pool, schema: str, lease: Lease | None = None, *, shared_above: int = SHARED_ABOVE
) -> int:
    """One pass over the first rows of `pending`; how many were worked off."""
    return await Resolver(pool, schema, lease, shared_above=shared_above).turn()


async def run(pool: Pool, lease: Lease) -> None:
    """Resolve until cancelled. Raises LeaseLost; what is away is waited for."""
    resolver, wait = Resolver(pool, lease.schema, lease), BACKOFF
    while True:
        try:
            await resolver.round()
            wait = BACKOFF
        except Exception as error:
            if not is_transient(error):
                raise
            if wait == BACKOFF:
                _logger.warning("the resolver waits for the database: %r", error)
            resolver.rewind()
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_BACKOFF)


class Resolver:
    """Sweeps through `pending` again and again, page by page."""

    def __init__(
        self,
        pool: Pool,
        schema: str,
        lease: Lease | None = None,
        *,
        shared_above: int = SHARED_ABOVE,
        page: int = PAGE,
    ) -> None:
        self._pool = pool
        self._schema = schema
        self._lease = lease
        self._shared_above = shared_above
        self._page = page
        self._after: object = _START
        self._due: dict[UUID, float] = {}
        self._resting: dict[object, float] = {}
        self._deleted = 0
        self._worked = 0
        self._analysis = FIRST_ANALYSIS

    def rewind(self) -> None:
        """Begin the next sweep at the start."""
        self._after = _START

    async def round(self) -> None:
        """One pass, and then a wait that is the longer the less there was to do."""
        began = monotonic()
        done = await self.turn()
        taken = monotonic() - began
        if self._deleted >= (SWEEP_AFTER if done else self._page):
            await self._give_back(idle=not done)
        if self._worked >= self._analysis <= LAST_ANALYSIS:
            await self._analyse()
        if self._after == _START:
            await asyncio.sleep(IDLE if done else min(max(IDLE, 4 * taken), LONGEST_IDLE))

    async def turn(self) -> int:
        """One pass over the next page, in one transaction; how many rows were worked off."""
        async with self._pool.acquire() as connection, connection.transaction():
            if self._lease is not None:
                await self._lease.guard(connection)
            await connection.execute(_BY_INDEX)
            batch = await self._read(connection)
            outcome = await _Pass(self, connection, batch).run() if batch.seen else Outcome()
        self._after = batch.last if batch.seen == self._page else _START
        self._deleted += outcome.done
        self._worked += outcome.done
        self._rest(outcome)
        return outcome.done

    def rests(self, key: object) -> bool:
        """Whether a row waits for a later moment."""
        return bool(self._resting) and self._resting.get(key, 0.0) > monotonic()

    def not_before(self, customer: UUID) -> float:
        """The moment before which a large customer is not refreshed again."""
        return self._due.get(customer, 0.0)

    async def fetch(self, connection: Connection, sql: str, *args: object) -> list[Any]:
        return await connection.fetch(in_schema(sql, self._schema), *args)

    async def belong(self, connection: Connection, subjects: Iterable[UUID]) -> set[UUID]:
        names = {str(subject) for subject in subjects}
        moved = await belong(connection, self._schema, names, self._shared_above)
        return {UUID(customer) for customer in moved}

    async def refresh(self, connection: Connection, customers: set[UUID]) -> None:
        await refresh(connection, self._schema, customers)

    async def _read(self, connection: Connection) -> Batch:
        batch = Batch()
        for row in await self.fetch(connection, _READ, self._after, self._page):
            batch.add(row)
        return batch

    def _rest(self, outcome: Outcome) -> None:
        """Remember what waits, within bounds: what is forgotten is only worked sooner."""
        now = monotonic()
        for waits, fresh in ((self._due, outcome.due), (self._resting, outcome.resting)):
            waits.update(fresh)  # type: ignore[arg-type]
            if len(waits) > RESTING or self._after == _START:
                for key in [key for key, until in waits.items() if until <= now]:
                    del waits[key]  # type: ignore[arg-type]
            if len(waits) > RESTING:
                waits.clear()

    async def _give_back(self, *, idle: bool) -> None:
        """Give the space of deleted rows back: a scan of `pending` reads the dead ones too.

        Only when idle is the table also made shorter, which waits for a lock that folds hold.
        """
        await self._pool.execute(
            in_schema(_VACUUM.format("true" if idle else "false"), self._schema)
        )
        self._deleted = 0

    async def _analyse(self) -> None:
        """Tell the planner how the tables of a young schema have grown."""
        await self._pool.execute(in_schema(_ANALYSE, self._schema))
        self._analysis *= 4


class _Pass:
    """One pass inside the open transaction."""

    def __init__(self, resolver: Resolver, connection: Connection, batch: Batch) -> None:
        self._resolver = resolver
        self._connection = connection
        self._batch = batch
        self._now = monotonic()
        self._outcome = Outcome()
        self._sizes: dict[UUID, int] = {}

    async def run(self) -> Outcome:
        batch, rests = self._batch, self._resolver.rests
        facts = {key: places for key, places in batch.facts.items() if not rests(key)}
        orders = {key: places for key, places in batch.orders.items() if not rests(key)}
        moved = await self._belong()
        sold = await self._sold(orders)
        subjects = {subject for both in sold.values() for subject in both if subject}
        customers = await self._customers(subjects.union(facts))
        wanted = moved.union(customers.values())
        late = {customer for customer in wanted if self._is_early(customer)}
        await self._resolver.refresh(self._connection, wanted - late)
        await self._keep(moved & late)
        waiting = self._waiting_orders(sold, customers, late)
        await self._count({key: both for key, both in sold.items() if key not in waiting})
        places = [place for key in orders if key not in waiting for place in orders[key]]
        places += [
            place
            for key in facts
            if not self._waits(key, customers[key], late)
            for place in facts[key]
        ]
        await self._delete(places)
        self._remember(wanted - late)
        return self._outcome

    async def _fetch(self, sql: str, *args: object) -> list[Any]:
        return await self._resolver.fetch(self._connection, sql, *args)

    async def _belong(self) -> set[UUID]:
        """Who belongs to whom first: what is refreshed below is refreshed by that."""
        moved = await self._resolver.belong(self._connection, self._batch.pairs)
        for row in await self._fetch(_SIZES, [*moved]) if moved else []:
            self._sizes[row["customer"]] = row["size"]
        return moved

    async def _sold(self, orders: Iterable[Order]) -> dict[Order, tuple[UUID | None, UUID | None]]:
        """Of each order the subject it belongs to now, and the one it was counted under last."""
        keys = sorted(orders)
        if not keys:
            return {}
        rows = await self._fetch(_SOLD, [key[0] for key in keys], [key[1] for key in keys])
        return {(row["namespace"], row["number"]): (row["now"], row["was"]) for row in rows}

    async def _customers(self, subjects: set[UUID]) -> dict[UUID, UUID]:
        """The customer of each subject; how large it is, is noted on the way."""
        customers = {}
        for subject, customer, size in (
            await self._fetch(_CUSTOMERS, [*subjects]) if subjects else []
        ):
            customers[subject] = customer
            self._sizes[customer] = size
        return customers

    def _is_early(self, customer: UUID) -> bool:
        """Whether it is too early to refresh a large customer again."""
        if not interval(self._sizes.get(customer, 0)):
            return False
        return self._now < self._resolver.not_before(customer)

    def _waits(self, key: object, customer: UUID, late: set[UUID]) -> bool:
        """Whether a row stays for a later pass; if so, until when is noted."""
        if customer not in late:
            return False
        self._outcome.resting[key] = self._resolver.not_before(customer)
        return True

    def _waiting_orders(
        self,
        sold: dict[Order, tuple[UUID | None, UUID | None]],
        customers: dict[UUID, UUID],
        late: set[UUID],
    ) -> set[Order]:
        return {
            key
            for key, both in sold.items()
            for subject in both
            if subject and self._waits(key, customers[subject], late)
        }

    async def _keep(self, late: set[UUID]) -> None:
        """Ask again for large customers whose subjects changed: their pairs are done with."""
        if late:
            places = [place for places in self._batch.pairs.values() for place in places]
            await self._fetch(_KEEP, sorted(late), places)

    async def _count(self, sold: dict[Order, tuple[UUID | None, UUID | None]]) -> None:
        """Note under whom an order was counted now."""
        fresh = sorted((*key, now) for key, (now, was) in sold.items() if now and now != was)
        if fresh:
            await self._fetch(_COUNT, *map(list, zip(*fresh, strict=True)))

    async def _delete(self, places: list[object]) -> None:
        places += [place for places in self._batch.pairs.values() for place in places]
        if places:
            await self._fetch(_DELETE, places)
        self._outcome.done = len(places)

    def _remember(self, refreshed: set[UUID]) -> None:
        """When the large ones among the refreshed are due again."""
        for customer in refreshed:
            if seconds := interval(self._sizes.get(customer, 0)):
                self._outcome.due[customer] = self._now + seconds


_START = (0, 0)

# A pass looks a page of keys up in tables that grow by the second: always by index, even where the
# planner still believes that a table is empty.
_BY_INDEX = """
SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off
"""

_READ = """
SELECT ctid, kind, key, namespace, number FROM {s}.pending WHERE ctid > $1 LIMIT $2
"""

_SIZES = """
SELECT customer, subjects + orders AS size FROM {s}.customers WHERE customer = ANY ($1::uuid[])
"""

_CUSTOMERS = """
SELECT g.subject, coalesce(i.customer, g.subject) AS customer,
       coalesce(c.subjects + c.orders, 0) AS size
FROM unnest($1::uuid[]) g (subject)
LEFT JOIN {s}.identities i ON i.subject = g.subject
LEFT JOIN {s}.customers c ON c.customer = coalesce(i.customer, g.subject)
"""

_SOLD = """
SELECT g.namespace, g.number, o.subject AS now, c.subject AS was
FROM unnest($1::text[], $2::text[]) g (namespace, number)
LEFT JOIN {s}.orders o ON o.namespace = g.namespace AND o.number = g.number
LEFT JOIN {s}.counted c ON c.namespace = g.namespace AND c.number = g.number
"""

_COUNT = """
INSERT INTO {s}.counted (namespace, number, subject)
SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[])
ON CONFLICT (namespace, number) DO UPDATE SET subject = excluded.subject
"""

_KEEP = """
INSERT INTO {s}.pending (kind, key, topic, partition, next_offset)
SELECT 'facts', g.customer, p.topic, p.partition, min(p.next_offset)
FROM {s}.pending p CROSS JOIN unnest($1::uuid[]) g (customer)
WHERE p.ctid = ANY ($2::tid[])
GROUP BY g.customer, p.topic, p.partition
"""

_DELETE = "DELETE FROM {s}.pending WHERE ctid = ANY ($1::tid[])"

_ANALYSE = """
ANALYZE {s}.pairs, {s}.decisions, {s}.owners, {s}.derived, {s}.identities, {s}.identifiers,
    {s}.counts, {s}.orders, {s}.traits, {s}.customers, {s}.counted
"""

_VACUUM = "VACUUM (SKIP_LOCKED, TRUNCATE {}) {{s}}.pending"
