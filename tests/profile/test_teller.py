"""The teller: the topic `customers` says who belongs to whom, whatever dies on the way."""

import random
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec
import pytest

from services import profile
from services.profile import tables
from services.profile.teller import Teller
from shared.database import Pool, ddl, migrate
from shared.errors import LogUnavailable
from shared.ids import uuid7
from shared.leases import Lease, LeaseLost, register
from shared.log import Log, Topic, topic_name
from shared.messages import Envelope, decode

FIRST, SECOND = "profile_1_1", "profile_1_2"
PARTITIONS = 2
PEOPLE = sorted(str(uuid7()) for _ in range(6))


@pytest.fixture
async def views(pool: Pool) -> Pool:
    """A database with two view schemas, of which the first serves; one worker holds all leases."""
    await migrate(pool, Path(str(profile.__file__)).with_name("migrations"))
    for number, schema in enumerate((FIRST, SECOND), start=1):
        for statement in ddl(tables.metadata, schema):
            await pool.execute(statement)
        await pool.execute("INSERT INTO schemas VALUES ($1, 'profile', 1, $2)", schema, number)
        async with pool.acquire() as connection:
            await register(connection, schema, ["teller"])
    await pool.execute("UPDATE leases SET owner = 'this', epoch = 1, until = 'infinity'")
    await pool.execute("INSERT INTO live (service, schema) VALUES ('profile', $1)", FIRST)
    return pool


@pytest.fixture
async def log(kafka: str) -> AsyncIterator[Log]:
    log = await Log.connect(kafka)
    yield log
    await log.close()


@pytest.fixture
async def topic(log: Log, topic_prefix: str) -> str:
    await log.ensure_topics(topic_prefix, [Topic("customers")], PARTITIONS, embedded=True)
    return topic_name(topic_prefix, "customers", 1)


def teller(pool: Pool, log: Log, topic: str, schema: str = FIRST, page: int = 2) -> Teller:
    """A teller as one that has just started: it remembers nothing."""
    return Teller(pool, log, Lease(schema, "teller", "this", 1), topic, PARTITIONS, page=page)


async def belong(pool: Pool, mapping: Mapping[str, str], schema: str = FIRST) -> None:
    """What the resolver writes when subjects move, in one transaction."""
    async with pool.acquire() as connection, connection.transaction():
        for subject, customer in mapping.items():
            await connection.execute(
                f"INSERT INTO {schema}.identities (subject, rank, shared, root, customer)"
                " VALUES ($1, 0, false, $2, $2)"
                " ON CONFLICT (subject) DO UPDATE SET root = $2, customer = $2",
                subject,
                customer,
            )
            await connection.execute(f"INSERT INTO {schema}.changed VALUES ($1)", subject)


async def tell(telling: Teller) -> None:
    while await telling.turn():
        pass


async def topic_says(log: Log, topic: str) -> list[Envelope]:
    """Every record of the topic."""
    ends = await log.end_offsets(topic, range(PARTITIONS))
    return [
        decode(record.value)
        for partition, end in ends.items()
        for record in (await log.read(topic, partition, 0, end) if end else [])
    ]


def newest(said: list[Envelope]) -> dict[str, str]:
    """What a consumer keeps: per subject the customer of the highest revision."""
    kept: dict[str, tuple[int, str]] = {}
    for envelope in said:
        body = msgspec.json.decode(envelope.data)
        assert envelope.id == f"{body['subject']}/{body['revision']}"
        assert envelope.partitionkey == body["subject"]
        entry = (body["revision"], body["customer"])
        kept[body["subject"]] = max(kept.get(body["subject"], (0, "")), entry)
    return {subject: customer for subject, (_, customer) in kept.items()}


async def test_a_subject_that_moved_is_told_once(views: Pool, log: Log, topic: str) -> None:
    one, other, third = PEOPLE[:3]
    await belong(views, {one: other, third: third})
    await tell(teller(views, log, topic))
    await tell(teller(views, log, topic))
    [said] = await topic_says(log, topic)
    assert (said.type, said.source, said.id) == ("belongs", "/profile", f"{one}/1")
    assert msgspec.json.decode(said.data) == {"subject": one, "customer": other, "revision": 1}


async def test_nothing_is_told_of_who_moved_and_came_back(
    views: Pool, log: Log, topic: str
) -> None:
    one, other = PEOPLE[:2]
    await belong(views, {one: other})
    await belong(views, {one: one})
    await tell(teller(views, log, topic))
    assert await topic_says(log, topic) == []


