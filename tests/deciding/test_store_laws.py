"""Laws of the store: positions without gaps, states that are folds, claims that follow states."""

import asyncio
import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.database import Pool
from shared.deciding.command_handler import ClaimTaken, CommandHandler
from shared.deciding.store import Lost, Taken, append, load
from shared.errors import Conflict, Problem
from tests.deciding import toy
from tests.deciding.toy import ORIGIN, SOURCE, VISIT, End, Order, Return, begun
from tests.records import subject

WRITERS = 50
EACH = 12


class _Unwanted(Exception):
    """A transaction that is given up after it has appended."""


async def _writer(pool: Pool, number: int, chance: random.Random) -> int:
    """Appends again and again; 1 in 5 is rolled back, some are held open before or after it."""
    kept = 0
    for n in range(EACH):
        try:
            async with pool.acquire() as connection, connection.transaction():
                if chance.random() < 0.2:
                    await connection.execute("SELECT count(*), pg_sleep(0.1) FROM events")
                one = begun(f"{number}/{n}", f"user:{number}/{n}")
                await append(connection, SOURCE, [one])
                if chance.random() < 0.05:
                    await connection.execute("SELECT pg_sleep(0.05)")
                if chance.random() < 0.2:
                    raise _Unwanted
            kept += 1
        except _Unwanted:
            pass
    return kept


async def _reader(pool: Pool, done: asyncio.Event) -> list[int]:
    """The positions as somebody sees them who asks for what comes after the last one."""
    seen: list[int] = []
    while True:
        last_look = done.is_set()
        rows = await pool.fetch(
            "SELECT position FROM events WHERE position > $1 ORDER BY position LIMIT 100",
            seen[-1] if seen else 0,
        )
        seen += [row["position"] for row in rows]
        if last_look and not rows:
            return seen


async def test_positions_are_seen_in_order_and_without_gaps(pool: Pool) -> None:
    done = asyncio.Event()
    readers = [asyncio.create_task(_reader(pool, done)) for _ in range(3)]
    kept = await asyncio.gather(*(_writer(pool, n, random.Random(n)) for n in range(WRITERS)))
    done.set()
    for seen in await asyncio.gather(*readers):
        assert seen == [*range(1, 2 * sum(kept) + 1)]
    await toy.assert_kept_is_folded(pool)


_COMMANDS = st.one_of(
    st.tuples(st.just("order"), st.sampled_from("abcd"), st.sampled_from([0, 1, 5, toy.UNLUCKY])),
    st.tuples(st.just("end"), st.sampled_from("abcd"), st.just(0)),
    st.tuples(st.just("return"), st.sampled_from("abcd"), st.just(0)),
)
_STREAMS = st.integers(0, 5)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(st.tuples(_STREAMS, _COMMANDS), max_size=8), max_size=6))
async def test_states_are_folds_and_claims_follow_them_whatever_happens_at_once(
    pool: Pool, story: list[list[tuple[int, tuple[str, str, int]]]]
) -> None:
    await pool.execute("TRUNCATE events, streams, claims, belonging")
    await toy.belong(pool, "user:a", "user:b")
    handlers = [CommandHandler(pool, SOURCE), CommandHandler(pool, SOURCE)]
    for together in story:
        found = await toy.gathered(
            *(
                _carry_out(handlers[n % 2], stream, command)
                for n, (stream, command) in enumerate(together)
            )
        )
        for each in found:
            assert each is None or isinstance(each, Problem), each
    await toy.assert_kept_is_folded(pool)
    positions = [row["position"] for row in await pool.fetch("SELECT position FROM events")]
    assert sorted(positions) == [*range(1, len(positions) + 1)]


async def _carry_out(handler: CommandHandler, stream: int, command: tuple[str, str, int]) -> None:
    kind, who, amount = command
    whom = subject(f"user:{who}")
    wanted = {"order": Order(whom, amount), "end": End(), "return": Return()}[kind]
    name = toy.stream_of(str(stream))
    await handler.carry_out(VISIT, name, wanted, ORIGIN, partitionkey=whom)


async def test_a_customer_has_one_visit_however_many_open_one_at_once(pool: Pool) -> None:
    """Transactions of many processes, of which each sees none of the others."""
    await toy.belong(pool, "user:a", *(f"email:{n}@x" for n in range(1, 10)))
    names = ["user:a", *(f"email:{n}@x" for n in range(1, 10))]
    outcomes = await toy.gathered(
        *(toy.appended(pool, begun(str(n), names[n % 10])) for n in range(40))
    )
    lost = [each for each in outcomes if isinstance(each, Lost)]
    assert len(lost) == len(outcomes) - 1
    assert {type(why) for each in lost for why in each.losers.values()} == {Taken}
    assert await pool.fetchval("SELECT count(*) FROM claims") == 1


async def test_a_version_is_had_by_one_however_many_want_it(pool: Pool) -> None:
    await toy.appended(pool, begun("1"))
    async with pool.acquire() as connection:
        kept = (await load(connection, VISIT, [toy.stream_of("1")]))[toy.stream_of("1")]
    one = toy.change(kept, toy.Ordered(1, toy.NOW))
    outcomes = await toy.gathered(*(toy.appended(pool, one) for _ in range(20)))
    assert len([each for each in outcomes if isinstance(each, Lost)]) == 19
    await toy.assert_kept_is_folded(pool)


async def test_one_held_up_by_another_gets_what_that_one_frees(pool: Pool) -> None:
    handler, other = CommandHandler(pool, SOURCE), CommandHandler(pool, SOURCE)
    for n in range(20):
        whom = subject("user:a")
        old, new = toy.stream_of(f"old {n}"), toy.stream_of(f"new {n}")
        await handler.carry_out(VISIT, old, Order(whom, 1), ORIGIN, partitionkey=whom)
        ended, begun_anew = await toy.gathered(
            handler.carry_out(VISIT, old, End(), ORIGIN, partitionkey=whom),
            other.carry_out(VISIT, new, Order(whom, 1), ORIGIN, partitionkey=whom),
        )
        assert not isinstance(ended, Exception)
        assert not isinstance(begun_anew, Exception) or isinstance(
            begun_anew, ClaimTaken | Conflict
        )
        await other.carry_out(VISIT, new, End(), ORIGIN, partitionkey=whom)
    await toy.assert_kept_is_folded(pool)
