"""A view rebuilt and verified beside the live one: cut off, gone on with, given up, begun anew."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from shared import rebuilding, schemas
from shared.catchup import Ground, working
from shared.database import Pool
from shared.errors import Fatal
from shared.log import Log
from shared.verifying import verify
from tests.shared import toy
from tests.shared.toy import FAST, FIXED, VIEW, append, counted, happening
from tests.waiting import until

EVENTS = 400


def tell(what: str, done: int, total: int) -> None:
    assert 0 <= done <= total, what


@pytest.fixture
async def ground(pool: Pool, log: Log, topic_prefix: str) -> AsyncIterator[Ground]:
    """A live schema that is folded on, with some events, duplicates among them."""
    ground = Ground(pool, log, VIEW, topic_prefix, FAST)
    live = await schemas.prepare(pool, log, VIEW, topic_prefix)
    events = [happening(str(n), who=f"u{n % 20}") for n in range(EVENTS)]
    await append(log, topic_prefix, [*events, *events[:50]])
    async with working(ground, live, None):
        await until(lambda: counted_is(pool, live.name, EVENTS))
        yield ground


async def counted_is(pool: Pool, name: str, number: int) -> bool:
    return await counted(pool, name) == number


def slowly(ground: Ground) -> Ground:
    """The same, at a pace at which it can be cut off on the way."""
    return replace(ground, pace=replace(FAST, rate=40.0))


async def cut_off(ground: Ground, pool: Pool) -> str:
    """Begin a rebuild and end it somewhere in the middle; the schema it has begun."""
    running = asyncio.create_task(rebuilding.rebuild(slowly(ground), tell))
    await until(lambda: some_folded(pool))
    running.cancel()
    await asyncio.wait([running])
    (begun,) = [kept for kept in await schemas.keeps(pool, "toy") if not kept.ready]
    assert begun.purpose == "rebuild"
    return begun.schema


async def some_folded(pool: Pool) -> bool:
    names = [kept.schema for kept in await schemas.keeps(pool, "toy") if not kept.ready]
    return bool(names) and await folded(pool, names[0]) > 0


async def folded(pool: Pool, schema: str) -> int:
    found = await pool.fetchval(f"SELECT sum(next_offset)::int FROM {schema}.checkpoints")
    assert isinstance(found, int)
    return found


async def live(pool: Pool) -> str | None:
    return await schemas.live_name(pool, "toy")


async def test_a_rebuild_that_was_cut_off_is_gone_on_with(ground: Ground, pool: Pool) -> None:
    name = await cut_off(ground, pool)
    before = await folded(pool, name)
    assert 0 < before < EVENTS + 50
    assert await live(pool) == "toy_1_1"
    assert (await rebuilding.rebuild(ground, tell)).name == name
    assert await live(pool) == name
    assert await toy.rows(pool, name) == await toy.rows(pool, "toy_1_1")


async def test_a_rebuild_can_be_given_up(ground: Ground, pool: Pool) -> None:
    name = await cut_off(ground, pool)
    assert await rebuilding.cancel(pool, VIEW) == [name]
    assert [kept.schema for kept in await schemas.keeps(pool, "toy")] == ["toy_1_1"]
    assert await pool.fetchval("SELECT count(*) FROM leases WHERE schema = $1", name) == 0


async def test_what_was_staged_and_lost_in_a_crash_is_begun_anew(
    ground: Ground, pool: Pool
) -> None:
    name = await cut_off(ground, pool)
    await pool.execute(f"TRUNCATE {name}.bulk")  # what a crash of PostgreSQL leaves of it
    rebuilt = await rebuilding.rebuild(ground, tell)
    assert await live(pool) == rebuilt.name
    assert await toy.rows(pool, rebuilt.name) == await toy.rows(pool, "toy_1_1")


async def test_a_steady_stream_of_events_does_not_put_the_switch_off(
    ground: Ground, pool: Pool
) -> None:
    async def stream() -> None:
        for n in range(10_000):
            await append(ground.log, ground.prefix, [happening(f"more-{n}", who=f"u{n % 20}")])

    streaming = asyncio.create_task(stream())
    try:
        rebuilt = await rebuilding.rebuild(ground, tell)
    finally:
        streaming.cancel()
        await asyncio.wait([streaming])
    assert await live(pool) == rebuilt.name
    ends = sum((await schemas.ends(ground.log, rebuilt)).values())
    async with working(ground, rebuilt, None):
        await until(lambda: passed(pool, ends, "toy_1_1", rebuilt.name))
    assert await toy.rows(pool, rebuilt.name) == await toy.rows(pool, "toy_1_1")


async def passed(pool: Pool, ends: int, *names: str) -> bool:
    return [await folded(pool, name) for name in names] == [ends] * len(names)


async def test_a_fold_that_always_fails_halts_the_rebuild_and_leaves_the_live_one(
    ground: Ground, pool: Pool
) -> None:
    bad = [happening(f"bad-{n}", who=f"bad-{n}", amount=-1) for n in range(400)]
    lenient = replace(ground, view=FIXED)
    live_one = await schemas.load(pool, "toy_1_1", ground.prefix)
    await append(ground.log, ground.prefix, [r for r in bad if toy.partition(r) == 0][:60])
    # an event that is set aside as a suspect copy meanwhile ends a row of them
    with pytest.raises(Fatal, match=r"50 different subjects|50 of the last 1000"):
        await rebuilding.rebuild(ground, tell)
    assert await live(pool) == "toy_1_1"
    await rebuilding.cancel(pool, VIEW)
    async with working(lenient, live_one, None):
        pass
    rebuilt = await rebuilding.rebuild(lenient, tell)
    assert await live(pool) == rebuilt.name


async def test_verify_finds_one_value_and_names_it(ground: Ground, pool: Pool) -> None:
    assert (await verify(ground, tell)).differences == 0
    await pool.execute(
        "UPDATE toy_1_1.counters SET total = total + 1"
        " WHERE ctid = (SELECT min(ctid) FROM toy_1_1.counters)"
    )
    verdict = await verify(ground, tell)
    assert verdict.differences == 1
    assert verdict.shown[0].difference.columns == ["total"]
    assert [kept.schema for kept in await schemas.keeps(pool, "toy")] == ["toy_1_1"]


async def test_verify_that_was_cut_off_is_gone_on_with(ground: Ground, pool: Pool) -> None:
    running = asyncio.create_task(verify(slowly(ground), tell))
    await until(lambda: some_folded(pool))
    running.cancel()
    await asyncio.wait([running])
    (begun,) = [kept for kept in await schemas.keeps(pool, "toy") if not kept.ready]
    assert (begun.purpose, await live(pool)) == ("verify", "toy_1_1")
    assert (await verify(ground, tell)).differences == 0


async def test_a_sample_is_folded_and_compared_alone(ground: Ground, pool: Pool) -> None:
    proof = replace(VIEW.proof, by_subject=frozenset({"events", "counters"}))
    sampling = replace(ground, view=replace(VIEW, proof=proof))
    verdict = await verify(sampling, tell, sample=3)
    assert verdict.differences == 0
    assert 0 < verdict.rows < EVENTS
