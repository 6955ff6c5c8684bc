"""From a touch point to a sale: an inquiry opens a lead, people work on it, all of it provable."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from shared import database
from tests.system.running import System
from tests.waiting import until

JANE = {"kind": "email", "value": "jane@example.com"}


def told(id: str, type_: str, *identifiers: dict[str, str], **data: Any) -> dict[str, Any]:
    """An interaction on the web site, of somebody with these identifiers."""
    named = {"channel": "web", "direction": "inbound", "identifiers": identifiers}
    return {"type": type_, "source": "/web/shop", "id": id, "data": named | data}


class Sales:
    """What a sales application sees of a system."""

    def __init__(self, system: System, pool: database.Pool, client: httpx.Client) -> None:
        self.system = system
        self.pool = pool
        self.client = client

    def tell(self, *events: dict[str, Any]) -> None:
        for event in events:
            answer = self.system.post(event)
            assert answer.status_code == 202, answer.text

    def get(self, path: str, **query: str) -> Any:
        answer = self.client.get(path, params=query, headers=self.system.key("read"))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def looked_at(self, number: int) -> None:
        """Wait until policies have looked at so many interactions."""

        async def done() -> bool:
            return bool(await self.pool.fetchval("SELECT count(*) FROM inbox") >= number)

        await until(done, what=f"{number} interactions are looked at")

    async def streams(self) -> list[str]:
        """The leads there are, in the order in which they began."""
        sql = "SELECT stream FROM events WHERE type = 'lead.captured' ORDER BY position"
        return [str(row["stream"]) for row in await self.pool.fetch(sql)]

    def command(self, id: str, name: str, version: int | None, **body: Any) -> httpx.Response:
        headers = self.system.key("write")
        if version is not None:
            headers |= {"If-Match": f'"{version}"'}
        return self.client.post(f"/v1/leads/{id}/{name}", json=body, headers=headers)

    def put(self, path: str, version: int, body: dict[str, Any]) -> httpx.Response:
        headers = self.system.key("write") | {"If-Match": f'"{version}"'}
        return self.client.put(path, json=body, headers=headers)

    def capture(self, *identifiers: dict[str, str], key: str = "", **body: Any) -> httpx.Response:
        headers = self.system.key("write") | ({"Idempotency-Key": key} if key else {})
        asked = {"title": "Wants chairs", "source": "/partner/form", "channel": "partner"}
        content = asked | body | {"identifiers": identifiers}
        return self.client.post("/v1/leads", json=content, headers=headers)


@pytest.fixture
async def sales(system: System) -> AsyncIterator[Sales]:
    url = database.service_url(system.settings["RAPPORT_DATABASE"], "leads")
    pool = await database.connect(url, size=2)
    with httpx.Client(base_url=system.url, timeout=10.0) as client:
        yield Sales(system, pool, client)
    pool.terminate()


async def test_an_inquiry_opens_a_lead_and_a_second_one_joins_it(sales: Sales) -> None:
    asked = told("q1", "quote.requested", JANE, product="CHAIR-7")
    sales.tell(asked, told("q2", "form.submitted", JANE, form="contact"), asked)
    await sales.looked_at(2)
    [id] = await sales.streams()
    lead = sales.get(f"/v1/leads/{id}")
    assert (lead["pipeline"], lead["stage"], lead["state"]) == ("sales", "new", "open")
    assert (lead["product"], lead["source"], lead["inquiries"]) == ("CHAIR-7", "/web/shop", 2)


async def test_a_lead_is_worked_on_and_won(sales: Sales) -> None:
    [id] = await sales.streams()
    assert sales.command(id, "move", None, stage="qualified").status_code == 428
    assert sales.command(id, "move", 1, stage="qualified").status_code == 412
    version = sales.get(f"/v1/leads/{id}")["version"]
    refused = sales.command(id, "move", version, stage="qualified")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (409, "/owner")
    given = sales.command(id, "assign", version, owner="representative:7", reason="knows her")
    moved = sales.command(id, "move", given.json()["version"], stage="qualified")
    assert (moved.status_code, moved.json()["stage"]) == (200, "qualified")
    won = sales.command(id, "win", moved.json()["version"], amount=39800, currency="EUR")
    assert won.json()["won"] == {"amount": 39800, "currency": "EUR"}
    again = sales.command(id, "win", won.json()["version"], amount=1, currency="EUR")
    assert (again.status_code, again.json()["code"]) == (409, "lead_won")


async def test_a_key_and_body_sent_again_begin_one_lead(sales: Sales) -> None:
    who = {"kind": "phone", "value": "+442079460958"}
    first = sales.capture(who, key="k1")
    assert first.status_code == 201
    second = sales.capture(who, key="k1")
    assert second.headers["idempotency-replayed"] == "true"
    assert second.json() == first.json()
    assert sales.capture(who, key="k1", title="Another").status_code == 422


async def test_an_inquiry_before_the_log_in_and_one_after_it_are_one_lead(sales: Sales) -> None:
    device, user = {"kind": "device", "value": "tablet-1"}, {"kind": "user", "value": "77"}
    before = sales.capture(device)
    assert before.status_code == 201
    sales.tell(told("p1", "page.viewed", device, user))
    await until(
        lambda: sales.pool.fetchval("SELECT EXISTS (SELECT FROM belonging)"),
        what="leads is told whose the device is",
    )
    after = sales.capture(user)
    assert (after.status_code, after.json()["id"]) == (200, before.json()["id"])


async def test_a_lead_goes_to_whoever_gets_its_region(sales: Sales) -> None:
    rules = [{"id": "north", "team": "north", "countries": ["NL"]}]
    teams = {"north": [{"representative": "representative:9", "capacity": 1}]}
    assert sales.put("/v1/routing", 0, {"rules": rules, "teams": teams}).status_code == 200
    there = {"Country": "nl", "Wants": "20 chairs"}
    for number, name in enumerate(("fay", "gus")):
        who = {"kind": "email", "value": f"{name}@example.com"}
        sales.tell(told(f"n{number}", "form.submitted", who, form="contact", fields=there))

    async def owners() -> bool:
        found = [sales.get(f"/v1/leads/{id}") for id in await sales.streams()]
        theirs = [each["owner"] for each in found if each["fields"].get("wants") == "20 chairs"]
        return sorted(theirs, key=str) == [None, "representative:9"]

    await until(owners, what="one is given, and there is no room for the other")


async def test_leads_in_a_removed_stage_follow_the_pipeline(sales: Sales) -> None:
    lead = sales.capture({"kind": "user", "value": "88"}, pipeline="win-back").json()
    stages = [{"name": "gone", "probability": 5}, {"name": "offered", "probability": 35}]
    body = {"stages": stages, "reasons": ["price"]}
    unmapped = sales.put("/v1/pipelines/win-back", 1, body)
    assert unmapped.status_code == 422
    assert {e["pointer"] for e in unmapped.json()["errors"]} >= {"/moved/lapsed"}
    moved = {"lapsed": "gone", "contacted": "gone"}
    changed = sales.put("/v1/pipelines/win-back", 1, body | {"moved": moved})
    assert changed.status_code == 200, changed.text
    await until(
        lambda: sales.get(f"/v1/leads/{lead['id']}")["stage"] == "gone", what="the lead follows"
    )


async def test_what_is_decided_can_be_followed(sales: Sales) -> None:
    found = sales.get("/v1/leads/changes", limit="200", category="lead")["data"]
    told_in_order = [each["sequence"] for each in found]
    assert told_in_order == sorted(told_in_order)
    assert len(told_in_order) > 10
    headers = sales.system.key("read") | {"Accept": "text/event-stream"}
    with sales.client.stream("GET", "/v1/leads/changes", headers=headers) as stream:
        lines = (line for line in stream.iter_lines() if line.startswith("data: "))
        first = json.loads(next(lines).removeprefix("data: "))
    assert first["type"] == "pipeline.defined"


async def test_a_representative_sees_its_own_leads_alone(sales: Sales) -> None:
    words = ("keys", "create", "rep7", "--scope", "read", "--principal", "representative:7")
    made = await asyncio.to_thread(sales.system.rapport, *words, "--json")
    key = {"Authorization": f"Bearer {json.loads(made.stdout)['secret']}"}
    await until(
        lambda: sales.client.get("/v1/leads", headers=key).status_code == 200,
        what="the key is known",
    )
    whole = {id: sales.get(f"/v1/leads/{id}") for id in await sales.streams()}
    mine = {id for id, lead in whole.items() if lead["owner"] == "representative:7"}
    assert mine
    assert mine != whole.keys()
    for id in whole:
        answer = sales.client.get(f"/v1/leads/{id}", headers=key)
        assert answer.status_code == (200 if id in mine else 404)
    listed = sales.client.get("/v1/leads", headers=key).json()["data"]
    assert {each["id"] for each in listed} == mine
    changes = sales.client.get("/v1/leads/changes", headers=key, params={"limit": "200"})
    assert {each["stream"] for each in changes.json()["data"]} == mine


async def test_its_view_is_rebuilt_and_proven(sales: Sales) -> None:
    for words in (("verify", "leads"), ("rebuild", "leads"), ("verify", "leads")):
        ended = await asyncio.to_thread(sales.system.rapport, *words)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    said = await asyncio.to_thread(sales.system.rapport, "status", "--json")
    status = json.loads(said.stdout)
    [leads] = [each for each in status["services"] if each["service"] == "leads"]
    assert "leads_policies_1_1" in {schema["schema"] for schema in leads["schemas"]}
