"""A policy may tell all streams that hold claims of a customer, whatever their scopes end in."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from shared.database import Pool
from shared.decider import Claim, Decider
from shared.deciding.command_handler import CommandHandler
from shared.deciding.policies import Policy, Reaction, policies_view, to_all
from shared.folder import Folder
from shared.messages import Record
from shared.outcomes import Ok
from shared.projection import Event, View
from shared.schemas import Schema
from tests.deciding import toy
from tests.deciding.toy import NOW, ORIGIN, happening
from tests.records import record, subject
from tests.shared.toy import folder, make_schema, numbered

SCOPE = "wait/"


class Waited(Struct, frozen=True):
    """A stream waits for somebody, under a name of its own; without one, no longer."""

    name: str | None
    who: str
    at: str


class Called(Struct, frozen=True):
    amount: int
    at: str


class Line(Struct, frozen=True):
    name: str | None = None
    who: str = ""
    calls: tuple[int, ...] = ()


def _decide(state: Line, command: Waited | Called) -> list[Waited | Called]:
    return [command] if isinstance(command, Waited) or state.name else []


def _evolve(state: Line, event: Waited | Called) -> Line:
    if isinstance(event, Called):
        return msgspec.structs.replace(state, calls=(*state.calls, event.amount))
    return msgspec.structs.replace(state, name=event.name, who=event.who)


def _claims(state: Line) -> frozenset[Claim]:
    return frozenset({Claim(SCOPE + state.name, state.who)}) if state.name else frozenset()


LINE: Decider[Line, Waited | Called, Waited | Called] = Decider(
    category="line",
    initial=Line(),
    decide=_decide,
    evolve=_evolve,
    events={"line.waited": Waited, "line.called": Called},
    states=Line,
    claims=_claims,
)


def react(event: Event) -> Sequence[Reaction] | None:
    """Who waits for somebody hears of all that happens to them; `wait.began` begins to wait."""
    body, envelope = event.body, event.envelope
    assert isinstance(body, toy.Body)
    if envelope.type == "wait.began":
        command = Waited(str(body.amount), envelope.partitionkey, NOW)
        stream = toy.stream_of(str(body.amount))  # its key, too, which is not whom it waits for
        return [Reaction(LINE, stream, stream, lambda _: command)]
    if envelope.type != "thing.happened":
        return None
    subjects = tuple(each["subject"] for each in body.identifiers if "subject" in each)
    return [to_all(LINE, SCOPE, subjects, lambda _: Called(body.amount, NOW))]


def beginning(number: int, who: str = "user:a") -> Record:
    """A stream begins to wait for somebody."""
    topic = f"{toy.HAPPENINGS}.1"
    return record("wait.began", who, id=f"wait {number}", topic=topic, amount=number)


POLICIES = policies_view(
    "toy", toy.SOURCE, (toy.HAPPENINGS,), toy.read, Policy("lines", react, toy.belongs)
)


@pytest.fixture
async def schema(pool: Pool) -> Schema:
    return await make_schema(pool, POLICIES)


async def deciding(pool: Pool, schema: Schema, partition: int = 0, view: View = POLICIES) -> Folder:
    return await folder(pool, schema, view, partition)


async def wait(handler: CommandHandler, name: str) -> str:
    """A stream that waits under `name`, which ends in whom it waits for."""
    stream, who = toy.stream_of(name), name.split()[-1]
    command = Waited(name, subject(who), NOW)
    await handler.carry_out(LINE, stream, command, ORIGIN, partitionkey=subject(who))
    return stream


async def calls(pool: Pool, *names: str) -> list[tuple[int, ...]]:
    """What each has heard of."""
    found: list[tuple[int, ...]] = []
    for name in names:
        kept: Any = await pool.fetchval(
            "SELECT state FROM streams WHERE stream = $1", toy.stream_of(name)
        )
        found.append(() if kept is None else msgspec.json.decode(kept, type=Line).calls)
    return found


def story(*amounts: int, who: str = "user:a") -> list[Record]:
    return [happening(f"{who} {n}", who, amount=n) for n in amounts]


async def test_all_that_hold_such_a_claim_are_told_and_no_other(
    pool: Pool, schema: Schema, handler: CommandHandler
) -> None:
    names = ["sales user:a", "renewal user:a", "sales user:b"]
    for name in names:
        await wait(handler, name)
    one = await deciding(pool, schema)
    assert await one.fold(numbered([*story(1, 2), *story(3, who="user:b"), *story(4)])) == Ok()
    assert await calls(pool, *names) == [(1, 2, 4), (1, 2, 4), (3,)]


async def test_what_nobody_waits_for_is_noted_and_begins_nothing(
    pool: Pool, schema: Schema
) -> None:
    await (await deciding(pool, schema)).fold(numbered(story(1)))
    assert await pool.fetchval("SELECT count(*) FROM streams") == 0
    row = await pool.fetchrow("SELECT outcome, stream FROM inbox")
    assert row is not None
    assert tuple(row) == ("nothing", None)


async def test_who_waits_no_longer_is_not_told(
    pool: Pool, schema: Schema, handler: CommandHandler
) -> None:
    stream = await wait(handler, "sales user:a")
    one = await deciding(pool, schema)
    await one.fold(numbered(story(1)))
    whom = subject("user:a")
    await handler.carry_out(LINE, stream, Waited(None, whom, NOW), ORIGIN, partitionkey=whom)
    await one.fold(numbered(story(2), 1))
    assert await calls(pool, "sales user:a") == [(1,)]


async def test_claims_of_all_subjects_of_the_customer_are_found(
    pool: Pool, schema: Schema, handler: CommandHandler
) -> None:
    names = ["sales email:a@x", "renewal user:a", "sales device:d"]
    for name in names:
        await wait(handler, name)
    await toy.belong(pool, "user:a", "email:a@x")
    one = await deciding(pool, schema)
    await one.fold(numbered(story(1)))
    await one.fold(numbered([happening("both", "email:a@x", "device:d", amount=2)], 1))
    assert await calls(pool, *names) == [(1, 2), (1, 2), (2,)]


async def test_claims_of_other_scopes_do_not_count(
    pool: Pool, schema: Schema, handler: CommandHandler
) -> None:
    await handler.carry_out(
        toy.VISIT,
        toy.stream_of("visit"),
        toy.Order(subject("user:a"), 1),
        ORIGIN,
        partitionkey=subject("user:a"),
    )
    assert await (await deciding(pool, schema)).fold(numbered(story(1))) == Ok()
    assert await pool.fetchval("SELECT outcome FROM inbox") == "nothing"


async def test_one_that_begins_to_wait_in_the_batch_hears_what_follows(
    pool: Pool, schema: Schema
) -> None:
    events = [
        *story(1),
        beginning(7),
        *story(2),
    ]
    await (await deciding(pool, schema)).fold(numbered(events))
    assert await calls(pool, "7") == [(2,)]


async def test_workers_that_tell_the_same_streams_at_once_tell_everything(
    pool: Pool, schema: Schema, handler: CommandHandler
) -> None:
    names = [f"{n} user:a" for n in range(5)]
    for name in names:
        await wait(handler, name)
    await toy.belong(pool, "user:a", *(f"email:{n}@x" for n in range(4)))
    workers = [await deciding(pool, schema, n) for n in range(4)]
    told = await asyncio.gather(
        *(
            worker.fold(
                numbered(story(*range(n * 10, n * 10 + 5), who=f"email:{n}@x"), partition=n)
            )
            for n, worker in enumerate(workers)
        )
    )
    assert told == [Ok()] * 4
    expected = [n * 10 + m for n in range(4) for m in range(5)]
    assert [sorted(each) for each in await calls(pool, *names)] == [expected] * 5


_NAMES = ("user:a", "user:b", "email:c@x")
_STEPS = st.lists(
    st.tuples(st.sampled_from(["wait", "happen"]), st.sampled_from(_NAMES)), max_size=30
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_STEPS, st.lists(st.integers(1, 7), min_size=30, max_size=30), st.booleans())
@example([("wait", "email:c@x"), ("happen", "user:a")], [2] * 30, True)
async def test_any_split_into_batches_tells_the_same(
    pool: Pool, steps: list[tuple[str, str]], sizes: list[int], one_person: bool
) -> None:
    await pool.execute(
        "DROP SCHEMA IF EXISTS toy_policies_1_1 CASCADE; DELETE FROM live; DELETE FROM schemas;"
        "TRUNCATE events, streams, claims, inbox, belonging"
    )
    if one_person:
        await toy.belong(pool, "user:a", "email:c@x")
    expected: dict[str, list[int]] = {}
    waits_for: dict[str, str] = {}
    records = []
    for n, (what, who) in enumerate(steps):
        if what == "wait":
            expected[str(n)] = []
            waits_for[str(n)] = who
            records.append(beginning(n, who))
        else:
            records.append(happening(f"{n}", who, amount=n))
            for name, heard in expected.items():
                if _same(waits_for[name], who, one_person):
                    heard.append(n)
    one = await deciding(pool, await make_schema(pool, POLICIES, partitions=1))
    events, done = numbered(records), 0
    for size in sizes:
        assert await one.fold(events[done : done + size]) == Ok()
        done += size
    assert await one.fold(events) == Ok()  # sent again: nothing new
    assert await calls(pool, *expected) == [tuple(heard) for heard in expected.values()]


def _same(one: str, other: str, one_person: bool) -> bool:
    return one == other or (one_person and {one, other} == {"user:a", "email:c@x"})
