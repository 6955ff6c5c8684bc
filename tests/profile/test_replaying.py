"""One customer folded anew from the log: what was folded rightly never differs."""

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.profile import consumers, replaying
from services.profile.replaying import Grounds
from services.profile.resolver import resolve_within
from shared import schemas
from shared.database import Pool
from shared.ids import random_token, uuid7
from shared.log import Log, Topic, partition_of
from shared.messages import Entry, Place, Record, decode
from shared.projection import View
from shared.schemas import Schema
from tests.profile.histories import histories, people
from tests.records import record, subject

PARTITIONS = 2


def of_its_own(history: Sequence[Record]) -> list[Record]:
    """The history with sources, keys and streams that no other history has."""
    token = random_token(6).hex().encode()
    renamed = {name: name + token for name in (b'"source":"', b'"ingestkey":"', b'"key":"')}
    streams = {decode(one.value).stream for one in history} - {None}
    renamed |= {str(stream).encode(): str(uuid7()).encode() for stream in streams}
    made = []
    for one in history:
        value = one.value
        for old, new in renamed.items():
            value = value.replace(old, new)
        made.append(one._replace(value=value))
    return made


@dataclass
class World:
    """A log and the view that was folded from it."""

    pool: Pool
    log: Log
    view: View
    schema: Schema
    prefix: str

    async def happen(self, records: Sequence[Record]) -> None:
        """Append records, fold them in one batch, and resolve what follows."""
        placed = [await self._append(each) for each in records]
        async with self.pool.acquire() as connection, connection.transaction():
            events = [self.view.decode(each) for each in placed]
            await self.view.fold(connection, self.schema.name, events)
            for each in placed:
                await connection.execute(
                    f"UPDATE {self.schema.name}.checkpoints SET next_offset = $3"
                    " WHERE topic = $1 AND partition = $2",
                    each.place.topic.removeprefix(self.prefix).split(".")[0],
                    each.place.partition,
                    each.place.offset + 1,
                )
        async with self.pool.acquire() as connection, connection.transaction():
            await resolve_within(connection, self.schema.name)

    async def _append(self, one: Record) -> Record:
        topic = f"{self.prefix}{one.place.topic}"
        key = decode(one.value).partitionkey
        partition = partition_of(key, PARTITIONS)
        (offset,) = await self.log.append(topic, partition, [Entry(key.encode(), one.value)])
        return Record(Place(topic, partition, offset), key.encode(), one.value)

    async def replay(self, who: str) -> replaying.Replayed:
        grounds = Grounds(self.pool, self.log, self.view, self.prefix, self.schema.name)
        return await replaying.replay(grounds, subject(who), lambda what, done, total: None)


@pytest.fixture
async def world(pool: Pool, kafka: str, topic_prefix: str) -> AsyncIterator[World]:
    log = await Log.connect(kafka)
    topics = [Topic("interactions"), Topic("identity"), Topic("leads")]
    await log.ensure_topics(topic_prefix, topics, PARTITIONS)
    view = consumers.view(topic_prefix)
    yield World(pool, log, view, await schemas.prepare(pool, log, view, topic_prefix), topic_prefix)
    await log.close()


@given(
    history=histories(),
    asked=st.lists(people, min_size=2, max_size=2, unique=True),
    order=st.randoms(use_true_random=False),
)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_what_was_folded_rightly_has_no_differences(
    world: World, history: list[Record], asked: list[str], order: random.Random
) -> None:
    history = of_its_own(history)  # examples share the log
    resent = order.sample(history, len(history) // 3)
    await world.happen(history)
    await world.happen(resent)
    for who in asked:
        found = await world.replay(who)
        assert [each for each in found.differences] == [], who
        assert (found.left_out, found.parked, found.unreadable) == (0, [], [])


async def test_what_the_view_forgot_is_found_by_what_leads_to_it(world: World) -> None:
    await world.happen(
        [
            record("page.viewed", "email:a@x", "user:1", id="1"),
            record("page.viewed", "email:a@x", "device:d", id="2"),
            record("page.viewed", "device:d", "phone:+49301", id="3"),
        ]
    )
    assert (await world.replay("user:1")).differences == []
    await world.pool.execute(
        f"DELETE FROM {world.schema.name}.pairs WHERE weaker = $1", subject("device:d")
    )
    found = await world.replay("user:1")
    assert {(each.table, each.live) for each in found.differences} == {("pairs", None)}
    assert len(found.differences) == 2


async def test_what_is_not_resolved_yet_is_left_out(world: World) -> None:
    await world.happen([record("page.viewed", "email:a@x", "user:1", id="1")])
    name = world.schema.name
    await world.pool.execute(
        f"INSERT INTO {name}.pending (kind, key, topic, partition, next_offset)"
        " VALUES ('pair', $1, 'interactions.1', 0, 1)",
        subject("email:a@x"),
    )
    await world.pool.execute(f"DELETE FROM {name}.owners")
    found = await world.replay("user:1")
    assert (found.differences, found.left_out) == ([], 1)
    await world.pool.execute(f"DELETE FROM {name}.pending")
    assert [each.table for each in (await world.replay("user:1")).differences] == ["owners"]


async def test_whoever_used_a_shared_device_is_replayed_without_all_the_others(
    world: World,
) -> None:
    visits = [record("page.viewed", "device:kiosk", f"user:{n}", id=f"{n}") for n in range(70)]
    orders = [record("order.placed", f"user:{n}", id=f"o{n}", order=f"{n}") for n in range(70)]
    await world.happen([*visits, *orders])
    found = await world.replay("user:7")
    assert found.differences == []
    assert found.events < 60
    assert (await world.replay("device:kiosk")).differences == []
