"""POST /v1/events on the real log: what is acknowledged is there, what is refused is kept."""

import asyncio
import base64
import random
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from services.contact.door import Door
from services.contact.intake import Intake
from services.contact.lanes import Topics
from services.contact.reading import MAX_BODY, MAX_EVENT
from shared.auth import new_secret
from shared.ids import uuid7
from shared.messages import Record
from tests.contact.answering import PARTITIONS, Contact
from tests.records import SECRET, subject


def order(id: str, **fields: Any) -> dict[str, Any]:
    """An order of a user of the shop."""
    who = [{"kind": "user", "value": "42"}]
    data = {"channel": "web", "identifiers": who, "order": id, "amount": 1, "currency": "EUR"}
    return {"id": id, "source": "/shop", "type": "order.placed", "data": data | fields}


def new_id() -> str:
    return str(uuid7())


def json(record: Record) -> Any:
    return msgspec.json.decode(record.value)


async def kept_since(live: Contact, before: dict[tuple[str, int], int]) -> list[Record]:
    """What came to the quarantine since then."""
    found: list[Record] = []
    name = live.site.topics["quarantine"]
    for (topic, number), end in (await live.ends()).items():
        there = before[topic, number]
        if topic == name and end > there:
            found += await live.site.log.read(topic, number, there, end - there)
    return found


async def test_what_is_acknowledged_stands_in_the_log_at_its_position(live: Contact) -> None:
    id = new_id()
    answer = await live.post(order(id))
    assert answer.status_code == 202
    assert answer.json()["id"] == id
    found = await live.at(answer.json()["position"])
    record = json(found)
    assert (record["id"], record["source"], record["type"]) == (id, "/shop", "order.placed")
    assert record["partitionkey"] == subject("user:shop:42") == (found.key or b"").decode()
    assert record["data"]["identifiers"][0]["subject"] == subject("user:shop:42")
    assert record["recordedtime"] >= record["receivedtime"] == record["time"]


async def test_an_event_without_an_id_is_given_one(live: Contact) -> None:
    answer = await live.post({"type": "note.taken"})
    assert answer.status_code == 202
    assert json(await live.at(answer.json()["position"]))["id"] == answer.json()["id"]


async def test_the_trace_of_the_request_is_carried_on(live: Contact) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = live.headers("ingest") | {"traceparent": trace}
    answer = await live.client.post("/v1/events", json={"type": "note.taken"}, headers=headers)
    assert json(await live.at(answer.json()["position"]))["traceparent"][3:35] == trace[3:35]


async def test_good_events_are_never_lost_for_a_bad_neighbour(live: Contact) -> None:
    ids = [new_id() for _ in range(4)]
    wrong = b'{"id": "%s", "type": "order.placed", "data": {"order": 7}}' % ids[1].encode()
    pieces = [
        msgspec.json.encode(order(ids[0])),
        b" " + wrong + b"\n",
        b'"no event"',
        b'{"type": "a.b", "data": {"x": NaN}}',
        msgspec.json.encode(order(ids[3], order="other")),
    ]
    before = await live.ends()
    answer = await live.send(b"[" + b",".join(pieces) + b"]")
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [one["status"] for one in results] == ["accepted", *["refused"] * 3, "accepted"]
    assert [one.get("id") for one in results] == [ids[0], ids[1], None, None, ids[3]]
    assert [one["pointer"] for one in results[1:4]] == ["/1/data/order", "/2", "/3/data/x"]
    assert all(one["code"] and one["detail"] for one in results[1:4])
    for place in (0, 4):
        assert json(await live.at(results[place]["position"]))["id"] == results[place]["id"]
    kept = [base64.b64decode(json(one)["data"]["bytes"]) for one in await kept_since(live, before)]
    assert sorted(kept) == sorted([wrong, pieces[2], pieces[3]])


