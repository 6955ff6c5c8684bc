"""The relay: everything that was decided, unchanged and in order, whatever ends it."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from typing_extensions import override

from shared import failpoints
from shared.database import Pool
from shared.deciding import relay as relays
from shared.deciding.command_handler import CommandHandler
from shared.deciding.relay import Relay, relay
from shared.errors import LogUnavailable
from shared.failpoints import EXIT
from shared.leases import Lease, LeaseLost, Leases, register
from shared.log import Log, partition_of
from shared.messages import Entry, Record, decode
from tests.deciding import toy
from tests.deciding.toy import ORIGIN, SOURCE, VISIT, Order
from tests.records import subject
from tests.shared.toy import PARTITIONS
from tests.waiting import until

UNIT = "relay"


async def lease(pool: Pool, owner: str = "a", seconds: float = 10.0) -> Lease:
    """The right to relay, whoever had it before."""
    async with pool.acquire() as connection:
        await register(connection, "toy", [UNIT])
    await pool.execute("UPDATE leases SET until = '-infinity'; DELETE FROM workers")
    change = await Leases(pool, "toy", owner, seconds).beat([UNIT])
    return change.gained[0]


async def decided(handler: CommandHandler, customers: int = 7, orders: int = 6) -> None:
    """Many events of several customers, mixed."""
    for n in range(orders):
        await asyncio.gather(
            *(
                handler.carry_out(
                    VISIT,
                    toy.stream_of(str(who)),
                    Order(subject(f"user:c{who}"), n + 1),
                    ORIGIN,
                    partitionkey=subject(f"user:c{who}"),
                )
                for who in range(customers)
            )
        )


async def relayed(log: Log, prefix: str) -> list[Record]:
    """Whatever stands in the topic, partition by partition."""
    topic = f"{prefix}{toy.VISITS}.1"
    ends = await log.end_offsets(topic, range(PARTITIONS))
    return [
        record
        for partition, end in ends.items()
        for record in await log.read(topic, partition, 0, end)
    ]


async def assert_all_is_relayed(pool: Pool, log: Log, prefix: str) -> int:
    """Nothing is lost, nothing is changed, first copies are in order; how many came again."""
    found = await relayed(log, prefix)
    rows = await pool.fetch("SELECT partitionkey, record FROM events ORDER BY position")
    assert {record.value for record in found} == {row["record"] for row in rows}
    for partition in range(PARTITIONS):
        here = [record.value for record in found if record.place.partition == partition]
        wanted = [
            row["record"]
            for row in rows
            if partition_of(str(row["partitionkey"]), PARTITIONS) == partition
        ]
        assert [*dict.fromkeys(here)] == wanted
    return len(found) - len(rows)


@asynccontextmanager
async def running(pool: Pool, log: Log, prefix: str, held: Lease) -> AsyncIterator[None]:
    """A relay while the body runs."""
    run = relay(log, f"{prefix}{toy.VISITS}.1", PARTITIONS)
    task = asyncio.ensure_future(run(pool, held))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def is_done(pool: Pool) -> bool:
    """Whether the mark stands at the last event."""
    return await relays.unrelayed(pool) == 0


async def test_every_event_is_relayed_unchanged_and_each_key_in_order(
    pool: Pool, log: Log, topic_prefix: str, handler: CommandHandler
) -> None:
    async with running(pool, log, topic_prefix, await lease(pool)):
        await decided(handler)
        await until(lambda: is_done(pool))
    assert await assert_all_is_relayed(pool, log, topic_prefix) == 0
    one = (await relayed(log, topic_prefix))[0]
    envelope = decode(one.value)
    assert one.key == envelope.partitionkey.encode()
    assert envelope.id == f"{envelope.stream}/{envelope.streamversion}"
    assert (envelope.source, envelope.actor, envelope.ingestkey) == (
        SOURCE,
        "service:tests",
        "tests",
    )


@pytest.mark.parametrize("point", ["relay.read", "relay.appended", "relay.moved"])
async def test_killed_at_any_point_it_loses_nothing(
    pool: Pool,
    log: Log,
    topic_prefix: str,
    database: str,
    kafka: str,
    handler: CommandHandler,
    point: str,
) -> None:
    await decided(handler)
    held = await lease(pool)
    arguments = [database, kafka, topic_prefix, str(held.epoch), f"{point}=exit"]
    assert await killed(arguments) == EXIT
    async with running(pool, log, topic_prefix, await lease(pool, "b")):
        await until(lambda: is_done(pool))
    again = await assert_all_is_relayed(pool, log, topic_prefix)
    assert bool(again) == (point == "relay.appended")


async def killed(arguments: Sequence[str]) -> int:
    """How a relay in a process of its own ended."""
    command = [sys.executable, "-m", "tests.deciding.relay_process", *arguments]
    return await asyncio.to_thread(subprocess.call, command, timeout=60)


async def test_killed_again_and_again_under_load_it_loses_nothing(
    pool: Pool, log: Log, topic_prefix: str, database: str, kafka: str, handler: CommandHandler
) -> None:
    command = [sys.executable, "-m", "tests.deciding.relay_process", database, kafka, topic_prefix]
    for n in range(2):
        held = await lease(pool, f"process {n}")
        one = subprocess.Popen([*command, str(held.epoch), "", held.owner])  # noqa: ASYNC220
        try:
            before = await pool.fetchval("SELECT position FROM relayed")
            await decided(handler, orders=8)
            await until(lambda before=before: has_moved(pool, before))  # type: ignore[misc]
        finally:
            one.kill()
            one.wait(timeout=10)
    async with running(pool, log, topic_prefix, await lease(pool, "last")):
        await until(lambda: is_done(pool))
    await assert_all_is_relayed(pool, log, topic_prefix)


async def has_moved(pool: Pool, before: int) -> bool:
    found = await pool.fetchval("SELECT position FROM relayed")
    return bool(found > before)


async def test_one_that_lost_its_lease_moves_nothing(
    pool: Pool, log: Log, topic_prefix: str, handler: CommandHandler
) -> None:
    await decided(handler)
    late = Relay(pool, log, await lease(pool), f"{topic_prefix}{toy.VISITS}.1", PARTITIONS)
    await lease(pool, "b")
    with pytest.raises(LeaseLost):
        await late.turn()
    assert await pool.fetchval("SELECT position FROM relayed") == 0


class Away(Log):
    """A log that takes nothing until it is let."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.away = True
        self.asked = 0

    @override
    def append(
        self, topic: str, partition: int, entries: Sequence[Entry]
    ) -> asyncio.Future[list[int]]:
        self.asked += 1
        if not self.away:
            return self._log.append(topic, partition, entries)
        future: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        future.set_exception(LogUnavailable("away"))
        return future


