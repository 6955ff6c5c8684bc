"""The fold step: rows and checkpoint together, each event once, the culprit alone set aside."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import asyncpg
import pytest

from shared.database import Connection, Pool
from shared.leases import LeaseLost
from shared.outcomes import Halt, Ok, Retry
from shared.parking import parked
from shared.projection import Event, View
from shared.schemas import Schema
from tests.shared import toy
from tests.shared.toy import PREPARED, STALE, VIEW, happening, numbered
from tests.waiting import until


@pytest.fixture
async def schema(pool: Pool) -> Schema:
    return await toy.make_schema(pool)


async def checkpoint(pool: Pool, schema: Schema, partition: int = 0) -> tuple[int, int]:
    row = await pool.fetchrow(
        f"SELECT next_offset, folded FROM {schema.name}.checkpoints WHERE partition = $1", partition
    )
    assert row is not None
    return tuple(row)


async def test_the_checkpoint_moves_with_the_rows(pool: Pool, schema: Schema) -> None:
    folder = await toy.folder(pool, schema)
    assert await folder.fold(numbered([happening("1"), happening("2")], start=7)) == Ok()
    assert await toy.ids(pool, schema) == {"1", "2"}
    assert await checkpoint(pool, schema) == (9, 2)


@pytest.mark.parametrize("view", [VIEW, PREPARED, STALE], ids=["decoded", "prepared", "stale"])
async def test_records_that_come_twice_count_once(pool: Pool, schema: Schema, view: View) -> None:
    folder = await toy.folder(pool, schema, view)
    batch = numbered([happening("1"), happening("2")])
    await folder.fold(batch)
    await folder.fold([*batch, *batch])
    after_restart = await toy.folder(pool, schema, epoch=2)
    await after_restart.fold(batch)
    assert await toy.counted(pool, schema) == 2
    assert await checkpoint(pool, schema) == (2, 2)


async def test_an_event_that_was_sent_twice_counts_once(pool: Pool, schema: Schema) -> None:
    folder = await toy.folder(pool, schema)
    await folder.fold(numbered([happening("1"), happening("1"), happening("2")]))
    assert await toy.counted(pool, schema) == 2
    assert await checkpoint(pool, schema) == (3, 3)


async def test_who_was_overtaken_writes_nothing(pool: Pool, schema: Schema) -> None:
    paused = await toy.folder(pool, schema, epoch=1)
    await paused.fold(numbered([happening("1")]))
    await toy.folder(pool, schema, epoch=2)
    with pytest.raises(LeaseLost):
        await paused.fold(numbered([happening("2")], start=1))
    assert await toy.ids(pool, schema) == {"1"}
    assert await checkpoint(pool, schema) == (1, 1)


async def test_an_older_lease_does_not_take_over(pool: Pool, schema: Schema) -> None:
    await toy.folder(pool, schema, epoch=2)
    with pytest.raises(LeaseLost):
        await toy.folder(pool, schema, epoch=1)


async def test_a_schema_that_was_dropped_is_left_alone(pool: Pool, schema: Schema) -> None:
    folder = await toy.folder(pool, schema)
    await pool.execute(f"DROP SCHEMA {schema.name} CASCADE")
    with pytest.raises(LeaseLost):
        await folder.fold(numbered([happening("1")]))


async def test_two_at_once_under_one_lease_never_move_the_checkpoint_back(
    pool: Pool, schema: Schema
) -> None:
    """A session that was given up may still be writing when the next one begins."""
    folder = await toy.folder(pool, schema)
    early, late = numbered([happening("1")]), numbered([happening(str(n)) for n in range(1, 5)])
    for ended in await asyncio.gather(
        *(folder.fold(batch) for batch in (early, late, early)), return_exceptions=True
    ):
        assert isinstance(ended, Ok | LeaseLost)  # one that was overtaken may only give up
    await (await toy.folder(pool, schema)).fold(late)
    assert await toy.counted(pool, schema) == 4
    assert await checkpoint(pool, schema) == (4, 4)


async def test_a_poison_event_is_parked_alone(pool: Pool, schema: Schema) -> None:
    folder = await toy.folder(pool, schema)
    batch = numbered([happening(str(n), amount=-1 if n == 37 else 1) for n in range(100)])
    assert await folder.fold(batch) == Ok()
    assert await toy.ids(pool, schema) == {str(n) for n in range(100) if n != 37}
    assert await checkpoint(pool, schema) == (100, 100)
    (found,) = await parked(pool, schema.name)
    assert found.place == batch[37].place
    assert found.bytes == batch[37].value
    assert (found.reason, found.attempts) == ("failed", 1)
    assert "CheckViolation" in found.error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        asyncpg.InternalClientError(
            "cannot switch to state 15; another operation (2) is in progress"
        ),
    ],
    ids=["busy", "confused"],
)
async def test_what_a_driver_says_whose_server_dies_is_not_held_against_the_event(
    pool: Pool, schema: Schema, error: Exception
) -> None:
    said = [error]

    async def fold(connection: Connection, schema: str, events: Sequence[Event]) -> None:
        if said:
            raise said.pop()
        await VIEW.fold(connection, schema, events)

    folder = await toy.folder(pool, schema, view=replace(VIEW, fold=fold))
    assert await folder.fold(numbered([happening("1")])) == Ok()
    assert await toy.ids(pool, schema) == {"1"}
    assert await parked(pool, schema.name) == []


@pytest.mark.parametrize("view", [VIEW, PREPARED, STALE], ids=["decoded", "prepared", "stale"])
async def test_what_cannot_be_decoded_is_parked_without_a_second_try(
    pool: Pool, schema: Schema, view: View
) -> None:
    folder = await toy.folder(pool, schema, view)
    nonsense = happening("3")._replace(value=b"\xff\x00 nonsense")
    batch = numbered([happening("1"), happening("2", amount="x\0"), nonsense, happening("4")])
    assert await folder.fold(batch) == Ok()
    assert await toy.ids(pool, schema) == {"1", "4"}
    found = await parked(pool, schema.name)
    assert [one.reason for one in found] == ["undecodable", "undecodable"]
    assert found[1].bytes == nonsense.value
    assert found[1].subject == found[1].event


async def test_events_of_fifty_subjects_in_a_row_halt(pool: Pool, schema: Schema) -> None:
    folder = await toy.folder(pool, schema)
    bad = numbered([happening(str(n), who=str(n), amount=-1) for n in range(60)])
    first = await folder.fold(bad[:30])
    restarted = await toy.folder(pool, schema, epoch=2)
    second = await restarted.fold(bad[30:])
    assert first == Ok()
    assert isinstance(second, Halt)
    assert len(await parked(pool, schema.name, limit=200)) == 49
    assert await checkpoint(pool, schema) == (49, 49)


async def test_a_halt_outlives_a_restart_and_ends_with_the_fix(pool: Pool, schema: Schema) -> None:
    bad = numbered([happening(str(n), who=str(n), amount=-1) for n in range(50)])
    await (await toy.folder(pool, schema)).fold(bad)
    again = await toy.folder(pool, schema, epoch=2)
    assert again.at.halted
    assert isinstance(await again.fold(bad[49:]), Halt)
    fixed = await toy.folder(pool, schema, view=toy.FIXED, epoch=3)
    assert await fixed.fold(bad[49:]) == Ok()
    assert fixed.at.halted is None
    assert await pool.fetchval(f"SELECT halted FROM {schema.name}.failures") is None


async def test_a_good_event_ends_the_streak(pool: Pool, schema: Schema) -> None:
    folder = await toy.folder(pool, schema)
    bad = [happening(f"bad {n}", who=str(n), amount=-1) for n in range(49)]
    batch = numbered([*bad[:40], happening("good"), *bad[40:]])
    assert await folder.fold(batch) == Ok()
    assert len(folder.at.tally.streak) == 9


async def test_many_events_of_one_subject_are_no_streak(pool: Pool, schema: Schema) -> None:
    folder = await toy.folder(pool, schema)
    assert await folder.fold(numbered([happening(str(n), amount=-1) for n in range(49)])) == Ok()
    assert len(folder.at.tally.streak) == 1


async def test_five_per_cent_of_the_last_thousand_halt(pool: Pool, schema: Schema) -> None:
    folder = await toy.folder(pool, schema)
    batch = numbered(
        [happening(str(n), who=str(n), amount="x" if n % 20 == 0 else 1) for n in range(1100)]
    )
    halted = await folder.fold(batch)
    assert isinstance(halted, Halt)
    assert "49" not in halted.reason
    assert len(await parked(pool, schema.name, limit=200)) == 49
    assert await checkpoint(pool, schema) == (980, 980)


async def test_four_per_cent_do_not_halt(pool: Pool, schema: Schema) -> None:
    folder = await toy.folder(pool, schema)
    batch = numbered(
        [happening(str(n), who=str(n), amount="x" if n % 25 == 0 else 1) for n in range(1500)]
    )
    assert await folder.fold(batch) == Ok()


async def test_a_commit_whose_answer_was_lost_counts_once(pool: Pool, schema: Schema) -> None:
    """The connection dies once, after the rows and the checkpoint were committed."""
    losses = iter([True])

    async def fold_and_lose(connection: Connection, name: str, events: Sequence[Event]) -> None:
        await VIEW.fold(connection, name, events)
        if next(losses, False):
            await connection.execute(
                f"UPDATE {name}.checkpoints SET next_offset = 2, folded = 2 WHERE partition = 0"
            )
            await connection.execute("COMMIT")
            raise ConnectionResetError("the answer was lost")

    folder = await toy.folder(pool, schema, view=replace(VIEW, fold=fold_and_lose))
    assert await folder.fold(numbered([happening("1"), happening("2")])) == Ok()
    assert await toy.counted(pool, schema) == 2
    assert await checkpoint(pool, schema) == (2, 2)


async def test_a_connection_lost_in_the_middle_is_held_and_tried_again(
    pool: Pool, schema: Schema
) -> None:
    losses = iter([True])

    async def fold_and_die(connection: Connection, name: str, events: Sequence[Event]) -> None:
        await VIEW.fold(connection, name, events)
        if next(losses, False):
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    folder = await toy.folder(pool, schema, view=replace(VIEW, fold=fold_and_die))
    assert await folder.fold(numbered([happening("1"), happening("2")])) == Ok()
    assert await toy.counted(pool, schema) == 2
    assert await parked(pool, schema.name) == []


async def test_a_fold_that_pauses_in_its_transaction_is_cut_off_and_tried_again(
    pool: Pool, schema: Schema
) -> None:
    """The server ends a transaction that stands idle for as long as a lease."""
    pauses = iter([True])

    async def fold_and_pause(connection: Connection, name: str, events: Sequence[Event]) -> None:
        await VIEW.fold(connection, name, events)
        if next(pauses, False):
            await connection.execute("SET idle_in_transaction_session_timeout = 50")
            pid = connection.get_server_pid()
            await until(lambda: is_gone(pool, pid))

    folder = await toy.folder(pool, schema, view=replace(VIEW, fold=fold_and_pause))
    assert await folder.fold(numbered([happening("1")])) == Ok()
    assert await toy.counted(pool, schema) == 1


async def test_who_keeps_the_checkpoint_locked_past_its_lease_is_cut_off(
    pool: Pool, schema: Schema
) -> None:
    old = await toy.folder(pool, schema)
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await old.at.lock(connection)
        await connection.prepare("SELECT 1")  # leaves the session in the middle of a statement
        new = await toy.folder(pool, schema, epoch=2, lease_seconds=0.2)
    assert await new.fold(numbered([happening("1")])) == Ok()
    assert await toy.ids(pool, schema) == {"1"}


async def is_gone(pool: Pool, pid: int) -> bool:
    return not await pool.fetchval(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)", pid
    )


async def test_told_to_stop_while_holding_it_writes_nothing_more(
    pool: Pool, schema: Schema
) -> None:
    async def away(connection: Connection, name: str, events: Sequence[Event]) -> None:
        raise asyncpg.AdminShutdownError("terminating connection")

    folder = await toy.folder(pool, schema, view=replace(VIEW, fold=away))
    folding = asyncio.create_task(folder.fold(numbered([happening("1")])))
    await until(lambda: isinstance(folder.outcome, Retry))
    folder.stopping.set()
    assert isinstance(await folding, Retry)
    assert await checkpoint(pool, schema) == (0, 0)
