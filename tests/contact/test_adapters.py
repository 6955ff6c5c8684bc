"""Adapters: whatever the dialect, the same fact gives the same record; what is refused is kept."""

import base64
import csv
import io
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contact import adapters
from services.contact.adapters.calls import ASTERISK, CALLS
from services.contact.adapters.chats import CHATS
from services.contact.dialect import Dialect
from services.contact.dialects import NATIVE
from services.contact.faults import Refusal
from services.contact.reading import Event
from tests.contact.answering import Contact
from tests.contact.sending import SENDING, intake
from tests.contact.test_same_fact import Fact, moments, words

CSV = {b"content-type": b"text/csv; charset=utf-8"}
numbers = st.integers(10**9, 10**12).map(lambda number: f"+{number}")


def found(dialect: Dialect, body: bytes, names: Any = None) -> list[Event | Refusal]:
    read = dialect.read(body, names or {}, SENDING)
    return [read] if isinstance(read, dict) else list(read)


def records(dialect: Dialect, body: bytes, names: Any = None) -> list[Any]:
    """The records of what a body holds, which must all be let in."""
    values = []
    for event in found(dialect, body, names):
        assert not isinstance(event, Refusal), event.error
        values.append(msgspec.json.decode(intake.admit(event, SENDING).value))
    return values


