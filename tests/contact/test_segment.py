"""Segment's calls as events of ours: types, people, times, amounts; and what is no call."""

import base64
import gzip
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contact.answers import Outcome
from services.contact.body import unpacked
from services.contact.faults import Refusal
from services.contact.money import EXPONENTS, minor_units
from services.contact.reading import MAX_BODY
from services.contact.segment.names import NAMES
from services.contact.segment.requests import (
    BY_PATH,
    MAX_BATCH,
    MAX_CALL,
    MAX_CALLS,
    secret_of,
    source_of,
    write_key,
)
from services.contact.types import TYPES
from shared.auth import Key, new_secret
from shared.errors import BadRequest, FieldError, TooLarge, UnsupportedMedia
from tests.contact.sending import KEY, MOMENT, SENDING, intake
from tests.records import identifier, subject

UUID = "6f1c2f9e-6d3a-4b0a-9a55-8d1c7d0e4b11"


def outcomes(path: str, body: object) -> list[Outcome]:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    found: list[Outcome] = []
    for event in BY_PATH[path].read(raw, {}, SENDING):
        try:
            assert not isinstance(event, str)
            found.append(event if isinstance(event, Refusal) else intake.admit(event, SENDING))
        except Refusal as refusal:
            found.append(refusal)
    return found


def record(kind: str, **call: Any) -> Any:
    """The record of a call by user 42, or by whom it names."""
    who = {} if {"userId", "anonymousId"} & call.keys() else {"userId": "42"}
    (outcome,) = outcomes(f"/v1/{kind}", {"messageId": "m-1", **who, **call})
    if isinstance(outcome, Refusal):
        raise outcome
    return msgspec.json.decode(outcome.value)


def refused(kind: str, **call: Any) -> FieldError:
    try:
        found = record(kind, **call)
    except Refusal as refusal:
        return refusal.error
    raise AssertionError(f"let in: {found}")


def track(event: str, **properties: Any) -> Any:
    return record("track", event=event, properties=properties)


def kinds(found: Any) -> list[tuple[str, str]]:
    return [(one["kind"], one["value"]) for one in found["data"]["identifiers"]]


# Types


def test_identify_describes_a_customer_by_traits() -> None:
    traits = {"email": "Jane@Example.com", "phone": "+44 20 7946 0958", "name": "Jane", "age": None}
    found = record("identify", userId="42", anonymousId="d-1", traits=traits)
    assert found["type"] == "customer.described"
    assert found["data"]["traits"] == traits
    assert kinds(found) == [
        ("user", "42"),
        ("device", "d-1"),
        ("email", "jane@example.com"),
        ("phone", "+442079460958"),
    ]
    assert found["partitionkey"] == subject("user:shop:42")


def test_a_call_is_kept_whole_without_its_key() -> None:
    call = {
        "event": "Signed Up",
        "properties": {"plan": "é 🫖", "seats": 7.5},
        "context": {"campaign": {"name": "spring", "source": "x"}, "ip": "8.8.8.8"},
        "integrations": {"All": True},
        "version": 2,
    }
    found = record("track", **call, writeKey=new_secret(), timestamp="2026-01-31T12:00:00Z")
    assert found["type"] == "track"
    assert found["data"]["event"] == "Signed Up"
    assert found["data"]["body"] == call | {
        "userId": "42",
        "messageId": "m-1",
        "originalTimestamp": "2026-01-31T12:00:00Z",
    }
    assert "rk_" not in str(found)


def test_a_page_and_a_screen_are_seen() -> None:
    url = {"url": "https://shop.example/kettles", "title": "Kettles", "referrer": ""}
    for found in (
        record("page", name="Kettles", properties=url),
        record("page", name="Kettles", context={"page": url}),
    ):
        assert (found["type"], found["data"]["channel"]) == ("page.viewed", "web")
        assert found["data"]["name"] == "Kettles"
        assert found["data"]["url"] == url["url"]
        assert "referrer" not in found["data"]
    found = record("screen", name="Basket")
    assert (found["type"], found["data"]["channel"]) == ("screen.viewed", "mobile")
    assert found["data"]["name"] == "Basket"


def test_a_group_is_an_organisation() -> None:
    traits = {"name": "Acme Ltd", "employees": 420, "email": "office@acme.example"}
    found = record("group", groupId=7, traits=traits)
    assert found["type"] == "membership.changed"
    organisation = {"id": "7", "name": "Acme Ltd", "namespace": "shop"}
    assert found["data"]["organisation"] == organisation
    assert kinds(found) == [("user", "42")]  # the address is that of the group


