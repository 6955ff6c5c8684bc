"""Segment over HTTP: keys in every form, answers as its clients expect them, the quarantine."""

import base64
import gzip
from typing import Any

import httpx
import msgspec
import pytest

from services.contact.door import Door
from services.contact.intake import Intake
from services.contact.reading import MAX_BODY
from services.contact.segment.requests import BY_PATH, MAX_BATCH, MAX_CALL
from shared.auth import new_secret
from shared.ids import uuid7
from shared.messages import Record
from tests.contact.answering import Contact
from tests.contact.test_log_away import TOPICS, Lanes, Ring, away
from tests.records import SECRET, subject

SUCCESS = {"success": True}


def call(**fields: Any) -> dict[str, Any]:
    return {"userId": str(uuid7()), "messageId": str(uuid7()), "event": "Signed Up"} | fields


def basic(secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{secret}:'.encode()).decode()}"}


async def post(
    live: Contact, path: str, content: object, headers: dict[str, str] | None = None
) -> httpx.Response:
    """Post with the ingest key, where the headers do not say otherwise."""
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    sent = basic(live.secrets["ingest"]) if headers is None else headers
    return await live.client.post(path, content=body, headers=sent)


async def since(live: Contact, before: dict[tuple[str, int], int], name: str) -> list[Record]:
    """What came to a topic since then."""
    found: list[Record] = []
    topic = live.site.topics[name]
    for place, end in (await live.ends()).items():
        if place[0] == topic and end > before[place]:
            found += await live.site.log.read(*place, before[place], end - before[place])
    return found


def json(record: Record) -> Any:
    return msgspec.json.decode(record.value)


async def only(live: Contact, before: dict[tuple[str, int], int], name: str) -> Any:
    (record,) = await since(live, before, name)
    return json(record)


async def test_a_call_with_its_key_in_any_form_is_let_in(live: Contact) -> None:
    secret = live.secrets["ingest"]
    bare = base64.b64encode(secret.encode()).decode()
    for headers, members in [
        (basic(secret), {}),
        ({"Authorization": f"Basic {bare}"}, {}),
        (basic(secret), {"writeKey": secret}),
        ({}, {"writeKey": secret}),
        ({"Authorization": "Bearer a.token.of.somebody"}, {"writeKey": secret}),
        ({"Authorization": f"Bearer {secret}"}, {}),
        (basic(secret) | {"X-Retry-Count": "3"}, {}),
    ]:
        before, sent = await live.ends(), call()
        answer = await post(live, "/v1/track", sent | members, headers)
        assert (answer.status_code, answer.json()) == (200, SUCCESS), headers
        found = await only(live, before, "interactions")
        assert (found["id"], found["ingestkey"]) == (sent["messageId"], "ingest")
        assert found["partitionkey"] == subject(f"user:shop:{sent['userId']}")
        assert secret not in str(found)


async def test_every_operation_lets_its_kind_in(live: Contact) -> None:
    fields: dict[str, Any] = {"groupId": "acme", "previousId": "old", "name": "x"}
    expected = {
        "identify": "customer.described",
        "track": "track",
        "page": "page.viewed",
        "screen": "screen.viewed",
        "group": "membership.changed",
        "alias": "identifiers.seen",
    }
    for kind, type_ in expected.items():
        before = await live.ends()
        assert (await post(live, f"/v1/{kind}", call(**fields))).json() == SUCCESS
        assert (await only(live, before, "interactions"))["type"] == type_
    before = await live.ends()
    batch = [call(type=kind, **fields) for kind in expected]
    assert (await post(live, "/v1/batch", {"batch": batch})).json() == SUCCESS
    found = {
        each["id"]: each["type"] for each in map(json, await since(live, before, "interactions"))
    }
    assert found == {each["messageId"]: expected[each["type"]] for each in batch}


async def test_who_has_no_key_is_turned_away_and_nothing_is_kept(live: Contact) -> None:
    before = await live.ends()
    unknown = new_secret()
    for headers, content, status in [
        ({}, call(), 401),
        ({}, b"{", 401),
        ({}, call(writeKey="x"), 401),
        ({}, call(writeKey=unknown), 401),
        (basic(unknown), call(), 401),
        (basic("x"), call(writeKey=live.secrets["ingest"]), 401),
        ({"Authorization": "Basic %%%"}, call(), 401),
        (basic(live.secrets["read"]), call(), 403),
        ({}, call(writeKey=live.secrets["ops"]), 403),
    ]:
        for path in ("/v1/track", "/v1/batch"):
            answer = await post(live, path, content, headers)
            assert answer.status_code == status, (headers, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
    assert await live.ends() == before


async def test_gzip_is_taken_and_what_is_wrong_in_it_is_kept_unpacked(live: Contact) -> None:
    headers = basic(live.secrets["ingest"]) | {"Content-Encoding": "gzip"}
    before, sent = await live.ends(), call()
    good = gzip.compress(msgspec.json.encode(sent))
    assert (await post(live, "/v1/track", good, headers)).json() == SUCCESS
    assert (await only(live, before, "interactions"))["id"] == sent["messageId"]
    nobody = msgspec.json.encode({"event": "x", "writeKey": live.secrets["ingest"]})
    before = await live.ends()
    keyless = {"Content-Encoding": "gzip"}
    assert (await post(live, "/v1/track", gzip.compress(nobody), keyless)).json() == SUCCESS
    kept = (await only(live, before, "quarantine"))["data"]
    blanked = nobody.replace(live.secrets["ingest"].encode()[3:], b"*" * 43)
    assert base64.b64decode(kept["bytes"]) == blanked
    assert kept["reasons"][0]["code"] == "identity"


@pytest.mark.parametrize(
    ("body", "encoding", "status", "code"),
    [
        (b"{}", "gzip", 400, "not_gzip"),
        (gzip.compress(b"{}", mtime=0)[:-5], "gzip", 400, "not_gzip"),
        (b"{}", "br", 415, "unsupported_media_type"),
    ],
)
async def test_what_cannot_be_unpacked_is_kept_as_it_came(
    live: Contact, body: bytes, encoding: str, status: int, code: str
) -> None:
    headers = basic(live.secrets["ingest"]) | {"Content-Encoding": encoding}
    before = await live.ends()
    answer = await post(live, "/v1/batch", body, headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    kept = (await only(live, before, "quarantine"))["data"]
    assert base64.b64decode(kept["bytes"]) == body
    assert kept["headers"] == {"content-encoding": encoding}


async def test_a_bomb_is_a_bad_request_and_not_kept(live: Contact) -> None:
    headers = basic(live.secrets["ingest"]) | {"Content-Encoding": "gzip"}
    before = await live.ends()
    for body in (gzip.compress(b" " * (MAX_BODY + 1)), b" " * (MAX_BODY + 1)):
        answer = await post(live, "/v1/batch", body, headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "too_large")
    assert await live.ends() == before


async def test_a_body_that_is_no_request_is_a_bad_one_and_kept(live: Contact) -> None:
    long = b'{"batch":[' + b" " * MAX_BATCH + b"]}"
    for path, body in [("/v1/track", b"{"), ("/v1/batch", b"[]"), ("/v1/batch", long)]:
        before = await live.ends()
        answer = await post(live, path, body)
        assert answer.status_code == 400
        kept = (await only(live, before, "quarantine"))["data"]
        assert base64.b64decode(kept["bytes"]) == body


async def test_a_wrong_call_is_kept_and_its_neighbours_are_let_in(live: Contact) -> None:
    before, good = await live.ends(), call(type="track")
    wrong = msgspec.json.encode(call(type="track", event="Order Completed", properties={}))
    body = b'{"batch":[' + msgspec.json.encode(good) + b" , " + wrong + b"]}"
    answer = await post(live, "/v1/batch", body)
    assert (answer.status_code, answer.json()) == (200, SUCCESS)
    assert (await only(live, before, "interactions"))["id"] == good["messageId"]
    kept = (await only(live, before, "quarantine"))["data"]
    assert base64.b64decode(kept["bytes"]) == wrong
    assert kept["reasons"][0]["pointer"] == "/properties/order_id"


async def test_a_long_call_is_a_bad_request_and_its_neighbours_are_let_in(live: Contact) -> None:
    before, good = await live.ends(), call(type="track")
    long = call(type="track", event="x" * MAX_CALL)
    answer = await post(live, "/v1/batch", {"batch": [good, long]})
    assert (answer.status_code, answer.json()["code"]) == (400, "too_large")
    assert (await only(live, before, "interactions"))["id"] == good["messageId"]
    kept = (await only(live, before, "quarantine"))["data"]
    assert base64.b64decode(kept["bytes"]) == msgspec.json.encode(long)


async def test_an_empty_batch_is_fine(live: Contact) -> None:
    assert (await post(live, "/v1/batch", {"batch": []})).json() == SUCCESS


async def test_an_event_that_is_sent_twice_has_the_same_id_and_source(live: Contact) -> None:
    before, sent = await live.ends(), call()
    for _ in range(2):
        await post(live, "/v1/track", sent)
    first, second = map(json, await since(live, before, "interactions"))
    assert (first["source"], first["id"]) == (second["source"], second["id"])


@pytest.mark.parametrize("path", BY_PATH)
async def test_with_the_log_away_clients_are_told_to_send_again(path: str) -> None:
    door = Door(Lanes(away), Ring(), Intake(SECRET), TOPICS)
    transport = httpx.ASGITransport(app=door)
    single = call(groupId="g", previousId="p")
    body = {"batch": [call(type="track")]} if path == "/v1/batch" else single
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        answer = await client.post(path, json=body, headers=basic("x"))
    assert (answer.status_code, answer.json()["code"]) == (503, "log_unavailable")
    assert int(answer.headers["retry-after"]) > 0


async def test_other_methods_are_told_which_one_there_is(live: Contact) -> None:
    for path in BY_PATH:
        answer = await live.client.get(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
