"""A step falls due once, however often who tells it dies."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from services.leads.follow_ups.reminding import REMINDING
from shared.database import Pool
from shared.failpoints import EXIT
from tests.leads.answering import SCHEMA, Leads, answering, defined
from tests.leads.following import FIRST, ago, begun, define, tick, written
from tests.leads.told import number


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales")
        await written(leads, define(FIRST))
        yield leads


async def reminders(pool: Pool) -> Counter[tuple[str, str]]:
    """How often each kind was told of each stream."""
    rows = await pool.fetch(
        "SELECT type, stream::text FROM events WHERE type LIKE 'step.%' ORDER BY position"
    )
    return Counter((row["type"], row["stream"]) for row in rows)


@pytest.mark.parametrize("point", ["timer.written", "timer.committed"])
async def test_killed_at_any_point_a_step_falls_due_once(
    leads: Leads, database: str, point: str
) -> None:
    pool = leads.site.pool
    for n in range(1, 5):
        await begun(leads, n, at=ago(hours=3))
    epoch = await pool.fetchval(
        "INSERT INTO leases (schema, unit, owner, epoch) VALUES ($1, $2, 'a', 1) RETURNING epoch",
        *(SCHEMA, REMINDING.name),
    )
    command = [sys.executable, "-m", "tests.leads.reminding_process", database, SCHEMA]
    command += [str(epoch), f"{point}=exit"]
    assert await asyncio.to_thread(subprocess.call, command, timeout=60) == EXIT
    assert len(await reminders(pool)) == (4 if point == "timer.committed" else 0)
    await tick(leads)
    await tick(leads)
    found = await reminders(pool)
    assert len(found) == 4
    assert {*found.values()} == {1}


async def test_each_moment_moves_the_state_that_lists_show(leads: Leads) -> None:
    await begun(leads, at=ago(days=2, hours=3))
    for expected in (["due", "due"], ["overdue", "due"]):
        await tick(leads)
        found = (await leads.get("/v1/follow-ups", state__eq=["due", "overdue"]))["data"]
        assert [each["state"] for each in found] == expected
        assert {each["lead"] for each in found} == {number(1)}
