"""Which schema readers read, above all after a switch: nobody sees less than before."""

import pytest

from shared import schemas
from shared.database import Pool, in_schema
from shared.log import Log
from shared.serving import Serving
from tests.shared.toy import VIEW, make_schema

FORMER, NEXT = "toy_1_1", "toy_1_2"


async def test_serving_is_known_even_while_the_database_is_away(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    serving = Serving(pool, VIEW, fresh=0.0)
    assert await serving.schema() is None
    await schemas.prepare(pool, log, VIEW, topic_prefix)
    assert await serving.schema() == "toy_1_1"
    pool.terminate()
    assert await serving.schema() == "toy_1_1"


@pytest.fixture
async def two(pool: Pool) -> Pool:
    """A database in which two schemas stand, of which the first serves."""
    for name in (FORMER, NEXT):
        assert (await make_schema(pool)).name == name
    await pool.execute("UPDATE schemas SET ready = now()")
    await pool.execute("UPDATE live SET schema = $1", FORMER)
    return pool


async def fold(pool: Pool, schema: str, offset: int) -> None:
    """What folds leave: one partition has come so far."""
    await pool.execute(
        in_schema("UPDATE {s}.checkpoints SET next_offset = $1 WHERE partition = 3", schema), offset
    )


async def switch(pool: Pool) -> None:
    await pool.execute("UPDATE live SET schema = $1", NEXT)


async def test_readers_move_at_once_to_a_schema_that_knows_as_much(two: Pool) -> None:
    serving = Serving(two, VIEW, fresh=0.0)
    for schema in (FORMER, NEXT):
        await fold(two, schema, 7)
    assert await serving.schema() == FORMER
    await switch(two)
    assert await serving.schema() == NEXT


async def test_readers_stay_until_the_other_has_passed_what_they_have_read(two: Pool) -> None:
    serving = Serving(two, VIEW, fresh=0.0)
    await fold(two, FORMER, 7)
    assert await serving.schema() == FORMER
    await switch(two)
    assert await serving.schema() == FORMER
    await fold(two, FORMER, 9)  # folded on; the other need not meet what moves
    await fold(two, NEXT, 6)
    assert await serving.schema() == FORMER
    await fold(two, NEXT, 7)
    assert await serving.schema() == NEXT
    await fold(two, FORMER, 100)
    assert await serving.schema() == NEXT


async def test_readers_do_not_stay_for_ever(two: Pool) -> None:
    serving = Serving(two, VIEW, fresh=0.0, patience=0.0)
    await fold(two, FORMER, 7)
    assert await serving.schema() == FORMER
    await switch(two)
    assert await serving.schema() == NEXT


async def test_readers_leave_a_schema_that_is_gone(two: Pool) -> None:
    serving = Serving(two, VIEW, fresh=0.0)
    assert await serving.schema() == FORMER
    await switch(two)
    async with two.acquire() as connection, connection.transaction():
        await schemas.drop(connection, FORMER)
    assert await serving.schema() == NEXT
