"""Opportunities and quotes over HTTP, and how their orders are placed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from services.leads.commands import AssignLead
from services.leads.decider import LEAD
from services.leads.part import SOURCE
from services.leads.quotes.api import examples
from services.leads.quotes.decider import QUOTE
from services.leads.quotes.document import digest
from services.leads.quotes.expiring import EXPIRY
from services.leads.quotes.placing import Away, Refused, Taken, place
from shared.database import Pool
from shared.deciding.store import Origin
from shared.deciding.timers import Ticking
from shared.leases import Lease
from shared.messages import Identifier
from tests.leads.answering import SCHEMA, Leads, answering, defined
from tests.leads.examples import JANE
from tests.leads.quoting import NUMBER, WHO, draft, send
from tests.leads.test_api_catalogue import post, put, wrong
from tests.leads.test_api_documents import shape
from tests.leads.told import capture, number
from tests.records import at

GOODS: dict[str, dict[str, Any]] = {
    "TEA": {"category": "food"},
    "KETTLE": {"goes_with": ["TEA"], "category": "kitchen"},
    "LID": {"requires": [["KETTLE"]], "category": "kitchen"},
}
PRICES = {"KETTLE": [{"price": 5000}], "TEA": [{"price": 300}], "LID": [{"price": 150}]}
LINES = [{"sku": "KETTLE", "quantity": 2, "discount": 1000}, {"sku": "TEA", "quantity": 3}]
LEAD_1, LEAD_2 = number(1), number(2)


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales")
        for sku, fields in GOODS.items():
            made = await put(leads, f"/v1/products/{sku}", {"name": sku.title()} | fields)
            assert made.status_code == 200, made.text
        made = await put(leads, "/v1/price-lists/standard", {"currency": "EUR", "prices": PRICES})
        assert made.status_code == 200, made.text
        await leads.carry_out(
            LEAD_1, capture(1, subject=JANE, identifiers=WHO, owner="representative:7")
        )
        await leads.carry_out(LEAD_2, capture(2, owner="representative:8"))
        await leads.settle()
        yield leads


@dataclass
class Quote:
    """A quote as a caller sees it."""

    leads: Leads
    id: str
    version: int

    async def do(self, name: str, who: str = "service:app", **body: Any) -> httpx.Response:
        """A command for the version that was seen last."""
        path, tag = f"/v1/quotes/{self.id}/{name}", {"If-Match": f'"{self.version}"'}
        answer: httpx.Response = await post(self.leads, path, body, who, **tag)
        if answer.status_code == 200:
            self.version = answer.json()["version"]
        return answer

    async def done(self, name: str, **body: Any) -> Any:
        answer = await self.do(name, **body)
        assert answer.status_code == 200, answer.text
        return answer.json()


async def drafted(leads: Leads, lead: str = LEAD_1, **body: Any) -> Quote:
    found = await post(leads, f"/v1/leads/{lead}/quotes", {"lines": LINES} | body)
    assert found.status_code == 201, found.text
    return Quote(leads, found.json()["id"], found.json()["version"])


async def sent(leads: Leads, **body: Any) -> Quote:
    quote = await drafted(leads, **body)
    await quote.done("send", version=1, channel="email", recipient="jane@example.com")
    return quote


async def opportunity(leads: Leads, body: Any, version: int | None = None) -> httpx.Response:
    return await put(leads, f"/v1/leads/{LEAD_1}/opportunity", body, version)


async def test_the_lead_has_what_its_opportunity_comes_to(leads: Leads) -> None:
    body = {"price_list": "standard", "lines": LINES, "expected_close": "2026-12-31"}
    people = [{"role": "decides", "subject": JANE}, {"role": "uses", "name": "John"}]
    made = await opportunity(leads, body | {"people": people})
    assert made.status_code == 200, made.text
    by_sku: dict[str, Any] = {"categories": {}}
    assert shape(made.json() | by_sku) == shape(examples.DESCRIBED | by_sku)
    assert (made.json()["amount"], made.json()["of_lead"]["amount"]) == (9900, 9900)
    await leads.settle()
    found = await leads.get(f"/v1/leads/{LEAD_1}")
    assert (found["amount"], found["currency"], found["product"]) == (9900, "EUR", "KETTLE")
    assert found["expected_close"] == "2026-12-31"
    board = await leads.get("/v1/boards/sales")
    assert [each["amount"] for each in board["amounts"]] == [9900]
    fewer = await opportunity(leads, body | {"lines": LINES[1:], "people": people[1:]}, 1)
    assert fewer.json()["of_lead"]["amount"] == 900
    await leads.settle()
    pool = leads.site.pool
    lines = await pool.fetch(
        f"SELECT sku, category, quantity, amount, currency FROM {SCHEMA}.opportunity_lines"
        " WHERE sku IS NOT NULL"
    )
    assert [tuple(row) for row in lines] == [("TEA", "food", 3, 900, "EUR")]
    found = await pool.fetch(
        f"SELECT role, name FROM {SCHEMA}.opportunity_people WHERE role IS NOT NULL"
    )
    assert [tuple(row) for row in found] == [("uses", "John")]
    told = await leads.get(f"/v1/leads/{LEAD_1}/opportunity/history")
    assert [each["data"]["changed"][0] for each in told["data"]] == ["people", "people"]


async def test_an_opportunity_is_changed_by_whoever_saw_it_last(leads: Leads) -> None:
    nothing = await leads.get(f"/v1/leads/{LEAD_1}/opportunity")
    assert nothing["version"] == 0
    assert (await opportunity(leads, {"next_step": "Call"})).status_code == 200
    assert (await opportunity(leads, {"next_step": "Write"})).status_code == 428
    assert (await opportunity(leads, {"next_step": "Write"}, 7)).status_code == 412
    assert (await opportunity(leads, {"next_step": "Write"}, 1)).json()["version"] == 2


async def test_what_is_wrong_of_an_opportunity_leaves_the_lead_as_it_was(leads: Leads) -> None:
    body = {"price_list": "standard", "lines": [{"sku": "NONE"}], "expected_close": "2026-12-31"}
    assert wrong(await opportunity(leads, body)) == {("unknown_sku", "/lines/0/sku")}
    unknown = await opportunity(leads, {"price_list": "gold", "lines": LINES})
    assert wrong(unknown) == {("unknown_price_list", "/price_list")}
    assert (await leads.get(f"/v1/leads/{LEAD_1}"))["expected_close"] is None


async def test_a_quote_is_drafted_of_the_opportunity_and_read(leads: Leads) -> None:
    await opportunity(leads, {"price_list": "standard", "lines": LINES})
    key, body = {"Idempotency-Key": "k1"}, {"terms": "30 days", "address": ["Jane"]}
    made = await post(leads, f"/v1/leads/{LEAD_1}/quotes", body, **key)
    assert made.status_code == 201, made.text
    assert shape(made.json()) == shape(examples.DRAFTED)
    again = await post(leads, f"/v1/leads/{LEAD_1}/quotes", body, **key)
    assert again.json()["id"] == made.json()["id"]
    [version] = made.json()["versions"]
    assert version["priced"]["total"] == 9900
    await leads.settle()
    id = made.json()["id"]
    assert await leads.ids("/v1/quotes", lead__eq=LEAD_1) == [id]
    assert (await leads.get(f"/v1/quotes/{id}"))["number"] == made.json()["number"]


async def test_a_quote_that_breaks_a_rule_is_not_sent_and_shows_what_is_better(
    leads: Leads,
) -> None:
    quote = await drafted(leads, lines=[{"sku": "LID"}])
    await leads.settle()
    found = await leads.get(f"/v1/quotes/{quote.id}/offers")
    assert [each["code"] for each in found["findings"]] == ["requires"]
    refused = await quote.do("send", version=1, channel="email")
    assert wrong(refused) == {("requires", "/lines/0/sku")}
    last = (await leads.get(f"/v1/quotes/{quote.id}"))["versions"][0]["valid_until"]
    await quote.done("revise", lines=[{"sku": "LID"}, {"sku": "KETTLE"}], valid_until=last)
    found = await leads.get(f"/v1/quotes/{quote.id}/offers")
    assert [(each["kind"], each["sku"]) for each in found["offers"]] == [("goes_with", "TEA")]
    assert found["findings"] == []
    told = await quote.done("send", version=2, channel="email")
    assert (told["state"], told["latest"], told["sent"]) == ("sent", 2, 2)


async def test_what_was_sent_is_proven_by_its_digest(leads: Leads) -> None:
    quote = await sent(leads, terms="<script>alert(1)</script>", language="de", address=["Jane"])
    found = await leads.get(f"/v1/quotes/{quote.id}")
    assert shape(found) == shape(examples.QUOTE)
    kept = found["versions"][0]["sent"][0]["digest"]
    await quote.done("revise", valid_until=found["versions"][0]["valid_until"], terms="Other")
    await put(leads, "/v1/products/KETTLE", {"name": "Renamed", "category": "x"}, 1)
    page = await leads.ask(f"/v1/quotes/{quote.id}/document", version=1)
    assert digest(page.content) == kept
    assert page.headers["etag"] == f'"{kept}"'
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert "Angebot" in page.text
    latest = await leads.ask(f"/v1/quotes/{quote.id}/document")
    assert digest(latest.content) != kept
    assert (await leads.ask(f"/v1/quotes/{quote.id}/document", version=3)).status_code == 404
    headers = {**leads.headers("service:app"), "If-None-Match": f'"{kept}"'}
    path = f"/v1/quotes/{quote.id}/document?version=1"
    assert (await leads.client.get(path, headers=headers)).status_code == 304


async def test_commands_hold_for_the_version_that_was_seen(leads: Leads) -> None:
    quote = await drafted(leads)
    path = f"/v1/quotes/{quote.id}/send"
    body: dict[str, Any] = {"version": 1, "channel": "email"}
    assert (await post(leads, path, body)).status_code == 428
    assert (await post(leads, path, body, **{"If-Match": '"9"'})).status_code == 412
    unknown = Quote(leads, number(9), 1)
    assert (await unknown.do("send", **body)).status_code == 404
    assert wrong(await quote.do("accept", version=1), 409) == {("not_sent", "/version")}
    assert (await quote.do("send", version=1, channel="pigeon")).status_code == 422


async def test_accepting_wins_the_lead_or_does_neither(leads: Leads) -> None:
    quote = await sent(leads)
    told = await quote.done("accept", version=1, win=True)
    assert (told["state"], told["order"]["state"]) == ("accepted", "pending")
    found = await leads.get(f"/v1/leads/{LEAD_1}")
    assert (found["state"], found["won"]) == ("won", {"amount": 9900, "currency": "EUR"})
    other = await drafted(leads, LEAD_2)
    await other.done("send", version=1, channel="letter")
    refused = await other.do("accept", version=1, win=True)
    assert wrong(refused) == {("required", "/identifiers")}
    assert (await leads.get(f"/v1/leads/{LEAD_2}"))["state"] == "open"
    named = [{"kind": "email", "value": "Fay@Example.com"}]
    told = await other.done("accept", version=1, win=True, identifiers=named)
    assert told["state"] == "accepted"


async def test_a_lead_that_was_won_for_something_else_refuses_both(leads: Leads) -> None:
    quote = await sent(leads)
    won = {"amount": 1, "currency": "EUR"}
    version = (await leads.get(f"/v1/leads/{LEAD_1}"))["version"]
    path = f"/v1/leads/{LEAD_1}/win"
    assert (await post(leads, path, won, **{"If-Match": f'"{version}"'})).status_code == 200
    refused = await quote.do("accept", version=1, win=True)
    assert (refused.status_code, refused.json()["code"]) == (409, "lead_won")
    assert (await leads.get(f"/v1/quotes/{quote.id}"))["state"] == "sent"
    assert (await quote.done("accept", version=1))["state"] == "accepted"


async def expired(leads: Leads) -> Quote:
    """A quote whose last day is over, and nobody came by to say so."""
    state = (await leads.handler.load(LEAD, LEAD_1)).state
    id = number(7)
    for command in (draft(lead=LEAD_1, state=state), send(state=state)):
        origin = Origin("service:app")
        await leads.handler.carry_out(QUOTE, id, command, origin, partitionkey=JANE)
    await leads.settle()
    return Quote(leads, id, 2)


async def test_a_quote_that_has_expired_is_not_accepted_before_and_after_it_was_told(
    leads: Leads,
) -> None:
    quote = await expired(leads)
    for version in (2, 3):
        quote.version = version
        refused = await quote.do("accept", version=1)
        assert (refused.status_code, refused.json()["code"]) == (409, "expired")
        assert "2026-01-10" in refused.json()["detail"]
        if version == 2:
            await tick(leads)
    assert (await leads.get(f"/v1/quotes/{quote.id}"))["state"] == "expired"
    assert await leads.ids("/v1/quotes", state__eq="expired", number__eq=NUMBER) == [quote.id]
    await tick(leads)
    events = (await leads.get(f"/v1/quotes/{quote.id}/history"))["data"]
    assert [each["type"] for each in events] == ["quote.drafted", "quote.sent", "quote.expired"]


async def tick(leads: Leads) -> None:
    """Let the moments come that are due by now."""
    pool = leads.site.pool
    epoch = await pool.fetchval(
        "INSERT INTO leases (schema, unit, owner, epoch) VALUES ($1, 'quotes', 'a', 1)"
        " ON CONFLICT (schema, unit) DO UPDATE SET epoch = leases.epoch + 1 RETURNING epoch",
        SCHEMA,
    )
    await Ticking(pool, Lease(SCHEMA, "quotes", "a", epoch), SOURCE, EXPIRY).turn()
    await leads.settle()


class Door:
    """A door that answers what it is told to, and keeps what it was sent."""

    def __init__(self, *answers: Taken | Refused | Away) -> None:
        self.answers = list(answers)
        self.sent: list[dict[str, Any]] = []

    async def __call__(self, event: dict[str, Any]) -> Taken | Refused:
        self.sent.append(event)
        answer = self.answers.pop(0)
        if isinstance(answer, Away):
            raise answer
        return answer


TAKEN = Taken("interactions.1/0/7")


async def accepted(leads: Leads) -> Quote:
    quote = await sent(leads)
    await quote.done("accept", version=1)
    await leads.settle()
    return quote


async def placed(leads: Leads, door: Door) -> int:
    found = await place(leads.site.pool, leads.handler, SCHEMA, door)
    await leads.settle()
    return found


async def test_an_accepted_quote_places_its_order_once(leads: Leads) -> None:
    quote = await accepted(leads)
    door = Door(Away("503"), TAKEN)
    with pytest.raises(Away):
        await placed(leads, door)
    assert await placed(leads, door) == 1
    assert await placed(leads, door) == 0
    assert len(door.sent) == 2
    assert door.sent[0] == door.sent[1]
    assert door.sent[0]["id"] == f"{quote.id}/1"
    found = await leads.get(f"/v1/quotes/{quote.id}")
    assert (found["state"], found["order"]["position"]) == ("ordered", TAKEN.position)
    [listed] = (await leads.get("/v1/quotes", ordering__eq="placed"))["data"]
    assert shape(listed) == shape(examples.LISTED)


async def test_a_view_that_lags_places_no_second_order(leads: Leads) -> None:
    await accepted(leads)
    door = Door(TAKEN)
    assert await place(leads.site.pool, leads.handler, SCHEMA, door) == 1
    assert await place(leads.site.pool, leads.handler, SCHEMA, door) == 0
    assert len(door.sent) == 1


async def test_an_order_that_is_refused_is_seen_and_tried_again_when_asked_for(
    leads: Leads,
) -> None:
    quote = await accepted(leads)
    door = Door(Refused(422, "invalid", "Too long.", ("/data/order",)), TAKEN)
    assert await placed(leads, door) == 1
    assert await placed(leads, door) == 0
    found = await leads.get(f"/v1/quotes/{quote.id}")
    problem = found["order"]["problem"]
    assert (found["order"]["state"], problem["pointers"]) == ("refused", ["/data/order"])
    assert await leads.ids("/v1/quotes", ordering__eq="refused") == [quote.id]
    quote.version = found["version"]
    assert (await quote.done("order", reason="Made shorter"))["order"]["state"] == "pending"
    await leads.settle()
    assert await placed(leads, door) == 1
    assert (await leads.get(f"/v1/quotes/{quote.id}"))["state"] == "ordered"


async def test_a_quote_is_seen_by_whoever_sees_its_lead(leads: Leads) -> None:
    mine, other = await drafted(leads), await drafted(leads, LEAD_2)
    await leads.settle()
    who = "representative:7"
    assert await leads.ids("/v1/quotes", who=who) == [mine.id]
    for what in ("", "/document", "/offers", "/history"):
        assert (await leads.ask(f"/v1/quotes/{mine.id}{what}", who)).status_code == 200
        assert (await leads.ask(f"/v1/quotes/{other.id}{what}", who)).status_code == 404
    body: dict[str, Any] = {"version": 1, "channel": "email"}
    assert (await other.do("send", who, **body)).status_code == 404
    assert (await post(leads, f"/v1/leads/{LEAD_2}/quotes", {}, who)).status_code == 404
    assert (await leads.ask(f"/v1/leads/{LEAD_2}/opportunity", who)).status_code == 404
    given = AssignLead(owner=who, reason="hers", at=at(9))
    await leads.carry_out(LEAD_2, given)
    await leads.settle()
    assert {*(await leads.ids("/v1/quotes", who=who))} == {mine.id, other.id}


async def test_quotes_are_listed_page_by_page_and_filtered(leads: Leads) -> None:
    made = [await drafted(leads, lead) for lead in (LEAD_1, LEAD_2, LEAD_1)]
    await leads.settle()
    newest = [each.id for each in reversed(made)]
    found = await leads.all_pages("/v1/quotes", 1)
    assert [each["id"] for each in found] == newest
    asked = await leads.ids("/v1/quotes", sort="drafted", owner__eq="representative:7")
    assert asked == [made[0].id, made[2].id]
    assert await leads.ids("/v1/quotes", customer__eq=JANE) == [newest[0], newest[2]]
    last = found[0]["valid_until"]
    assert len(await leads.ids("/v1/quotes", valid_until__lte=last, sort="valid_until")) == 3
    assert await leads.ids("/v1/quotes", valid_until__gte="2099-01-01") == []
    assert (await leads.ask("/v1/quotes", state__eq="lost")).status_code == 422


async def test_claims_order_nothing(leads: Leads) -> None:
    claimed = (Identifier("user", "5", "shop", JANE, claim=True),)
    await leads.carry_out(number(3), capture(3, identifiers=claimed))
    quote = await drafted(leads, number(3))
    await quote.done("send", version=1, channel="email")
    assert wrong(await quote.do("accept", version=1)) == {("required", "/identifiers")}


async def test_a_key_that_comes_again_for_another_lead_drafts_that_leads_own_quote(
    leads: Leads,
) -> None:
    async def draft(lead: str) -> Any:
        path, again = f"/v1/leads/{lead}/quotes", {"Idempotency-Key": "k-1"}
        answer = await post(leads, path, {"lines": LINES}, **again)
        await leads.site.pool.execute("DELETE FROM idempotency")  # a day later
        assert answer.status_code == 201, answer.text
        return answer.json()

    first = await draft(LEAD_1)
    assert (await draft(LEAD_1))["id"] == first["id"]
    other = await draft(LEAD_2)
    assert (first["lead"], other["lead"]) == (LEAD_1, LEAD_2)
