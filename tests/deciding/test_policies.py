"""Policies: each event is decided about once; one customer has one stream; order is kept."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from shared.database import Pool
from shared.deciding.command_handler import ClaimTaken, CommandHandler
from shared.deciding.policies import Policy, Reaction, policies_view
from shared.deciding.store import Origin
from shared.folder import Folder
from shared.messages import Record, decode
from shared.outcomes import Ok
from shared.parking import BEHIND, discard, parked, request_retry
from shared.projection import Event, View
from shared.schemas import Schema
from tests.deciding import toy
from tests.deciding.toy import FIXED, ORIGIN, POLICIES, UNLUCKY, VISIT, End, Here, Order, happening
from tests.records import subject
from tests.shared.toy import folder, make_schema, numbered


@pytest.fixture
async def schema(pool: Pool) -> Schema:
    return await make_schema(pool, POLICIES)


async def deciding(
    pool: Pool, schema: Schema, view: View = POLICIES, partition: int = 0, epoch: int = 1
) -> Folder:
    """A partition of the policies."""
    return await folder(pool, schema, view, partition, epoch)


async def inbox(pool: Pool) -> list[str]:
    """The outcomes, as often as they are."""
    rows = await pool.fetch("SELECT outcome FROM inbox ORDER BY outcome")
    return [row["outcome"] for row in rows]


async def visits(pool: Pool) -> dict[str, Any]:
    """The state of every visit, by who it is of."""
    rows = await pool.fetch("SELECT stream FROM streams")
    states = [await toy.state_of(pool, str(row["stream"])) for row in rows]
    return {state.who: state for state in states if isinstance(state, Here)}


async def amounts(pool: Pool, who: str = "user:a") -> Sequence[int]:
    """What somebody ordered, in order."""
    found = (await visits(pool)).get(subject(who))
    return found.amounts if found else ()


def story(*amounts: int, who: str = "user:a", first: int = 1) -> list[Record]:
    """Orders of somebody, one after the other."""
    return [happening(f"{who} {n}", who, amount=amount) for n, amount in enumerate(amounts, first)]


async def test_a_first_event_opens_and_those_after_it_go_on(pool: Pool, schema: Schema) -> None:
    one = await deciding(pool, schema)
    assert await one.fold(numbered(story(1, 2, 3))) == Ok()
    assert await amounts(pool) == (1, 2, 3)
    assert await toy.begun_visits(pool) == 1
    assert await inbox(pool) == ["decided"] * 3
    await toy.assert_kept_is_folded(pool)


async def test_what_follows_from_an_event_says_so(pool: Pool, schema: Schema) -> None:
    event = story(5)[0]
    await (await deciding(pool, schema)).fold(numbered([event]))
    record = decode(await pool.fetchval("SELECT record FROM events WHERE version = 1"))
    assert record.causationid == decode(event.value).event
    assert (record.actor, record.ingestkey) == ("policy", "tests")


async def test_the_same_events_sent_again_add_nothing(pool: Pool, schema: Schema) -> None:
    events = [*story(1, 0, UNLUCKY, 2), *story(7, who="user:b")]
    one = await deciding(pool, schema)
    await one.fold(numbered(events))
    before, looked_at = await toy.everything(pool), await inbox(pool)
    await one.fold(numbered([*events, *events], start=len(events)))
    other = await deciding(pool, await make_schema(pool, POLICIES))  # from the start of the log
    await other.fold(numbered(events))
    assert await toy.everything(pool) == before
    assert await inbox(pool) == looked_at


async def test_a_refused_command_is_noted_and_hurts_nobody(pool: Pool, schema: Schema) -> None:
    one = await deciding(pool, schema)
    await one.fold(numbered([*story(1, UNLUCKY, 2), *story(UNLUCKY, 3, who="user:b")]))
    assert (await amounts(pool), await amounts(pool, "user:b")) == ((1, 2), (3,))
    assert await inbox(pool) == ["decided"] * 3 + ["refused: unlucky"] * 2
    assert await parked(pool, schema.name) == []


async def test_an_event_of_which_nothing_follows_is_noted_too(pool: Pool, schema: Schema) -> None:
    await (await deciding(pool, schema)).fold(numbered(story(0)))
    assert await inbox(pool) == ["nothing new"]
    assert await toy.everything(pool) == [[], [], []]


async def test_a_visit_of_another_subject_of_the_customer_is_found(
    pool: Pool, schema: Schema
) -> None:
    first, second = await deciding(pool, schema), await deciding(pool, schema, partition=1)
    await first.fold(numbered(story(1)))
    await second.fold(
        numbered(
            [
                toy.belonging("told", "email:a@x", "user:a"),
                *story(2, who="email:a@x"),
                *story(3, who="device:d"),
            ],
            partition=1,
        )
    )
    assert (await amounts(pool), await amounts(pool, "device:d")) == ((1, 2), (3,))
    await second.fold(
        numbered([happening("both", "device:d2", "email:a@x", amount=4)], 3, partition=1)
    )
    assert await amounts(pool) == (1, 2, 4)


async def test_the_highest_revision_of_a_belonging_stands(pool: Pool, schema: Schema) -> None:
    one = await deciding(pool, schema)
    told = [
        toy.belonging("3", "email:a@x", "user:a", revision=3),
        toy.belonging("2", "email:a@x", "user:b", revision=2),
    ]
    await one.fold(numbered([*told, *story(1), *story(2, who="email:a@x")]))
    assert await amounts(pool) == (1, 2)


async def test_two_workers_and_the_api_open_one_visit_for_one_customer(
    pool: Pool, schema: Schema
) -> None:
    await toy.belong(pool, "user:a", *(f"email:{n}@x" for n in range(1, 4)))
    handlers = [CommandHandler(pool, toy.SOURCE) for _ in range(2)]
    workers = [await deciding(pool, schema, partition=n) for n in range(4)]
    outcomes = await toy.gathered(
        *(
            worker.fold(numbered(story(n, n, who=f"email:{n}@x" if n else "user:a"), partition=n))
            for n, worker in enumerate(workers)
        ),
        *(
            handlers[n % 2].carry_out(
                VISIT,
                toy.stream_of(f"api {n}"),
                Order(subject("email:1@x"), 100),
                ORIGIN,
                partitionkey=subject("email:1@x"),
            )
            for n in range(6)
        ),
    )
    assert outcomes[:4] == [Ok()] * 4
    assert len([each for each in outcomes[4:] if isinstance(each, ClaimTaken)]) >= 5
    assert await toy.begun_visits(pool) == 1
    (only,) = (await visits(pool)).values()
    assert sorted(each for each in only.amounts if each < 100) == [1, 1, 2, 2, 3, 3]
    await toy.assert_kept_is_folded(pool)


async def test_commands_that_were_faster_are_decided_upon_anew(pool: Pool, schema: Schema) -> None:
    one, handler = await deciding(pool, schema), CommandHandler(pool, toy.SOURCE)
    await one.fold(numbered(story(1)))
    stream = str(await pool.fetchval("SELECT stream FROM streams"))
    whom = subject("user:a")

    async def command(n: int) -> None:
        origin = Origin("person")
        await handler.carry_out(VISIT, stream, Order(whom, n), origin, partitionkey=whom)

    await asyncio.gather(
        *(command(n) for n in range(100, 110)), one.fold(numbered(story(*range(2, 40), first=2), 1))
    )
    found = await amounts(pool)
    assert [each for each in found if each < 100] == [*range(1, 40)]
    assert sorted(each for each in found if each >= 100) == [*range(100, 110)]
    await toy.assert_kept_is_folded(pool)


async def test_a_visit_that_ended_frees_its_customer_for_the_next(
    pool: Pool, schema: Schema
) -> None:
    one, handler = await deciding(pool, schema), CommandHandler(pool, toy.SOURCE)
    await one.fold(numbered(story(1)))
    stream = str(await pool.fetchval("SELECT stream FROM streams"))
    await handler.carry_out(VISIT, stream, End(), ORIGIN, partitionkey=subject("user:a"))
    await one.fold(numbered(story(2, first=2), 1))
    assert await toy.begun_visits(pool) == 2
    await toy.assert_kept_is_folded(pool)


# Parked in order


async def reasons(pool: Pool, schema: Schema) -> list[str]:
    """Why each parked event is, in the order in which they came."""
    rows = await pool.fetch(f"SELECT reason FROM {schema.name}.parked ORDER BY ordinal")
    return [row["reason"] for row in rows]


async def test_behind_an_event_that_cannot_be_decided_its_subject_waits_and_others_go_on(
    pool: Pool, schema: Schema
) -> None:
    one = await deciding(pool, schema)
    a, b = story(1, -1, 2, 3), story(1, 2, who="user:b")
    assert await one.fold(numbered([a[0], b[0], a[1], a[2], b[1], a[3]])) == Ok()
    assert (await amounts(pool), await amounts(pool, "user:b")) == ((1,), (1, 2))
    assert await reasons(pool, schema) == ["failed", BEHIND, BEHIND]
    await one.fold(numbered(story(4, first=5), 6))
    assert await reasons(pool, schema) == ["failed", BEHIND, BEHIND, BEHIND]
    assert await amounts(pool) == (1,)


async def test_after_a_retry_those_behind_follow_in_order(pool: Pool, schema: Schema) -> None:
    one = await deciding(pool, schema)
    await one.fold(numbered(story(1, -1, *range(2, 30))))
    fixed = await deciding(pool, schema, FIXED, epoch=2)
    place = (await parked(pool, schema.name))[0].place
    await request_retry(pool, schema.name, place)
    await fixed.answer_requests()
    assert await amounts(pool) == (*range(1, 30),)
    assert await parked(pool, schema.name) == []
    assert await pool.fetchval("SELECT count(*) FROM retries") == 0
    await fixed.fold(numbered(story(30, first=31), 30))
    assert await amounts(pool) == (*range(1, 31),)


async def test_after_a_discard_those_behind_follow_in_order(pool: Pool, schema: Schema) -> None:
    one = await deciding(pool, schema)
    await one.fold(numbered(story(1, -1, 2, -1, 3, 4)))
    first = (await parked(pool, schema.name))[0]
    await discard(pool, schema.name, first.place, "a test order")
    await one.answer_requests()
    assert await amounts(pool) == (1, 2)
    assert await reasons(pool, schema) == ["failed", BEHIND, BEHIND]
    second = (await parked(pool, schema.name))[0]
    await discard(pool, schema.name, second.place, "another one")
    await one.answer_requests()
    assert await amounts(pool) == (1, 2, 3, 4)


async def test_one_behind_that_is_given_up_is_left_out_and_the_others_stay_in_order(
    pool: Pool, schema: Schema
) -> None:
    one = await deciding(pool, schema)
    await one.fold(numbered(story(1, -1, 2, 3)))
    middle = (await parked(pool, schema.name))[1]
    await discard(pool, schema.name, middle.place, "a test order")
    await one.answer_requests()
    assert await reasons(pool, schema) == ["failed", BEHIND]
    fixed = await deciding(pool, schema, FIXED, epoch=2)
    await request_retry(pool, schema.name)
    await fixed.answer_requests()
    assert await amounts(pool) == (1, 3)


async def test_one_behind_is_not_retried_before_the_first(pool: Pool, schema: Schema) -> None:
    one = await deciding(pool, schema)
    await one.fold(numbered(story(1, -1, 2)))
    await request_retry(pool, schema.name)
    await one.answer_requests()
    assert await amounts(pool) == (1,)
    assert await reasons(pool, schema) == ["failed", BEHIND]
    assert await pool.fetchval("SELECT count(*) FROM retries") == 0


async def test_what_cannot_be_read_keeps_its_own_subject_waiting_alone(
    pool: Pool, schema: Schema
) -> None:
    one = await deciding(pool, schema)
    unread = happening("unread")._replace(value=b"{}")
    await one.fold(numbered([unread, *story(1)]))
    assert await amounts(pool) == (1,)
    assert await reasons(pool, schema) == ["undecodable"]


async def test_events_behind_do_not_count_towards_a_halt(pool: Pool, schema: Schema) -> None:
    one = await deciding(pool, schema)
    assert await one.fold(numbered(story(-1, *range(1, 200)))) == Ok()
    assert len(await parked(pool, schema.name, limit=500)) == 200
    assert one.at.halted is None
    assert await one.fold(numbered(story(1, who="user:b"), 200)) == Ok()
    fixed = await deciding(pool, schema, FIXED, epoch=2)
    await request_retry(pool, schema.name, (await parked(pool, schema.name))[0].place)
    while await parked(pool, schema.name):
        await fixed.answer_requests()
    assert await amounts(pool) == (*range(1, 200),)


async def test_a_stream_that_may_not_have_its_claim_is_refused_and_nothing_stands_still(
    pool: Pool, schema: Schema
) -> None:
    """Nobody can find the holder here: the reaction looks under other subjects than it claims."""
    handler = CommandHandler(pool, toy.SOURCE)
    whom = subject("user:a")
    await handler.carry_out(VISIT, toy.stream_of("1"), Order(whom, 1), ORIGIN, partitionkey=whom)

    def elsewhere(event: Event) -> Sequence[Reaction] | None:
        return [replace(each, subjects=()) for each in toy.react(event) or ()]

    policy = Policy("astray", elsewhere, toy.belongs)
    view = policies_view("toy", toy.SOURCE, (toy.HAPPENINGS,), toy.read, policy)
    one = await deciding(pool, schema, view)
    assert await one.fold(numbered([*story(1), *story(2, who="user:b")])) == Ok()
    assert await inbox(pool) == ["decided", "refused: claim_taken"]
    await toy.assert_kept_is_folded(pool)


async def test_two_schemas_that_decide_about_the_same_events_at_once_decide_once(
    pool: Pool, schema: Schema
) -> None:
    second = await make_schema(pool, POLICIES)
    one, other = await deciding(pool, schema), await deciding(pool, second)
    for n in range(15):
        event = numbered(story(n + 1, first=n), n)
        assert await toy.gathered(one.fold(event), other.fold(event)) == [Ok(), Ok()]
    assert await amounts(pool) == (*range(1, 16),)
    assert await inbox(pool) == ["decided"] * 15
    for name in (schema, second):
        assert await parked(pool, name.name) == []
