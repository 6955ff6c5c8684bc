"""A topic is copied into its next generation: every record once, unchanged, in its key's order."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import administration, copies, failpoints, members
from shared.copies import Copy
from shared.copy_session import Spoiled, checksum, target_of
from shared.database import Pool
from shared.errors import Fatal, LogUnavailable
from shared.growth import Growth, News, Result
from shared.log import Copied, Log, Origin, Original, partition_of
from shared.messages import Entry
from tests.shared.growing import (
    FAST,
    MORE,
    SILENT,
    TOPIC,
    audit,
    deployed,
    fill,
    grow,
    is_fenced,
    present,
    records,
)
from tests.shared.toy import PARTITIONS
from tests.waiting import until


async def test_every_record_is_in_the_next_generation_once_and_in_the_order_of_its_key(
    log: Log, topic_prefix: str, pool: Pool
) -> None:
    deployment = await deployed(pool)
    await fill(log, topic_prefix, 1000)
    [result] = await grow(log, deployment, topic_prefix)
    assert (result.sum.records, result.switched) == (1000, True)
    assert await present(pool) == (2, MORE)
    await audit(log, topic_prefix)


async def test_keys_and_bytes_of_every_kind_are_kept(
    log: Log, topic_prefix: str, pool: Pool
) -> None:
    deployment = await deployed(pool)
    odd = [Entry(b"no uuid", b""), Entry(b"\xff\x00", b"\x00\xff"), Entry(b"", b"{}")]
    keyless = Copied(None, b"no key", 1_700_000_000_000, Origin(1, 9, 9))  # type: ignore[arg-type]
    await log.append(f"{topic_prefix}happenings.1", 2, [*odd, keyless, *odd])
    await grow(log, deployment, topic_prefix)
    await audit(log, topic_prefix)


@given(
    st.one_of(st.none(), st.binary(max_size=40), st.uuids().map(lambda key: str(key).encode())),
    st.integers(0, 30),
    st.integers(1, 1000),
)
def test_a_key_belongs_to_one_partition(key: bytes | None, former: int, partitions: int) -> None:
    found = target_of(key, former, partitions)
    assert 0 <= found < partitions
    if key is not None:
        assert target_of(key, former + 1, partitions) == found
    if key is not None and len(key) == 36:
        assert partition_of(key.decode(), partitions) == found


@given(*(st.one_of(st.none(), st.binary(max_size=9)) for _ in range(4)))
def test_another_key_or_value_is_another_checksum(
    key: bytes | None, value: bytes | None, other: bytes | None, changed: bytes | None
) -> None:
    same = (key, value) == (other, changed)
    assert (checksum(key, value) == checksum(other, changed)) == same


class Stopped(Exception):
    """What a copy is stopped with in the middle."""


def stopping_at(sentence: str) -> News:
    """Stops the copy when it says something; `records` when it has copied some."""

    def told(topic: str, copied: int, there: int) -> None:
        if sentence == "records" and 0 < copied < there:
            raise Stopped

    def says(said: str) -> None:
        if sentence and said.startswith(sentence):
            raise Stopped

    return News(told, says)


@pytest.mark.parametrize("sentence", ["records", "Fenced", "Compared"])
async def test_a_copy_that_is_stopped_changes_nothing_and_goes_on_later(
    log: Log, topic_prefix: str, pool: Pool, sentence: str
) -> None:
    deployment = await deployed(pool)
    await fill(log, topic_prefix, 500)
    with pytest.raises(Stopped):
        await grow(log, deployment, topic_prefix, news=stopping_at(sentence))
    assert await present(pool) == (1, PARTITIONS)
    assert not await is_fenced(log, topic_prefix)
    await fill(log, topic_prefix, 500, start=500)
    await grow(log, deployment, topic_prefix)
    assert await present(pool) == (2, MORE)
    await audit(log, topic_prefix)


async def test_a_copy_that_is_cancelled_while_fenced_opens_the_topic_again(
    log: Log, topic_prefix: str, pool: Pool
) -> None:
    deployment = await deployed(pool)
    await fill(log, topic_prefix, 100)
    task: asyncio.Task[list[Result]]

    def says(sentence: str) -> None:
        if sentence.startswith("Fenced"):
            task.cancel()

    news = News(SILENT.told, says)
    task = asyncio.create_task(grow(log, deployment, topic_prefix, news=news))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await present(pool) == (1, PARTITIONS)
    await fill(log, topic_prefix, 1, start=100)


async def test_without_a_switch_it_stops_when_nearly_all_is_copied_and_goes_on_later(
    log: Log, topic_prefix: str, pool: Pool
) -> None:
    deployment = await deployed(pool)
    await fill(log, topic_prefix, 2000)
    [result] = await grow(log, deployment, topic_prefix, switch=False)
    assert (result.sum.records, result.switched) == (2000, False)
    assert await present(pool) == (1, PARTITIONS)
    await fill(log, topic_prefix, 10, start=2000)
    await grow(log, deployment, topic_prefix)
    await audit(log, topic_prefix)


async def test_a_fence_refuses_producers_that_are_connected_and_loses_nothing(
    log: Log, topic_prefix: str
) -> None:
    name = f"{topic_prefix}happenings.1"
    async with appending(log, name) as (acknowledged, refused):
        await until(lambda: len(acknowledged) > 50)
        await administration.fence(log.address, [name])
        await until(lambda: len(refused) > 50)
        ends = await log.end_offsets(name, range(PARTITIONS))
        before = len(refused)
        await until(lambda: len(refused) > before + 50)
        assert await log.end_offsets(name, range(PARTITIONS)) == ends
        assert {value for value in acknowledged} == {r.value for r in await records(log, name)}
        await administration.unfence(log.address, {name: TOPIC})
        count = len(acknowledged)
        await until(lambda: len(acknowledged) > count)


@asynccontextmanager
async def appending(log: Log, name: str) -> AsyncIterator[tuple[list[bytes], list[bytes]]]:
    """Appends without end meanwhile: the values that were acknowledged, and those refused."""
    acknowledged: list[bytes] = []
    refused: list[bytes] = []

    async def lane(partition: int) -> None:
        for n in range(1_000_000):
            value = b"%d-%d" % (partition, n)
            key = f"00000000-0000-0000-0000-{n:010d}{partition:02x}".encode()
            try:
                await log.append(name, partition, [Entry(key, value)])
                acknowledged.append(value)
            except LogUnavailable:
                refused.append(value)
            await asyncio.sleep(0)

    lanes = [asyncio.create_task(lane(n)) for n in range(PARTITIONS)]
    try:
        yield acknowledged, refused
    finally:
        for task in lanes:
            task.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)


async def test_what_is_acknowledged_while_it_is_copied_is_in_the_next_generation(
    log: Log, topic_prefix: str, pool: Pool
) -> None:
    deployment = await deployed(pool)
    await fill(log, topic_prefix, 1000)
    async with appending(log, f"{topic_prefix}happenings.1") as (acknowledged, refused):
        await until(lambda: len(acknowledged) > 50)
        await grow(log, deployment, topic_prefix)
        assert refused
    found = [record.value for record in await records(log, f"{topic_prefix}happenings.2")]
    assert set(acknowledged) <= set(found)
    assert len(found) == len(set(found))


Spoil = Callable[[Log, str, Original], "asyncio.Future[list[int]]"]


def add_a_foreign_one(log: Log, name: str, one: Original) -> "asyncio.Future[list[int]]":
    return log.append(name, 0, [Entry(b"k", b"foreign")])


def add_it_again(log: Log, name: str, one: Original) -> "asyncio.Future[list[int]]":
    return log.append(name, one.partition, [copied(one, one.value or b"")])


def add_a_later_one_changed(log: Log, name: str, one: Original) -> "asyncio.Future[list[int]]":
    assert one.origin is not None
    later = one._replace(origin=one.origin._replace(offset=one.origin.offset + 1000))
    return log.append(name, one.partition, [copied(later, b"changed")])


def copied(one: Original, value: bytes) -> Copied:
    assert one.key is not None
    assert one.origin is not None
    return Copied(one.key, value, one.timestamp, one.origin)


@pytest.mark.parametrize("spoil", [add_a_foreign_one, add_it_again, add_a_later_one_changed])
async def test_a_spoiled_copy_is_never_switched_to(
    log: Log, topic_prefix: str, pool: Pool, spoil: Spoil
) -> None:
    deployment = await deployed(pool)
    await fill(log, topic_prefix, 300)
    await grow(log, deployment, topic_prefix, switch=False)
    name = f"{topic_prefix}happenings.2"
    [one, *_] = await records(log, name)
    await spoil(log, name, one)
    with pytest.raises(Spoiled):
        await grow(log, deployment, topic_prefix)
    assert await present(pool) == (1, PARTITIONS)
    assert not await is_fenced(log, topic_prefix)


async def test_two_copies_at_a_time_are_refused(log: Log, topic_prefix: str, pool: Pool) -> None:
    deployment = await deployed(pool)
    async with members.alone(deployment[0]):
        with pytest.raises(Fatal, match="already"):
            await grow(log, deployment, topic_prefix)


async def test_another_number_is_refused_while_a_copy_is_under_way(
    log: Log, topic_prefix: str, pool: Pool
) -> None:
    deployment = await deployed(pool)
    await fill(log, topic_prefix, 10)
    await grow(log, deployment, topic_prefix, switch=False)
    with pytest.raises(Fatal, match="7 partitions already"):
        await grow(log, deployment, topic_prefix, partitions=8)


async def test_records_in_partitions_that_are_not_recorded_are_not_left_behind(
    log: Log, topic_prefix: str, pool: Pool
) -> None:
    deployment = await deployed(pool)
    await pool.execute("UPDATE topics SET partitions = 3")
    await fill(log, topic_prefix, 50)
    with pytest.raises(Fatal, match="4 partitions"):
        await grow(log, deployment, topic_prefix)


async def test_records_that_come_late_are_copied_by_the_same_call_later(
    log: Log, topic_prefix: str, pool: Pool
) -> None:
    deployment = await deployed(pool)
    await fill(log, topic_prefix, 100)
    await grow(log, deployment, topic_prefix)
    await administration.unfence(log.address, {f"{topic_prefix}happenings.1": TOPIC})
    await fill(log, topic_prefix, 5, start=100)
    await log.append(f"{topic_prefix}happenings.2", 0, [Entry(b"k", b"a new one")])
    [copy] = await members.latest(deployment, topic_prefix)
    growth = Growth(log, deployment, [copy], news=SILENT, pace=FAST, late=0.1)
    [result] = await growth.run()
    assert result.sum.records == 105
    found = await records(log, f"{topic_prefix}happenings.2")
    assert Counter(r.value for r in found) == Counter(
        [b"a new one", *(r.value for r in await records(log, f"{topic_prefix}happenings.1"))]
    )
    assert await is_fenced(log, topic_prefix)


async def test_how_far_it_has_come_is_noted_for_both_sides(
    log: Log, topic_prefix: str, pool: Pool
) -> None:
    deployment = await deployed(pool)
    await fill(log, topic_prefix, 200)
    [result] = await grow(log, deployment, topic_prefix)
    marks = await copies.marks(pool, Copy("happenings", 1, PARTITIONS, 2, MORE, topic_prefix))
    assert copies.total(marks.former) == copies.total(marks.next) == result.sum
    ends = await log.end_offsets(f"{topic_prefix}happenings.2", range(MORE))
    assert {n: mark.next_offset for n, mark in marks.next.items()} == ends


@pytest.mark.parametrize("point", ["append.sending", "append.settled", "copy.saved"])
async def test_what_became_of_an_append_is_looked_up_before_it_goes_on(
    log: Log, topic_prefix: str, pool: Pool, point: str
) -> None:
    deployment = await deployed(pool)
    await fill(log, topic_prefix, 500)
    failpoints.arm(f"{point}=error@3", 0.0, allowed=True)
    try:
        if point == "copy.saved":  # the database is away, and who copies may no longer be alone
            with pytest.raises(ConnectionResetError):
                await grow(log, deployment, topic_prefix)
        await grow(log, deployment, topic_prefix)
    finally:
        failpoints.arm("", 0.0, allowed=True)
    await audit(log, topic_prefix)
