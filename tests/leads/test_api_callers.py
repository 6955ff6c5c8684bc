"""Who calls: all that is known of whoever has a telephone number."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.leads.callers.api import KNOWN
from shared.database import Pool
from tests.leads.answering import Leads, answering, defined
from tests.leads.asking import send, teams
from tests.leads.told import capture, number
from tests.records import at, subject

JANE = "phone:+31201234567"


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales")
        yield leads


async def calls(leads: Leads, telephone: str, who: str = "service:app") -> Any:
    answer = await send(leads, "/v1/callers", {"telephone": telephone}, who)
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == KNOWN.keys()
    return answer.json()


async def test_a_number_that_nobody_was_seen_with_is_not_known(leads: Leads) -> None:
    found = await calls(leads, "+31 20 999 9999")
    assert found.pop("known") is False
    unknown = subject("phone:+31209999999")
    assert found == {
        "subject": unknown,
        "customer": unknown,
        "subjects": [unknown],
        "traits": {},
        "open_leads": [],
        "interactions": [],
        "orders": [],
        "products": [],
        "quotes": [],
        "steps": [],
    }


async def test_all_of_the_customer_is_shown_under_any_spelling_of_the_number(leads: Leads) -> None:
    user = "user:shop:42"
    await leads.belongs(subject(JANE), subject(user))
    await leads.belongs(subject(user), subject(user))
    await leads.carry_out(number(1), capture(1, user, owner="representative:7"))
    await leads.settle()
    await leads.tell("customer.described", user, traits={"company": "Acme", "gone": 1})
    await leads.tell("customer.described", JANE, traits={"gone": None})
    await leads.tell("call.received", JANE, purpose="sales")
    placed: Any = {"order": "1001", "namespace": "shop", "amount": 19900, "currency": "EUR"}
    await leads.tell("order.placed", user, **placed)
    found: Any = {}
    for spelling in ("+31 20 123 4567", "0031-20-1234567", "+31(0)201234567"):
        found = await calls(leads, spelling)
        assert (found["known"], found["customer"]) == (True, subject(user))
        assert found["subjects"] == sorted([subject(JANE), subject(user)])
        assert found["traits"] == {"company": "Acme"}
        assert [each["id"] for each in found["open_leads"]] == [number(1)]
        assert [each["type"] for each in found["interactions"]][1:] == [
            *("call.received", "customer.described", "customer.described"),
        ]
        [order] = found["orders"]
        assert (order["number"], order["amount"], order["cancelled"]) == ("1001", 19900, False)
    [listed] = (await leads.get("/v1/leads"))["data"]
    assert found["open_leads"] == [listed]


async def test_a_lead_is_found_by_a_number_that_it_names_beside_a_stronger_identifier(
    leads: Leads,
) -> None:
    jane = "email:jane@example.com"
    body: Any = {
        "identifiers": [
            {"kind": "email", "value": "jane@example.com"},
            {"kind": "phone", "value": "+31201234567"},
        ],
        "title": "Wants chairs",
        "source": "/web",
        "channel": "web",
        "product": "CHAIR-7",
    }
    captured = await send(leads, "/v1/leads", body)
    assert captured.status_code == 201, captured.text
    await leads.settle()
    await leads.tell("customer.described", jane, traits={"company": "Acme"})
    found = await calls(leads, "+31201234567")
    assert (found["known"], found["customer"]) == (True, subject(jane))
    assert found["subjects"] == sorted([subject(JANE), subject(jane)])
    assert [each["id"] for each in found["open_leads"]] == [captured.json()["id"]]
    assert found["traits"] == {"company": "Acme"}
    assert [each["product"] for each in found["products"]] == ["CHAIR-7"]
    other = {"kind": "phone", "value": "+31207654321"}  # joins, and is known from then on
    joined = await send(leads, "/v1/leads", body | {"identifiers": [body["identifiers"][0], other]})
    assert joined.status_code == 200, joined.text
    await leads.settle()
    again = await calls(leads, "+31207654321")
    assert [each["inquiries"] for each in again["open_leads"]] == [2]


async def test_a_number_that_leads_of_several_name_is_nobodys_but_shows_them_all(
    leads: Leads,
) -> None:
    await defined(leads, "renewal")
    begun = set()
    for pipeline, who in (("sales", "1"), ("renewal", "2")):
        named = [{"kind": "crm", "value": who}, {"kind": "phone", "value": "+31201234567"}]
        body: Any = {"pipeline": pipeline, "identifiers": named, "title": "Chairs"}
        captured = await send(leads, "/v1/leads", body | {"source": "/web", "channel": "web"})
        assert captured.status_code == 201, captured.text
        begun.add(captured.json()["id"])
    await leads.settle()
    found = await calls(leads, "+31201234567")
    assert (found["known"], found["customer"]) == (True, subject(JANE))
    assert {each["id"] for each in found["open_leads"]} == begun


async def test_products_are_shown_with_when_each_was_asked_for_ordered_and_registered(
    leads: Leads,
) -> None:
    lines: Any = [{"sku": "CHAIR-7", "quantity": 2}, {"sku": "DESK-1", "quantity": 1}]
    placed: Any = {"order": "1", "namespace": "shop", "amount": 5, "currency": "EUR"}
    await leads.tell("order.placed", JANE, seconds=1, lines=lines, **placed)
    await leads.tell("product.registered", JANE, seconds=2, serial="S", sku="DESK-1")
    await leads.tell("product.viewed", JANE, seconds=3, product="LAMP-2")
    found = (await calls(leads, "+31201234567"))["products"]
    assert found == [
        {"product": sku, "name": None, "asked": asked, "ordered": ordered, "registered": had}
        for sku, asked, ordered, had in (
            ("LAMP-2", at(3), None, None),
            ("DESK-1", None, at(1), at(2)),
            ("CHAIR-7", None, at(1), None),
        )
    ]


async def test_of_the_leads_only_those_are_shown_that_the_key_sees(leads: Leads) -> None:
    await leads.carry_out(number(1), capture(1, JANE, owner="representative:8", at=at(1)))
    await leads.settle()
    me = "representative:7"
    assert (await calls(leads, "+31201234567", me))["open_leads"] == []
    await teams(leads, north=[me, "representative:8"])
    assert len((await calls(leads, "+31201234567", me))["open_leads"]) == 1
    refused = await send(leads, "/v1/callers", {"telephone": "+31201234567"}, "partner:12")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_for_partners")


@pytest.mark.parametrize("telephone", ["", "Jane", "000", "+12", "1" * 16, "\0", None, 5])
async def test_what_is_no_number_is_refused(leads: Leads, telephone: Any) -> None:
    answer = await send(leads, "/v1/callers", {"telephone": telephone})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/telephone"
