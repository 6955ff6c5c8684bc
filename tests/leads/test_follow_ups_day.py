"""A representative's day, and the same as a calendar to subscribe to."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.leads.commands import DefineScoring, MoveLead
from services.leads.decider import SCORING
from services.leads.decider.scoring import STREAM
from services.leads.follow_ups.api import calendars, documents
from services.leads.follow_ups.queries.day import Item
from services.leads.follow_ups.ranking import ranked
from services.leads.follow_ups.rates import Rates, TooOften
from shared import clock
from shared.clock import now, rfc3339
from shared.database import Pool
from shared.deciding.store import Origin
from tests.leads.answering import Leads, answering, defined
from tests.leads.examples import RULES, SALES
from tests.leads.following import FIRST, define, tick, written
from tests.leads.test_api_documents import shape
from tests.leads.test_follow_ups_api import ME, OTHER, ago, ahead, begun, problem, send
from tests.leads.told import number

ONE = replace(FIRST, steps=FIRST.steps[:1], ends="closed")
"""One call, two hours after a lead comes."""


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


async def worth(
    leads: Leads, n: int, amount: int | None = None, currency: str = "EUR", **fields: Any
) -> str:
    """The nth lead, of which a call is due."""
    money: dict[str, Any] = {} if amount is None else {"amount": amount, "currency": currency}
    return await begun(leads, n, **({"at": ago(hours=3)} | money | fields))


async def order(leads: Leads, **parameters: Any) -> list[int]:
    found = await leads.get("/v1/day", ME, **parameters)
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
    found = (await leads.get("/v1/day", ME))["due"]
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
    found = await leads.get("/v1/day", ME)
    assert [int(each["lead"][-4:]) for each in found["due"]] == [3, 2, 1, 4]
    explained = await leads.get(f"/v1/leads/{number(3)}/score", ME)
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
    path = await worth(leads, 1, 100)
    noon = now().replace(hour=12, minute=0)
    clock.be_wrong((noon - now()).total_seconds())
    await begun(leads, 2, at=ago(hours=1))
    body = {"title": "Meet", "from": ahead(hours=1), "to": ahead(hours=2)}
    assert (await send(leads, f"{path}/appointments", body)).status_code == 201
    tomorrow = {"title": "Then", "from": ahead(days=1), "to": ahead(days=1, hours=1)}
    await send(leads, f"{path}/appointments", tomorrow)
    await tick(leads)
    found = await leads.get("/v1/day", ME)
    assert [each["lead"] for each in found["due"]] == [number(1)]
    assert [each["lead"] for each in found["later"]] == [number(2)]
    assert [each["title"] for each in found["appointments"]] == ["Meet"]
    assert found["more"] is False
    assert shape(found) == shape(documents.DAY)
    next_day = (now() + timedelta(days=1)).date().isoformat()
    found = await leads.get("/v1/day", ME, date=next_day)
    assert {each["lead"] for each in found["due"]} == {number(1), number(2)}
    assert [each["title"] for each in found["appointments"]] == ["Then"]


async def test_what_is_done_and_what_is_somebody_elses_is_not_in_it(leads: Leads) -> None:
    await worth(leads, 1)
    await worth(leads, 2, owner=OTHER)
    await tick(leads)
    assert await order(leads) == [1]
    await send(leads, f"/v1/leads/{number(1)}/follow-ups/1/done", version=2)
    assert await order(leads) == []


async def test_a_service_names_whose_day_and_nobody_sees_anothers(leads: Leads) -> None:
    await worth(leads, 1)
    found = await leads.get("/v1/day", representative=ME)
    assert [each["lead"] for each in found["due"]] == [number(1)]
    for who, parameters, code in [
        ("service:app", {}, "required"),
        (ME, {"representative": OTHER}, "not_yours"),
    ]:
        answer = await leads.ask("/v1/day", who, **parameters)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == code
    assert (await leads.get("/v1/day", ME, representative=ME))["representative"] == ME


async def test_a_day_is_as_long_as_it_is_there(leads: Leads) -> None:
    zone = ZoneInfo("Europe/London")
    day, end = date(now().year + 1, 3, 31), timedelta(days=366)
    day -= timedelta(days=(day.weekday() + 1) % 7)  # the last Sunday of March: 23 hours
    if not timedelta(0) < day - now().date() < end:
        day = date(now().year, 3, 31)
        day -= timedelta(days=(day.weekday() + 1) % 7)
    found = await leads.get("/v1/day", ME, date=day.isoformat(), time_zone="Europe/London")
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
    answer = await leads.ask("/v1/day", ME, **parameters)
    assert problem(answer)[0::2] == (422, [pointer])


# --- calendars


@pytest.fixture(autouse=True)
def rates_are_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendars, "_known", Rates(5))
    monkeypatch.setattr(calendars, "_unknown", Rates(5))


async def opened(leads: Leads, who: str = ME, **body: Any) -> dict[str, str]:
    """A calendar, and the path of its URL."""
    answer = await send(leads, "/v1/calendars", {"title": "Phone"} | body, who)
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()
    return found | {"path": found["url"].removeprefix("http://leads")}


def entries(body: bytes) -> dict[str, Any]:
    """The events of a calendar by their summary, as another reader understands it."""
    calendar = icalendar.Calendar.from_ical(body)
    return {str(each["summary"]): each for each in calendar.walk("VEVENT")}


async def test_a_calendar_is_read_without_a_key(leads: Leads) -> None:
    path = await worth(leads, 1)
    body = {"title": "Meet", "from": ahead(hours=1), "to": ahead(hours=2), "place": "Here, there"}
    await send(leads, f"{path}/appointments", body)
    one = await opened(leads)
    assert shape(one) == shape(documents.OPENED | {"path": ""})
    answer = await leads.client.get(one["path"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["cache-control"].startswith("private")
    found = entries(answer.content)
    assert found.keys() == {"Meet", "Call them"}
    meet, call = found["Meet"], found["Call them"]
    assert rfc3339(meet.decoded("dtstart")) == rfc3339(
        datetime.fromisoformat(body["from"]).replace(microsecond=0)
    )
    assert (meet["location"], meet["transp"], call["transp"]) == (
        *("Here, there", "OPAQUE"),
        "TRANSPARENT",
    )
    assert "Ask why." in call["description"]


async def test_entries_stay_the_same_and_say_when_they_changed(leads: Leads) -> None:
    path = await worth(leads, 1)
    body = {"title": "Meet", "from": ahead(hours=1), "to": ahead(hours=2)}
    made = await send(leads, f"{path}/appointments", body)
    one = await opened(leads)
    before = entries((await leads.client.get(one["path"])).content)["Meet"]
    appointment = made.json()["appointments"][0]["appointment"]
    clock.be_wrong(60)
    await send(
        *(leads, f"{path}/appointments/{appointment}/move", {"from": ahead(hours=3)}), version=2
    )
    after = entries((await leads.client.get(one["path"])).content)["Meet"]
    assert before["uid"] == after["uid"]
    assert (before["sequence"], after["sequence"]) == (0, 1)
    assert before.decoded("dtstamp") < after.decoded("dtstamp")
    await send(*(leads, f"{path}/appointments/{appointment}/cancel", {"reason": "Ill"}), version=3)
    assert "Meet" not in entries((await leads.client.get(one["path"])).content)


async def test_what_did_not_change_is_not_sent_again(leads: Leads) -> None:
    await worth(leads, 1)
    one = await opened(leads)
    tag = (await leads.client.get(one["path"])).headers["etag"]
    clock.be_wrong(3600)
    answer = await leads.client.get(one["path"], headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["cache-control"].startswith("private")
    await tick(leads)
    assert (await leads.client.get(one["path"], headers={"If-None-Match": tag})).status_code == 200


async def test_a_calendar_that_is_revoked_is_not_there_and_the_others_are(leads: Leads) -> None:
    one, two = await opened(leads), await opened(leads, title="Desk")
    listed = await leads.get("/v1/calendars", ME)
    assert [each["title"] for each in listed["data"]] == ["Phone", "Desk"]
    assert shape(listed) == shape(documents.CALENDARS)
    assert (await leads.get("/v1/calendars", OTHER))["data"] == []
    for _ in range(2):
        answer = await leads.client.delete(
            f"/v1/calendars/{one['calendar']}", headers=leads.headers(ME)
        )
        assert [each["title"] for each in answer.json()["data"]] == ["Desk"]
    assert (await leads.client.get(one["path"])).status_code == 404
    assert (await leads.client.get(two["path"])).status_code == 200


async def test_nobody_revokes_anothers(leads: Leads) -> None:
    one = await opened(leads)
    path = f"/v1/calendars/{one['calendar']}"
    await leads.client.delete(path, headers=leads.headers(OTHER))
    assert (await leads.client.get(one["path"])).status_code == 200
    answer = await leads.client.delete(path, headers=leads.headers("service:app"))
    assert answer.json()["errors"][0]["pointer"] == "/query/representative"
    named = {"representative": ME}
    await leads.client.delete(path, params=named, headers=leads.headers("service:app"))
    assert (await leads.client.get(one["path"])).status_code == 404


async def test_only_the_digest_of_a_token_is_kept(leads: Leads) -> None:
    one = await opened(leads, "service:app", representative=ME)
    token = one["path"].removeprefix("/v1/calendars/").removesuffix(".ics")
    assert len(token) == 43
    kept = await leads.site.pool.fetch("SELECT record AS kept FROM events")
    kept += await leads.site.pool.fetch("SELECT state AS kept FROM streams")
    assert not [row for row in kept if token.encode() in row["kept"]]


@pytest.mark.parametrize("token", ["x", "x" * 43, "x" * 200, "%00", "é" * 43, "a.b"])
async def test_a_token_that_nobody_was_told_is_a_404(leads: Leads, token: str) -> None:
    await opened(leads)
    answer = await leads.client.get(f"/v1/calendars/{token}.ics")
    assert answer.status_code == 404
    assert "x" * 43 not in answer.text


async def test_no_log_has_the_token(leads: Leads, caplog: pytest.LogCaptureFixture) -> None:
    one = await opened(leads)
    caplog.set_level("DEBUG")
    await leads.client.get(one["path"])
    token = one["path"].removeprefix("/v1/calendars/").removesuffix(".ics")
    mine = [each for each in caplog.records if not each.name.startswith("httpx")]
    assert not [each for each in mine if token in each.getMessage()]


async def test_a_calendar_is_not_read_all_the_time(leads: Leads) -> None:
    one = await opened(leads)
    answers = await asyncio.gather(*(leads.client.get(one["path"]) for _ in range(6)))
    assert sorted(each.status_code for each in answers) == [200] * 5 + [429]
    [often] = [each for each in answers if each.status_code == 429]
    assert int(often.headers["retry-after"]) >= 1
    unknown = [await leads.client.get("/v1/calendars/x.ics") for _ in range(6)]
    assert unknown[-1].status_code == 429
    other = await opened(leads)
    assert (await leads.client.get(other["path"])).status_code == 200


def test_after_a_while_it_may_be_read_again() -> None:
    moment = [0.0]
    rates = Rates(2, lambda: moment[0])
    for _ in range(2):
        rates.check("a")
    with pytest.raises(TooOften):
        rates.check("a")
    rates.check("b")
    moment[0] = 60.0
    rates.check("a")


async def test_somebody_has_so_many_calendars_at_most(leads: Leads) -> None:
    for n in range(20):
        await opened(leads, title=f"{n}")
    answer = await send(leads, "/v1/calendars", {"title": "one more"})
    assert problem(answer)[:2] == (409, "too_many")