def test_an_order_has_its_lines_and_revenue_in_minor_units() -> None:
    products = [
        {"product_id": "p-1", "sku": "KETTLE-1", "name": "Kettle", "price": 19.99, "quantity": 2},
        {"product_id": "p-2", "price": "3", "quantity": "1"},
        {"name": "Gift wrap"},
    ]
    found = track(
        "Order Completed",
        order_id=1001,
        revenue=42.98,
        total=50,
        shipping=3,
        currency="eur",
        products=products,
    )
    assert found["type"] == "order.placed"
    data = found["data"]
    assert (data["order"], data["amount"], data["currency"]) == ("1001", 4298, "EUR")
    assert data["namespace"] == "shop"
    assert data["lines"] == [
        {"sku": "KETTLE-1", "quantity": 2, "price": 1999, "name": "Kettle"},
        {"sku": "p-2", "quantity": 1, "price": 300},
        {"sku": "Gift wrap", "quantity": 1, "name": "Gift wrap"},
    ]


@pytest.mark.parametrize(
    ("properties", "amount", "currency"),
    [
        ({"revenue": 25.0, "total": 27.5}, 2500, "USD"),
        ({"total": 27.5}, 2750, "USD"),
        ({"revenue": "", "total": None, "value": 30}, 3000, "USD"),
        ({"revenue": "19.995", "currency": "GBP"}, 2000, "GBP"),
        ({"revenue": 1500, "currency": "JPY"}, 1500, "JPY"),
        ({"revenue": 1.2345, "currency": "KWD"}, 1235, "KWD"),
        ({"revenue": -5.5}, -550, "USD"),
        ({"revenue": 0}, 0, "USD"),
    ],
)
def test_an_order_is_worth_its_revenue(
    properties: dict[str, Any], amount: int, currency: str
) -> None:
    data = track("Order Completed", order_id="1", **properties)["data"]
    assert (data["amount"], data["currency"]) == (amount, currency)


