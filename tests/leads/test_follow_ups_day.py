"""A representative's day: in which order it is worth doing what there is to do."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.leads.commands import DefineScoring, MoveLead
from services.leads.decider import SCORING
from services.leads.decider.scoring import STREAM
from services.leads.follow_ups.api import documents
from services.leads.follow_ups.queries.day import Item
from services.leads.follow_ups.ranking import ranked
from shared import clock
from shared.clock import now, rfc3339
from shared.database import Pool
from shared.deciding.store import Origin
from tests.leads.answering import Leads, answering, defined
from tests.leads.examples import RULES, SALES
from tests.leads.following import (
    EIGHT,
    ONE,
    SEVEN,
    ago,
    ahead,
    begun,
    define,
    problem,
    send,
    tick,
    worth,
    written,
)
from tests.leads.test_api_documents import shape
from tests.leads.told import number


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales")
        await written(leads, define(ONE))
        yield leads


@pytest.fixture(autouse=True)
def clock_is_right_again() -> Iterator[None]:
    yield
    clock.be_wrong(0.0)


async def order(leads: Leads, **parameters: Any) -> list[int]:
    found = await leads.get("/v1/day", SEVEN, **parameters)
    return [int(each["lead"][-4:]) for each in found["due"]]


# --- the order


async def test_what_is_worth_most_comes_first(leads: Leads) -> None:
    for n, amount in enumerate([100, 30_000, 500], 1):
        await worth(leads, n, amount)
    await tick(leads)
    assert await order(leads) == [2, 3, 1]


async def test_worth_is_the_amount_times_the_probability_of_the_stage(leads: Leads) -> None:
    await worth(leads, 1, 1_000)
    await worth(leads, 2, 500)
    move = MoveLead(pipeline=SALES, stage="contacted", at=ago())  # 20 % instead of 5 %
    await leads.carry_out(number(2), move)
    await tick(leads)
    found = (await leads.get("/v1/day", SEVEN))["due"]
    assert [(each["lead"], each["probability"], each["expected"]) for each in found] == [
        (number(2), 20, 100),
        (number(1), 5, 50),
    ]


async def test_two_currencies_are_never_compared(leads: Leads) -> None:
    for n, (amount, currency) in enumerate(
        [(100, "EUR"), (900, "EUR"), (10_000, "GBP"), (5, "GBP"), (7, "EUR"), (10**9, "USD")], 1
    ):
        await worth(leads, n, amount, currency)
    await worth(leads, 7)
    await tick(leads)
    # the first of each: EUR has three, GBP two, USD one; then the second ones
    assert await order(leads) == [2, 3, 6, 1, 4, 5, 7]


async def test_of_equal_worth_who_scores_more_comes_first_then_who_is_due_earlier(
    leads: Leads,
) -> None:
    command = DefineScoring(rules=RULES, at=ago(days=9))
    await leads.handler.carry_out(
        SCORING, STREAM, command, Origin("service:app"), partitionkey=STREAM
    )
    for n, hours in ((1, 4), (2, 5), (3, 3), (4, 6)):
        await worth(leads, n, 0 if n != 4 else None, at=ago(hours=hours))
    await tick(leads)
    await leads.tell("quote.requested", "user:shop:3")
    found = await leads.get("/v1/day", SEVEN)
    assert [int(each["lead"][-4:]) for each in found["due"]] == [3, 2, 1, 4]
    explained = await leads.get(f"/v1/leads/{number(3)}/score", SEVEN)
    assert found["due"][0]["score"] == pytest.approx(explained["score"], rel=1e-3)
    assert found["due"][0]["grade"] == explained["grade"]


_ITEMS = st.lists(
    st.builds(
        lambda n, currency, value, due: Item(
            *(
                number(n),
                number(n),
                1,
                rfc3339(datetime(2026, 1, due, tzinfo=UTC)),
                currency,
                value,
                1,
            ),
            *(value if currency else None, 0, "{}"),
        ),
        st.integers(1, 99),
        st.sampled_from([None, "EUR", "GBP"]),
        st.integers(0, 3),
        st.integers(1, 3),
    ),
    max_size=20,
    unique_by=lambda each: each.lead,
)


@given(_ITEMS, st.dictionaries(st.integers(1, 99).map(number), st.integers(0, 2)), st.randoms())
def test_the_order_follows_from_what_is_in_it_alone(
    items: list[Item], scores: dict[str, int], shuffling: Any
) -> None:
    found = ranked(items, scores)
    shuffled = [*items]
    shuffling.shuffle(shuffled)
    assert ranked(shuffled, scores) == found
    assert sorted(found) == sorted(items)
    for currency in ("EUR", "GBP"):
        values = [each.hundredths or 0 for each in found if each.currency == currency]
        assert values == sorted(values, reverse=True)
    without = [each.currency is None for each in found]
    assert without == sorted(without)


# --- the day


async def test_a_day_has_what_is_due_what_comes_and_the_appointments(leads: Leads) -> None:
    noon = now().replace(hour=12, minute=0)
    clock.be_wrong((noon - now()).total_seconds())
    path = await worth(leads, 1, 100)
    await begun(leads, 2, at=ago(hours=1))
    body = {"title": "Meet", "from": ahead(hours=1), "to": ahead(hours=2)}
    assert (await send(leads, f"{path}/appointments", body)).status_code == 201
    tomorrow = {"title": "Then", "from": ahead(days=1), "to": ahead(days=1, hours=1)}
    await send(leads, f"{path}/appointments", tomorrow)
    await tick(leads)
    found = await leads.get("/v1/day", SEVEN)
    assert [each["lead"] for each in found["due"]] == [number(1)]
    assert [each["lead"] for each in found["later"]] == [number(2)]
    assert [each["title"] for each in found["appointments"]] == ["Meet"]
    assert found["more"] is False
    assert shape(found) == shape(documents.DAY)
    next_day = (now() + timedelta(days=1)).date().isoformat()
    found = await leads.get("/v1/day", SEVEN, date=next_day)
    assert {each["lead"] for each in found["due"]} == {number(1), number(2)}
    assert [each["title"] for each in found["appointments"]] == ["Then"]


async def test_what_is_done_and_what_is_somebody_elses_is_not_in_it(leads: Leads) -> None:
    await worth(leads, 1)
    await worth(leads, 2, owner=EIGHT)
    await tick(leads)
    assert await order(leads) == [1]
    await send(leads, f"/v1/leads/{number(1)}/follow-ups/1/done", version=2)
    assert await order(leads) == []


async def test_a_service_names_whose_day_and_nobody_sees_anothers(leads: Leads) -> None:
    await worth(leads, 1)
    found = await leads.get("/v1/day", representative=SEVEN)
    assert [each["lead"] for each in found["due"]] == [number(1)]
    for who, parameters, code in [
        ("service:app", {}, "required"),
        (SEVEN, {"representative": EIGHT}, "not_yours"),
    ]:
        answer = await leads.ask("/v1/day", who, **parameters)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == code
    assert (await leads.get("/v1/day", SEVEN, representative=SEVEN))["representative"] == SEVEN


async def test_a_day_is_as_long_as_it_is_there(leads: Leads) -> None:
    zone = ZoneInfo("Europe/London")
    day, end = date(now().year + 1, 3, 31), timedelta(days=366)
    day -= timedelta(days=(day.weekday() + 1) % 7)  # the last Sunday of March: 23 hours
    if not timedelta(0) < day - now().date() < end:
        day = date(now().year, 3, 31)
        day -= timedelta(days=(day.weekday() + 1) % 7)
    found = await leads.get("/v1/day", SEVEN, date=day.isoformat(), time_zone="Europe/London")
    since, until = (datetime.fromisoformat(found[name]) for name in ("from", "to"))
    assert since.astimezone(zone).date() == day
    assert until - since == timedelta(hours=23)


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({"time_zone": "Mars/Base"}, "/query/time_zone"),
        ({"time_zone": "../etc/passwd"}, "/query/time_zone"),
        ({"date": "2026-02-30"}, "/query/date"),
        ({"date": "1999-01-01"}, "/query/date"),
        ({"date": "2999-01-01"}, "/query/date"),
        ({"day": "2026-01-01"}, "/query/day"),
    ],
)
async def test_a_day_that_is_none_is_refused(
    leads: Leads, parameters: dict[str, str], pointer: str
) -> None:
    answer = await leads.ask("/v1/day", SEVEN, **parameters)
    assert problem(answer)[0::2] == (422, [pointer])