async def test_who_belongs_to_itself_again_is_told_so(views: Pool, log: Log, topic: str) -> None:
    one, other = PEOPLE[:2]
    await belong(views, {one: other})
    await tell(teller(views, log, topic))
    await belong(views, {one: one})
    await tell(teller(views, log, topic))
    assert newest(await topic_says(log, topic)) == {one: one}


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_dies_between_the_steps_the_topic_comes_to_the_mapping(
    views: Pool, log: Log, topic: str, seed: int
) -> None:
    chance = random.Random(seed)
    mapping: dict[str, str] = {}
    for _ in range(15):
        moved = {subject: chance.choice(PEOPLE) for subject in chance.sample(PEOPLE, 2)}
        mapping |= moved
        await belong(views, moved)
        await die(teller(views, log, topic), chance.choice(["noted", "appended", "marked", "no"]))
    await tell(teller(views, log, topic))
    said = newest(await topic_says(log, topic))
    assert {who: said.get(who, who) for who in mapping} == mapping
    assert await views.fetchval("SELECT count(*) FROM told WHERE NOT sent") == 0


async def die(telling: Teller, after: str) -> None:
    """Take the steps of a turn one by one, and no further than the one named."""
    if after == "no":
        return await tell(telling)
    await telling.compare()
    await telling.note()
    told = await telling.unsent()
    if after != "noted":
        await telling.append(told)
    if after == "marked":
        await telling.mark(told)
    return None


async def test_a_revision_noted_after_an_append_is_not_marked_by_it(
    views: Pool, log: Log, topic: str
) -> None:
    one, other, third = PEOPLE[:3]
    slow = teller(views, log, topic)
    await belong(views, {one: other})
    await slow.compare()
    await slow.note()
    told = await slow.unsent()
    await belong(views, {one: third})
    await slow.note()
    await slow.append(told)
    await slow.mark(told)
    await tell(teller(views, log, topic))
    assert newest(await topic_says(log, topic)) == {one: third}


async def test_after_a_switch_exactly_the_differences_are_told(
    views: Pool, log: Log, topic: str
) -> None:
    one, other, third, fourth, fifth = PEOPLE[:5]
    await belong(views, {one: fifth, other: fifth, third: fifth})
    await tell(teller(views, log, topic))
    await belong(views, {one: fifth, other: fourth, fourth: fourth}, SECOND)
    await views.execute(f"DELETE FROM {SECOND}.changed")  # even if nothing said what changed
    await views.execute("UPDATE live SET schema = $1", SECOND)
    before = len(await topic_says(log, topic))
    await tell(teller(views, log, topic, SECOND))
    said = await topic_says(log, topic)
    assert newest(said) == {one: fifth, other: fourth, third: third}
    assert len(said) == before + 2


async def test_a_schema_that_does_not_serve_tells_nothing(
    views: Pool, log: Log, topic: str
) -> None:
    await belong(views, {PEOPLE[0]: PEOPLE[1]}, SECOND)
    await tell(teller(views, log, topic, SECOND))
    assert await views.fetchval("SELECT count(*) FROM told") == 0
    assert await views.fetchval(f"SELECT count(*) FROM {SECOND}.changed") == 1


async def test_who_has_lost_the_lease_notes_and_marks_nothing(
    views: Pool, log: Log, topic: str
) -> None:
    late = teller(views, log, topic)
    await belong(views, {PEOPLE[0]: PEOPLE[1]})
    await late.compare()
    await late.note()
    told = await late.unsent()
    await views.execute("UPDATE leases SET owner = 'another', epoch = 2")
    for step in (late.mark(told), late.note(), late.unsent()):
        with pytest.raises(LeaseLost):
            await step
    assert await views.fetchval("SELECT count(*) FROM told WHERE NOT sent") == 1


async def test_what_a_log_that_was_away_did_not_take_is_told_later(
    views: Pool, log: Log, topic: str, kafka: str
) -> None:
    away = await Log.connect(kafka)
    await away.close()
    await belong(views, {PEOPLE[0]: PEOPLE[1]})
    with pytest.raises(LogUnavailable):
        await tell(teller(views, away, topic))
    await tell(teller(views, log, topic))
    assert newest(await topic_says(log, topic)) == {PEOPLE[0]: PEOPLE[1]}
