"""The resolver: what it keeps up equals the whole function, whatever comes in whatever order."""

import asyncio
import json
import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.profile import inbound, listing, tables
from services.profile.projections import fold
from services.profile.resolver import Resolver, resolve_once, run
from services.profile.whole import differences, resolve_all, stored
from shared.database import Pool, ddl
from shared.ids import random_token
from shared.leases import Lease, LeaseLost, register
from shared.messages import Record
from tests.records import record, subject
from tests.waiting import until

SCHEMA = "profile_1_1"
KINDS = ("device", "phone", "email", "loyalty", "crm", "user")


@pytest.fixture
async def views(pool: Pool) -> Pool:
    """A database with one empty view schema."""
    for statement in ddl(tables.metadata, SCHEMA):
        await pool.execute(statement)
    return pool


class Step(NamedTuple):
    """What happens next in a history: an event or a decision, told in few words."""

    type: str
    who: tuple[str, ...]
    moment: int
    key: str
    fields: dict[str, Any]


def told(number: int, step: Step) -> Record:
    """The step as a record; its number is its offset and names the event."""
    of_identity = step.type.startswith(("identifiers.", "key."))
    topic = "identity.1" if of_identity else "interactions.1"
    return record(
        step.type,
        *step.who,
        id=str(number),
        seconds=step.moment,
        topic=topic,
        offset=number,
        key=step.key,
        **step.fields,
    )


async def write(pool: Pool, steps: Sequence[tuple[int, Step]]) -> None:
    """Fold records in the given order, in one batch."""
    events = []
    for number, step in steps:
        one = told(number, step)
        is_decision = one.place.topic.startswith("identity")
        events.append(inbound.decision(one) if is_decision else inbound.interaction(one))
    async with pool.acquire() as connection, connection.transaction():
        await fold(connection, SCHEMA, events)


async def settle(pool: Pool, shared_above: int = 50) -> None:
    while await resolve_once(pool, SCHEMA, shared_above=shared_above):
        pass


async def wrong(pool: Pool, shared_above: int = 50) -> list[object]:
    """What differs from the whole function."""
    async with pool.acquire() as connection:
        expected = await resolve_all(connection, SCHEMA, shared_above)
        return [*differences(expected, await stored(connection, SCHEMA))]


async def empty(pool: Pool) -> None:
    names = [table.name for table in tables.metadata.sorted_tables]
    await pool.execute(";".join(f"DELETE FROM {SCHEMA}.{name}" for name in names))


async def customer_of(pool: Pool, who: str) -> str:
    found = await pool.fetchval(
        f"SELECT customer::text FROM {SCHEMA}.identities WHERE subject = $1", subject(who)
    )
    return found or subject(who)


def seen(*who: str, moment: int = 0, **fields: Any) -> Step:
    return Step("page.viewed", who, moment, "tests", fields)


def placed(
    *who: str, order: str, moment: int = 0, amount: int = 100, currency: str = "EUR"
) -> Step:
    fields = {"order": order, "amount": amount, "currency": currency}
    return Step("order.placed", who, moment, "tests", fields)


def decided(verb: str, one: str, other: str, moment: int) -> Step:
    return Step(f"identifiers.{verb}", (one, other), moment, "tests", {"decision": verb})


def disowned(key: str, moment: int) -> Step:
    return Step("key.disowned", (), moment, "ops", {"disowned": key, "reason": "leaked"})


people = st.builds("{}:{}".format, st.sampled_from(KINDS), st.sampled_from(["x1", "x2", "x3"]))
doubted = st.sampled_from([["email:x1", "user:x1"], ["user:x1", "user:x2"]])
moments = st.integers(0, 9)
names = st.sampled_from(["name", "first_name", "last_name"])
values = st.sampled_from(["Ada", "", None, 'a "b"', "\\u0000", "Łó😀", 7])


