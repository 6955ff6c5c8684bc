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
