"""The law: all that was ever told, told once more, adds nothing to what was decided."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.leads.follow_ups.decider import PLAYBOOK
from services.leads.follow_ups.decider.playbook import STREAM
from shared.database import Pool
from shared.deciding.store import Origin
from shared.messages import Place, Record
from tests.leads.answering import SCHEMA, Leads, answering, decided, defined
from tests.leads.following import FIRST, POLICIES, define
from tests.records import record

PEOPLE = ("user:shop:1", "email:a@x", "email:b@x", "device:d")
MONEY = {"amount": 990, "currency": "EUR"}
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("quote.requested", {"product": "CHAIR-7"} | MONEY),
    ("form.submitted", {"fields": {"country": "GB"}}),
    ("information.requested", {}),
    ("call.received", {"purpose": "sales"}),
    ("call.placed", {"direction": "outbound", "purpose": "sales"}),
    ("email.sent", {"direction": "outbound", "purpose": "sales"}),
    ("subscription.due", {"subscription": "s", "term": "P1M"} | MONEY),
    ("subscription.due", {"subscription": "t", "term": "P1M"} | MONEY),
    ("subscription.renewed", {"subscription": "s", "term": "P1M"} | MONEY),
    ("subscription.cancelled", {"subscription": "s"}),
    ("consent.withdrawn", {"purpose": "marketing", "address": "a@x", "consent_channel": "email"}),
    ("page.viewed", {}),
]
TOLD = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=2, unique=True),
    ),
    min_size=1,
    max_size=15,
)


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        yield leads


def records(told: list[Any], first: int) -> list[Record]:
    """What was told, as it stands in the log from an offset on."""
    return [
        record(type_, *who, id=str(n), seconds=n, **fields)._replace(
            place=Place("interactions.1", 0, first + n)
        )
        for n, ((type_, fields), who) in enumerate(told)
    ]


async def tell(pool: Pool, history: list[Record], size: int) -> None:
    """Let the policies decide about it, in batches, then about all that they decided."""
    for start in range(0, len(history), size):
        await decide(pool, history[start : start + size])
    after = 0
    while rows := await decided(pool, after):
        await decide(pool, rows)
        after += len(rows)


async def decide(pool: Pool, history: list[Record]) -> None:
    events = [POLICIES.decode(each) for each in history]
    async with pool.acquire() as connection, connection.transaction():
        await POLICIES.fold(connection, SCHEMA, events)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(TOLD, st.integers(1, 6), st.integers(1, 6))
async def test_all_interactions_sent_again_add_nothing(
    leads: Leads, told: list[Any], size: int, other: int
) -> None:
    pool = leads.site.pool
    await pool.execute("TRUNCATE events, streams, claims, inbox, belonging")
    await defined(leads, "sales", "renewal", "win-back")
    await leads.handler.carry_out(
        PLAYBOOK, STREAM, define(FIRST), Origin("service:app"), partitionkey=STREAM
    )
    await tell(pool, records(told, 0), size)
    before = await pool.fetch("SELECT * FROM events ORDER BY position")
    await tell(pool, records(told, 100), other)
    assert await pool.fetch("SELECT * FROM events ORDER BY position") == before
    asks = {"quote.requested", "form.submitted", "information.requested"}
    captured = any(row["type"] == "lead.captured" for row in before)
    assert captured or not asks & {type_ for (type_, _), _ in told}
