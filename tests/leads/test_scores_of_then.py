"""A score as of a moment is what was shown then, whoever became one or was separated since."""

import os
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.leads.commands import DefineScoring
from services.leads.decider import SCORING
from services.leads.decider.scoring import STREAM
from shared import clock
from shared.clock import now
from shared.database import Pool
from shared.deciding.store import Origin
from tests.leads.answering import Leads, answering, defined
from tests.leads.examples import RULES
from tests.leads.told import capture, number
from tests.records import START, at, record, subject

HISTORIES = int(os.environ.get("HISTORIES", "8"))
JANE, MAIL, PHONE = "user:shop:1", "email:jane@x", "phone:+31201234567"
WHO = (JANE, MAIL, PHONE)
SCORE = f"/v1/leads/{number(1)}/score"


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales")
        await begin(leads)
        yield leads


@pytest.fixture(autouse=True)
def right_clock() -> Iterator[None]:
    yield
    clock.be_wrong(0.0)


async def begin(leads: Leads) -> None:
    """The first lead, and rules that score it."""
    await ruled(leads, 30, 0)
    await leads.carry_out(number(1), capture(1, who=JANE, at=at(0)))
    await leads.settle()


async def ruled(leads: Leads, half_life: int, seconds: float) -> None:
    rules = replace(RULES, half_life=half_life)
    command = DefineScoring(rules=rules, at=at(seconds))
    origin = Origin("service:app")
    await leads.handler.carry_out(SCORING, STREAM, command, origin, partitionkey=STREAM)
    await leads.settle()


async def told(leads: Leads, who: str, to: str, revision: int, seconds: float) -> None:
    """Fold that somebody belongs to a customer, as it was told then."""
    about = {"subject": subject(who), "customer": subject(to), "revision": revision}
    id = f"{subject(who)}/{revision}"
    when: dict[str, Any] = {"topic": "customers.1", "seconds": seconds}
    await leads.fold(record("belongs", id=id, source="/profile", **(when | about)))


def rules(found: Any) -> list[str]:
    return [part["rule"] for part in found["parts"]]


async def test_customers_that_became_one_later_were_two(leads: Leads) -> None:
    await leads.tell("quote.requested", JANE, seconds=10)
    await leads.tell("product.viewed", MAIL, seconds=20)
    await told(leads, JANE, MAIL, 1, 30)
    before = await leads.get(SCORE, as_of=at(29))
    assert (before["customer"], rules(before)) == (subject(JANE), ["quote"])
    after = await leads.get(SCORE, as_of=at(30))
    assert (after["customer"], rules(after)) == (subject(MAIL), ["quote", "look"])
    assert after["customer"] == (await leads.get(SCORE))["customer"]


async def test_customers_that_were_separated_later_were_one(leads: Leads) -> None:
    await leads.tell("quote.requested", JANE, seconds=10)
    await leads.tell("product.viewed", MAIL, seconds=20)
    await told(leads, MAIL, JANE, 1, 30)
    await told(leads, MAIL, MAIL, 2, 40)
    assert rules(await leads.get(SCORE, as_of=at(35))) == ["quote", "look"]
    for moments in ({"as_of": at(25)}, {"as_of": at(45)}, {}):
        assert rules(await leads.get(SCORE, **moments)) == ["quote"]


async def test_of_who_belonged_counts_what_was_told_by_either_moment(leads: Leads) -> None:
    await leads.tell("product.viewed", MAIL, seconds=20)
    await told(leads, MAIL, JANE, 1, 30)
    assert rules(await leads.get(SCORE, known_at=at(29))) == []
    assert rules(await leads.get(SCORE, as_of=at(35), known_at=at(29))) == []
    assert rules(await leads.get(SCORE, as_of=at(29), known_at=at(35))) == []
    assert rules(await leads.get(SCORE, known_at=at(35))) == ["look"]


async def test_what_is_told_again_was_told_when_it_was_first(leads: Leads) -> None:
    await leads.tell("product.viewed", MAIL, seconds=20)
    for seconds in (40, 30, 50):
        await told(leads, MAIL, JANE, 1, seconds)
    assert rules(await leads.get(SCORE, as_of=at(29))) == []
    assert rules(await leads.get(SCORE, as_of=at(30))) == ["look"]