@st.composite
def step(draw: st.DrawFn) -> Step:
    moment, key = draw(moments), draw(st.sampled_from(["a", "b"]))
    match draw(st.integers(0, 10)):
        case 10:
            return disowned(draw(st.sampled_from(["a", "b", "c"])), moment)
        case 0 | 1:
            verb = draw(st.sampled_from(["together", "apart", "apart", "observed"]))
            one, other = draw(doubted | st.lists(people, min_size=2, max_size=2, unique=True))
            return decided(verb, one, other, moment)
        case 2:
            fields: dict[str, Any] = {
                "order": draw(st.sampled_from(["1", "2"])),
                "amount": draw(st.sampled_from([None, 5, 10])),
                "currency": draw(st.sampled_from([None, "EUR", "USD"])),
            }
            verb = draw(st.sampled_from(["placed", "placed", "cancelled", "paid"]))
            return Step(
                f"order.{verb}", (*draw(st.lists(people, max_size=2)),), moment, key, fields
            )
        case 3:
            fields = {"traits": {draw(names): draw(values)}}
            return Step("customer.described", (draw(people),), moment, key, fields)
        case _:
            who = draw(st.lists(people, min_size=1, max_size=3, unique=True))
            return Step("page.viewed", (*who,), moment, key, {})


@given(
    history=st.lists(step(), min_size=1, max_size=25),
    limit=st.integers(1, 4),
    order=st.randoms(use_true_random=False),
)
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_whatever_order_and_batches_the_resolver_equals_the_whole_function(
    views: Pool, history: list[Step], limit: int, order: random.Random
) -> None:
    await empty(views)
    steps = [*enumerate(history)]
    order.shuffle(steps)
    resolver = Resolver(views, SCHEMA, shared_above=limit, page=order.choice([1, 3, 1000]))
    while steps:
        size = order.randint(1, len(steps))
        await write(views, steps[:size])
        steps = steps[size:]
        if order.random() < 0.7:
            await resolver.turn()
    await settle(views, limit)
    assert await wrong(views, limit) == []
    assert await views.fetchval(f"SELECT count(*) FROM {SCHEMA}.pending") == 0


async def test_the_pairs_of_a_disowned_key_do_not_count_whenever_they_came(views: Pool) -> None:
    def met(*who: str, key: str, moment: int) -> Step:
        return seen(*who, moment=moment)._replace(key=key)

    steps = [
        met("email:x1", "user:x1", key="leaked", moment=1),
        met("email:x1", "user:x2", key="good", moment=2),
        met("phone:x1", "user:x1", key="leaked", moment=3),
    ]
    await write(views, [*enumerate(steps)])
    await settle(views)
    assert await customer_of(views, "email:x1") == subject("user:x1")
    later = [disowned("leaked", 4), met("device:x1", "user:x1", key="leaked", moment=5)]
    await write(views, [*enumerate(later, len(steps))])
    await settle(views)
    assert await customer_of(views, "email:x1") == subject("user:x2")
    assert await customer_of(views, "phone:x1") == subject("phone:x1")
    assert await customer_of(views, "device:x1") == subject("device:x1")
    assert await wrong(views) == []
    moved = await views.fetch(f"SELECT DISTINCT subject::text FROM {SCHEMA}.changed")
    assert {row[0] for row in moved} >= {subject("email:x1"), subject("phone:x1")}


async def test_a_subject_that_moves_is_noted_for_who_tells_the_others(views: Pool) -> None:
    await write(views, [(0, seen("email:a@x", "device:d"))])
    await settle(views)
    assert await customer_of(views, "device:d") == subject("email:a@x")
    await write(views, [(1, seen("user:1", "email:a@x", moment=1))])
    await settle(views)
    assert await customer_of(views, "device:d") == subject("user:1")
    changed = await views.fetch(f"SELECT subject::text FROM {SCHEMA}.changed")
    assert sorted(row[0] for row in changed) == sorted(
        [subject("device:d"), subject("device:d"), subject("email:a@x")]
    )


async def test_the_list_shows_a_customer_as_the_sum_of_its_subjects(views: Pool) -> None:
    traits = {"first_name": "Ada", "last_name": "Byron"}
    steps = [
        placed("email:a@x", order="1", amount=250),
        placed("user:1", order="2", amount=100, moment=1),
        placed("user:1", order="3", amount=900, currency="USD", moment=2),
        Step("customer.described", ("email:a@x",), 3, "tests", {"traits": traits}),
        seen("user:1", "email:a@x", moment=4),
        Step("order.cancelled", ("user:9",), 5, "tests", {"order": "2"}),
    ]
    await write(views, [*enumerate(steps)])
    await settle(views)
    [row] = await views.fetch(
        f"SELECT * FROM {SCHEMA}.customers WHERE customer = $1", subject("user:1")
    )
    assert (row["subjects"], row["interactions"], row["orders"]) == (2, 5, 2)
    assert (row["currency"], row["revenue"], row["name"]) == ("EUR", 250, "Ada Byron")
    assert json.loads(row["revenues"]) == {"EUR": 250, "USD": 900}
    assert await wrong(views) == []


