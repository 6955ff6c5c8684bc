"""What is let in, what is not, and the record that is made of it."""

import contextlib
from typing import Any

import msgspec
import pytest
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contact.faults import Refusal
from services.contact.reading import read
from services.contact.types import TYPES
from shared.auth import Key
from shared.ids import event_id
from shared.messages import decode
from tests.contact.examples import SENT, event
from tests.contact.sending import KEY, MOMENT, SENDING, TRACE, admitted, intake, refused
from tests.records import identifier, subject


def test_every_known_type_has_an_example() -> None:
    assert SENT.keys() == TYPES.keys()


@pytest.mark.parametrize("type_", TYPES)
def test_the_example_of_a_type_is_let_in_with_all_its_data(type_: str) -> None:
    record = admitted(SENT[type_])
    sent = dict(SENT[type_]["data"])
    kept = record["data"]
    assert [one["kind"] for one in kept["identifiers"]] == [
        one["kind"] for one in sent.pop("identifiers")
    ]
    assert sent.items() <= kept.items()
    envelope = decode(msgspec.json.encode(record))
    assert envelope.type == type_
    assert envelope.time == "2026-01-31T11:00:00.000000Z"


def test_a_bare_type_is_enough() -> None:
    record = admitted({"type": "page.viewed"})
    assert record["source"] == "/keys/shop"
    assert record["time"] == record["receivedtime"] == record["recordedtime"] == MOMENT
    assert record["ingestkey"] == "shop"
    assert record["actor"] == "service:shop"
    assert record["traceparent"] == TRACE
    assert record["data"] == {"channel": "web", "direction": "inbound", "identifiers": []}
    assert record["partitionkey"] == event_id("/keys/shop", record["id"])
    assert "correlationid" not in record


def test_the_strongest_identifier_partitions() -> None:
    record = admitted(SENT["order.placed"])
    assert record["partitionkey"] == subject("user:shop:42")
    assert record["data"]["identifiers"] == [
        identifier("user:shop:42"),
        {
            "kind": "email",
            "value": "jane@example.com",
            "given": "Jane@Example.com",
            "subject": subject("email:jane@example.com"),
        },
    ]


def test_of_equals_the_smallest_subject_partitions() -> None:
    who = [{"kind": "user", "value": str(n)} for n in range(1, 6)]
    record = admitted(event("note.taken", identifiers=who))
    subjects = [one["subject"] for one in record["data"]["identifiers"]]
    assert record["partitionkey"] == min(subjects)


def test_an_identifier_takes_the_namespace_of_the_key_unless_it_names_one() -> None:
    who = [{"kind": "user", "value": "1"}, {"kind": "user", "value": "1", "namespace": ""}]
    first, second = admitted(event("note.taken", identifiers=who))["data"]["identifiers"]
    assert first == identifier("user:shop:1")
    assert second["subject"] == subject("user::1")
    assert "namespace" not in second


def test_an_email_has_no_namespace() -> None:
    who = [{"kind": "email", "value": "a@b.example", "namespace": "shop"}]
    (one,) = admitted(event("note.taken", identifiers=who))["data"]["identifiers"]
    assert one["subject"] == subject("email:a@b.example")
    assert "namespace" not in one


@pytest.mark.parametrize(
    "one",
    [
        {"kind": "user", "value": "null"},
        {"kind": "user", "value": "000-0"},
        {"kind": "phone", "value": "unknown"},
        {"kind": "fax", "value": "123"},
        {"kind": "user", "value": "42", "claim": True},
    ],
)
def test_what_identifies_nobody_is_kept_without_a_subject(one: dict[str, Any]) -> None:
    record = admitted(event("note.taken", identifiers=[one]))
    (kept,) = record["data"]["identifiers"]
    assert kept["kind"] == one["kind"]
    assert "subject" not in kept
    assert record["partitionkey"] == event_id(record["source"], record["id"])


def test_what_else_is_said_of_an_identifier_is_kept_but_not_a_subject() -> None:
    who = [{"kind": "user", "value": "42", "subject": "x", "given": "y", "verified": True}]
    (kept,) = admitted(event("note.taken", identifiers=who))["data"]["identifiers"]
    assert kept == identifier("user:shop:42") | {"verified": True}


def test_what_only_we_write_is_ignored() -> None:
    names = ("recordedtime", "receivedtime", "partitionkey", "ingestkey", "causationid", "actor")
    record = admitted({"type": "a.b", "id": "1", **dict.fromkeys(names, "theirs")})
    assert "theirs" not in record.values()


