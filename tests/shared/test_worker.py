"""Workers share a view's units, take over from one another, and hold when something is away."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from shared.crew import Crew
from shared.database import Connection, Pool
from shared.leases import Lease, Leases, Single
from shared.log import Log
from tests.shared import toy
from tests.shared.toy import (
    FAST,
    SCHEMA,
    Start,
    append,
    counted,
    counted_is,
    happening,
    partitions,
)
from tests.waiting import until


async def test_what_is_in_the_log_comes_into_the_view_once(
    pool: Pool, log: Log, topic_prefix: str, start: Start
) -> None:
    events = [happening(str(n), who=str(n % 7)) for n in range(300)]
    await append(log, topic_prefix, events)
    one, _ = start("a")
    await until(lambda: one.schema is not None)
    await append(log, topic_prefix, events[:50])  # a client sent these again
    await until(lambda: caught_up(one), what="the view has all")
    assert await counted(pool, SCHEMA) == 300


def caught_up(one: Crew) -> bool:
    rows = one.status()
    return bool(rows) and all(row.lag == 0 for row in rows) and sum(r.end or 0 for r in rows) > 0


async def test_a_restart_goes_on_where_the_view_stands(
    pool: Pool, log: Log, topic_prefix: str, start: Start
) -> None:
    await append(log, topic_prefix, [happening(str(n), who=str(n)) for n in range(100)])
    one, running = start("a")
    await until(lambda: one.schema and counted_is(pool, 100))
    one.stop()
    await running
    assert await pool.fetchval("SELECT count(*) FROM leases WHERE owner IS NOT NULL") == 0
    assert await pool.fetchval("SELECT count(*) FROM workers") == 0
    await append(log, topic_prefix, [happening(str(n), who=str(n)) for n in range(50, 200)])
    start("b")
    await until(lambda: counted_is(pool, 200))


async def test_three_workers_share_four_partitions_fairly(
    start: Start,
) -> None:
    a, _ = start("a")
    await until(lambda: partitions(a) == 4)
    b, _ = start("b")
    await until(lambda: (partitions(a), partitions(b)) == (2, 2))
    c, stopping = start("c")
    await until(lambda: (partitions(a), partitions(b), partitions(c)) == (2, 1, 1))
    c.stop()
    await stopping
    await until(lambda: (partitions(a), partitions(b)) == (2, 2))


async def test_singles_are_spread_and_the_live_ones_run_for_the_live_schema_alone(
    pool: Pool, start: Start
) -> None:
    runs: list[tuple[str, str]] = []

    async def run(_: Pool, lease: Lease) -> None:
        runs.append((lease.unit, lease.owner))
        await asyncio.Event().wait()

    singles = [Single("resolver", run), Single("teller", run, live_only=True)]
    a, _ = start("a", singles=singles)
    b, _ = start("b", singles=singles)
    await until(lambda: len(a.units) == len(b.units) == 3)
    assert {"resolver", "teller"} < {*a.units, *b.units}
    await pool.execute("DELETE FROM live")
    await until(lambda: "teller" not in {*a.units, *b.units})
    await until(lambda: "resolver" in {*a.units, *b.units})


async def test_a_single_that_fails_is_run_again(
    start: Start,
) -> None:
    runs = []

    async def run(_: Pool, lease: Lease) -> None:
        runs.append(lease.epoch)
        raise ConnectionResetError("away")

    start("a", singles=[Single("resolver", run)])
    await until(lambda: len(runs) >= 3)
    assert {*runs} == {1}


@pytest.mark.parametrize(
    "error", [ConnectionResetError("away"), asyncio.CancelledError()], ids=["error", "cancelled"]
)
async def test_a_heartbeat_that_breaks_after_units_were_taken_leaves_none_without_work(
    pool: Pool,
    log: Log,
    topic_prefix: str,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
) -> None:
    towards = Leases._towards
    broken: list[set[str]] = []

    async def taken_then_broken(
        self: Leases, connection: Connection, target: int, *others: Any
    ) -> None:
        await towards(self, connection, target, *others)
        if not broken:
            broken.append({*self.held})
            raise error

    monkeypatch.setattr(Leases, "_towards", taken_then_broken)
    await append(log, topic_prefix, [happening(str(n), who=str(n)) for n in range(100)])
    one, running = start("a")
    await until(lambda: one.schema and counted_is(pool, 100))
    assert broken[0]
    assert not running.done()


async def test_it_holds_while_the_database_is_away_and_goes_on_by_itself(
    pool: Pool, log: Log, topic_prefix: str, start: Start
) -> None:
    one, running = start("a")
    await append(log, topic_prefix, [happening(str(n), who=str(n)) for n in range(100)])
    await until(lambda: one.schema and counted_is(pool, 100))
    name = await pool.fetchval("SELECT current_database()")
    async with pool.acquire() as connection:
        await connection.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 0')
        await connection.execute(_KILL_OTHERS)
        await append(log, topic_prefix, [happening(str(n), who=str(n)) for n in range(100, 200)])
        await connection.execute(_KILL_OTHERS)
        await connection.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT -1')
    await until(lambda: counted_is(pool, 200))
    assert not running.done()
    assert one.alive


async def test_a_halted_partition_is_released_and_not_taken_again(
    pool: Pool, log: Log, topic_prefix: str, start: Start
) -> None:
    bad = [happening(str(n), who=str(n), amount=-1) for n in range(800)]
    one_partition = [record for record in bad if toy.partition(record) == 0][:60]
    await append(log, topic_prefix, one_partition)
    one, running = start("a")
    await until(lambda: halted(one) == [(0, 49, None)])
    halt = next(row for row in one.status() if row.outcome == "halt")
    assert "50 different subjects" in halt.reason
    assert partitions(one) == 3
    one.stop()
    await running
    again, _ = start("b", view=toy.FIXED)
    await until(lambda: partitions(again) == 4 and caught_up(again))
    assert all(row.outcome == "ok" for row in again.status())


def halted(one: Crew) -> list[tuple[int, int, str | None]]:
    return [(r.partition, r.parked, r.owner) for r in one.status() if r.outcome == "halt"]


async def test_a_reader_that_stands_still_is_made_anew_then_the_worker_says_so(
    pool: Pool,
    log: Log,
    topic_prefix: str,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []

    class Stuck:
        """A reader that is alive and reads nothing."""

        def __init__(self) -> None:
            made.append(self)

        async def start(self, positions: object) -> None:
            return

        async def batch(self, limit: int, wait: float, until: object) -> list[object]:
            await asyncio.sleep(wait)
            return []

        async def mirror(self, positions: object) -> None:
            return

        async def close(self) -> None:
            return

    await append(log, topic_prefix, [happening("1")])
    monkeypatch.setattr(log, "reader", lambda group: Stuck())
    one, _ = start("a", pace=replace(FAST, watchdog=0.5))
    await until(lambda: len(made) > 4, what="a reader was made anew")
    assert one.alive
    await until(lambda: not one.alive)
    monkeypatch.undo()
    await until(lambda: one.schema and counted_is(pool, 1))
    await until(lambda: one.alive)


async def test_stopping_is_bounded_when_a_single_does_not_let_go(
    start: Start,
) -> None:
    async def stubborn(_: Pool, lease: Lease) -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    released = asyncio.Event()
    one, running = start("a", singles=[Single("resolver", stubborn)], pace=replace(FAST, grace=1.0))
    await until(lambda: "resolver" in one.units)
    one.stop()
    done, _ = await asyncio.wait([running], timeout=25)
    released.set()
    assert done


async def test_offsets_are_mirrored_to_kafka(
    kafka: str,
    log: Log,
    topic_prefix: str,
    start: Start,
) -> None:
    await append(log, topic_prefix, [happening(str(n), who=str(n)) for n in range(100)])
    start("a")
    await until(lambda: mirrored(kafka, topic_prefix, 100))


async def mirrored(kafka: str, prefix: str, number: int) -> bool:
    from aiokafka.admin import AIOKafkaAdminClient

    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(f"rapport.{SCHEMA}")
        ours = [o.offset for place, o in offsets.items() if place.topic == f"{prefix}happenings.1"]
        return bool(sum(ours) == number)
    finally:
        await admin.close()


_KILL_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
