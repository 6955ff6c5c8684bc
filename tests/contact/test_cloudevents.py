"""CloudEvents as anybody sends them: every mode of the HTTP binding comes to the same record."""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from cloudevents.core.formats.json import JSONFormat

from services.contact.cloudevents import BATCH, BINARY, STRUCTURED
from services.contact.dialect import Dialect
from services.contact.dialects import NATIVE, dialect_of
from services.contact.faults import Refusal
from services.contact.reading import MAX_EVENT
from shared.errors import FieldError, UnsupportedMedia
from tests.contact.examples import SENT
from tests.contact.sending import SENDING, admitted, intake

EVENT = {"specversion": "1.0", "id": "A-1", "source": "/gate", "type": "com.example.gate.opened"}
HEADERS = {f"ce-{name}": value for name, value in EVENT.items()}
ENVELOPE = {"direction": "inbound", "identifiers": []}


def record(dialect: Dialect, body: bytes, headers: Mapping[str, str] | None = None) -> Any:
    """The record of the one event in a body."""
    names = {name.encode(): value.encode("latin-1") for name, value in (headers or {}).items()}
    (event,) = [dialect.read(body, names, SENDING)]
    assert isinstance(event, dict)
    return msgspec.json.decode(intake.admit(event, SENDING).value)


def structured(**members: Any) -> Any:
    return record(STRUCTURED, msgspec.json.encode(EVENT | members))


def binary(body: bytes, **headers: str) -> Any:
    """`content_type` and further attributes as headers."""
    media = headers.pop("content_type", None)
    names = HEADERS | {f"ce-{name}": value for name, value in headers.items()}
    return record(BINARY, body, names if media is None else names | {"content-type": media})


def refused(dialect: Dialect, body: bytes, headers: Mapping[str, str] | None = None) -> FieldError:
    try:
        found = record(dialect, body, headers)
    except Refusal as refusal:
        return refusal.error
    raise AssertionError(f"let in: {found}")


@pytest.mark.parametrize("type_", SENT)
def test_a_known_type_is_the_same_in_every_mode(type_: str) -> None:
    sent = SENT[type_] | {"specversion": "1.0", "subject": "orders/7", "tenant": "eu"}
    native = admitted(sent)
    attributes = {f"ce-{name}": value for name, value in sent.items() if name != "data"}
    assert record(STRUCTURED, msgspec.json.encode(sent)) == native
    assert record(BINARY, msgspec.json.encode(sent["data"]), attributes) == native
    media = {"content-type": "application/json"}
    json = record(BINARY, msgspec.json.encode(sent["data"]), attributes | media)
    assert json.pop("datacontenttype") == "application/json"
    assert json == native
    batch = BATCH.read(msgspec.json.encode([sent, sent]), {}, SENDING)
    assert [
        msgspec.json.decode(intake.admit(event, SENDING).value)
        for event in batch
        if isinstance(event, dict)
    ] == [native, native]


def test_the_payload_of_an_unknown_type_is_given_back_as_it_came() -> None:
    payload = {"gate": 7, "open": True, "by": {"name": "é 🫖"}, "none": None, "list": [1, 2.5]}
    for found in (
        structured(data=payload),
        binary(msgspec.json.encode(payload), content_type="application/json; charset=utf-8"),
        structured(
            data_base64=base64.b64encode(msgspec.json.encode(payload)).decode(),
            datacontenttype="text/json",
        ),
    ):
        assert found["data"] == payload | ENVELOPE


def test_identifiers_are_taken_from_a_payload_that_names_them_as_we_do() -> None:
    who = [{"kind": "user", "value": "42"}]
    found = structured(data={"identifiers": who, "channel": "store", "gate": 7})
    assert found["data"]["identifiers"][0]["subject"] == found["partitionkey"]
    assert found["data"]["channel"] == "store"


@pytest.mark.parametrize(
    "payload",
    [
        {"channel": "#general"},
        {"direction": "north"},
        {"identifiers": {"isbn": "1"}},
        {"identifiers": ["isbn:1"]},
        {"body": "x"},
        {"producer_subject": "x"},
        [1, 2],
        "a text",
        '{"a": 1}',
        7,
        1.5,
        True,
        None,
    ],
)
def test_a_foreign_payload_stands_whole_in_the_body(payload: Any) -> None:
    assert structured(data=payload)["data"] == ENVELOPE | {"body": payload}
    media = "application/vnd.example+json"
    expected = ENVELOPE | {"body": payload, "content_type": media}
    for found in (
        structured(data=payload, datacontenttype=media),
        binary(msgspec.json.encode(payload), content_type=media),
    ):
        assert found["data"] == expected
        assert "datacontenttype" not in found