async def test_while_the_log_is_away_it_waits_and_then_goes_on(
    pool: Pool, log: Log, topic_prefix: str, handler: CommandHandler
) -> None:
    await decided(handler)
    away = Away(log)
    async with running(pool, away, topic_prefix, await lease(pool)):
        await until(lambda: away.asked > 2 * PARTITIONS)
        assert await pool.fetchval("SELECT position FROM relayed") == 0
        away.away = False
        await until(lambda: is_done(pool))
    assert await assert_all_is_relayed(pool, log, topic_prefix) == 0


async def test_a_lost_connection_is_waited_for_too(
    pool: Pool, log: Log, topic_prefix: str, handler: CommandHandler
) -> None:
    await decided(handler)
    failpoints.arm("relay.appended=error", 0.0, allowed=True)
    async with running(pool, log, topic_prefix, await lease(pool)):
        await until(lambda: is_done(pool))
    assert await assert_all_is_relayed(pool, log, topic_prefix) > 0


async def test_large_pages_are_relayed_in_parts(
    pool: Pool,
    log: Log,
    topic_prefix: str,
    handler: CommandHandler,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relays, "PAGE_BYTES", 2_000)
    await decided(handler)
    turns = Relay(pool, log, await lease(pool), f"{topic_prefix}{toy.VISITS}.1", PARTITIONS)
    count = 0
    while await turns.turn():
        count += 1
    assert count > 5
    assert await assert_all_is_relayed(pool, log, topic_prefix) == 0
