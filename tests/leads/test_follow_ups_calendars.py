"""Calendars to subscribe to: a revocable URL, which needs no key."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

import icalendar
import pytest

from services.leads.follow_ups.api import calendars, documents
from services.leads.follow_ups.rates import Met, Rates, TooOften
from shared import clock
from shared.clock import rfc3339
from shared.database import Pool
from tests.leads.answering import Leads, answering, defined
from tests.leads.following import (
    EIGHT,
    ONE,
    SEVEN,
    ahead,
    define,
    problem,
    send,
    tick,
    worth,
    written,
)
from tests.leads.test_api_documents import shape


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


@pytest.fixture(autouse=True)
def rates_are_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendars, "_known", Rates(5))
    monkeypatch.setattr(calendars, "_unknown", Rates(5))
    monkeypatch.setattr(calendars, "_met", Met())


async def opened(leads: Leads, who: str = SEVEN, **body: Any) -> dict[str, str]:
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
    listed = await leads.get("/v1/calendars", SEVEN)
    assert [each["title"] for each in listed["data"]] == ["Phone", "Desk"]
    assert shape(listed) == shape(documents.CALENDARS)
    assert (await leads.get("/v1/calendars", EIGHT))["data"] == []
    for _ in range(2):
        answer = await leads.client.delete(
            f"/v1/calendars/{one['calendar']}", headers=leads.headers(SEVEN)
        )
        assert [each["title"] for each in answer.json()["data"]] == ["Desk"]
    assert (await leads.client.get(one["path"])).status_code == 404
    assert (await leads.client.get(two["path"])).status_code == 200


async def test_nobody_revokes_anothers(leads: Leads) -> None:
    one = await opened(leads)
    path = f"/v1/calendars/{one['calendar']}"
    await leads.client.delete(path, headers=leads.headers(EIGHT))
    assert (await leads.client.get(one["path"])).status_code == 200
    answer = await leads.client.delete(path, headers=leads.headers("service:app"))
    assert answer.json()["errors"][0]["pointer"] == "/query/representative"
    named = {"representative": SEVEN}
    await leads.client.delete(path, params=named, headers=leads.headers("service:app"))
    assert (await leads.client.get(one["path"])).status_code == 404


async def test_only_the_digest_of_a_token_is_kept(leads: Leads) -> None:
    one = await opened(leads, "service:app", representative=SEVEN)
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
    for verb in ("GET", "HEAD", "OPTIONS", "POST", "DELETE"):
        await leads.client.request(verb, one["path"], headers=leads.headers("service:app"))
    await leads.client.get(one["path"].removesuffix(".ics"))
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


async def test_guessing_costs_no_look_at_the_database_and_hurts_nobody_who_was_told(
    leads: Leads,
) -> None:
    one = await opened(leads)
    guesses = [f"/v1/calendars/{n:043}.ics" for n in range(6)]
    answers = [await leads.client.get(path) for path in guesses]
    assert [each.status_code for each in answers] == [404] * 5 + [429]
    async with leads.site.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE claims, streams IN ACCESS EXCLUSIVE MODE")
        async with asyncio.timeout(5):
            assert (await leads.client.get(guesses[5])).status_code == 429
    assert (await leads.client.get(one["path"])).status_code == 200


async def test_one_that_was_revoked_is_guessed_from_then_on(leads: Leads) -> None:
    one = await opened(leads)
    assert (await leads.client.get(one["path"])).status_code == 200
    path = f"/v1/calendars/{one['calendar']}"
    await leads.client.delete(path, headers=leads.headers(SEVEN))
    answers = [await leads.client.get(one["path"]) for _ in range(7)]
    assert {each.status_code for each in answers} == {404, 429}


async def test_no_title_makes_lines_of_its_own(leads: Leads) -> None:
    path = await worth(leads, 1)
    title = "A; b, c\\n\r\nATTENDEE:mailto:x@example.com\rX\u2028Y\u0085Z\x0bW"
    body = {"title": title, "from": ahead(hours=1), "to": ahead(hours=2), "place": title}
    made = await send(leads, f"{path}/appointments", body)
    assert made.status_code == 201, made.text
    one = await opened(leads, title=title)
    content = (await leads.client.get(one["path"])).content
    assert len(content.decode().splitlines()) == content.count(b"\r\n")
    assert not [line for line in content.split(b"\r\n") if line.startswith(b"ATTENDEE")]
    [said] = [name for name in entries(content) if name.startswith("A;")]
    assert said == "A; b, c\\n\nATTENDEE:mailto:x@example.com\nX\nY\nZ\nW"


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


def test_so_many_are_known_as_were_met_last() -> None:
    met = Met(2)
    for name in ("a", "b", "a", "c"):
        met.remember(name)
    assert [name in met for name in "abc"] == [True, False, True]
    met.forget("a")
    assert "a" not in met


async def test_somebody_has_so_many_calendars_at_most(leads: Leads) -> None:
    for n in range(20):
        await opened(leads, title=f"{n}")
    answer = await send(leads, "/v1/calendars", {"title": "one more"})
    assert problem(answer)[:2] == (409, "too_many")
