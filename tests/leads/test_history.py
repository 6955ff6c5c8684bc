"""What happened with a lead: everything about it in one order, and visits that are counted."""

from typing import Any

from tests.leads.answering import Leads
from tests.leads.following import ONE, SEVEN, ahead, define, react, send, written
from tests.leads.test_api_quotes import LEAD_1, LEAD_2, LINES, drafted, opportunity
from tests.leads.test_api_quotes import leads as leads
from tests.leads.told import capture, number

VISIT = {"text": "Saw the kitchen.", "outcome": "interested"}
PATH = f"/v1/leads/{LEAD_1}/history"


async def worked_on(leads: Leads) -> None:
    """A lead with an opportunity, two quotes, a visit, an appointment and a step that is done."""
    await written(leads, define(ONE))
    await react(leads)
    lead = f"/v1/leads/{LEAD_1}"
    assert (await opportunity(leads, {"price_list": "standard", "lines": LINES})).is_success
    first = await drafted(leads)
    await first.done("send", version=1, channel="email", recipient="jane@example.com")
    meet = {"title": "Meet", "from": ahead(hours=1), "to": ahead(hours=2)}
    assert (await send(leads, f"{lead}/appointments", meet)).is_success
    version = (await leads.get(lead))["version"]
    assert (await send(leads, f"{lead}/visits", VISIT, version=version)).is_success
    await drafted(leads)
    await first.done("withdraw", reason="Too dear.")
    await drafted(leads, LEAD_2)
    await leads.settle()


async def test_all_that_happened_stands_in_the_order_in_which_it_did(leads: Leads) -> None:
    await worked_on(leads)
    found = (await leads.get(PATH, limit=200))["data"]
    assert [each["type"] for each in found] == [
        *("lead.captured", "opportunity.described", "lead.described", "quote.drafted"),
        *("quote.sent", "appointment.made", "lead.visited", "quote.drafted", "quote.withdrawn"),
    ]
    kinds = {each["type"].partition(".")[0]: each["kind"] for each in found}
    expected = ("lead", "opportunity", "quote")
    assert kinds == {**{name: name for name in expected}, "appointment": "follow_up"}
    places = {(each["stream"], each["version"]) for each in found}
    assert len(places) == len(found)
    for limit in (1, 2, 4):
        assert await leads.all_pages(PATH, limit) == found


async def test_some_kinds_alone_where_asked_for(leads: Leads) -> None:
    await worked_on(leads)
    found = (await leads.get(PATH))["data"]
    for kinds in (["lead"], ["quote"], ["follow_up", "opportunity"]):
        some = await leads.all_pages(PATH, 1, kind__eq=kinds)
        assert some == [each for each in found if each["kind"] in kinds]
    assert (await leads.ask(PATH, kind__eq="prospect")).status_code == 422


async def test_what_happens_between_two_pages_comes_at_the_end(leads: Leads) -> None:
    await worked_on(leads)
    before = (await leads.get(PATH))["data"]
    first = await leads.get(PATH, limit=3)
    await drafted(leads)
    version = (await leads.get(f"/v1/leads/{LEAD_1}"))["version"]
    await send(leads, f"/v1/leads/{LEAD_1}/visits", VISIT, version=version)
    rest = await leads.get(PATH, limit=200, cursor=first["next_cursor"])
    told = first["data"] + rest["data"]
    assert told[: len(before)] == before
    assert [each["type"] for each in told[len(before) :]] == ["quote.drafted", "lead.visited"]


async def test_another_team_sees_nothing_and_a_partner_the_lead_itself(leads: Leads) -> None:
    await worked_on(leads)
    assert (await leads.ask(PATH, "representative:8")).status_code == 404
    theirs = number(3)
    wanted: dict[str, Any] = {"owner": "partner:12", "at": ahead(hours=0)}
    await leads.carry_out(theirs, capture(3, **wanted))
    meet = {"title": "Meet", "from": ahead(hours=1), "to": ahead(hours=2)}
    made = await send(leads, f"/v1/leads/{theirs}/appointments", meet, "service:app")
    assert made.is_success, made.text
    path = f"/v1/leads/{theirs}/history"
    assert len((await leads.get(path))["data"]) == 2
    [own] = (await leads.get(path, "partner:12"))["data"]
    assert own["type"] == "lead.captured"


async def test_a_visit_that_was_reported_is_one_made(leads: Leads) -> None:
    version = (await leads.get(f"/v1/leads/{LEAD_1}"))["version"]
    path = f"/v1/leads/{LEAD_1}/visits"
    for _ in range(2):  # the same again
        headers = {**leads.headers(SEVEN), "If-Match": f'"{version}"', "Idempotency-Key": "a"}
        answer = await leads.client.post(path, json=VISIT, headers=headers)
        assert answer.status_code == 200, answer.text
    await leads.settle()
    found = await leads.get("/v1/measures", by="owner")
    [mine] = [each for each in found["data"] if each["group"] == SEVEN]
    assert [(each["type"], each["count"]) for each in mine["activity"]] == [("visit.made", 1)]
    behind = await leads.get(mine["activity"][0]["query"])
    assert len(behind["data"]) == mine["sales_calls"]["count"] == 1