@pytest.mark.parametrize(
    ("name", "type_", "properties", "expected"),
    [
        ("Order Updated", "order.placed", {"order_id": "1", "total": 5}, {"amount": 500}),
        ("Order Refunded", "order.returned", {"order_id": "1", "total": 5}, {"amount": 500}),
        ("Order Refunded", "order.returned", {"order_id": "1"}, {"order": "1"}),
        ("Order Cancelled", "order.cancelled", {"order_id": "1"}, {"order": "1"}),
        ("Product Viewed", "product.viewed", {"product_id": 7, "name": "K"}, {"sku": "7"}),
        (
            "Product Added",
            "cart.updated",
            {"cart_id": "c", "sku": "K", "price": 1.5},
            {"cart": "c", "added": [{"sku": "K", "quantity": 1, "price": 150}]},
        ),
        (
            "Product Removed",
            "cart.updated",
            {"sku": "K", "quantity": 3},
            {"removed": [{"sku": "K", "quantity": 3}]},
        ),
        ("Products Searched", "search.performed", {"query": "blue"}, {"query": "blue"}),
        ("Products Searched", "search.performed", {"query": {"a": 1}}, {"query": '{"a":1}'}),
        (
            "Product Reviewed",
            "review.posted",
            {"product_id": "p", "rating": "5", "review_body": "Good"},
            {"product": "p", "rating": 5.0, "text": "Good"},
        ),
        (
            "Email Link Clicked",
            "email.clicked",
            {"email_id": "e", "campaign_id": "c", "link_url": "https://x.example"},
            {
                "channel": "email",
                "message": "e",
                "campaign": "c",
                "link": "https://x.example",
            },
        ),
        ("Email Delivered", "email.delivered", {}, {"direction": "outbound"}),
        ("Email Opened", "email.opened", {"campaign_name": "Spring"}, {"campaign": "Spring"}),
        ("Email Bounced", "email.bounced", {"email_subject": "Hi"}, {"subject": "Hi"}),
        ("Email Marked as Spam", "email.complained", {}, {"direction": "inbound"}),
        (
            "Live Chat Conversation Started",
            "message.received",
            {"conversation_id": "c", "agent_id": "a", "message_body": "Hello"},
            {"channel": "chat", "conversation": "c", "employee": "a", "text": "Hello"},
        ),
        ("Live Chat Message Sent", "message.received", {}, {"direction": "inbound"}),
        ("Live Chat Message Received", "message.sent", {}, {"direction": "outbound"}),
        ("Live Chat Conversation Ended", "track", {}, {"event": "Live Chat Conversation Ended"}),
        ("completed ORDER", "order.placed", {"order_id": "1", "value": 1}, {"amount": 100}),
    ],
)
def test_a_known_name_means_a_type(
    name: str, type_: str, properties: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = track(name, **properties)
    assert found["type"] == type_
    assert expected.items() <= found["data"].items()
    assert found["data"]["body"]["event"] == name


def test_who_unsubscribes_withdraws_consent_for_the_address() -> None:
    context = {"traits": {"email": "Jane@Example.com"}}
    properties = {"list_id": "7", "list_name": "News"}
    found = record("track", event="Unsubscribed", properties=properties, context=context)
    data = found["data"]
    assert found["type"] == "consent.withdrawn"
    assert (data["consent_channel"], data["purpose"]) == ("email", "News")
    assert data["address_identifier"]["subject"] == subject("email:jane@example.com")
    assert record("track", event="Unsubscribed", context=context)["data"]["purpose"] == "all"


def test_every_name_means_a_type_of_ours() -> None:
    assert {meaning.type for meaning in NAMES.values()} <= TYPES.keys()


# People


def test_external_ids_identify_where_their_type_fits() -> None:
    external = [
        {"id": "c-1", "type": "crm_id", "collection": "users", "encoding": "none"},
        {"id": "A-1", "type": "android.idfa", "collection": "users", "encoding": "none"},
        {"id": "l-1", "type": "loyalty"},
        {"id": "g-1", "type": "ga_client_id", "collection": "users", "encoding": "none"},
        {"id": "hashed", "type": "email", "collection": "users", "encoding": "sha256"},
        {"id": "a-1", "type": "account_id", "collection": "accounts"},
        {"id": 7, "type": "user_id"},
        "nonsense",
    ]
    found = record("track", event="x", context={"externalIds": external})
    assert kinds(found) == [
        ("user", "42"),
        ("crm", "c-1"),
        ("device", "A-1"),
        ("loyalty", "l-1"),
        ("ga_client_id", "g-1"),
    ]
    assert found["data"]["body"]["context"]["externalIds"] == external


def test_traits_in_the_context_identify_and_nobody_is_named_twice() -> None:
    traits = {"email": "a@b.example", "phone": 4479460958}
    found = record("identify", traits=traits, context={"traits": traits})
    assert [kind for kind, _ in kinds(found)] == ["user", "email", "phone"]


def test_a_number_is_an_id_as_text() -> None:
    assert kinds(record("track", event="x", userId=42)) == [("user", "42")]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({"previousId": "d-1", "anonymousId": "d-1"}, ["user:shop:42", "device:shop:d-1"]),
        ({"previousId": UUID}, ["user:shop:42", f"device:shop:{UUID}"]),
        ({"previousId": "jane"}, ["user:shop:42", "user:shop:jane"]),
        (
            {"previousId": "jane", "anonymousId": "d-1"},
            ["user:shop:42", "device:shop:d-1", "user:shop:jane"],
        ),
    ],
)
def test_an_alias_is_a_user_and_a_device_or_two_users(
    call: dict[str, Any], expected: list[str]
) -> None:
    found = record("alias", userId="42", **call)
    assert found["type"] == "identifiers.seen"
    assert found["data"]["identifiers"] == [identifier(text) for text in expected]


def test_where_users_are_named_by_uuids_the_previous_one_may_be_either() -> None:
    found = record("alias", userId=UUID.replace("6", "7"), previousId=UUID)
    assert [kind for kind, _ in kinds(found)] == ["user", "user", "device"]


# Times and ids


