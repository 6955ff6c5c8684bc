"""The order of an accepted quote: what is sent, what the door answers, what follows from it."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.leads.catalogue.pricing import Line
from services.leads.quotes import orders
from services.leads.quotes.decider import QUOTE
from services.leads.quotes.numbers import number_of
from services.leads.quotes.placing import Away, Refused, Taken, answered
from services.leads.quotes.states import Accepted
from tests.contact.sending import admitted
from tests.leads.examples import JANE, ME, OTHER
from tests.leads.quoting import LINES, NUMBER, accepted, drafted, offer, sent
from tests.records import at


def event(lines: tuple[Line, ...] = LINES) -> dict[str, Any]:
    found = offer(lines=lines)
    state = QUOTE.fold([drafted(lines=lines), sent(found), accepted(found)])
    assert isinstance(state, Accepted)
    return orders.event_of(OTHER, state)


def test_it_is_the_same_event_whenever_it_is_made() -> None:
    assert event() == event()
    assert (event()["id"], event()["source"]) == (f"{OTHER}/1", "/leads/quotes")
    assert event()["time"] == at(4)


def test_the_door_admits_it_as_an_order_of_whoever_asked() -> None:
    record = admitted(event())
    assert record["type"] == "order.placed"
    data = record["data"]
    named = [(each["kind"], each["namespace"]) for each in data["identifiers"]]
    assert named == [("user", "shop")]
    assert (data["namespace"], data["order"]) == ("quotes", NUMBER)
    assert (data["amount"], data["currency"]) == (9900, "EUR")
    assert [(each["sku"], each["quantity"], each["price"]) for each in data["lines"]] == [
        ("KETTLE", 2, 4500),
        ("TEA", 3, 300),
    ]


@given(st.integers(1, 1000), st.integers(0, 10_000))
def test_prices_of_pieces_are_rounded_and_the_amount_is_exact(many: int, discount: int) -> None:
    lines = (Line("TEA", many, discount),)
    data = event(lines)["data"]
    [line] = data["lines"]
    assert data["amount"] == offer(lines=lines).priced.total
    assert abs(line["price"] * many - data["amount"]) <= many / 2


def answer(status: int, body: Any) -> httpx.Response:
    return httpx.Response(status, content=json.dumps(body))


def test_an_order_that_was_taken_has_a_position() -> None:
    found = answered(answer(202, {"id": "x", "position": "interactions.1/0/7"}))
    assert found == Taken("interactions.1/0/7")


def test_an_order_that_is_refused_says_why() -> None:
    errors = [{"pointer": "/data/order", "code": "length", "detail": "Too long."}]
    body = {"code": "invalid", "detail": "Too long.\0", "errors": errors}
    assert answered(answer(422, body)) == Refused(422, "invalid", "Too long.", ("/data/order",))
    assert answered(answer(413, {})) == Refused(413, "refused", "")


def test_what_the_door_said_can_be_kept_whatever_it_was() -> None:
    body = {"code": "in\0valid", "detail": "\0", "errors": [{"pointer": "/data/\0"}]}
    assert answered(answer(422, body)) == Refused(422, "invalid", "", ("/data/",))


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 502, 503])
def test_what_is_about_the_key_the_way_or_the_hour_is_waited_for(status: int) -> None:
    with pytest.raises(Away, match=str(status)):
        answered(answer(status, {"code": "x"}))


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff", b'{"position": 1}'])
def test_an_answer_that_is_not_the_doors_is_waited_for(body: bytes) -> None:
    for status in (200, 202):
        with pytest.raises(Away):
            answered(httpx.Response(status, content=body))


def test_the_number_of_a_quote_follows_from_its_id() -> None:
    assert number_of(ME, "2026") == number_of(ME, "2026") != number_of(OTHER, "2026")
    assert number_of(ME, "2026").startswith("Q-2026-")


@given(st.lists(st.uuids(), min_size=2, max_size=200, unique=True))
def test_numbers_differ_and_can_be_read_out(ids: list[Any]) -> None:
    numbers = [number_of(str(id), "2026") for id in ids]
    assert len({*numbers}) == len(ids)
    assert not any(letter in number[1:] for number in numbers for letter in "ILOUilou")


def test_jane_orders() -> None:
    assert accepted().identifiers[0].subject == JANE