def test_attributes_of_the_producer_are_kept() -> None:
    extra = {"tenant": "eu", "priority": 3, "urgent": True, "datacontenttype": "application/json"}
    record = admitted({"type": "a.b", "subject": "orders/1", "correlationid": "c-1", **extra})
    assert extra.items() <= record.items()
    assert record["data"]["producer_subject"] == "orders/1"
    assert record["correlationid"] == "c-1"


def test_a_content_type_that_is_not_json_stands_in_the_data() -> None:
    record = admitted({"type": "a.b", "datacontenttype": "text/xml", "data": {"x": 1}})
    assert record["data"]["content_type"] == "text/xml"
    assert "datacontenttype" not in record


def test_a_null_attribute_is_unset() -> None:
    names = ("id", "source", "time", "specversion", "data", "subject", "tenant", "correlationid")
    record = admitted({"type": "a.b", **dict.fromkeys(names)})
    assert record["specversion"] == "1.0"
    assert "tenant" not in record


def test_the_trace_of_the_event_goes_before_that_of_the_request() -> None:
    own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert admitted({"type": "a.b", "traceparent": own})["traceparent"] == own


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000Z"),
        ("2026-01-31T12:00:00.5Z", "2026-01-31T12:00:00.500000Z"),
        ("2026-01-31T12:00:00.123Z", "2026-01-31T12:00:00.123000Z"),
        ("2026-01-31T12:00:00.123456Z", "2026-01-31T12:00:00.123456Z"),
        ("2026-01-31T12:00:00.123456789Z", "2026-01-31T12:00:00.123457Z"),
        ("2026-01-31t12:00:00z", "2026-01-31T12:00:00.000000Z"),
        ("2026-01-31T12:00:00+05:30", "2026-01-31T06:30:00.000000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_time_is_kept_in_one_spelling(given_: str, kept: str) -> None:
    assert admitted({"type": "a.b", "time": given_})["time"] == kept


def test_a_source_begins_with_the_prefix_of_the_key() -> None:
    sending = SENDING._replace(key=Key("k", KEY.scopes, "service:k", "", "/web/"))
    assert admitted({"type": "a.b"}, sending)["source"] == "/web/"
    assert admitted({"type": "a.b", "source": "/web/x"}, sending)["source"] == "/web/x"
    error = refused({"type": "a.b", "source": "/desk"}, sending)
    assert (error.pointer, error.code) == ("/source", "prefix")


def test_orders_without_a_namespace_take_that_of_the_key() -> None:
    assert admitted(SENT["order.paid"])["data"]["namespace"] == "shop"
    sent = event("order.paid", order="1", namespace=None)
    assert admitted(sent)["data"]["namespace"] == "shop"
    assert admitted(event("order.paid", order="1", namespace=""))["data"]["namespace"] == ""
    joined = event("membership.changed", organisation={"id": "acme"})
    assert admitted(joined)["data"]["organisation"] == {"id": "acme", "namespace": "shop"}


@pytest.mark.parametrize(
    ("channel", "address", "found"),
    [
        ("email", " Jane@Example.com ", "email:jane@example.com"),
        ("sms", "+44 20 7946 0958", "phone:+442079460958"),
        ("phone", "0044 20 7946 0958", "phone:+442079460958"),
        ("email", "nobody", None),
        ("phone", "front desk", None),
        ("letter", "1 High Street", None),
    ],
)
def test_the_address_of_a_consent_is_identified_where_it_can_be(
    channel: str, address: str, found: str | None
) -> None:
    sent = event("consent.granted", consent_channel=channel, address=address, purpose="all")
    data = admitted(sent)["data"]
    assert data["address"] == address.strip()
    if found is None:
        assert "address_identifier" not in data
    else:
        kind, value = found.split(":", 1)
        known = {"kind": kind, "value": value, "subject": subject(found)}
        assert data["address_identifier"] == known


def test_consent_is_for_the_channel_of_the_event_where_none_is_named() -> None:
    sent = event("consent.withdrawn", channel="email", address="a@b.example", purpose="all")
    assert admitted(sent)["data"]["consent_channel"] == "email"


def test_the_last_of_duplicate_names_counts() -> None:
    record = admitted(b'{"type":"a.b","id":"1","id":"2","data":{"x":1,"x":2}}')
    assert record["id"] == "2"
    assert record["data"]["x"] == 2


def deep(levels: int) -> dict[str, Any]:
    """An event of so many objects and arrays in each other."""
    value: Any = []
    for _ in range(levels - 3):
        value = [value]
    return {"type": "a.b", "data": {"x": value}}


def test_twenty_objects_and_arrays_may_stand_in_each_other() -> None:
    assert admitted(deep(20))["data"]["x"]
    assert refused(deep(21)).code == "too_deep"


def with_(**data: Any) -> dict[str, Any]:
    return event("note.taken", **data)


def who(**fields: Any) -> dict[str, Any]:
    return event("note.taken", identifiers=[fields])


def order(**fields: Any) -> dict[str, Any]:
    return event("order.placed", **{"order": "1", "amount": 1, "currency": "EUR"} | fields)


_NO_MEDIA = ("/datacontenttype", "length")

REFUSED: list[tuple[str, Any, str, str]] = [
    ("an event has a type", {}, "/type", "required"),
    ("a type is a text", {"type": 1}, "/type", "type"),
    ("a type is not empty", {"type": ""}, "/type", "length"),
    ("a type has no control characters", {"type": "a\nb"}, "/type", "pattern"),
    ("a type is at most 128 long", {"type": "a" * 129}, "/type", "length"),
    ("an id is a text", {"type": "a.b", "id": 7}, "/id", "type"),
    ("an id is at most 256 long", {"type": "a.b", "id": "x" * 257}, "/id", "length"),
    ("an id has no line breaks", {"type": "a.b", "id": "x\u2028"}, "/id", "pattern"),
    ("a source has no blanks", {"type": "a.b", "source": "a b"}, "/source", "pattern"),
    ("a source is not empty", {"type": "a.b", "source": ""}, "/source", "length"),
    ("specversion is 1.0", {"type": "a.b", "specversion": "0.3"}, "/specversion", "value"),
    ("a time has an offset", {"type": "a.b", "time": "2026-01-31T12:00:00"}, "/time", "time"),
    ("a time is a moment", {"type": "a.b", "time": "2026-02-30T12:00:00Z"}, "/time", "time"),
    ("a time is a text", {"type": "a.b", "time": 1767225600}, "/time", "time"),
    ("a time fits", {"type": "a.b", "time": "0001-01-01T00:00:00+14:00"}, "/time", "time"),
    ("data is an object", {"type": "a.b", "data": [1]}, "/data", "type"),
    ("attributes are lower case", {"type": "a.b", "userId": "1"}, "/userId", "attribute"),
    ("attributes are simple", {"type": "a.b", "context": {}}, "/context", "attribute"),
    ("names are escaped in pointers", {"type": "a.b", "a/b~": 1}, "/a~1b~0", "attribute"),
    ("a schema is a text", {"type": "a.b", "dataschema": 1}, "/dataschema", "type"),
    ("a content type is not empty", {"type": "a.b", "datacontenttype": ""}, *_NO_MEDIA),
    ("a trace is well formed", {"type": "a.b", "traceparent": "00-0"}, "/traceparent", "pattern"),
    ("known types have one version", order() | {"dataversion": 2}, "/dataversion", "value"),
    ("a channel is known", with_(channel="pigeon"), "/data/channel", "value"),
    ("a channel is a text", with_(channel=["web"]), "/data/channel", "value"),
    ("a direction is known", with_(direction="up"), "/data/direction", "value"),
    ("identifiers are a list", with_(identifiers={}), "/data/identifiers", "type"),
    ("at most 20 identifiers", with_(identifiers=[{}] * 21), "/data/identifiers", "type"),
    ("an identifier is an object", with_(identifiers=["a"]), "/data/identifiers/0", "type"),
    ("it has a kind", who(value="1"), "/data/identifiers/0/kind", "type"),
    ("its kind is a word", who(kind="E Mail", value="1"), "/data/identifiers/0/kind", "pattern"),
    ("its value is a text", who(kind="user", value=42), "/data/identifiers/0/value", "type"),
    ("its value is not empty", who(kind="user", value=""), "/data/identifiers/0/value", "length"),
    (
        "its value is at most 512 long",
        who(kind="user", value="x" * 513),
        "/data/identifiers/0/value",
        "length",
    ),
    (
        "a claim is true or false",
        who(kind="user", value="1", claim="yes"),
        "/data/identifiers/0/claim",
        "type",
    ),
    ("an order has a number", order(order=None), "/data/order", "type"),
    ("an order's number is a text", order(order=1001), "/data/order", "type"),
    ("an amount is an integer", order(amount=49.9), "/data/amount", "type"),
    ("an amount is bounded", order(amount=10**15 + 1), "/data/amount", "range"),
    ("a currency is three letters", order(currency="eur"), "/data/currency", "pattern"),
    ("lines have a sku", order(lines=[{"quantity": 1}]), "/data/lines/0/sku", "required"),
    (
        "quantities are numbers",
        order(lines=[{"sku": "a"}, {"sku": "b", "quantity": "2"}]),
        "/data/lines/1/quantity",
        "type",
    ),
    ("a promise is a day", order(promised="tomorrow"), "/data/promised", "pattern"),
    (
        "where an amount is, a currency is",
        event("order.paid", order="1", amount=1),
        "/data/currency",
        "required",
    ),
    ("csat is 1 to 5", event("feedback.given", csat=6), "/data/csat", "range"),
    ("nps is 0 to 10", event("feedback.given", nps=-1), "/data/nps", "range"),
    ("feedback says something", event("feedback.given"), "/data/csat", "required"),
    ("a purpose is known", event("call.received", purpose="fun"), "/data/purpose", "value"),
    ("traits are there", event("customer.described"), "/data/traits", "required"),
    (
        "traits have short names",
        event("customer.described", traits={"x" * 65: 1}),
        "/data/traits",
        "length",
    ),
    (
        "consent names a channel",
        event("consent.granted", address="a@b.example", purpose="all"),
        "/data/consent_channel",
        "required",
    ),
    (
        "seen together are two",
        event("identifiers.seen", identifiers=[{"kind": "user", "value": "1"}] * 2),
        "/data/identifiers",
        "length",
    ),
    ("U+0000 is not kept", with_(note={"a": ["x\0"]}), "/data/note/a/0", "nul"),
    ("U+0000 is in no name", with_(note={"a\0": 1}), "/data/note", "nul"),
    ("NaN is not JSON", b'{"type":"a.b","data":{"x":[1,NaN]}}', "/data/x/1", "not_a_number"),
    ("nor is -Infinity", b'{"type":"a.b","data":{"x":-Infinity}}', "/data/x", "not_a_number"),
    ("a surrogate is alone", b'{"type":"a.b","data":{"x":"\\ud800"}}', "/data/x", "surrogate"),
    ("text is UTF-8", b'{"type":"a.b","data":{"x":"\xff"}}', "/data/x", "not_utf8"),
    ("numbers have a range", b'{"type":"a.b","data":{"x":1e999}}', "/data/x", "range"),
    ("so have integers", b'{"type":"a.b","data":{"x":' + b"9" * 5000 + b"}}", "/data/x", "range"),
    ("an event is an object", b"42", "", "type"),
    ("an event is JSON", b'{"type":', "", "not_json"),
    ("an empty body is no event", b"", "", "not_json"),
    ("depth is bounded", b'{"type":"a.b","data":' + b"[" * 100_000, "", "too_deep"),
    ("an event is at most 256 KiB", with_(note="x" * 262_144), "", "too_large"),
]


@pytest.mark.parametrize(
    ("sent", "pointer", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refused(sent: Any, pointer: str, code: str) -> None:
    error = refused(sent)
    assert (error.pointer, error.code) == (pointer, code), error
    assert error.detail


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
identifiers = st.lists(
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["user", "email", "phone", "device", "fax", ""])},
        optional={"value": st.text(max_size=12) | json_values, "namespace": st.text(max_size=5)},
    ),
    max_size=4,
)
fields = st.dictionaries(
    st.sampled_from(["order", "amount", "currency", "lines", "csat", "traits", "channel", "x"]),
    json_values,
    max_size=5,
)
attributes = st.dictionaries(
    st.sampled_from(
        [
            *("id", "source", "time", "subject", "tenant", "specversion", "dataversion"),
            *("datacontenttype", "dataschema"),
        ]
    ),
    json_values,
    max_size=3,
)


