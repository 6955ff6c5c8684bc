"""Prospects over HTTP: kept, found, put off, barred, promoted."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.leads.api.context import EVENTS
from services.leads.commands import LoseLead
from shared.database import Pool
from tests.leads.answering import Leads, answering, defined
from tests.leads.examples import SALES
from tests.leads.prospecting import item, post, put, scored
from tests.records import at, subject

LATER = "2999-03-01"


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales", "win-back")
        yield leads


async def keep(leads: Leads, n: int = 1, **changes: Any) -> Any:
    answer = await post(leads, "/v1/prospects", item(n, **changes))
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


async def do(leads: Leads, found: Any, what: str, version: int | None = None, **body: Any) -> Any:
    path = f"/v1/prospects/{found['id']}/{what}"
    return await post(leads, path, body, version=version or found["version"])


# --- one prospect


async def test_a_prospect_is_kept_and_shown(leads: Leads) -> None:
    found = await keep(leads, organisation="Doe & Co", fields={"seats": 20}, come_back=LATER)
    assert found.pop("position").startswith(EVENTS)
    expected = {
        "version": 1,
        "state": "waiting",
        "reason": None,
        "subject": subject("user:shop:1"),
        "name": "Nth 1",
        "organisation": "Doe & Co",
        "source": "/fairs/utrecht",
        "fields": {"seats": 20},
        "lists": [],
        "come_back": "2999-03-01T00:00:00.000000Z",
        "due": False,
        "lead": None,
    }
    assert {name: found[name] for name in expected} == expected
    again = await leads.get(f"/v1/prospects/{found['id']}")
    assert again == found


async def test_a_customer_is_one_prospect(leads: Leads) -> None:
    first = await post(leads, "/v1/prospects", item(1))
    both = item(1)["identifiers"] + [{"kind": "email", "value": "jane@x"}]
    second = await post(leads, "/v1/prospects", item(1, identifiers=both, organisation="Doe"))
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["id"] == first.json()["id"]
    assert second.json()["organisation"] == "Doe"
    assert len(second.json()["identifiers"]) == 2


async def test_what_nobody_is_known_by_is_refused(leads: Leads) -> None:
    wrong = item(1, identifiers=[{"kind": "email", "value": "null"}])
    answer = await post(leads, "/v1/prospects", wrong)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/identifiers/0/value"


async def test_a_partner_sees_no_prospects(leads: Leads) -> None:
    for path in ("/v1/prospects", "/v1/target-lists", "/v1/prospects/ranked"):
        answer = await leads.ask(path, "partner:12")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_for_partners")
    assert (await leads.ask("/v1/prospects", "representative:7")).status_code == 200


async def test_a_change_is_for_the_version_that_was_seen(leads: Leads) -> None:
    found = await keep(leads)
    path = f"/v1/prospects/{found['id']}/drop"
    body = {"reason": "moved"}
    assert (await post(leads, path, body)).status_code == 428
    assert (await post(leads, path, body, version=7)).status_code == 412
    assert (await post(leads, path, body, version=1)).json()["state"] == "dropped"


async def test_it_is_put_off_to_a_moment_still_to_come(leads: Leads) -> None:
    found = await keep(leads)
    answer = await do(leads, found, "put-off", come_back="2001-01-01")
    assert (answer.status_code, answer.json()["code"]) == (422, "past")
    answer = await do(leads, found, "put-off", come_back="2999-01-01T09:00:00+01:00")
    assert answer.json()["come_back"] == "2999-01-01T08:00:00.000000Z"
    answer = await do(leads, answer.json(), "put-off", come_back=None)
    assert answer.json()["come_back"] is None


async def test_one_that_is_barred_is_not_promoted_and_stays_to_be_seen(leads: Leads) -> None:
    found = await keep(leads, come_back=LATER)
    barred = (await do(leads, found, "bar", reason="Said no.")).json()
    assert (barred["state"], barred["reason"]) == ("barred", "Said no.")
    refused: dict[str, dict[str, Any]] = {
        "promote": {},
        "put-off": {"come_back": LATER},
        "drop": {"reason": "x"},
    }
    for what, body in refused.items():
        answer = await do(leads, barred, what, **body)
        assert (answer.status_code, answer.json()["code"]) == (409, "barred"), what
    assert (await keep(leads))["state"] == "barred"
    await leads.settle()
    assert await leads.ids("/v1/prospects", state__eq="barred") == [found["id"]]
    released = (await do(leads, barred, "release", reason="Said yes.")).json()
    assert (released["state"], released["come_back"]) == ("waiting", found["come_back"])


# --- promotion


async def test_promoted_it_is_a_lead(leads: Leads) -> None:
    found = await keep(leads, fields={"seats": 20}, come_back=LATER)
    answer = await do(leads, found, "promote", title="Chairs")
    assert answer.status_code == 200, answer.text
    promoted = answer.json()
    assert (promoted["state"], promoted["come_back"]) == ("promoted", None)
    lead = await leads.get(f"/v1/leads/{promoted['lead']}")
    expected = {"pipeline": "sales", "title": "Chairs", "source": "/fairs/utrecht"}
    assert {name: lead[name] for name in expected} == expected
    assert (lead["channel"], lead["fields"]) == ("prospect", {"seats": 20})
    assert (await do(leads, promoted, "promote")).json()["lead"] == promoted["lead"]


async def test_promoted_it_joins_the_lead_that_is_open(leads: Leads) -> None:
    body = {"identifiers": item(1)["identifiers"], "title": "A", "source": "/web", "channel": "web"}
    lead = (await post(leads, "/v1/leads", body)).json()
    promoted = (await do(leads, await keep(leads), "promote")).json()
    assert promoted["lead"] == lead["id"]
    assert (await leads.get(f"/v1/leads/{lead['id']}"))["inquiries"] == 2


async def test_into_a_pipeline_that_is_not_there_it_is_not_promoted(leads: Leads) -> None:
    found = await keep(leads)
    answer = await do(leads, found, "promote", pipeline="nowhere")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_pipeline")
    assert (await leads.get(f"/v1/prospects/{found['id']}"))["state"] == "waiting"


async def test_a_partner_gets_it_in_a_pipeline_for_partners_alone(leads: Leads) -> None:
    found = await keep(leads)
    for path, body, pointer in (
        (f"/v1/prospects/{found['id']}/promote", {}, "/owner"),
        ("/v1/prospects/promote", {"ids": [found["id"]]}, "/owner"),
    ):
        headers = {"If-Match": f'"{found["version"]}"', **leads.headers("service:app")}
        answer = await leads.client.post(path, json=body | {"owner": "partner:12"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_for_partners")
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert (await leads.get(f"/v1/prospects/{found['id']}"))["state"] == "waiting"


async def test_one_who_stands_in_a_request_many_times_is_one_prospect(leads: Leads) -> None:
    await put(leads, "/v1/target-lists/fair", {"purpose": "Fair"})
    path = "/v1/target-lists/fair/prospects"
    for first in (201, 200):
        found = (await post(leads, path, {"items": [item(1)] * 300})).json()
        statuses = [each["status"] for each in found["data"]]
        assert sorted(statuses, reverse=True) == [first, *[200] * 299]
        assert len({each["id"] for each in found["data"]}) == 1


async def test_after_its_lead_was_lost_it_may_be_kept_and_promoted_again(leads: Leads) -> None:
    promoted = (await do(leads, await keep(leads), "promote")).json()
    lost = LoseLead(pipeline=SALES, reason="price", at=at(5))
    leads.keys[promoted["lead"]] = promoted["subject"]
    await leads.carry_out(promoted["lead"], lost)
    again = await keep(leads)
    assert (again["state"], again["id"], again["lead"]) == (
        *("waiting", promoted["id"]),
        promoted["lead"],
    )
    second = (await do(leads, again, "promote")).json()
    assert second["lead"] != promoted["lead"]


async def test_many_are_promoted_each_with_a_result(leads: Leads) -> None:
    some = [await keep(leads, n) for n in (1, 2, 3)]
    await do(leads, some[1], "bar", reason="Said no.")
    ids = [*(each["id"] for each in some), subject("user:shop:nobody")]
    answer = await post(leads, "/v1/prospects/promote", {"ids": ids})
    assert answer.status_code == 200, answer.text
    found = answer.json()["data"]
    assert [each["status"] for each in found] == [201, 409, 201, 404]
    assert [each["id"] for each in found] == ids
    assert found[1]["code"] == "barred"
    again = (await post(leads, "/v1/prospects/promote", {"ids": ids})).json()["data"]
    assert [each["status"] for each in again] == [200, 409, 200, 404]
    assert again[0]["lead"] == found[0]["lead"]


@pytest.mark.parametrize("body", [{}, {"ids": [subject("user:shop:1")], "list": "x"}, {"ids": []}])
async def test_many_are_named_by_ids_or_by_a_list(leads: Leads, body: dict[str, Any]) -> None:
    assert (await post(leads, "/v1/prospects/promote", body)).status_code == 422


# --- what is read


async def test_the_list_is_filtered_and_paged(leads: Leads) -> None:
    some = [await keep(leads, n, come_back=f"2999-0{n}-01") for n in (1, 2, 3)]
    await leads.settle()
    ids = [each["id"] for each in some]
    assert await leads.ids("/v1/prospects", sort="come_back") == ids
    found = await leads.all_pages("/v1/prospects", 1, sort="-come_back")
    assert [each["id"] for each in found] == ids[::-1]
    before = {"come_back__lt": "2999-02-15T00:00:00Z"}
    assert await leads.ids("/v1/prospects", sort="kept", **before) == ids[:2]
    await leads.belongs(subject("user:shop:2"), subject("user:shop:9"))
    who = {"customer__eq": subject("user:shop:9")}
    [one] = (await leads.get("/v1/prospects", **who))["data"]
    assert (one["id"], one["customer"]) == (ids[1], subject("user:shop:9"))


async def test_what_happened_to_it_is_told(leads: Leads) -> None:
    found = await keep(leads)
    await do(leads, found, "put-off", come_back=LATER, reason="Spring.")
    await leads.settle()
    told = (await leads.get(f"/v1/prospects/{found['id']}/history"))["data"]
    assert [each["type"] for each in told] == ["prospect.kept", "prospect.put_off"]


async def test_they_are_ranked_by_the_rules_of_scoring_with_the_reasons(leads: Leads) -> None:
    assert (await leads.ask("/v1/prospects/ranked")).json()["code"] == "no_rules"
    await scored(leads)
    some = [(await keep(leads, n))["id"] for n in (1, 2, 3)]
    await leads.settle()
    await leads.tell("customer.described", "user:shop:2", traits={"country": "GB", "employees": 80})
    await leads.tell("customer.described", "email:j@x", traits={"country": "IE"})
    await leads.belongs(subject("email:j@x"), subject("user:shop:3"))
    found = await leads.get("/v1/prospects/ranked")
    assert (found["looked_at"], found["waiting"], found["version"]) == (3, 3, 1)
    ranked = {each["id"]: each["points"] for each in found["data"]}
    assert [*ranked.items()] == [(some[1], 25.0), (some[2], 5.0), (some[0], 0.0)]
    reasons = found["data"][0]["reasons"]
    assert [(each["rule"], each["points"], each["found"]) for each in reasons] == [
        ("big", 20.0, "80"),
        ("home", 5.0, "GB"),
    ]
    pages = await leads.all_pages("/v1/prospects/ranked", 1)
    assert [each["id"] for each in pages] == [*ranked]


async def test_the_reasons_sum_to_the_points_also_under_caps(leads: Leads) -> None:
    await scored(leads)
    await keep(leads, 1)
    await leads.settle()
    for _ in range(5):
        await leads.tell("product.viewed", "user:shop:1", sku="K", seconds=1)
    [found] = (await leads.get("/v1/prospects/ranked"))["data"]
    assert sum(each["points"] for each in found["reasons"]) == found["points"]
    assert found["complete"]


# --- the rules by which lost leads return

RULES = {"rules": [{"id": "price", "reasons": ["price"], "days": 90, "promote": True}]}


async def test_the_rules_of_reactivation_are_made_and_changed(leads: Leads) -> None:
    path = "/v1/prospects/reactivation"
    assert await leads.get(path) == {"version": 0, "rules": []}
    first = await put(leads, path, RULES)
    assert first.status_code == 200, first.text
    assert first.json()["rules"] == [
        {"id": "price", "reasons": ["price"], "days": 90, "into": "win-back", "promote": True}
    ]
    assert (await put(leads, path, RULES)).status_code == 428
    assert (await put(leads, path, {"rules": []}, version=1)).json()["version"] == 2


async def test_a_rule_that_never_matches_is_refused(leads: Leads) -> None:
    rules = [{"id": "any", "days": 1}, {"id": "price", "reasons": ["price"], "days": 90}]
    answer = await put(leads, "/v1/prospects/reactivation", {"rules": rules})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/rules/1"
