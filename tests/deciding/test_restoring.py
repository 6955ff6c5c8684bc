"""The events restored from their topic are the same table, whatever ended it on the way."""

import random
from collections import Counter

import pytest

from shared import schemas
from shared.catchup import Tell
from shared.database import Pool
from shared.deciding import refolding, restoring
from shared.deciding import resuming as resuming_policies
from shared.deciding.command_handler import CommandHandler
from shared.deciding.relay import Relay
from shared.deciding.restoring import Restored, restore
from shared.deciding.resuming import Resuming
from shared.deciding.store import append
from shared.errors import Conflict, Fatal, Problem
from shared.log import Log
from shared.messages import Entry, Place, Record
from shared.projection import View
from tests.deciding import toy
from tests.deciding.test_relay import lease
from tests.deciding.toy import NOTE, ORIGIN, POLICIES, SOURCE, VISIT, End, Order, Return, happening
from tests.records import subject
from tests.shared.toy import PARTITIONS, folder, topics

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


async def restored(pool: Pool, log: Log, prefix: str, tell: Tell = silent) -> Restored:
    return await restore(pool, log, prefix + TOPIC, PARTITIONS, [VISIT, NOTE], tell)


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


async def happened(log: Log, prefix: str, *records: Record, partition: int = 0) -> None:
    """Append them to the topic that the policies read."""
    entries = [Entry(record.key or b"", record.value) for record in records]
    await log.append(f"{prefix}{toy.HAPPENINGS}.1", partition, entries)


async def react(pool: Pool, log: Log, prefix: str, view: View = POLICIES, epoch: int = 1) -> None:
    """Let policies decide about all that they have not passed, and relay what they decided."""
    schema = await schemas.prepare(pool, log, view, prefix)
    for (topic, partition), offset in (await schemas.positions(pool, schema)).items():
        deciding = await folder(pool, schema, view, partition, epoch)
        await deciding.fold(await log.read(topic, partition, offset, 1_000))
    await Relay(pool, log, await lease(pool), prefix + TOPIC, PARTITIONS).turn()


async def lost(pool: Pool) -> None:
    """Nothing is left of the database but its tables."""
    await emptied(pool)
    await pool.execute("TRUNCATE inbox, belonging, live")
    for schema in await schemas.keeps(pool, POLICIES.service):
        async with pool.acquire() as connection:
            await schemas.drop(connection, schema.schema)


async def resumed(pool: Pool, log: Log, prefix: str, tell: Tell = silent) -> None:
    """Restored, and the policies with it."""
    resuming = Resuming(POLICIES, toy.POLICY, prefix)
    await restore(pool, log, prefix + TOPIC, PARTITIONS, [VISIT, NOTE], tell, resuming)


async def assert_nothing_is_added(pool: Pool, log: Log, prefix: str) -> None:
    """What is decided, lost and restored is the same once the policies have gone on."""
    await react(pool, log, prefix)
    before = await toy.everything(pool)
    await lost(pool)
    await resumed(pool, log, prefix)
    await react(pool, log, prefix)
    assert await toy.everything(pool) == before


async def test_what_policies_decided_is_not_decided_again(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    for n in range(40):
        record = happening(f"{n}", f"user:p{n % 4}", amount=n + 1)
        await happened(log, topic_prefix, record, partition=n % 2)
    await assert_nothing_is_added(pool, log, topic_prefix)


async def test_what_policies_had_passed_is_not_judged_by_the_rules_of_now(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    refused = happening("refused", "user:p1", amount=toy.UNLUCKY)
    await happened(log, topic_prefix, refused, happening("decided", "user:p2"))
    await react(pool, log, topic_prefix)
    before = await toy.everything(pool)
    await lost(pool)
    await resumed(pool, log, topic_prefix)
    await happened(log, topic_prefix, happening("new", "user:p3"))
    await react(pool, log, topic_prefix, toy.policies(lucky=True))
    now = await toy.everything(pool)
    assert now[0][: len(before[0])] == before[0]
    assert {str(row[2]) for row in now[2]} - {str(row[2]) for row in before[2]} == {
        toy.opened_by(happening("new", "user:p3"))
    }


async def test_what_nothing_was_decided_after_is_looked_at_again(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    decided = happening("decided", "user:p2")
    await happened(log, topic_prefix, decided, happening("refused", "user:p1", amount=toy.UNLUCKY))
    await react(pool, log, topic_prefix)
    await lost(pool)
    await resumed(pool, log, topic_prefix)
    await react(pool, log, topic_prefix, toy.policies(lucky=True))
    assert await toy.begun_visits(pool) == 2


async def test_policies_know_who_belongs_to_whom_before_they_go_on(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    await happened(log, topic_prefix, toy.belonging("1", "user:a", "user:b"))
    await happened(log, topic_prefix, happening("2", "user:b"), partition=1)
    await react(pool, log, topic_prefix)
    await lost(pool)
    await resumed(pool, log, topic_prefix)
    found = await pool.fetch("SELECT subject::text, customer::text FROM belonging")
    assert [tuple(row) for row in found] == [(subject("user:a"), subject("user:b"))]


async def test_a_record_that_cannot_be_read_keeps_nothing_from_going_on(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    await happened(log, topic_prefix, Record(Place("", 0, 0), b"k", b"no event"))
    await happened(log, topic_prefix, happening("1", "user:a"))
    await assert_nothing_is_added(pool, log, topic_prefix)


async def test_ended_while_policies_pass_it_goes_on(
    pool: Pool, log: Log, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resuming_policies, "PAGE", 5)
    for n in range(30):
        await happened(log, topic_prefix, happening(f"{n}", f"user:p{n % 4}", amount=n + 1))
    await react(pool, log, topic_prefix)
    before = await toy.everything(pool)
    await lost(pool)
    passed: list[int] = []

    def ended(what: str, done: int, total: int) -> None:
        if what == "passing" and done not in passed:
            passed.append(done)
            raise Ended

    for _ in range(20):
        try:
            await resumed(pool, log, topic_prefix, ended)
            break
        except Ended:
            assert await restoring.forgotten(pool, log, topic_prefix + TOPIC, PARTITIONS)
    assert len(passed) > 3
    assert passed == sorted(passed)
    await react(pool, log, topic_prefix)
    assert await toy.everything(pool) == before
