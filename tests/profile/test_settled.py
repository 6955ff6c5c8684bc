"""A view is taken into service when what came before is resolved, however much comes after."""

import pytest

from services.profile import tables
from services.profile.consumers import NEARLY, settled
from shared.database import Pool, ddl, in_schema

SCHEMA = "profile_9_1"
TOPIC = "t-interactions.1"
BEFORE = {(TOPIC, 0): 10, (TOPIC, 1): 5}


@pytest.fixture
async def view(pool: Pool) -> Pool:
    """An empty view schema."""
    for statement in ddl(tables.metadata, SCHEMA):
        await pool.execute(statement)
    return pool


async def pend(view: Pool, kind: str, partition: int, offset: int, times: int = 1) -> None:
    """What the folds of events up to an offset leave for the resolver."""
    await view.execute(in_schema(_PEND, SCHEMA), kind, TOPIC, partition, offset, times)


async def is_settled(view: Pool) -> bool:
    async with view.acquire() as connection:
        return await settled(connection, SCHEMA, BEFORE)


async def test_an_empty_view_is_settled(view: Pool) -> None:
    assert await is_settled(view)


@pytest.mark.parametrize(("partition", "offset"), [(0, 1), (0, 10), (1, 5)])
async def test_one_pair_from_before_is_waited_for(view: Pool, partition: int, offset: int) -> None:
    await pend(view, "pair", partition, offset)
    assert not await is_settled(view)


async def test_what_comes_after_is_not_waited_for(view: Pool) -> None:
    for partition, offset in ((0, 11), (1, 6)):
        await pend(view, "pair", partition, offset)
        await pend(view, "facts", partition, offset, NEARLY + 1)
    assert await is_settled(view)


async def test_few_rows_of_the_list_are_not_waited_for(view: Pool) -> None:
    await pend(view, "facts", 0, 1, NEARLY)
    assert await is_settled(view)
    await pend(view, "order", 0, 1)
    assert not await is_settled(view)


_PEND = """
INSERT INTO {s}.pending (kind, topic, partition, next_offset)
SELECT $1, $2, $3, $4 FROM generate_series(1, $5)
"""
