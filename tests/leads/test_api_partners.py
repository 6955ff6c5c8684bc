"""Partners: what they may do, and that nothing comes to them that was not released."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.leads.app import SERVICE
from services.leads.partners import releasing
from services.leads.partners.events import Release
from services.leads.partners.gate import WAYS, Shaping
from shared.clock import now, rfc3339
from shared.database import Pool
from shared.deciding.changes import Feed
from tests.leads.answering import Leads, answering, defined
from tests.leads.asking import captured, send
from tests.leads.prospecting import scored
from tests.records import subject

ME, OUR = "partner:12", "service:app"
SECRETS = {
    "title": "Jane wants kettles",
    "phone": "+441632960001",
    "email": "jane@secret.example",
    "field": "blue velvet",
    "note": "owes us money",
    "trait": "Secretive Ltd",
}
"""What stands in a lead, and of whom: each is released alone."""


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales", "partner")
        yield leads


async def partner(leads: Leads, **release: Any) -> None:
    path, body = "/v1/partners/12", {"name": "Kettles & Co", "release": release}
    there = await leads.ask(path)
    version = there.json()["version"] if there.status_code == 200 else None
    answer = await send(leads, path, body, version=version, method="PUT")
    assert answer.status_code == 200, answer.text


async def janes(leads: Leads) -> str:
    """A lead that the partner has, with all the secrets in it."""
    await scored(leads)
    found = await captured(
        leads,
        1,
        pipeline="partner",
        owner=ME,
        title=SECRETS["title"],
        identifiers=[
            {"kind": "phone", "value": SECRETS["phone"]},
            {"kind": "email", "value": SECRETS["email"]},
        ],
        fields={"cloth": SECRETS["field"]},
    )
    path = f"/v1/leads/{found['id']}"
    await send(leads, f"{path}/notes", {"text": SECRETS["note"]}, version=1)
    report = {"text": SECRETS["note"], "outcome": SECRETS["note"], "place": SECRETS["note"]}
    await send(leads, f"{path}/visits", report, version=2)
    body = {"stage": "contacted", "reason": SECRETS["note"]}
    assert (await send(leads, f"{path}/move", body, version=3)).status_code == 200
    await leads.settle()
    email = f"email:{SECRETS['email']}"
    await leads.tell("customer.described", email, traits={"company": SECRETS["trait"]})
    await leads.tell("quote.requested", email, product="KETTLE-1")
    return str(found["id"])


async def told(leads: Leads, lead: str) -> dict[str, str]:
    """The text of every answer that the partner has of the lead, by what was asked."""
    path, made = f"/v1/leads/{lead}", "2026-01-01T00:00:00Z"
    asked = {
        name: await leads.ask(name, ME)
        for name in (
            *("/v1/leads", path, f"{path}/history", f"{path}/score", "/v1/leads/changes"),
            *("/v1/boards/partner", "/v1/leads/measures", "/v1/pipelines"),
        )
    }
    stale: dict[str, Any] = {"device": "x", "after": "0", "limit": 200, "commands": []}
    stale["commands"] = [
        {"id": "1", "lead": lead, "kind": "move", "version": 1, "made": made, "body": {}}
    ]
    asked["sync"] = await send(leads, "/v1/leads/sync", stale, ME)
    asked["describe"] = await send(leads, path, {"product": "K"}, ME, 4, "PATCH")
    asked["again"] = await send(leads, path, {"product": None}, ME, 5, "PATCH")
    for name, answer in asked.items():
        assert answer.status_code == 200, (name, answer.text)
    await _restored(leads, lead)
    return {name: answer.text for name, answer in asked.items()}


async def _restored(leads: Leads, lead: str) -> None:
    assert (await leads.get(f"/v1/leads/{lead}"))["version"] == 6


RELEASES: dict[str, dict[str, Any]] = {
    "title": {"title": True},
    "phone": {"identifiers": ["phone"]},
    "email": {"identifiers": ["email"]},
    "field": {"fields": ["cloth"]},
    "note": {"notes": True},
    "trait": {"traits": ["company"]},
}


@pytest.mark.parametrize("released", [*RELEASES, None])
async def test_of_all_answers_none_has_what_was_not_released(
    leads: Leads, released: str | None
) -> None:
    lead = await janes(leads)
    if released:
        await partner(leads, **RELEASES[released])
    answers = await told(leads, lead)
    everything = "\n".join(answers.values())
    for name, value in SECRETS.items():
        assert (value in everything) == (name == released), name
    jane = [subject(f"phone:{SECRETS['phone']}"), subject(f"email:{SECRETS['email']}")]
    assert not [each for each in jane if each in everything]
    whole = json.loads(answers[f"/v1/leads/{lead}"])
    assert (whole["id"], whole["stage"], whole["owner"]) == (lead, "contacted", ME)


async def test_a_stream_of_changes_is_shaped_frame_by_frame(leads: Leads) -> None:
    lead = await janes(leads)
    feed, sent = Feed(leads.site.pool, ["lead"]), list[bytes]()

    async def send_on(message: Any) -> None:
        sent.append(message.get("body", b""))

    async def released() -> Release:
        return Release(title=True)

    shaping = Shaping(send_on, releasing.changes, released, ME)
    headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
    await shaping({"type": "http.response.start", "status": 200, "headers": headers})
    async for frame in feed.frames(0, ["lead"]):
        await shaping({"type": "http.response.body", "body": frame, "more_body": True})
        if b"lead.moved" in frame:
            feed.close()
    text = b"".join(sent).decode()
    assert [name for name, value in SECRETS.items() if value in text] == ["title"]
    frames = [each for each in text.split("\n\n") if "data: " in each]
    assert [each.split("\n")[1] for each in frames] == [
        f"event: lead.{what}" for what in ("captured", "noted", "visited", "moved")
    ]
    records = [json.loads(each.split("\ndata: ")[1]) for each in frames]
    assert {each["stream"] for each in records} == {lead}


async def test_every_operation_is_refused_that_is_not_named_for_partners(leads: Leads) -> None:
    named = 0
    paths: Any = SERVICE.openapi()["paths"]
    for path, verbs in paths.items():
        target = path.replace("{id}", "00000000-0000-7000-8000-000000000000")
        target = target.replace("{sku}", "K").replace("{name}", "n").replace("{pipeline}", "sales")
        for verb in verbs:
            way = any(verb.upper() in w.methods and w.path.fullmatch(target) for w in WAYS)
            named += way
            if not way:
                headers = leads.headers(ME)
                answer = await leads.client.request(verb.upper(), target, headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (403, "not_for_partners")
    assert named > 20


@pytest.mark.parametrize(
    "query", ["filter[source][eq]=x", "filter[customer][eq]=x", "filter[fields.cloth][eq]=x"]
)
async def test_a_partner_does_not_ask_by_what_it_is_not_shown(leads: Leads, query: str) -> None:
    answer = await leads.client.get(f"/v1/leads?{query}", headers=leads.headers(ME))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_released")


@pytest.mark.parametrize("by", ["country", "region", "source"])
async def test_a_partner_counts_by_no_data_of_customers(leads: Leads, by: str) -> None:
    answer = await leads.ask("/v1/leads/measures", ME, by=by)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_released")
    assert (await leads.ask("/v1/leads/measures", ME, by="product")).status_code == 200


async def test_a_partner_is_not_told_which_lead_of_others_is_in_the_way(leads: Leads) -> None:
    mine = await captured(leads, 1, pipeline="partner", owner=ME)
    path = f"/v1/leads/{mine['id']}"
    lost = await send(leads, f"{path}/lose", {"reason": "price"}, ME, 1)
    assert lost.status_code == 200, lost.text
    other = await captured(leads, 1, pipeline="partner", owner="representative:7")
    again = {"reason": "They want it after all."}
    one = await send(leads, f"{path}/reopen", again, ME, 2)
    assert (one.status_code, one.json()["code"]) == (409, "claim_taken")
    command = {"id": "1", "lead": mine["id"], "kind": "reopen", "version": 2, "body": again}
    batch = {"device": "x", "commands": [command | {"made": rfc3339(now())}]}
    synced = await send(leads, "/v1/leads/sync", batch, ME)
    assert synced.json()["results"][0]["code"] == "claim_taken"
    for answer in (one, synced):
        assert other["id"] not in answer.text


async def test_a_partner_gives_a_lead_and_sees_what_becomes_of_it(leads: Leads) -> None:
    asked = {
        "identifiers": [{"kind": "email", "value": "new@example.com"}],
        "title": "Wants pans",
        "source": "/somebody/else",
        "channel": "web",
    }
    answer = await send(leads, "/v1/leads", asked, ME)
    given = answer.json()
    assert (answer.status_code, given["source"], given["channel"]) == (201, ME, "partner")
    path = f"/v1/leads/{given['id']}"
    body = {"owner": "representative:7", "reason": "near"}
    assert (await send(leads, f"{path}/assign", body, version=1)).status_code == 200
    await leads.settle()
    assert await leads.ids(who=ME) == [given["id"]]
    assert (await leads.get(path, ME))["owner"] == "representative:7"
    theirs = await send(leads, f"{path}/lose", {"reason": "price"}, ME, 2)
    assert (theirs.status_code, theirs.json()["code"]) == (403, "not_yours")
    other = await send(leads, "/v1/leads", asked | {"owner": "representative:8"}, ME)
    assert other.status_code == 403


async def test_of_somebody_elses_lead_that_it_joined_a_partner_is_told_only_so(
    leads: Leads,
) -> None:
    await captured(leads, 1, owner="representative:7", title=SECRETS["title"])
    asked = {
        "identifiers": [{"kind": "email", "value": "1@example.com"}],
        "title": "Wants pans",
        "source": "/x",
        "channel": "partner",
    }
    answer = await send(leads, "/v1/leads", asked, ME)
    assert answer.status_code == 200
    assert answer.json().keys() == {"joined", "position"}
    assert "etag" not in answer.headers


async def test_a_partner_gets_leads_in_a_pipeline_for_partners(leads: Leads) -> None:
    lead = await captured(leads, 1)
    body = {"owner": ME, "reason": "near"}
    answer = await send(leads, f"/v1/leads/{lead['id']}/assign", body, version=1)
    assert (answer.status_code, answer.json()["code"]) == (409, "not_for_partners")
    assert answer.json()["errors"][0]["pointer"] == "/owner"
    theirs = await captured(leads, 2, pipeline="partner")
    answer = await send(leads, f"/v1/leads/{theirs['id']}/assign", body, version=1)
    assert answer.status_code == 200
    lead = theirs["id"]
    again = {"items": [{"id": lead, "version": 2, "stage": "contacted"}]}
    assert (await send(leads, "/v1/leads/move", again, ME)).json()["data"][0]["status"] == 200


async def test_a_partner_that_is_not_active_is_refused(leads: Leads) -> None:
    await partner(leads)
    body = {"name": "Kettles & Co", "active": False}
    assert (await send(leads, "/v1/partners/12", body, version=1, method="PUT")).is_success
    answer = await leads.ask("/v1/leads", ME)
    assert (answer.status_code, answer.json()["code"]) == (403, "partner_inactive")


async def test_which_partner_wins_what_with_the_leads_behind_each_number(leads: Leads) -> None:
    await partner(leads, title=True)
    ends: dict[int, tuple[str, dict[str, Any]]] = {
        1: ("win", {"amount": 100, "currency": "EUR"}),
        2: ("win", {"amount": 50, "currency": "GBP"}),
        3: ("win", {"amount": 7, "currency": "EUR"}),
        4: ("lose", {"reason": "price"}),
    }
    for n in range(1, 6):
        lead = await captured(leads, n, pipeline="partner", owner=ME, amount=5, currency="EUR")
        if n in ends:
            what, body = ends[n]
            assert (await send(leads, f"/v1/leads/{lead['id']}/{what}", body, ME, 1)).is_success
    await leads.settle()
    [found] = (await leads.get("/v1/partners"))["data"]
    assert (found["principal"], found["name"], found["active"]) == (ME, "Kettles & Co", True)
    has = found["has"]
    assert has["closing_rate"] == 0.75
    assert has["won"]["amounts"] == [
        {"currency": "EUR", "leads": 2, "amount": 107},
        {"currency": "GBP", "leads": 1, "amount": 50},
    ]
    for state in ("open", "won", "lost"):
        behind = await leads.client.get(
            f"/v1/leads?{has[state]['query']}", headers=leads.headers(OUR)
        )
        assert len(behind.json()["data"]) == has[state]["leads"]
    assert found["gave"]["closing_rate"] is None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "K", "price_list": "Not A Name"}, "/price_list"),
        ({"name": "K", "release": {"identifiers": ["colour"]}}, "/release/identifiers/0"),
        ({"name": "K", "release": {"fields": ["Not"]}}, "/release/fields/0"),
        ({"name": "K", "release": {"everything": True}}, "/release/everything"),
    ],
)
async def test_what_cannot_be_released_is_refused(leads: Leads, body: Any, pointer: str) -> None:
    answer = await send(leads, "/v1/partners/12", body, method="PUT")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert (await leads.ask("/v1/partners/12")).status_code == 404
    refused = await send(leads, "/v1/partners/12", {"name": "K"}, "representative:7", method="PUT")
    assert refused.status_code == 403


async def test_a_tag_tells_of_nothing_that_is_not_released(leads: Leads) -> None:
    lead = await janes(leads)
    await partner(leads)

    async def listed(tag: str = "") -> httpx.Response:
        headers = {**leads.headers(ME), "If-None-Match": tag}
        return await leads.client.get("/v1/leads", headers=headers)

    first = await listed()
    tag = first.headers["etag"]
    known = await listed(tag)
    assert (known.status_code, known.content) == (304, b"")
    assert "content-length" not in known.headers  # 0 would be that of the answer which is known
    changed = {"fields": {"cloth": "red silk"}}
    path = f"/v1/leads/{lead}"
    answer = await send(leads, path, changed, version=4, method="PATCH")
    assert answer.status_code == 200, answer.text
    hidden = await leads.ask("/v1/leads", ME)
    assert hidden.headers["etag"] == tag
    await partner(leads, title=True)
    shown = await listed(tag)
    assert (shown.status_code, shown.json()["data"][0]["title"]) == (200, SECRETS["title"])
    await leads.settle()
    await partner(leads, title=False)
    alone = {**leads.headers(ME), "If-None-Match": '"5"'}
    found = await leads.client.get(path, headers=alone)
    assert (found.status_code, found.headers["etag"]) == (200, '"5"')
    assert SECRETS["title"] not in found.text


async def test_a_rule_of_routing_gives_a_partner_leads_of_pipelines_for_partners_alone(
    leads: Leads,
) -> None:
    rule = {"id": "theirs", "owner": ME, "score_at_least": 60}
    path = "/v1/routing"
    for pipelines, pointer in (
        ([], "/rules/0/pipelines"),
        (["partner", "sales"], "/rules/0/pipelines/1"),
        (["nowhere"], "/rules/0/pipelines/0"),
    ):
        body = {"rules": [rule | {"pipelines": pipelines}]}
        answer = await send(leads, path, body, method="PUT")
        assert answer.status_code == 422, answer.text
        assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    made = await send(leads, path, {"rules": [rule | {"pipelines": ["partner"]}]}, method="PUT")
    assert made.status_code == 200, made.text
    assert made.json()["rules"][0]["score_at_least"] == 60
