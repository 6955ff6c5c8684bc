"""What is declared of a type: versions, schemas, mappings; pure."""

import contextlib
import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contact.declared import observed
from services.contact.declared.mapping import Mapped
from services.contact.declared.rules import Rules
from services.contact.declared.schema import Check
from services.contact.declared.versions import Author, Declared, Versions, record_of
from services.contact.faults import Refusal
from services.contact.intake import Intake
from services.contact.remapping import change_of
from shared.log import Original
from shared.messages import Place, Record
from tests.contact.sending import KEY, MOMENT, SENDING
from tests.records import SECRET, subject

AUTHOR = Author("ops", "service:ops", MOMENT, None)
BOOKING = {
    "type": "object",
    "required": ["room"],
    "properties": {"room": {"type": "string", "pattern": "^[0-9]+$"}, "nights": {"minimum": 1}},
    "additionalProperties": False,
}
ORDER = {
    "type": "order.placed",
    "time": "/created",
    "identifiers": [
        {"kind": "email", "value": "/customer/mail", "required": True},
        {"kind": "crm", "value": "/customer/number", "namespace": "desk"},
    ],
    "fields": {
        "order": {"at": "/id", "convert": "text", "required": True},
        "currency": "/currency",
        "amount": {"at": "/total", "convert": "minor_units", "currency": "/currency"},
        "channel": {"constant": "store"},
        "lines": {
            "each": "/items",
            "fields": {
                "sku": "/sku",
                "quantity": {"at": "/n", "convert": "number"},
                "price": {"at": "/price", "convert": "minor_units", "currency": "/currency"},
            },
        },
    },
}
SOLD = {
    "id": 1001,
    "created": "2026-01-05T10:00:00+01:00",
    "customer": {"mail": "Jane@Example.com", "number": 7},
    "currency": "JPY",
    "total": "4990",
    "items": [{"sku": "A", "n": "2", "price": 2495}, {"sku": "B"}],
}


def said(*declared: tuple[str, Declared]) -> Versions:
    versions = Versions()
    for number, (kind, body) in enumerate(declared):
        raw = record_of(kind, body, str(number), AUTHOR)
        versions.fold(Record(Place("declarations.1", 0, number), b"", raw))
    return versions


def let_in(event: dict[str, Any], rules: Rules) -> dict[str, Any]:
    admitted = Intake(SECRET, rules).admit(event, SENDING)
    found: dict[str, Any] = msgspec.json.decode(admitted.value)
    return found


def mapping(document: dict[str, Any] = ORDER) -> Rules:
    rules = Rules()
    rules.learn(said(("mapping", Declared("com.shop.sold", 0, document))))
    return rules


def sold(**changes: Any) -> dict[str, Any]:
    body = {**SOLD, **changes}
    return {"id": "1", "source": "/shop", "type": "com.shop.sold", "data": {"body": body}}


# Versions


def test_the_latest_version_stands_and_all_are_kept() -> None:
    first, second = {"schema": {}, "mode": "observe"}, {"schema": False, "mode": "enforce"}
    versions = said(("schema", Declared("x", 0, first)), ("schema", Declared("x", 1, second)))
    assert [one.number for one in versions.of("schema", "x")] == [1, 2]
    assert versions.standing("schema")["x"].document == second


def test_what_is_taken_back_does_not_stand() -> None:
    versions = said(("schema", Declared("x", 0, {"mode": "observe"})), ("schema", Declared("x", 1)))
    assert versions.standing("schema") == {}
    assert len(versions.of("schema", "x")) == 2


def test_of_two_that_saw_the_same_version_the_first_in_the_log_counts() -> None:
    one, other = {"type": "call.received"}, {"type": "call.placed"}
    versions = said(("mapping", Declared("x", 0, one)), ("mapping", Declared("x", 0, other)))
    assert versions.standing("mapping")["x"].document == one
    assert len(versions.of("mapping", "x")) == 1


