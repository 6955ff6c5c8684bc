"""A consumer folds one partition of all its topics, and carries requests out between batches."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from shared import schemas
from shared.consumer import Consumer, Pace
from shared.database import Connection, Pool
from shared.leases import Lease, LeaseLost, partition_unit
from shared.log import Log
from shared.messages import Record
from shared.outcomes import Halt, Retry
from shared.parking import discard, parked, request_retry
from shared.projection import Event, View
from tests.shared import toy
from tests.shared.toy import FAST, TWO_TOPICS, append, happening
from tests.waiting import until

TOPICS = ("happenings", "reports")


@pytest.fixture
async def log(kafka: str, topic_prefix: str) -> AsyncIterator[Log]:
    async with toy.topics(kafka, topic_prefix, *TOPICS) as log:
        yield log


@pytest.fixture
async def schema(pool: Pool, log: Log, topic_prefix: str) -> schemas.Schema:
    return await schemas.prepare(pool, log, TWO_TOPICS, topic_prefix)


def here(number: int, amount: object = 1) -> list[Record]:
    """Events of one subject, so of one partition."""
    return [happening(str(n), amount=amount if n == 3 else 1) for n in range(number)]


PARTITION = toy.partition(happening("1"))


class Started:
    """A consumer at work, and its end."""

    def __init__(
        self,
        pool: Pool,
        log: Log,
        schema: schemas.Schema,
        view: View = TWO_TOPICS,
        epoch: int = 1,
        pace: Pace = FAST,
    ) -> None:
        lease = Lease(schema.name, partition_unit(PARTITION), "me", epoch, seconds=2.0)
        self.consumer = Consumer(pool, log, view, schema, lease, pace)
        self.task = asyncio.create_task(self.consumer.run())

    async def end(self) -> None:
        self.consumer.stop()
        await asyncio.wait_for(self.task, 20)


async def test_all_topics_of_the_view_are_folded(
    pool: Pool, log: Log, topic_prefix: str, schema: schemas.Schema
) -> None:
    await append(log, topic_prefix, [happening("1"), happening("2")], "happenings")
    await append(log, topic_prefix, [happening("3")], "reports")
    started = Started(pool, log, schema)
    await until(lambda: has(pool, "1", "2", "3"))
    await started.end()
    assert dict(started.consumer.positions) == {
        f"{topic_prefix}happenings.1": 2,
        f"{topic_prefix}reports.1": 1,
    }


async def test_batches_are_filled_up_and_no_fuller(
    pool: Pool,
    log: Log,
    topic_prefix: str,
    schema: schemas.Schema,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """With what comes while a few wait for company, in one topic or the other."""
    started = Started(pool, log, schema, pace=replace(FAST, batch=3))
    told = [happening(str(n)) for n in range(90)]
    for n in range(0, 90, 2):
        await append(log, topic_prefix, told[n : n + 2], TOPICS[n % 3 == 0])
    await until(lambda: has(pool, *(str(n) for n in range(90))))
    await started.end()
    assert "holding" not in caplog.text


async def has(pool: Pool, *wanted: str) -> bool:
    return await toy.ids(pool, "toy_1_1") == {*wanted}


async def test_a_running_consumer_retries_and_discards_on_request(
    pool: Pool, log: Log, topic_prefix: str, schema: schemas.Schema
) -> None:
    await append(log, topic_prefix, here(5, amount=-1))
    started = Started(pool, log, schema)
    await until(lambda: has(pool, "0", "1", "2", "4"))
    (aside,) = await parked(pool, schema.name)
    await request_retry(pool, schema.name, aside.place)
    await until(lambda: attempts(pool, schema, 2))
    await discard(pool, schema.name, aside.place, "a test order")
    await until(lambda: nothing_parked(pool, schema))
    await started.end()
    assert await toy.ids(pool, schema) == {"0", "1", "2", "4"}


async def attempts(pool: Pool, schema: schemas.Schema, number: int) -> bool:
    return [one.attempts for one in await parked(pool, schema.name)] == [number]


async def nothing_parked(pool: Pool, schema: schemas.Schema) -> bool:
    return not await parked(pool, schema.name)


async def test_the_batch_in_hand_is_finished_when_told_to_stop(
    pool: Pool, log: Log, topic_prefix: str, schema: schemas.Schema
) -> None:
    folding, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(connection: Connection, name: str, events: Sequence[Event]) -> None:
        folding.set()
        await go_on.wait()
        await toy.fold(connection, name, events)

    await append(log, topic_prefix, here(5))
    started = Started(pool, log, schema, replace(TWO_TOPICS, fold=slowly))
    await folding.wait()
    started.consumer.stop()
    go_on.set()
    await asyncio.wait_for(started.task, 20)
    assert await toy.counted(pool, schema) == 5


async def test_whoever_was_overtaken_stops(
    pool: Pool, log: Log, topic_prefix: str, schema: schemas.Schema
) -> None:
    first = Started(pool, log, schema, epoch=1)
    await until(lambda: first.consumer.positions)
    second = Started(pool, log, schema, epoch=2)
    await until(lambda: second.consumer.positions)
    await append(log, topic_prefix, here(5))
    with pytest.raises(LeaseLost):
        await first.task
    await until(lambda: has(pool, "0", "1", "2", "3", "4"))
    await second.end()


async def test_offsets_that_the_log_has_lost_halt(
    pool: Pool, log: Log, schema: schemas.Schema
) -> None:
    await pool.execute(f"UPDATE {schema.name}.checkpoints SET next_offset = 1000")
    started = Started(pool, log, schema)
    await asyncio.wait_for(started.task, 30)
    assert isinstance(started.consumer.outcome, Halt)
    halted = await pool.fetchval(f"SELECT halted FROM {schema.name}.failures")
    assert "no longer has" in halted


async def test_a_log_that_is_away_is_waited_for(
    pool: Pool, log: Log, topic_prefix: str, schema: schemas.Schema
) -> None:
    """No broker answers at that address, then the right one is back."""
    await append(log, topic_prefix, here(3))
    right, log.address = log.address, "127.0.0.1:9"
    started = Started(pool, log, schema)
    await until(lambda: isinstance(started.consumer.outcome, Retry))
    assert not started.consumer.working
    log.address = right
    await until(lambda: has(pool, "0", "1", "2"))
    await until(lambda: started.consumer.working)
    await started.end()
