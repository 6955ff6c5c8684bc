"""Contact's view: what events add up to, whatever the batches."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.contact import closing, refused, tables
from services.contact.closing import Act
from services.contact.consumers import view
from shared.database import Pool, ddl
from shared.errors import FieldError
from shared.ids import event_id
from shared.messages import Place, Record
from shared.projection import Event
from tests import bulks
from tests.contact.sending import SENDING
from tests.records import at, interleaved, record, subject

VIEW = view("")
ALL = [table.name for table in tables.metadata.sorted_tables]


@pytest.fixture
async def schema(pool: Pool) -> str:
    for statement in ddl(tables.metadata, "c"):
        await pool.execute(statement)
    return "c"


async def fold(pool: Pool, schema: str, batches: Sequence[Sequence[Record]]) -> None:
    async with pool.acquire() as connection:
        for batch in batches:
            async with connection.transaction():
                await VIEW.fold(connection, schema, [VIEW.decode(each) for each in batch])


async def rows(pool: Pool, table: str) -> list[str]:
    return [row[0] for row in await pool.fetch(f"SELECT t::text FROM c.{table} t ORDER BY 1")]


def belongs(who: str, customer: str, revision: int) -> Record:
    fields: dict[str, Any] = {"subject": subject(who), "customer": subject(customer)}
    id = f"{who}/{revision}"
    return record("belongs", id=id, topic="customers.1", revision=revision, **fields)


def quarantined(raw: bytes, *reasons: FieldError, number: int = 0) -> Record:
    """What the door keeps, under an id that is the same in every run."""
    kept = msgspec.json.decode(refused.record(raw, "text/plain", SENDING, reasons).value)
    key = event_id("/tests", str(number))
    value = msgspec.json.encode(kept | {"id": key, "partitionkey": key})
    return Record(Place("quarantine.1", 0, 0), key.encode(), value)


async def test_an_event_is_kept_as_it_stands_in_the_log(pool: Pool, schema: str) -> None:
    told = record("page.viewed", "user:1", id="1", seconds=9, recorded=4, offset=7)
    await fold(pool, schema, [[told]])
    row = await pool.fetchrow("SELECT *, subject::text AS who FROM c.interactions")
    assert row is not None
    assert row["record"].encode() == told.value
    assert (row["who"], row["position"]) == (subject("user:1"), "interactions.1/0/7")
    assert (row["type"], row["channel"], row["direction"]) == ("page.viewed", "web", "inbound")
    assert row["time"].isoformat() == at(4).replace(".000000Z", "+00:00")


async def test_what_was_seen_counts_once(pool: Pool, schema: str) -> None:
    visit = record("store.visited", "user:7", id="1")
    again = visit._replace(place=Place("interactions.1", 0, 5))
    other = record("store.visited", "user:7", id="2", offset=6)
    await fold(pool, schema, [[visit, again], [again, other]])
    assert await pool.fetchval("SELECT n FROM c.daily") == 2
    kept = await pool.fetch("SELECT position FROM c.interactions ORDER BY 1")
    assert [row["position"] for row in kept] == ["interactions.1/0/0", "interactions.1/0/6"]


async def test_the_same_name_under_another_subject_is_another_event(
    pool: Pool, schema: str
) -> None:
    pair = [record("store.visited", who, id="1") for who in ("user:7", "user:8")]
    await fold(pool, schema, [pair])
    assert len(await rows(pool, "interactions")) == 2


async def test_an_event_of_nobody_has_its_place_too(pool: Pool, schema: str) -> None:
    await fold(pool, schema, [[record("stock.counted", id="1")]])
    assert len(await rows(pool, "interactions")) == 1


async def test_the_highest_revision_of_a_belonging_stands(pool: Pool, schema: str) -> None:
    told = [belongs("user:1", "user:2", 2), belongs("user:1", "user:3", 1)]
    await fold(pool, schema, [told, [belongs("user:1", "user:4", 1)]])
    row = await pool.fetchrow("SELECT customer::text, revision FROM c.belonging")
    assert row is not None
    assert tuple(row) == (subject("user:2"), 2)


async def test_types_that_nobody_reads_here_change_nothing(pool: Pool, schema: str) -> None:
    other = [
        record("segment.entered", id="1", topic="customers.1"),
        record("event.forgotten", id="2", topic="quarantine.1"),
    ]
    await fold(pool, schema, [other])
    assert [await rows(pool, table) for table in ALL] == [[]] * len(ALL)


async def test_what_was_refused_without_a_reason_is_kept_too(pool: Pool, schema: str) -> None:
    await fold(pool, schema, [[quarantined(b"x")]])
    assert await pool.fetchval("SELECT code FROM c.quarantine") == ""


def became(number: int, what: str, at_: int, *reasons: FieldError) -> Record:
    """What became of the item with this number."""
    id = event_id("/tests", str(number))
    act = Act("service:ops", "ops", at(at_), SENDING.traceparent)
    made = {
        "driven": lambda: closing.driven(id, act, [{"id": "1", "position": "x"}], {}),
        "discarded": lambda: closing.discarded(id, act, f"At {at_}"),
        "again": lambda: closing.refused_again(id, act, [one.as_dict() for one in reasons], {}),
    }[what]()
    return Record(Place("quarantine.1", 0, 0), id.encode(), made.value)


async def test_what_is_driven_is_closed_whatever_else_was_said(pool: Pool, schema: str) -> None:
    reason = FieldError("/x", "type", "Why.")
    told = [
        quarantined(b"x", FieldError("", "nul", "Why.")),
        became(0, "discarded", 40_000_000),
        became(0, "driven", 30_000_000),
        became(0, "again", 50_000_000, reason),
    ]
    for history in (told, [*reversed(told)]):
        await pool.execute("DELETE FROM c.quarantine")
        await fold(pool, schema, [[one] for one in history])
        row = await pool.fetchrow("SELECT * FROM c.quarantine")
        assert row is not None
        assert (row["state"], row["bytes"], row["code"]) == ("driven", "", "type")
        assert (row["size"], row["key"], row["closed_by"]) == (1, "shop", "service:ops")


async def test_of_what_was_refused_the_first_copy_stands(pool: Pool, schema: str) -> None:
    kept = quarantined(b"x")
    copies = [kept._replace(place=Place("quarantine.1", 0, offset)) for offset in (9, 10)]
    await fold(pool, schema, [copies])
    assert await pool.fetchval("SELECT position FROM c.quarantine") == "quarantine.1/0/9"


PEOPLE = ["user:1", "user:2", "crm:5", "email:a@x", "device:d"]
RAW = st.sampled_from([b"{", b"\xff", b"[1,"])


@st.composite
def interactions(draw: st.DrawFn, number: int) -> Record:
    times: dict[str, Any] = {
        "seconds": draw(st.integers(0, 3)) * 43_200,
        "recorded": draw(st.integers(0, 3)) * 43_200,
    }
    who = draw(st.lists(st.sampled_from(PEOPLE), max_size=2, unique=True))
    fields: dict[str, Any] = {"channel": draw(st.sampled_from(["web", "phone"]))}
    type_ = draw(st.sampled_from(["page.viewed", "call.received"]))
    return record(type_, *who, id=str(number % 9), **times, **fields)


@st.composite
def tellings(draw: st.DrawFn, number: int) -> Record:
    who, customer = draw(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)))
    # as told: a revision says one thing only, and those of a subject stand in order
    return belongs(who, customer, number + 1)


@st.composite
def histories(draw: st.DrawFn) -> list[list[Record]]:
    """Records of two partitions, each in its order, with some of them appended again later."""
    partitions: list[list[Record]] = [[], []]
    for number in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from("iiitq"))
        if kind == "i":
            made = draw(interactions(number))
        elif kind == "t":
            made = draw(tellings(number))
        else:
            reason = FieldError("", draw(st.sampled_from(["type", "nul"])), "Why.")
            of = draw(st.integers(0, number))
            what = draw(st.sampled_from(["", "", "driven", "discarded", "again"]))
            made = (
                became(of, what, number, reason)
                if what
                else quarantined(draw(RAW), reason, number=number)
            )
        part = int((made.key or b"0")[-1:], 16) % 2
        partitions[part].append(made)
        if draw(st.booleans()):
            partitions[part].append(draw(st.sampled_from(partitions[part])))
    return [
        [
            each._replace(place=each.place._replace(partition=part, offset=n))
            for n, each in enumerate(partition)
        ]
        for part, partition in enumerate(partitions)
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
        await pool.execute("".join(f"DELETE FROM c.{table};" for table in ALL))
        await fold(pool, schema, [batch for batch in batches if batch])
        found.append({table: await rows(pool, table) for table in ALL})
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
    batches = interleaved(history, cuts, turns)
    await pool.execute("".join(f"DELETE FROM c.{table};" for table in ALL))
    await fold(pool, schema, batches)
    await pool.execute("DROP SCHEMA IF EXISTS b CASCADE")
    await bulks.begin(pool, VIEW, "b")
    await bulks.fill(pool, VIEW, "b", batches, accidents)
    await bulks.finish(pool, VIEW, "b")
    assert await bulks.rows(pool, "b", ALL) == await bulks.rows(pool, schema, ALL)


def test_a_record_that_is_not_of_our_making_is_refused() -> None:
    wrong = record("belongs", id="1", topic="customers.1", subject="x")
    with pytest.raises(ValueError, match="subject"):
        VIEW.decode(wrong)
    assert isinstance(VIEW.decode(record("order.placed", id="1")), Event)
