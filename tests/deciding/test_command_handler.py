"""Commands carried out at once: one wins, nobody is hurt, nothing is half done."""

import asyncio

import pytest

from shared.database import Pool
from shared.deciding.command_handler import ClaimTaken, CommandHandler, Handled, Wanted
from shared.deciding.store import Lost, Stale, Taken
from shared.deciding.writing import Appended, Writer
from shared.errors import PreconditionFailed, Unprocessable
from tests.deciding import toy
from tests.deciding.toy import ORIGIN, VISIT, Begun, End, Gone, Here, Order, Return, begun, change
from tests.records import subject


async def order(
    handler: CommandHandler,
    stream: str,
    amount: int = 1,
    who: str = "user:a",
    expected: int | None = None,
) -> Handled:
    whom = subject(who)
    command = Order(whom, amount)
    name = toy.stream_of(stream)
    return await handler.carry_out(
        VISIT, name, command, ORIGIN, partitionkey=whom, expected=expected
    )


async def send(handler: CommandHandler, stream: str, command: object) -> Handled:
    name = toy.stream_of(stream)
    return await handler.carry_out(VISIT, name, command, ORIGIN, partitionkey=subject("user:a"))


async def test_what_is_decided_is_kept_and_read_back(pool: Pool, handler: CommandHandler) -> None:
    first = await order(handler, "1", 5)
    second = await order(handler, "1", 7)
    assert (first.version, first.position) == (2, 2)
    assert (second.version, second.position) == (3, 3)
    kept = await handler.load(VISIT, toy.stream_of("1"))
    assert (kept.version, kept.state) == (3, Here(subject("user:a"), (5, 7)))
    await toy.assert_kept_is_folded(pool)


async def test_of_two_with_the_same_version_one_wins_and_one_is_told(
    pool: Pool, handler: CommandHandler
) -> None:
    await order(handler, "1", 1)
    other = CommandHandler(pool, toy.SOURCE)
    found = await toy.gathered(
        order(handler, "1", 2, expected=2),
        order(handler, "1", 3, expected=2),
        order(other, "1", 4, expected=2),
    )
    lost = [each for each in found if not isinstance(each, Handled)]
    assert [type(each) for each in lost] == [PreconditionFailed] * 2
    assert (await handler.load(VISIT, toy.stream_of("1"))).version == 3


async def test_a_stream_that_is_not_to_be_there_yet_is_begun_once(
    pool: Pool, handler: CommandHandler
) -> None:
    assert (await order(handler, "1", 1, expected=0)).version == 2
    with pytest.raises(PreconditionFailed, match="visit was changed meanwhile: version 2 stands"):
        await order(handler, "1", 2, expected=0)
    assert (await handler.load(VISIT, toy.stream_of("1"))).version == 2


async def test_without_a_version_all_of_those_at_once_take_effect(
    pool: Pool, handler: CommandHandler
) -> None:
    await asyncio.gather(*(order(handler, "1", n) for n in range(20, 60)))
    state = (await handler.load(VISIT, toy.stream_of("1"))).state
    assert sorted(state.amounts) == [*range(20, 60)]
    await toy.assert_kept_is_folded(pool)


async def test_a_claim_is_held_by_one_stream_and_freed_by_its_state(
    pool: Pool, handler: CommandHandler
) -> None:
    await order(handler, "1")
    with pytest.raises(ClaimTaken) as refused:
        await order(handler, "2")
    assert refused.value.stream == toy.stream_of("1")
    await send(handler, "1", End())
    await order(handler, "2")
    with pytest.raises(ClaimTaken):
        await send(handler, "1", Return())
    await toy.assert_kept_is_folded(pool)


async def test_fifty_that_open_for_one_claim_open_one(pool: Pool, handler: CommandHandler) -> None:
    other = CommandHandler(pool, toy.SOURCE)
    found = await toy.gathered(*(order((handler, other)[n % 2], str(n)) for n in range(50)))
    won = [each for each in found if isinstance(each, Handled)]
    assert len(won) == 1
    lost = [each for each in found if isinstance(each, ClaimTaken)]
    assert len(lost) == 49
    assert {each.stream for each in lost} == {won[0].stream}
    await toy.assert_kept_is_folded(pool)


async def test_subjects_of_one_customer_open_one_between_them(
    pool: Pool, handler: CommandHandler
) -> None:
    await toy.belong(pool, "user:a", "email:a@x", "device:d")
    other = CommandHandler(pool, toy.SOURCE)
    whose = ["user:a", "email:a@x", "device:d"]
    found = await toy.gathered(
        *(order((handler, other)[n % 2], str(n), who=whose[n % 3]) for n in range(12))
    )
    won = [each for each in found if isinstance(each, Handled)]
    assert len(won) == 1
    assert all(isinstance(each, Handled | ClaimTaken) for each in found)
    assert await handler.holder(toy.OPEN, [subject("device:d")]) == won[0].stream
    await toy.assert_kept_is_folded(pool)


