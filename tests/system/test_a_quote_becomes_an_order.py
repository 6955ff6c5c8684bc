"""From a lead to an order: quoted, sent, accepted, and placed once, also across a kill."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from shared import database
from shared.failpoints import EXIT
from tests.system.running import System
from tests.waiting import until

JANE = {"kind": "email", "value": "jane@example.com"}
PRICES = {"KETTLE-1": [{"quantity": 1, "price": 4990}], "TEA-7": [{"quantity": 1, "price": 350}]}
LINES = [{"sku": "KETTLE-1", "quantity": 2, "discount": 500}, {"sku": "TEA-7", "quantity": 4}]


class Desk:
    """What a sales desk sees of a system."""

    def __init__(self, system: System, pool: database.Pool) -> None:
        self.system = system
        self.pool = pool

    def ask(self, method: str, path: str, version: int | None = None, body: Any = None) -> Any:
        headers = self.system.key("read" if method == "GET" else "write")
        if version is not None:
            headers |= {"If-Match": f'"{version}"'}
        answer = httpx.request(
            method, f"{self.system.url}{path}", json=body, headers=headers, timeout=20.0
        )
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def accepted(self, who: dict[str, str]) -> str:
        """A lead of somebody, quoted, sent, and won with what was accepted: the quote."""
        asked = {"title": "Wants kettles", "source": "/desk", "channel": "desk"}
        lead = self.ask("POST", "/v1/leads", body=asked | {"identifiers": [who]})
        described = {"price_list": "standard", "lines": LINES}
        self.ask("PUT", f"/v1/leads/{lead['id']}/opportunity", body=described)
        quote = self.ask("POST", f"/v1/leads/{lead['id']}/quotes", body={})
        path = f"/v1/quotes/{quote['id']}"
        self.ask("POST", f"{path}/send", 1, {"version": 1, "channel": "email"})
        self.ask("POST", f"{path}/accept", 2, {"version": 1, "win": True})
        return str(quote["id"])

    async def ordered(self, quote: str) -> dict[str, Any]:
        """Wait until its order is placed; the quote as it is then."""
        path = f"/v1/quotes/{quote}"

        async def is_placed() -> bool:
            return bool(self.ask("GET", path)["state"] == "ordered")

        await until(is_placed, what="the order is placed")
        found: dict[str, Any] = self.ask("GET", path)
        return found

    def orders(self, quote: dict[str, Any]) -> list[Any]:
        """The orders of its customer in contact's history, once that has the quote's."""
        subject = self.ask("GET", f"/v1/leads/{quote['lead']}")["subject"]
        position = quote["order"]["position"]
        query = f"?type=order.placed&subject={subject}&min_position={position}"
        found: list[Any] = self.ask("GET", f"/v1/interactions{query}")["data"]
        return found


@pytest.fixture
async def desk(system: System) -> AsyncIterator[Desk]:
    url = database.service_url(system.settings["RAPPORT_DATABASE"], "leads")
    pool = await database.connect(url, size=2)
    yield Desk(system, pool)
    pool.terminate()


async def test_an_accepted_quote_becomes_exactly_one_order(desk: Desk) -> None:
    for sku, name in (("KETTLE-1", "Kettle"), ("TEA-7", "Tea")):
        desk.ask("PUT", f"/v1/products/{sku}", body={"name": name, "category": "kitchen"})
    desk.ask("PUT", "/v1/price-lists/standard", body={"currency": "EUR", "prices": PRICES})
    found = await desk.ordered(desk.accepted(JANE))
    [order] = desk.orders(found)
    assert (order["id"], order["source"]) == (f"{found['id']}/1", "/leads/quotes")
    data = order["data"]
    assert (data["namespace"], data["order"]) == ("quotes", found["number"])
    assert (data["amount"], data["currency"]) == (10881, "EUR")
    assert [line["sku"] for line in data["lines"]] == ["KETTLE-1", "TEA-7"]
    profile = desk.system.profile("email:jane@example.com", found["order"]["position"])
    assert profile["orders"]["count"] == 1
    won = desk.ask("GET", f"/v1/leads/{found['lead']}")["won"]
    assert won == {"amount": 10881, "currency": "EUR"}


async def test_an_order_whose_answer_was_lost_in_a_kill_is_the_same_order(desk: Desk) -> None:
    system = desk.system
    system.stop()
    system.start(RAPPORT_FAILPOINTS="neighbour.answered=exit", RAPPORT_ALLOW_FAILPOINTS="1")
    quote = desk.accepted({"kind": "email", "value": "fay@example.com"})
    assert system.program.ended(60.0) == EXIT
    system.start()
    found = await desk.ordered(quote)
    assert [each["id"] for each in desk.orders(found)] == [f"{quote}/1"]