# Schemas


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({}, "/data"),
        ({"room": 7}, "/data/room"),
        ({"room": "seven"}, "/data/room"),
        ({"room": "7", "nights": 0}, "/data/nights"),
        ({"room": "7", "a/b": 1}, "/data"),
    ],
)
def test_a_schema_names_the_field_that_misses_it(data: dict[str, Any], pointer: str) -> None:
    fault = Check({"schema": BOOKING, "mode": "enforce"}).fault(data)
    assert fault is not None
    assert (fault.pointer, fault.code) == (pointer, "schema")


def test_channel_direction_and_identifiers_are_not_the_schemas_business() -> None:
    data = {"room": "7", "channel": "web", "direction": "inbound", "identifiers": []}
    assert Check({"schema": BOOKING, "mode": "enforce"}).fault(data) is None


@pytest.mark.parametrize("mode", ["observe", "enforce"])
def test_an_enforced_schema_refuses_and_an_observed_one_lets_in(mode: str) -> None:
    rules = Rules()
    rules.learn(said(("schema", Declared("booked", 0, {"schema": BOOKING, "mode": mode}))))
    event = {"id": "1", "type": "booked", "data": {"room": 7}}
    if mode == "observe":
        assert let_in(event, rules)["data"]["room"] == 7
        return
    with pytest.raises(Refusal) as caught:
        let_in(event, rules)
    assert caught.value.error.pointer == "/data/room"
    assert caught.value.id == "1"


@pytest.mark.parametrize(
    "schema",
    [{"type": "thing"}, {"$ref": "http://localhost/x"}, {"$ref": "#/nowhere"}, {"pattern": "("}],
)
def test_what_is_no_schema_is_not_taken(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Check({"schema": schema, "mode": "observe"})


def test_a_pattern_takes_linear_time() -> None:
    check = Check({"schema": {"properties": {"a": {"pattern": "^(a+)+$"}}}, "mode": "enforce"})
    assert check.fault({"a": "a" * 50_000 + "!"}) is not None


# Mappings


def test_a_foreign_order_becomes_one_of_ours_and_stays_whole() -> None:
    record = let_in(sold(), mapping())
    data = record["data"]
    assert (record["type"], record["time"]) == ("order.placed", "2026-01-05T09:00:00.000000Z")
    assert (data["order"], data["amount"], data["currency"]) == ("1001", 4990, "JPY")
    assert data["lines"] == [{"sku": "A", "quantity": 2, "price": 2495}, {"sku": "B"}]
    assert data["channel"] == "store"
    assert data["body"] == SOLD
    assert data["mapped"] == {"type": "com.shop.sold", "version": 1}
    who = {one["kind"]: one["subject"] for one in data["identifiers"]}
    assert who == {"email": subject("email:jane@example.com"), "crm": subject("crm:desk:7")}
    assert record["partitionkey"] == subject("crm:desk:7")


def test_a_mapped_event_keeps_its_name() -> None:
    record = let_in(sold(), mapping())
    assert (record["id"], record["source"]) == ("1", "/shop")


def test_data_of_our_own_form_are_mapped_too() -> None:
    who = [{"kind": "device", "value": "d"}]
    event = {"id": "1", "type": "com.shop.sold", "data": {**SOLD, "identifiers": who}}
    data = let_in(event, mapping())["data"]
    assert data["order"] == "1001"
    assert data["body"]["total"] == "4990"
    assert {one["kind"] for one in data["identifiers"]} == {"device", "email", "crm"}


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"id": None}, "/data/body/id", "required"),
        ({"customer": {}}, "/data/body/customer/mail", "required"),
        ({"customer": "Jane"}, "/data/body/customer/mail", "required"),
        ({"total": "a lot"}, "/data/body/total", "mapping"),
        ({"currency": 3}, "/data/body/total", "mapping"),
        ({"items": {}}, "/data/body/items", "type"),
        ({"items": [{"sku": "A", "n": "many"}]}, "/data/body/items/0/n", "mapping"),
        ({"items": [{}]}, "/data/lines/0/sku", "required"),
        ({"created": "soon"}, "/time", "time"),
    ],
)
def test_what_cannot_be_mapped_is_refused_with_its_place(
    changes: dict[str, Any], pointer: str, code: str
) -> None:
    with pytest.raises(Refusal) as caught:
        let_in(sold(**changes), mapping())
    assert (caught.value.error.pointer, caught.value.error.code) == (pointer, code)