def table(*rows: dict[str, Any]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def without_body(record: Any) -> Any:
    """A record without what stands whole in it, as it came."""
    data = {name: record["data"][name] for name in record["data"]}
    assert data.pop("content_type") == "application/json"
    assert data.pop("body")
    return record | {"data": data}


def native(fact: Fact) -> Any:
    (record,) = records(NATIVE, msgspec.json.encode(fact))
    return record


@settings(deadline=None, max_examples=60)
@given(words, numbers, words, moments, st.integers(0, 10**6), st.booleans(), st.booleans())
def test_a_call(
    id: str, number: str, line: str, time: str, seconds: int, inbound: bool, answered: bool
) -> None:
    type_ = ("received" if answered else "missed") if inbound else "placed"
    status = "answered" if answered else "busy"
    record = {
        "id": id,
        "direction": "inbound" if inbound else "outbound",
        "from": number if inbound else line,
        "to": line if inbound else number,
        "status": status,
        "started": time,
        "duration": seconds,
    }
    fact = native(
        {
            "id": id,
            "source": "/keys/shop/calls",
            "type": f"call.{type_}",
            "time": time,
            "data": {
                "identifiers": [{"kind": "phone", "value": number}],
                "duration": seconds,
                "status": status,
                "line": line,
            },
        }
    )
    for body, names in [
        (msgspec.json.encode(record), None),
        (msgspec.json.encode([record]), None),
        (table(record), CSV),
        (b"\xef\xbb\xbf" + table(record), CSV),
    ]:
        (said,) = records(CALLS, body, names)
        assert without_body(said) == fact


@settings(deadline=None, max_examples=60)
@given(words, words, words, moments, st.booleans())
def test_a_message_in_a_chat(
    conversation: str, id: str, text: str, time: str, customer: bool
) -> None:
    who = [{"kind": "user", "value": "42"}]
    message = {"id": id, "from": "visitor" if customer else "bot", "text": text, "time": time}
    body = {"id": conversation, "identifiers": who, "messages": [message]}
    (said,) = records(CHATS, msgspec.json.encode(body))
    assert without_body(said) == native(
        {
            "id": f"{conversation}/{id}",
            "source": "/keys/shop/chats",
            "type": f"message.{'received' if customer else 'sent'}",
            "time": time,
            "data": {
                "channel": "chat",
                "identifiers": who,
                "conversation": conversation,
                "text": text,
            },
        }
    )


def test_asterisk_and_twilio_speak_in_names_of_their_own() -> None:
    row = {name: "" for name in ASTERISK} | {
        "src": "+4930123456",
        "dst": "100",
        "start": "2026-01-31 12:00:00",
        "duration": "190",
        "billsec": "184",
        "disposition": "ANSWERED",
        "uniqueid": "1769857200.1",
    }
    (one,) = records(CALLS, table(row).split(b"\r\n", 1)[1], CSV)
    assert (one["type"], one["id"]) == ("call.received", "1769857200.1")
    assert (one["data"]["duration"], one["data"]["line"]) == (184, "100")
    (missed,) = records(CALLS, table(row | {"disposition": "NO ANSWER"}), CSV)
    (placed,) = records(CALLS, table(row | {"src": "100", "dst": "+4930123456"}), CSV)
    assert (missed["type"], placed["type"]) == ("call.missed", "call.placed")
    twilio = {
        "sid": "CA1",
        "direction": "outbound-api",
        "from": "+4930999",
        "to": "+4930123456",
        "status": "completed",
        "start_time": "Sat, 31 Jan 2026 12:00:00 +0000",
        "duration": "15",
    }
    (one,) = records(CALLS, msgspec.json.encode(twilio))
    assert (one["type"], one["id"], one["time"]) == (
        "call.placed",
        "CA1",
        "2026-01-31T12:00:00.000000Z",
    )
    assert one["data"]["duration"] == 15


def test_a_record_without_an_id_counts_once_however_often_it_is_sent() -> None:
    call = {"from": "+4930123456", "to": "100"}
    ids = {one["id"] for _ in range(2) for one in records(CALLS, msgspec.json.encode([call, call]))}
    assert len(ids) == 1
    messages = [{"from": "customer", "text": text} for text in ("a", "b", "a")]
    body = msgspec.json.encode({"id": 7, "messages": messages})
    assert len({one["id"] for one in records(CHATS, body)}) == 2


@pytest.mark.parametrize(
    ("call", "pointer"),
    [
        ({}, "/from"),
        ({"to": "+4930123456", "direction": "inbound"}, "/from"),
        ({"from": "1", "direction": "outbound"}, "/to"),
        ({"from": ["+49"]}, "/from"),
        ({"from": "+4930123456", "duration": "long"}, "/duration"),
        ({"from": "+4930123456", "duration": {}}, "/duration"),
        ({"from": "+4930123456", "started": "noon"}, "/started"),
        ({"from": "+4930123456", "started": 5}, "/started"),
        ({"from": "+4930123456", "started": "Sat, 99 Jan"}, "/started"),
        ({"from": "+4930123456", "started": "0001-01-01T00:00:00+12:00"}, "/started"),
    ],
)
def test_a_call_that_is_wrong_names_its_field(call: dict[str, Any], pointer: str) -> None:
    (one,) = found(CALLS, msgspec.json.encode([call]))
    assert isinstance(one, Refusal)
    assert one.error.pointer == pointer


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"messages": []}, "/id"),
        ({"id": "1"}, "/messages"),
        ({"id": "1", "messages": {}}, "/messages"),
        ({"id": "1", "messages": [], "identifiers": "x" * 3}, None),
        ({"id": "1", "messages": [{}] * 1001}, "/messages"),
        ([], ""),
    ],
)
def test_a_transcript_that_is_none_is_refused_whole(body: Any, pointer: str | None) -> None:
    if pointer is None:
        assert found(CHATS, msgspec.json.encode(body)) == []
        return
    with pytest.raises(Refusal) as caught:
        found(CHATS, msgspec.json.encode(body))
    assert caught.value.error.pointer == pointer


