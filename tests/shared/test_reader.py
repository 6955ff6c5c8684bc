"""Reading the real log: several topics, each in its order, at most so many records at a time."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from shared.errors import OffsetLost
from shared.log import Log, Reader, Topic, topic_name
from shared.messages import Entry, Record

PARTITIONS = 2
BOUND = 60.0


class Place(NamedTuple):
    topic: str
    partition: int


@pytest.fixture
async def log(kafka: str, topic_prefix: str) -> AsyncIterator[Log]:
    log = await Log.connect(kafka)
    try:
        await log.ensure_topics(topic_prefix, [Topic(name) for name in NAMES], PARTITIONS)
        yield log
    finally:
        await log.close()


@pytest.fixture
async def reader(log: Log) -> AsyncIterator[Reader]:
    reader = log.reader()
    yield reader
    await reader.close()


NAMES = ("busy", "quiet", "empty")


def places(prefix: str) -> list[Place]:
    return [Place(topic_name(prefix, name, 1), n) for name in NAMES for n in range(PARTITIONS)]


async def fill(log: Log, place: Place, count: int) -> None:
    entries = [Entry(b"", f"{place.topic}/{place.partition}/{n}".encode()) for n in range(count)]
    if entries:
        await log.append(*place, entries)


async def read(reader: Reader, count: int, limit: int) -> list[Record]:
    """So many records, in batches of at most `limit`."""
    found: list[Record] = []
    async with asyncio.timeout(BOUND):
        while len(found) < count:
            batch = await reader.batch(limit, 1.0)
            assert len(batch) <= limit
            found += batch
    return found


@pytest.mark.parametrize("limit", [1, 7, 1000])
async def test_all_topics_come_whole_and_in_their_order(
    log: Log, topic_prefix: str, reader: Reader, limit: int
) -> None:
    chance = random.Random(limit)
    counts = {place: chance.choice([0, 3, 40]) for place in places(topic_prefix)}
    for place, count in counts.items():
        await fill(log, place, count)
    await reader.start({place: 0 for place in counts})
    found = await read(reader, sum(counts.values()), limit)
    for place, count in counts.items():
        mine = [one for one in found if (one.place.topic, one.place.partition) == place]
        assert [one.place.offset for one in mine] == list(range(count))
        assert all(one.value.decode() == one.place.position() for one in mine)
    assert await reader.batch(limit, 0) == []


async def test_what_is_appended_later_comes_although_other_topics_stay_empty(
    log: Log, topic_prefix: str, reader: Reader
) -> None:
    busy = places(topic_prefix)[0]
    await reader.start({place: 0 for place in places(topic_prefix)})
    assert await reader.batch(10, 0) == []
    for n in range(5):
        await fill(log, busy, 1)
        assert [one.place.offset for one in await read(reader, 1, 10)] == [n]


async def test_nothing_comes_from_a_given_offset_on(
    log: Log, topic_prefix: str, reader: Reader
) -> None:
    busy, other = places(topic_prefix)[:2]
    await fill(log, busy, 10)
    await fill(log, other, 2)
    await reader.start({busy: 0, other: 0})
    found: list[Record] = []
    async with asyncio.timeout(BOUND):
        while len(found) < 5:
            found += await reader.batch(4, 1.0, {busy: 3})
    assert sorted(one.place.offset for one in found) == [0, 0, 1, 1, 2]


async def test_an_offset_that_the_log_does_not_have_is_said_although_others_are_idle(
    log: Log, topic_prefix: str, reader: Reader
) -> None:
    busy, *others = places(topic_prefix)
    await fill(log, busy, 3)
    await reader.start({busy: 7, **{place: 0 for place in others}})
    with pytest.raises(OffsetLost):
        await read(reader, 1, 10)
