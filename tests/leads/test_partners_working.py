"""Partners read the quotes and follow-ups of their leads: nothing that was not released."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.leads.follow_ups.events import Sequence
from shared.database import Pool
from tests.leads.answering import Leads, answering, defined
from tests.leads.asking import captured, send
from tests.leads.following import STEPS, define, react, written
from tests.leads.test_api_catalogue import put
from tests.leads.test_api_partners import partner

ME, OTHER = "partner:12", "partner:13"
SECRETS = {
    "title": "Jane wants kettles",
    "terms": "as they owe us money",
    "address": "1 Secret Lane",
    "recipient": "jane@secret.example",
    "discount": "1234",
}
LINES = [{"sku": "KETTLE", "quantity": 2, "discount": 1234}]


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales", "partner")
        made = [
            await put(leads, "/v1/products/KETTLE", {"name": "Kettle", "category": "food"}),
            await put(
                leads,
                "/v1/price-lists/standard",
                {"currency": "EUR", "prices": {"KETTLE": [{"price": 5000}]}},
            ),
        ]
        assert [each.status_code for each in made] == [200, 200]
        await written(leads, define(Sequence("By hand", STEPS[:1])))
        yield leads


async def worked_on(leads: Leads, n: int, owner: str) -> tuple[str, str]:
    """A lead with a quote that was sent and a step that is to be done; both ids."""
    lead = (await captured(leads, n, pipeline="partner", owner=owner, title=SECRETS["title"]))["id"]
    offer = {"lines": LINES, "terms": SECRETS["terms"], "address": [SECRETS["address"]]}
    quote = await send(leads, f"/v1/leads/{lead}/quotes", offer)
    assert quote.status_code == 201, quote.text
    path = f"/v1/quotes/{quote.json()['id']}/send"
    sent = {"version": 1, "channel": "email", "recipient": SECRETS["recipient"]}
    answer = await send(leads, path, sent, version=quote.json()["version"])
    assert answer.status_code == 200, answer.text
    begun = await send(leads, f"/v1/leads/{lead}/follow-ups", {"sequence": "first"})
    assert begun.status_code == 201, begun.text
    await react(leads)
    return lead, quote.json()["id"]


async def told(leads: Leads, lead: str, quote: str) -> dict[str, Any]:
    paths = ("/v1/quotes", f"/v1/quotes/{quote}", "/v1/follow-ups", f"/v1/leads/{lead}/follow-ups")
    answers = {path: await leads.ask(path, ME) for path in paths}
    assert {path: each.status_code for path, each in answers.items()} == dict.fromkeys(paths, 200)
    return answers


@pytest.mark.parametrize(
    ("release", "shown"), [({}, None), ({"title": True}, "title"), ({"notes": True}, "terms")]
)
async def test_of_quotes_and_steps_a_partner_reads_what_is_released(
    leads: Leads, release: dict[str, Any], shown: str | None
) -> None:
    lead, quote = await worked_on(leads, 1, ME)
    await partner(leads, **release)
    answers = await told(leads, lead, quote)
    text = "\n".join(each.text for each in answers.values())
    assert [name for name, value in SECRETS.items() if value in text] == [shown] * bool(shown)
    listed, whole, steps, todo = [each.json() for each in answers.values()]
    assert [(each["id"], each["lead"]) for each in listed["data"]] == [(quote, lead)]
    [version] = whole["versions"]
    assert (whole["state"], version["lines"]) == ("sent", [{"sku": "KETTLE", "quantity": 2}])
    assert version["priced"]["total"] == listed["data"][0]["amount"]
    assert [each["id"] for each in steps["data"]] == [each["id"] for each in todo["steps"]]
    assert "guide" not in steps["data"][0]


async def test_a_partner_reads_nothing_of_other_leads(leads: Leads) -> None:
    lead, quote = await worked_on(leads, 1, OTHER)
    for path in ("/v1/quotes", "/v1/follow-ups"):
        assert (await leads.get(path, ME))["data"] == []
    for path in (f"/v1/quotes/{quote}", f"/v1/leads/{lead}/follow-ups"):
        assert (await leads.ask(path, ME)).status_code == 404


async def test_a_partner_reads_quotes_and_changes_none(leads: Leads) -> None:
    lead, quote = await worked_on(leads, 1, ME)
    for path in (f"/v1/quotes/{quote}/accept", f"/v1/leads/{lead}/follow-ups"):
        answer = await send(leads, path, {}, ME)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_for_partners")


@pytest.mark.parametrize("name", ["lead", "customer"])
async def test_a_partner_asks_for_the_quotes_of_a_lead_and_of_no_customer(
    leads: Leads, name: str
) -> None:
    lead, quote = await worked_on(leads, 1, ME)
    asked = f"/v1/quotes?filter[{name}][eq]={lead}"
    answer = await leads.client.get(asked, headers=leads.headers(ME))
    if name == "customer":
        assert (answer.status_code, answer.json()["code"]) == (403, "not_released")
    else:
        assert [each["id"] for each in answer.json()["data"]] == [quote]
