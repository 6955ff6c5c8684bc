"""Follow-ups over HTTP: what there is to do for a lead, lists of it, appointments."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.leads.decider import PIPELINE, ROUTING
from services.leads.decider.pipeline import stream_of
from services.leads.decider.routing import STREAM as ROUTES
from services.leads.follow_ups.api import documents
from services.leads.routes import DefineRouting, Member, Route
from shared.clock import now, rfc3339
from shared.database import Pool
from shared.deciding.store import Origin
from tests.leads.answering import Leads, answering, defined
from tests.leads.following import (
    CARE,
    EIGHT,
    FIRST,
    SAMPLES,
    SEVEN,
    ago,
    ahead,
    begun,
    define,
    define_tactic,
    happen,
    problem,
    react,
    send,
    tick,
    written,
)
from tests.leads.test_api_documents import shape
from tests.leads.told import capture, move, number
from tests.records import subject


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales")
        await written(leads, define(FIRST), define(CARE, "care"), define_tactic(SAMPLES))
        yield leads


# --- one lead


async def test_what_there_is_to_do_stands_there_at_once(leads: Leads) -> None:
    path = await begun(leads)
    found = await leads.get(f"{path}/follow-ups", SEVEN)
    assert [(each["step"], each["kind"], each["state"]) for each in found["steps"]] == [
        (1, "call", "pending"),
        (2, "email", "pending"),
        (3, "call", "pending"),
    ]
    assert found["version"] == 1
    assert found["steps"][0]["guide"] == "Ask why."


async def test_a_lead_without_any_has_none(leads: Leads) -> None:
    await leads.carry_out(number(1), capture(1))
    found = await leads.get(f"/v1/leads/{number(1)}/follow-ups")
    assert found == {
        "lead": number(1),
        "version": 0,
        "steps": [],
        "settled": [],
        "appointments": [],
    }


async def test_who_has_it_already_is_told_so(leads: Leads) -> None:
    path = await begun(leads)
    headers = {**leads.headers(SEVEN), "If-None-Match": '"1"'}
    answer = await leads.client.get(f"{path}/follow-ups", headers=headers)
    assert (answer.status_code, answer.headers["etag"]) == (304, '"1"')


async def test_reminders_do_not_disturb_the_version_of_the_lead(leads: Leads) -> None:
    path = await begun(leads, at=ago(hours=3))
    before = (await leads.ask(path, SEVEN)).headers["etag"]
    assert await tick(leads) == 1
    assert await tick(leads) == 0
    assert (await leads.ask(path, SEVEN)).headers["etag"] == before
    found = await leads.get(f"{path}/follow-ups", SEVEN)
    assert (found["version"], found["steps"][0]["state"]) == (2, "due")


async def test_a_step_is_done_for_the_version_that_was_seen(leads: Leads) -> None:
    path = await begun(leads)
    done = f"{path}/follow-ups/1/done"
    assert problem(await send(leads, done))[:2] == (428, "if_match_required")
    assert problem(await send(leads, done, version=2))[:2] == (412, "stale")
    answer = await send(leads, done, {"note": "Nice."}, version=1)
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    found = answer.json()
    assert [each["step"] for each in found["steps"]] == [2, 3]
    [settled] = found["settled"]
    assert (settled["state"], settled["by"], settled["reason"]) == ("done", SEVEN, "Nice.")
    assert shape(found) == shape(
        documents.COMMANDED | {"appointments": [], "steps": [found["steps"][0]]}
    )
    listed = await leads.get("/v1/follow-ups", SEVEN, state__eq="done")
    assert [(each["step"], each["by"]) for each in listed["data"]] == [(1, SEVEN)]


async def test_a_step_is_skipped_and_put_off(leads: Leads) -> None:
    path = await begun(leads)
    skip = await send(leads, f"{path}/follow-ups/1/skip", {"reason": "She wrote."}, version=1)
    assert skip.json()["settled"][0]["reason"] == "She wrote."
    due = ahead(days=30)
    body = {"due": due, "reason": "On holiday."}
    answer = await send(leads, f"{path}/follow-ups/2/postpone", body, version=2)
    assert [(each["step"], each["due"] == due) for each in answer.json()["steps"]] == [
        (3, False),
        (2, True),
    ]
    late = await send(leads, f"{path}/follow-ups/2/postpone", {"due": ago(minutes=1)}, version=3)
    assert problem(late) == (422, "past", ["/due"])
    assert problem(await send(leads, f"{path}/follow-ups/1/done", version=3))[1] == "step_settled"
    assert problem(await send(leads, f"{path}/follow-ups/9/done", version=3))[0] == 404


async def test_a_sequence_is_started_by_hand_once(leads: Leads) -> None:
    path = await begun(leads)
    answer = await send(leads, f"{path}/follow-ups", {"sequence": "care"})
    assert answer.status_code == 201
    assert [each["sequence"] for each in answer.json()["steps"]] == [*["first"] * 3, "care"]
    again = await send(leads, f"{path}/follow-ups", {"sequence": "care"})
    assert problem(again)[:2] == (409, "sequence_goes_on")
    unknown = await send(leads, f"{path}/follow-ups", {"sequence": "x"})
    assert problem(unknown) == (422, "unknown_sequence", ["/sequence"])


async def test_somebody_elses_lead_is_not_there(leads: Leads) -> None:
    path = await begun(leads)
    assert (await leads.ask(f"{path}/follow-ups", EIGHT)).status_code == 404
    answer = await send(leads, f"{path}/follow-ups/1/done", who=EIGHT, version=1)
    assert answer.status_code == 404
    assert (await leads.get("/v1/follow-ups", EIGHT))["data"] == []


async def test_a_team_sees_what_there_is_to_do_for_its_leads(leads: Leads) -> None:
    path = await begun(leads)
    members = tuple(Member(each) for each in (SEVEN, EIGHT))
    command = DefineRouting(
        rules=(Route("all", "team"),), teams={"team": members}, at=rfc3339(now())
    )
    await leads.handler.carry_out(
        ROUTING, ROUTES, command, Origin("service:app"), partitionkey=ROUTES
    )
    assert len((await leads.get("/v1/follow-ups", EIGHT))["data"]) == 3
    answer = await send(leads, f"{path}/follow-ups/1/done", who=EIGHT, version=1)
    assert answer.json()["settled"][0]["by"] == EIGHT


# --- what happens


async def test_a_call_completes_the_step_wherever_the_customer_is_known_by(leads: Leads) -> None:
    path = await begun(leads)
    await happen(
        *(leads, "call.placed", "user:shop:1", "phone:+442079460958"), at_=ago(), employee="e-12"
    )
    found = await leads.get(f"{path}/follow-ups", SEVEN)
    [settled] = found["settled"]
    assert (settled["step"], settled["by"]) == (1, "e-12")
    [listed] = (await leads.get("/v1/follow-ups", SEVEN, state__eq="done"))["data"]
    assert (listed["type"], listed["interaction"]) == ("call.placed", settled["interaction"])


async def test_a_mail_of_a_campaign_completes_nothing(leads: Leads) -> None:
    path = await begun(leads, at=ago(hours=3))
    await happen(leads, "email.sent", "user:shop:1", at_=ago(), campaign="spring")
    assert (await leads.get(f"{path}/follow-ups", SEVEN))["settled"] == []
    await happen(leads, "email.sent", "user:shop:1", at_=ago())
    assert [each["step"] for each in (await leads.get(f"{path}/follow-ups", SEVEN))["settled"]] == [
        2
    ]


async def test_follow_ups_in_several_pipelines_hear_of_one_call(leads: Leads) -> None:
    await defined(leads, "partner")
    await begun(leads)
    partner = await leads.handler.load(*_pipeline("partner"))
    await leads.carry_out(
        number(2), capture(2, "user:shop:1", pipeline=partner.state, owner=SEVEN, at=ago(minutes=1))
    )
    answer = await send(leads, f"/v1/leads/{number(2)}/follow-ups", {"sequence": "first"})
    assert answer.status_code == 201
    await happen(leads, "call.placed", "user:shop:1", at_=ago())
    done = (await leads.get("/v1/follow-ups", SEVEN, state__eq="done"))["data"]
    assert sorted((each["pipeline"], each["step"]) for each in done) == [
        ("partner", 1),
        ("sales", 1),
    ]


def _pipeline(name: str) -> Any:
    return PIPELINE, stream_of(name)


async def test_the_steps_of_a_stage_are_off_when_the_lead_leaves_it(leads: Leads) -> None:
    path = await begun(leads)
    await leads.carry_out(number(1), move("contacted", 10**8))
    await react(leads)
    found = await leads.get(f"{path}/follow-ups", SEVEN)
    assert found["steps"] == []
    assert {each["state"] for each in found["settled"]} == {"cancelled"}
    assert (
        await leads.site.pool.fetchval("SELECT count(*) FROM claims WHERE scope ~ '^follow'") == 0
    )


# --- lists


async def test_the_list_shows_steps_of_all_leads_in_order(leads: Leads) -> None:
    await begun(leads, 1, at=ago(hours=5))
    await begun(leads, 2, owner=EIGHT)
    await tick(leads)
    found = (await leads.get("/v1/follow-ups"))["data"]
    assert [each["due"] for each in found] == sorted(each["due"] for each in found)
    assert len(found) == 6
    assert shape(found[0]) == shape(documents.LISTED_STEP)
    assert found[0]["customer"] == subject("user:shop:1")
    due = await leads.get("/v1/follow-ups", state__eq="due")
    assert [(each["lead"], each["step"]) for each in due["data"]] == [(number(1), 1)]
    cases: list[tuple[dict[str, Any], int]] = [
        ({"owner__eq": EIGHT}, 3),
        ({"kind__eq": "email"}, 2),
        ({"lead__eq": number(1), "sequence__eq": "first"}, 3),
        ({"sequence__eq": "care"}, 0),
        ({"pipeline__eq": "sales", "due__lt": rfc3339(now())}, 1),
        ({"due__gte": rfc3339(now())}, 5),
        ({"state__eq": ["pending", "overdue"]}, 5),
        ({"settled__gte": ago()}, 0),
    ]
    for parameters, expected in cases:
        listed = await leads.get("/v1/follow-ups", **parameters)
        assert len(listed["data"]) == expected, parameters
    pages = await leads.all_pages("/v1/follow-ups", 2, sort="-due")
    assert [(each["lead"], each["step"]) for each in pages] == [
        (each["lead"], each["step"]) for each in reversed(found)
    ]
    mine = await leads.get("/v1/follow-ups", SEVEN)
    assert {each["owner"] for each in mine["data"]} == {SEVEN}


async def test_a_list_takes_no_state_that_is_none(leads: Leads) -> None:
    answer = await leads.ask("/v1/follow-ups", state__eq="open")
    assert answer.status_code == 422


# --- appointments


APPOINTMENT = {"title": "Show the kettles", "place": "1 Tea Lane"}


async def test_an_appointment_is_made_moved_kept_and_cancelled(leads: Leads) -> None:
    path = await begun(leads)
    when = {"from": ahead(hours=1), "to": ahead(hours=2)}
    answer = await send(leads, f"{path}/appointments", APPOINTMENT | when)
    assert answer.status_code == 201
    [booked] = answer.json()["appointments"]
    assert booked == booked | APPOINTMENT | when
    one = f"{path}/appointments/{booked['appointment']}"
    later = {"from": ahead(hours=5), "place": "By video"}
    moved = await send(leads, f"{one}/move", later, version=2)
    [booked] = moved.json()["appointments"]
    assert (booked["from"], booked["place"]) == (later["from"], "By video")
    assert problem(await send(leads, f"{one}/keep", version=3))[:2] == (409, "not_begun")
    assert (await send(leads, f"{one}/move", {"from": ago(hours=1)}, version=3)).status_code == 200
    kept = await send(leads, f"{one}/keep", {"note": "Fine."}, version=4)
    assert kept.json()["appointments"] == []
    assert (await send(leads, f"{one}/cancel", {"reason": "x"}, version=5)).status_code == 404
    [listed] = (await leads.get("/v1/appointments", SEVEN))["data"]
    assert (listed["state"], listed["moved"], listed["reason"]) == ("kept", 2, "Fine.")
    assert shape(listed) == shape(documents.LISTED_APPOINTMENT)
    other = await send(leads, f"{path}/appointments", APPOINTMENT | when)
    two = other.json()["appointments"][0]["appointment"]
    await send(leads, f"{path}/appointments/{two}/cancel", {"reason": "Ill"}, version=6)
    assert await ids_of(leads) == [listed["appointment"], two]
    assert await ids_of(leads, state__eq="cancelled") == [two]
    assert await ids_of(leads, from__gte=rfc3339(now())) == [two]
    assert await ids_of(leads, sort="-from") == [two, listed["appointment"]]
    assert len(await leads.all_pages("/v1/appointments", 1)) == 2


async def ids_of(leads: Leads, **parameters: Any) -> list[str]:
    found = await leads.get("/v1/appointments", **parameters)
    return [each["appointment"] for each in found["data"]]


async def test_an_appointment_that_ends_before_it_begins_is_refused(leads: Leads) -> None:
    path = await begun(leads)
    when = {"from": ahead(hours=2), "to": ahead(hours=1)}
    answer = await send(leads, f"{path}/appointments", APPOINTMENT | when)
    assert problem(answer) == (422, "not_after", ["/to"])
    assert (await leads.get(f"{path}/follow-ups", SEVEN))["version"] == 1


async def test_sent_twice_with_one_key_it_is_made_once(leads: Leads) -> None:
    path = await begun(leads)
    body = APPOINTMENT | {"from": ahead(hours=1), "to": ahead(hours=2)}
    headers = {**leads.headers(SEVEN), "Idempotency-Key": "one"}
    made, again = [
        await leads.client.post(f"{path}/appointments", json=body, headers=headers)
        for _ in range(2)
    ]
    assert (made.status_code, again.json()) == (201, made.json())
    assert again.headers["idempotency-replayed"] == "true"


async def test_an_appointment_whose_answer_was_lost_is_made_once(leads: Leads) -> None:
    path = await begun(leads)
    body = {"title": "Meet", "from": ahead(hours=1), "to": ahead(hours=2)}
    headers = {**leads.headers(SEVEN), "Idempotency-Key": "meet"}
    made = []
    for _ in range(2):
        answer = await leads.client.post(f"{path}/appointments", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["appointments"])
        await leads.site.pool.execute("DELETE FROM idempotency")
    assert made[0] == made[1]
    other = await leads.client.post(
        f"{path}/appointments", json=body, headers=headers | {"Idempotency-Key": "meet again"}
    )
    assert len(other.json()["appointments"]) == 2