def test_identifiers_that_are_meant_as_ours_and_wrong_are_refused() -> None:
    body = msgspec.json.encode(EVENT | {"data": {"identifiers": [{"kind": "user", "value": 42}]}})
    error = refused(STRUCTURED, body)
    assert (error.pointer, error.code) == ("/data/identifiers/0/value", "type")


def test_text_is_kept_as_text_in_every_mode() -> None:
    text = "<gate number='7'>\n\té</gate>"
    expected = ENVELOPE | {"body": text, "content_type": "application/xml"}
    assert structured(data=text, datacontenttype="application/xml")["data"] == expected
    assert binary(text.encode(), content_type="application/xml")["data"] == expected


@pytest.mark.parametrize(
    ("raw", "media"),
    [
        (b"\x00\xff\xfe", "image/png"),
        (b"plain", "application/octet-stream"),
        (b"\xff", "text/plain"),
        (b"a\x00b", "text/plain"),
        ("é".encode("latin-1"), "text/plain; charset=iso-8859-1"),
        ("é".encode(), "text/plain; charset=utf-16"),
        (b"plain", None),
    ],
)
def test_bytes_are_kept_as_bytes_in_every_mode(raw: bytes, media: str | None) -> None:
    encoded = base64.b64encode(raw).decode()
    named = {} if media is None else {"content_type": media}
    expected = ENVELOPE | {"body_base64": encoded} | named
    assert binary(raw, **named)["data"] == expected
    found = structured(data_base64=encoded, datacontenttype=media)
    assert found["data"] == expected


def test_without_a_payload_only_its_content_type_is_kept() -> None:
    assert structured()["data"] == binary(b"")["data"] == ENVELOPE
    expected = ENVELOPE | {"content_type": "text/plain"}
    assert structured(datacontenttype="text/plain")["data"] == expected
    assert binary(b"", content_type="text/plain")["data"] == expected


def test_attributes_of_the_producer_are_kept_and_null_is_unset() -> None:
    found = structured(subject="gates/7", tenant="eu", priority=3, urgent=True, gone=None)
    assert (found["tenant"], found["priority"], found["urgent"]) == ("eu", 3, True)
    assert found["data"]["producer_subject"] == "gates/7"
    assert "gone" not in found
    assert "subject" not in found


def test_the_version_of_a_type_is_a_number_in_a_header_too() -> None:
    assert binary(b"", dataversion="3")["dataversion"] == 3
    headers = HEADERS | {"ce-dataversion": "three"}
    assert refused(BINARY, b"", headers).pointer == "/dataversion"


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ("Euro%20%e2%82%ac", "Euro €"),
        ("%67%61te", "gate"),
        ("a b", "a b"),
        ('"a b"', "a b"),
        (r'"a \"b\" \\ c"', r'a "b" \ c'),
        ('"100%25"', "100%"),
        ("%2541", "%41"),
        ("100%", "100%"),
        ("%zz%4", "%zz%4"),
        ('say "hi"', 'say "hi"'),
        ("\xc3\xa9", "é"),
    ],
)
def test_a_header_is_unquoted_and_percent_decoded_once(header: str, value: str) -> None:
    assert binary(b"", subject=header)["data"]["producer_subject"] == value


@pytest.mark.parametrize("header", ["%C0%A0", "%FF", "caf\xe9", "%ED%A0%80"])
def test_a_header_that_is_not_utf8_is_refused(header: str) -> None:
    error = refused(BINARY, b"", HEADERS | {"ce-subject": header})
    assert (error.pointer, error.code) == ("/subject", "not_utf8")


def with_(**members: Any) -> bytes:
    return msgspec.json.encode(EVENT | members)


