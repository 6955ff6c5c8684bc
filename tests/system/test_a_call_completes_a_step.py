"""From an inquiry to what there is to do about it: steps, reminders, the call that was made."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from shared import database
from tests.system.running import System
from tests.system.test_an_inquiry_becomes_a_lead import Sales, told
from tests.waiting import until

MARY = {"kind": "email", "value": "mary.step@example.com"}
PHONE = {"kind": "phone", "value": "+442079460123"}
ME = "representative:steps"
NOW = {"title": "At once", "steps": [{"id": "call", "title": "Call now", "kind": "call"}]}


@pytest.fixture
async def sales(system: System) -> AsyncIterator[Sales]:
    url = database.service_url(system.settings["RAPPORT_DATABASE"], "leads")
    pool = await database.connect(url, size=2)
    with httpx.Client(base_url=system.url, timeout=10.0) as client:
        yield Sales(system, pool, client)
    pool.terminate()


async def test_an_inquiry_is_followed_up(sales: Sales) -> None:
    made = sales.capture(MARY, PHONE, owner=ME, title="Wants steps")
    assert made.status_code == 201, made.text
    id = made.json()["id"]

    async def steps(part: str, number: int) -> bool:
        return len(sales.get(f"/v1/leads/{id}/follow-ups")[part]) == number

    await until(lambda: steps("steps", 3), what="the first contact is started")
    sales.tell(told("mary-1", "call.placed", PHONE, MARY, employee="e-7"))
    await until(lambda: steps("settled", 1), what="the call completes the step")
    [call] = sales.get(f"/v1/leads/{id}/follow-ups")["settled"]
    assert (call["id"], call["state"], call["by"]) == ("call", "done", "e-7")


async def test_what_is_due_is_told_and_stands_in_the_calendar(sales: Sales) -> None:
    made = sales.capture(
        {"kind": "email", "value": "ann.step@example.com"}, owner=ME, title="Wants a calendar"
    )
    id, write = made.json()["id"], sales.system.key("write")
    assert sales.client.put("/v1/sequences/at-once", json=NOW, headers=write).status_code == 200
    started = sales.command(id, "follow-ups", None, sequence="at-once")
    assert started.status_code == 201, started.text
    found: list[Any] = []

    async def due() -> bool:
        query = {"filter[lead][eq]": id, "filter[state][eq]": "due"}
        found[:] = sales.get("/v1/follow-ups", **query)["data"]
        return len(found) == 1

    await until(due, what="the step falls due")
    assert found[0]["title"] == "Call now"
    day = sales.get("/v1/day", representative=ME)
    assert "Call now" in [each["title"] for each in day["due"]]
    body = {"title": "Phone", "representative": ME}
    opened = sales.client.post("/v1/calendars", json=body, headers=write)
    url = opened.json()["url"]
    read = sales.client.get(url)
    assert (read.status_code, read.headers["content-type"][:13]) == (200, "text/calendar")
    assert "SUMMARY:Call now" in read.text
    path = f"/v1/calendars/{opened.json()['calendar']}"
    sales.client.delete(path, params={"representative": ME}, headers=write)
    assert sales.client.get(url).status_code == 404
