"""Merges declared once: batch by batch or all at once, the rows come out the same."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, Column, MetaData, Numeric, Table, Text, Uuid

from shared.columns import Exact, When, key
from shared.database import Pool, ddl, in_schema
from shared.literals import Row, copy_lines
from shared.merging import Merge, earliest, greatest, latest, least, staged, summed
from tests.records import at

metadata = MetaData()
things = Table(
    "things",
    metadata,
    key("name"),
    key("owner", Uuid),
    Column("n", BigInteger, nullable=False),
    Column("money", Numeric, nullable=False),
    Column("began", When),
    Column("highest", Exact),
    Column("said", Text),
    Column("loud", Boolean),
    Column("spoken", Exact),
    Column("whose", Uuid),
    Column("attached", Exact),
)
THINGS = Merge(
    things,
    summed("n", "money"),
    least("began"),
    greatest("highest"),
    latest("spoken", "said", "loud"),
    earliest("attached", "whose"),
)
traits = Table(
    "traits",
    metadata,
    key("name"),
    Column("value", Text),
    Column("stamp", Exact, nullable=False),
)
TRAITS = Merge(traits, latest("stamp", "value"))
FIRST = Merge(
    Table(
        "firsts",
        metadata,
        key("name"),
        Column("event", Uuid),
        Column("stamp", Exact, nullable=False),
    ),
    earliest("stamp", "event"),
)
SAME = Merge(Table("same", metadata, key("name"), Column("length", BigInteger, nullable=False)))
MERGES = (THINGS, TRAITS, FIRST, SAME)

IDS = [str(UUID(int=n)) for n in range(3)]
WORDS = st.text(st.sampled_from('a"\\\t\n\r,{}NUL\x1fé'), max_size=4)
NAMES = st.sampled_from(["a", 'b"\\', "\t", "NULL", ""])


@pytest.fixture
async def schema(pool: Pool) -> str:
    for statement in ddl(metadata, "m"):
        await pool.execute(statement)
    for merge in MERGES:
        await pool.execute(f"CREATE TABLE m.{staged(merge.name)} (LIKE m.{merge.name})")
    return "m"


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, Row]]:
    """Rows of every table; a stamp is that of one event only."""
    return [draw(row(f"{n:03}")) for n in draw(st.permutations(range(draw(st.integers(1, 12)))))]


@st.composite
def row(draw: st.DrawFn, stamp: str) -> dict[str, Row]:
    name, event = draw(NAMES), draw(st.sampled_from(IDS))
    thing: dict[str, Any] = {"name": name, "owner": draw(st.sampled_from(IDS[:2]))}
    if draw(st.booleans()):
        thing |= {"n": draw(st.integers(0, 9)), "money": draw(st.integers(-(10**20), 10**20))}
    if draw(st.booleans()):
        thing |= {"began": at(draw(st.integers(0, 9))), "highest": draw(WORDS)}
    if draw(st.booleans()):
        thing |= {"said": draw(st.none() | WORDS), "loud": draw(st.booleans()), "spoken": stamp}
    if draw(st.booleans()):
        thing |= {"whose": event, "attached": stamp}
    return {
        "things": THINGS.row(**thing),
        "traits": (name, draw(st.none() | WORDS), stamp),
        "firsts": (name, event, stamp),
        "same": (name, len(name)),
    }


async def kept(pool: Pool, schema: str) -> list[str]:
    """All rows; the tables are empty again."""
    found = [
        f"{merge.name} {row[0]}"
        for merge in MERGES
        for row in await pool.fetch(f"DELETE FROM {schema}.{merge.name} t RETURNING t::text")
    ]
    return sorted(found)


@given(found=rows(), cuts=st.lists(st.integers(1, 5), min_size=12, max_size=12))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_batch_by_batch_and_all_at_once_give_the_same_rows(
    pool: Pool, schema: str, found: list[dict[str, Row]], cuts: list[int]
) -> None:
    tables = []
    async with pool.acquire() as connection:
        for merge in MERGES:
            left = [each[merge.name] for each in found]
            for cut in cuts:
                await merge.write(connection, schema, left[:cut])
                del left[:cut]
        tables.append(await kept(pool, schema))
        for merge in MERGES:
            await merge.write(connection, schema, [each[merge.name] for each in reversed(found)])
        tables.append(await kept(pool, schema))
        for merge in MERGES:
            lines = merge.layout.lines([each[merge.name] for each in found])
            await copy_lines(connection, schema, staged(merge.name), lines)
            await connection.execute(in_schema(merge.gather, schema))
            await connection.execute(f"DELETE FROM {schema}.{staged(merge.name)}")
        tables.append(await kept(pool, schema))
    assert tables[0] == tables[1] == tables[2]


async def test_what_follows_is_told_of_rows_that_changed_alone(pool: Pool, schema: str) -> None:
    await pool.execute("CREATE TABLE m.told (name text)")
    merge = Merge(
        traits, latest("stamp", "value"), then="INSERT INTO {s}.told SELECT name FROM changed"
    )
    async with pool.acquire() as connection:
        await merge.write(connection, schema, [("a", "1", "2"), ("b", "1", "2")])
        await merge.write(connection, schema, [("a", "0", "1"), ("b", "3", "3")])
    assert [row["name"] for row in await pool.fetch("SELECT name FROM m.told")] == ["a", "b", "b"]


async def test_text_that_postgres_cannot_keep_is_refused(pool: Pool, schema: str) -> None:
    async with pool.acquire() as connection:
        with pytest.raises(ValueError, match="U"):
            await TRAITS.write(connection, schema, [("a", "\0", "1")])
        with pytest.raises(ValueError, match="U"):
            TRAITS.layout.lines([("a", None, "1"), ("b", "\0", "2")])
        with pytest.raises(Exception, match="0x00"):
            await SAME.write(connection, schema, [("\0", 1)])


def test_a_column_without_exactly_one_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="exactly one rule"):
        Merge(traits, latest("stamp"))
    with pytest.raises(ValueError, match="exactly one rule"):
        Merge(traits, latest("stamp", "value"), greatest("value"))
