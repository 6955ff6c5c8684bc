"""A policy's command may be made with the state of whichever stream holds a claim."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import pytest

from shared.database import Pool
from shared.deciding.command_handler import CommandHandler
from shared.deciding.policies import Beside, Policy, Reaction, policies_view
from shared.outcomes import Ok
from shared.projection import Event
from shared.schemas import Schema
from tests.deciding import toy
from tests.deciding.toy import NOTE, OPEN, ORIGIN, VISIT, End, Here, Order, happening
from tests.records import subject
from tests.shared.toy import folder, make_schema, numbered

TAKEN = toy.stream_of("what visits came to")
NO_VISIT = -1


def react(event: Event) -> Sequence[Reaction] | None:
    """Note what has been ordered so far in the open visit of whomever something happens to."""
    body = event.body
    assert isinstance(body, toy.Body)
    if event.envelope.type != "thing.happened":
        return None
    subjects = tuple(each["subject"] for each in body.identifiers if "subject" in each)
    beside = (Beside(VISIT, OPEN),)
    return [Reaction(NOTE, TAKEN, TAKEN, _so_far, subjects=subjects, beside=beside)]


def react_and_order(event: Event) -> Sequence[Reaction] | None:
    """Order first."""
    mine = react(event)
    return mine and [*(toy.react(event) or ()), *mine]


def _so_far(states: Mapping[str, Any]) -> int:
    visit = states[OPEN]
    return sum(visit.amounts) if isinstance(visit, Here) else NO_VISIT


views = partial(policies_view, "toy", toy.SOURCE, (toy.HAPPENINGS,), toy.read)
POLICIES = views(Policy("noting", react, toy.belongs))
ORDERING = views(Policy("noting", react_and_order, toy.belongs))


@pytest.fixture
async def schema(pool: Pool) -> Schema:
    return await make_schema(pool, POLICIES)


async def order(handler: CommandHandler, amount: int, who: str = "user:a") -> None:
    whom = subject(who)
    await handler.carry_out(
        VISIT, toy.stream_of(who), Order(whom, amount), ORIGIN, partitionkey=whom
    )


async def taken(pool: Pool) -> list[int]:
    """What was noted, in order."""
    kept = await pool.fetchval("SELECT state FROM streams WHERE stream = $1", TAKEN)
    return [] if kept is None else msgspec.json.decode(kept, type=list[int])


async def test_the_state_is_that_of_who_holds_the_claim_for_the_customer(
    pool: Pool, schema: Schema, handler: CommandHandler
) -> None:
    await order(handler, 3)
    await order(handler, 4)
    await order(handler, 50, "user:b")
    await toy.belong(pool, "user:a", "email:a@x")
    deciding = await folder(pool, schema, POLICIES, 0)
    assert await deciding.fold(numbered([happening("1", "email:a@x")])) == Ok()
    assert await taken(pool) == [7]


async def test_where_nobody_holds_it_the_state_is_that_of_the_beginning(
    pool: Pool, schema: Schema, handler: CommandHandler
) -> None:
    await order(handler, 3)
    await handler.carry_out(
        VISIT, toy.stream_of("user:a"), End(), ORIGIN, partitionkey=subject("user:a")
    )
    deciding = await folder(pool, schema, POLICIES, 0)
    await deciding.fold(numbered([happening("1"), happening("2", "user:b")]))
    assert await taken(pool) == [NO_VISIT, NO_VISIT]


async def test_what_the_batch_decided_before_is_in_it(pool: Pool, schema: Schema) -> None:
    deciding = await folder(pool, schema, ORDERING, 0)
    found = [happening(f"{n}", amount=n) for n in (1, 2, 3)]
    await deciding.fold(numbered(found))
    assert await taken(pool) == [1, 3, 6]


async def test_commands_meanwhile_come_before_or_after(
    pool: Pool, schema: Schema, handler: CommandHandler
) -> None:
    await order(handler, 1)
    deciding = await folder(pool, schema, POLICIES, 0)
    found = numbered([happening(f"{n}") for n in range(30)])
    await asyncio.gather(
        *(order(handler, 1) for _ in range(5)), *(deciding.fold([each]) for each in found[:1])
    )
    await deciding.fold(found[1:])
    noted = await taken(pool)
    assert len(noted) == 30
    assert 1 <= noted[0] <= 6
    assert set(noted[1:]) == {6}