@st.composite
def events(draw: st.DrawFn) -> Any:
    """Anything that is JSON, more often than not close to an event."""
    if draw(st.integers(0, 9)) == 0:
        return draw(json_values)
    data = draw(fields | json_values)
    if isinstance(data, dict) and draw(st.booleans()):
        data = {**data, "identifiers": draw(identifiers)}
    type_ = draw(st.sampled_from([*TYPES, "note.taken"]) | st.text(max_size=10))
    return {"type": type_, **draw(attributes), "data": data}


@settings(max_examples=300, deadline=None)
@given(events())
def test_any_json_is_let_in_or_refused_with_a_pointer(sent: Any) -> None:
    raw = msgspec.json.encode(sent)
    try:
        entry = intake.admit(read(raw), SENDING)
    except Refusal as refusal:
        error = refusal.error
        assert error.pointer == "" or error.pointer.startswith("/")
        assert error.code
        assert error.detail
    else:
        envelope = decode(entry.value)
        assert entry.key.decode() == envelope.partitionkey == entry.partitionkey
        assert envelope.id == entry.id
        assert JSONFormat().read(None, entry.value).get_id() == entry.id  # a valid CloudEvent


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_let_in_or_refused_with_a_pointer(raw: bytes) -> None:
    with contextlib.suppress(Refusal):
        intake.admit(read(raw), SENDING)
