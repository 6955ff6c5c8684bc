"""Goals beside what they came to, and statements of commissions, over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.leads.commands import ReopenLead, WinLead
from services.leads.decider import ROUTING
from services.leads.decider.routing import STREAM
from services.leads.planning.api import documents
from services.leads.planning.commands import DefineCommissions
from services.leads.planning.decider import COMMISSIONS
from services.leads.planning.decider.rules import STREAM as RULES
from services.leads.planning.events import CommissionRule, Share
from services.leads.routes import DefineRouting, Member, Route
from shared.database import Pool
from shared.deciding.store import Origin
from tests.leads.answering import Leads, answering, defined
from tests.leads.examples import SALES
from tests.leads.test_api_documents import shape
from tests.leads.told import capture, number
from tests.records import at

DAY = 86_400
SEVEN, EIGHT = "representative:7", "representative:8"
GOAL: dict[str, Any] = {
    "kind": "representative",
    "name": SEVEN,
    "measure": "won_amount",
    "currency": "EUR",
    "period": "month",
    "first": "2026-01-01",
    "target": 3100,
}


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales")
        yield leads


async def sell(leads: Leads) -> None:
    """Lead n is captured on the nth day and won on the tenth for n * 1,000; 4 is in pounds."""
    for n, owner in ((1, SEVEN), (2, SEVEN), (3, EIGHT), (4, SEVEN)):
        begun = capture(n, at=at(n * DAY), owner=owner, product=f"P{n % 2}")
        await leads.carry_out(number(n), begun, actor=owner)
        won = WinLead(amount=n * 1000, currency="GBP" if n == 4 else "EUR", at=at(10 * DAY))
        await leads.carry_out(number(n), won, actor=owner)
    await leads.settle()


async def send(
    leads: Leads, verb: str, path: str, body: Any, who: str = "service:app", **headers: str
) -> Any:
    return await leads.client.request(
        verb, path, json=body, headers={**leads.headers(who), **headers}
    )


async def set_(leads: Leads, **changes: Any) -> Any:
    answer = await send(leads, "POST", "/v1/goals", GOAL | changes)
    assert answer.status_code == 201, answer.text
    await leads.settle()
    return answer.json()


async def test_a_goal_is_shown_beside_what_it_came_to(leads: Leads) -> None:
    await sell(leads)
    made = await set_(leads)
    assert shape(made) == shape(documents.CHANGED)
    found = await leads.get(f"/v1/goals/{made['id']}", as_of="2026-01-15")
    assert shape(found) == shape(documents.SEEN)
    assert (found["actual"], found["target"], found["percent"]) == (3000, 3100, 96.77)
    assert (found["expected"], found["pace"]) == (1500, 2.0)
    answer = await leads.client.get(found["query"], headers=leads.headers("service:app"))
    assert sorted(each["id"] for each in answer.json()["data"]) == [number(1), number(2)]
    early = await leads.get(f"/v1/goals/{made['id']}", as_of="2026-01-10")
    assert (early["actual"], early["expected"]) == (0, 1000)
    before = await leads.get(f"/v1/goals/{made['id']}", as_of="2025-12-31")
    assert (before["actual"], before["expected"], before["pace"], before["query"]) == (
        0,
        0,
        None,
        None,
    )
    after = await leads.get(f"/v1/goals/{made['id']}", as_of="2026-03-31")
    assert (after["actual"], after["expected"]) == (3000, 3100)


async def test_goals_of_every_measure_and_of_every_kind(leads: Leads) -> None:
    await sell(leads)
    teams = {"north": (Member(SEVEN), Member(EIGHT))}
    routing = DefineRouting(rules=(Route("rest", owner="9"),), teams=teams, at=at(0))
    await leads.handler.carry_out(
        ROUTING, STREAM, routing, Origin("service:app"), partitionkey=STREAM
    )
    order = {"order": "1", "amount": 70, "currency": "EUR"}
    await leads.tell("order.placed", "user:shop:1", seconds=3 * DAY, **order)
    for type_ in ("call.placed", "visit.made"):
        said = {"employee": "7", "purpose": "sales"}
        await leads.tell(type_, "user:shop:1", seconds=3 * DAY, **said)
    nothing: dict[str, Any] = {"currency": None}
    wanted: list[tuple[dict[str, Any], int]] = [
        ({"kind": "all", "name": None}, 6000),
        ({"kind": "all", "name": None, "currency": "GBP"}, 4000),
        ({"kind": "team", "name": "north"}, 6000),
        ({"kind": "team", "name": "south"}, 0),
        ({"kind": "pipeline", "name": "sales"}, 6000),
        ({"kind": "source", "name": "/web/shop", "measure": "revenue"}, 70),
        ({"kind": "product", "name": "P1", "measure": "won", **nothing}, 2),
        ({"measure": "new", **nothing}, 3),
        ({"measure": "new_customers", **nothing}, 3),
        ({"measure": "calls", **nothing}, 2),
        ({"measure": "visits", **nothing}, 1),
        ({"measure": "proposals", **nothing}, 0),
        ({"period": "year"}, 3000),
        ({"period": "quarter", "first": "2026-04-01"}, 0),
    ]
    made = {(await set_(leads, **changes))["id"]: actual for changes, actual in wanted}
    listed = await leads.get("/v1/goals", as_of="2026-12-31")
    assert {each["id"]: each["actual"] for each in listed["data"]} == made
    for each in listed["data"]:
        answer = await leads.client.get(each["query"], headers=leads.headers("service:app"))
        if each["name"] == "south":
            assert answer.status_code == 422  # there is no such team
            continue
        rows = answer.json()["data"]
        of_money = each["currency"] is not None
        assert (sum(row["amount"] for row in rows) if of_money else len(rows)) == each["actual"]
    assert await leads.all_pages("/v1/goals", 3, as_of="2026-12-31") == listed["data"]
    assert len((await leads.get("/v1/goals", kind__eq="team"))["data"]) == 2
    assert (await leads.get("/v1/goals", first__gte="2026-02-01"))["data"][0]["period"] == "quarter"


async def test_goals_change_and_are_retired(leads: Leads) -> None:
    made = await set_(leads)
    path = f"/v1/goals/{made['id']}"
    again = await send(leads, "POST", "/v1/goals", GOAL)
    assert (again.status_code, again.headers["ETag"]) == (201, '"1"')
    other = await send(leads, "POST", "/v1/goals", GOAL | {"target": 5})
    assert (other.status_code, other.json()["code"]) == (409, "goal_set")
    target = {"target": 4000}
    assert (await send(leads, "PUT", path, target)).status_code == 428
    changed = await send(leads, "PUT", path, target, **{"If-Match": '"1"'})
    assert (changed.json()["target"], changed.json()["version"]) == (4000, 2)
    assert (await send(leads, "PUT", path, target, **{"If-Match": '"1"'})).status_code == 412
    because = {"reason": "She left."}
    retired = await send(leads, "POST", f"{path}/retire", because, **{"If-Match": '"2"'})
    assert retired.json()["retired"] is True
    await leads.settle()
    assert (await leads.get("/v1/goals"))["data"] == []
    [listed] = (await leads.get("/v1/goals", retired__eq="true"))["data"]
    assert (listed["target"], listed["version"]) == (4000, 3)
    assert (await leads.ask(f"/v1/goals/{number(1)}")).status_code == 404
    wrong = await send(leads, "POST", "/v1/goals", GOAL | {"first": "2026-01-02"})
    assert wrong.json()["errors"][0]["pointer"] == "/first"


async def test_a_representative_sees_their_own_goals(leads: Leads) -> None:
    mine, other = await set_(leads), await set_(leads, name=EIGHT)
    [listed] = (await leads.get("/v1/goals", SEVEN))["data"]
    assert listed["id"] == mine["id"]
    assert (await leads.ask(f"/v1/goals/{mine['id']}", SEVEN)).status_code == 200
    assert (await leads.ask(f"/v1/goals/{other['id']}", SEVEN)).status_code == 404
    assert (await send(leads, "POST", "/v1/goals", GOAL, SEVEN)).status_code == 403


HALVES = CommissionRule("halves", (Share("owner", 5_000), Share("captured", 5_000)), rate=1_000)


async def ruled(leads: Leads, *rules: CommissionRule, seconds: float = 0) -> None:
    command = DefineCommissions(rules=rules, at=at(seconds))
    await leads.handler.carry_out(
        COMMISSIONS, RULES, command, Origin("service:app"), partitionkey=RULES
    )
    await leads.settle()


JANUARY = {"from": "2026-01-01", "to": "2026-02-01"}
FEBRUARY = {"from": "2026-02-01", "to": "2026-03-01"}


def earned(found: Any) -> dict[tuple[str, str], int]:
    return {(each["representative"], each["currency"]): each["amount"] for each in found["sums"]}


async def test_a_statement_has_what_was_earned_and_the_events_behind_it(leads: Leads) -> None:
    await ruled(leads, HALVES)
    await sell(leads)
    found = await leads.get("/v1/commissions", **JANUARY)
    assert shape(found) == shape(documents.STATEMENT)
    assert earned(found) == {(SEVEN, "EUR"): 300, (SEVEN, "GBP"): 400, (EIGHT, "EUR"): 300}
    mine = await leads.get("/v1/commissions", SEVEN, **JANUARY)
    assert earned(mine) == {(SEVEN, "EUR"): 300, (SEVEN, "GBP"): 400}
    assert mine == await leads.get("/v1/commissions", representative=SEVEN, **JANUARY)
    history = await leads.get(f"/v1/leads/{number(1)}/history")
    kinds = [each["type"] for each in history["data"]]
    for line in [line for line in mine["data"] if line["lead"] == number(1)]:
        assert [each["type"] for each in line["events"]] == kinds == ["lead.captured", "lead.won"]
    assert await leads.all_pages("/v1/commissions", 3, **JANUARY) == found["data"]
    assert (await leads.get("/v1/commissions", **FEBRUARY))["data"] == []


async def test_what_was_reopened_is_taken_back_when_it_was(leads: Leads) -> None:
    await ruled(leads, HALVES)
    await sell(leads)
    january = await leads.get("/v1/commissions", **JANUARY)
    await ruled(leads, seconds=11 * DAY)  # no more commissions
    reopen = ReopenLead(pipeline=SALES, reason="sent back", at=at(40 * DAY))
    await leads.carry_out(number(1), reopen, WinLead(at=at(41 * DAY), amount=9, currency="EUR"))
    await leads.settle()
    assert await leads.get("/v1/commissions", **JANUARY) == january
    february = await leads.get("/v1/commissions", **FEBRUARY)
    assert earned(february) == {(SEVEN, "EUR"): -100}
    assert [line["events"][-1]["type"] for line in february["data"]] == ["lead.reopened"] * 2


async def test_rules_of_commissions_over_http(leads: Leads) -> None:
    path = "/v1/commissions/rules"
    assert (await leads.ask(path)).status_code == 404
    body = {"rules": [{"id": "all", "rate": 500, "shares": [{"role": "owner", "share": 10_000}]}]}
    made = await send(leads, "PUT", path, body)
    assert (made.status_code, made.json()["version"]) == (200, 1)
    shown = await leads.ask(path)
    assert (shown.json()["rules"], shown.headers["ETag"]) == (body["rules"], '"1"')
    assert (await send(leads, "PUT", path, {"rules": []})).status_code == 428
    assert (await send(leads, "PUT", path, {"rules": []}, SEVEN)).status_code == 403
    other = await send(leads, "PUT", path, {"rules": []}, **{"If-Match": '"1"'})
    assert other.json() | {"position": ""} == {"version": 2, "rules": [], "position": ""}
    body["rules"][0] |= {"amount": 5}
    wrong = await send(leads, "PUT", path, body, **{"If-Match": '"2"'})
    pointers = {each["pointer"] for each in wrong.json()["errors"]}
    assert pointers == {"/rules/0/rate", "/rules/0/currency"}
    unknown = {"rules": [{"id": "all", "rate": 5, "shares": [{"role": "boss", "share": 1}]}]}
    assert (await send(leads, "PUT", path, unknown)).status_code == 422


async def test_a_statement_that_cannot_be_is_refused(leads: Leads) -> None:
    for wrong in (
        {"from": "2026-02-01", "to": "2026-01-01"},
        {"from": "2025-01-01", "to": "2026-12-31"},
    ):
        assert (await leads.ask("/v1/commissions", **wrong)).status_code == 422
    other = await leads.ask("/v1/commissions", SEVEN, representative=EIGHT)
    assert other.status_code == 403
