"""Comparing two schemas finds every row that differs, and says how."""

from collections.abc import AsyncIterator

import pytest

from shared.comparing import Compared, Side, compare, sampled
from shared.database import Pool
from shared.ids import uuid8
from tests.shared import toy

COUNTERS = toy.metadata.tables["counters"]
MANY = 5_000


def subject(number: int) -> str:
    return str(uuid8(number.to_bytes(16, "little")))


@pytest.fixture
async def sides(pool: Pool) -> AsyncIterator[tuple[Side, Side]]:
    """Two schemas with the same rows, each on a connection of its own."""
    schemas = [await toy.make_schema(pool) for _ in range(2)]
    async with pool.acquire() as one, pool.acquire() as other:
        found = Side(one, schemas[0].name), Side(other, schemas[1].name)
        for side in found:
            rows = [(subject(n), n, n * 2) for n in range(MANY)]
            await side.connection.copy_records_to_table(
                "counters", records=rows, schema_name=side.schema
            )
        yield found


async def compared(sides: tuple[Side, Side], sample: int = 1) -> Compared:
    return await compare(*sides, COUNTERS, sample)


async def test_the_same_rows_in_another_order_do_not_differ(sides: tuple[Side, Side]) -> None:
    live, _ = sides
    await live.connection.execute(f"UPDATE {live.schema}.counters SET n = n WHERE n < 100")
    assert await compared(sides) == Compared("counters", MANY)


async def test_one_value_among_many_is_found_with_its_column(sides: tuple[Side, Side]) -> None:
    live, _ = sides
    await live.connection.execute(f"UPDATE {live.schema}.counters SET total = 7 WHERE n = 4711")
    (difference,) = (await compared(sides)).differences
    assert difference.key == {"subject": subject(4711)}
    assert difference.columns == ["total"]
    assert difference.live
    assert difference.rebuilt
    assert (difference.live["total"], difference.rebuilt["total"]) == (7, 9422)


async def test_a_row_too_few_and_a_row_too_many_are_found(sides: tuple[Side, Side]) -> None:
    live, rebuilt = sides
    await live.connection.execute(f"DELETE FROM {live.schema}.counters WHERE n = 1")
    await rebuilt.connection.execute(f"DELETE FROM {rebuilt.schema}.counters WHERE n = 2")
    found = await compared(sides)
    assert {(d.key["subject"], d.live is None, d.rebuilt is None) for d in found.differences} == {
        (subject(1), True, False),
        (subject(2), False, True),
    }


async def test_two_values_that_were_swapped_are_found(sides: tuple[Side, Side]) -> None:
    live, _ = sides
    await live.connection.execute(
        f"UPDATE {live.schema}.counters SET n = 3 - n, total = 6 - total WHERE n IN (1, 2)"
    )
    assert len((await compared(sides)).differences) == 2


async def test_of_very_many_differences_the_first_are_shown_and_all_parts_counted(
    sides: tuple[Side, Side],
) -> None:
    live, _ = sides
    await live.connection.execute(f"UPDATE {live.schema}.counters SET n = n + 1")
    found = await compared(sides)
    assert 64 <= len(found.differences) < MANY
    assert found.parts > 2000


async def test_a_sample_looks_at_its_subjects_alone(sides: tuple[Side, Side]) -> None:
    live, _ = sides
    inside = next(n for n in range(1, MANY) if sampled(subject(n), 10))
    outside = next(n for n in range(MANY) if not sampled(subject(n), 10))
    await live.connection.execute(
        f"UPDATE {live.schema}.counters SET total = 0 WHERE n = ANY ($1)", [inside, outside]
    )
    found = await compared(sides, 10)
    assert found.rows == sum(sampled(subject(n), 10) for n in range(MANY))
    assert [d.key["subject"] for d in found.differences] == [subject(inside)]
