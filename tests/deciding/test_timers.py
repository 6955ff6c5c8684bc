"""Timers: a moment that came is told once, however often who tells it dies."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest

from shared import clock
from shared.clock import now
from shared.crew import Crew
from shared.database import Pool
from shared.deciding import timers
from shared.deciding.command_handler import CommandHandler
from shared.deciding.relay import Relay
from shared.deciding.timers import Ticking, timer
from shared.failpoints import EXIT
from shared.leases import Lease, LeaseLost
from shared.log import Log
from shared.messages import decode
from shared.schemas import Schema
from tests.deciding import toy
from tests.deciding.ringing import BELL, FAST, VIEW, fold_all
from tests.deciding.test_relay import lease as relay_lease
from tests.deciding.toy import ORIGIN, VISIT, End, Order, Remind
from tests.records import at, subject
from tests.shared.toy import PARTITIONS, make_schema
from tests.waiting import until

PAST, LATER, FUTURE = at(0), at(60), "2999-01-01T00:00:00.000000Z"


@pytest.fixture
async def schema(pool: Pool) -> Schema:
    return await make_schema(pool, VIEW)


@pytest.fixture(autouse=True)
def clock_is_right_again() -> Iterator[None]:
    yield
    clock.be_wrong(0.0)


async def send(handler: CommandHandler, who: str, *commands: object) -> str:
    """Commands to the visit of somebody, which begins with an order."""
    whom, stream = subject(f"user:v{who}"), toy.stream_of(who)
    for command in (Order(whom, 1), *commands):
        await handler.carry_out(VISIT, stream, command, ORIGIN, partitionkey=whom)
    return stream


async def lease(pool: Pool, schema: Schema) -> Lease:
    """The right to ring, whoever had it before."""
    epoch = await pool.fetchval(
        "INSERT INTO leases (schema, unit, owner, epoch) VALUES ($1, 'bell', 'a', 1)"
        " ON CONFLICT (schema, unit) DO UPDATE SET epoch = leases.epoch + 1 RETURNING epoch",
        schema.name,
    )
    return Lease(schema.name, "bell", "a", epoch)


async def ticking(pool: Pool, schema: Schema) -> Ticking:
    return Ticking(pool, await lease(pool, schema), toy.SOURCE, BELL)


async def rung(pool: Pool) -> list[tuple[str, str]]:
    """Which moments were told to which streams, in order."""
    rows = await pool.fetch(
        "SELECT stream, record FROM events WHERE type = 'visit.rung' ORDER BY position"
    )
    return [(str(row["stream"]), name_in(row["record"])) for row in rows]


def name_in(record: bytes) -> str:
    return msgspec.json.decode(decode(record).data, type=toy.Rung).name


async def outcomes(pool: Pool) -> list[str]:
    rows = await pool.fetch("SELECT outcome FROM inbox WHERE policy = 'bell' ORDER BY outcome")
    return [row["outcome"] for row in rows]


async def test_what_is_due_is_told_once_and_the_rest_waits(
    pool: Pool, schema: Schema, handler: CommandHandler
) -> None:
    one = await send(handler, "1", Remind("call", PAST), Remind("later", FUTURE))
    two = await send(handler, "2", Remind("call", LATER))
    await fold_all(pool, schema)
    bell = await ticking(pool, schema)
    for _ in range(3):  # that it was told is not in the view yet
        assert not await bell.turn()
    assert await rung(pool) == [(one, "call"), (two, "call")]
    await fold_all(pool, schema, epoch=2)
    assert not await bell.turn()
    assert len(await rung(pool)) == 2
    assert await pool.fetchval(f"SELECT count(*) FROM {schema.name}.due WHERE due IS NOT NULL") == 1
    await toy.assert_kept_is_folded(pool)


async def test_a_moment_comes_when_the_clock_says_so(
    pool: Pool, schema: Schema, handler: CommandHandler
) -> None:
    due = clock.rfc3339(now().replace(year=now().year + 1))
    stream = await send(handler, "1", Remind("call", due))
    await fold_all(pool, schema)
    bell = await ticking(pool, schema)
    await bell.turn()
    assert await rung(pool) == []
    clock.be_wrong(370 * 86400)
    await bell.turn()
    assert await rung(pool) == [(stream, "call")]
    told = decode(await pool.fetchval("SELECT record FROM events WHERE type = 'visit.rung'"))
    assert told.actor == "timer"
    asked = decode(await pool.fetchval("SELECT record FROM events WHERE type = 'visit.reminded'"))
    assert told.causationid == asked.event
    assert told.time > due


async def test_a_moment_that_was_moved_or_cancelled_is_not_told(
    pool: Pool, schema: Schema, handler: CommandHandler
) -> None:
    await send(handler, "1", Remind("call", PAST), Remind("call", FUTURE))
    await send(handler, "2", Remind("call", PAST), Remind("call", None))
    await fold_all(pool, schema)
    await (await ticking(pool, schema)).turn()
    assert (await rung(pool), await outcomes(pool)) == ([], [])


async def test_a_view_that_lags_makes_no_moment_come_that_is_off(
    pool: Pool, schema: Schema, handler: CommandHandler
) -> None:
    await send(handler, "1", Remind("call", PAST))
    await send(handler, "2", Remind("call", PAST))
    await fold_all(pool, schema)
    await send(handler, "1", Remind("call", None))
    await send(handler, "2", Remind("call", LATER))
    bell = await ticking(pool, schema)
    await bell.turn()
    assert (await rung(pool), await outcomes(pool)) == ([], ["nothing new"] * 2)
    await fold_all(pool, schema, epoch=2)  # the same name at another time is another moment
    await bell.turn()
    assert len(await rung(pool)) == 1


async def test_a_refused_moment_is_noted_and_one_that_fails_waits_while_others_go_on(
    pool: Pool, schema: Schema, handler: CommandHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    await send(handler, "1", Remind("unlucky", PAST))
    await send(handler, "2", Remind("bug", PAST), Remind("call", PAST))
    stream = await send(handler, "3", Remind("call", LATER))
    await fold_all(pool, schema)
    bell = await ticking(pool, schema)
    while await bell.turn():
        pass
    assert await outcomes(pool) == ["decided", "decided", "refused: unlucky"]
    assert await rung(pool) == [(toy.stream_of("2"), "call"), (stream, "call")]
    again = await ticking(pool, schema)
    monkeypatch.setattr(toy, "_ring", lambda state, ring: [toy.Rung(ring.name, ring.due, ring.at)])
    await again.turn()
    assert (await rung(pool))[-1] == (toy.stream_of("2"), "bug")


async def test_a_moment_of_a_stream_that_is_not_there_is_kept(
    pool: Pool, schema: Schema, handler: CommandHandler
) -> None:
    await send(handler, "1", Remind("call", PAST))
    await fold_all(pool, schema)
    await pool.execute("CREATE TABLE saved AS TABLE streams; DELETE FROM streams")
    bell = await ticking(pool, schema)
    while await bell.turn():
        pass
    assert await outcomes(pool) == []
    await pool.execute("INSERT INTO streams TABLE saved")
    await (await ticking(pool, schema)).turn()
    assert len(await rung(pool)) == 1


async def test_a_schema_folded_anew_tells_nothing_again(
    pool: Pool, schema: Schema, handler: CommandHandler
) -> None:
    await send(handler, "1", Remind("call", PAST))
    await fold_all(pool, schema)
    await (await ticking(pool, schema)).turn()
    rebuilt = await make_schema(pool, VIEW)
    await fold_all(pool, rebuilt, upto=3)  # what was told is not folded yet
    assert await pool.fetchval(f"SELECT count(*) FROM {rebuilt.name}.due WHERE due IS NOT NULL")
    await (await ticking(pool, rebuilt)).turn()
    assert len(await rung(pool)) == 1


async def test_one_that_lost_its_lease_tells_nothing(
    pool: Pool, schema: Schema, handler: CommandHandler
) -> None:
    await send(handler, "1", Remind("call", PAST))
    await fold_all(pool, schema)
    late = await ticking(pool, schema)
    await lease(pool, schema)
    with pytest.raises(LeaseLost):
        await late.turn()
    assert (await rung(pool), await outcomes(pool)) == ([], [])


async def test_many_moments_are_told_page_by_page(
    pool: Pool, schema: Schema, handler: CommandHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "PAGE", 4)
    names = [f"{n:02}" for n in range(10)]
    await send(handler, "1", *(Remind(name, at(n)) for n, name in enumerate(names)))
    await fold_all(pool, schema)
    bell = await ticking(pool, schema)
    assert await bell.turn()
    assert await bell.turn()
    assert not await bell.turn()
    assert [name for _, name in await rung(pool)] == names


@pytest.mark.parametrize("point", ["timer.written", "timer.committed"])
async def test_killed_at_any_point_a_moment_is_told_once(
    pool: Pool, schema: Schema, database: str, handler: CommandHandler, point: str
) -> None:
    for n in range(5):
        await send(handler, str(n), Remind("call", PAST), Remind("write", LATER))
    await fold_all(pool, schema)
    held = await lease(pool, schema)
    command = [sys.executable, "-m", "tests.deciding.timer_process", database, schema.name]
    command += [str(held.epoch), f"{point}=exit"]
    assert await asyncio.to_thread(subprocess.call, command, timeout=60) == EXIT
    assert len(await rung(pool)) == (10 if point == "timer.committed" else 0)
    bell = await ticking(pool, schema)
    await bell.turn()
    await bell.turn()
    found = await rung(pool)
    assert len(found) == len({*found}) == 10
    await toy.assert_kept_is_folded(pool)


@asynccontextmanager
async def working(pool: Pool, log: Log, prefix: str) -> AsyncIterator[Crew]:
    """A worker with the view and its timer while the body runs."""
    singles = [timer(toy.SOURCE, BELL)]
    crew = Crew(pool, log, VIEW, singles, prefix=prefix, pace=FAST)
    task = asyncio.create_task(crew.run())
    try:
        yield crew
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_from_a_command_to_the_moment_and_back_into_the_view(
    pool: Pool, log: Log, topic_prefix: str, handler: CommandHandler
) -> None:
    relaying = Relay(
        pool, log, await relay_lease(pool), f"{topic_prefix}{toy.VISITS}.1", PARTITIONS
    )
    stream = await send(handler, "1", Remind("call", PAST), Remind("later", FUTURE))
    await send(handler, "2", Remind("call", PAST), End())
    async with working(pool, log, topic_prefix):
        await relaying.turn()
        await until(lambda: has_rung(pool, 1))
        await relaying.turn()
        await until(lambda: waits(pool, 1))
    assert await rung(pool) == [(stream, "call")]
    assert await outcomes(pool) == ["decided", "nothing new"]


async def has_rung(pool: Pool, number: int) -> bool:
    return len(await rung(pool)) == number and len(await outcomes(pool)) == number + 1


async def waits(pool: Pool, number: int) -> bool:
    """Whether so many moments of the visit that goes on are waited for."""
    found = await pool.fetchval(
        "SELECT count(*) FROM toy_1_1.due WHERE due IS NOT NULL AND stream = $1", toy.stream_of("1")
    )
    return bool(found == number)


def test_a_schema_that_does_not_serve_has_no_timer() -> None:
    assert timer(toy.SOURCE, BELL).live_only
