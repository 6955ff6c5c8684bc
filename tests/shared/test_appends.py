"""Appends on the real log: gathered over partitions; each in its order, and alone in failing."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from shared import appends
from shared.appends import Appends
from shared.errors import LogUnavailable
from shared.ids import random_token
from shared.log import BATCH_BYTES, Log, Topic
from shared.messages import Entry

PARTITIONS = 4
BOUND = 60.0


@pytest.fixture
async def log(kafka: str) -> AsyncIterator[Log]:
    log = await Log.connect(kafka)
    try:
        yield log
    finally:
        await log.close()


@pytest.fixture
async def topics(log: Log) -> tuple[str, str]:
    """Two empty topics."""
    prefix = f"test-{random_token(6).hex()}-"
    await log.ensure_topics(prefix, [Topic("one"), Topic("two")], PARTITIONS)
    return f"{prefix}one.1", f"{prefix}two.1"


def entry(text: str) -> Entry:
    return Entry(b"", text.encode())


async def stands(log: Log, topic: str) -> list[list[str]]:
    """What stands in each partition, in its order."""
    ends = await log.end_offsets(topic, range(PARTITIONS))
    return [
        [record.value.decode() for record in await log.read(topic, number, 0, end, BOUND)]
        for number, end in sorted(ends.items())
    ]


async def test_each_of_many_appends_at_once_stands_where_it_says_in_their_order(
    log: Log, topics: tuple[str, str]
) -> None:
    chance = random.Random(7)
    sent: dict[tuple[str, int], list[str]] = {}
    asked: list[tuple[tuple[str, int], list[str], asyncio.Future[list[int]]]] = []
    for number in range(600):
        place = (chance.choice(topics), chance.randrange(PARTITIONS))
        texts = [f"{number}/{n}" for n in range(chance.choice([1, 1, 1, 2, 7]))]
        sent.setdefault(place, []).extend(texts)
        asked.append((place, texts, log.append(*place, [entry(text) for text in texts])))
        if chance.random() < 0.1:
            await asked[-1][2]  # the next ones come while nothing is under way, or little
    async with asyncio.timeout(BOUND):
        offsets = [await future for _, _, future in asked]
    found = {topic: await stands(log, topic) for topic in topics}
    for (topic, number), texts in sent.items():
        assert found[topic][number] == texts
    for ((topic, number), texts, _), at in zip(asked, offsets, strict=True):
        assert [found[topic][number][offset] for offset in at] == texts
    assert log.queued_bytes == 0


async def test_what_is_larger_than_one_batch_stands_in_its_order(
    log: Log, topics: tuple[str, str]
) -> None:
    texts = [f"{n}:" + "x" * (BATCH_BYTES // 5) for n in range(23)]
    async with asyncio.timeout(BOUND):
        futures = [log.append(topics[0], 0, [entry(text) for text in texts])]
        futures += [log.append(topics[0], 1, [entry(text)]) for text in texts]
        offsets = [await future for future in futures]
    assert offsets == [[*range(23)], *([n] for n in range(23))]
    assert (await stands(log, topics[0]))[:2] == [texts, texts]


async def test_an_append_that_cannot_be_is_the_only_one_that_fails(
    log: Log, topics: tuple[str, str]
) -> None:
    async with asyncio.timeout(BOUND):
        good = [log.append(topics[0], number, [entry("before")]) for number in range(PARTITIONS)]
        wrong = log.append(topics[0], 1_000, [entry("to a partition that there is not")])
        beside = [log.append(topics[1], number, [entry("beside")]) for number in range(PARTITIONS)]
        with pytest.raises(LogUnavailable):
            await wrong
        assert [await each for each in (*good, *beside)] == [[0]] * 2 * PARTITIONS
        assert await log.append(topics[0], 0, [entry("after")]) == [1]
    assert log.queued_bytes == 0


async def test_what_is_under_way_is_settled_before_the_log_is_closed(
    kafka: str, log: Log, topics: tuple[str, str]
) -> None:
    other = await Log.connect(kafka)
    futures = [other.append(topics[0], n % PARTITIONS, [entry(str(n))]) for n in range(100)]
    await other.close()
    assert all(future.done() and future.exception() is None for future in futures)
    assert sum(map(len, await stands(log, topics[0]))) == 100


class Settled(NamedTuple):
    """What a producer says of a batch."""

    offset: int


class Stuck:
    """A producer of which one partition never settles what it is given; of the others all do."""

    def __init__(self) -> None:
        self.sent: list[int] = []

    def create_batch(self) -> "Stuck":
        return self

    def append(self, **_: object) -> bool:
        return True

    def record_count(self) -> int:
        return 1

    async def send_batch(self, _: object, topic: str, partition: int) -> asyncio.Future[Settled]:
        self.sent.append(partition)
        future: asyncio.Future[Settled] = asyncio.get_running_loop().create_future()
        if partition:
            future.set_result(Settled(len(self.sent)))
        return future


async def test_who_is_late_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appends, "SETTLE_TIMEOUT", 3600.0)
    made = Appends(producer := Stuck())
    late = made.append(("t", 0), [entry("late")])
    async with asyncio.timeout(BOUND):
        for number in range(20):
            await made.append(("t", 1 + number % 3), [entry("in time")])
    behind = made.append(("t", 0), [entry("behind it")])
    await made.append(("t", 1), [entry("in time")])
    assert not late.done()
    assert not behind.done()
    assert producer.sent.count(0) == 1
    assert made.task is not None
    made.task.cancel()


async def test_what_waited_for_one_that_failed_fails_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(appends, "SETTLE_TIMEOUT", 0.2)
    made = Appends(producer := Stuck())
    late = made.append(("t", 0), [entry("late")])
    await made.append(("t", 1), [entry("in time")])
    behind = made.append(("t", 0), [entry("behind it")])
    async with asyncio.timeout(BOUND):
        for each in (late, behind):
            with pytest.raises(LogUnavailable):
                await each
    assert producer.sent.count(0) == 1
    assert made.bytes == 0