async def test_a_thousand_events_keep_their_order_in_every_partition(live: Contact) -> None:
    ids = [new_id() for _ in range(1000)]
    sent = [
        {"id": id, "type": "note.taken", "data": {"identifiers": [{"kind": "user", "value": id}]}}
        for id in ids
    ]
    results = (await live.post(sent)).json()["results"]
    assert [one["id"] for one in results] == ids
    offsets: dict[str, list[int]] = {}
    for one in results:
        lane, _, offset = one["position"].rpartition("/")
        offsets.setdefault(lane, []).append(int(offset))
    assert len(offsets) == PARTITIONS
    assert all(each == sorted(set(each)) for each in offsets.values())


async def test_an_empty_array_is_fine(live: Contact) -> None:
    answer = await live.post([])
    assert (answer.status_code, answer.json()) == (200, {"results": []})


async def test_to_validate_stores_nothing(live: Contact) -> None:
    before = await live.ends()
    one = await live.post(order("v"), validate="true")
    assert (one.status_code, one.json()) == (200, {"status": "valid", "id": "v"})
    array = await live.post([order("v"), {}], validate="true")
    assert [each["status"] for each in array.json()["results"]] == ["valid", "refused"]
    assert (await live.post({}, validate="true")).status_code == 422
    assert (await live.send(b"{", validate="true")).status_code == 400
    assert (await live.send(b"x", "text/plain", validate="true")).status_code == 415
    assert (await live.post({}, validate="maybe")).json()["errors"][0]["pointer"] == (
        "/query/validate"
    )
    assert await live.ends() == before


async def test_the_same_event_again_is_accepted_again(live: Contact) -> None:
    id = new_id()
    positions = {(await live.post(order(id))).json()["position"] for _ in range(2)}
    assert len(positions) == 2