REFUSED: list[tuple[str, Dialect, bytes, dict[str, str], str, str]] = [
    ("no id", STRUCTURED, with_(id=None), {}, "/id", "required"),
    ("an empty id", STRUCTURED, with_(id=""), {}, "/id", "length"),
    ("no source", STRUCTURED, with_(source=None), {}, "/source", "required"),
    ("an empty source", STRUCTURED, with_(source=""), {}, "/source", "length"),
    ("no version", STRUCTURED, with_(specversion=None), {}, "/specversion", "required"),
    ("another version", STRUCTURED, with_(specversion="0.3"), {}, "/specversion", "value"),
    ("a type that is a list", STRUCTURED, with_(type=[1], data={}), {}, "/type", "type"),
    ("a time without offset", STRUCTURED, with_(time="2026-01-01T00:00:00"), {}, "/time", "time"),
    ("upper case", STRUCTURED, with_(myName="x"), {}, "/myName", "attribute"),
    ("an attribute that is a list", STRUCTURED, with_(a=[1]), {}, "/a", "attribute"),
    ("both data", STRUCTURED, with_(data=1, data_base64="AA=="), {}, "/data_base64", "combination"),
    ("no base64", STRUCTURED, with_(data_base64="A"), {}, "/data_base64", "base64"),
    ("base64 of a number", STRUCTURED, with_(data_base64=7), {}, "/data_base64", "type"),
    ("a wrong content type", STRUCTURED, with_(datacontenttype=1), {}, "/datacontenttype", "type"),
    ("an array, structured", STRUCTURED, b"[]", {}, "", "type"),
    ("an object, batched", BATCH, with_(), {}, "", "type"),
    ("no JSON, batched", BATCH, b"{", {}, "", "not_json"),
    (
        "known types are checked",
        STRUCTURED,
        with_(type="order.placed", data={}),
        {},
        "/data/amount",
        "required",
    ),
    (
        "a content type attribute",
        BINARY,
        b"",
        {"ce-datacontenttype": "a/b"},
        "/datacontenttype",
        "attribute",
    ),
    ("a data attribute", BINARY, b"", {"ce-data": "x"}, "/data", "attribute"),
    ("a name with a dash", BINARY, b"", {"ce-my-name": "x"}, "/my-name", "attribute"),
    ("an empty id in a header", BINARY, b"", {"ce-id": ""}, "/id", "length"),
    (
        "broken JSON",
        BINARY,
        b'{"a":',
        {"content-type": "application/json"},
        "/data",
        "not_json",
    ),
    (
        "NaN in JSON",
        BINARY,
        b'{"a":[NaN]}',
        {"content-type": "application/json"},
        "/data/a/0",
        "not_a_number",
    ),
    ("U+0000", BINARY, rb'"\u0000"', {"content-type": "application/json"}, "/data", "nul"),
    (
        "two JSON values",
        BINARY,
        b'{"a":1},{"b":2}',
        {"content-type": "application/json"},
        "/data",
        "not_json",
    ),
    ("a body that is too long", BINARY, b"x" * (MAX_EVENT + 1), {}, "", "too_large"),
]


@pytest.mark.parametrize(
    ("dialect", "body", "headers", "pointer", "code"),
    [row[1:] for row in REFUSED],
    ids=[row[0] for row in REFUSED],
)
def test_refused(
    dialect: Dialect, body: bytes, headers: dict[str, str], pointer: str, code: str
) -> None:
    error = refused(dialect, body, HEADERS | headers if dialect is BINARY else None)
    assert (error.pointer, error.code) == (pointer, code), error


def test_in_a_batch_a_bad_event_leaves_its_neighbours_alone() -> None:
    good, nameless = EVENT, {name: value for name, value in EVENT.items() if name != "source"}
    body = msgspec.json.encode([good, nameless, 7, good])
    first, second, third, fourth = BATCH.read(body, {}, SENDING)
    assert first == fourth == good | {"data": {}}
    assert isinstance(second, Refusal)
    assert (second.id, second.error.pointer) == ("A-1", "/source")
    assert isinstance(third, Refusal)
    assert [bytes(piece) for piece in BATCH.pieces(body)][1] == msgspec.json.encode(nameless)


@pytest.mark.parametrize(
    ("content_type", "binary_headers", "dialect"),
    [
        ("application/json", False, NATIVE),
        ("Application/JSON; charset=UTF-8", False, NATIVE),
        ("application/cloudevents+json", False, STRUCTURED),
        ("Application/CloudEvents+JSON; charset=utf-8", True, STRUCTURED),
        ("application/cloudevents-batch+json", False, BATCH),
        ("application/cloudevents-batch+json;charset=utf-8", True, BATCH),
        ("application/json", True, BINARY),
        ("text/xml", True, BINARY),
        ("", True, BINARY),
        ("text/xml", False, None),
        ("", False, None),
        ("application/cloudevents+xml", True, None),
        ("application/cloudevents", True, None),
        ("application/cloudevents+json; charset=latin-1", False, None),
    ],
)
def test_headers_say_which_dialect_it_is(
    content_type: str, binary_headers: bool, dialect: Dialect | None
) -> None:
    headers = (HEADERS if binary_headers else {}) | {"content-type": content_type}
    found = dialect_of({name.encode(): value.encode() for name, value in headers.items()})
    if dialect is None:
        assert isinstance(found, UnsupportedMedia)
    else:
        assert found is dialect


