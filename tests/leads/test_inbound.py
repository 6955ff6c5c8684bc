"""What leads reads of other services' events, and of its own."""

import json

import msgspec
import pytest

from services.leads import consumers, inbound
from services.leads.inbound import Belongs, Interaction
from tests.contracts.examples import written
from tests.leads.examples import JANE, WON, captured
from tests.records import record, subject

JANE_AND_MAIL = ("user:shop:42", "email:jane@x")


def read(type_: str, *who: str, **fields: object) -> Interaction:
    body = inbound.interaction(record(type_, *who, id="1", **fields)).body  # type: ignore[arg-type]
    assert isinstance(body, Interaction)
    return body


@pytest.mark.parametrize("type_", written("interactions"))
def test_every_known_interaction_is_read(type_: str) -> None:
    event = inbound.interaction(written("interactions")[type_])
    assert event.envelope.type == type_
    assert isinstance(event.body, Interaction)


def test_an_interaction_says_where_it_happened_and_who_it_was() -> None:
    found = read(
        "page.viewed", "user:shop:42", "email:jane@x", channel="chat", direction="outbound"
    )
    assert (found.channel, found.direction) == ("chat", "outbound")
    assert [each.subject for each in found.identifiers] == [JANE, subject("email:jane@x")]


def test_what_was_asked_for_or_looked_at_is_the_product() -> None:
    assert read("quote.requested", product="KETTLE-1").product == "KETTLE-1"
    assert read("product.viewed", sku="KETTLE-1").product == "KETTLE-1"
    assert read("page.viewed").product is None


def test_a_message_has_a_headline_and_may_be_a_programs() -> None:
    found = read("email.received", subject=" My kettle ", automatic=True, purpose="sales")
    assert (found.headline, found.automatic, found.purpose) == ("My kettle", True, "sales")


def test_traits_stay_as_they_were_told() -> None:
    found = read("customer.described", traits={"employees": 70, "vip": None, "city": "Leeds"})
    assert {name: bytes(value) for name, value in found.traits.items()} == {
        "employees": b"70",
        "vip": b"null",
        "city": b'"Leeds"',
    }


@pytest.mark.parametrize("wrong", [5, ["sales"], {"a": 1}, True, "", "  ", None])
def test_a_field_of_another_kind_is_not_there(wrong: object) -> None:
    fields = {"purpose": wrong, "product": wrong, "form": wrong, "subject": wrong, "traits": wrong}
    found = read("com.example.called", **fields)
    assert found == Interaction(channel="web", direction="inbound")


def test_a_record_that_is_not_of_our_making_is_said_to_be() -> None:
    broken = record("page.viewed", id="1")._replace(value=b'{"specversion": "1.0"}')
    with pytest.raises(msgspec.MsgspecError):
        inbound.interaction(broken)


def test_who_belongs_to_whom() -> None:
    body = inbound.belongs(written("customers")["belongs"]).body
    assert isinstance(body, Belongs)
    assert (str(body.subject), str(body.customer)) == (subject("email:jane@x"), JANE)
    assert body.revision == 3


def test_other_types_on_customers_are_not_read() -> None:
    assert inbound.belongs(record("segment.entered", id="1", topic="customers.1")).body is None


@pytest.mark.parametrize("type_", ["lead.sung", "com.example.called"])
def test_facts_of_ours_that_are_not_known_yet_are_not_read(type_: str) -> None:
    assert consumers.decided(record(type_, id="1", topic="leads.1")).body is None


@pytest.mark.parametrize(("type_", "event"), [("lead.captured", captured()), ("lead.won", WON)])
def test_our_own_facts_are_read_as_they_were_decided(type_: str, event: object) -> None:
    there = record(type_, id="1", topic="leads.1")
    value = json.loads(there.value) | {"data": msgspec.to_builtins(event)}
    assert consumers.decided(there._replace(value=json.dumps(value).encode())).body == event
