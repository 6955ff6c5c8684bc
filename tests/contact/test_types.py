"""Types as operators meet them: seen, looked into, given a schema or a mapping, through the log."""

import asyncio
import base64
from typing import Any

import httpx
import msgspec

from services.contact.app import SERVICE
from shared.ids import uuid7
from tests.contact.answering import Contact
from tests.contact.folding import fold_all
from tests.contact.test_declared import BOOKING, ORDER, SOLD

OBSERVED = {"schema": BOOKING, "mode": "observe"}
ENFORCED = {"schema": BOOKING, "mode": "enforce"}


def new_type() -> str:
    return f"com.example/{uuid7()}"


async def put(
    live: Contact, path: str, body: object, version: int | None = None, **query: Any
) -> httpx.Response:
    headers = live.headers("ops") | ({} if version is None else {"If-Match": f'"{version}"'})
    return await live.client.put(f"/v1/types/{path}", json=body, headers=headers, params=query)


def booked(type_: str, **data: Any) -> dict[str, Any]:
    return {"id": str(uuid7()), "source": "/hotel", "type": type_, "data": data}


async def test_an_enforced_schema_holds_for_the_next_event(live: Contact) -> None:
    type_ = new_type()
    assert (await live.post(booked(type_, room=7))).status_code == 202
    declared = await put(live, f"{type_}/schema", ENFORCED)
    assert (declared.status_code, declared.headers["etag"]) == (200, '"1"')
    refused = await live.post(booked(type_, room=7))
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/data/room"
    assert (await live.post(booked(type_, room="7"))).status_code == 202
    taken = await live.client.delete(
        f"/v1/types/{type_}/schema", headers=live.headers("ops") | {"If-Match": '"1"'}
    )
    assert (taken.status_code, taken.json()["document"]) == (200, None)
    assert (await live.post(booked(type_, room=7))).status_code == 202


async def test_what_an_enforced_schema_refuses_is_in_the_quarantine(live: Contact) -> None:
    type_ = new_type()
    await put(live, f"{type_}/schema", ENFORCED)
    good, bad = booked(type_, room="7"), booked(type_, room=7)
    results = (await live.post([good, bad])).json()["results"]
    assert [one["status"] for one in results] == ["accepted", "refused"]
    await fold_all(live)
    listed = (await live.get("/v1/quarantine", code="schema", limit=200))["data"]
    kept = [await live.get(f"/v1/quarantine/{one['id']}") for one in listed]
    assert msgspec.json.encode(bad) in [base64.b64decode(one["bytes"]) for one in kept]


async def test_another_process_knows_within_the_bound(live: Contact) -> None:
    type_ = new_type()
    transport = httpx.ASGITransport(app=SERVICE.app(live.site))
    async with httpx.AsyncClient(transport=transport, base_url="http://other") as other:
        await put(live, f"{type_}/schema", ENFORCED)
        answer = await other.post(
            "/v1/events", json=booked(type_, room=7), headers=live.headers("ingest")
        )
    assert answer.status_code == 422


async def test_a_version_is_replaced_only_by_who_saw_it(live: Contact) -> None:
    type_ = new_type()
    path = f"{type_}/schema"
    assert (await put(live, path, OBSERVED, version=1)).status_code == 412
    assert (await put(live, path, OBSERVED)).json()["version"] == 1
    assert (await put(live, path, OBSERVED)).json()["version"] == 1  # nothing new
    assert (await put(live, path, ENFORCED)).status_code == 428
    assert (await put(live, path, ENFORCED, version=2)).status_code == 412
    assert (await put(live, path, ENFORCED, version=1)).json()["version"] == 2
    versions = (await live.get(f"/v1/types/{type_}"))["schema"]
    assert [one["document"]["mode"] for one in versions] == ["observe", "enforce"]
    assert {one["actor"] for one in versions} == {"service:ops"}


async def test_of_writers_at_once_one_wins(live: Contact) -> None:
    path = f"{new_type()}/schema"
    await put(live, path, OBSERVED)
    changes = [{"schema": {"type": "object", "title": str(n)}, "mode": "observe"} for n in range(8)]
    answers = await asyncio.gather(*(put(live, path, one, version=1) for one in changes))
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 7]