CE = {"ce-specversion": "1.0", "ce-type": "org.example.parcel.left", "ce-source": "/depots/7"}
SAID: dict[str, Any] = {
    "specversion": "1.0",
    "type": "org.example.parcel.left",
    "source": "/depots/7",
    "id": "P-17",
    "time": "2026-04-05T17:31:00Z",
    "parcelsize": "large",
    "parcelnumber": 5,
}
EXAMPLES: list[tuple[str, dict[str, str], Any, dict[str, Any]]] = [
    (
        "binary, JSON",
        {**CE, "ce-id": "P-17", "content-type": "application/json; charset=utf-8"},
        b'{ "weight" : 7 }',
        {"weight": 7},
    ),
    (
        "binary, bytes of a type of its own",
        {**CE, "ce-id": "P-17", "content-type": "application/vnd.example.binary"},
        b"\x0b\x00\x01",
        {"body_base64": "CwAB", "content_type": "application/vnd.example.binary"},
    ),
    (
        "structured, JSON",
        {"content-type": "application/cloudevents+json; charset=UTF-8"},
        SAID | {"subject": None, "data": {"weight": 7, "fragile": True, "to": "Jane"}},
        {"weight": 7, "fragile": True, "to": "Jane"},
    ),
    (
        "structured, bytes",
        {"content-type": "application/cloudevents+json"},
        SAID | {"datacontenttype": "application/vnd.example.binary", "data_base64": "CwAB"},
        {"body_base64": "CwAB", "content_type": "application/vnd.example.binary"},
    ),
    (
        "structured, a document as text",
        {"content-type": "application/cloudevents+json"},
        SAID | {"unset": None, "datacontenttype": "application/xml", "data": '<so much="xml"/>'},
        {"body": '<so much="xml"/>', "content_type": "application/xml"},
    ),
    (
        "structured, a number",
        {"content-type": "application/cloudevents+json"},
        SAID | {"datacontenttype": "application/json", "data": 1.5},
        {"body": 1.5, "content_type": "application/json"},
    ),
    (
        "structured, a text that is JSON in itself stays a text",
        {"content-type": "application/cloudevents+json"},
        SAID | {"datacontenttype": "application/json", "data": '{"weight": 7}'},
        {"body": '{"weight": 7}', "content_type": "application/json"},
    ),
]


@pytest.mark.parametrize(
    ("headers", "body", "expected"), [row[1:] for row in EXAMPLES], ids=[row[0] for row in EXAMPLES]
)
def test_what_the_http_binding_and_the_json_format_show(
    headers: dict[str, str], body: Any, expected: dict[str, Any]
) -> None:
    names = {name.encode(): value.encode() for name, value in headers.items()}
    dialect = dialect_of(names)
    assert isinstance(dialect, Dialect)
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    found = record(dialect, raw, headers)
    assert found["data"] == ENVELOPE | expected
    assert (found["id"], found["source"], found["type"]) == ("P-17", SAID["source"], SAID["type"])
    if isinstance(body, dict):
        assert (found["parcelsize"], found["parcelnumber"]) == ("large", 5)
        assert found["time"] == "2026-04-05T17:31:00.000000Z"


def test_three_of_the_four_headers_are_not_enough() -> None:
    for missing in HEADERS:
        names = {name.encode(): b"x" for name in HEADERS if name != missing}
        assert isinstance(dialect_of(names | {b"content-type": b"text/xml"}), UnsupportedMedia)


@pytest.mark.parametrize("type_", SENT)
def test_every_record_is_itself_a_cloudevent(type_: str) -> None:
    found = JSONFormat().read(None, msgspec.json.encode(admitted(SENT[type_])))
    assert (found.get_type(), found.get_id()) == (type_, f"{type_}-1")
    assert found.get_specversion() == "1.0"
    data = found.get_data()
    assert isinstance(data, dict)
    assert SENT[type_]["data"].keys() <= data.keys()
