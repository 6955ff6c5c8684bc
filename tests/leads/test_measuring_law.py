"""The law: measures of random histories are what a plain reading of the same events comes to."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.leads.measuring import periods, queries
from services.leads.measuring.queries import Asked, Number
from shared.database import Pool
from shared.messages import Record
from tests.leads.answering import SCHEMA, Leads, answering
from tests.records import record, subject

DAY = 86_400
PEOPLE = ("user:1", "user:2", "user:3")
NUMBERS = ("1", "2", "3", "4")
DAYS = (date(2026, 1, 11), date(2026, 1, 21))
"""The period; days 10 to 20 after the start, with two of ten days before."""

KINDS = (
    *("order.placed", "order.placed", "order.cancelled", "order.returned"),
    *("subscription.started", "subscription.renewed", "subscription.cancelled"),
    *("call.placed", "cost.recorded"),
)
STEP = st.tuples(
    st.sampled_from(KINDS),
    st.sampled_from(PEOPLE),
    st.sampled_from(NUMBERS),
    st.integers(-10, 25),  # the day
    st.integers(0, 3),  # how
)
Step = tuple[str, str, str, int, int]


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        yield leads


def told(n: int, step: Step) -> Record:
    type_, who, thing, day, how = step
    fields: dict[str, Any] = {
        "amount": 10 * how,
        "currency": ("EUR", "GBP")[how % 2],
        "purpose": ("sales", "leads", "retention")[how % 3],
        "employee": "7",
        "term": "P1M",
        "order": thing,
        "subscription": thing,
    }
    return record(type_, who, id=str(n), seconds=day * DAY + n, offset=n, **fields)


@dataclass
class Order:
    who: str
    placed: float | None = None
    first: float | None = None
    cancelled: float = -1e9
    amount: int = 0
    currency: str = ""
    returned: Counter[str] = field(default_factory=Counter)

    @property
    def stands(self) -> bool:
        return self.placed is not None and self.cancelled < self.placed


@dataclass
class Read:
    """What a plain reading keeps: of each thing its events in the order of time."""

    orders: dict[str, Order] = field(default_factory=dict)
    subscriptions: dict[str, list[tuple[float, str, str, int, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    owners: dict[str, str] = field(default_factory=dict)
    costs: list[tuple[float, str, int, str, str]] = field(default_factory=list)
    calls: list[tuple[float, str]] = field(default_factory=list)


def read(steps: Iterable[Step]) -> Read:
    found = Read()
    dated = sorted((day * DAY + n, step) for n, step in enumerate(steps, 1) for day in [step[3]])
    for at, (type_, who, thing, _, how) in dated:
        amount, currency = 10 * how, ("EUR", "GBP")[how % 2]
        noun, _, verb = type_.partition(".")
        if noun == "order":
            order = found.orders.setdefault(thing, Order(who))
            if verb == "placed":
                order.placed, order.amount, order.currency = at, amount, currency
                order.first = at if order.first is None else order.first
            elif verb == "cancelled":
                order.cancelled = at
            else:
                order.returned[currency] += amount
        elif noun == "subscription":
            found.owners.setdefault(thing, who)
            found.subscriptions[thing].append((at, verb, who, amount, currency))
        elif noun == "cost":
            purpose = ("sales", "leads", "retention")[how % 3]
            found.costs.append((at, who, amount, currency, purpose))
        elif how % 3 == 0:
            found.calls.append((at, who))
    return found


def within(at: float, first: int = 10) -> bool:
    """In the ten days from one on."""
    return first * DAY <= at < (first + 10) * DAY


class Plain:
    """Rows and sums of every source, in the period of days 10 to 20."""

    def __init__(self, found: Read, customer: dict[str, str]) -> None:
        self.found, self.customer = found, customer
        self.count: Counter[tuple[str, str | None]] = Counter()
        self.sums: Counter[tuple[str, str | None]] = Counter()
        standing = [each for each in found.orders.values() if each.stands]
        self.bought = [(each.first or 0.0, customer[each.who], each) for each in standing]
        self.purchases = [(at, who) for at, who, _ in self.bought] + [
            (each[0], customer[found.owners[thing]])
            for thing, events in found.subscriptions.items()
            for each in events
            if each[1] != "cancelled"
        ]
        self.since: dict[str, float] = {}
        for at, who in sorted(self.purchases):
            self.since.setdefault(who, at)

    def numbers(self) -> dict[tuple[str, str | None], tuple[int, int]]:
        self.of_customers()
        self.of_orders()
        self.of_costs()
        self.of_subscriptions()
        self.of_value()
        for at, _ in self.found.calls:
            self.add(at, "sales_calls", None)
        return {key: (self.count[key], self.sums[key]) for key in self.count}

    def add(self, at: float, what: str, value: str | None, amount: int = 0) -> None:
        if within(at):
            self.count[what, value] += 1
            self.sums[what, value] += amount

    def standing(self, end: float) -> dict[str, tuple[float, str, str, int, str]]:
        """The latest event of each subscription that stands at a moment."""
        last = {
            thing: max(each for each in events if each[0] < end)
            for thing, events in self.found.subscriptions.items()
            if min(events)[0] < end
        }
        return {thing: each for thing, each in last.items() if each[1] != "cancelled"}

    def active(self, first: int) -> set[str]:
        found = {who for at, who in self.purchases if within(at, first)}
        things = self.standing((first + 10) * DAY)
        return found | {self.customer[self.found.owners[thing]] for thing in things}

    def of_customers(self) -> None:
        now, before, earlier = self.active(10), self.active(0), self.active(-10)
        again = {
            who
            for at, who, _ in self.bought
            if within(at) and any(other == who and then < at for then, other, _ in self.bought)
        }
        for what, people in (
            ("new_customers", {who for who, at in self.since.items() if within(at)}),
            ("customers_before", before),
            ("retained_customers", before & now),
            ("churned_customers", before - now),
            ("earlier_customers", earlier),
            ("earlier_retained", earlier & before),
            ("repeat_customers", again),
        ):
            for _ in people:
                self.add(10 * DAY, what, None)

    def of_orders(self) -> None:
        for at, who, order in self.bought:
            self.add(at, "orders", order.currency, order.amount)
            if within(self.since[who]):
                self.add(at, "new_revenue", order.currency, order.amount)

    def of_costs(self) -> None:
        for at, _, amount, currency, purpose in self.found.costs:
            self.add(at, "costs", currency, amount)
            if purpose == "leads":
                self.add(at, "costs_of_leads", currency, amount)
            if purpose != "retention":
                self.add(at, "costs_of_sales", currency, amount)

    def of_subscriptions(self) -> None:
        for _, _, _, amount, currency in self.standing(20 * DAY).values():
            self.add(10 * DAY, "recurring", currency, 12 * amount)

    def of_value(self) -> None:
        value: dict[tuple[str, str], int] = defaultdict(int)
        for at, who, order in self.bought:
            if at < 20 * DAY:
                value[who, order.currency] += order.amount - order.returned[order.currency]
        for at, who, amount, currency, _ in self.found.costs:
            if at < 20 * DAY:
                value[self.customer[who], currency] -= amount
        for (who, currency), amount in value.items():
            if self.since.get(who, 1e12) < 20 * DAY:
                self.add(10 * DAY, "lifetime", currency, amount)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(STEP, min_size=5, max_size=40), st.booleans(), st.randoms(use_true_random=False))
async def test_measures_are_what_a_plain_reading_comes_to(
    leads: Leads, steps: list[Step], is_one: bool, random: Any
) -> None:
    customer = {who: who for who in PEOPLE}
    records = [told(n, step) for n, step in enumerate(steps, 1)]
    if is_one:  # two of them turn out to be one
        customer["user:2"] = "user:1"
        about: dict[str, Any] = {
            "subject": subject("user:2"),
            "customer": subject("user:1"),
            "revision": 1,
        }
        records.append(record("belongs", id="b", topic="customers.1", **about))
    random.shuffle(records)
    expected = Plain(read(steps), customer).numbers()
    async with leads.site.pool.acquire() as connection:
        outer = connection.transaction()
        await outer.start()
        try:
            events = [leads.site.view.decode(one) for one in records]
            await leads.site.view.fold(connection, SCHEMA, events)
            now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=400)
            asked = Asked(periods.thresholds(DAYS), now, ())
            found = await queries.numbers(connection, SCHEMA, asked, "", {}, None, 10)
        finally:
            await outer.rollback()
    assert _sums(found) == expected


def _sums(found: Iterable[Number]) -> dict[tuple[str, str | None], tuple[int, int]]:
    return {
        (row.what, None if row.what == "sales_calls" else row.value): (row.rows, row.amount or 0)
        for row in found
        if row.what != "contacts"
    }
