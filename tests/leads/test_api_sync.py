"""What a device did offline is carried out once, and what changed meanwhile is told."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from shared.clock import now, rfc3339
from shared.database import Pool
from tests.leads.answering import Leads, answering, defined
from tests.leads.asking import captured, send

ME = "representative:7"


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales", "partner")
        yield leads


def command(id: str, lead: str, kind: str, version: int | None = 1, **body: Any) -> dict[str, Any]:
    made = rfc3339(now() - timedelta(hours=2))
    return {"id": id, "lead": lead, "kind": kind, "version": version, "made": made, "body": body}


def visit(id: str, lead: str, **fields: Any) -> dict[str, Any]:
    report = {"text": "Saw the kitchen.", "outcome": "interested", **fields}
    return command(id, lead, "visit", None, **report)


async def sync(leads: Leads, *commands: Any, who: str = ME, **fields: Any) -> Any:
    body = {"device": "tablet", "commands": [*commands], **fields}
    answer = await send(leads, "/v1/leads/sync", body, who)
    assert answer.status_code == 200, answer.text
    return answer.json()


def said(found: Any) -> list[tuple[str, int]]:
    return [(each["outcome"], each["status"]) for each in found["results"]]


async def test_commands_to_one_lead_build_on_one_another(leads: Leads) -> None:
    lead = (await captured(leads, 1, owner=ME))["id"]
    found = await sync(
        leads,
        command("1", lead, "describe", amount=500, currency="EUR", fields={"budget": 9}),
        visit("2", lead),
        command("3", lead, "move", stage="offer"),
        command("4", lead, "win"),
    )
    assert said(found) == [("done", 200)] * 4
    assert [each["version"] for each in found["results"]] == [2, 3, 4, 5]
    there = await leads.get(f"/v1/leads/{lead}")
    assert (there["state"], there["won"]) == ("won", {"amount": 500, "currency": "EUR"})


async def test_what_others_changed_is_a_conflict_and_what_builds_on_it_is_refused(
    leads: Leads,
) -> None:
    lead = (await captured(leads, 1, owner=ME))["id"]
    other = (await captured(leads, 2, owner=ME))["id"]
    body = {"title": "Pans"}
    assert (await send(leads, f"/v1/leads/{lead}", body, version=1, method="PATCH")).is_success
    found = await sync(
        leads,
        command("1", lead, "move", stage="contacted"),
        command("2", lead, "lose", reason="price"),
        visit("3", lead),
        command("4", other, "move", stage="contacted"),
    )
    assert said(found) == [("conflict", 412), ("refused", 424), ("done", 200), ("done", 200)]
    assert found["results"][0]["present"]["title"] == "Pans"
    assert found["results"][0]["present"]["version"] == 2
    assert found["results"][1]["builds_on"] == "1"


async def test_what_the_rules_refuse_says_why_and_hurts_no_other_lead(leads: Leads) -> None:
    one, other = [(await captured(leads, n, owner=ME))["id"] for n in (1, 2)]
    found = await sync(
        leads,
        command("1", one, "move", stage="nowhere"),
        command("2", one, "win", amount=1, currency="EUR"),
        command("3", other, "lose", reason="price"),
        command("4", "00000000-0000-7000-8000-000000000000", "lose", reason="price"),
    )
    assert [each["status"] for each in found["results"]] == [422, 424, 200, 404]
    assert found["results"][0]["errors"][0]["pointer"] == "/commands/0/body/stage"


async def test_a_batch_that_is_sent_again_has_the_same_results_and_no_effect(leads: Leads) -> None:
    lead = (await captured(leads, 1, owner=ME))["id"]
    batch = [
        visit("1", lead),
        command("2", lead, "move", stage="contacted"),
        command("3", lead, "move", stage="nowhere"),
        command("4", lead, "lose", reason="price"),
    ]
    first = await sync(leads, *batch)
    assert [each["status"] for each in first["results"]] == [200, 200, 422, 424]
    assert (await sync(leads, *batch))["results"] == first["results"]
    assert (await sync(leads, batch[1]))["results"] == first["results"][1:2]
    assert (await leads.get(f"/v1/leads/{lead}"))["version"] == 3
    fresh = command("5", lead, "lose", 3, reason="price")
    assert said(await sync(leads, batch[0], fresh)) == [("done", 200)] * 2


async def test_what_was_done_is_known_also_where_its_answer_was_lost(leads: Leads) -> None:
    lead = (await captured(leads, 1, owner=ME))["id"]
    batch = [visit("1", lead), command("2", lead, "move", stage="contacted")]
    first = await sync(leads, *batch)
    await leads.site.pool.execute("DELETE FROM idempotency")
    assert (await sync(leads, *batch))["results"] == first["results"]
    assert (await leads.get(f"/v1/leads/{lead}"))["version"] == 3


async def test_an_id_is_one_commands_and_a_devices_own(leads: Leads) -> None:
    lead = (await captured(leads, 1, owner=ME))["id"]
    await sync(leads, visit("1", lead))
    again = await sync(leads, visit("1", lead, place="Leeds"))
    assert again["results"][0]["code"] == "id_taken"
    assert said(await sync(leads, visit("1", lead), device="telephone")) == [("done", 200)]


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"made": "2999-01-01T00:00:00Z"}, "/commands/0/made"),
        ({"made": "2020-01-01T00:00:00Z"}, "/commands/0/made"),
        ({"made": "yesterday"}, "/commands/0/made"),
        ({"kind": "paint"}, "/commands/0/kind"),
        ({"version": None}, "/commands/0/version"),
        ({"version": 0}, "/commands/0/version"),
        ({"body": {"stage": ""}}, "/commands/0/body/stage"),
        ({"body": {"stage": "offer", "surprise": 1}}, "/commands/0/body/surprise"),
        ({"surprise": 1}, "/commands/0/surprise"),
        ({"id": "with blanks"}, "/commands/0/id"),
    ],
    ids=str,
)
async def test_a_wrong_command_is_pointed_to_and_breaks_its_own_chain_alone(
    leads: Leads, given: dict[str, Any], pointer: str
) -> None:
    lead, other = [(await captured(leads, n, owner=ME))["id"] for n in (1, 2)]
    wrong = command("1", lead, "move", stage="contacted") | given
    found = await sync(leads, wrong, command("2", lead, "lose", reason="price"), visit("3", other))
    assert [each["status"] for each in found["results"]] == [422, 424, 200]
    assert found["results"][0]["errors"][0]["pointer"] == pointer


async def test_it_happened_when_the_device_says_but_not_before_the_lead_came_there(
    leads: Leads,
) -> None:
    long_ago = rfc3339(now() - timedelta(days=40))
    lead = await captured(leads, 1, owner=ME)
    sent = visit("1", lead["id"])
    await sync(leads, sent)
    await leads.settle()
    told = (await leads.get(f"/v1/leads/{lead['id']}/history"))["data"][-1]
    assert (told["type"], told["time"]) == ("lead.visited", lead["captured"])
    assert long_ago < told["time"]
    assert told["data"]["outcome"] == "interested"


async def test_changes_are_told_page_by_page_as_far_as_they_are_seen(leads: Leads) -> None:
    mine = (await captured(leads, 1, owner=ME))["id"]
    await captured(leads, 2, owner="representative:8")
    found = (await sync(leads, visit("1", mine), after="0", limit=1))["changes"]
    pages: list[Any] = []
    while len(pages) < 2:
        pages += found["data"]
        found = (await sync(leads, after=found["next"], limit=1))["changes"]
    assert [(each["type"], each["stream"]) for each in pages] == [
        ("lead.captured", mine),
        ("lead.visited", mine),
    ]
    latest = await sync(leads, visit("2", mine))
    assert latest["changes"]["data"] == [] or latest["changes"]["data"][0]["stream"] == mine
    after = await sync(leads, visit("3", mine), after=latest["changes"]["next"])
    assert after["changes"]["data"][-1]["type"] == "lead.visited"


async def test_a_position_that_there_is_not_is_refused_before_anything_is_done(
    leads: Leads,
) -> None:
    lead = (await captured(leads, 1, owner=ME))["id"]
    body = {"device": "tablet", "commands": [visit("1", lead)], "after": "999999"}
    assert (await send(leads, "/v1/leads/sync", body, ME)).status_code == 422
    assert (await leads.get(f"/v1/leads/{lead}"))["version"] == 1


async def test_a_visit_is_reported_also_of_a_lead_that_is_closed(leads: Leads) -> None:
    lead = (await captured(leads, 1))["id"]
    await send(leads, f"/v1/leads/{lead}/lose", {"reason": "price"}, version=1)
    report = {"text": "Said goodbye.", "outcome": "lost", "next_step": "Ask again in May."}
    answer = await send(leads, f"/v1/leads/{lead}/visits", report, version=2)
    assert (answer.status_code, answer.json()["state"]) == (200, "lost")
    wrong = await send(leads, f"/v1/leads/{lead}/visits", report | {"outcome": " "}, version=3)
    assert wrong.json()["errors"][0]["pointer"] == "/outcome"