async def test_two_that_were_brought_together_later_both_stay_open(
    pool: Pool, handler: CommandHandler
) -> None:
    await order(handler, "1", who="user:a")
    await order(handler, "2", who="email:a@x")
    await toy.belong(pool, "user:a", "email:a@x")
    await order(handler, "1", 2, who="user:a")
    await order(handler, "2", 2, who="email:a@x")
    await toy.assert_kept_is_folded(pool)


async def test_losers_of_a_coalesced_batch_do_not_hurt_their_neighbours(pool: Pool) -> None:
    writer = Writer(pool, toy.SOURCE)
    await writer.append(begun("taken", "user:a"))
    kept = begun("taken").kept
    outcomes = await asyncio.gather(
        writer.append(begun("first", "user:b")),  # alone in its transaction; the others gather
        writer.append(begun("good", "user:c")),
        writer.append(change(kept, Begun(subject("user:z"), toy.NOW))),
        writer.append(begun("other", "user:a")),
        writer.append(begun("fine", "user:d"), begun("fine too", "user:e")),
        writer.append(begun("half", "user:f"), begun("half lost", "user:a")),
    )
    assert [type(each) for each in outcomes] == [Appended, Appended, Stale, Taken, Appended, Taken]
    assert await toy.begun_visits(pool) == 5
    await toy.assert_kept_is_folded(pool)


async def test_who_lost_to_one_that_lost_itself_is_tried_again(pool: Pool) -> None:
    writer = Writer(pool, toy.SOURCE)
    await writer.append(begun("there", "user:z"))
    names = sorted(map(str, range(4)), key=toy.stream_of)
    outcomes = await asyncio.gather(
        writer.append(begun("first", "user:b")),
        writer.append(begun(names[0], "user:a"), begun(names[3], "user:z")),
        writer.append(begun(names[1], "user:a")),
    )
    assert [type(each) for each in outcomes] == [Appended, Taken, Appended]
    assert isinstance(outcomes[1], Taken)
    assert outcomes[1].stream == toy.stream_of("there")


async def test_two_that_each_lost_to_the_other_do_not_wait_for_ever(pool: Pool) -> None:
    writer = Writer(pool, toy.SOURCE)
    names = sorted(map(str, range(4)), key=toy.stream_of)
    outcomes = await asyncio.gather(
        writer.append(begun("first", "user:b")),
        writer.append(begun(names[0], "user:c"), begun(names[3], "user:d")),
        writer.append(begun(names[1], "user:d"), begun(names[2], "user:c")),
    )
    assert [type(each) for each in outcomes] == [Appended, Appended, Taken]


async def test_a_command_that_decides_nothing_appends_nothing(
    pool: Pool, handler: CommandHandler
) -> None:
    assert (await order(handler, "1", 0)).position is None
    await order(handler, "1", 1)
    again = await order(handler, "1", 0)
    assert (again.version, again.position, again.events) == (2, None, [])
    assert await pool.fetchval("SELECT max(position) FROM events") == 2


async def test_a_refused_command_leaves_nothing_behind(pool: Pool, handler: CommandHandler) -> None:
    with pytest.raises(Unprocessable):
        await order(handler, "1", toy.UNLUCKY)
    assert await toy.everything(pool) == [[], [], []]


async def test_commands_to_several_streams_are_done_all_or_none(
    pool: Pool, handler: CommandHandler
) -> None:
    await order(handler, "1", who="user:a")

    def wanted(name: str, who: str, command: object) -> Wanted:
        stream = toy.stream_of(name)
        return Wanted(VISIT, stream, lambda states: command, subject(who))

    with pytest.raises(ClaimTaken):
        await handler.carry_out_all(
            [
                wanted("2", "user:b", Order(subject("user:b"), 1)),
                wanted("3", "user:a", Order(subject("user:a"), 1)),
            ],
            ORIGIN,
        )
    assert await toy.begun_visits(pool) == 1
    ended, opened = await handler.carry_out_all(  # what one frees the other may take
        [
            wanted("1", "user:a", End()),
            wanted("3", "user:a", Order(subject("user:a"), 1)),
        ],
        ORIGIN,
    )
    assert isinstance(ended.state, Gone)
    assert isinstance(opened.state, Here)
    await toy.assert_kept_is_folded(pool)


async def test_a_caller_that_went_away_hurts_nobody(pool: Pool, handler: CommandHandler) -> None:
    tasks = [asyncio.create_task(order(handler, str(n), who=f"user:{n}")) for n in range(30)]
    for _ in range(3):
        await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, Handled) for each in found[1::2])
    await order(handler, "again", who="user:again")
    await toy.assert_kept_is_folded(pool)


async def test_where_one_has_lost_nothing_is_written(pool: Pool) -> None:
    await toy.appended(pool, begun("1"))
    before = await toy.everything(pool)
    with pytest.raises(Lost):
        await toy.appended(pool, begun("2", "user:b"), begun("1"))
    with pytest.raises(Lost):
        await toy.appended(pool, begun("3", "user:c"), begun("4", "user:a"))
    assert await toy.everything(pool) == before
