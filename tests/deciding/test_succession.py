"""Policies go on in a topic's next generation: nothing is judged again by the rules of now."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from shared import schemas
from shared.crew import Crew
from shared.database import Pool
from shared.deciding import succession
from shared.deciding.policies import Reaction, policies_view
from shared.errors import LogUnavailable
from shared.log import Log
from shared.members import Member
from shared.messages import Entry, Record
from shared.projection import Event, View
from shared.schemas import Schema
from tests.deciding import toy
from tests.deciding.toy import POLICIES, happening
from tests.records import subject
from tests.shared.growing import TOPIC, grow
from tests.shared.toy import folder
from tests.waiting import until

SMALL = 2


def large_ones(event: Event) -> Sequence[Reaction] | None:
    """The rule of then: what is small is none of its business."""
    body = event.body
    assert isinstance(body, toy.Body)
    return toy.react(event) if body.amount > SMALL else None


OF_THEN = policies_view(
    "toy", toy.SOURCE, (toy.HAPPENINGS,), toy.read, replace(toy.POLICY, react=large_ones)
)


async def happened(log: Log, prefix: str, *found: Record, generation: int = 1) -> None:
    """Append each to the partition of its key's last letter."""
    for record in found:
        entry = Entry(record.key or b"", record.value)
        partition = record.value[-3] % 4
        await log.append(f"{prefix}{toy.HAPPENINGS}.{generation}", partition, [entry])


async def react(
    pool: Pool, log: Log, prefix: str, view: View = POLICIES, limit: int = 1_000
) -> Schema:
    """Let policies decide about what they have not passed, up to `limit` of each partition."""
    schema = await succession.prepare(pool, log, view, prefix)
    for (topic, partition), offset in (await schemas.positions(pool, schema)).items():
        deciding = await folder(pool, schema, view, partition, 1)
        await deciding.fold(await log.read(topic, partition, offset, limit))
    return schema


async def grown(pool: Pool, log: Log, prefix: str, partitions: int = 7) -> None:
    """The topic has another generation, with all that it had."""
    await grow(log, [Member("toy", pool, (TOPIC,))], prefix, partitions=partitions)


async def decided(pool: Pool) -> list[list[tuple[object, ...]]]:
    return await toy.everything(pool)


async def test_what_was_passed_is_not_judged_by_the_rules_of_now(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    left_alone = [happening(f"{n}", f"user:u{n}", amount=SMALL) for n in range(12)]
    await happened(log, topic_prefix, *left_alone, happening("decided", "user:p2", amount=9))
    await react(pool, log, topic_prefix, OF_THEN)
    assert await toy.begun_visits(pool) == 1
    before = await decided(pool)
    await grown(pool, log, topic_prefix)
    schema = await react(pool, log, topic_prefix)
    assert [(source.generation, schema.partitions) for source in schema.sources] == [(2, 7)]
    assert await decided(pool) == before


async def test_what_was_not_passed_is_decided_in_the_next_generation(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    found = [happening(f"{n}", f"user:p{n % 5}", amount=n + 1) for n in range(40)]
    await happened(log, topic_prefix, *found)
    await react(pool, log, topic_prefix, limit=3)
    await grown(pool, log, topic_prefix)
    await happened(log, topic_prefix, happening("new", "user:p9"), generation=2)
    await react(pool, log, topic_prefix)
    amounts = await pool.fetch("SELECT record FROM events WHERE type = 'visit.ordered'")
    assert len(amounts) == 41
    await toy.assert_kept_is_folded(pool)


async def test_what_was_parked_is_not_passed(pool: Pool, log: Log, topic_prefix: str) -> None:
    await happened(log, topic_prefix, happening("1", "user:a", amount=-1))
    former = await react(pool, log, topic_prefix)
    assert await pool.fetchval(f"SELECT count(*) FROM {former.name}.parked") == 1
    await grown(pool, log, topic_prefix)
    schema = await succession.prepare(pool, log, POLICIES, topic_prefix)
    assert not any((await schemas.positions(pool, schema)).values())


async def test_a_generation_that_is_no_copy_of_what_was_read_is_read_from_its_start(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    await happened(log, topic_prefix, happening("1", "user:a", amount=SMALL))
    await react(pool, log, topic_prefix, OF_THEN)
    await grown(pool, log, topic_prefix)
    await grown(pool, log, topic_prefix, 8)  # nobody has read the second one
    await react(pool, log, topic_prefix)
    assert await toy.begun_visits(pool) == 1


async def test_it_is_made_once_and_found_again(pool: Pool, log: Log, topic_prefix: str) -> None:
    await happened(log, topic_prefix, happening("1", "user:a"), happening("2", "user:b"))
    await react(pool, log, topic_prefix)
    await grown(pool, log, topic_prefix)
    made = await asyncio.gather(
        *(succession.prepare(pool, log, POLICIES, topic_prefix) for _ in range(3))
    )
    assert len({schema.name for schema in made}) == 1
    at = await schemas.positions(pool, made[0])
    ends = await schemas.ends(log, made[0])
    assert at == ends
    assert sum(at.values()) == 2


async def test_a_log_that_gives_nothing_makes_no_schema(
    pool: Pool, log: Log, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await happened(log, topic_prefix, happening("1", "user:a"))
    await react(pool, log, topic_prefix)
    await grown(pool, log, topic_prefix)
    monkeypatch.setattr(succession, "PATIENCE", 0.0)
    with pytest.raises(LogUnavailable):
        await succession.prepare(pool, log, POLICIES, topic_prefix)
    assert len(await schemas.keeps(pool, POLICIES.service)) == 1
    monkeypatch.undo()
    await succession.prepare(pool, log, POLICIES, topic_prefix)
    assert len(await schemas.keeps(pool, POLICIES.service)) == 2


async def test_whoever_looks_for_what_is_left_can_be_stopped(
    pool: Pool, log: Log, topic_prefix: str
) -> None:
    looking = asyncio.Event()

    async def for_ever(pool: Pool, log: Log, view: View, prefix: str) -> Schema:
        looking.set()
        await asyncio.Event().wait()
        raise AssertionError

    crew = Crew(pool, log, POLICIES, prefix=topic_prefix, prepare=for_ever)
    running = asyncio.create_task(crew.run())
    await looking.wait()
    crew.stop()
    await until(running.done)
    assert crew.schema is None


async def test_who_belongs_to_whom_is_still_known(pool: Pool, log: Log, topic_prefix: str) -> None:
    await happened(log, topic_prefix, toy.belonging("1", "user:a", "user:b"))
    await react(pool, log, topic_prefix)
    await grown(pool, log, topic_prefix)
    await happened(log, topic_prefix, happening("2", "user:b"), generation=2)
    await happened(log, topic_prefix, happening("3", "user:a"), generation=2)
    await react(pool, log, topic_prefix)
    found = await pool.fetch("SELECT subject::text, customer::text FROM belonging")
    assert [tuple(row) for row in found] == [(subject("user:a"), subject("user:b"))]
    assert await toy.begun_visits(pool) == 1