@pytest.mark.parametrize(
    ("sent_at", "timestamp", "expected"),
    [
        # the client's clock is an hour fast; it happened ten seconds before it was sent
        ("2026-02-01T01:00:00Z", "2026-02-01T00:59:50Z", "2026-01-31T23:59:50.000000Z"),
        ("2026-02-01T01:00:00.500+01:00", "2026-02-01T00:00:00Z", "2026-01-31T23:59:59.500000Z"),
        ("2026-01-31T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00.000000Z"),
        (None, "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000Z"),
        ("nonsense", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000Z"),
        (None, "2026-01-31T12:00:00.123", "2026-01-31T12:00:00.123000Z"),
        (None, "2026-01-31T12:00:00+0100", "2026-01-31T11:00:00.000000Z"),
        ("2026-02-01T00:00:00Z", None, MOMENT),
    ],
)
def test_time_is_set_right_by_the_clock_of_the_client(
    sent_at: str | None, timestamp: str | None, expected: str
) -> None:
    call = {"type": "track", "event": "x", "userId": "42", "timestamp": timestamp}
    (single,) = outcomes("/v1/track", call | {"sentAt": sent_at})
    (batched,) = outcomes("/v1/batch", {"batch": [call], "sentAt": sent_at})
    for outcome in (single, batched):
        assert not isinstance(outcome, Refusal)
        assert msgspec.json.decode(outcome.value)["time"] == expected


def test_a_message_id_is_the_id_among_those_of_the_key() -> None:
    found = record("track", event="x", messageId="m-7")
    assert (found["id"], found["source"]) == ("m-7", "/keys/shop")
    assert record("track", event="x", messageId=None)["id"]
    assert source_of(Key("k", KEY.scopes, "service:k", "", "/web/")) == "/web/keys/k"


# Batches


def test_what_a_batch_says_of_all_is_merged_into_each() -> None:
    calls = [
        {"type": "track", "event": "x", "userId": "1"},
        {"type": "page", "userId": "1", "context": {"ip": "1.1.1.1"}, "integrations": {"A": False}},
    ]
    body = {
        "batch": calls,
        "context": {"ip": "8.8.8.8", "campaign": {"name": "spring"}},
        "integrations": {"All": True},
        "sentAt": "2026-02-01T00:00:00Z",
    }
    found = []
    for outcome in outcomes("/v1/batch", body):
        assert not isinstance(outcome, Refusal)
        found.append(msgspec.json.decode(outcome.value)["data"]["body"])
    assert [one["context"]["ip"] for one in found] == ["8.8.8.8", "1.1.1.1"]
    assert [one["context"]["campaign"]["name"] for one in found] == ["spring", "spring"]
    assert [one["integrations"] for one in found] == [{"All": True}, {"All": True, "A": False}]
    assert {one["sentAt"] for one in found} == {"2026-02-01T00:00:00Z"}


def test_a_bad_call_leaves_its_neighbours_alone() -> None:
    good = b'{"type":"track","event":"x","userId":"1"}'
    bad = [b'{"type":"track","event":"x"}', b"7", b'{"type":"pay","userId":"1"}', b'{"a":"\xff"}']
    body = b'{"batch": [' + b" , ".join([good, *bad, good]) + b"]}"
    found = outcomes("/v1/batch", body)
    assert [isinstance(outcome, Refusal) for outcome in found] == [False, *[True] * 4, False]
    assert BY_PATH["/v1/batch"].pieces(body) == [good, *bad, good]


CALLS = [
    b'{"type":"track","userId":"1","messageId":"a","event":"Known","properties":{"x":[1,2.5]}}',
    b'{"type":"page","userId":"1","messageId":"b","properties":{"url":"/x","a":{"b":{"c":1}}}}',
    b'{"type":"track","userId":"1","messageId":"c","event":"Deep","properties":{"a":[[[[[[1]]]]]]}}',
    b'{"type":"track","userId":"1","messageId":"d","event":"Nul","properties":{"a":"\\u0000"}}',
    b'{"type":"track","userId":"1","messageId":"e","event":"Back","properties":{"a":"\\\\u0000"}}',
    b'{"type":"track","userId":"1","messageId":"f","event":"Twice","event":"Last"}',
    b'{"type":"track","messageId":"g","event":"Nobody"}',
    b'{"type":"track","userId":"1","messageId":"i","event":"%s"}' % (b"x" * MAX_CALL),
    b'"no call"',
    b"{}",
]
"""Calls, right and wrong."""


@given(st.lists(st.sampled_from(CALLS), max_size=4))
def test_a_batch_says_of_each_call_what_is_said_of_it_alone(calls: list[bytes]) -> None:
    def said(these: list[bytes]) -> list[object]:
        found = outcomes("/v1/batch", b'{"batch":[%s]}' % b",".join(these))
        return [one.error if isinstance(one, Refusal) else one.value for one in found]

    assert said(calls) == [one for call in calls for one in said([call])]


def test_a_call_that_is_too_long_is_answered_once_the_others_are_in() -> None:
    long = {"type": "track", "event": "x" * MAX_CALL, "userId": "1"}
    found = outcomes("/v1/batch", {"batch": [{"type": "page", "userId": "1"}, long]})
    assert [isinstance(outcome, Refusal) for outcome in found] == [False, True]
    with pytest.raises(BadRequest) as raised:
        BY_PATH["/v1/batch"].answer(found, [])
    assert raised.value.code == "too_large"


WHOLE: list[tuple[str, str, bytes, str]] = [
    ("no JSON", "/v1/track", b"{", "not_json"),
    ("an array", "/v1/track", b"[]", "type"),
    ("a long call", "/v1/track", b'{"event":"' + b"x" * MAX_CALL + b'"}', "too_large"),
    ("no JSON, batched", "/v1/batch", b'{"batch":[', "not_json"),
    ("NaN, batched", "/v1/batch", b'{"batch":[{"a":NaN}]}', "not_a_number"),
    ("a batch that is an array", "/v1/batch", b"[]", "type"),
    ("no batch", "/v1/batch", b"{}", "required"),
    ("a batch that is an object", "/v1/batch", b'{"batch":{}}', "type"),
    ("a long batch", "/v1/batch", b'{"batch":[' + b" " * MAX_BATCH + b"]}", "too_large"),
    (
        "too many",
        "/v1/batch",
        b'{"batch":[' + b",".join([b"1"] * (MAX_CALLS + 1)) + b"]}",
        "too_many",
    ),
    ("a context that is a text", "/v1/batch", b'{"batch":[],"context":"x"}', "type"),
    (
        "a context that is deep",
        "/v1/batch",
        b'{"batch":[],"context":{"a":' + b"[" * 30 + b"]" * 30 + b"}}",
        "too_deep",
    ),
    (
        "a context that is long for so many",
        "/v1/batch",
        b'{"batch":[' + b",".join([b"{}"] * 500) + b'],"context":{"a":"' + b"x" * 20_000 + b'"}}',
        "too_large",
    ),
]


@pytest.mark.parametrize(
    ("path", "body", "code"), [row[1:] for row in WHOLE], ids=[row[0] for row in WHOLE]
)
def test_a_body_that_is_no_request_is_a_bad_one(path: str, body: bytes, code: str) -> None:
    with pytest.raises(Refusal) as raised:
        outcomes(path, body)
    assert (raised.value.error.code, raised.value.status) == (code, 400)


REFUSED: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("about nobody", "track", {"event": "x", "userId": "", "anonymousId": None}, "", "identity"),
    ("an id that is a list", "track", {"event": "x", "userId": [1]}, "/userId", "type"),
    ("no event", "track", {}, "/event", "required"),
    ("a blank event", "track", {"event": " "}, "/event", "required"),
    ("a long id", "track", {"event": "x", "messageId": "m" * 101}, "/messageId", "length"),
    ("an id that is a number", "track", {"event": "x", "messageId": 7}, "/messageId", "length"),
    ("a time that is none", "track", {"event": "x", "timestamp": "soon"}, "/timestamp", "time"),
    ("a time in seconds", "track", {"event": "x", "timestamp": 1767225600}, "/timestamp", "time"),
    (
        "a time beyond all years",
        "track",
        {"event": "x", "timestamp": "9999-12-31T23:59:59Z", "sentAt": "0001-01-01T00:00:00Z"},
        "/timestamp",
        "time",
    ),
    ("traits that are a list", "identify", {"traits": []}, "/traits", "type"),
    (
        "properties that are a text",
        "track",
        {"event": "x", "properties": "y"},
        "/properties",
        "type",
    ),
    ("a context that is a list", "track", {"event": "x", "context": [1]}, "/context", "type"),
    ("no group", "group", {}, "/groupId", "required"),
    ("no previous id", "alias", {}, "/previousId", "required"),
    ("an alias of nobody", "alias", {"previousId": "1", "anonymousId": "d"}, "/userId", "required"),
    ("an alias of the same", "alias", {"previousId": "42"}, "/data/identifiers", "length"),
]