def test_what_is_not_there_is_left_out() -> None:
    body = {"id": 5, "customer": {"mail": "a@x"}, "total": 5, "currency": "EUR"}
    event = {"type": "com.shop.sold", "source": "/s", "data": {"body": body}}
    data = let_in(event, mapping())["data"]
    assert "lines" not in data
    assert {one["kind"] for one in data["identifiers"]} == {"email"}


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({}, "/type"),
        ({"type": "com.example.other"}, "/type"),
        ({"type": "order.placed", "field": {}}, ""),
        ({"type": "order.placed", "fields": {"order": "id"}}, "/fields"),
        ({"type": "order.placed", "fields": {"body": "/id"}}, ""),
        ({"type": "order.placed", "fields": {"a": {"at": "/a", "constant": 1}}}, "/fields"),
        ({"type": "order.placed", "fields": {"a": {"each": "/a"}}}, "/fields"),
        (
            {"type": "order.placed", "fields": {"a": {"at": "/a", "convert": "minor_units"}}},
            "/fields",
        ),
        (
            {"type": "order.placed", "identifiers": [{"kind": "E", "value": "/a"}]},
            "/identifiers/0/kind",
        ),
        ({"type": "order.placed", "time": "a"}, "/time"),
    ],
)
def test_what_is_no_mapping_is_not_taken(document: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Refusal) as caught:
        Mapped(document)
    assert caught.value.error.pointer.startswith(pointer)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)
PARTS = {name: JSON | st.just(value) for name, value in SOLD.items()}


@given(body=st.fixed_dictionaries({}, optional=PARTS) | JSON)
def test_whatever_comes_is_mapped_or_refused(body: Any) -> None:
    with contextlib.suppress(Refusal):
        event = Mapped(ORDER).event({"type": "com.shop.sold", "data": {"body": body}})
        assert event["data"]["body"] == body


# Observed


def test_observed_fields_say_where_what_and_how_often() -> None:
    records = [
        '{"data":{"channel":"web","room":"7","guests":[{"name":"a"},{"name":null}]}}',
        '{"data":{"room":7}}',
    ]
    found = observed.fields(records)
    assert found["events"] == 2
    assert {one["field"]: (one["types"], one["events"]) for one in found["fields"]} == {
        "/room": (["integer", "string"], 2),
        "/guests": (["array"], 1),
        "/guests/-": (["object"], 1),
        "/guests/-/name": (["null", "string"], 1),
    }


def test_observed_fields_are_bounded() -> None:
    records = ['{"data":{' + ",".join(f'"f{n}":1' for n in range(1000)) + "}}"]
    found = observed.fields(records)
    assert (len(found["fields"]), found["more"]) == (observed.MOST, 1000 - observed.MOST)


# What is stored


@given(
    body=st.fixed_dictionaries({}, optional=PARTS),
    who=st.lists(st.sampled_from(["device:d", "email:b@x"]), unique=True),
)
def test_what_is_stored_becomes_what_it_would_become_at_the_door(body: Any, who: list[str]) -> None:
    known = [dict(zip(("kind", "value"), one.split(":"), strict=True)) for one in who]
    event = {
        "id": "1",
        "source": "/shop",
        "type": "com.shop.sold",
        "correlationid": "c",
        "shade": "blue",
        "subject": "s",
        "time": "2026-01-01T00:00:00Z",
        "data": {"body": body, "identifiers": known},
    }
    rules, keys = mapping(), {KEY.name: KEY}
    stored = Intake(SECRET).admit(copy.deepcopy(event), SENDING)
    one = Original(0, 7, stored.key, stored.value, 5, None)
    change = change_of(rules, SECRET, keys)
    try:
        wanted = Intake(SECRET, rules).admit(copy.deepcopy(event), SENDING)
    except Refusal:
        assert change(one) == one
    else:
        changed = change(one)
        assert changed.key == wanted.key
        assert msgspec.json.decode(changed.value or b"") == msgspec.json.decode(wanted.value)
        assert change(changed) == changed