def test_rows_that_are_wrong_leave_their_neighbours_alone() -> None:
    rows = (
        b'from,to\r\n+4930123456,100\r\na,b,c\r\n"x\r\ny",1\r\n,\r\n+4930123457,"1\0"\r\n'
        b'"open,1\r\n'
    )
    outcomes = found(CALLS, rows, CSV)
    kinds = [one.error.code if isinstance(one, Refusal) else "right" for one in outcomes]
    assert kinds == ["right", "columns", "right", "required", "nul", "not_csv"]
    pieces = CALLS.pieces(rows)
    assert b"".join([b"from,to\r\n", *pieces]) == rows
    assert pieces[2] == b'"x\r\ny",1\r\n'


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_by_every_adapter(raw: bytes) -> None:
    for dialect in adapters.BY_PATH.values():
        for names in ({}, CSV):
            try:
                items = found(dialect, raw, names)
                for item in items:
                    if isinstance(item, dict):
                        intake.admit(item, SENDING)
            except Refusal:
                continue
            assert len(dialect.pieces(raw)) == len(items) or len(items) == 1


@pytest.mark.parametrize(
    ("dialect", "body", "names"),
    [
        (CALLS, b'[{"from":"+4930123456"},{"to":5}]', {}),
        (CALLS, b"from,to\r\n+4930123456,1\r\n,2\r\n", CSV),
        (CALLS, b",+4930123456,100\r\n,,100\r\n", CSV),
        (CHATS, b'{"id":"c","identifiers":[],"messages":[{"from":"user"},{"text":5}]}', {}),
    ],
)
def test_a_piece_with_what_stood_around_it_is_a_body_again(
    dialect: Dialect, body: bytes, names: Any
) -> None:
    before, after = dialect.around(body)
    whole = found(dialect, body, names)
    for piece, one in zip(dialect.pieces(body), whole, strict=True):
        (again,) = found(dialect, before + piece + after, names)
        if isinstance(one, Refusal):
            assert isinstance(again, Refusal)
            assert again.error == one.error
        else:
            assert again == one


async def test_the_door_lets_in_the_right_rows_and_keeps_the_wrong_ones(live: Contact) -> None:
    body = b"id,from,to\r\nin,+4930123456,100\r\nout,,100\r\n"
    before = await live.ends()
    headers = live.headers("ingest") | {"Content-Type": "text/csv"}
    checked = await live.client.post("/v1/calls?validate=true", content=body, headers=headers)
    assert [one["status"] for one in checked.json()["results"]] == ["valid", "refused"]
    assert await live.ends() == before
    answer = await live.client.post("/v1/calls", content=body, headers=headers)
    good, bad = answer.json()["results"]
    assert (good["status"], bad["pointer"]) == ("accepted", "/1/from")
    record = msgspec.json.decode((await live.at(good["position"])).value)
    assert record["data"]["body"] == {"id": "in", "from": "+4930123456", "to": "100"}
    kept = []
    for (topic, partition), end in (await live.ends()).items():
        start = before[topic, partition]
        if "quarantine" in topic and end > start:
            kept += await live.site.log.read(topic, partition, start, 10)
    (one,) = (msgspec.json.decode(each.value)["data"] for each in kept)
    assert base64.b64decode(one["bytes"]) == b"out,,100\r\n"
    assert one["around"] == ["id,from,to\r\n", ""]
    assert (one["path"], one["event_source"]) == ("/v1/calls", "/keys/ingest/calls")


async def test_mail_is_posted_raw_and_a_single_call_is_answered_alone(live: Contact) -> None:
    headers = live.headers("ingest") | {"Content-Type": "message/rfc822"}
    raw = b"From: jane@example.com\r\nMessage-ID: <door@x>\r\n\r\nHello\r\n"
    answer = await live.client.post("/v1/mail", content=raw, headers=headers)
    assert answer.status_code == 202
    assert answer.json()["id"] == "<door@x>"
    wrong = await live.client.post("/v1/mail", content=b"x", headers=headers)
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (400, "not_mail")
    call = b'{"id":"alone","from":"+4930123456"}'
    answer = await live.client.post("/v1/calls", content=call, headers=headers)
    assert (answer.status_code, answer.json()["id"]) == (202, "alone")
    assert (await live.client.post("/v1/calls", content=call)).status_code == 401