@pytest.mark.parametrize(
    ("kind", "call", "pointer", "code"),
    [row[1:] for row in REFUSED],
    ids=[row[0] for row in REFUSED],
)
def test_refused(kind: str, call: dict[str, Any], pointer: str, code: str) -> None:
    error = refused(kind, **call)
    assert (error.pointer, error.code) == (pointer, code), error


SHOPPING: list[tuple[str, dict[str, Any], str, str]] = [
    ("Order Completed", {"revenue": 1}, "order_id", "required"),
    ("Order Completed", {"order_id": "x" * 129, "revenue": 1}, "order_id", "required"),
    ("Order Completed", {"order_id": "1"}, "revenue", "required"),
    ("Order Completed", {"order_id": "1", "revenue": "a lot"}, "revenue", "amount"),
    ("Order Completed", {"order_id": "1", "revenue": True}, "revenue", "amount"),
    ("Order Completed", {"order_id": "1", "revenue": 1e15}, "revenue", "amount"),
    ("Order Completed", {"order_id": "1", "revenue": "9" * 16}, "revenue", "amount"),
    ("Order Completed", {"order_id": "1", "revenue": 1, "currency": "€"}, "currency", "pattern"),
    ("Order Completed", {"order_id": "1", "revenue": 1, "products": {}}, "products", "type"),
    ("Order Completed", {"order_id": "1", "revenue": 1, "products": [7]}, "products/0", "type"),
    ("Order Refunded", {"order_id": "1", "products": [{}]}, "products/0/sku", "required"),
    (
        "Order Refunded",
        {"order_id": "1", "products": [{"sku": "K", "quantity": []}]},
        "products/0/quantity",
        "type",
    ),
    ("Product Viewed", {}, "sku", "required"),
    ("Products Searched", {}, "query", "required"),
]


