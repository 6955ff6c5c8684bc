"""The profile's first stage: what events add up to, whatever the batches."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.profile import tables
from services.profile.consumers import view
from shared.database import Pool, ddl
from shared.messages import Place, Record
from shared.projection import Event
from tests import bulks
from tests.records import identifier, interleaved, record, subject

VIEW = view("")
ALL = tables.metadata.sorted_tables
STAGE_ONE = [
    "events",
    "identifiers",
    "counts",
    "traits",
    "satisfaction",
    "orders",
    "subscriptions",
    "products",
    "mentions",
    "consents",
    "organisations",
    "memberships",
    "pairs",
    "decisions",
]

ASKED = "SELECT DISTINCT kind, key::text, namespace, number FROM {}.pending ORDER BY 1, 2, 3, 4"


@pytest.fixture
async def schema(pool: Pool) -> str:
    for statement in ddl(tables.metadata, "p"):
        await pool.execute(statement)
    return "p"


async def fold(pool: Pool, schema: str, batches: Sequence[Sequence[Record]]) -> None:
    async with pool.acquire() as connection:
        for batch in batches:
            async with connection.transaction():
                await VIEW.fold(connection, schema, [VIEW.decode(each) for each in batch])


async def rows(pool: Pool, schema: str, table: str) -> list[tuple[Any, ...]]:
    return [
        tuple(row) for row in await pool.fetch(f"SELECT t::text FROM {schema}.{table} t ORDER BY 1")
    ]


async def only(pool: Pool, sql: str) -> Any:
    [row] = await pool.fetch(sql)
    return dict(row)


async def test_an_order_is_its_latest_words_and_the_sum_of_its_returns(
    pool: Pool, schema: str
) -> None:
    events = [
        record("order.placed", "user:7", id="1", seconds=1, order="A", amount=500, currency="EUR"),
        record("order.returned", "user:7", id="3", seconds=9, order="A", amount=200),
        record("order.paid", id="4", seconds=5, order="A"),
        record("order.placed", "user:7", id="2", seconds=3, order="A", amount=600, currency="EUR"),
    ]
    await fold(pool, schema, [events])
    order = await only(pool, "SELECT * FROM p.orders")
    assert str(order["subject"]) == subject("user:7")
    assert (order["amount"], order["returned"], order["returns"]) == (600, 200, 1)
    assert order["status"] == "returned"


async def test_a_cancellation_by_the_desk_finds_the_web_shops_order(
    pool: Pool, schema: str
) -> None:
    placed = record(
        "order.placed", "user:7", id="1", seconds=1, order="A", amount=5, currency="EUR"
    )
    cancelled = record("order.cancelled", "crm:desk:9", id="2", seconds=2, order="A")
    await fold(pool, schema, [[cancelled], [placed]])
    order = await only(pool, "SELECT *, cancelled > placed AS gone FROM p.orders")
    assert order["gone"] is True
    assert str(order["subject"]) == subject("user:7")


async def test_what_was_seen_counts_once(pool: Pool, schema: str) -> None:
    visit = record("store.visited", "user:7", id="1")
    again = visit._replace(place=Place("interactions.1", 0, 5))
    other = record("store.visited", "user:7", id="2", offset=6)
    await fold(pool, schema, [[visit, again], [again, other]])
    assert (await only(pool, "SELECT n FROM p.counts"))["n"] == 2


async def test_the_same_source_and_id_under_another_subject_is_another_event(
    pool: Pool, schema: str
) -> None:
    await fold(
        pool,
        schema,
        [[record("store.visited", "user:7", id="1"), record("store.visited", "user:8", id="1")]],
    )
    assert len(await rows(pool, schema, "events")) == 2


async def test_a_withdrawal_wins_where_the_times_are_equal(pool: Pool, schema: str) -> None:
    wish: dict[str, Any] = {"address": "a@x", "purpose": "news", "consent_channel": "email"}
    events = [
        record("consent.withdrawn", "user:7", id="1", seconds=5, **wish),
        record("consent.granted", "user:7", id="2", seconds=5, **wish),
    ]
    await fold(pool, schema, [events])
    assert (await only(pool, "SELECT granted FROM p.consents"))["granted"] is False


async def test_a_pair_is_kept_with_the_event_that_reached_us_first(pool: Pool, schema: str) -> None:
    late = record("page.viewed", "user:7", "device:d", id="1", seconds=1, recorded=9)
    soon = record("page.viewed", "user:7", "device:d", id="2", seconds=3, recorded=4, offset=1)
    await fold(pool, schema, [[late], [soon]])
    pair = await only(pool, "SELECT position, weaker FROM p.pairs")
    assert pair["position"] == "interactions.1/0/1"
    assert str(pair["weaker"]) == subject("device:d")


async def test_a_claimed_identifier_makes_no_pair_and_no_identifier(
    pool: Pool, schema: str
) -> None:
    claimed = identifier("email:a@x") | {"claim": True}
    event = record("page.viewed", id="1")
    await fold(
        pool,
        schema,
        [
            [
                record(
                    "page.viewed", "device:d", id="2", identifiers=[claimed, identifier("device:d")]
                )
            ]
        ],
    )
    assert event is not None
    assert await rows(pool, schema, "pairs") == []
    assert len(await rows(pool, schema, "identifiers")) == 1


ONE_NAME = [
    ("order.placed", {"order": "A", "amount": 1}, {"order": "A", "amount": 2}),
    ("order.paid", {"order": "A"}, {"order": "A"}),
    ("subscription.started", {"subscription": "S", "term": "P1M"}, {"subscription": "S"}),
    ("product.registered", {"serial": "P", "name": "x"}, {"serial": "P", "name": "y"}),
    (
        "consent.granted",
        {"address": "a", "purpose": "news", "topics": ["x"]},
        {"address": "a", "purpose": "news", "topics": ["y"]},
    ),
    (
        "membership.changed",
        {"organisation": {"id": "O", "name": "x"}, "role": "r"},
        {"organisation": {"id": "O", "name": "y"}, "role": "r"},
    ),
]


@pytest.mark.parametrize(("type_", "one", "other"), ONE_NAME, ids=[row[0] for row in ONE_NAME])
async def test_events_of_one_name_under_two_subjects_give_the_same_rows_in_either_order(
    pool: Pool, schema: str, type_: str, one: dict[str, Any], other: dict[str, Any]
) -> None:
    events = [
        record(type_, "user:1", "email:a@x", id="same", **one),
        record(type_, "user:2", "crm:9", "email:a@x", id="same", partition=1, **other),
    ]
    found = []
    for ordered in (events, events[::-1]):
        await pool.execute("".join(f"DELETE FROM p.{table.name};" for table in ALL))
        await fold(pool, schema, [[event] for event in ordered])
        found.append({table: await rows(pool, schema, table) for table in STAGE_ONE})
    assert found[0] == found[1]


PEOPLE = ["user:1", "user:2", "crm:5", "email:a@x", "email:b@x", "phone:+49", "device:d"]


@st.composite
def happenings(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    money = {"amount": draw(st.integers(0, 999)), "currency": draw(st.sampled_from(["EUR", "USD"]))}
    things = {"order": draw(st.sampled_from("AB"))}
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("page.viewed", {}),
        ("complaint.raised", {"channel": "phone"}),
        ("order.placed", things | money),
        ("order.cancelled", things),
        ("order.returned", things | money),
        ("subscription.started", {"subscription": "S", "term": "P1M"} | money),
        ("subscription.renewed", {"subscription": "S"}),
        ("product.registered", {"serial": "P", "name": draw(st.sampled_from("xy"))}),
        (
            "feedback.given",
            {"csat": draw(st.integers(1, 5)), "nps": draw(st.integers(0, 10))},
        ),
        ("customer.described", {"traits": {"name": draw(st.sampled_from("xy"))}}),
        ("consent.granted", {"address": "a", "purpose": "news"}),
        ("consent.withdrawn", {"address": "a", "purpose": "news"}),
        (
            "membership.changed",
            {
                "organisation": {"id": "O", "name": draw(st.sampled_from("xy"))},
                "role": "buyer",
            },
        ),
        ("identifiers.seen", {}),
    ]
    kind: tuple[str, dict[str, Any]] = draw(st.sampled_from(kinds))
    return kind


@st.composite
def histories(draw: st.DrawFn) -> list[list[Record]]:
    """Records of two partitions, each in its order, with some of them appended again later.

    Some share name and times with one of another subject, and are other events all the same.
    """
    partitions: list[list[Record]] = [[], []]
    moments = st.integers(0, 5)
    names: list[tuple[str, int, int]] = []
    taken: set[tuple[bytes | None, str]] = set()
    for number in range(draw(st.integers(1, 12))):
        type_, fields = draw(happenings())
        who = draw(st.lists(st.sampled_from(PEOPLE), max_size=3, unique=True))
        own = str(number), draw(moments), draw(moments)
        id, seconds, recorded = draw(st.sampled_from([own, *names]))
        made = record(type_, *who, id=id, seconds=seconds, recorded=recorded, **fields)
        if (made.key, id) in taken:
            id, seconds, recorded = own
            made = record(type_, *who, id=id, seconds=seconds, recorded=recorded, **fields)
        taken.add((made.key, id))
        names.append((id, seconds, recorded))
        part = int((made.key or b"0")[-1:], 16) % 2
        partitions[part].append(made)
        if draw(st.booleans()):
            partitions[part].append(draw(st.sampled_from(partitions[part])))
    verb = draw(st.sampled_from(["together", "apart", "observed"]))
    about = draw(st.lists(st.sampled_from(PEOPLE), min_size=2, max_size=2, unique=True))
    partitions[0].append(
        record(f"identifiers.{verb}", *about, id="d", topic="identity.1", decision=verb)
    )
    return [
        [each._replace(place=each.place._replace(offset=n)) for n, each in enumerate(partition)]
        for partition in partitions
    ]


@given(
    history=histories(),
    cuts=st.lists(st.integers(1, 4), min_size=12, max_size=12),
    turns=st.lists(st.booleans(), min_size=12, max_size=12),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_any_split_and_any_interleaving_gives_the_same_rows(
    pool: Pool, schema: str, history: list[list[Record]], cuts: list[int], turns: list[bool]
) -> None:
    found = []
    for batches in (history, interleaved(history, cuts, turns)):
        await pool.execute("".join(f"DELETE FROM p.{table.name};" for table in ALL))
        await fold(pool, schema, [batch for batch in batches if batch])
        found.append({table: await rows(pool, schema, table) for table in STAGE_ONE})
    assert found[0] == found[1]


@given(
    history=histories(),
    cuts=st.lists(st.integers(1, 4), min_size=12, max_size=12),
    turns=st.lists(st.booleans(), min_size=12, max_size=12),
    accidents=bulks.accidents,
)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_in_bulk_or_not_the_rows_are_the_same(
    pool: Pool,
    schema: str,
    history: list[list[Record]],
    cuts: list[int],
    turns: list[bool],
    accidents: list[str],
) -> None:
    placed = [
        [each._replace(place=each.place._replace(partition=n)) for each in partition]
        for n, partition in enumerate(history)
    ]
    batches = interleaved(placed, cuts, turns)
    await pool.execute("".join(f"DELETE FROM p.{table.name};" for table in ALL))
    await fold(pool, schema, batches)
    await pool.execute("DROP SCHEMA IF EXISTS b CASCADE")
    await bulks.begin(pool, VIEW, "b")
    await bulks.fill(pool, VIEW, "b", batches, accidents)
    await bulks.finish(pool, VIEW, "b")
    assert await bulks.rows(pool, "b", STAGE_ONE) == await bulks.rows(pool, schema, STAGE_ONE)
    assert await pool.fetch(ASKED.format("b")) == await pool.fetch(ASKED.format(schema))


def test_a_record_that_is_not_of_our_making_is_refused() -> None:
    nameless = record("order.placed", "user:7", id="1")
    with pytest.raises(ValueError, match="order"):
        VIEW.decode(nameless)
    assert isinstance(VIEW.decode(record("order.placed", id="1", order="A")), Event)