async def test_an_order_leaves_the_customer_it_was_counted_under(views: Pool) -> None:
    await write(views, [(0, placed("user:2", order="1", moment=5))])
    await settle(views)
    await write(views, [(1, placed("user:1", order="1", moment=1))])
    await settle(views)
    rows = await views.fetch(f"SELECT customer::text, orders FROM {SCHEMA}.customers")
    assert {row[0]: row[1] for row in rows} == {subject("user:1"): 1, subject("user:2"): 0}


async def test_events_without_an_identifier_are_no_customers(views: Pool) -> None:
    await write(views, [(0, seen())])
    await settle(views)
    assert await views.fetchval(f"SELECT count(*) FROM {SCHEMA}.customers") == 0


async def test_what_comes_while_a_pass_runs_is_left_for_the_next(views: Pool) -> None:
    await write(views, [(0, seen("user:1")), (1, seen("user:2"))])
    assert await Resolver(views, SCHEMA, page=1).turn() == 1
    assert await views.fetchval(f"SELECT count(*) FROM {SCHEMA}.pending") == 1
    await settle(views)
    assert await wrong(views) == []


async def test_a_lost_lease_writes_nothing(views: Pool) -> None:
    await write(views, [(0, seen("user:1", "email:a@x"))])
    await register_held(views, owner="another")
    with pytest.raises(LeaseLost):
        await resolve_once(views, SCHEMA, Lease(SCHEMA, "resolver", "this", 1))
    assert await views.fetchval(f"SELECT count(*) FROM {SCHEMA}.pending") > 0
    assert await views.fetchval(f"SELECT count(*) FROM {SCHEMA}.identities") == 0


async def register_held(pool: Pool, owner: str) -> None:
    async with pool.acquire() as connection:
        await register(connection, SCHEMA, ["resolver"])
    await pool.execute(
        "UPDATE leases SET owner = $1, epoch = 1, until = 'infinity' WHERE unit = 'resolver'", owner
    )


async def test_a_large_customer_is_refreshed_at_intervals_and_in_the_end(
    views: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "LARGE", 1)
    monkeypatch.setattr(listing, "PER_SECOND", 0.001)
    resolver = Resolver(views, SCHEMA)
    await write(views, [(0, seen("user:1", "email:a@x")), (1, placed("user:1", order="1"))])
    for number in range(2, 5):  # the first row, the size it then has, and from then on an interval
        await resolver.turn()
        await write(views, [(number, seen("user:1", moment=number))])
    assert await resolver.turn() == 0
    await write(views, [(5, seen("user:2")), (6, seen("email:b@x", "user:1", moment=6))])
    assert await resolver.turn() > 0
    assert await resolver.turn() == 0
    assert {row[0] for row in await wrong(views)} == {"customers"}  # type: ignore[index]
    rows = await views.fetch(f"SELECT DISTINCT kind, key::text FROM {SCHEMA}.pending")
    assert [tuple(row) for row in rows] == [("facts", subject("user:1"))]
    await settle(views)  # a resolver that has just started has nothing to wait for
    assert await wrong(views) == []


async def test_a_large_customer_that_becomes_part_of_another_leaves_the_list_at_once(
    views: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "LARGE", 1)
    monkeypatch.setattr(listing, "PER_SECOND", 0.001)
    resolver = Resolver(views, SCHEMA)
    for number in range(3):
        await write(views, [(number, seen("email:a@x", "device:d", moment=number))])
        await resolver.turn()
    await write(views, [(3, seen("user:1", "email:a@x", moment=3))])
    await resolver.turn()
    rows = await views.fetch(f"SELECT customer::text FROM {SCHEMA}.customers")
    assert [row[0] for row in rows] == [subject("user:1")]


async def test_it_runs_until_cancelled_and_keeps_up(views: Pool) -> None:
    await register_held(views, owner="this")
    resolving = asyncio.create_task(run(views, Lease(SCHEMA, "resolver", "this", 1)))
    for number in range(3):
        await write(views, [(number, seen("user:1", f"email:{random_token(4).hex()}@x"))])

        async def is_settled() -> bool:
            return not await views.fetchval(f"SELECT count(*) FROM {SCHEMA}.pending")

        await until(is_settled, what="pending is empty")
    resolving.cancel()
    await asyncio.wait([resolving])
    assert resolving.cancelled()
    assert await wrong(views) == []
