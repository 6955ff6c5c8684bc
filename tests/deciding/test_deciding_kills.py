"""Workers that decide are killed while they do and while commands come: once, and one for each."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

import pytest

from shared.database import Pool
from shared.deciding import relay as relays
from shared.deciding.command_handler import ClaimTaken, CommandHandler
from shared.failpoints import EXIT
from shared.log import Log
from tests.deciding import toy
from tests.deciding.deciders import crew
from tests.deciding.test_relay import assert_all_is_relayed
from tests.deciding.toy import ORIGIN, VISIT, Here, Order, belonging, happening
from tests.records import subject
from tests.shared.toy import append
from tests.waiting import until

CUSTOMERS, SUBJECTS, EACH = 4, 3, 12


def names(customer: int) -> list[str]:
    """The subjects of a customer, itself first."""
    return [f"user:k{customer}", *(f"email:k{customer}.{n}@x" for n in range(1, SUBJECTS))]


def told() -> Sequence[object]:
    """Who belongs to whom, a record for each subject."""
    return [
        belonging(name, name, names(customer)[0])
        for customer in range(CUSTOMERS)
        for name in names(customer)[1:]
    ]


def story() -> Sequence[object]:
    """Orders of all subjects, mixed; each with an amount of its own."""
    everybody = [name for customer in range(CUSTOMERS) for name in names(customer)]
    return [
        happening(f"{name} {n}", name, amount=2000 + n * 100 + number)
        for n in range(EACH)
        for number, name in enumerate(everybody)
    ]


@pytest.mark.parametrize("points", ["fold.written=exit@3", "fold.committed=exit@3", ""])
async def test_killed_while_they_decide_each_event_is_decided_once(
    pool: Pool, log: Log, topic_prefix: str, database: str, kafka: str, points: str
) -> None:
    await append(log, topic_prefix, told(), toy.HAPPENINGS)  # type: ignore[arg-type]
    await append(log, topic_prefix, story(), toy.HAPPENINGS)  # type: ignore[arg-type]
    command = [sys.executable, "-m", "tests.deciding.policies_process"]
    one = subprocess.Popen([*command, database, kafka, topic_prefix, points])  # noqa: ASYNC220
    tasks = [asyncio.create_task(commands(pool))]
    try:
        if points:
            assert await asyncio.to_thread(one.wait, 60) == EXIT
        else:
            tasks.append(asyncio.create_task(crew(pool, log, topic_prefix).run()))
            await until(lambda: some_decided(pool), deadline=60)
            one.kill()
        tasks.append(asyncio.create_task(crew(pool, log, topic_prefix).run()))
        await until(lambda: all_decided(pool), deadline=60)
        await tasks[0]
        await until(lambda: is_relayed(pool))
    finally:
        one.kill()
        one.wait(timeout=10)
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)
    await assert_decided_once(pool)
    await assert_all_is_relayed(pool, log, topic_prefix)


async def commands(pool: Pool) -> None:
    """Others want to open visits for the same customers meanwhile."""
    handler = CommandHandler(pool, toy.SOURCE)
    for n in range(40):
        whom = subject(names(n % CUSTOMERS)[n % SUBJECTS])
        stream = toy.stream_of(f"command {n}")
        with suppress(ClaimTaken):
            await handler.carry_out(VISIT, stream, Order(whom, 1), ORIGIN, partitionkey=whom)


async def some_decided(pool: Pool) -> bool:
    return bool(await pool.fetchval("SELECT count(*) > 10 FROM inbox"))


async def all_decided(pool: Pool) -> bool:
    found = await pool.fetchval("SELECT count(*) FROM inbox WHERE outcome = 'decided'")
    return bool(found == CUSTOMERS * SUBJECTS * EACH)


async def is_relayed(pool: Pool) -> bool:
    return await relays.unrelayed(pool) == 0


async def assert_decided_once(pool: Pool) -> None:
    """Each order is in one visit, those of a subject in order; visits are as many as they must."""
    rows = await pool.fetch("SELECT stream FROM streams")
    states = [await toy.state_of(pool, str(row["stream"])) for row in rows]
    orders = [
        [amount for amount in state.amounts if amount > 1]
        for state in states
        if isinstance(state, Here)
    ]
    everything = sorted(amount for some in orders for amount in some)
    subjects = CUSTOMERS * SUBJECTS
    assert everything == sorted(2000 + n * 100 + k for n in range(EACH) for k in range(subjects))
    for some in orders:
        for number in range(subjects):
            mine = [amount for amount in some if amount % 100 == number]
            assert mine == sorted(mine)
    await toy.assert_kept_is_folded(pool)
