"""Generations: when ours is no longer present, what counts as passed, which may be dropped."""

import pytest

from shared import administration, rebuilding, retiring
from shared.catchup import Ground
from shared.consumer import Pace
from shared.database import Pool, in_schema
from shared.errors import Conflict, Fatal
from shared.generations import PASSED, check, first_seen, located
from shared.log import Log
from shared.members import Member
from shared.messages import Entry, Place
from shared.schemas import Source, make, prepare
from tests.shared.growing import MORE, TOPIC, deployed, fill, grow, is_fenced, present
from tests.shared.toy import PARTITIONS, VIEW, Start, counted, rows
from tests.waiting import until

SOURCES = (Source("happenings", 1, "happenings.1"),)


async def test_a_process_learns_that_its_generation_is_no_longer_present(
    log: Log, topic_prefix: str, pool: Pool
) -> None:
    deployment = await deployed(pool)
    await check(pool, SOURCES)
    await grow(log, deployment, topic_prefix)
    with pytest.raises(Fatal, match=r"happenings.1 is no longer the present generation"):
        await check(pool, SOURCES)
    await check(pool, [replace_generation(SOURCES[0])])


def replace_generation(source: Source) -> Source:
    return source._replace(generation=2, name="happenings.2")


async def test_a_service_that_is_started_first_after_a_switch_meets_the_present_generation(
    log: Log, topic_prefix: str, pool: Pool
) -> None:
    deployment = await deployed(pool)
    assert await first_seen(log, topic_prefix, "happenings") == 1
    await grow(log, deployment, topic_prefix, switch=False)
    assert await first_seen(log, topic_prefix, "happenings") == 1
    await grow(log, deployment, topic_prefix)
    assert await first_seen(log, topic_prefix, "happenings") == 2
    assert await first_seen(log, topic_prefix, "nothing") == 1


@pytest.mark.parametrize(
    ("topic", "partition", "offset", "passed"),
    [
        ("happenings.2", 0, 4, True),
        ("happenings.2", 0, 5, False),
        ("happenings.1", 9, 500, True),
        ("happenings.3", 0, 0, False),
    ],
)
async def test_a_place_of_an_earlier_generation_is_passed(
    pool: Pool, topic: str, partition: int, offset: int, passed: bool
) -> None:
    sources = [Source("happenings", 2, "happenings.2")]
    async with pool.acquire() as connection, connection.transaction():
        schema = await make(connection, VIEW, sources, 4)
        await connection.execute(f"UPDATE {schema.name}.checkpoints SET next_offset = 5")
    at = located(sources, "", 4, Place(topic, partition, offset))
    sql = in_schema(f"SELECT {PASSED}", schema.name)
    assert await pool.fetchval(sql, *at, partition, offset) is passed


@pytest.mark.parametrize(
    "position",
    [
        ("other.1", 0, 0),
        ("happenings", 0, 0),
        ("happenings.01", 0, 0),
        ("happenings.2", 4, 0),
        ("happenings.1", 2**31, 0),
        ("happenings.99999999999", 0, 0),
        ("happenings.1", 0, 2**63),
    ],
)
def test_a_place_of_no_topic_that_is_read_is_refused(position: tuple[str, int, int]) -> None:
    with pytest.raises(ValueError, match=r"happenings|other"):
        located([Source("happenings", 2, "happenings.2")], "", 4, Place(*position))


async def test_a_generation_is_dropped_when_nothing_is_kept_from_it(
    log: Log, topic_prefix: str, pool: Pool
) -> None:
    deployment = await deployed(pool)
    schema = await prepare(pool, log, VIEW, topic_prefix)
    await fill(log, topic_prefix, 20)
    assert "records it as the present one" in await refusal(log, deployment, topic_prefix, 1)
    await grow(log, deployment, topic_prefix, switch=False)
    assert "is being made" in await refusal(log, deployment, topic_prefix, 2)
    await grow(log, deployment, topic_prefix)
    assert f"{schema.name} is folded from it" in await refusal(log, deployment, topic_prefix, 1)
    await administration.unfence(log.address, {f"{topic_prefix}happenings.1": TOPIC})
    await log.append(f"{topic_prefix}happenings.1", 0, [Entry(b"k", b"late")])
    assert "1 of its records" in await refusal(log, deployment, topic_prefix, 1)


async def test_a_view_of_an_earlier_generation_serves_no_more(
    log: Log, topic_prefix: str, pool: Pool
) -> None:
    deployment = await deployed(pool)
    await prepare(pool, log, VIEW, topic_prefix)
    await grow(log, deployment, topic_prefix)
    after = await prepare(pool, log, VIEW, topic_prefix)
    await pool.execute("UPDATE schemas SET ready = now()")
    await pool.execute("UPDATE live SET schema = $1", after.name)
    ground = Ground(pool, log, VIEW, topic_prefix, Pace())
    with pytest.raises(Conflict, match=r"happenings.1, to which nothing is appended any more"):
        await rebuilding.back(ground, lambda what, done, total: None)


async def all_counted(pool: Pool, schema: str, number: int = 300) -> bool:
    return await counted(pool, schema) == number


async def refusal(log: Log, deployment: list[Member], prefix: str, generation: int) -> str:
    with pytest.raises(Conflict) as refused:
        await retiring.drop(log, deployment, prefix, f"happenings.{generation}")
    return str(refused.value)


async def test_a_dropped_generation_is_not_made_again(
    log: Log, topic_prefix: str, pool: Pool
) -> None:
    deployment = await deployed(pool)
    await fill(log, topic_prefix, 20)
    await grow(log, deployment, topic_prefix)
    dropped = await retiring.drop(log, deployment, topic_prefix, "happenings.1")
    assert dropped.records == 20
    await log.ensure_topics(topic_prefix, [TOPIC], PARTITIONS)
    assert await log.partitions(f"{topic_prefix}happenings.1") is None
    assert await log.partitions(f"{topic_prefix}happenings.2") == MORE


async def test_a_copy_that_is_given_up_leaves_nothing(
    log: Log, topic_prefix: str, pool: Pool
) -> None:
    deployment = await deployed(pool)
    await fill(log, topic_prefix, 20)
    await grow(log, deployment, topic_prefix, switch=False)
    await administration.fence(log.address, [f"{topic_prefix}happenings.1"])  # and then killed
    [copy] = await retiring.abandon(log, deployment, topic_prefix)
    assert copy.partitions == MORE
    assert not await is_fenced(log, topic_prefix)
    assert await log.partitions(f"{topic_prefix}happenings.2") is None
    assert await present(pool) == (1, PARTITIONS)
    assert await retiring.abandon(log, deployment, topic_prefix) == []


async def test_a_view_of_the_next_generation_has_the_same_rows(
    log: Log, topic_prefix: str, pool: Pool, start: Start
) -> None:
    deployment = await deployed(pool)
    before = await prepare(pool, log, VIEW, topic_prefix)
    await fill(log, topic_prefix, 300)
    worker, running = start("a", schema=before)
    await until(lambda: all_counted(pool, before.name))
    worker.stop()
    await running
    await grow(log, deployment, topic_prefix)
    after = await prepare(pool, log, VIEW, topic_prefix)
    assert (after.name != before.name, after.partitions) == (True, MORE)
    start("b", schema=after)
    await until(lambda: all_counted(pool, after.name))
    assert await rows(pool, after) == await rows(pool, before)
