"""The law: the catalogue rebuilt from the log equals the live one, and what was decided."""

from collections import Counter
from itertools import product as pairs
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.leads.catalogue import queries
from services.leads.catalogue.commands import (
    ChangePriceList,
    ChangeProduct,
    RestoreProduct,
    RetireProduct,
)
from services.leads.catalogue.decider import PRICE_LIST, PRODUCT
from services.leads.catalogue.decider.price_list import stream_of as list_stream_of
from services.leads.catalogue.decider.product import stream_of
from services.leads.catalogue.events import Terms
from services.leads.catalogue.projections import TABLES
from services.leads.catalogue.states import Listed, Product, Retired, Sold
from shared import parking, schemas
from shared.comparing import Side, compare
from shared.database import Connection, Pool
from shared.messages import Record
from tests.leads import goods
from tests.leads.histories import History
from tests.leads.test_rebuilt_equals_live import HISTORIES, VIEW, _live, _rebuilt
from tests.records import at, record

SKUS = ("A", "B", "SET")
LISTS = ("standard", "gold")
SAID = st.tuples(
    st.sampled_from(["product", "product", "retire", "restore", "list", "count", "order"]),
    st.integers(0, 2),
    st.integers(0, 5),
)
"""What, about which product or list, and how: a step of a history."""


class Told:
    """What is decided and told of a catalogue, and what that must come to."""

    def __init__(self) -> None:
        self.history = History()
        self.counts: dict[tuple[str, str], tuple[str, int]] = {}
        self.orders: Counter[tuple[str, str]] = Counter()
        self._step = 0

    def say(self, what: str, which: int, how: int) -> None:
        self._step += 1
        if what == "count":
            self._count(SKUS[which], how)
        elif what == "order":
            self._order(which, how)
        elif what == "list":
            self._list(LISTS[which % 2], how)
        else:
            self._product(what, SKUS[which], how)

    @property
    def products(self) -> dict[str, Product]:
        found = {sku: self.history.states.get(stream_of(sku)) for sku in SKUS}
        return {sku: state for sku, state in found.items() if state is not None}

    def _product(self, what: str, sku: str, how: int) -> None:
        when = at(self._step)
        contents = {"A": how, "B": 1}.items() if sku == "SET" else ()
        fields: dict[str, Any] = {"contents": {part: many for part, many in contents if many}}
        wanted = goods.product(sku, name=f'N\t{how} "\\', category=f"c{how % 2}", **fields)
        made: dict[str, Any] = {
            "retire": RetireProduct(at=when),
            "restore": RestoreProduct(at=when),
            "product": goods.define(wanted, self.products)
            if sku not in self.products
            else ChangeProduct(product=wanted, related=self.products, at=when),
        }
        self.history.carry_out(PRODUCT, stream_of(sku), made[what])

    def _list(self, name: str, how: int) -> None:
        terms = Terms("EUR", goods.prices(A=how, B=how), None, [None, "2026-12-31"][how % 2])
        there = self.history.states.get(list_stream_of(name))
        rest: dict[str, Any] = {"terms": terms, "products": self.products, "base": None}
        self.history.carry_out(
            PRICE_LIST,
            list_stream_of(name),
            goods.define_list(**rest, name=name)
            if there is None
            else ChangePriceList(**rest, at=at(self._step)),
        )

    def _count(self, sku: str, how: int) -> None:
        location = ["", "HQ"][how % 2]
        fields = {"location": location} if location else {}
        made = self._told("stock.counted", 7 * self._step % 20, sku=sku, quantity=how, **fields)
        stamp = VIEW.decode(made).envelope.stamp
        latest = max(self.counts.get((sku, location), ("", 0)), (stamp, how))
        self.counts[sku, location] = latest

    def _order(self, which: int, how: int) -> None:
        skus = [*SKUS[:which], *SKUS[how % 3 :]]
        self._told("order.placed", self._step, lines=[{"sku": sku} for sku in skus])
        self.orders.update(pairs({*skus}, {*skus}))

    def _told(self, type_: str, seconds: float, **fields: Any) -> Record:
        made = record(
            type_, f"user:{self._step % 3}", id=f"t{self._step}", seconds=seconds, **fields
        )
        self.history.records.append(made)
        return made


async def _rows(connection: Connection, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.fetch(sql)]


@settings(
    max_examples=HISTORIES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(SAID, min_size=15, max_size=50), st.lists(st.integers(0, 99), max_size=4), st.data()
)
async def test_the_catalogue_rebuilt_equals_the_live_one_and_what_was_decided(
    pool: Pool, said: list[tuple[str, int, int]], again: list[int], drawn: st.DataObject
) -> None:
    told = Told()
    for step in said:
        told.say(*step)
    lanes = told.history.lanes(again)
    live, rebuilt = await _live(pool, lanes, drawn), await _rebuilt(pool, lanes, drawn)
    async with pool.acquire() as ours, pool.acquire() as theirs:
        sides = Side(ours, live.name), Side(theirs, rebuilt.name)
        for table in TABLES:
            found = await compare(*sides, VIEW.metadata.tables[table.name])
            assert found.differences == [], table.name
        assert await parking.parked(pool, live.name) == []
        await _is_what_was_told(ours, live.name, told)
    async with pool.acquire() as connection, connection.transaction():
        for schema in (live, rebuilt):
            await connection.execute("DELETE FROM live")
            await schemas.drop(connection, schema.name)


async def _is_what_was_told(connection: Connection, schema: str, told: Told) -> None:
    rows = await _rows(connection, f"SELECT sku, status, definition FROM {schema}.products")
    assert {sku: (status, msgspec.json.decode(said)) for sku, status, said in rows} == {
        sku: (
            "retired" if isinstance(state, Retired) else "active",
            msgspec.json.decode(msgspec.json.encode(state.product)),
        )
        for sku, state in told.products.items()
        if isinstance(state, Sold | Retired)
    }
    sold_sets = {
        sku
        for sku, state in told.products.items()
        if isinstance(state, Sold) and "B" in state.product.contents
    }
    assert {*await queries.bundles(connection, schema, ["B"])} == sold_sets
    rows = await _rows(connection, f"SELECT name, version, definition FROM {schema}.price_lists")
    states = [told.history.states.get(list_stream_of(name)) for name in LISTS]
    assert {name: (version, said) for name, version, said in rows} == {
        each.name: (each.version, msgspec.json.encode(each.terms).decode())
        for each in states
        if isinstance(each, Listed)
    }
    rows = await _rows(connection, f"SELECT sku, location, stamp, quantity FROM {schema}.stock")
    assert {(sku, place): (stamp, many) for sku, place, stamp, many in rows} == told.counts
    rows = await _rows(
        connection, f"SELECT sku, other, sum(orders) FROM {schema}.together GROUP BY 1, 2"
    )
    assert {(sku, other): orders for sku, other, orders in rows} == told.orders