async def test_a_mapping_holds_for_what_comes_in_from_then_on(live: Contact) -> None:
    type_, mail = new_type(), f"{uuid7()}@example.com"
    body = {**SOLD, "id": str(uuid7()), "customer": {"mail": mail}}
    event = {"specversion": "1.0", "id": str(uuid7()), "source": "/s", "type": type_, "data": body}
    media = "application/cloudevents+json"
    before = await live.send(msgspec.json.encode(event | {"id": str(uuid7())}), media)
    tried = await put(live, f"{type_}/mapping", ORDER, dry_run="true")
    assert tried.json()["checked"] == 0  # nothing folded yet
    await fold_all(live)
    tried = await put(live, f"{type_}/mapping", ORDER, dry_run="true")
    assert (tried.json()["checked"], tried.json()["failing"]) == (1, 0)
    assert tried.json()["examples"][0]["record"]["data"]["order"] == body["id"]
    assert (await live.get(f"/v1/types/{type_}"))["mapping"] == []
    assert (await put(live, f"{type_}/mapping", ORDER)).status_code == 200
    after = await live.send(msgspec.json.encode(event), media)
    kept, mapped = [
        msgspec.json.decode((await live.at(answer.json()["position"])).value)
        for answer in (before, after)
    ]
    assert (kept["type"], kept["data"]["id"]) == (type_, body["id"])
    assert (mapped["type"], mapped["data"]["order"]) == ("order.placed", body["id"])
    assert mapped["data"]["body"] == body


async def test_a_dry_run_says_how_many_fail_and_why(live: Contact) -> None:
    type_ = new_type()
    events = [booked(type_, room="7"), booked(type_, room=7), booked(type_, room=8), booked(type_)]
    await live.post(events)
    await fold_all(live)
    answer = (await put(live, f"{type_}/schema", ENFORCED, dry_run="true")).json()
    assert (answer["checked"], answer["failing"]) == (4, 3)
    reasons = {one["pointer"]: one["events"] for one in answer["reasons"]}
    assert reasons == {"/data/room": 2, "/data": 1}
    assert (await live.post(booked(type_, room=7))).status_code == 202  # nothing was declared


async def test_a_type_shows_its_fields_and_an_example(live: Contact) -> None:
    type_ = new_type()
    await live.post([booked(type_, room="7"), booked(type_, room=7, guest={"name": "Jane"})])
    await fold_all(live)
    found = await live.get(f"/v1/types/{type_}")
    fields = {one["field"]: one["types"] for one in found["observed"]["fields"]}
    assert fields == {
        "/room": ["integer", "string"],
        "/guest": ["object"],
        "/guest/name": ["string"],
    }
    assert found["example"]["type"] == type_
    listed = await live.all_pages("/v1/types", 2, undeclared="true")
    assert type_ in {one["type"] for one in listed}
    await put(live, f"{type_}/schema", OBSERVED)
    listed = await live.all_pages("/v1/types", 2, undeclared="true")
    assert type_ not in {one["type"] for one in listed}
    listed = await live.all_pages("/v1/types", 2)
    assert {"version": 1, "mode": "observe"} in [
        one["schema"] for one in listed if one["type"] == type_
    ]


async def test_what_cannot_be_declared_is_said(live: Contact) -> None:
    for path, body, status, pointer in (
        ("x/schema", {"schema": {"type": "thing"}, "mode": "observe"}, 422, "/schema"),
        ("x/schema", {"schema": {}, "mode": "maybe"}, 422, "/mode"),
        ("x/mapping", {"type": "com.example.x"}, 422, "/type"),
        ("order.placed/mapping", {"type": "order.placed"}, 422, "/type"),
        ("x/mapping", {"type": "order.placed", "fields": {"order": "no"}}, 422, "/fields"),
    ):
        answer = await put(live, path, body)
        assert answer.status_code == status, answer.text
        assert answer.json()["errors"][0]["pointer"].startswith(pointer)
    for scope in ("ingest", "read", "write"):
        answer = await live.client.get("/v1/types", headers=live.headers(scope))
        assert answer.status_code == 403
    headers = live.headers("ops")
    assert (await live.client.get("/v1/types/no.such", headers=headers)).status_code == 404
    gone = await live.client.delete("/v1/types/no.such/schema", headers=headers)
    assert gone.status_code == 404