TYPES = tuple(rule.type for rule in RULES.engagement)
STEPS = st.tuples(
    st.sampled_from(["tell", "tell", "describe", "belong", "belong", "again", "rules"]),
    st.integers(0, 2),
    st.integers(0, 4),
    st.integers(0, 3),
)
"""What, about whom, how, and how many steps it happened before it is told."""


class Remembered:
    """A history as it comes, the clock set to each moment, and what was shown at it."""

    EVERY = 5_000
    """Seconds between two steps."""

    def __init__(self, leads: Leads) -> None:
        self.leads = leads
        self.late: list[tuple[int, int]] = []
        self.shown: list[tuple[int, Any]] = []
        self._step = 0
        self._belonging: dict[str, list[tuple[str, int]]] = {}

    async def say(self, what: str, who: int, how: int, lag: int) -> None:
        self._step += 1
        recorded = self._step * self.EVERY
        lag = min(lag, self._step - 1)
        if what in ("belong", "again"):
            await self._belong(what, who, how, recorded)
        elif what == "rules":
            await ruled(self.leads, 10 + how, recorded)
        else:
            await self._tell(what, who, how, recorded, recorded - lag * self.EVERY)
            if lag:
                self.late.append((self._step - lag, self._step))
        await self._remember(recorded)

    def has_late(self, step: int) -> bool:
        """Whether something had happened by a step that was told after it."""
        return any(happened <= step < recorded for happened, recorded in self.late)

    async def _tell(self, what: str, who: int, how: int, recorded: int, happened: int) -> None:
        type_, fields = TYPES[how % len(TYPES)], {"channel": "phone", "purpose": "sales"}
        if what == "describe":
            traits = {"country": ["GB", "FR", None][how % 3], "employees": 30 * how}
            type_, fields = "customer.described", {"traits": traits}  # type: ignore[dict-item]
        when = {"seconds": happened, "recorded": recorded}
        await self.leads.tell(type_, WHO[who], id=f"e{self._step}", **when, **fields)

    async def _belong(self, what: str, who: int, how: int, seconds: int) -> None:
        """The next revision; or one of those before is appended once more, as the teller may."""
        known = self._belonging.setdefault(WHO[who], [])
        if what == "again":
            if known:
                to, revision = known[how % len(known)]
                await told(self.leads, WHO[who], to, revision, seconds)
            return
        known.append((WHO[(who + how) % 3], len(known) + 1))
        await told(self.leads, WHO[who], *known[-1], seconds)

    async def _remember(self, seconds: int) -> None:
        moment = START + timedelta(seconds=seconds + 1)
        clock.be_wrong(0.0)
        clock.be_wrong((moment - now()).total_seconds())
        self.shown.append((self._step, await self.leads.get(SCORE)))


@settings(
    max_examples=HISTORIES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(STEPS, min_size=3, max_size=14))
async def test_what_was_shown_at_any_moment_is_the_score_as_of_it(
    leads: Leads, said: list[tuple[str, int, int, int]]
) -> None:
    await _empty(leads)
    history = Remembered(leads)
    for one in said:
        await history.say(*one)
    clock.be_wrong(0.0)
    for step, shown in history.shown:
        moment = shown["as_of"]
        again = await leads.get(SCORE, as_of=moment, known_at=moment)
        assert again == shown | {"known_at": moment}
        assert sum(part["points"] for part in again["parts"]) == again["score"]
        if not history.has_late(step):
            assert await leads.get(SCORE, as_of=moment) == shown


async def _empty(leads: Leads) -> None:
    """As it was when the fixture gave it."""
    tables = ", ".join(f"{{s}}.{name}" for name in ("activity", "traits", "belonging", "belonged"))
    pool, schema = leads.site.pool, leads.site.schema.name
    await pool.execute(f"TRUNCATE {tables}".replace("{s}", schema))
    await pool.execute(f"DELETE FROM {schema}.scorings WHERE version > 1")