async def test_who_may_not_ingest_is_turned_away_and_nothing_is_kept(live: Contact) -> None:
    before = await live.ends()
    for headers, status, code in [
        ({}, 401, "unauthenticated"),
        ({"Authorization": "Bearer nothing"}, 401, "unauthenticated"),
        ({"Authorization": f"Bearer {new_secret()}"}, 401, "unauthenticated"),
        ({"Authorization": f"Basic {live.secrets['ingest']}"}, 401, "unauthenticated"),
        (live.headers("read"), 403, "forbidden"),
        (live.headers("ops"), 403, "forbidden"),
    ]:
        answer = await live.client.post("/v1/events", content=b"{", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert ("www-authenticate" in answer.headers) == (status == 401)
    assert await live.ends() == before


def nested(levels: int) -> bytes:
    """An event of so many objects and arrays in each other."""
    return b'{"type":"a.b","data":{"x":' + b"[" * (levels - 2) + b"]" * (levels - 2) + b"}}"


EVENT = b'{"type":"a.b","data":{"x":%s}}'
BODIES: list[tuple[str, bytes, int, str]] = [
    ("oversize event", EVENT % (b'"' + b"x" * MAX_EVENT + b'"'), 413, ""),
    ("depth 21", nested(21), 422, ""),
    ("a hundred thousand brackets", b"[" * 100_000, 400, ""),
    ("NaN", EVENT % b"NaN", 422, "/data/x"),
    ("1e400", EVENT % b"1e400", 422, "/data/x"),
    ("lone surrogate", EVENT % rb'"\ud800"', 422, "/data/x"),
    ("U+0000", EVENT % rb'"\u0000"', 422, "/data/x"),
    ("invalid UTF-8", EVENT % b'"\xff"', 400, "/data/x"),
    ("a million items", b"[" + b"{}," * 999_999 + b"{}]", 413, ""),
    ("1,001 events", b"[" + b"{}," * 1000 + b"{}]", 413, ""),
    ("cut off", b'{"type": "a.', 400, ""),
    ("a text", b'"event"', 422, ""),
    ("a wrong type", b'{"type": 7}', 422, "/type"),
]


@pytest.mark.parametrize(
    ("body", "status", "pointer"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES]
)
async def test_what_is_refused_names_its_field_and_is_kept_byte_for_byte(
    live: Contact, body: bytes, status: int, pointer: str
) -> None:
    before = await live.ends()
    answer = await live.send(body)
    problem = answer.json()
    assert answer.status_code == status, problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["errors"][0]["pointer"] == pointer
    (kept,) = await kept_since(live, before)
    assert base64.b64decode(json(kept)["data"]["bytes"]) == body
    assert json(kept)["data"]["reasons"] == problem["errors"]
    assert json(kept)["ingestkey"] == "ingest"


async def test_depth_twenty_is_let_in(live: Contact) -> None:
    assert (await live.send(nested(20))).status_code == 202


async def test_of_duplicate_names_the_last_counts(live: Contact) -> None:
    id = new_id().encode()
    answer = await live.send(b'{"type":"a.b","id":"no","id":"' + id + b'","data":{"x":1,"x":2}}')
    record = json(await live.at(answer.json()["position"]))
    assert (record["id"], record["data"]["x"]) == (id.decode(), 2)


async def test_an_empty_body_is_no_event(live: Contact) -> None:
    before = await live.ends()
    assert (await live.send(b"")).status_code == 400
    assert await live.ends() == before


async def test_only_json_is_taken(live: Contact) -> None:
    body = msgspec.json.encode(order("media"))
    for media in ("text/plain", "", "application/json; charset=latin-1", "application/xml"):
        before = await live.ends()
        answer = await live.send(body, media)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
        (kept,) = await kept_since(live, before)
        assert json(kept)["data"]["content_type"] == media
    for media in ("Application/JSON", 'application/json; charset="UTF-8"'):
        assert (await live.send(body, media)).status_code == 202
    headers = live.headers("ingest") | {"Content-Encoding": "br"}
    answer = await live.client.post("/v1/events", content=body, headers=headers)
    assert answer.status_code == 415


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_body_may_come_in_pieces(live: Contact) -> None:
    body = msgspec.json.encode(order(new_id()))
    assert (await live.send(chunks(body[:9], body[9:50], b"", body[50:]))).status_code == 202


async def test_an_oversize_body_is_not_read_to_its_end(live: Contact) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 65536
            yield b" " * 65536

    before = await live.ends()
    answer = await live.send(endless())
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert taken <= MAX_BODY + 2 * 65536
    for length in (str(MAX_BODY + 1), "x", "-1", "9" * 5000):
        headers = live.headers("ingest") | {"Content-Length": length}
        answer = await live.client.post("/v1/events", content=b"{}", headers=headers)
        assert answer.status_code == 413, length[:20]
    assert await live.ends() == before


async def test_a_body_that_does_not_come_in_time_is_given_up(live: Contact) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    site = live.site
    topics = Topics(site.topics["interactions"], site.topics["quarantine"], PARTITIONS)
    door = Door(site.log, site.keyring, Intake(SECRET), topics, body_seconds=0.05)  # type: ignore[arg-type]
    transport = httpx.ASGITransport(app=door)
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        answer = await client.post("/v1/events", content=slow(), headers=live.headers("ingest"))
    assert (answer.status_code, answer.json()["code"]) == (408, "too_slow")
    assert answer.headers["connection"] == "close"


async def test_other_methods_are_told_which_one_there_is(live: Contact) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"):
        answer = await live.client.request(method, "/v1/events", headers=live.headers("ingest"))
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST"), method


async def test_the_door_takes_many_at_once(live: Contact) -> None:
    answers = await asyncio.gather(*(live.post(order(new_id())) for _ in range(200)))
    positions = [answer.json()["position"] for answer in answers]
    assert {answer.status_code for answer in answers} == {202}
    assert len(set(positions)) == 200
    for place in random.Random(1).sample(range(200), 3):
        assert json(await live.at(positions[place]))["id"] == answers[place].json()["id"]
