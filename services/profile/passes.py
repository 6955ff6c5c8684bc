"""One pass of the resolver: what `pending` named is worked in the open transaction, or waits."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.profile.belonging import belong
from services.profile.belonging_sql import ASK_AGAIN
from services.profile.listing import interval, refresh
from shared.clock import monotonic
from shared.database import Connection, in_schema

RESTING = 100_000
"""Rows that may wait for a large customer's next refresh; beyond that they are worked at once."""

Order = tuple[str, str]


@dataclass
class Batch:
    """What one pass saw in `pending`: where it stands, by what it asks to look at again."""

    facts: dict[UUID, list[object]] = field(default_factory=lambda: defaultdict(list))
    orders: dict[Order, list[object]] = field(default_factory=lambda: defaultdict(list))
    pairs: dict[UUID, list[object]] = field(default_factory=lambda: defaultdict(list))
    keys: list[object] = field(default_factory=list)
    last: object = None
    seen: int = 0

    def add(self, row: Any) -> None:
        place, kind, key, namespace, number = row
        if kind == "facts":
            self.facts[key].append(place)
        elif kind == "pair":
            self.pairs[key].append(place)
        elif kind == "key":
            self.keys.append(place)
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


class Waiting:
    """When large customers are due again, and which rows of `pending` wait for that.

    In memory only: what is forgotten is worked sooner.
    """

    def __init__(self) -> None:
        self._due: dict[UUID, float] = {}
        self._resting: dict[object, float] = {}

    def rests(self, key: object) -> bool:
        """Whether a row waits for a later moment."""
        return bool(self._resting) and self._resting.get(key, 0.0) > monotonic()

    def not_before(self, customer: UUID) -> float:
        """The moment before which a large customer is not refreshed again."""
        return self._due.get(customer, 0.0)

    def learn(self, outcome: Outcome) -> None:
        """Remember what a pass that is committed has put off, within bounds."""
        self._due = _still(self._due | outcome.due)
        self._resting = _still(self._resting | outcome.resting)


def _still(moments: dict[Any, float]) -> dict[Any, float]:
    now = monotonic()
    left = {key: until for key, until in moments.items() if until > now}
    return left if len(left) <= RESTING else {}


class Pass:
    """One pass inside the open transaction."""

    def __init__(
        self,
        connection: Connection,
        schema: str,
        batch: Batch,
        waiting: Waiting,
        shared_above: int,
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._batch = batch
        self._waiting = waiting
        self._shared_above = shared_above
        self._now = monotonic()
        self._outcome = Outcome()
        self._sizes: dict[UUID, int] = {}

    async def run(self) -> Outcome:
        batch, rests = self._batch, self._waiting.rests
        facts = {key: places for key, places in batch.facts.items() if not rests(key)}
        orders = {key: places for key, places in batch.orders.items() if not rests(key)}
        if batch.keys:
            await self._fetch(ASK_AGAIN, batch.keys)
        moved = await self._belong()
        sold = await self._sold(orders)
        subjects = {subject for both in sold.values() for subject in both if subject}
        customers = await self._customers(subjects.union(facts))
        wanted = moved.union(customers.values())
        late = {customer for customer in wanted if self._is_early(customer)}
        await refresh(self._connection, self._schema, wanted - late)
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
        return await self._connection.fetch(in_schema(sql, self._schema), *args)

    async def _belong(self) -> set[UUID]:
        """Who belongs to whom first: what is refreshed below is refreshed by that."""
        subjects = {str(subject) for subject in self._batch.pairs}
        names = await belong(self._connection, self._schema, subjects, self._shared_above)
        moved = {UUID(customer) for customer in names}
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
        return self._now < self._waiting.not_before(customer)

    def _waits(self, key: object, customer: UUID, late: set[UUID]) -> bool:
        """Whether a row stays for a later pass; if so, until when is noted."""
        if customer not in late:
            return False
        self._outcome.resting[key] = self._waiting.not_before(customer)
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
        places += self._batch.keys
        if places:
            await self._fetch(_DELETE, places)
        self._outcome.done = len(places)

    def _remember(self, refreshed: set[UUID]) -> None:
        """When the large ones among the refreshed are due again."""
        for customer in refreshed:
            if seconds := interval(self._sizes.get(customer, 0)):
                self._outcome.due[customer] = self._now + seconds


# One that has become part of another has no subjects any more: its row goes at once.
_SIZES = """
SELECT c.customer, c.subjects + c.orders AS size
FROM unnest($1::uuid[]) g (customer)
JOIN {s}.customers c ON c.customer = g.customer
LEFT JOIN {s}.identities i ON i.subject = g.customer
WHERE coalesce(i.customer, g.customer) = g.customer
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
