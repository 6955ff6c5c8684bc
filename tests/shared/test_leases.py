"""Leases: fair, by the database's clock, with an epoch that grows with every change of hands."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.checkpoints import transaction
from shared.database import Pool
from shared.errors import DatabaseUnavailable
from shared.leases import Lease, LeaseLost, Leases, fair_share, partition_unit, register
from tests.waiting import until

SCHEMA = "toy_1_1"
UNITS = [*(partition_unit(n) for n in range(4)), "resolver"]


@pytest.fixture(autouse=True)
async def registered(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await register(connection, SCHEMA, UNITS)


def leases(pool: Pool, owner: str, seconds: float = 30.0) -> Leases:
    return Leases(pool, SCHEMA, owner, seconds)


async def test_one_worker_takes_all(pool: Pool) -> None:
    change = await leases(pool, "a").beat(UNITS)
    assert {lease.unit for lease in change.gained} == {*UNITS}
    assert {lease.epoch for lease in change.gained} == {1}


async def test_a_second_worker_is_given_its_share(pool: Pool) -> None:
    a, b = leases(pool, "a"), leases(pool, "b")
    await a.beat(UNITS)
    assert not (await b.beat(UNITS)).gained
    for lease in (await a.beat(UNITS)).surplus:
        await a.release(lease)
    assert {lease.epoch for lease in (await b.beat(UNITS)).gained} == {2}
    assert len(b.held) == 3
    assert sorted([*a.held, *b.held]) == sorted(UNITS)


async def test_who_leaves_makes_room_at_once(pool: Pool) -> None:
    a, b = leases(pool, "a"), leases(pool, "b")
    await a.beat(UNITS)
    await a.leave()
    assert len((await b.beat(UNITS)).gained) == len(UNITS)


async def test_an_expired_lease_is_taken_and_its_holder_is_told(pool: Pool) -> None:
    a, b = leases(pool, "a", seconds=0.2), leases(pool, "b")
    held = (await a.beat(UNITS)).gained
    await until(lambda: taken_all(b))
    assert {lease.unit for lease in (await a.beat(UNITS)).lost} == {*UNITS}
    async with pool.acquire() as connection, connection.transaction():
        with pytest.raises(LeaseLost):
            await held[0].guard(connection)


async def taken_all(leases: Leases) -> bool:
    await leases.beat(UNITS)
    return len(leases.held) == len(UNITS)


async def test_a_lease_that_expired_and_nobody_wanted_is_kept(pool: Pool) -> None:
    a = leases(pool, "a", seconds=0.05)
    held = (await a.beat(UNITS)).gained
    await until(lambda: pool.fetchval("SELECT bool_and(until < clock_timestamp()) FROM leases"))
    change = await a.beat(UNITS)
    assert not change.lost
    async with pool.acquire() as connection, connection.transaction():
        await held[0].guard(connection)


async def test_a_refused_unit_is_left_to_others(pool: Pool) -> None:
    a, b = leases(pool, "a"), leases(pool, "b")
    await a.beat(UNITS, refused=["partition/0"])
    assert "partition/0" not in a.held
    assert [lease.unit for lease in (await b.beat(UNITS)).gained] == ["partition/0"]


async def test_a_guard_keeps_others_out_until_the_transaction_ends(pool: Pool) -> None:
    a, b = leases(pool, "a", seconds=0.2), leases(pool, "b")
    await a.beat(["resolver"])
    lease = Lease(SCHEMA, "resolver", "a", a.held["resolver"].epoch, seconds=30)
    async with pool.acquire() as connection, connection.transaction():
        await lease.guard(connection)
        await until(lambda: expired(pool))
        assert not (await a.beat(["resolver"])).lost  # our own guard does not cost us the lease
        assert not (await b.beat(["resolver"])).gained


async def expired(pool: Pool) -> bool:
    found = await pool.fetchval("SELECT bool_and(until < clock_timestamp()) FROM leases")
    return bool(found)


async def test_who_is_paused_in_a_guarded_transaction_is_cut_off(pool: Pool) -> None:
    a, b = leases(pool, "a", seconds=0.2), leases(pool, "b")
    await a.beat(["resolver"])

    async def guard_and_pause() -> None:
        async with transaction(pool) as connection:
            await a.held["resolver"].guard(connection)
            await until(lambda: taken(b, "resolver"))

    with pytest.raises(DatabaseUnavailable):
        await guard_and_pause()


async def test_who_is_paused_inside_a_statement_is_cut_off_too(pool: Pool) -> None:
    a, b = leases(pool, "a", seconds=0.2), leases(pool, "b", seconds=0.2)
    await a.beat(["resolver"])

    async def guard_and_pause() -> None:
        async with transaction(pool) as connection:
            await a.held["resolver"].guard(connection)
            await connection.prepare("SELECT 1")  # leaves the session in the middle of a statement
            await until(lambda: taken(b, "resolver"))

    with pytest.raises(DatabaseUnavailable):
        await guard_and_pause()


async def taken(leases: Leases, unit: str) -> bool:
    await leases.beat([unit])
    return unit in leases.held


async def test_two_who_ask_at_once_never_hold_the_same(pool: Pool) -> None:
    crowd = [leases(pool, name) for name in "abcd"]
    for _ in range(3):
        changes = await asyncio.gather(*(one.beat(UNITS) for one in crowd))
        for one, change in zip(crowd, changes, strict=True):
            for lease in change.surplus:
                await one.release(lease)
    held = [unit for one in crowd for unit in one.held]
    assert len(held) == len({*held})


@given(st.integers(0, 40), st.sets(st.text("abcdef", min_size=1), min_size=1, max_size=8))
def test_shares_are_fair_and_sum_up(units: int, workers: set[str]) -> None:
    for spread in ("partition/", "resolver"):
        shares = [fair_share(units, [*workers], one, spread=spread) for one in sorted(workers)]
        assert sum(shares) == units
        assert max(shares) - min(shares) <= 1
        assert shares == sorted(shares, reverse=spread == "partition/")