@pytest.mark.parametrize(("event", "properties", "name", "code"), SHOPPING)
def test_what_money_rests_on_must_be_right(
    event: str, properties: dict[str, Any], name: str, code: str
) -> None:
    error = refused("track", event=event, properties=properties)
    assert (error.pointer, error.code) == (f"/properties/{name}", code), error


def test_who_unsubscribes_has_an_address() -> None:
    assert refused("track", event="Unsubscribed").pointer == "/context/traits/email"


# Amounts


@given(st.integers(-(10**12), 10**12), st.sampled_from(["EUR", "JPY", "KWD", "CLF"]))
def test_minor_units_come_back_from_their_decimal(units: int, currency: str) -> None:
    digits = EXPONENTS.get(currency, 2)
    sign, text = "-" if units < 0 else "", str(abs(units)).rjust(digits + 1, "0")
    decimal = sign + (f"{text[:-digits]}.{text[-digits:]}" if digits else text)
    assert minor_units(decimal, currency) == units
    if abs(units) < 10**11:
        assert minor_units(float(decimal), currency) == units


@given(st.floats(-1e12, 1e12), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_a_float_is_what_its_text_says(amount: float, currency: str) -> None:
    text = f"{amount:.20f}".rstrip("0") if "e" in repr(amount) else repr(amount)
    assert minor_units(amount, currency) == minor_units(text, currency)


# Keys and gzip


def test_a_write_key_is_found_wherever_it_is_sent() -> None:
    secret = new_secret()
    for text in (f"{secret}:", secret):
        header = b"Basic " + base64.b64encode(text.encode())
        assert secret_of({b"authorization": header}) == secret
    assert secret_of({b"authorization": b"Basic %%%"}) == ""
    assert secret_of({b"authorization": b"Bearer x"}) is None
    assert secret_of({}) is None
    assert write_key(b'{"batch": [], "writeKey": "%s"}' % secret.encode()) == secret
    for body in (b"{", b"[]", b'{"writeKey": 7}', b'{"writeKey": "x"}', b"{}"):
        assert write_key(body) is None


def test_a_bomb_is_not_unpacked() -> None:
    assert unpacked(gzip.compress(b"{}"), b"gzip") == b"{}"
    assert unpacked(b"{}", b"identity") == unpacked(b"{}", b"") == b"{}"
    bomb = gzip.compress(b" " * (MAX_BODY + 1))
    assert len(bomb) < 10_000
    with pytest.raises(TooLarge):
        unpacked(bomb, b"gzip")
    for broken in (b"{}", bomb[:-4], gzip.compress(b"{}") + b"x", b""):
        with pytest.raises((BadRequest, TooLarge)):
            unpacked(broken, b"gzip")
    with pytest.raises(UnsupportedMedia):
        unpacked(b"{}", b"br")
