"""A schema filled in bulk: an ordinary one at the end, with the rows of the ordinary fold."""

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.contact.consumers import view as contact
from services.profile.consumers import view as profile
from shared import bulk
from shared.bulk import BeginAnew, Bulk, Over
from shared.database import Pool, ddl
from shared.messages import Record
from shared.outcomes import Ok
from shared.parking import parked
from shared.projection import View
from tests import bulks
from tests.bulks import GIVEN_UP, LOST, REFUSED, TAKEN
from tests.records import interleaved
from tests.shared import toy
from tests.shared.toy import VIEW, happening, numbered

TABLES = ["events", "counters"]


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few events are several slices of a batch."""
    monkeypatch.setattr(bulk, "SLICE", 3)


@pytest.fixture
async def schema(pool: Pool) -> str:
    await bulks.begin(pool, VIEW, "b")
    return "b"


async def test_what_is_told_twice_counts_once(pool: Pool, schema: str) -> None:
    told = numbered([happening("1"), happening("1"), happening("2"), happening("1")])
    await bulks.fill(pool, VIEW, schema, [told[:2], told[2:]])
    await bulks.finish(pool, VIEW, schema)
    assert await toy.ids(pool, schema) == {"1", "2"}
    assert await toy.counted(pool, schema) == 2


async def test_what_is_told_twice_in_one_batch_counts_once(pool: Pool, schema: str) -> None:
    told = numbered([happening(str(n % 7), who=str(n % 7)) for n in range(20)])
    await bulks.fill(pool, VIEW, schema, [told])
    assert await pool.fetchval("SELECT count(*) FROM b.suspects") == 0
    await bulks.finish(pool, VIEW, schema)
    assert await toy.counted(pool, schema) == 7
    kept = await pool.fetch("SELECT position FROM b.events")
    assert {row["position"] for row in kept} == {f"happenings.1/0/{n}" for n in range(7)}


async def test_what_another_holder_has_folded_is_known(pool: Pool, schema: str) -> None:
    told = numbered([happening("1"), happening("2"), happening("1")])
    await bulks.fill(pool, VIEW, schema, [told[:2], told[2:]], ["", TAKEN])
    assert await pool.fetchval("SELECT count(*) FROM b.suspects") == 1
    await bulks.finish(pool, VIEW, schema)
    assert await toy.counted(pool, schema) == 2


async def test_what_is_told_again_while_it_is_being_written_is_known(
    pool: Pool, schema: str
) -> None:
    told = numbered([happening(id) for id in "123124356"])
    await bulks.fill(pool, VIEW, schema, [told[:3], told[3:6], told[6:]])
    assert await pool.fetchval("SELECT count(*) FROM b.suspects") == 3
    await bulks.finish(pool, VIEW, schema)
    assert await toy.counted(pool, schema) == 6


async def test_what_was_prepared_without_what_others_staged_is_folded_anew(
    pool: Pool, schema: str
) -> None:
    told = numbered([happening("1"), happening("2"), happening("1"), happening("3")])
    bulks_of = Bulk(VIEW, schema, expected=100, partitions=1)
    early, late = bulks_of.holding(0), bulks_of.holding(0)
    prepared = await late.prepare(told[2:])
    async with pool.acquire() as connection, connection.transaction():
        assert await early.write(connection, schema, await early.prepare(told[:2]))
    async with pool.acquire() as connection, connection.transaction():
        assert not await late.write(connection, schema, prepared)
        await late.fold(connection, schema, map(VIEW.decode, told[2:]))
    await bulks.finish(pool, VIEW, schema)
    assert await toy.counted(pool, schema) == 3


async def test_what_is_folded_beside_a_batch_that_is_prepared_is_known(
    pool: Pool, schema: str
) -> None:
    """As where a batch could not be prepared, because one of its records cannot be decoded."""
    told = numbered([happening("1"), happening("x", amount="x"), happening("1"), happening("2")])
    holding = Bulk(VIEW, schema, expected=100, partitions=1).holding(0)
    with pytest.raises(msgspec.ValidationError):
        await holding.prepare(told[:2])
    prepared = await holding.prepare(told[2:])
    async with pool.acquire() as connection, connection.transaction():
        await holding.fold(connection, schema, [VIEW.decode(told[0])])
    async with pool.acquire() as connection, connection.transaction():
        if not await holding.write(connection, schema, prepared):
            await holding.fold(connection, schema, map(VIEW.decode, told[2:]))
    await bulks.finish(pool, VIEW, schema)
    assert await toy.counted(pool, schema) == 2


@pytest.mark.parametrize("accident", [LOST, REFUSED])
async def test_what_was_rolled_back_is_not_taken_for_seen(
    pool: Pool, schema: str, accident: str
) -> None:
    told = numbered([happening("1"), happening("2")])
    await bulks.fill(pool, VIEW, schema, [told], [accident])
    assert await pool.fetchval("SELECT count(*) FROM b.suspects") == 0
    await bulks.finish(pool, VIEW, schema)
    assert await toy.counted(pool, schema) == 2


async def test_what_is_read_again_after_it_was_prepared_counts_once(
    pool: Pool, schema: str
) -> None:
    told = numbered([happening(str(n)) for n in range(6)])
    await bulks.fill(pool, VIEW, schema, [told[:3], told[3:]], [GIVEN_UP, GIVEN_UP])
    await bulks.finish(pool, VIEW, schema)
    assert await toy.counted(pool, schema) == 6


async def test_a_partition_key_in_capitals_is_the_same_one(pool: Pool, schema: str) -> None:
    told = happening("1")
    document = msgspec.json.decode(told.value)
    document["partitionkey"] = document["partitionkey"].upper()
    loud = told._replace(value=msgspec.json.encode(document))
    batches = [[one] for one in numbered([told, loud])]
    await bulks.fill(pool, VIEW, schema, batches)
    await bulks.finish(pool, VIEW, schema)
    assert await toy.counted(pool, schema) == 1


async def test_a_memory_that_is_too_small_is_slow_and_right(pool: Pool, schema: str) -> None:
    told = numbered([happening(str(n), who=str(n % 50)) for n in range(2_000)])
    batches = [told[n : n + 200] for n in range(0, 2_000, 200)]
    await bulks.fill(pool, VIEW, schema, batches, expected=0)
    assert await pool.fetchval("SELECT count(*) FROM b.suspects") > 100
    await bulks.finish(pool, VIEW, schema)
    assert await toy.counted(pool, schema) == 2_000


async def test_of_what_was_set_aside_the_first_one_counts(pool: Pool, schema: str) -> None:
    """Also when somebody else holds the partition as it comes again."""
    told = numbered([happening(str(n), who=str(n % 50)) for n in range(2_000)])
    batches = [told[n : n + 200] for n in range(0, 2_000, 200)]
    await bulks.fill(pool, VIEW, schema, batches, expected=0)
    aside = await pool.fetchval("SELECT min(record) FROM b.suspects")
    again = told[aside]._replace(place=told[0].place._replace(offset=2_000))
    await bulks.fill(pool, VIEW, schema, [[again]])
    await bulks.finish(pool, VIEW, schema)
    kept = await pool.fetch("SELECT position FROM b.events WHERE id = $1", str(aside))
    assert [row["position"] for row in kept] == [f"happenings.1/0/{aside}"]


@pytest.mark.parametrize("ahead", [False, True])
async def test_what_cannot_be_folded_is_parked_as_ever(pool: Pool, ahead: bool) -> None:
    """Through the runtime, which looks for the culprit in batches that are halved."""
    made = await toy.make_schema(pool)
    async with pool.acquire() as connection, connection.transaction():
        await bulk.begin(connection, VIEW, made.name)
    holding = Bulk(VIEW, made.name, expected=100, partitions=1).holding(0)
    view = replace(VIEW, fold=holding.fold, ahead=holding if ahead else None)
    folder = await toy.folder(pool, made, view)
    told = [happening(str(n), who=str(n), amount=-1 if n == 7 else 1) for n in range(20)]
    assert await folder.fold(numbered(told)) == Ok()
    assert await pool.fetchval(f"SELECT count(*) FROM {made.name}.suspects") == 0
    await bulks.finish(pool, VIEW, made.name)
    assert [one.place.offset for one in await parked(pool, made.name)] == [7]
    assert await toy.counted(pool, made) == 19


async def test_what_comes_too_late_is_not_parked(pool: Pool) -> None:
    """Neither through the runtime: the partition stands where it stood."""
    made = await toy.make_schema(pool)
    async with pool.acquire() as connection, connection.transaction():
        await bulk.begin(connection, VIEW, made.name)
    holding = Bulk(VIEW, made.name, expected=100, partitions=1).holding(0)
    folder = await toy.folder(pool, made, replace(VIEW, fold=holding.fold))
    await bulks.finish(pool, VIEW, made.name)
    with pytest.raises(Over):
        await folder.fold(numbered([happening("1")]))
    assert await parked(pool, made.name) == []
    assert folder.at.positions == {"happenings.1": 0}


async def test_what_was_set_aside_and_cannot_be_folded_is_parked(pool: Pool, schema: str) -> None:
    good = numbered([happening(str(n), who=str(n)) for n in range(500)])
    bad = numbered([happening("x", amount=-1), happening("y")], start=500)
    await bulks.fill(pool, VIEW, schema, [good, good[:1]], expected=0)
    await pool.executemany(
        "INSERT INTO b.suspects VALUES ('events', $1, $2, $3, $4, $5, $6)",
        [(["0" * 32, "0" * 32], *one.place, *one[1:]) for one in bad],
    )
    await pool.execute(
        "INSERT INTO b.checkpoints (topic, generation, partition, folded)"
        " VALUES ('happenings', 1, 0, 502)"
    )
    await bulks.finish(pool, VIEW, schema)
    assert [one.place.offset for one in await parked(pool, schema)] == [500]
    assert await toy.counted(pool, schema) == 501


async def test_several_may_finish_at_the_same_time(pool: Pool, schema: str) -> None:
    told = numbered([happening(str(n), who=str(n % 50)) for n in range(2_000)])
    batches = [told[n : n + 200] for n in range(0, 2_000, 200)]
    await bulks.fill(pool, VIEW, schema, batches, expected=0)
    await asyncio.gather(*(bulks.finish(pool, VIEW, schema) for _ in range(3)))
    assert await toy.counted(pool, schema) == 2_000


async def test_what_a_crash_has_emptied_is_begun_anew(pool: Pool, schema: str) -> None:
    told = numbered([happening("1"), happening("2")])
    await bulks.fill(pool, VIEW, schema, [told[:1]])
    unlogged = await pool.fetch(
        "SELECT oid::regclass::text AS name FROM pg_class"
        " WHERE relnamespace = 'b'::regnamespace AND relkind = 'r' AND relpersistence = 'u'"
    )
    await pool.execute(f"TRUNCATE {', '.join(row['name'] for row in unlogged)}")
    with pytest.raises(BeginAnew):
        await bulks.fill(pool, VIEW, schema, [told[1:]])
    with pytest.raises(BeginAnew):
        await bulks.finish(pool, VIEW, schema)


async def test_nothing_is_staged_once_the_end_has_begun(pool: Pool, schema: str) -> None:
    told = numbered([happening("1"), happening("2")])
    await bulks.fill(pool, VIEW, schema, [told[:1]])
    with pytest.raises(bulks.Stop):
        await bulk.finish(pool, VIEW, schema, bulks.stopping(0))
    with pytest.raises(Over):
        await bulks.fill(pool, VIEW, schema, [told[1:]])
    await bulks.finish(pool, VIEW, schema)
    with pytest.raises(Over):
        await bulks.fill(pool, VIEW, schema, [told[1:]])


@pytest.mark.parametrize("view", [VIEW, contact(""), profile("")], ids=lambda view: view.service)
async def test_a_finished_schema_is_made_like_any_other(pool: Pool, view: View) -> None:
    for statement in ddl(view.metadata, "ordinary"):
        await pool.execute(statement)
    await bulks.begin(pool, view, "filled")
    await bulks.finish(pool, view, "filled")
    await pool.execute("DROP TABLE filled.checkpoints, filled.parked, filled.failures")
    made = [await description(pool, schema) for schema in ("ordinary", "filled")]
    assert made[0] == made[1]
    assert len(made[0]) > 10


async def description(pool: Pool, schema: str) -> list[tuple[Any, ...]]:
    """Columns, constraints and indexes of a schema."""
    return [tuple(row) for row in await pool.fetch(_DESCRIPTION, schema)]


_STORY = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 8), st.integers(0, 3)), min_size=1, max_size=20
)


def lanes(story: list[tuple[int, int, int]]) -> list[list[Record]]:
    """Two partitions; an id always means the same event, and a subject has one partition."""
    found: list[list[Record]] = [[], []]
    for partition, id_, amount in story:
        who = f"{id_ % 3}{partition}"
        found[partition].append(happening(f"{id_}", who=who, amount=amount if id_ % 2 else 1))
    return [numbered(lane, partition=n) for n, lane in enumerate(found)]


@given(
    story=_STORY,
    cuts=st.lists(st.integers(1, 4), min_size=12, max_size=12),
    turns=st.lists(st.booleans(), min_size=12, max_size=12),
    accidents=bulks.accidents,
    stops=st.lists(st.integers(0, 4), max_size=3),
    expected=st.sampled_from([0, 1000]),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_in_bulk_or_not_the_rows_are_the_same(
    pool: Pool,
    story: list[tuple[int, int, int]],
    cuts: list[int],
    turns: list[bool],
    accidents: list[str],
    stops: list[int],
    expected: int,
) -> None:
    batches = interleaved(lanes(story), cuts, turns)
    await pool.execute("DROP SCHEMA IF EXISTS l CASCADE; DROP SCHEMA IF EXISTS b CASCADE")
    for statement in ddl(VIEW.metadata, "l"):
        await pool.execute(statement)
    async with pool.acquire() as connection:
        for batch in batches:
            async with connection.transaction():
                await VIEW.fold(connection, "l", [VIEW.decode(each) for each in batch])
    await bulks.begin(pool, VIEW, "b")
    await bulks.fill(pool, VIEW, "b", batches, accidents, expected)
    await bulks.finish(pool, VIEW, "b", stops)
    assert await bulks.rows(pool, "l", TABLES) == await bulks.rows(pool, "b", TABLES)


_DESCRIPTION = """
SELECT c.relname::text, c.relpersistence::text, c.reloptions::text, a.attname::text,
       format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attcollation::regcollation::text
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = $1::text::regnamespace AND c.relkind = 'r'
UNION ALL
SELECT c.relname::text, k.conname::text, k.contype::text, pg_get_constraintdef(k.oid),
       NULL, k.convalidated, NULL
FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid
WHERE c.relnamespace = $1::text::regnamespace
UNION ALL
SELECT tablename::text, indexname::text, NULL, replace(indexdef, $1 || '.', ''), NULL, NULL, NULL
FROM pg_indexes WHERE schemaname = $1
ORDER BY 1, 2, 4
"""
