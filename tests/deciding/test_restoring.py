"""The events restored from their topic are the same table, whatever ended it on the way."""

import random
from collections import Counter

import pytest

from shared.database import Pool
from shared.deciding import refolding, restoring
from shared.deciding.command_handler import CommandHandler
from shared.deciding.relay import Relay
from shared.deciding.restoring import Restored, restore
from shared.deciding.store import append
from shared.errors import Conflict, Fatal, Problem
from shared.log import Log
from shared.messages import Entry
from tests.deciding import toy
from tests.deciding.test_relay import lease
from tests.deciding.toy import NOTE, ORIGIN, POLICIES, SOURCE, VISIT, End, Order, Return, happening
from tests.records import subject
from tests.shared.toy import PARTITIONS, folder, make_schema, numbered, topics

TOPIC = f"{toy.VISITS}.1"


class Ended(Exception):
    """The job is ended in the middle."""


def silent(what: str, done: int, total: int) -> None:
    """Tells nobody."""


async def lived(pool: Pool, log: Log, prefix: str, seed: int = 1, commands: int = 150) -> None:
    """A history of many streams of two kinds, relayed; a part of it twice."""
    chance, handler = random.Random(seed), CommandHandler(pool, SOURCE)
    relaying = Relay(pool, log, await lease(pool), prefix + TOPIC, PARTITIONS)
    for n in range(commands):
        whom = subject(f"user:c{chance.randrange(8)}")
        stream = toy.stream_of(str(chance.randrange(25)))
        command = chance.choice([Order(whom, n + 1), Order(whom, n + 1), End(), Return()])
        try:
            await handler.carry_out(VISIT, stream, command, ORIGIN, partitionkey=whom)
        except Problem:
            note = toy.stream_of(f"note {n % 3}")
            await handler.carry_out(NOTE, note, n, ORIGIN, partitionkey=whom)
        if n % 50 == 20:
            await relaying.turn()
            await pool.execute("UPDATE relayed SET position = position / 2")
    while await relaying.turn():
        pass


async def emptied(pool: Pool) -> None:
    """As a new database is."""
    await pool.execute("TRUNCATE events, streams, claims; UPDATE relayed SET position = 0")


async def restored(pool: Pool, log: Log, prefix: str, tell: object = silent) -> Restored:
    return await restore(pool, log, prefix + TOPIC, PARTITIONS, [VISIT, NOTE], tell)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_restored_is_the_same_table(
    pool: Pool, log: Log, topic_prefix: str, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(restoring, "PAGE", 40)
    monkeypatch.setattr(refolding, "PAGE", 7)
    await lived(pool, log, topic_prefix, seed)
    before = await toy.everything(pool)
    mark = await pool.fetchval("SELECT position FROM relayed")
    await emptied(pool)
    told: list[tuple[str, int, int]] = []
    found = await restored(pool, log, topic_prefix, lambda *each: told.append(each))
    assert await toy.everything(pool) == before
    assert found == Restored(len(before[0]), len(before[1]))
    assert await pool.fetchval("SELECT position FROM relayed") == mark
    assert {each[0]: each[1] == each[2] for each in told} == {"reading": True, "folding": True}
    await toy.assert_kept_is_folded(pool)


async def test_ended_at_any_step_it_goes_on_from_there(
    pool: Pool, log: Log, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "PAGE", 40)
    monkeypatch.setattr(refolding, "PAGE", 30)
    await lived(pool, log, topic_prefix)
    before = await toy.everything(pool)
    await emptied(pool)
    steps = Counter[tuple[str, int]]()

    def ended(what: str, done: int, total: int) -> None:
        steps[what, done] += 1
        if steps[what, done] == 1:
            raise Ended

    for _ in range(100):
        try:
            await restored(pool, log, topic_prefix, ended)
            break
        except Ended:
            pass
    assert await toy.everything(pool) == before
    assert len(steps) > 6
    assert max(steps[step] for step in steps if step[0] == "reading") == 1


async def test_after_it_commands_go_on_where_they_were(
    pool: Pool, log: Log, topic_prefix: str, handler: CommandHandler
) -> None:
    await lived(pool, log, topic_prefix, commands=20)
    last = await pool.fetchval("SELECT max(position) FROM events")
    await emptied(pool)
    await restored(pool, log, topic_prefix)
    whom = subject("user:new")
    stream = toy.stream_of("new")
    done = await handler.carry_out(VISIT, stream, Order(whom, 1), ORIGIN, partitionkey=whom)
    assert done.position == last + 2
    await toy.assert_kept_is_folded(pool)


async def test_what_is_there_is_never_written_into(pool: Pool, log: Log, topic_prefix: str) -> None:
    await lived(pool, log, topic_prefix, commands=20)
    before = await toy.everything(pool)
    with pytest.raises(Conflict, match="empty"):
        await restored(pool, log, topic_prefix)
    assert await toy.everything(pool) == before


async def test_meanwhile_nothing_is_appended(
    pool: Pool, log: Log, topic_prefix: str, handler: CommandHandler
) -> None:
    await lived(pool, log, topic_prefix, commands=20)
    await emptied(pool)
    async with pool.acquire() as connection, connection.transaction():
        await append(connection, SOURCE, [toy.begun("new", "user:new")])
        with pytest.raises(Conflict) as busy:
            await restored(pool, log, topic_prefix)
        assert busy.value.code == "busy"


async def test_an_empty_topic_restores_nothing(pool: Pool, log: Log, topic_prefix: str) -> None:
    assert await restored(pool, log, topic_prefix) == Restored(0, 0)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"no JSON", "no event that was decided"),
        (toy.happening("1").value, "no event that was decided"),
    ],
)
async def test_a_foreign_record_is_named_by_its_place(
    pool: Pool, log: Log, topic_prefix: str, value: bytes, said: str
) -> None:
    await log.append(topic_prefix + TOPIC, 2, [Entry(b"key", value)])
    with pytest.raises(Fatal, match=f"{topic_prefix}{TOPIC}/2/0 there is {said}"):
        await restored(pool, log, topic_prefix)
    assert await toy.everything(pool) == [[], [], []]


async def test_a_missing_event_is_named(pool: Pool, log: Log, topic_prefix: str) -> None:
    await lived(pool, log, topic_prefix, commands=10)
    await pool.execute("DELETE FROM events WHERE position = 3")
    await pool.execute("UPDATE relayed SET position = 0")
    other = topic_prefix.replace("-", "x-")
    async with topics(log.address, other, toy.VISITS) as second:
        held = await lease(pool, "b")
        while await Relay(pool, second, held, other + TOPIC, PARTITIONS).turn():
            pass
        await emptied(pool)
        with pytest.raises(Fatal, match="lacks 1 events, the first at position 3"):
            await restored(pool, second, other)


async def test_what_policies_decided_is_not_decided_again(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    events = numbered([happening(f"{n}", f"user:p{n % 4}", amount=n + 1) for n in range(40)])
    deciding = await folder(pool, await make_schema(pool, POLICIES), POLICIES)
    await deciding.fold(events)
    await Relay(pool, log, await lease(pool), topic_prefix + TOPIC, PARTITIONS).turn()
    before = await toy.everything(pool)
    await emptied(pool)
    await pool.execute("TRUNCATE inbox")
    await restore(
        pool, log, topic_prefix + TOPIC, PARTITIONS, [VISIT, NOTE], silent, policies=["visiting"]
    )
    again = await folder(pool, await make_schema(pool, POLICIES), POLICIES)
    await again.fold(events)
    assert await toy.everything(pool) == before
