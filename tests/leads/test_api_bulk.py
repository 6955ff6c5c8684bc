"""One command to many leads, each with a result of its own."""

from collections.abc import AsyncIterator

import pytest

from shared.database import Pool
from tests.leads.answering import Leads, answering, defined
from tests.leads.asking import captured, send, teams

ME = "representative:7"


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales", "partner")
        yield leads


async def test_each_lead_has_a_result_of_its_own_in_order(leads: Leads) -> None:
    some = [(await captured(leads, n, owner=ME))["id"] for n in range(4)]
    nobody = "00000000-0000-7000-8000-000000000000"
    items = [
        {"id": some[0], "version": 1, "stage": "contacted"},
        {"id": some[1], "version": 7, "stage": "contacted"},
        {"id": nobody, "version": 1, "stage": "contacted"},
        {"id": some[2], "version": 1, "stage": "nowhere"},
        {"id": some[3], "version": 1, "stage": "offer"},
    ]
    answer = await send(leads, "/v1/leads/move", {"items": items})
    assert answer.status_code == 200, answer.text
    found = answer.json()["data"]
    assert [each["id"] for each in found] == [each["id"] for each in items]
    assert [each["status"] for each in found] == [200, 412, 404, 422, 409]
    assert [each.get("version") for each in found] == [2, 1, None, 1, 1]
    assert found[0]["position"].startswith("leads.events/")
    assert [each["errors"][0]["pointer"] for each in found[3:]] == [
        "/items/3/stage",
        "/items/4/amount",
    ]
    stages = [(await leads.get(f"/v1/leads/{id}"))["stage"] for id in some]
    assert stages == ["contacted", "new", "new", "new"]


async def test_a_lead_that_is_named_twice_is_worked_on_in_order(leads: Leads) -> None:
    id = (await captured(leads, 1))["id"]
    items = [
        {"id": id, "version": 1, "owner": ME, "reason": "near"},
        {"id": id, "version": 2, "owner": "representative:8", "reason": "nearer"},
        {"id": id, "version": 1, "owner": "representative:9", "reason": "too late"},
    ]
    found = (await send(leads, "/v1/leads/assign", {"items": items})).json()["data"]
    assert [(each["status"], each["version"]) for each in found] == [(200, 2), (200, 3), (412, 3)]
    assert (await leads.get(f"/v1/leads/{id}"))["owner"] == "representative:8"


async def test_the_same_request_again_has_the_same_results_and_no_effect(leads: Leads) -> None:
    some = [(await captured(leads, n))["id"] for n in range(30)]
    body = {"items": [{"id": id, "version": 1, "reason": "price"} for id in some]}
    first = await send(leads, "/v1/leads/lose", body, Idempotency_Key="all")
    again = await send(leads, "/v1/leads/lose", body, Idempotency_Key="all")
    assert {each["status"] for each in first.json()["data"]} == {200}
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert {(await leads.get(f"/v1/leads/{id}"))["version"] for id in some} == {2}


async def test_a_team_works_on_the_leads_of_its_members_and_on_no_others(leads: Leads) -> None:
    some = [(await captured(leads, n, owner=f"representative:{n}"))["id"] for n in (7, 8)]
    body = {"items": [{"id": id, "version": 1, "reason": "price"} for id in some]}
    alone = (await send(leads, "/v1/leads/lose", body, ME)).json()["data"]
    assert [each["status"] for each in alone] == [200, 404]
    await teams(leads, north=[ME, "representative:8"])
    both = (await send(leads, "/v1/leads/lose", body, ME)).json()["data"]
    assert [each["status"] for each in both] == [412, 200]


async def test_what_is_no_list_of_leads_is_refused_whole(leads: Leads) -> None:
    item = {"id": "00000000-0000-7000-8000-000000000000", "version": 1, "stage": "offer"}
    wrong = [
        [],
        [item] * 201,
        [item | {"version": 0}],
        [item | {"id": "x"}],
        [item | {"surprise": 1}],
        [{"id": item["id"], "version": 1}],
        [item | {"version": 2**40}],
    ]
    for items in wrong:
        answer = await send(leads, "/v1/leads/move", {"items": items})
        assert answer.status_code == 422, items[:1]
        assert answer.json()["errors"][0]["pointer"].startswith("/items")
